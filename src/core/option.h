// SPDX-License-Identifier: Apache-2.0
/// How errors call an option: `--n-predict` where people typed a command, `n_predict` where a program called
/// the library.
#pragma once
#include <string>
#include <string_view>

namespace rw {

/// From now on options are the command line's flags. Called once, by its main, before any thread.
void options_are_flags();

/// `field` ("n_predict"), or its flag: "--n-predict" where `flag` is left out. Any thread.
std::string option(std::string_view field, std::string_view flag = {});

}  // namespace rw
