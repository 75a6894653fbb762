// SPDX-License-Identifier: Apache-2.0
/// What a user says of files that do not say it themselves: --pre.
#pragma once
#include <string>

namespace rw {

/// From here on a GGUF of byte-level BPE that names no pre-tokenizer (tokenizer.ggml.pre is missing, or says
/// "default") is opened as if it named this one: its ids, its identity and what is written of it follow. Such
/// a file that names another one is refused when it is opened; files of other kinds stay as they are. For the
/// whole process, before anything is opened and from one thread: the command line calls it. `name` must be
/// one of Pretokenizer's.
void assume_pre(std::string name);
/// Empty where nothing was said.
const std::string& assumed_pre();

}  // namespace rw
