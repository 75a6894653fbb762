// SPDX-License-Identifier: Apache-2.0
/// avx2: compiled with its own flags (isa.cmake), in a namespace of its own.
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace rw::cpu {
namespace avx2 {

constexpr int kParts = 2;                        // registers of 16 floats
constexpr int kSingleRows = 6, kSingleVecs = 1;  // register tile of float products
constexpr int kPairRows = 5, kPairVecs = 1;      // and of bfloat16 products
constexpr bool kWideBf16 = true;  // no instruction multiplies pairs: bfloat16 numbers are widened once

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"
//
#include "kernels/cpu/isa_table.h"

static bool supported() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

}  // namespace avx2

extern const Isa kAvx2;
constinit const Isa kAvx2 = avx2::table_of_floats("avx2", avx2::supported);

}  // namespace rw::cpu
