// SPDX-License-Identifier: Apache-2.0
/// Tuning, for whoever asks for it: the method and its parameters chosen by evidence, on texts that somebody
/// gave (judge/tune.h), and kept beside the model for "auto".
#pragma once
#include <memory>
#include <optional>

#include "evaluation/texts.h"
#include "judge/tune_evidence.h"
#include "methods/export.h"
#include "results/report_data.h"

namespace rw {

struct TuneRequest {
  std::vector<NamedText> texts;
  Index length = 0;  ///< tokens
  Goal goal = Goal::kLoss;
  std::vector<std::string> candidates;  ///< empty: all kinds
  int documents = 0;                    ///< stretches of each text; 0: what fits, up to kMostStretches
  Index tail = 0;                       ///< last tokens that are scored; 0: usual_tail
  double budget_seconds = 0;            ///< 0: no limit
  bool special = false;                 ///< control tokens that are spelled in the texts are read as such
  Coordinator* coordinator = nullptr;   ///< of ranks that measure beside this one
  Store* store = nullptr;               ///< finished items are taken from it, and go to it
  bool keep = false;                    ///< it will be kept: a file that cannot be replaced is an error now
  std::string model_path;               ///< as asked for: what is kept lies beside it
  /// The share of a round's work that is done, in place of a line of progress on stderr.
  std::function<void(double share)> on_share = {};
  /// What does it again, for people and in each record; none: nothing is said. `whole`: with its tail.
  std::function<std::string(const TuneRequest& whole, int documents, bool with_budget)> command = {};
};
inline constexpr int kMostStretches = 12;

struct TuneOutcome {
  Index length = 0;
  Goal goal = Goal::kLoss;
  RunInfo info;
  TuneResult result;
  std::vector<Margin> margins;  ///< of the winner, on what it was not chosen on
  TuneConclusion conclusion;
  std::string bound;               ///< what is stored, with all its parameters; empty: nothing
  std::vector<PeerSetting> peers;  ///< the same elsewhere
  std::optional<NextStep> next;    ///< the command that would show something, or what is missing for one
  std::string unmeasured;          ///< why some methods were no candidates; empty: all were
  std::size_t n_to_choose_on = 0, n_to_judge_on = 0;  ///< stretches
};

/// Why nothing is to be measured: inside the trained length plain RoPE is right; where no layer is one that
/// methods act on all of them are the same. Empty: there is something.
std::string nothing_to_tune(Index length, const ModelConfig& config);

/// REQUIRES: nothing_to_tune() is empty. Errors: UsageError, Error: texts for fewer than two stretches, or
/// alike, a tail or candidate that does not fit, too small a budget; with `keep` also a file beside the model
/// that is not tune's.
TuneOutcome choose_method(const std::shared_ptr<const Model>& model, TuneRequest request,
                          const Says& say = kQuiet);

/// What was found goes to MODEL.ropewalk.json, where "auto" reads it: settings of other lengths stay, and the
/// one that is replaced stands behind the new one as what was said before. Where nothing was found, says
/// what stays. Errors: Error.
void keep_tuned(const TuneOutcome& outcome, const std::string& model_path, const Says& say = kQuiet);
/// Errors: Error where it could not be kept: a foreign file, a folder that cannot be written to.
void check_tuned_file(const std::string& model_path, const std::string& model_id, const Says& say);

/// "loss", "retrieval", "both".
std::string name_of(Goal goal);
/// What is kept with the setting, so that somebody can see later what it rests on.
Json evidence_json(const TuneOutcome& outcome);
/// All of it: evidence, candidates, the same elsewhere.
Json tuned_json(const TuneOutcome& outcome, bool kept);

}  // namespace rw
