// SPDX-License-Identifier: Apache-2.0
/// tune's candidates as a table.
#pragma once
#include <vector>

#include "judge/tune.h"

namespace rw::cli {

void print_rows(const std::vector<TuneRow>& rows);

}  // namespace rw::cli
