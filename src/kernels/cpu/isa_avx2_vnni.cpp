// SPDX-License-Identifier: Apache-2.0
/// avx2-vnni: AVX2 and vpdpbusd in 32 bytes (clients since 2021, servers since 2023), which dot products with
/// stored weights take (quads.h); all else as avx2.
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace rw::cpu {
namespace avx2_vnni {

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

/// (__builtin_cpu_supports knows no "avxvnni".)
static bool supported() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kAvxVnniBit = 1u << 4;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() &&
         __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & kAvxVnniBit) != 0;
}

}  // namespace avx2_vnni

extern const Isa kAvx2Vnni;
constinit const Isa kAvx2Vnni = avx2_vnni::table_of_floats("avx2-vnni", avx2_vnni::supported);

}  // namespace rw::cpu
