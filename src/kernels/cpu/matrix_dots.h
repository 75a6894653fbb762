// SPDX-License-Identifier: Apache-2.0
/// <weights, x> by smmla: two rows of eight bytes times two columns of them, to four whole numbers. A group's
/// sum is a whole number, exact in any order; times its scale it goes to lane g % 4, so that a row of x has
/// the same bits in a pair of rows (smmla) and alone (sdot).
// (no include guard: each instruction set compiles its own copy)

/// scale (n_groups, rounded up to 16) = the weights' scales times those of x; returns what the minima add,
/// before the lanes are added.
template <class F>
RW_INLINE Vec group_scales(const UnpackedPart& part, const QuantisedRow& x, std::int64_t first,
                           std::int64_t n_groups, float* scales) {
  constexpr int kSize = F::kGroup / 32;  // index of the group's size in x
  Vec sum = splat(0.0f);
  for (std::int64_t g = 0; g < n_groups; g += kLanes) {
    Vec scale, minimum;
    sixteen_scales<F>(part, g, scale, minimum);
    store(scales + g, scale * load(x.scale[kSize] + first + g));
    if constexpr (!F::kSigned) sum = sum + minimum * load(x.sum[kSize] + first + g);
  }
  return sum;
}

/// The sum of a group's products, over 4 lanes.
template <int kGroup>
RW_INLINE int32x4_t group_quads(const std::int8_t* w, const std::int8_t* x) {
  int32x4_t sum = quads(vld1q_s8(w), vld1q_s8(x));
  if constexpr (kGroup == 32) sum = vdotq_s32(sum, vld1q_s8(w + 16), vld1q_s8(x + 16));
  return sum;
}

/// <weights, x> over n inputs (at most kQuantPart) from input `at` of x, before the lanes are added.
template <class F>
RW_INLINE Vec quantised_part(const UnpackedPart& part, const QuantisedRow& x, std::int64_t at,
                             std::int64_t n) {
  constexpr int kGroup = F::kGroup;
  const std::int64_t n_groups = n / kGroup;
  float scale[kQuantPart / 16 + 16];
  Vec sum = group_scales<F>(part, x, at / kGroup, n_groups, scale);
  RW_UNROLL for (int i = 0; i < 3; ++i) scale[n_groups + i] = 0;  // lanes that the last groups leave empty
  const std::int8_t *w = part.q, *q = x.q + at;
  float32x4_t lanes = vdupq_n_f32(0);
  const auto add = [&](std::int64_t g, int n_left) __attribute__((always_inline)) {
    int32x4_t each[4];
    RW_UNROLL for (int i = 0; i < 4; ++i) each[i] =
        i < n_left ? group_quads<kGroup>(w + (g + i) * kGroup, q + (g + i) * kGroup) : vdupq_n_s32(0);
    const int32x4_t sums = vpaddq_s32(vpaddq_s32(each[0], each[1]), vpaddq_s32(each[2], each[3]));
    lanes = vfmaq_f32(lanes, vcvtq_f32_s32(sums), vld1q_f32(scale + g));
  };
  std::int64_t g = 0;
  for (; g + 4 <= n_groups; g += 4) add(g, 4);
  if (g < n_groups) add(g, static_cast<int>(n_groups - g));
  sum.part[0] = sum.part[0] + lanes;
  return sum;
}

/// Parts of two rows of weights, eight bytes of each in turns.
struct PairedPart {
  UnpackedPart part[2];
  std::int8_t q[2 * kQuantPart];

  RW_MEMBER void interleave(std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += 8) {
      __builtin_memcpy(q + 2 * i, part[0].q + i, 8);
      __builtin_memcpy(q + 2 * i + 8, part[1].q + i, 8);
    }
  }
};

/// The same for both rows of weights and two rows of x: sums (weights)(x).
template <class F>
RW_INLINE void quantised_pairs(const PairedPart& w, const QuantisedRow* x, std::int64_t at, std::int64_t n,
                               Vec (&sums)[2][2]) {
  constexpr int kGroup = F::kGroup;
  const std::int64_t n_groups = n / kGroup;
  float scale[2][2][kQuantPart / 16 + 16];
  RW_UNROLL for (int r = 0; r < 2; ++r) RW_UNROLL for (int e = 0; e < 2; ++e) sums[r][e] =
      group_scales<F>(w.part[r], x[e], at / kGroup, n_groups, scale[r][e]);
  float32x4_t lanes[4];  // of each lane both rows' sums for both x
  RW_UNROLL for (int i = 0; i < 4; ++i) lanes[i] = vdupq_n_f32(0);
  const auto add = [&](std::int64_t g, int i) __attribute__((always_inline)) {
    int32x4_t sum = vdupq_n_s32(0);
    RW_UNROLL for (int part = 0; part < kGroup; part += 16) {
      const std::int64_t from = (g + i) * kGroup + part;
      const int64x2_t first = vreinterpretq_s64_s8(vld1q_s8(x[0].q + at + from)),
                      second = vreinterpretq_s64_s8(vld1q_s8(x[1].q + at + from));
      sum = vmmlaq_s32(sum, vld1q_s8(w.q + 2 * from), vreinterpretq_s8_s64(vzip1q_s64(first, second)));
      sum = vmmlaq_s32(sum, vld1q_s8(w.q + 2 * from + 16), vreinterpretq_s8_s64(vzip2q_s64(first, second)));
    }
    const float32x4_t scales = {scale[0][0][g + i], scale[0][1][g + i], scale[1][0][g + i],
                                scale[1][1][g + i]};
    lanes[i] = vfmaq_f32(lanes[i], vcvtq_f32_s32(sum), scales);
  };
  std::int64_t g = 0;
  for (; g + 4 <= n_groups; g += 4) RW_UNROLL for (int i = 0; i < 4; ++i) add(g, i);
  RW_UNROLL for (int i = 0; i < 3; ++i) if (g + i < n_groups) add(g, i);
  float turned[16];
  RW_UNROLL for (int i = 0; i < 4; ++i) vst1q_f32(turned + 4 * i, lanes[i]);
  const float32x4x4_t of = vld4q_f32(turned);
  RW_UNROLL for (int r = 0; r < 2; ++r) RW_UNROLL for (int e = 0; e < 2; ++e) sums[r][e].part[0] =
      sums[r][e].part[0] + of.val[2 * r + e];
}
