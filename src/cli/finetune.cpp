// SPDX-License-Identifier: Apache-2.0
/// ropewalk finetune: train short from one start or several, and see which recovers first.
#include <algorithm>
#include <filesystem>

#include "cli/command.h"
#include "cli/documents.h"
#include "cli/finetune_compare.h"
#include "cli/finetune_cost.h"
#include "cli/finetune_doubts.h"
#include "cli/goes_on.h"
#include "cli/ranks.h"
#include "core/folder_lock.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "evaluation/run_info.h"
#include "results/verdict.h"

namespace rw::cli::finetune {
namespace {

Options asked;

std::string page_path() {
  if (!asked.report.empty()) return asked.report;
  return asked.out.empty() ? "" : (std::filesystem::path(asked.out) / "recovery.html").string();
}

void write_whole(const std::string& path, const std::string& bytes) {
  OutputFile file(path);
  file.write(bytes);
  file.commit();
}

RecoveryOrigin origin_of(const FinetunePlan& plan, const FinetuneTexts& texts, const RunInfo& run) {
  const std::string what = asked.full
                               ? "All weights learnt"
                               : fmt::format("Pairs of rank {} (alpha {}) learnt beside frozen weights",
                                             asked.low_rank.rank, asked.low_rank.alpha);
  return {run.model,
          run.model_id,
          run.command,
          {fmt::format("{}, {} tokens a step, rate {} behind {} of warm-up, seed {}; trained on {}.", what,
                       plan.batch / plan.length * plan.length, plan.rate, counted(plan.warm_up, "step"),
                       asked.seed, texts.training_scope()),
           fmt::format("Judged on {} that were not trained on, last {} tokens of each; {}, {}, {}, {}.",
                       counted(texts.held_out.size(), "document"), plan.judge.tail, run.precision, run.isa,
                       counted(run.threads, "thread"), "ropewalk " + run.version)}};
}

/// After a look: the page as it stands, and a line.
void show_look(const RecoveryInput& input, const RecoveryOrigin& origin) {
  const Recovery recovery = recover(input);
  if (const std::string page = page_path(); !page.empty()) write_whole(page, recovery_page(recovery, origin));
  const Look& look = input.looks.back();
  if (look.step == 0) return;
  for (const RecoveryAt& at : recovery.starts[look.start].at)
    if (at.step == look.step)
      say(fmt::format("{}: step {}, {}: loss {} at {}{}", input.starts[look.start].name, at.step,
                      at.seconds ? time_text(*at.seconds) : "?",
                      at.loss ? fmt::format("{:.3f}", at.loss->mean) : "not finite", k_tokens(input.length),
                      at.versus[1].difference
                          ? fmt::format(", {:+.3f} from truncation", at.versus[1].difference->mean)
                          : ""));
}

void say_plan(const FinetunePlan& plan, const FinetuneTexts& texts, const FinetuneCost& cost) {
  say(fmt::format("{} of {} of {} tokens from {}; trained on {}, judged on {} of {} tokens",
                  counted(plan.steps, "step"), counted(plan.batch / plan.length, "text"), plan.length,
                  counted(plan.starts.size(), "start"), texts.training_scope(),
                  counted(texts.held_out.size(), "document"), k_tokens(plan.length)));
  for (const Start& start : plan.starts)
    if (start.method != start.name) tell("{}", start_line(start));
  say(cost.text(plan));
  for (const std::string& doubt : doubts_of(plan, texts)) say("note: " + doubt);
}

Json plan_json(const FinetunePlan& plan, const FinetuneTexts& texts, const FinetuneCost& cost,
               const Json& settings) {
  return {{"seconds", cost.seconds(plan)},
          {"seconds_before_training", cost.untrained_seconds},
          {"seconds_of_a_step", cost.step_seconds},
          {"seconds_of_a_look", cost.look_seconds},
          {"training_bytes", cost.training_bytes},
          {"look_bytes", cost.look_bytes},
          {"n_learning", cost.n_learning},
          {"n_training", texts.n_training()},
          {"passes", passes_over_texts(plan, texts)},
          {"doubts", doubts_of(plan, texts)},
          {"settings", settings}};
}

/// A step is as long as that of the rank with most texts; all go by the first one's clock, and so do the
/// same.
void share_cost(Ranks& ranks, Index n_texts, FinetuneCost& cost) {
  const Index most = (n_texts + ranks.size() - 1) / ranks.size();
  const double share = static_cast<double>(most) / static_cast<double>(n_texts);
  for (double& seconds : cost.step_seconds) seconds *= share;
  ranks.broadcast(std::as_writable_bytes(std::span(cost.step_seconds)));
  for (double* seconds : {&cost.untrained_seconds, &cost.look_seconds})
    ranks.broadcast(std::as_writable_bytes(std::span(seconds, 1)));
}

/// What was written, and before it of which start it is better not used.
std::vector<std::string> written_lines(const Comparison& comparison, const Recovery& recovery) {
  std::vector<std::string> lines = comparison.written;
  for (const StartRecovery& start : recovery.starts) {
    if (!start.harmed() || start.ended) continue;  // of one that ended, what is there is of a step before
    const std::string begin = start.start.name + ": ";
    const auto first = std::find_if(lines.begin(), lines.end(),
                                    [&](const std::string& line) { return line.starts_with(begin); });
    if (first != lines.end())
      lines.insert(first, begin + "training made it worse, and what follows of it is not to be used:");
  }
  return lines;
}

Json result_json(const Comparison& comparison, const Recovery& recovery, const Json& settings) {
  Json json = recovery_json(recovery);
  const auto name = [&](std::size_t start) { return recovery.starts[start].start.name; };
  const auto number = [](const std::optional<double>& x) { return x ? Json(*x) : Json(nullptr); };
  json["ended"] = Json::array();
  for (const EndedStart& ended : comparison.input.ended)
    json["ended"].push_back({{"start", name(ended.start)}, {"step", ended.step}, {"why", ended.why}});
  json["written"] = written_lines(comparison, recovery);
  json["written_losses"] = Json::array();
  for (const WrittenLoss& loss : comparison.written_losses)
    json["written_losses"].push_back({{"start", name(loss.start)},
                                      {"type", loss.type},
                                      {"written", number(loss.written)},
                                      {"judged", number(loss.judged)}});
  json["settings"] = settings;
  return json;
}

void show(const Comparison& comparison, const Json& settings, const RecoveryOrigin& origin) {
  const Recovery recovery = recover(comparison.input);
  const Json json = result_json(comparison, recovery, settings);
  if (!asked.out.empty())
    write_whole((std::filesystem::path(asked.out) / "recovery.json").string(), dump_json(json, 1) + "\n");
  if (asked.json) {
    fmt::print("{}\n", dump_json(json));
  } else {
    fmt::print("{}", recovery_text(recovery));
    for (const EndedStart& ended : comparison.input.ended)
      fmt::print("{}", wrapped(fmt::format("{} ended at step {}: {}", recovery.starts[ended.start].start.name,
                                           ended.step, ended.why),
                               "  "));
    for (const std::string& line : written_lines(comparison, recovery)) fmt::print("{}", wrapped(line, "  "));
  }
  std::fflush(stdout);
  if (const std::string page = page_path(); !page.empty()) {
    write_whole(page, recovery_page(recovery, origin));
    tell("report: file://{}\n", std::filesystem::absolute(page).string());
  }
}

int run() {
  const std::shared_ptr<const Backend> backend = asked.backend.make(make_context(asked.n_threads));
  asked.ranks = command_ranks(*backend->context());
  require_same(*asked.ranks, "the model", model_identity(asked.model));
  asked.out = folder_of_first(*asked.ranks, asked.out, asked.resume);
  if (!asked.ranks->first()) asked.report.clear();
  parse_length(asked.length);
  require_own_folder(asked);
  const std::shared_ptr<const ModelFile> file = open_decoder(asked.model);
  require_trainable(read_config(*file), *file);  // before the length, the texts and the weights
  const std::shared_ptr<const Model> source = load_model(asked.model, file, backend);
  say_acting_layers(source->config());
  asked.low_rank.seed = static_cast<std::uint64_t>(asked.seed);
  FinetunePlan plan = complete(asked, source->config(), *source);
  FinetuneTextOptions text_options = asked.texts;
  text_options.length = plan.length, text_options.tail = plan.judge.tail;
  text_options.least = tokens_needed(plan.judge) - 1;
  const FinetuneTexts texts = finetune_texts(source->tokenizer(), text_options);
  RunInfo run = run_info(*source, asked.model);
  run.tail = plan.judge.tail, run.margin = kStabilityMargin, run.special = asked.texts.special;
  take_decided(asked, plan);
  const FinetuneLooks looks(texts.held_out, plan.judge, run, "");
  FinetuneCost cost = cost_of_finetune(asked, plan, texts, source, looks);
  share_cost(*asked.ranks, plan.batch / plan.length, cost);
  if (!plan.decided) take_budget(asked, cost, plan);
  run.command = command_line(asked, plan);
  say_plan(plan, texts, cost);
  cost.require();
  const Json settings = settings_json(asked, plan, texts, run);
  if (asked.dry_run) {
    if (asked.json) fmt::print("{}\n", dump_json(plan_json(plan, texts, cost, settings)));
    return 0;
  }
  std::optional<FolderLock> lock;
  if (!asked.out.empty()) {
    std::filesystem::create_directories(asked.out);
    lock.emplace(asked.out);  // before anything of it is judged or changed
    keep_settings(asked, plan, settings);
    for (const char* name : {"recovery.html", "recovery.json"})  // of a run that was killed
      remove_parts_of((std::filesystem::path(asked.out) / name).string());
    say_that_it_goes_on((std::filesystem::path(asked.out) / "finetune.json").string(),
                        "the same command with --resume");
  }
  const RecoveryOrigin origin = origin_of(plan, texts, run);
  if (asked.out.empty()) say("without --out nothing is kept but what is printed");
  const Comparison comparison = compare(asked, plan, texts, source, run, cost,
                                        [&](const RecoveryInput& input) { show_look(input, origin); });
  show(comparison, settings, origin);
  if (asked.resume && comparison.n_trained == 0)
    say("this run was finished before, and nothing was trained now; more --steps would go on");
  return comparison.input.ended.size() == plan.starts.size() ? 1 : 0;  // nothing was made
}

const Register<Command> registered{{"finetune", "train for a longer length from the better start",
                                    [](CommandLine& app) { asked.define(app); }, run, true}};

}  // namespace
}  // namespace rw::cli::finetune
