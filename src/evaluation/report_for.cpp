// SPDX-License-Identifier: Apache-2.0
#include "evaluation/report_for.h"

#include <algorithm>

#include "core/registry.h"
#include "methods/method.h"
#include "results/store.h"

namespace rw {
namespace {

/// A file may hold methods that this version does not know: they have records and no note.
std::vector<MethodNote> notes_of(const std::vector<Record>& records) {
  std::vector<MethodNote> notes;
  for (const Record& r : records) {
    std::vector<MethodPart> parts;
    try {
      parts = MethodSpec::parse(r.method).parts;
    } catch (const Error&) {
      continue;  // a baseline, or a name from elsewhere
    }
    for (const MethodPart& part : parts) {
      const MethodInfo& info = Registry<MethodInfo>::get(part.name, "method");
      if (std::none_of(notes.begin(), notes.end(), [&](const MethodNote& n) { return n.name == info.name; }))
        notes.push_back({info.name, info.title, info.formula, info.source,
                         info.kind == "frequency" || info.kind == "scale"});
    }
  }
  return notes;
}

}  // namespace

ReportData report_for(std::vector<Record> records, const RunInfo& run) {
  order_methods(records);
  // What another engine is called says nothing of what it does.
  std::vector<MethodNote> notes = was_remote(run) ? std::vector<MethodNote>() : notes_of(records);
  return report_data(std::move(records), run, std::move(notes));
}

}  // namespace rw
