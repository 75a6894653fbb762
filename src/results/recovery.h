// SPDX-License-Identifier: Apache-2.0
/// Which start recovers first? What training under each of several methods made of one model, step by step,
/// and what that is worth: decided once, here, for text, JSON and the page (report/recovery.h shows it).
#pragma once
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "results/statistics.h"
#include "results/units.h"

namespace rw {

/// A start: a model as it is before training, under a method. Of a look those records count whose method is
/// `method`, at the long and at the original length.
struct Start {
  std::string name;    ///< as asked for: "pi"
  std::string method;  ///< with every default filled in at the long length, as the records have it
};
/// What a start had become after some training.
struct Look {
  std::size_t start = 0;  ///< which
  Index step = 0;
  std::optional<double> seconds;  ///< of training so far, looks not counted; nullopt: not known
  std::vector<Record> records;
};
/// A start that ended before its last step, and why.
struct EndedStart {
  std::size_t start = 0;
  Index step = 0;
  std::string why;
};
struct RecoveryInput {
  Index n_ctx_train = 0;  ///< the original length
  Index length = 0;       ///< the long one
  std::vector<Start> starts;
  std::vector<Look> looks;
  /// Of the model as it came: training-free methods and truncation at `length`, plain RoPE at n_ctx_train.
  std::vector<Record> untrained;
  std::vector<EndedStart> ended = {};
  Index n_vocab = 0;  ///< 0: not known
};

/// What a start may pass: every training-free method at the long length; plain RoPE, told the last
/// n_ctx_train tokens of it; plain RoPE at n_ctx_train. The last two are one where the scored tokens are the
/// same (Recovery::same_targets).
enum class Target { kTrainingFree, kTruncation, kOriginalShort };
inline constexpr std::size_t kTargets = 3;
inline constexpr std::array<Target, kTargets> kAllTargets{Target::kTrainingFree, Target::kTruncation,
                                                          Target::kOriginalShort};
/// "training_free", "truncation", "original_short": for JSON.
const char* target_name(Target target);

/// Level of each claim, after Holm's correction. An answer may make six kinds of claim (a start is the best
/// before training; a start has passed this target, for three targets; a start uses, or loses by, what lies
/// further back; training has harmed a start), each at a sixth of 5 %: that some claim in it is wrong has a
/// chance of 5 % at most, however many starts and looks there are. Measured: tests/results/recovery_test.cpp.
inline constexpr double kRecoveryLevel = 0.05 / 6;

/// A start's loss at the long length minus a target's, paired by document.
struct Versus {
  std::optional<Interval> difference;  ///< absent: not measured on the same documents, or not finite
  /// One-sided test of "below 0" (standard errors times kWiden, results/verdict.h), adjusted by Holm over all
  /// looks of all starts. Against several training-free methods: the greatest of their p-values, since all
  /// are to be passed; `difference` is from the best of them. Absent with fewer than kEnoughUnits.
  std::optional<double> p;
  bool shown() const { return p && *p <= kRecoveryLevel; }
};
struct RecoveryAt {
  Index step = 0;
  std::optional<double> seconds;
  bool finite = true;                        ///< every loss at both lengths is a number
  std::optional<Interval> loss, short_loss;  ///< at the long and at the original length; absent: not measured
  /// Loss at the long length minus that at the original one, both as trained: below 0, what lies further back
  /// is used. Training on texts like these lowers both losses, this difference is the length's alone.
  std::optional<Interval> far;
  /// One-sided tests of `far` below and above 0 (standard errors times kWiden), adjusted by Holm over both
  /// and all looks of all starts. Absent with fewer than kEnoughUnits, or where `far` is.
  std::optional<double> p_uses_far, p_far_hurts;
  bool uses_far() const { return p_uses_far && *p_uses_far <= kRecoveryLevel; }
  bool far_hurts() const { return p_far_hurts && *p_far_hurts <= kRecoveryLevel; }
  std::optional<Interval> kept;  ///< loss at the original length minus plain RoPE's there before training
  /// Of passkeys, at the long and at the original length: mean over units of the share found in each. The
  /// interval is Wilson's of as many answers as there are units, since a unit's share varies as one answer
  /// does at most: questions asked of one text depend on each other.
  std::optional<Proportion> found, short_found;
  std::array<Versus, kTargets> versus;  ///< by Target
};
/// The first look at which a start was shown to be below a target.
struct Passed {
  Index step = 0;
  std::optional<double> seconds;
  bool still = true;  ///< shown at the last look too
};
struct StartRecovery {
  Start start;
  std::vector<RecoveryAt> at;                          ///< by step
  std::array<std::optional<Passed>, kTargets> passes;  ///< none: not within the budget, or no claim
  std::optional<Index> ended;                          ///< the step at which it ended early
  std::optional<Interval> change;  ///< loss at the long length at its last look minus that at step 0
  /// One-sided test of `change` above 0 (standard errors times kWiden), adjusted by Holm over the starts.
  std::optional<double> p_harmed = {};
  bool harmed() const { return p_harmed && *p_harmed <= kRecoveryLevel; }
};
struct TargetLoss {
  std::string method;  ///< of the training-free methods the one with the least mean loss
  Interval loss;
};

struct Recovery {
  Index n_ctx_train = 0, length = 0;
  Units units;
  bool enough = false;        ///< kEnoughUnits or more, and none that is unread: claims are made
  std::size_t n_unread = 0;   ///< documents that the model as it came does not read (unread_documents)
  bool same_targets = false;  ///< truncation and the original short quality are equal in every document
  std::array<std::optional<TargetLoss>, kTargets> targets;  ///< absent: not measured, or not finite
  /// Of passkeys, before training: plain RoPE at n_ctx_train, and told the last n_ctx_train of `length`.
  std::optional<Proportion> original_found, truncated_found;
  std::vector<StartRecovery> starts;  ///< as given

  /// Of the starts whose losses at step 0 are numbers the one with the least mean; none: no such start.
  std::optional<std::size_t> best_start;
  /// It was shown to be below every other start there (Holm over the starts).
  bool best_start_shown = false;
  /// The start that was first shown to pass truncation; of equal ones that with the least loss there, and all
  /// of them in `first_by_step`. None: no start was, within the budget.
  std::optional<std::size_t> fastest_by_step;
  std::vector<std::size_t> first_by_step;
  /// The start that passed truncation after the least time. None: no start did; the time of one that did is
  /// not known; or another's is not longer by more than this machine's pace varied (pace_noise).
  std::optional<std::size_t> fastest_by_time;
  /// Seconds a step between two looks of a start, the most over the least; of the start where that is the
  /// greatest. None: no start has two such stretches.
  std::optional<double> pace_noise;
  /// At the last step that all starts reached, but those that ended early (where all did, of these): the
  /// least mean loss. None: no start has a loss there.
  std::optional<std::size_t> nearest;
  Index last_step = 0;  ///< that step
  /// Where no start passed truncation and the nearest has the lesser loss: about how many more units would
  /// show it, if mean and spread stay; 0: not known. kManyDocuments: that many or more.
  int more_units = 0;
  bool all_ended() const {
    return !starts.empty() && std::all_of(starts.begin(), starts.end(),
                                          [](const StartRecovery& s) { return s.ended.has_value(); });
  }
};

/// Errors: none; what was not measured is absent. A loss that is not finite passes nothing, and a target with
/// such a loss is not compared with (a training-free method: it is left out).
Recovery recover(const RecoveryInput& input);

}  // namespace rw
