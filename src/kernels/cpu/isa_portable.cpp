// SPDX-License-Identifier: Apache-2.0
/// portable: compiled with its own flags (isa.cmake), in a namespace of its own.
#include "kernels/cpu/isa.h"

namespace rw::cpu {
namespace portable {

constexpr int kParts = 4;                        // registers of 16 floats
constexpr int kSingleRows = 2, kSingleVecs = 1;  // register tile of float products
constexpr int kPairRows = 1, kPairVecs = 1;      // and of bfloat16 products
constexpr bool kWideBf16 = true;  // no instruction multiplies pairs: bfloat16 numbers are widened once

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"
//
#include "kernels/cpu/isa_table.h"

static bool supported() { return true; }

}  // namespace portable

extern const Isa kPortable;
constinit const Isa kPortable = portable::table_of_floats("portable", portable::supported);

}  // namespace rw::cpu
