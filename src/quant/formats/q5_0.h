// SPDX-License-Identifier: Apache-2.0
/// Q5_0: 32 weights in 22 bytes: half d; 32 high bits (bit i is weight i's); 16 bytes q as in Q4_0.
/// weight = d * (q + 16 * high - 16).
struct Q5_0 {
  static constexpr int kType = 6, kWeights = 32, kBytes = 22, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = true;
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    const std::uint32_t high = u32_at(block + 2);
    const Bytes both = load_bytes(block + 6);
    store_bytes(q, ((both & 15) | bits_to_bytes(high, 16)) - 16);
    store_bytes(q + 16, ((both >> 4) | bits_to_bytes(high >> 16, 16)) - 16);
  }
};
