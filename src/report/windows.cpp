// SPDX-License-Identifier: Apache-2.0
/// Losses by the protocols of others (tasks sliding and llama): no verdict, since each length scores other
/// tokens; methods at one length are comparable.
#include "core/error.h"
#include "report/sections.h"

namespace rw {

Table windows_table(const ReportData& data) {
  std::map<std::pair<std::string, Index>, std::map<std::string, ByDocument>> losses;  // task, length; method
  for (const Record& r : data.records)
    if ((r.task == "sliding" || r.task == "llama") && r.n_targets > 0)
      losses[{r.task, r.length}][r.method][r.document].push_back(r.loss);
  Table table{"", {"task", "tokens", "method", "loss (95 %)", "from plain RoPE (95 %)", "documents"}, {}};
  for (const auto& [key, by_method] : losses)
    for (const std::string& method : methods_of(data)) {
      const auto own = by_method.find(method), plain = by_method.find(kPlain);
      if (own == by_method.end()) continue;
      const Interval loss = interval(unit_means(own->second, data.units));
      std::string versus;
      if (method != kPlain && plain != by_method.end())
        if (const auto values = paired_difference(own->second, plain->second, data.units); !values.empty())
          versus = interval_text(interval(values), true);
      table.rows.push_back({{key.first},
                            {k_tokens(key.second), "number"},
                            {method, "name"},
                            {interval_text(loss, false), "number"},
                            {versus, "number"},
                            {fmt::format("{}", loss.n), "number"}});
    }
  return table;
}

}  // namespace rw
