// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/isa.h"

#include <string>
#include <string_view>

#include "core/error.h"
#include "core/option.h"

namespace rw::cpu {

const Isa* const kInstructionSets[] = {
#if defined(__x86_64__)
    &kAmxBf16,  &kAvx512Bf16, &kAvx512Vnni, &kAvx512, &kAvx2Vnni, &kAvx2,
#elif defined(__aarch64__)
    &kNeonBf16, &kNeonI8mm, &kNeonDotprod, &kNeon,
#endif
    &kPortable, nullptr};

namespace {

/// "a, b or c"
std::string names_of_sets() {
  std::string names;
  for (const Isa* const* isa = kInstructionSets; *isa != nullptr; ++isa)
    names += (names.empty() ? "" : isa[1] == nullptr ? " or " : ", ") + std::string((*isa)->name);
  return names;
}

}  // namespace

const Isa& find_isa(const char* name) {
  const std::string_view asked(name);
  for (const Isa* const* isa = kInstructionSets; *isa != nullptr; ++isa) {
    if (!asked.empty() && asked != (*isa)->name) continue;
    if ((*isa)->supported()) return **isa;
    if (!asked.empty())
      throw UsageError(
          option("isa", "ROPEWALK_ISA"), "an instruction set of this machine", name,
          option("leave it out, and ROPEWALK_ISA unset, for the best one", "unset it for the best one"));
  }
  throw UsageError(option("isa", "ROPEWALK_ISA"), names_of_sets(), asked.empty() ? "none" : name);
}

}  // namespace rw::cpu
