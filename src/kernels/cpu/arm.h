// SPDX-License-Identifier: Apache-2.0
/// What an ARM processor has beyond NEON, by asking the system: Linux by the auxiliary vector
/// (docs.kernel.org/arch/arm64/elf_hwcaps.html), macOS by sysctlbyname (Apple, "Determining instruction set
/// characteristics").
#pragma once
#ifdef __APPLE__
#include <sys/sysctl.h>
#else
#include <sys/auxv.h>
#endif

namespace rw::cpu {

// Static: each set has its own.
#ifdef __APPLE__
static inline bool has_feature(const char* name) {
  int value = 0;
  size_t size = sizeof value;
  return ::sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}
[[maybe_unused]] static inline bool has_dotprod() { return has_feature("hw.optional.arm.FEAT_DotProd"); }
[[maybe_unused]] static inline bool has_i8mm() { return has_feature("hw.optional.arm.FEAT_I8MM"); }
[[maybe_unused]] static inline bool has_bf16() { return has_feature("hw.optional.arm.FEAT_BF16"); }
#else
[[maybe_unused]] static inline bool has_dotprod() { return (::getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
[[maybe_unused]] static inline bool has_i8mm() { return (::getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0; }
[[maybe_unused]] static inline bool has_bf16() { return (::getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0; }
#endif

}  // namespace rw::cpu
