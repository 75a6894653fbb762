// SPDX-License-Identifier: Apache-2.0
/// amx-bf16: bfloat16 products in tiles of 16 x 16 results (tdpbf16ps); all else as avx512. The packed keys,
/// values and weights are already what a B tile reads: 16 rows of 16 pairs.
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels/cpu/isa.h"

namespace rw::cpu {
namespace amx {

constexpr int kParts = 1;                        // registers of 16 floats
constexpr int kSingleRows = 6, kSingleVecs = 4;  // register tile of float products
constexpr int kPairRows = 10, kPairVecs = 2;     // and of bfloat16 products beside the tiles
constexpr bool kWideBf16 = false;                // bfloat16 numbers stay pairs in products

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"

/// What ldtilecfg reads. Tiles 0-3: results (2 x 2), 4-5: rows of a, 6-7: vectors of b.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t column_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {};
};

/// The rows that this thread's tiles are configured for: loading a configuration costs as much as a product.
thread_local int configured_rows[2] = {-1, -1};

static void configure(int first, int second) {
  if (configured_rows[0] == first && configured_rows[1] == second) return;
  TileConfig config;
  const int second_rows = second > 0 ? second : 1;  // a tile of no rows is not a tile
  const int rows[8] = {first, first, second_rows, second_rows, first, second_rows, 16, 16};
  for (int t = 0; t < 8; ++t) config.rows[t] = static_cast<std::uint8_t>(rows[t]);
  __asm__ volatile("" : : "r"(&config) : "memory");  // GCC's ldtilecfg says that it reads 8 bytes, not 64
  _tile_loadconfig(&config);
  configured_rows[0] = first, configured_rows[1] = second;
}

/// Tiles are dropped, so that the system need not keep them at every switch of threads.
static void release() {
  _tile_release();
  configured_rows[0] = configured_rows[1] = -1;
}

/// Operands of bfloat16 products in tiles. A row's results are its own: tdpbf16ps adds pairs in order of k,
/// whatever stands in the other rows, and unused rows are not computed.
struct Tiles : SplitPairs {
  static constexpr bool kTiles = true;
  static constexpr int kRows = 32, kVecs = 2, kPanels = 2;
  static constexpr int kBlockRows = 16;
  /// Weights are normal numbers or 0, which vcvtne2ps2bf16 rounds as store_bf16 does.
  RW_INLINE void store_weights(T* p, Vec first, Vec second) {
    const __m512bh both = _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second.part[0]),
                                              reinterpret_cast<__m512>(first.part[0]));
    _mm512_storeu_si512(p, reinterpret_cast<__m512i>(both));
  }
  static constexpr std::int64_t kDepth = 32;  // elements of the inner dimension in a tile

  /// Tiles of an operand, in elements: rows of a tile, the next tile of the inner dimension, and the next one
  /// of rows or vectors lie so far apart.
  struct Layout {
    std::int64_t row, depth, next;
  };

  /// c (+)= a b^T: 1 or 2 tiles of rows, 1 or 2 of vectors, over n elements, n a multiple of kDepth.
  template <bool kTwoRows, bool kTwoVecs>
  RW_INLINE void block(const T* a, Layout of_a, const T* b, Layout of_b, bool add, float* c, std::int64_t ldc,
                       std::int64_t n) {
    const auto a_stride = static_cast<int>(of_a.row * 2), b_stride = static_cast<int>(of_b.row * 2),
               c_stride = static_cast<int>(ldc * 4);
    float* c1 = c + 16 * ldc;
    __asm__ volatile("" ::: "memory");  // GCC's tile loads do not say that they read memory
    if (add) {
      _tile_loadd(0, c, c_stride);
      if constexpr (kTwoVecs) _tile_loadd(1, c + 16, c_stride);
      if constexpr (kTwoRows) _tile_loadd(2, c1, c_stride);
      if constexpr (kTwoRows && kTwoVecs) _tile_loadd(3, c1 + 16, c_stride);
    } else {
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    }
    for (std::int64_t k = 0; k < n; k += kDepth, a += of_a.depth, b += of_b.depth) {
      _tile_loadd(4, a, a_stride);
      _tile_loadd(6, b, b_stride);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (kTwoVecs) {
        _tile_loadd(7, b + of_b.next, b_stride);
        _tile_dpbf16ps(1, 4, 7);
      }
      if constexpr (kTwoRows) {
        _tile_loadd(5, a + of_a.next, a_stride);
        _tile_dpbf16ps(2, 5, 6);
        if constexpr (kTwoVecs) _tile_dpbf16ps(3, 5, 7);
      }
    }
    _tile_stored(0, c, c_stride);
    if constexpr (kTwoVecs) _tile_stored(1, c + 16, c_stride);
    if constexpr (kTwoRows) _tile_stored(2, c1, c_stride);
    if constexpr (kTwoRows && kTwoVecs) _tile_stored(3, c1 + 16, c_stride);
    __asm__ volatile("" ::: "memory");
  }

  /// `left` rows, 32 at most.
  template <bool kTwoVecs>
  RW_INLINE void block_of_rows(std::int64_t left, const T* a, Layout of_a, const T* b, Layout of_b, bool add,
                               float* c, std::int64_t ldc, std::int64_t n) {
    const auto rows = static_cast<int>(left < 32 ? left : 32);
    configure(rows < 16 ? rows : 16, rows > 16 ? rows - 16 : rows == 16 ? 16 : 0);
    if (rows > 16)
      block<true, kTwoVecs>(a, of_a, b, of_b, add, c, ldc, n);
    else
      block<false, kTwoVecs>(a, of_a, b, of_b, add, c, ldc, n);
  }

  /// Up to 16 rows and 4 vectors: the tile of a is loaded once. 2 x 2 loads less, but attention's blocks of
  /// 16 rows stay in L1.
  template <bool kAdd>
  RW_INLINE void four_vecs(const T* a, std::int64_t lda, const T* b, std::int64_t zs, std::int64_t ks,
                           float* c, std::int64_t ldc, std::int64_t n) {
    const auto a_stride = static_cast<int>(lda * 2), b_stride = static_cast<int>(ks * 2),
               c_stride = static_cast<int>(ldc * 4);
    __asm__ volatile("" ::: "memory");  // GCC's tile loads do not say that they read memory
    if constexpr (kAdd) {
      _tile_loadd(0, c, c_stride);
      _tile_loadd(1, c + 16, c_stride);
      _tile_loadd(2, c + 32, c_stride);
      _tile_loadd(3, c + 48, c_stride);
    } else {
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    }
    std::int64_t k = 0;
#define RW_STEP(z)                                          \
  _tile_loadd(6, b + z * zs + k / 2 * ks, b_stride);        \
  _tile_dpbf16ps(z, 4, 6);                                  \
  _tile_loadd(7, b + z * zs + (k + 32) / 2 * ks, b_stride); \
  _tile_dpbf16ps(z, 5, 7)
    for (; k + 64 <= n; k += 64) {
      _tile_loadd(4, a + k, a_stride);
      _tile_loadd(5, a + k + 32, a_stride);
      RW_STEP(0);
      RW_STEP(1);
      RW_STEP(2);
      RW_STEP(3);
    }
#undef RW_STEP
    if (k < n) {
      _tile_loadd(4, a + k, a_stride);
      _tile_loadd(6, b + k / 2 * ks, b_stride);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, b + zs + k / 2 * ks, b_stride);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(6, b + 2 * zs + k / 2 * ks, b_stride);
      _tile_dpbf16ps(2, 4, 6);
      _tile_loadd(7, b + 3 * zs + k / 2 * ks, b_stride);
      _tile_dpbf16ps(3, 4, 7);
    }
    _tile_stored(0, c, c_stride);
    _tile_stored(1, c + 16, c_stride);
    _tile_stored(2, c + 32, c_stride);
    _tile_stored(3, c + 48, c_stride);
  }

  template <bool kTwoVecs, bool kAdd>
  RW_INLINE void rows(std::int64_t n_rows, const T* a, std::int64_t lda, const T* b, std::int64_t zs,
                      std::int64_t ks, float* c, std::int64_t ldc, std::int64_t n) {
    for (std::int64_t i = 0; i < n_rows; i += 32)
      block_of_rows<kTwoVecs>(n_rows - i, a + i * lda, {lda, kDepth, 16 * lda}, b, {ks, kDepth / 2 * ks, zs},
                              kAdd, c + i * ldc, ldc, n);
  }

  /// The inner dimension's last elements that do not fill a tile are added as avx512 adds them.
  template <bool kAdd>
  static void in_tiles(std::int64_t n_rows, std::int64_t n_vecs, const T* a, std::int64_t lda, const T* b,
                       std::int64_t zs, std::int64_t ks, float* c, std::int64_t ldc, std::int64_t n) {
    const std::int64_t whole = n / kDepth * kDepth;
    if (whole == 0) return in_registers<SplitPairs, kAdd>(n_rows, n_vecs, a, lda, b, zs, ks, c, ldc, n);
    std::int64_t z = 0;
    if (n_rows <= 16) {
      configure(static_cast<int>(n_rows), static_cast<int>(n_rows));
      for (; z + 4 <= n_vecs; z += 4) four_vecs<kAdd>(a, lda, b + z * zs, zs, ks, c + 16 * z, ldc, whole);
    }
    for (; z + 2 <= n_vecs; z += 2)
      rows<true, kAdd>(n_rows, a, lda, b + z * zs, zs, ks, c + 16 * z, ldc, whole);
    if (z < n_vecs) rows<false, kAdd>(n_rows, a, lda, b + z * zs, zs, ks, c + 16 * z, ldc, whole);
    if (whole < n)
      in_registers<SplitPairs, true>(n_rows, n_vecs, a + whole, lda, b + whole / 2 * ks, zs, ks, c, ldc,
                                     n - whole);
  }
};

#include "kernels/cpu/tile_attention.h"

static void attention_tiles(const AttentionTile& t) {
  attention<Tiles>(t);
  release();
}
#include "kernels/cpu/tile_product.h"

/// As spin_bf16, with tdpbf16ps.
static double spin_tiles(std::int64_t n) {
  configure(16, 16);
  for (std::int64_t i = 0; i < n; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  release();
  return static_cast<double>(n) * 4 * 16 * 16 * 32 * 2;
}

/// The processor has tiles, and the system lets this process use them (Linux asks to be asked).
static bool supported() {
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512vnni") || !has_f16c())
    return false;
  unsigned a = 7, b = 0, c = 0, d = 0;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  constexpr unsigned kBf16Bit = 1u << 22, kTileBit = 1u << 24;
  if ((d & kBf16Bit) == 0 || (d & kTileBit) == 0) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace amx

extern const Isa kAmxBf16;
const Isa kAmxBf16{.name = "amx-bf16",
                   .supported = amx::supported,
                   .attention_bf16 = amx::attention_tiles,
                   .attention_f32 = amx::attention<amx::Singles>,
                   .attention_wide = nullptr,
                   .merge_softmax = amx::merge_softmax,
                   .product_bf16 = amx::product_in_tiles,
                   .product_f32 = amx::product<amx::Singles>,
                   .tiled_rows = true,
                   .wide_bf16 = amx::kWideBf16,
                   .rotate_queries = amx::rotate_queries,
                   .pack_keys = amx::pack_keys,
                   .pack_values = amx::pack_values,
                   .rotate_keys_bf16 = amx::rotate_keys_bf16,
                   .rotate_keys_f32 = amx::rotate_keys_f32,
                   .soft_cap = amx::soft_cap,
                   .add_scaled = amx::add_scaled,
                   .convolve = amx::convolve,
                   .recur = amx::recur,
                   .activate = RW_ACTIVATIONS(amx),
                   .norm = amx::norm,
                   .to_bf16 = amx::to_bf16,
                   .round_to_bf16 = amx::round_to_bf16,
                   .exp_sum = amx::exp_sum,
                   .next_above = amx::next_above,
                   .weights = amx::weight_kernels,
                   .read_floats = amx::read_floats,
                   .spin_f32 = amx::spin_f32,
                   .spin_bf16 = amx::spin_bf16,
                   .spin_tiles = amx::spin_tiles,
                   .quantise = amx::quantise,
                   .training = amx::training_kernels};

}  // namespace rw::cpu
