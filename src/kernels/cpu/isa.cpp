// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/isa.h"

#include <cstdlib>
#include <string_view>

#include "core/error.h"

namespace ropewalk::cpu {
namespace {

const Isa& choose() {
  const Isa* const all[] = {&kAmxBf16, &kAvx512Bf16, &kAvx512, &kAvx2, &kPortable};  // best first
  const char* forced = std::getenv("ROPEWALK_ISA");
  for (const Isa* isa : all) {
    if (forced == nullptr || *forced == '\0') {
      if (isa->supported()) return *isa;
    } else if (std::string_view(forced) == isa->name) {
      if (isa->supported()) return *isa;
      throw UsageError("ROPEWALK_ISA", "an instruction set of this machine", isa->name,
                       "unset it for the best one");
    }
  }
  throw UsageError("ROPEWALK_ISA", "amx-bf16, avx512-bf16, avx512, avx2 or portable",
                   forced == nullptr ? "none" : forced);
}

}  // namespace

const Isa& active() {
  static const Isa& isa = choose();
  return isa;
}

}  // namespace ropewalk::cpu
