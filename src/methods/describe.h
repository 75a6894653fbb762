// SPDX-License-Identifier: Apache-2.0
/// What `ropewalk methods` prints, made from the registry so that it cannot be out of date.
#pragma once
#include <string>

#include "core/json.h"

namespace rw {

/// The whole of docs/methods.md. Pictures are computed from each method's own example.
std::string methods_markdown();
/// One line a method: name, kind, parameters with defaults, title.
std::string methods_table();
/// One method for a terminal of 80 columns: formula, parameters, source, differences. `name`: or an alias.
/// Errors: UsageError for an unknown one.
std::string method_text(const std::string& name);
/// {"methods": [{name, aliases, kind, title, formula, source, differs, parameters: [...]}]}
Json methods_json();

}  // namespace rw
