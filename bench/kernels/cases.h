// SPDX-License-Identifier: Apache-2.0
/// What all cases of bench_kernels share.
#pragma once

#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "kernels/cpu/isa.h"

namespace rw::cpu {

using benchmark::Counter;
using benchmark::State;

inline std::vector<float> normal_numbers(std::size_t n, unsigned seed = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> result(n);
  for (float& x : result) x = normal(generator);
  return result;
}

/// The same as kernels read them: bfloat16 bits or floats.
inline Buffer<std::byte> elements(std::size_t n, bool bf16, unsigned seed) {
  const std::vector<float> numbers = normal_numbers(n, seed);
  Buffer<std::byte> bytes(static_cast<Index>(n * (bf16 ? 2 : 4)));
  if (bf16)
    kPortable.to_bf16(numbers.data(), reinterpret_cast<std::uint16_t*>(bytes.data()),
                      static_cast<std::int64_t>(n));
  else
    std::memcpy(bytes.data(), numbers.data(), n * sizeof(float));
  return bytes;
}

inline void per_second(State& state, const char* name, double each) {
  state.counters[name] = Counter(each, Counter::kIsIterationInvariantRate, Counter::kIs1000);
}

/// The cases of one instruction set.
void register_attention(const Isa& isa);
void register_products(const Isa& isa);
void register_rows(const Isa& isa);

}  // namespace rw::cpu
