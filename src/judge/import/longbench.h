// SPDX-License-Identifier: Apache-2.0
/// Samples of LongBench v1 (Bai et al. 2023, arXiv:2308.14508), one JSON object a line: input, context,
/// answers (list), all_classes (list or null), dataset, length, _id. Metric, budget of new tokens, whether a
/// chat template is used and the cut at the first line are as its pred.py and eval.py have them.
#pragma once
#include <map>

#include "judge/import/import.h"

namespace rw {

/// Template of each dataset, with {context} and {input}.
using LongBenchPrompts = std::map<std::string, std::string>;

/// LongBench's own config/dataset2prompt.json. Errors: Error where it is no object of texts.
LongBenchPrompts read_longbench_prompts(std::string_view json, const std::string& path);

/// `prompts`: the published templates, or empty for short ones of our own wording, with which scores are not
/// comparable with published ones. A dataset's name may end in "_e" (LongBench-E).
/// Errors: Error naming the line and field, an unknown dataset, or an unknown {name} in a template.
std::vector<FileQuestion> read_longbench(std::string_view text, const std::string& path,
                                         const LongBenchPrompts& prompts);

/// Names of the datasets.
std::vector<std::string> longbench_datasets();

}  // namespace rw
