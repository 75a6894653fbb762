// SPDX-License-Identifier: Apache-2.0
/// What `ropewalk models` prints, made from the readers of families and from the list of those that are
/// missing, so that it cannot be out of date.
#pragma once
#include <string>
#include <string_view>

#include "core/json.h"

namespace rw {

/// The whole of docs/models.md.
std::string models_markdown();
/// For a terminal of 80 columns: the families that run, then what others lack.
std::string models_table();
/// The families of that name: an architecture, a model_type, or words of the models as people call them
/// ("Qwen3", "granite 3"); capitals, and what stands between words and digits, do not count. For each whether
/// it runs or what is missing, on which layers methods act, and what it was checked with. 80 columns. Errors:
/// UsageError that names near ones.
std::string models_text(std::string_view name);
/// {"families": [{architecture, aliases, model_types, models, acts, scaling, tiny, checked}],
///  "missing": [{models, architectures, model_types, missing}]}
Json models_json();
/// The same with what models_text shows alone. Errors: as it.
Json models_json(std::string_view name);

}  // namespace rw
