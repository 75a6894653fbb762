// SPDX-License-Identifier: Apache-2.0
/// Patterns are written for Oniguruma (`tokenizers`) or for Rust's regex (tiktoken); PCRE2 reads some of it
/// otherwise.
#pragma once
#include <string>
#include <string_view>

namespace rw {

/// `pattern` so that PCRE2 matches what those engines match:
/// - \s and \S are Unicode's White_Space (PCRE2's \s also holds U+180E);
/// - a script such as \p{Han} is the property Script (PCRE2 10.40 and later take Script_Extensions);
/// - [a[bc]] is [abc], and [a&&[^b]], what is in the first and not in the second, becomes a look-ahead.
/// Errors: Error naming `place` for a class that cannot be spelled so.
std::string pcre2_spelling(std::string_view pattern, std::string_view place);

}  // namespace rw
