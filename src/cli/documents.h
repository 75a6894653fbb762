// SPDX-License-Identifier: Apache-2.0
/// What eval and tune share: documents from the user's text files, and what is said of a run over them.
#pragma once
#include "cli/command.h"
#include "judge/runner.h"

namespace ropewalk {

/// `n` disjoint stretches of each text, of more than `least` tokens each. `paths` name them. Errors:
/// UsageError for a text given twice, which would count as two independent documents; Error for a short one.
std::vector<Document> read_documents(const Tokenizer& tokenizer, const std::vector<std::string>& paths,
                                     const std::vector<std::string>& texts, int n, Index least);

/// The same; with n = 0 as many stretches of each text as fit, `most` at most.
std::vector<Document> documents_to_tune(const Tokenizer& tokenizer, const std::vector<std::string>& paths,
                                        const std::vector<std::string>& texts, Index least, int n, int most);

/// What every record of a run says of it: all but command, tail and margin. Errors: Error for a model that
/// cannot be read (its SHA-256 is taken).
RunInfo run_info(const std::string& model_path, const BackendOptions& backend, const LoadedModel& loaded);

/// "90s", "8m", "2h" or seconds. Errors: UsageError naming --budget.
double parse_seconds(const std::string& text);

}  // namespace ropewalk
