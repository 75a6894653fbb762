// SPDX-License-Identifier: Apache-2.0
/// neon-i8mm: smmla, two rows of eight bytes times two (matrix_dots.h), since ARMv8.6; all else as
/// neon-dotprod.
#include <arm_neon.h>

#include "kernels/cpu/arm.h"
#include "kernels/cpu/isa.h"

#define RW_NEON

namespace rw::cpu {
namespace neon_i8mm {

constexpr int kParts = 4;                        // registers of 16 floats
constexpr int kSingleRows = 6, kSingleVecs = 1;  // register tile of float products
constexpr int kPairRows = 4, kPairVecs = 1;      // and of bfloat16 products
constexpr bool kWideBf16 = true;  // no instruction multiplies pairs: bfloat16 numbers are widened once

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"
//
#include "kernels/cpu/isa_table.h"

static bool supported() { return has_dotprod() && has_i8mm(); }

}  // namespace neon_i8mm

extern const Isa kNeonI8mm;
constinit const Isa kNeonI8mm = neon_i8mm::table_of_floats("neon-i8mm", neon_i8mm::supported);

}  // namespace rw::cpu
