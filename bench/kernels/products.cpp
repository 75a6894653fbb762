// SPDX-License-Identifier: Apache-2.0
#include "cases.h"
#include "quant/format.h"

namespace rw::cpu {
namespace {

void product(State& state, const Isa& isa, bool bf16, std::int64_t n_rows) {
  constexpr std::int64_t kIn = 576, kPanels = 4;
  const bool pairs = bf16 && !isa.wide_bf16;
  const auto x = elements(static_cast<std::size_t>(n_rows * kIn), pairs, 1),
             w = elements(kPanels * 16 * kIn, pairs, 2);
  Buffer<float> y(n_rows * kPanels * 16);
  for (auto _ : state) {
    (bf16 ? isa.product_bf16 : isa.product_f32)({.x = x.data(),
                                                 .w = w.data(),
                                                 .bias = nullptr,
                                                 .y = y.data(),
                                                 .add = false,
                                                 .scale = 1,
                                                 .x_tiled = bf16 && isa.tiled_rows,
                                                 .n_rows = n_rows,
                                                 .n_in = kIn,
                                                 .n_out = kPanels * 16,
                                                 .x_stride = kIn,
                                                 .y_stride = kPanels * 16,
                                                 .panel_begin = 0,
                                                 .panel_end = kPanels});
    benchmark::ClobberMemory();
  }
  per_second(state, "flop/s", 2.0 * static_cast<double>(n_rows * kIn) * kPanels * 16);
}

constexpr std::int64_t kIn = 2048;  // a multiple of every block
constexpr int kOut = 64;

/// kOut rows of weights of a format; any bits do but for the scales, which must be numbers.
struct WeightBench {
  explicit WeightBench(const WeightFormat& format)
      : row_bytes(static_cast<std::size_t>(kIn / format.block_size * format.block_bytes)),
        bytes(kOut * row_bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 % 60);
    for (std::size_t r = 0; r < kOut; ++r) rows.push_back(bytes.data() + r * row_bytes);
  }
  std::size_t row_bytes;
  std::vector<std::uint8_t> bytes;
  std::vector<const std::uint8_t*> rows;
};

void expand(State& state, void (*kernel)(const Expansion&), const WeightFormat& format) {
  const WeightBench bench(format);
  std::vector<float> panel(16 * kIn);
  for (auto _ : state) {
    kernel({.rows = bench.rows.data(), .n_rows = 16, .n_in = kIn, .panel = panel.data()});
    benchmark::ClobberMemory();
  }
  per_second(state, "weights/s", 16.0 * kIn);
}

void dots(State& state, const Isa& isa, const WeightFormat& format) {
  const WeightBench bench(format);
  const WeightKernels kernels = isa.weights(format.ggml_type);
  const std::vector<float> x = normal_numbers(kIn);
  std::vector<std::int8_t> q(kIn);
  std::vector<std::int32_t> balance(kIn / 4);
  std::vector<float> factors(kIn / 4), y(kOut);
  const QuantisedRow row{q.data(),
                         balance.data(),
                         {factors.data(), factors.data() + kIn / 8},
                         {factors.data() + kIn / 16, factors.data() + kIn / 8 + kIn / 32}};
  isa.quantise(x.data(), kIn, row);
  const Dots d{.rows = bench.rows.data(),
               .n_in = kIn,
               .begin = 0,
               .end = kOut,
               .n_x = 1,
               .quantised = &row,
               .x = x.data(),
               .bias = nullptr,
               .y = y.data(),
               .y_stride = kOut,
               .add = false,
               .scale = 1};
  for (auto _ : state) {
    (kernels.dots_quantised != nullptr ? kernels.dots_quantised : kernels.dots_f32)(d);
    benchmark::ClobberMemory();
  }
  per_second(state, "weights/s", kOut * kIn);
  per_second(state, "bytes/s", static_cast<double>(bench.bytes.size()));
}

}  // namespace

void register_products(const Isa& isa) {
  const std::string name = std::string("/") + isa.name;
  for (const int rows : {16, 96, 512}) {
    const std::string size = name + "/" + std::to_string(rows);
    benchmark::RegisterBenchmark(("product_bf16" + size).c_str(), product, isa, true, rows);
    benchmark::RegisterBenchmark(("product_f32" + size).c_str(), product, isa, false, rows);
  }
  for (const WeightFormat& format : Registry<WeightFormat>::all()) {
    const std::string of = name + "/" + std::string(format.name);
    benchmark::RegisterBenchmark(("expand_bf16" + of).c_str(), expand,
                                 isa.weights(format.ggml_type).expand_bf16, format);
    benchmark::RegisterBenchmark(("dots" + of).c_str(),
                                 [&isa, format](State& state) { dots(state, isa, format); });
  }
}

}  // namespace rw::cpu
