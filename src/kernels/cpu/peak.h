// SPDX-License-Identifier: Apache-2.0
/// What the instruction set can do at most: multiply-adds on registers alone, and reading memory. Nothing
/// else in a loop, and enough independent sums that none waits for itself.
// (no include guard: each instruction set compiles its own copy)

/// n rounds of float multiply-adds; returns their floating-point operations.
static double spin_f32(std::int64_t n) {
#ifdef RW_NEON
  constexpr int kSums = 6;
#else
  constexpr int kSums = kParts == 1 ? 12 : kParts == 2 ? 5 : 3;
#endif
  Vec sums[kSums], x = splat(0.5f);
  RW_UNROLL for (int s = 0; s < kSums; ++s) sums[s] = splat(1.0f);
  for (std::int64_t i = 0; i < n; ++i) {
    RW_UNROLL for (int s = 0; s < kSums; ++s) {
      sums[s] = sums[s] * x + x;
      RW_UNROLL for (int p = 0; p < kParts; ++p) __asm__ volatile("" : RW_IN_REGISTER(sums[s].part[p]));
    }
  }
  return static_cast<double>(n) * kSums * kLanes * 2;
}

#ifdef __AVX512BF16__
/// The same with vdpbf16ps.
static double spin_bf16(std::int64_t n) {
  constexpr int kSums = 12;
  __m512 sums[kSums];
  const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f00));  // 0.5
  RW_UNROLL for (int s = 0; s < kSums; ++s) sums[s] = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < n; ++i) RW_UNROLL for (int s = 0; s < kSums; ++s) {
      sums[s] = _mm512_dpbf16_ps(sums[s], x, x);
      __asm__ volatile("" : "+x"(sums[s]));
    }
  return static_cast<double>(n) * kSums * kLanes * 4;
}
#elif defined(RW_NEON) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
/// The same with bfmmla.
static double spin_bf16(std::int64_t n) {
  constexpr int kSums = 16;
  float32x4_t sums[kSums];
  const float32x4_t half = vdupq_n_f32(0.5f);
  const bfloat16x8_t x = vcvtq_high_bf16_f32(vcvtq_low_bf16_f32(half), half);
  RW_UNROLL for (int s = 0; s < kSums; ++s) sums[s] = vdupq_n_f32(0);
  for (std::int64_t i = 0; i < n; ++i) RW_UNROLL for (int s = 0; s < kSums; ++s) {
      sums[s] = vbfmmlaq_f32(sums[s], x, x);
      __asm__ volatile("" : RW_IN_REGISTER(sums[s]));
    }
  return static_cast<double>(n) * kSums * 16 * 2;
}
#endif

/// Reads n floats, a multiple of 64; returns what keeps the compiler from leaving it out.
static float read_floats(const float* p, std::int64_t n) {
  Vec sums[4] = {splat(0.0f), splat(0.0f), splat(0.0f), splat(0.0f)};
  for (std::int64_t i = 0; i < n; i += 64)
    RW_UNROLL for (int s = 0; s < 4; ++s) sums[s] = sums[s] + load(p + i + 16 * s);
  return reduce_add((sums[0] + sums[1]) + (sums[2] + sums[3]));
}
