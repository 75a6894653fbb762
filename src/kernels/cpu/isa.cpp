// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/isa.h"

#include <string_view>

#include "core/error.h"

namespace rw::cpu {

const Isa& find_isa(const char* name) {
  const std::string_view asked(name);
  for (const Isa* isa :
       {&kAmxBf16, &kAvx512Bf16, &kAvx512Vnni, &kAvx512, &kAvx2Vnni, &kAvx2, &kPortable}) {  // best first
    if (!asked.empty() && asked != isa->name) continue;
    if (isa->supported()) return *isa;
    if (!asked.empty())
      throw UsageError("ROPEWALK_ISA", "an instruction set of this machine", name,
                       "unset it for the best one");
  }
  throw UsageError("ROPEWALK_ISA", "amx-bf16, avx512-bf16, avx512-vnni, avx512, avx2-vnni, avx2 or portable",
                   asked.empty() ? "none" : name);
}

}  // namespace rw::cpu
