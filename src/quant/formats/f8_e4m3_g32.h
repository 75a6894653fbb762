// SPDX-License-Identifier: Apache-2.0
/// F8_E4M3_G32, of no file: 32 weights in 36 bytes: float d; 32 bytes q of F8_E4M3. weight = d * q. What
/// folders that keep scales beside F8_E4M3 become (formats/packed.h).
struct F8_E4M3_G32 {
  static constexpr int kType = -3, kWeights = 32, kBytes = 36, kGroup = 0;
  static inline void widen(const std::uint8_t* from, std::int64_t n, float* out) {
    for (std::int64_t i = 0; i < n; i += kWeights, from += kBytes)
      F8_E4M3::widen_scaled(from + 4, kWeights, float_of(u32_at(from)), out + i);
  }
};
