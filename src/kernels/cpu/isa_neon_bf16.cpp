// SPDX-License-Identifier: Apache-2.0
/// neon-bf16: bfloat16 products by bfmmla and bfdot (matrix_pairs.h), since ARMv8.6 (Neoverse V1 and N2,
/// Apple M2); all else as neon-i8mm.
#include <arm_neon.h>

#include "kernels/cpu/arm.h"
#include "kernels/cpu/isa.h"

#define RW_NEON

namespace rw::cpu {
namespace neon_bf16 {

constexpr int kParts = 4;                        // registers of 16 floats
constexpr int kSingleRows = 6, kSingleVecs = 1;  // register tile of float products
constexpr int kPairRows = 6, kPairVecs = 1;      // and of bfloat16 products
constexpr bool kWideBf16 = false;                // bfloat16 numbers stay pairs in products

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/matrix_pairs.h"
//
#include "kernels/cpu/peak.h"

static bool supported() { return has_dotprod() && has_i8mm() && has_bf16(); }

}  // namespace neon_bf16

extern const Isa kNeonBf16;
const Isa kNeonBf16{.name = "neon-bf16",
                    .supported = neon_bf16::supported,
                    .attention_bf16 = neon_bf16::attention<neon_bf16::MatrixPairs>,
                    .attention_f32 = neon_bf16::attention<neon_bf16::Singles>,
                    .attention_wide = nullptr,
                    .merge_softmax = neon_bf16::merge_softmax,
                    .product_bf16 = neon_bf16::product<neon_bf16::MatrixPairs>,
                    .product_f32 = neon_bf16::product<neon_bf16::Singles>,
                    .tiled_rows = false,
                    .wide_bf16 = neon_bf16::kWideBf16,
                    .rotate_queries = neon_bf16::rotate_queries,
                    .pack_keys = neon_bf16::pack_keys,
                    .pack_values = neon_bf16::pack_values,
                    .rotate_keys_bf16 = neon_bf16::rotate_keys_bf16,
                    .rotate_keys_f32 = neon_bf16::rotate_keys_f32,
                    .soft_cap = neon_bf16::soft_cap,
                    .add_scaled = neon_bf16::add_scaled,
                    .convolve = neon_bf16::convolve,
                    .recur = neon_bf16::recur,
                    .activate = RW_ACTIVATIONS(neon_bf16),
                    .norm = neon_bf16::norm,
                    .to_bf16 = neon_bf16::to_bf16,
                    .round_to_bf16 = neon_bf16::round_to_bf16,
                    .exp_sum = neon_bf16::exp_sum,
                    .next_above = neon_bf16::next_above,
                    .weights = neon_bf16::weight_kernels,
                    .read_floats = neon_bf16::read_floats,
                    .spin_f32 = neon_bf16::spin_f32,
                    .spin_bf16 = neon_bf16::spin_bf16,
                    .spin_tiles = nullptr,
                    .quantise = neon_bf16::quantise,
                    .training = neon_bf16::training_kernels};

}  // namespace rw::cpu
