// SPDX-License-Identifier: Apache-2.0
/// What `ropewalk models` prints, made from the readers of families and from the list of those that are
/// missing, so that it cannot be out of date.
#pragma once
#include <string>

#include "core/json.h"

namespace ropewalk {

/// The whole of docs/models.md.
std::string models_markdown();
/// For a terminal of 80 columns: the families that run, then what others lack.
std::string models_table();
/// {"families": [{architecture, aliases, model_types, models, acts, scaling, tiny, checked}],
///  "missing": [{models, architectures, model_types, missing}]}
Json models_json();

}  // namespace ropewalk
