// SPDX-License-Identifier: Apache-2.0
/// Q6_K: 256 weights in 210 bytes: 128 bytes low 4 bits, 64 bytes high 2 bits, 16 signed scales, half d. In
/// each half of 128: low byte i of 64 holds weight i and i + 64; high byte i of 32 holds i, i + 32, i + 64, i
/// + 96. weight = d * scale * (q - 32).
struct Q6_K {
  static constexpr int kType = 14, kWeights = 256, kBytes = 210, kGroup = 16;
  static constexpr bool kPlain = false, kSigned = true;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    const float d = half_at(block + 208);
    for (int j = 0; j < 16; ++j) scale[j] = d * static_cast<float>(static_cast<std::int8_t>(block[192 + j]));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int part = 0; part < 8; ++part)
      for (int i = 0; i < 32; i += 16) {
        const Bytes low = load_bytes(block + part / 4 * 64 + part % 2 * 32 + i) >> part % 4 / 2 * 4 & 15;
        const Bytes high = load_bytes(block + 128 + part / 4 * 32 + i) >> 2 * (part % 4) & 3;
        store_bytes(q + 32 * part + i, (low | high << 4) - 32);
      }
  }
};
