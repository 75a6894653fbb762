// SPDX-License-Identifier: Apache-2.0
/// F32: float32, as it is.
struct F32 {
  static constexpr int kType = 0, kWeights = 1, kBytes = 4, kGroup = 0;
  static inline void widen(const std::uint8_t* from, std::int64_t n, float* out) {
    __builtin_memcpy(out, from, static_cast<unsigned long>(n) * 4);
  }
};
