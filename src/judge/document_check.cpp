// SPDX-License-Identifier: Apache-2.0
#include "judge/document_check.h"

#include <algorithm>
#include <cmath>

#include "core/progress.h"
#include "core/registry.h"
#include "core/text.h"
#include "judge/plan.h"
#include "model/cost.h"

namespace rw {
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
    return {.model = model_,
            .tokenizer = tokenizer_,
            .spec = spec,
            .document = document_,
            .length = length,
            .bound = options_.bound};
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

/// Asks for n keys: a new one for every five depths, the last at as many as are left.
std::vector<double> ask(Work& work, const MethodSpec& spec, Index length, Index told, int n, double each) {
  std::vector<double> found;
  for (int seed = 1, left = n; left > 0; ++seed) {
    TaskInput in = work.input(spec, length);
    in.seed = drawn_seed(in.document, seed), in.n_depths = std::min(left, kMostDepths), in.told = told;
    for (const Record& record : work.run("passkey", in, each * in.n_depths))
      found.push_back(record.score.value_or(0));
    left -= in.n_depths;
  }
  return found;
}

/// How many keys of which truncation misses as large a share as of these are enough to tell; 0: no number.
Index keys_to_tell(const DocumentCheck& check) {
  const double missed = static_cast<double>(check.truncated.n) - check.truncated.k;
  if (missed <= 0) return 0;
  return static_cast<Index>(std::ceil(-std::log2(kLevel)) * static_cast<double>(check.truncated.n) / missed +
                            0.999);
}

/// Errors: Error for a text in which nothing can be hidden.
void require_long_enough(Index length) {
  constexpr Index kLeast = 65;  // one token that is scored, and 64 before it
  if (length < kLeast)
    throw Error("the text", fmt::format("{} tokens or more, to hide a key in", kLeast),
                fmt::format("{}", length), "it is too short for this check: give a longer one");
}

/// How many keys the budget holds, of which each takes `each_seconds`; both tails take as much as one.
int affordable_keys(const DocumentCheckOptions& options, double each_seconds, Index length) {
  if (options.budget_seconds == 0) return static_cast<int>(options.most_keys);
  const double n = std::floor(options.budget_seconds / each_seconds) - 1;
  if (n < 1)
    throw TooLittleTime(options.budget_name,
                        fmt::format("{} for one key in {} tokens", time_text(2 * each_seconds), length),
                        time_text(options.budget_seconds), "give it more time, or a shorter text");
  return static_cast<int>(std::min(n, static_cast<double>(options.most_keys)));
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
  check.budget_name = options.budget_name;
  check.length = std::min(length, static_cast<Index>(document.tokens.size() + document.bos.size()));
  check.told = check.length > trained ? trained : 0;
  require_long_enough(check.length);
  check.tail = usual_tail(trained, check.length);
  require_tail(check.tail, trained, check.length);
  const double whole = cost_of(model.config(), check.length);
  const double short_one = check.told > 0 ? cost_of(model.config(), trained) : 0;
  const double each = whole + short_one, pace = measure_pace(model);  // of a key; of both tails as much
  const int keys = affordable_keys(options, pace * each, check.length);
  Work work(model, tokenizer, document, each * (keys + 1), options);
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
    if (const Index n = keys_to_tell(check); !can_tell(check) && n > keys && n <= options.most_keys)
      check.more_seconds = 1.2 * pace * each * static_cast<double>(n + 1);
    check.truncated_loss = tail_loss(work, plain, check.told, check.tail, short_one);
  }
  check.seconds = now_seconds() - start;
  return check;
}

bool can_tell(const DocumentCheck& check) {
  return check.told > 0 && std::exp2(check.truncated.k - static_cast<double>(check.truncated.n)) <= kLevel;
}

namespace {

/// What the keys say, or why they are too few to say it.
std::string claim_of(const DocumentCheck& check) {
  if (can_tell(check))
    return fmt::format("{}, p {:.2g}", check.p <= kLevel ? "it finds more" : "more is not shown", check.p);
  const double missed = static_cast<double>(check.truncated.n) - check.truncated.k;
  std::string text = fmt::format("too few keys to tell, {:g} more that truncation misses are needed",
                                 std::ceil(-std::log2(kLevel)) - missed);
  if (check.more_seconds > 0)
    text += fmt::format(" ({:.0f}s may do: {})", std::ceil(check.more_seconds), check.budget_name);
  return text;
}

}  // namespace

std::string text_of(const DocumentCheck& check) {
  std::string text =
      fmt::format("finds {:g} of {} in {} ({:.0f} to {:.0f} %)", check.found.k, counted(check.found.n, "key"),
                  counted(check.length, "token"), 100 * check.found.low, 100 * check.found.high);
  if (check.told == 0)
    return text + fmt::format(", no more than the model was trained on; loss of the last {}: {:.3f}. {}",
                              counted(check.tail, "token"), check.loss, time_text(check.seconds));
  text += fmt::format("; truncation {:g}: {}. ", check.truncated.k, claim_of(check));
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
    json["truncation"] = {
        {"told", check.told},
        {"keys", share(check.truncated)},
        {"p", check.p},
        {"can_tell", can_tell(check)},
        {"more_seconds", check.more_seconds > 0 ? Json(std::ceil(check.more_seconds)) : Json(nullptr)},
        {"loss", check.truncated_loss}};
  json["seconds"] = check.seconds;
  return json;
}

}  // namespace rw
