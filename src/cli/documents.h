// SPDX-License-Identifier: Apache-2.0
/// What eval and tune share: the user's text files, and what is said of a run over them.
#pragma once
#include "cli/command.h"

namespace rw {

/// Files as they are, folders as the .txt and .md files in them. Errors: Error for a folder without any.
std::vector<std::string> expand_texts(const std::vector<std::string>& paths);

/// Bytes of a text that so many documents of this length take, and never less than 64 MB: more is not read.
std::size_t bytes_of_documents(int n, Index length);

/// What stands behind a recorded command that read standard input: a comment, to a shell. Else empty.
std::string piped(const std::vector<std::string>& inputs);

/// Says on stderr on how many layers methods act, where these are not all.
void say_acting_layers(const ModelConfig& config);

/// Seconds of "90s", "8m", "2h"; "0" is no limit. Errors: UsageError naming `option`; a number alone has no
/// unit.
double parse_seconds(const std::string& text, const char* option = "--budget");

}  // namespace rw
