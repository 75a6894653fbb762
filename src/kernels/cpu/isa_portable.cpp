// SPDX-License-Identifier: Apache-2.0
/// portable: compiled with its own flags (isa.cmake), in a namespace of its own.
#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace portable {

constexpr int kParts = 4;                        // registers of 16 floats
constexpr int kSingleRows = 2, kSingleVecs = 1;  // register tile of float products
constexpr int kPairRows = 1, kPairVecs = 1;      // and of bfloat16 products
constexpr bool kWideBf16 = true;  // no instruction multiplies pairs: bfloat16 numbers are widened once

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"

static bool supported() { return true; }

}  // namespace portable

extern const Isa kPortable;
const Isa kPortable{.name = "portable",
                    .supported = portable::supported,
                    .attention_bf16 = portable::attention<portable::SplitPairs>,
                    .attention_f32 = portable::attention<portable::Singles>,
                    .attention_wide = portable::attention<portable::WidePairs>,
                    .merge_softmax = portable::merge_softmax,
                    .product_bf16 = portable::product<portable::Singles>,
                    .product_f32 = portable::product<portable::Singles>,
                    .tiled_rows = false,
                    .wide_bf16 = portable::kWideBf16,
                    .rotate_queries = portable::rotate_queries,
                    .pack_keys = portable::pack_keys,
                    .pack_values = portable::pack_values,
                    .rotate_keys_bf16 = portable::rotate_keys_bf16,
                    .rotate_keys_f32 = portable::rotate_keys_f32,
                    .soft_cap = portable::soft_cap,
                    .add_scaled = portable::add_scaled,
                    .activate = RW_ACTIVATIONS(portable),
                    .norm = portable::norm,
                    .to_bf16 = portable::to_bf16,
                    .round_to_bf16 = portable::round_to_bf16,
                    .exp_sum = portable::exp_sum,
                    .next_above = portable::next_above,
                    .weights = portable::weight_kernels,
                    .read_floats = portable::read_floats,
                    .spin_f32 = portable::spin_f32,
                    .spin_bf16 = nullptr,
                    .spin_tiles = nullptr,
                    .quantise = portable::quantise};

}  // namespace ropewalk::cpu
