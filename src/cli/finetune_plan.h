// SPDX-License-Identifier: Apache-2.0
/// What finetune will do, as typed and as completed: starts, steps, looks.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/finetune_texts.h"
#include "core/ranks.h"
#include "judge/runner.h"
#include "results/recovery.h"
#include "train/parameters.h"

namespace rw::cli::finetune {

struct Options {
  std::string model, method, length, budget, type, out, report;
  std::vector<std::string> compare, looks, against;
  std::vector<std::string> tasks = {"tail", "passkey"};
  FinetuneTextOptions texts;
  LowRankOptions low_rank;
  Index steps = 200, warm_up = -1;  // -1: a tenth of the steps, 20 at most
  Index batch = 0;                  // tokens a step; 0: kUsualBatch, or one text of the length
  double rate = 0;                  // 0: kUsualRate...
  int n_questions = 1, n_depths = 3, n_threads = 0, seed = 1;
  bool full = false, resume = false, json = false, dry_run = false;
  BackendOptions backend;
  std::shared_ptr<Ranks> ranks = std::make_shared<OneRank>();
  void define(CommandLine& app);
};

inline constexpr Index kUsualBatch = 8192;
/// Of pairs beside quantised or other frozen weights as in QLoRA (Dettmers et al. 2023); of all weights as in
/// Position Interpolation (Chen et al. 2023) and YaRN.
inline constexpr double kUsualLowRankRate = 2e-4, kUsualFullRate = 2e-5;
/// Steps that are looked at, as far as a run goes; its last one is.
inline const std::vector<Index> kUsualLooks{0, 10, 25, 50, 100, 200};
/// Training-free methods to be passed, where they fit; the starts are too.
inline const std::vector<std::string> kUsualAgainst{"self-extend", "yarn", "lm-infinite", "leaky-rerope",
                                                    "dca"};

/// Everything filled in.
struct FinetunePlan {
  Index length = 0, n_ctx_train = 0;
  std::vector<Start> starts;
  std::vector<std::string> against;  ///< beside the starts
  std::vector<Index> looks;          ///< ascending, from 0 to the last step
  Index steps = 0, warm_up = 0, batch = 0;
  double rate = 0;
  bool decided = false;        ///< take_decided
  Index tokens_at_once = 0;    ///< Recipe's, as memory allows
  std::size_t kept_bytes = 0;  ///< GradientOptions'
  std::string type;            ///< of the written weights; empty: as they were judged
  std::string no_adapter;      ///< why --out will hold no adapter of the pairs; empty: it will
  PlanOptions judge;           ///< of each look
};

/// Errors: UsageError for a method that does not exist, does not fit the model at this length, or whose keys
/// move while a text grows (grow=1); for a length within the trained one; for looks that are no steps.
FinetunePlan complete(const Options& options, const ModelConfig& config, const Model& model);
/// Ascending steps with 0 and `steps` among them; those beyond are left out. Errors: UsageError.
std::vector<Index> looks_of(const std::vector<std::string>& typed, Index steps);
/// A tenth of the steps, 20 at most.
inline Index usual_warm_up(Index steps) { return std::min<Index>(20, steps / 10); }
/// A folder's name for each start: its number and its method's name.
std::string folder_of(const FinetunePlan& plan, std::size_t start);

/// All that results depend on, to be the same when a run goes on.
Json settings_json(const Options& options, const FinetunePlan& plan, const FinetuneTexts& texts,
                   const RunInfo& run);
/// Before a run goes on: what the machine and the clock decided when it began (steps of a budget, how much of
/// a batch goes through at once, a warm-up that was not typed) is taken from DIR/finetune.json. Without
/// --resume, or such a file: nothing.
void take_decided(const Options& options, FinetunePlan& plan);
/// Reads alone. Errors: UsageError where --out is neither new or empty nor finetune's; where it is, and
/// --resume was not given.
void require_own_folder(const Options& options);
/// DIR/finetune.json is written where it is not there. More steps, and looks behind those that were taken,
/// may be gone on to: what was written of the last step stays until that of the new one replaces it
/// (write_results). REQUIRES: DIR is there, and its lock is held (core/folder_lock.h). Errors: as
/// require_own_folder; Error that names the first setting that differs.
void keep_settings(const Options& options, const FinetunePlan& plan, const Json& settings);
/// The command as typed in a shell.
std::string command_line(const Options& options, const FinetunePlan& plan);

}  // namespace rw::cli::finetune
