// SPDX-License-Identifier: Apache-2.0
#include "report/origin.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/text.h"

namespace rw {

Origin origin_of(const ReportData& data) {
  Origin origin;
  const auto add = [&](const std::string& command) {
    if (!command.empty() &&
        std::find(origin.commands.begin(), origin.commands.end(), command) == origin.commands.end())
      origin.commands.push_back(command);
  };
  add(data.run.command);
  std::map<std::string, std::set<std::string>> texts;
  std::set<std::string> dates;
  for (const Record& r : data.records) {
    texts[text_of(r.document)].insert(r.document);
    add(r.command);
    if (!r.date.empty()) dates.insert(r.date);
  }
  for (const auto& [text, documents] : texts)
    origin.texts.push_back(documents.size() == 1 && *documents.begin() == text
                               ? text
                               : text + ", " + counted(documents.size(), "stretch"));
  if (!dates.empty())
    origin.dates = dates.size() == 1 ? *dates.begin() : *dates.begin() + " to " + *dates.rbegin();
  const RunInfo& run = data.run;
  origin.machine =
      was_remote(run)
          ? fmt::format(
                "ropewalk {}, which asked servers: up to {} side by side, so that times are those of waiting",
                run.version, counted(run.threads, "request"))
          : fmt::format("ropewalk {}, {}, precision {}, KV cache {}, {}", run.version, run.isa, run.precision,
                        run.kv, counted(run.threads, "thread"));
  if (run.n_layers > 0)
    origin.layers = fmt::format("methods act on {} of {} layers", run.n_acting_layers, run.n_layers);
  return origin;
}

}  // namespace rw
