// SPDX-License-Identifier: Apache-2.0
/// The judge: which methods keep working past the trained length, on texts that somebody gave? What is
/// measured, and what a verdict promises, is in docs/judging.md.
#pragma once
#include <functional>
#include <optional>

#include "ropewalk/model.h"

namespace rw {
struct ReportData;
}

namespace ropewalk {

struct NamedText {
  std::string name = {};  ///< a path, or any name: documents of two methods are paired by it
  /// UTF-8, as it is: `ropewalk eval` drops a byte order mark, and reads lines that end \r\n as \n.
  std::string text = {};
};

/// What a long piece of work says and asks. Both are called on the thread that asked for it; what they throw
/// ends the work and is thrown on.
struct Telling {
  std::function<void(double share)> progress =
      {};  ///< of the work that is done, 0 to 1; of tune, of each round
  std::function<void(const std::string& line)> say = {};  ///< what was chosen, left out, how long it takes
};

/// What is left empty is chosen as `ropewalk eval` does.
struct EvalOptions {
  std::vector<std::string> methods = {};  ///< as typed, "all" and "auto" too; empty: a few good ones
  std::vector<Index> lengths = {};        ///< tokens in all; empty: from the trained length up
  /// "tail", "continuation", "passkey" ... or "all"; empty: "tail", of encoders "masked".
  std::vector<std::string> tasks = {};
  /// Last tokens that are scored. 0: 256, but half of the trained length at most, and 64 less than the
  /// shortest of `lengths`.
  Index tail = 0;
  Index n_predict = 128;              ///< tokens that continuation writes
  Index stride = 0;                   ///< of sliding windows, tokens; 0: half of the length
  int n_questions = 4, n_depths = 5;  ///< of retrieval, for each document and length
  int n_documents = 0;                ///< disjoint stretches of each text; 0: as many as the budget buys
  double margin = 0;                  ///< nats that count as stable; 0: 0.02
  /// None: no limit, but 600 for what is chosen. 0: no limit.
  std::optional<double> budget_seconds = {};
  bool special = false;  ///< control tokens that are spelled in texts are read as such
  /// A file of results, JSON lines: finished items are taken from it, and go to it. Several may write it at
  /// once, each item whole; what two measure at the same time stands there twice, and counts once. Empty:
  /// none.
  std::string store = {};
  std::string call = {};  ///< that asked, as "How it was made" and each record name it; empty: none is named
  Telling telling = {};
};

/// Measurements, with what follows from them. Copies share them; any thread.
class ROPEWALK_API Results {
 public:
  std::size_t size() const;  ///< records
  std::string json() const;  ///< verdicts, tables, curves: what `ropewalk report --format json` prints
  std::string text() const;  ///< for a terminal of 80 columns
  std::string markdown() const;
  std::string html() const;  ///< one page, without anything from elsewhere
  std::string csv() const;

  explicit Results(std::shared_ptr<const rw::ReportData> inside);

 private:
  std::shared_ptr<const rw::ReportData> inside_;
};

/// Errors: UsageError for methods, tasks or lengths that do not fit the model; Error for texts that are too
/// short or alike, too little memory, a store of other results.
ROPEWALK_API Results evaluate(const Model& model, const std::vector<NamedText>& texts,
                              const EvalOptions& options = {});
/// Of files that evaluate or `ropewalk eval --out` wrote, of one model, without repeats. Errors: Error.
ROPEWALK_API Results read_results(const std::vector<std::string>& paths);

struct TuneOptions {
  Index length = 0;                          ///< tokens; past the trained length
  std::string goal = "loss";                 ///< "loss", "retrieval" or "both"
  std::vector<std::string> candidates = {};  ///< empty: all kinds of methods, with several parameters
  int n_documents = 0;                       ///< stretches of each text; 0: what fits, to 12
  Index tail = 0;                            ///< 0: the usual
  double budget_seconds = 0;                 ///< 0: no limit
  bool special = false;
  std::string store = {};
  bool keep = false;  ///< what was found is written beside the model, where "auto" looks for it
  Telling telling = {};
};

struct Tuned {
  std::string method = {};  ///< with all its parameters; empty: nothing was found that is better for certain
  std::string json = {};    ///< evidence and candidates: what `ropewalk tune --json` prints
};

/// Errors: UsageError for a length or goal; Error where there is nothing to tune, for texts that hold fewer
/// than two stretches, or too small a budget.
ROPEWALK_API Tuned tune(const Model& model, const std::vector<NamedText>& texts, const TuneOptions& options);

/// BLEU and chrF 0 to 100, of the corpus; the others 0 to 1, means over segments. docs/metrics.md.
struct Scores {
  double bleu = 0, chrf = 0, chrf_words = 0, rouge1 = 0, rouge2 = 0, rouge_l = 0, rouge_lsum = 0,
         token_f1 = 0, edit_similarity = 0;
};
/// `tokenize`: "auto", "13a", "zh" or "char". Errors: UsageError unless there are as many hypotheses as
/// references, one at least. Any thread.
ROPEWALK_API Scores score(const std::vector<std::string>& hypotheses,
                          const std::vector<std::string>& references, std::string_view tokenize = "auto");

}  // namespace ropewalk
