// SPDX-License-Identifier: Apache-2.0
/// neon-dotprod: sdot, four products of bytes in each lane (quads.h), since ARMv8.2 (Cortex-A76, Neoverse N1,
/// Apple M1); all else as neon.
#include <arm_neon.h>

#include "kernels/cpu/arm.h"
#include "kernels/cpu/isa.h"

#define RW_NEON

namespace rw::cpu {
namespace neon_dotprod {

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

static bool supported() { return has_dotprod(); }

}  // namespace neon_dotprod

extern const Isa kNeonDotprod;
constinit const Isa kNeonDotprod = neon_dotprod::table_of_floats("neon-dotprod", neon_dotprod::supported);

}  // namespace rw::cpu
