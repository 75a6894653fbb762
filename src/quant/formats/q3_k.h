// SPDX-License-Identifier: Apache-2.0
/// Q3_K: 256 weights in 110 bytes: 32 bytes of high bits (bit k of byte i: weight i + 32 k); 64 bytes of
/// 2-bit q as in Q2_K; 12 bytes of 16 six-bit scales (4 low bits in byte s % 8, upper half for s >= 8; 2 high
/// bits in byte 8 + s % 4); half d. weight = d * (scale - 32) * (q - (high ? 0 : 4)).
struct Q3_K {
  static constexpr int kType = 11, kWeights = 256, kBytes = 110, kGroup = 16;
  static constexpr bool kPlain = false, kSigned = true;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    const float d = half_at(block + 108);
    const std::uint8_t* scales = block + 96;
    for (int s = 0; s < 16; ++s) {
      const int low = s < 8 ? scales[s] & 15 : scales[s - 8] >> 4;
      scale[s] = d * static_cast<float>((low | (scales[8 + s % 4] >> 2 * (s / 4) & 3) << 4) - 32);
    }
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int part = 0; part < 8; ++part)
      for (int i = 0; i < 32; i += 16) {
        const Bytes low = load_bytes(block + 32 + part / 4 * 32 + i) >> 2 * (part % 4) & 3;
        const Bytes high = (load_bytes(block + i) >> part & 1) << 2;
        store_bytes(q + 32 * part + i, low + high - 4);
      }
  }
};
