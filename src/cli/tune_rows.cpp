// SPDX-License-Identifier: Apache-2.0
#include "cli/tune_rows.h"

#include <fmt/format.h>

#include <cmath>

namespace rw::cli {

void print_rows(const std::vector<TuneRow>& rows) {
  const bool scored = rows[0].score.has_value();
  fmt::print("{:<44} {:>5} {:>9} {:>10}{}\n", "candidate", "round", "stretches", "loss",
             scored ? "  found" : "");
  for (const TuneRow& row : rows) {
    // A name that is too long stands on a line of its own: cut short, two candidates could look the same.
    const std::string name = row.method.size() <= 44 ? fmt::format("{:<44}", row.method)
                                                     : fmt::format("{}\n{:44}", row.method, "");
    if (!row.same_as.empty())
      fmt::print("{} the same as{}{}\n", name, row.same_as.size() <= 23 ? " " : "\n  ", row.same_as);
    else
      fmt::print("{} {:>5} {:>9} {:>10}{}\n", name, row.round, row.n_documents,
                 std::isfinite(row.loss) ? fmt::format("{:.4f}", row.loss) : "not finite",
                 scored ? fmt::format(" {:>4.0f} %", 100 * row.score.value_or(0)) : "");
  }
}

}  // namespace rw::cli
