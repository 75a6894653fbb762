// SPDX-License-Identifier: Apache-2.0
#include "core/option.h"

#include <algorithm>

namespace rw {
namespace {

bool names_are_flags = false;  // a process has one kind of caller

}  // namespace

void options_are_flags() { names_are_flags = true; }

std::string option(std::string_view field, std::string_view flag) {
  if (!names_are_flags) return std::string(field);
  if (!flag.empty()) return std::string(flag);
  std::string made = "--" + std::string(field);
  std::replace(made.begin(), made.end(), '_', '-');
  return made;
}

}  // namespace rw
