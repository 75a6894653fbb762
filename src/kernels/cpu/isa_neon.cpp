// SPDX-License-Identifier: Apache-2.0
/// neon: what every 64-bit ARM processor has: 32 registers of four floats, multiply-adds, half floats.
#include <arm_neon.h>

#include "kernels/cpu/arm.h"
#include "kernels/cpu/isa.h"

#define RW_NEON

namespace rw::cpu {
namespace neon {

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

static bool supported() { return true; }

}  // namespace neon

extern const Isa kNeon;
constinit const Isa kNeon = neon::table_of_floats("neon", neon::supported);

}  // namespace rw::cpu
