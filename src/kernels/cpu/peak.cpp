// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <vector>

#include "core/context.h"
#include "kernels/cpu/isa.h"
#include "kernels/kernels.h"

namespace rw {
namespace {

double seconds_of(const auto& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The best of three rounds of some 50 ms on all threads.
double peak_flops(Context& context, double (*spin)(std::int64_t)) {
  if (spin == nullptr) return 0;
  double best = 0;
  std::int64_t n = 1000;
  while (seconds_of([&] { spin(n); }) < 0.02) n *= 2;
  for (int round = 0; round < 3; ++round) {
    std::vector<double> flop(static_cast<std::size_t>(context.threads()));
    const double seconds = seconds_of([&] {
      context.parallel_for(context.threads(),
                           [&](Index i, int) { flop[static_cast<std::size_t>(i)] = spin(2 * n); });
    });
    double sum = 0;
    for (double each : flop) sum += each;
    best = std::max(best, sum / seconds);
  }
  return best;
}

double peak_read(Context& context, const cpu::Isa& isa) {
  constexpr Index kBytes = Index{256} << 20, kPart = Index{1} << 20;
  const auto memory = context.pages().take(kBytes);
  context.parallel_for(kBytes / 4096, [&](Index page, int) { memory.get()[page * 4096] = std::byte{1}; });
  const auto* floats = reinterpret_cast<const float*>(memory.get());
  double best = 0;
  for (int round = 0; round < 4; ++round) {
    const double seconds = seconds_of([&] {
      context.parallel_for(kBytes / kPart, [&](Index part, int) {
        volatile float sink = isa.read_floats(floats + part * kPart / 4, kPart / 4);
        (void)sink;
      });
    });
    best = std::max(best, static_cast<double>(kBytes) / seconds);
  }
  return best;
}

}  // namespace

MachinePeaks measure_peaks(Context& context) {
  const cpu::Isa& isa = cpu::find_isa(context.isa().c_str());
  return {peak_flops(context, isa.spin_f32), peak_flops(context, isa.spin_bf16),
          peak_flops(context, isa.spin_tiles), peak_read(context, isa)};
}

}  // namespace rw
