// SPDX-License-Identifier: Apache-2.0
/// What a method may know of a layer, as the library shows it and as the inside has it.
#pragma once
#include "methods/method.h"
#include "ropewalk/method.h"

namespace ropewalk::face {

/// Errors: UsageError for a number out of range.
rw::RopeContext inside_of(const RopeContext& shown, Index n);
RopeContext shown(const rw::RopeContext& inside);

}  // namespace ropewalk::face
