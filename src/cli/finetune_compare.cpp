// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_compare.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "cli/finetune_clock.h"
#include "cli/finetune_results.h"
#include "cli/finetune_start.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "results/summary.h"
#include "train/merged.h"
#include "train/trainer.h"

namespace rw::cli::finetune {
namespace {

namespace fs = std::filesystem;

/// Seconds of training up to each look, beside the looks' results.
class Times {
 public:
  /// Errors: Error naming the file and what in it is no time.
  explicit Times(std::string path) : path_(std::move(path)) {
    if (!path_.empty()) remove_parts_of(path_);
    if (path_.empty() || !fs::exists(path_)) return;
    const auto require = [&](bool is_so, const JsonInput& found) {
      if (!is_so)
        throw Error(path_, "an object of seconds of training by step, such as {\"10\": 2.5}",
                    printable(dump_json(found).substr(0, 60)),
                    "take it away: then the times of these steps are not known");
    };
    const JsonInput stored = parse_json(read_bytes(path_, std::size_t{1} << 20), path_);
    require(stored.is_object(), stored);
    for (const auto& [step, seconds] : stored.items()) {
      require(seconds.is_number() && std::isfinite(seconds.get<double>()) && seconds.get<double>() >= 0,
              stored);
      by_step_[step] = seconds.get<double>();
    }
  }
  std::optional<double> at(Index step) const {
    const auto found = by_step_.find(fmt::format("{}", step));
    return found != by_step_.end() ? std::optional(found->second) : std::nullopt;
  }
  void put(Index step, double seconds) {
    by_step_[fmt::format("{}", step)] = seconds;
    if (path_.empty()) return;
    OutputFile file(path_);
    file.write(dump_json(Json(by_step_)) + "\n");
    file.commit_to_disk();
  }

 private:
  std::string path_;
  std::map<std::string, double> by_step_;
};

class Comparer {
 public:
  Comparer(const Options& options, const FinetunePlan& plan, const FinetuneTexts& texts,
           const std::shared_ptr<const Model>& source, const RunInfo& run, const FinetuneCost& cost,
           const OnLook& on_look)
      : options_(options),
        plan_(plan),
        texts_(texts),
        source_(source),
        looks_(texts.held_out, plan.judge, run, in_out("looks")),
        clock_(cost, plan),
        on_look_(on_look) {
    looks_.follow([this](double share) { clock_.judging(share); });
    result_.input.n_ctx_train = plan.n_ctx_train, result_.input.length = plan.length;
    result_.input.starts = plan.starts, result_.input.n_vocab = run.n_vocab;
  }

  Comparison run() {
    std::vector<std::string> methods = plan_.against;
    for (const Start& start : plan_.starts) methods.push_back(start.method);
    say("before training: " + counted(methods.size(), "method") + " and truncation");
    clock_.begin_untrained();
    result_.input.untrained = looks_.untrained(*source_, methods);
    clock_.end_judging();
    for (std::size_t s = 0; s < plan_.starts.size(); ++s) add_step_0(s);
    tell_look();
    say_not_read();
    for (std::size_t s = 0; s < plan_.starts.size(); ++s) train(s);
    return std::move(result_);
  }

 private:
  std::string in_out(const std::string& name) const {
    return options_.out.empty() ? "" : (fs::path(options_.out) / name).string();
  }

  /// Before the time is spent: what the training teaches then is the text, and nothing will be claimed.
  void say_not_read() const {
    const Recovery before = recover(result_.input);
    if (before.n_unread > 0)
      say("note: " + not_read_text(before.n_unread, counted(before.units.n_documents(), "document")) +
          "; starts are trained, and nothing will be claimed of them");
  }

  void tell_look() {
    clock_.clear();
    on_look_(result_.input);
  }

  /// Nothing has learnt: the start is the method itself.
  void add_step_0(std::size_t s) {
    Look look{s, 0, 0.0, {}};
    for (const Record& r : result_.input.untrained)
      if (r.method == plan_.starts[s].method) look.records.push_back(r);
    result_.input.looks.push_back(std::move(look));
  }

  void train(std::size_t s) {
    const std::string folder = folder_of(plan_, s);
    if (!options_.out.empty()) fs::create_directories(in_out(folder));
    Times times(options_.out.empty() ? "" : in_out(folder + "/seconds.json"));
    std::optional<WrittenModel> written;
    clock_.clear();
    {  // what training holds is given back before the file is judged
      StartTrainer trainer(options_, plan_, s, texts_, source_,
                           options_.out.empty() ? "" : in_out(folder + "/checkpoints"));
      clock_.leave_out(s, trainer.step(), 0);
      for (const Index step : plan_.looks)
        if (step > 0 && !look_at(s, step, trainer, times)) return say_what_stays(s);
      if (!options_.out.empty())
        written = write_results(plan_, s, trainer.model(), in_out(folder), result_.written);
    }
    if (written && !written->as_judged) judge_written(s, *written);
  }

  /// A run that goes further may end before there is anything new.
  void say_what_stays(std::size_t s) {
    if (options_.out.empty()) return;
    const std::string line = results_of_before(plan_.starts[s].name, in_out(folder_of(plan_, s)));
    if (!line.empty()) result_.written.push_back(line);
  }

  /// The mean loss of a start's records at the long length, as the answer has it. REQUIRES: some.
  std::optional<double> long_loss(std::size_t s, const std::string& method,
                                  const std::vector<Record>& records) const {
    RecoveryInput input{plan_.n_ctx_train, plan_.length, {}, {}, {}, {}};
    input.starts = {{plan_.starts[s].name, method}}, input.looks = {{0, 0, {}, records}};
    const std::optional<Interval> loss = recover(input).starts[0].at[0].loss;
    return loss ? std::optional(loss->mean) : std::nullopt;
  }

  /// Another type than that of what was looked at may lose what was learned: the file is judged as the last
  /// look was, and both are said.
  void judge_written(std::size_t s, const WrittenModel& written) {
    const std::string& name = plan_.starts[s].name;
    const auto model = Model::open(written.path, source_->shared_backend());
    clock_.begin_look(fmt::format("judging the file of {}", name));
    const std::vector<Record> records = looks_.of_start(
        *model, written.method, fmt::format("{}/written-{:06}", folder_of(plan_, s), plan_.steps));
    clock_.end_judging();
    const std::optional<double> loss = long_loss(s, written.method, records),
                                judged = long_loss(s, plan_.starts[s].method, last_look(s).records);
    const auto said = [](const std::optional<double>& of) {
      return of ? fmt::format("{:.3f}", *of) : std::string("not finite");
    };
    result_.written_losses.push_back({s, written.type, loss, judged});
    result_.written.push_back(fmt::format(
        "{}: as {} the file's loss at {} is {}, the last look's was {}; without --type the file is "
        "what was looked at",
        name, written.type, k_tokens(plan_.length), said(loss), said(judged)));
  }
  const Look& last_look(std::size_t s) const {
    return *std::find_if(result_.input.looks.rbegin(), result_.input.looks.rend(),
                         [&](const Look& look) { return look.start == s; });
  }

  std::size_t looks_from(Index step) const {
    return static_cast<std::size_t>(
        std::count_if(plan_.looks.begin(), plan_.looks.end(), [step](Index look) { return look >= step; }));
  }

  /// False: the training stopped.
  bool look_at(std::size_t s, Index step, StartTrainer& trainer, Times& times) {
    const std::string name = fmt::format("{}/step-{:06}", folder_of(plan_, s), step);
    const std::string& method = plan_.starts[s].method;
    Look look{s, step, {}, {}};
    if (trainer.step() > step) {  // it was looked at before the run was cut off
      clock_.begin_look(fmt::format("judging {} at step {}", plan_.starts[s].name, step));
      std::optional<std::vector<Record>> known = looks_.known(*source_, method, name);
      clock_.end_judging();
      if (!known)
        throw Error(in_out("looks/" + name + ".jsonl"), "the results of that step", "none, or not all",
                    "training is past it; start again in another --out");
      look.records = std::move(*known);
    } else {
      try {
        trainer.train_to(step, [&](const std::string& what) {
          clock_.trained_step(s, what);
          ++result_.n_trained;
        });
        times.put(step, trainer.seconds());
        clock_.begin_look(fmt::format("judging {} at step {}", plan_.starts[s].name, step));
        look.records = looks_.of_start(*merged_model(trainer.model()), method, name);
        clock_.end_judging();
      } catch (const TrainingStopped& error) {
        result_.input.ended.push_back({s, trainer.step(), error.what()});
        clock_.leave_out(s, plan_.steps - trainer.step(), looks_from(step));
        clock_.clear();
        say(fmt::format("{} ends at step {}: {}", plan_.starts[s].name, trainer.step(), error.what()));
        return false;
      }
    }
    look.seconds = times.at(step);
    result_.input.looks.push_back(std::move(look));
    tell_look();
    return true;
  }

  const Options& options_;
  const FinetunePlan& plan_;
  const FinetuneTexts& texts_;
  const std::shared_ptr<const Model>& source_;
  FinetuneLooks looks_;
  FinetuneClock clock_;
  const OnLook& on_look_;
  Comparison result_;
};

}  // namespace

Comparison compare(const Options& options, const FinetunePlan& plan, const FinetuneTexts& texts,
                   const std::shared_ptr<const Model>& source, const RunInfo& run, const FinetuneCost& cost,
                   const OnLook& on_look) {
  return Comparer(options, plan, texts, source, run, cost, on_look).run();
}

}  // namespace rw::cli::finetune
