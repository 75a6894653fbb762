// SPDX-License-Identifier: Apache-2.0
/// The source of the set avx2-vnni once more, as kVnniInEvex: vpdpbusd of 32 bytes as AVX-512 encodes it, for
/// machines that have AVX-512 VNNI and no AVX-VNNI.
#include <immintrin.h>
// Compiled for AVX-512, so that the compiler knows the encoding; the source is to see what the set has.
#undef __AVX512F__
#undef __AVX512VL__
#undef __AVX512BW__
#undef __AVX512DQ__
#undef __AVX512VNNI__
#define __AVXVNNI__ 1
#define kAvx2Vnni kVnniInEvex
#define avx2_vnni vnni_in_evex
#include "kernels/cpu/isa_avx2_vnni.cpp"
