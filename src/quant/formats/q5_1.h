// SPDX-License-Identifier: Apache-2.0
/// Q5_1: 32 weights in 24 bytes: half d, half m; 32 high bits; 16 bytes q. weight = d * (q + 16 * high) + m.
struct Q5_1 {
  static constexpr int kType = 7, kWeights = 32, kBytes = 24, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = false;
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    const std::uint32_t high = u32_at(block + 4);
    const Bytes both = load_bytes(block + 8);
    store_bytes(q, (both & 15) | bits_to_bytes(high, 16));
    store_bytes(q + 16, (both >> 4) | bits_to_bytes(high >> 16, 16));
  }
};
