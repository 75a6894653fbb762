// SPDX-License-Identifier: Apache-2.0
/// All that a report shows: records, and what was decided from them. The page, the terminal and --json show
/// the same, since they are given the same.
#pragma once
#include <string>
#include <vector>

#include "results/summary.h"

namespace rw {

/// What each method is, given by the caller: results know records only.
struct MethodNote {
  std::string name, title, formula, source;
  bool only_numbers = false;  ///< changes frequencies or the logits' scale only: plain RoPE's very work
};

/// Where the evidence is too little: what would decide.
struct NextStep {
  std::string words;    ///< a sentence, or what stands in front of the command: "To decide:"
  std::string command;  ///< to be pasted, on a line of its own; empty: none is known
};

struct ReportData {
  std::vector<Record> records;
  RunInfo run;
  std::vector<MethodNote> notes;
  std::vector<SummaryCell> cells = {};  ///< of the tail task, if it ran
  Units units = {};                     ///< of the tail task; else of all
  std::optional<NextStep> next = {};    ///< given by who knows the texts; a file of results does not
};
/// Fills in cells and units.
ReportData report_data(std::vector<Record> records, const RunInfo& run, std::vector<MethodNote> notes);

}  // namespace rw
