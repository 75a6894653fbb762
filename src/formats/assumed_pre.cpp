// SPDX-License-Identifier: Apache-2.0
#include "formats/assumed_pre.h"

#include <utility>

namespace rw {
namespace {

std::string& said_pre() {
  static std::string name;
  return name;
}

}  // namespace

void assume_pre(std::string name) { said_pre() = std::move(name); }
const std::string& assumed_pre() { return said_pre(); }

}  // namespace rw
