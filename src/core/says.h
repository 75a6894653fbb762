// SPDX-License-Identifier: Apache-2.0
/// Where lines for people go: what was left out, what was chosen, how long it will take. Never a result.
#pragma once
#include <functional>
#include <string>

namespace rw {

/// Called with one line, without its newline, on the thread that called. The command line writes them to
/// stderr.
using Says = std::function<void(const std::string& words)>;

/// For who does not want them.
inline const Says kQuiet = [](const std::string&) {};

}  // namespace rw
