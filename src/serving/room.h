// SPDX-License-Identifier: Apache-2.0
/// How long a text the memory holds now.
#pragma once
#include "methods/method.h"
#include "model/model.h"

namespace ropewalk::serving {

/// Tokens, read and written, up to `most`, under `spec` bound to them. Errors: UsageError (method).
Index most_that_fit(const Model& model, const MethodSpec& spec, Index most);

}  // namespace ropewalk::serving
