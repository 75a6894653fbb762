// SPDX-License-Identifier: Apache-2.0
/// PQ2_0: 128 weights in 34 bytes, else as Q2_0: of the fork that Q2_0 comes from (PrismML's llama.cpp),
/// which wrote it under Q2_0's id, 42, before it had one of its own. Which of the two a file with 42 has is
/// told by where its tensors lie (formats/gguf.cpp).
struct PQ2_0 : OfTwoBits<PQ2_0> {
  static constexpr int kType = 142, kWeights = 128, kBytes = 34, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -1;
};
