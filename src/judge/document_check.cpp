// SPDX-License-Identifier: Apache-2.0
#include "judge/document_check.h"

#include <algorithm>
#include <cmath>

#include "core/progress.h"
#include "core/registry.h"
#include "core/text.h"
#include "judge/plan.h"
#include "model/cost.h"

namespace ropewalk {
namespace {

constexpr int kMostDepths = 5;
constexpr double kLevel = 0.05;  // of the one claim

const Task& task(const char* name) { return Registry<Task>::get(name, "task"); }

/// Runs tasks one after the other, and says how far all of them are.
class Work {
 public:
  Work(const Model& model, const Tokenizer& tokenizer, const Document& document, double whole,
       const DocumentCheckOptions& options)
      : model_(model), tokenizer_(tokenizer), document_(document), whole_(whole), options_(options) {}

  TaskInput input(const MethodSpec& spec, Index length) const {
    return {.model = model_, .tokenizer = tokenizer_, .spec = spec, .document = document_, .length = length};
  }
  /// `cost`: of the run, in the unit of `whole`.
  std::vector<Record> run(const char* name, TaskInput in, double cost) {
    in.done = [&](Index n) {
      if (options_.progress)
        options_.progress((done_ + cost * static_cast<double>(n) / static_cast<double>(in.length)) / whole_);
    };
    std::vector<Record> records = task(name).run(in);
    done_ += cost;
    return records;
  }

 private:
  const Model& model_;
  const Tokenizer& tokenizer_;
  const Document& document_;
  double whole_, done_ = 0;
  const DocumentCheckOptions& options_;
};

/// How the keys are asked for: each at every depth.
struct Keys {
  int n_seeds = 1, n_depths = 1;
  int n() const { return n_seeds * n_depths; }
};

Keys keys_of(Index n) {
  const int depths = static_cast<int>(std::min<Index>(n, kMostDepths));
  return {static_cast<int>(n) / depths, depths};
}

std::vector<double> ask(Work& work, const MethodSpec& spec, Index length, Index told, const Keys& keys,
                        double each) {
  std::vector<double> found;
  for (int seed = 1; seed <= keys.n_seeds; ++seed) {
    TaskInput in = work.input(spec, length);
    in.seed = drawn_seed(in.document, seed), in.n_depths = keys.n_depths, in.told = told;
    for (const Record& record : work.run("passkey", in, each * keys.n_depths))
      found.push_back(record.score.value_or(0));
  }
  return found;
}

double tail_loss(Work& work, const MethodSpec& spec, Index length, Index tail, double cost) {
  TaskInput in = work.input(spec, length);
  in.tail = tail;
  return work.run("tail", in, cost).at(0).loss;
}

Proportion share_of(const std::vector<double>& found) {
  double sum = 0;
  for (const double each : found) sum += each;
  return proportion(sum, static_cast<Index>(found.size()));
}

}  // namespace

DocumentCheck check_document(const Model& model, const Tokenizer& tokenizer, const MethodSpec& spec,
                             const Document& document, Index length, const DocumentCheckOptions& options) {
  const double start = now_seconds();
  const Index trained = model.config().n_ctx_train;
  DocumentCheck check;
  check.length = std::min(length, static_cast<Index>(document.tokens.size() + document.bos.size()));
  check.told = check.length > trained ? trained : 0;
  check.tail = usual_tail(trained, check.length);
  require_tail(check.tail, trained, check.length);
  const double whole = cost_of(model.config(), check.length);
  const double short_one = check.told > 0 ? cost_of(model.config(), trained) : 0;
  const double each = whole + short_one, pace = measure_pace(model);  // of a key; of both tails as much
  const auto n_fitting = static_cast<Index>(options.budget_seconds / (pace * each)) - 1;
  if (n_fitting < 1)
    throw Error("--check-time",
                fmt::format("{} for one key in {} tokens", time_text(2 * pace * each), check.length),
                time_text(options.budget_seconds), "give it more time, or read less (--fit, --truncate)");
  const Keys keys = keys_of(std::min(n_fitting, options.most_keys));
  Work work(model, tokenizer, document, each * (keys.n() + 1), options);
  const MethodSpec plain = MethodSpec::parse(kPlain);
  const std::vector<double> found = ask(work, spec, check.length, 0, keys, whole);
  check.found = check.truncated = share_of(found);
  check.loss = check.truncated_loss = tail_loss(work, spec, check.length, check.tail, whole);
  if (check.told > 0) {
    const std::vector<double> told = ask(work, plain, check.length, check.told, keys, short_one);
    check.truncated = share_of(told);
    std::vector<double> differences;
    for (std::size_t i = 0; i < found.size(); ++i) differences.push_back(found[i] - told[i]);
    check.p = p_sign_flip(differences);
    check.truncated_loss = tail_loss(work, plain, check.told, check.tail, short_one);
  }
  check.seconds = now_seconds() - start;
  return check;
}

std::string text_of(const DocumentCheck& check) {
  std::string text =
      fmt::format("finds {:g} of {} in {} ({:.0f} to {:.0f} %)", check.found.k, counted(check.found.n, "key"),
                  counted(check.length, "token"), 100 * check.found.low, 100 * check.found.high);
  if (check.told == 0)
    return text + fmt::format(", no more than the model was trained on; loss of the last {}: {:.3f}. {}",
                              counted(check.tail, "token"), check.loss, time_text(check.seconds));
  const char* word = check.p <= kLevel ? "it finds more" : "more is not shown";
  text += fmt::format("; truncation {:g}: {}, p {:.2g}. ", check.truncated.k, word, check.p);
  return text + fmt::format("Loss of the last {}: {:.3f}, truncation {:.3f} (one text, no claim). {}",
                            counted(check.tail, "token"), check.loss, check.truncated_loss,
                            time_text(check.seconds));
}

Json json_of(const DocumentCheck& check) {
  const auto share = [](const Proportion& p) {
    return Json{{"found", p.k}, {"of", p.n}, {"low", p.low}, {"high", p.high}};
  };
  Json json = {
      {"length", check.length}, {"keys", share(check.found)}, {"tail", check.tail}, {"loss", check.loss}};
  if (check.told > 0)
    json["truncation"] = {{"told", check.told},
                          {"keys", share(check.truncated)},
                          {"p", check.p},
                          {"loss", check.truncated_loss}};
  json["seconds"] = check.seconds;
  return json;
}

}  // namespace ropewalk
