// SPDX-License-Identifier: Apache-2.0
/// Rows into the cache and out of it: rotation, rounding, the layouts that kv_layer.h shows.
// (no include guard: each instruction set compiles its own copy)

RW_INLINE Vec load_some(const float* p, std::int64_t n) {
  if (n >= kLanes) return load(p);
  float lanes[kLanes] = {};
  for (std::int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
RW_INLINE void store_some(float* p, Vec v, std::int64_t n) {
  if (n >= kLanes) return store(p, v);
  float lanes[kLanes];
  store(lanes, v);
  for (std::int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

/// out (head_dim) = x in half-split pairs turned by cosine, sine (half), times gain; the other dims times
/// rest.
static void rotate_row(const RowRotation& r, const float* x, float* out) {
  for (int m = 0; m < r.half; m += kLanes) {
    const std::int64_t n = r.half - m;
    const Vec a = load_some(x + m, n), b = load_some(x + m + r.half, n);
    const Vec c = load_some(r.cosine + m, n), s = load_some(r.sine + m, n), gain = splat(r.gain);
    store_some(out + m, gain * (rounded_product(a, c) - rounded_product(b, s)), n);
    store_some(out + m + r.half, gain * (rounded_product(a, s) + rounded_product(b, c)), n);
  }
  for (int d = 2 * r.half; d < r.head_dim; ++d) out[d] = x[d] * r.rest;
}

/// 16 numbers of a rotated query.
RW_INLINE void store_query(const QueryRows& r, std::int64_t at, Vec v) {
  if (r.element == Element::kBf16 && r.wide)
    store(static_cast<float*>(r.to) + at, as_floats(rounded_bf16(v)));
  else if (r.element == Element::kBf16)
    store_bf16(static_cast<std::uint16_t*>(r.to) + at, v);
  else
    store(static_cast<float*>(r.to) + at, v);
}

/// Whole vectors only, each angle loaded once for all rows: the usual case.
static void rotate_whole_queries(const QueryRows& r) {
  const int dim = r.rotation.head_dim, half = r.rotation.half;
  const auto factor = [&r](float gain, int d) {
    return r.weight == nullptr ? splat(gain) : splat(gain) * load(r.weight + d);
  };
  for (int m = 0; m < half; m += kLanes) {
    const Vec c = load(r.rotation.cosine + m), s = load(r.rotation.sine + m);
    const Vec first = factor(r.rotation.gain, m), second = factor(r.rotation.gain, m + half);
    for (std::int64_t at = m; at < r.n_rows * dim; at += dim) {
      const Vec a = load(r.q + at), b = load(r.q + at + half);
      store_query(r, at, first * (rounded_product(a, c) - rounded_product(b, s)));
      store_query(r, at + half, second * (rounded_product(a, s) + rounded_product(b, c)));
    }
  }
  for (int d = 2 * half; d < dim; d += kLanes) {
    const Vec rest = factor(r.rotation.rest, d);
    for (std::int64_t at = d; at < r.n_rows * dim; at += dim) store_query(r, at, load(r.q + at) * rest);
  }
}

static void rotate_queries(const QueryRows& r) {
  const int dim = r.rotation.head_dim;
  if (r.rotation.half % kLanes == 0 && dim % kLanes == 0) return rotate_whole_queries(r);
  float rotated[kMaxHeadDim];
  for (std::int64_t row = 0; row < r.n_rows; ++row) {
    rotate_row(r.rotation, r.q + row * dim, rotated);
    for (int d = 0; r.weight != nullptr && d < dim; ++d) rotated[d] *= r.weight[d];
    // What lies beyond the row is written again by the next one.
    for (int d = 0; d < dim; d += kLanes) store_query(r, row * dim + d, load_some(rotated + d, dim - d));
  }
}

/// x (n) as whole numbers up to 127 and their scale, which is NaN where a number is not finite.
RW_INLINE float round_to_int8(const float* x, std::int64_t n, std::int8_t* q) {
  const Vec zero = splat(0.0f), magic = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds, in the low bits
  Vec largest = zero, odd = zero;
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const Vec v = load_some(x + i, n - i);
    largest = maximum(largest, maximum(v, zero - v));
    odd = odd + v * zero;
  }
  const float top = reduce_max(largest);
  const Vec inverse = splat(top > 0 ? 127.0f / top : 0.0f);
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const Bits bits = as_bits(load_some(x + i, n - i) * inverse + magic) - as_bits(magic);
    std::int32_t whole[kLanes];
    __builtin_memcpy(whole, &bits, sizeof bits);
    for (std::int64_t e = 0; e < kLanes && i + e < n; ++e) q[i + e] = static_cast<std::int8_t>(whole[e]);
  }
  return top / 127.0f + reduce_add(odd);
}

/// 16 rotated keys (16, head_dim) -> (head_dim / 2, 16, 2) of bfloat16, or (head_dim, 16) of floats.
RW_INLINE void turn_keys(const KeyRows& r, const float* rows) {
  std::uint32_t words[16 * 16], turned[16 * 16];
  const bool pairs = r.element == Element::kBf16;
  const int width = pairs ? 32 : 16;  // dims of a row of 16 words
  for (int d = 0; d < r.rotation.head_dim; d += width) {
    const std::int64_t left = r.rotation.head_dim - d;
    for (int key = 0; key < 16; ++key) {
      const float* from = rows + key * kMaxHeadDim + d;
      if (pairs) {
        store_bf16(reinterpret_cast<std::uint16_t*>(words + 16 * key), load_some(from, left));
        store_bf16(reinterpret_cast<std::uint16_t*>(words + 16 * key + 8), load_some(from + 16, left - 16));
      } else {
        __builtin_memcpy(words + 16 * key, from, 64);
      }
    }
    transpose(words, 16, turned);
    const std::int64_t n = left < width ? left : width;
    __builtin_memcpy(static_cast<std::uint32_t*>(r.to) + d * 256 / width, turned,
                     static_cast<unsigned long>(n * 1024 / width));
  }
}

/// Keys of one group of 16, rotated and packed.
static void pack_keys(const KeyRows& r) {
  float rows[16 * kMaxHeadDim];
  const int dim = r.rotation.head_dim;
  for (int key = 0; key < r.n_keys; ++key) {
    RowRotation rotation = r.rotation;
    rotation.cosine += key * rotation.half, rotation.sine += key * rotation.half;
    rotate_row(rotation, r.k + key * r.stride, rows + key * kMaxHeadDim);
  }
  if (r.n_keys == 16 && r.element != Element::kInt8) return turn_keys(r, rows);
  for (int key = 0; key < r.n_keys; ++key) {
    const float* row = rows + key * kMaxHeadDim;
    const int lane = r.lane + key;
    if (r.element == Element::kF32) {
      for (int d = 0; d < dim; ++d) static_cast<float*>(r.to)[16 * d + lane] = row[d];
    } else if (r.element == Element::kBf16) {
      std::uint16_t rounded[kMaxHeadDim];
      for (int d = 0; d < dim; d += 16) store_bf16(rounded + d, load_some(row + d, dim - d));
      for (int d = 0; d < dim; ++d)
        static_cast<std::uint16_t*>(r.to)[d / 2 * 32 + 2 * lane + d % 2] = rounded[d];
    } else {
      std::int8_t q[kMaxHeadDim];
      r.scale[lane] = round_to_int8(row, dim, q);
      for (int d = 0; d < dim; ++d) static_cast<std::int8_t*>(r.to)[d / 2 * 32 + 2 * lane + d % 2] = q[d];
    }
  }
}

/// The value of one key.
RW_INLINE void pack_value(const ValueRows& r, std::int64_t slot, const float* v) {
  const std::int64_t pair = slot / 2 * 2 * r.padded_dim + slot % 2;
  if (r.element == Element::kF32) {
    for (int d = 0; d < r.value_dim; ++d) static_cast<float*>(r.to)[slot * r.padded_dim + d] = v[d];
  } else if (r.element == Element::kBf16) {
    std::uint16_t rounded[kMaxHeadDim];
    for (int d = 0; d < r.value_dim; d += 16) store_bf16(rounded + d, load_some(v + d, r.value_dim - d));
    for (int d = 0; d < r.value_dim; ++d) static_cast<std::uint16_t*>(r.to)[pair + 2 * d] = rounded[d];
  } else {
    std::int8_t q[kMaxHeadDim];
    r.scale[slot] = round_to_int8(v, r.value_dim, q);
    for (int d = 0; d < r.value_dim; ++d) static_cast<std::int8_t*>(r.to)[pair + 2 * d] = q[d];
  }
}

/// Values packed in pairs of keys; whether all are finite.
static bool pack_values(const ValueRows& r) {
  Vec odd = splat(0.0f);
  for (std::int64_t key = 0; key < r.n_keys; ++key)
    for (int d = 0; d < r.value_dim; d += 16)
      odd = odd + load_some(r.v + key * r.stride + d, r.value_dim - d) * splat(0.0f);
  for (std::int64_t key = 0; key < r.n_keys; ++key) {
    const std::int64_t slot = r.slot + key;
    const float* v = r.v + key * r.stride;
    if (r.element != Element::kBf16 || slot % 2 != 0 || key + 1 == r.n_keys) {
      pack_value(r, slot, v);
      continue;
    }
    for (int d = 0; d < r.value_dim; d += 16) {  // both halves of each word at once
      const std::int64_t left = r.value_dim - d;
      const Bits low = shift_right<16>(rounded_bf16(load_some(v + d, left)));
      store(static_cast<float*>(r.to) + slot / 2 * r.padded_dim + d,
            as_floats(low | rounded_bf16(load_some(v + r.stride + d, left))));
    }
    ++key;
  }
  return reduce_add(odd) == 0;
}

/// 32 numbers of 8 bits times their scales, as bfloat16.
RW_INLINE void expand_32(const std::int8_t* q, Vec first_scale, Vec second_scale, std::uint16_t* out) {
  const Vec a = from_int8(q) * first_scale, b = from_int8(q + 16) * second_scale;
#ifdef __AVX512BF16__
  const __m512bh both =
      _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(b.part[0]), reinterpret_cast<__m512>(a.part[0]));
  __builtin_memcpy(out, &both, 64);
#else
  store_bf16(out, a);
  store_bf16(out + 16, b);
#endif
}

/// kKeyTile keys: (4, head_dim / 2, 16 keys, 2), scale (64).
static void expand_keys(const std::int8_t* q, const float* scale, std::int64_t head_dim, std::uint16_t* out) {
  for (int part = 0; part < kKeyTile / 16; ++part) {
    float twice[32];
    for (int key = 0; key < 16; ++key) twice[2 * key] = twice[2 * key + 1] = scale[16 * part + key];
    const Vec a = load(twice), b = load(twice + 16);
    for (std::int64_t d = 0; d < head_dim / 2; ++d, q += 32, out += 32) expand_32(q, a, b, out);
  }
}

/// kKeyTile values: (32, padded_dim, 2), scale (64).
static void expand_values(const std::int8_t* q, const float* scale, std::int64_t padded_dim,
                          std::uint16_t* out) {
  for (int pair = 0; pair < kKeyTile / 2; ++pair) {
    float turns[16];
    for (int lane = 0; lane < 16; ++lane) turns[lane] = scale[2 * pair + lane % 2];
    const Vec scales = load(turns);
    for (std::int64_t d = 0; d < padded_dim; d += 16, q += 32, out += 32) expand_32(q, scales, scales, out);
  }
}

/// 16 keys of a head where they lie, rotated by angles of their own; as rotate_row does it, to the bit.
static void rotate_keys_f32(const KeyRotation& r) {
  const auto* from = static_cast<const float*>(r.from);
  auto* to = static_cast<float*>(r.to);
  for (int m = 0; m < r.half; ++m) {
    const Vec x = load(from + 16 * m), y = load(from + 16 * (m + r.half));
    const Vec c = load(r.cosine + 16 * m), s = load(r.sine + 16 * m);
    store(to + 16 * m, rounded_product(x, c) - rounded_product(y, s));
    store(to + 16 * (m + r.half), rounded_product(x, s) + rounded_product(y, c));
  }
  for (int e = 32 * r.half; e < 16 * r.head_dim; ++e) to[e] = from[e];
}

/// A word holds dims 2j and 2j + 1 of a key, so the words j and j + half / 2 hold two pairs to rotate.
static void rotate_keys_bf16(const KeyRotation& r) {
  const auto* from = static_cast<const std::uint32_t*>(r.from);
  auto* to = static_cast<float*>(r.to);  // words, stored as floats are
  const int words = r.half / 2;
  for (int j = 0; j < words; ++j) {
    const auto x = SplitPairs::split(load_wide<std::uint32_t>(from + 16 * j));
    const auto y = SplitPairs::split(load_wide<std::uint32_t>(from + 16 * (j + words)));
    const Vec c0 = load(r.cosine + 32 * j), s0 = load(r.sine + 32 * j);
    const Vec c1 = load(r.cosine + 32 * j + 16), s1 = load(r.sine + 32 * j + 16);
    const Bits low =
        shift_right<16>(rounded_bf16(rounded_product(x.first, c0) - rounded_product(y.first, s0)));
    const Bits far_low =
        shift_right<16>(rounded_bf16(rounded_product(x.first, s0) + rounded_product(y.first, c0)));
    store(to + 16 * j,
          as_floats(low | rounded_bf16(rounded_product(x.second, c1) - rounded_product(y.second, s1))));
    store(to + 16 * (j + words),
          as_floats(far_low | rounded_bf16(rounded_product(x.second, s1) + rounded_product(y.second, c1))));
  }
  for (int e = 16 * r.half; e < 8 * r.head_dim; ++e) static_cast<std::uint32_t*>(r.to)[e] = from[e];
}
