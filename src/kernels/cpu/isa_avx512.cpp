// SPDX-License-Identifier: Apache-2.0
/// avx512: compiled with its own flags (isa.cmake), in a namespace of its own.
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace rw::cpu {
namespace avx512 {

constexpr int kParts = 1;                        // registers of 16 floats
constexpr int kSingleRows = 6, kSingleVecs = 4;  // register tile of float products
constexpr int kPairRows = 10, kPairVecs = 2;     // and of bfloat16 products
constexpr bool kWideBf16 = true;  // no instruction multiplies pairs: bfloat16 numbers are widened once

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"
//
#include "kernels/cpu/isa_table.h"

static bool supported() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && has_f16c();
}

}  // namespace avx512

extern const Isa kAvx512;
constinit const Isa kAvx512 = avx512::table_of_floats("avx512", avx512::supported);

}  // namespace rw::cpu
