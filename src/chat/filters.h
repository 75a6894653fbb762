// SPDX-License-Identifier: Apache-2.0
/// Jinja's filters and tests by name. A filter that Jinja has and chat templates do not use is refused by
/// name.
#pragma once
#include <string_view>

#include "chat/interpreter.h"

namespace rw::chat {

using Filter = Value (*)(Interpreter&, const Value&, const Arguments&);

/// Null where the filter is none of text and numbers (text_filters.cpp), or none of lists (list_filters.cpp).
Filter find_text_filter(std::string_view name);
Filter find_list_filter(std::string_view name);

}  // namespace rw::chat
