// SPDX-License-Identifier: Apache-2.0
/// The program that runs: its file, and the words that it was started with.
#pragma once
#include <string>
#include <vector>

namespace rw {

/// Where its file is, or, on Linux, was; empty where the system does not say.
std::string file_of_this_program();

/// A path that starts the same program once more, whatever has become of its file (where the system has
/// one: on macOS it is the file).
std::string this_program();

/// argv. Errors: Error where the system does not say.
std::vector<std::string> words_of_this_program();

}  // namespace rw
