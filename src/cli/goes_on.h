// SPDX-License-Identifier: Apache-2.0
/// A word for who stops a run by ctrl-C: what is in --out is kept.
#pragma once
#include <string>

namespace rw {

/// From now on SIGINT and SIGTERM end the process as they always do, after one line on stderr that `command`
/// goes on from `out`. Empty: nothing. Once in a process. An
/// OutputFile's handler may be set before or behind: both pass the signal on.
void say_that_it_goes_on(const std::string& out, const std::string& command = "the same command");

}  // namespace rw
