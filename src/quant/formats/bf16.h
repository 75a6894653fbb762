// SPDX-License-Identifier: Apache-2.0
/// BF16: the upper half of a float32.
struct BF16 {
  static constexpr int kType = 30, kWeights = 1, kBytes = 2, kGroup = 0;
  static inline void widen(const std::uint8_t* from, std::int64_t n, float* out) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = float_of(u16_at(from + 2 * i) << 16);
  }
};
