// SPDX-License-Identifier: Apache-2.0
/// Q2_K: 256 weights in 84 bytes: 16 bytes scales (low 4 bits: scale, high: minimum, one for 16 weights); 64
/// bytes of 2-bit q; half d, half dmin. In each half of 128 weights, byte i of 32 holds weights i, i+32,
/// i+64, i+96. weight = d * scale * q - dmin * minimum.
struct Q2_K {
  static constexpr int kType = 10, kWeights = 256, kBytes = 84, kGroup = 16;
  static constexpr bool kPlain = false, kSigned = false;
  static inline void scales(const std::uint8_t* block, float* scale, float* minimum) {
    const float d = half_at(block + 80), dmin = half_at(block + 82);
    for (int j = 0; j < 16; ++j) {
      scale[j] = d * static_cast<float>(block[j] & 15);
      minimum[j] = -(dmin * static_cast<float>(block[j] >> 4));
    }
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int part = 0; part < 8; ++part)
      for (int i = 0; i < 32; i += 16)
        store_bytes(q + 32 * part + i, load_bytes(block + 16 + part / 4 * 32 + i) >> 2 * (part % 4) & 3);
  }
};
