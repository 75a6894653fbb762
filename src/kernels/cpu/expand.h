// SPDX-License-Identifier: Apache-2.0
/// Weights of 16 rows as products for many rows of x read them: panels, in which the 16 weights of one input
/// stand together. Rows that are missing are zeros.
// (no include guard: each instruction set compiles its own copy)

/// out (n) = weights [at, at + n) of a row. REQUIRES: at and n are multiples of the block.
template <class F>
RW_INLINE void widen_weights(const std::uint8_t* row, std::int64_t at, std::int64_t n, float* out) {
  if constexpr (F::kGroup == 0) {
    F::widen(row + at / F::kWeights * F::kBytes, n, out);
  } else {
    std::int8_t q[F::kWeights];
    float scale[F::kWeights / F::kGroup], minimum[F::kWeights / F::kGroup];
    for (std::int64_t b = 0; b < n / F::kWeights; ++b) {
      const std::uint8_t* block = row + (at / F::kWeights + b) * F::kBytes;
      F::unpack(block, q);
      block_scales<F>(block, scale, minimum);
      for (int g = 0; g < F::kWeights / F::kGroup; ++g) {
        float* to = out + b * F::kWeights + g * F::kGroup;
        for (int i = 0; i < F::kGroup; ++i) {
          const float product =
              scale[g] * static_cast<float>(q[g * F::kGroup + i]);  // exact before a minimum
          to[i] = F::kSigned ? product : product + minimum[g];
        }
      }
    }
  }
}

/// to (16 columns, 16 rows) = from (16 rows at stride, 16 columns).
RW_INLINE void transpose_bytes(const std::int8_t* from, std::int64_t stride, std::int8_t* to) {
  Bytes a[16], b[16];
  RW_UNROLL for (int i = 0; i < 16; ++i) __builtin_memcpy(&a[i], from + i * stride, 16);
  RW_UNROLL for (int step = 0; step < 4; ++step) {  // rows i and i + 8 are interleaved, four times
    RW_UNROLL for (int i = 0; i < 8; ++i) {
      b[2 * i] =
          __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14,
                                             30, 15, 31);
    }
    RW_UNROLL for (int i = 0; i < 16; ++i) a[i] = b[i];
  }
  RW_UNROLL for (int i = 0; i < 16; ++i) __builtin_memcpy(to + 16 * i, &a[i], 16);
}

/// One block of each of 16 rows, turned while its weights are bytes: a quarter of what turning floats takes.
template <class F>
struct TurnedBlock {
  static constexpr int kGroups = F::kWeights / F::kGroup;
  std::int8_t q[16 * F::kWeights] = {}, turned[F::kWeights * 16];
  float scale[kGroups * 16] = {}, minimum[kGroups * 16] = {};

  RW_MEMBER void read(const Expansion& e, std::int64_t block) {
    const std::int64_t ahead = 16 * (e.n_in / F::kWeights) * F::kBytes;  // the next 16 rows, mostly
    for (int r = 0; r < e.n_rows; ++r) {
      const std::uint8_t* p = e.rows[r] + block * F::kBytes;
      for (int line = 0; line < F::kBytes; line += 64) __builtin_prefetch(p + ahead + line);
      F::unpack(p, q + r * F::kWeights);
      float scales[kGroups], minima[kGroups];
      block_scales<F>(p, scales, minima);
      for (int g = 0; g < kGroups; ++g) {
        scale[g * 16 + r] = scales[g];
        if constexpr (!F::kSigned) minimum[g * 16 + r] = minima[g];
      }
    }
    for (int i = 0; i < F::kWeights; i += 16) transpose_bytes(q + i, F::kWeights, turned + i * 16);
  }
  /// The weights of 16 rows for input i. scale * q is exact, so that a multiply-add rounds as often.
  RW_MEMBER Vec column(int i) const {
    const int g = i / F::kGroup * 16;
    const Vec product = from_int8(turned + i * 16) * load(scale + g);
    if constexpr (F::kSigned)
      return product;
    else
      return product + load(minimum + g);
  }
};

template <class F, bool kRounded>
RW_INLINE void floats_of_blocks(const Expansion& e) {
  TurnedBlock<F> block;
  auto* to = static_cast<float*>(e.panel);
  for (std::int64_t b = 0; b < e.n_in / F::kWeights; ++b) {
    block.read(e, b);
    for (int i = 0; i < F::kWeights; ++i, to += 16) {
      Vec v = block.column(i);
      if constexpr (kRounded) v = as_floats(rounded_bf16(v));
      store(to, v);
    }
  }
}

template <class F>
RW_INLINE void pairs_of_blocks(const Expansion& e) {
  TurnedBlock<F> block;
  auto* to = static_cast<float*>(e.panel);
  for (std::int64_t b = 0; b < e.n_in / F::kWeights; ++b) {
    block.read(e, b);
    for (int i = 0; i < F::kWeights; i += 2, to += 16)
      store(to,
            as_floats(shift_right<16>(rounded_bf16(block.column(i))) | rounded_bf16(block.column(i + 1))));
  }
}

// ---- formats of floats: rows are read part by part, and turned as 32-bit words

constexpr std::int64_t kExpandPart = 256;  // 16 rows of it stay in L1

/// Calls body(at, n, w) for parts [at, at + n) of the inputs, w (16, kExpandPart) holding their weights, zero
/// beyond n and for missing rows.
template <class F, class Body>
RW_INLINE void for_parts(const Expansion& e, Body body) {
  float w[16 * kExpandPart];
  for (std::int64_t i = 0; i < 16 * kExpandPart; ++i) w[i] = 0;
  for (std::int64_t at = 0; at < e.n_in; at += kExpandPart) {
    const std::int64_t n = e.n_in - at < kExpandPart ? e.n_in - at : kExpandPart;
    for (int r = 0; r < e.n_rows; ++r) {
      widen_weights<F>(e.rows[r], at, n, w + r * kExpandPart);
      for (std::int64_t i = n; i < kExpandPart; ++i) w[r * kExpandPart + i] = 0;
    }
    body(at, n, w);
  }
}

template <class F, bool kRounded>
RW_INLINE void floats_of_rows(const Expansion& e) {
  for_parts<F>(
      e, [&](std::int64_t at, std::int64_t n, const float* w) __attribute__((always_inline)) {
        std::uint32_t words[16 * 16], turned[16 * 16];
        for (std::int64_t i = 0; i < n; i += 16) {
          for (int r = 0; r < 16; ++r) {
            Vec v = load(w + r * kExpandPart + i);
            if constexpr (kRounded) v = as_floats(rounded_bf16(v));
            __builtin_memcpy(words + 16 * r, &v, 64);
          }
          transpose(words, 16, turned);
          const std::int64_t width = n - i < 16 ? n - i : 16;
          __builtin_memcpy(static_cast<float*>(e.panel) + (at + i) * 16, turned,
                           static_cast<unsigned long>(width) * 64);
        }
      });
}

template <class F>
RW_INLINE void pairs_of_rows(const Expansion& e) {
  for_parts<F>(
      e, [&](std::int64_t at, std::int64_t n, const float* w) __attribute__((always_inline)) {
        std::uint32_t pairs[16 * 16], turned[16 * 16];
        for (std::int64_t i = 0; i < n; i += 32) {
          for (int r = 0; r < 16; ++r) {
            store_bf16(reinterpret_cast<std::uint16_t*>(pairs + 16 * r), load(w + r * kExpandPart + i));
            store_bf16(reinterpret_cast<std::uint16_t*>(pairs + 16 * r + 8),
                       load(w + r * kExpandPart + i + 16));
          }
          transpose(pairs, 16, turned);
          const std::int64_t width = n - i < 32 ? (n - i + 1) / 2 : 16;
          __builtin_memcpy(static_cast<std::uint16_t*>(e.panel) + (at + i) * 16, turned,
                           static_cast<unsigned long>(width) * 64);
        }
      });
}

// ---- panels of every format

/// Panels of floats, which are rounded to bfloat16 or not.
template <class F, bool kRounded>
static void expand_floats(const Expansion& e) {
  if constexpr (F::kGroup != 0)
    floats_of_blocks<F, kRounded>(e);
  else
    floats_of_rows<F, kRounded>(e);
}

/// Panels of pairs of bfloat16.
template <class F>
static void expand_pairs(const Expansion& e) {
  if constexpr (F::kGroup != 0)
    pairs_of_blocks<F>(e);
  else
    pairs_of_rows<F>(e);
}
