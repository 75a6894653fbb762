// SPDX-License-Identifier: Apache-2.0
/// avx512-vnni: AVX-512 and vpdpbusd, which dot products with stored weights take, without instructions for
/// bfloat16 (Cascade Lake, Ice Lake, Tiger Lake, Rocket Lake). Compiled with its own flags (isa.cmake).
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace rw::cpu {
namespace avx512_vnni {

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
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni") && has_f16c();
}

}  // namespace avx512_vnni

extern const Isa kAvx512Vnni;
constinit const Isa kAvx512Vnni = avx512_vnni::table_of_floats("avx512-vnni", avx512_vnni::supported);

}  // namespace rw::cpu
