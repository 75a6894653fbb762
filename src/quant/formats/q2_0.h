// SPDX-License-Identifier: Apache-2.0
/// Q2_0: 64 weights in 18 bytes: half d; 16 bytes of 2-bit q, weight i in bits 2 (i % 4) of byte i / 4.
/// weight = d * (q - 1). (The fork that it comes from has blocks of 128 under the same id: PQ2_0.)
struct Q2_0 : OfTwoBits<Q2_0> {
  static constexpr int kType = 42, kWeights = 64, kBytes = 18, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -1;
};
