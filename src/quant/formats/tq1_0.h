// SPDX-License-Identifier: Apache-2.0
/// TQ1_0: 256 weights in 54 bytes, five base-3 digits in a byte, as a fraction of 256: the k-th is byte * 3^k
/// * 3 / 256, of its low 8 bits each time. Byte i of the first 32 holds weights i + 32 k, byte i of the next
/// 16 weights 160 + i + 16 k, byte i of the next 4 (four digits) weights 240 + i + 4 k; half d. weight = d *
/// (digit - 1).
struct TQ1_0 {
  static constexpr int kType = 34, kWeights = 256, kBytes = 54, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -1;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    same_scales<8>(half_at(block + 52), scale);
  }
  /// The digits that stand first in 16 bytes, less 1.
  static inline Bytes first_digits(Bytes bytes) {
    const auto one = reinterpret_cast<Bytes>(bytes >= 86), two = reinterpret_cast<Bytes>(bytes >= 171);
    return 255 - one - two;  // each 255 where it holds
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    Bytes bytes[3] = {load_bytes(block), load_bytes(block + 16), load_bytes(block + 32)};
    for (int k = 0; k < 5; ++k) {
      store_bytes(q + 32 * k, first_digits(bytes[0]));
      store_bytes(q + 32 * k + 16, first_digits(bytes[1]));
      store_bytes(q + 160 + 16 * k, first_digits(bytes[2]));
      for (Bytes& each : bytes) each *= 3;
    }
    Bytes last = {};
    __builtin_memcpy(&last, block + 48, 4);
    for (int k = 0; k < 4; ++k, last *= 3) {
      const Bytes digits = first_digits(last);
      __builtin_memcpy(q + 240 + 4 * k, &digits, 4);
    }
  }
};
