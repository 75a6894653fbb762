// SPDX-License-Identifier: Apache-2.0
/// tune's candidates as a table and as JSON.
#pragma once
#include <vector>

#include "core/json.h"
#include "judge/tune.h"

namespace rw::cli {

void print_rows(const std::vector<TuneRow>& rows);
Json rows_json(const std::vector<TuneRow>& rows);

}  // namespace rw::cli
