// SPDX-License-Identifier: Apache-2.0
#include "judge/plan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "core/hash.h"
#include "core/option.h"
#include "core/progress.h"
#include "core/text.h"
#include "judge/import/question_documents.h"
#include "model/cost.h"
#include "model/memory.h"

namespace rw {
namespace {

constexpr Index kShortQuestion = 1024;  // of the model's own short score

/// Everything that a result of a task on a document depends on, and what it is to be called.
struct Wanted {
  std::string method;  // to run
  Index length = 0;    // that it is bound to
  std::string label;   // of the records
  Index label_length = 0;
  Index told = 0;  // see TaskInput
};

/// What does not fit a length. Questions are drawn anew for each document, and may be longer in some.
struct Lost {
  Index least = 0;                  // that the longest needs
  std::set<std::size_t> documents;  // that lose one or more
};

/// Collects items, document by document.
class Planner {
 public:
  Planner(const Asked& model, const Tokenizer& tokenizer, const PlanOptions& options, const RunInfo& run,
          const std::vector<Document>& documents, MethodFacts& bound)
      : model_(model),
        tokenizer_(tokenizer),
        options_(options),
        run_(run),
        documents_(documents),
        bound_(bound) {}

  void begin(std::size_t document) {
    known_.clear();
    blank_ = {}, blank_.document = document;
    document_ = &documents_[document], other_ = other_document(documents_, document);
  }

  void add_task(const Task& task, Index length, int seed) {
    task_ = &task;
    blank_.task = task.name, blank_.seed = seed;
    if (task.has_targets && !task.has_targets(tokenizer_, *document_, options_.tail)) {
      nothing_to_score_[task.name].insert(blank_.document);
      return;
    }
    if (options_.baselines) add_baselines(task, length);
    for (const std::string& method : methods()) serve({method, length, method, length});
  }

  /// A question of a file has a length of its own; truncation has an answer to each, so that it can be
  /// compared over all of them.
  void add_asked(const Task& task) {
    task_ = &task;
    blank_.task = task.name, blank_.seed = 0;
    const AskedQuestion& asked = *document_->asked;
    const Index trained = model_->n_ctx_train();
    const Index needed = static_cast<Index>(document_->tokens.size()) + asked.question.n_predict;
    serve({kPlain, asked.length, kTruncated, asked.length_class, needed > trained ? trained : 0});
    for (const std::string& method : methods()) serve({method, asked.length, method, asked.length_class});
  }

  Plan take() {
    Plan plan{std::move(items_), {}};
    for (const auto& [what, lost] : too_short_)
      plan.left_out.push_back(fmt::format("{} at {} tokens{}: it needs {} or more", what.first, what.second,
                                          of_documents(lost.documents), lost.least));
    for (const auto& [what, most] : too_long_) {
      const auto& [task, method, read] = what;
      plan.left_out.push_back(fmt::format("{} at {} tokens of {}: its engine takes {}, with what it writes",
                                          task, read, method == kPlain ? "plain" : method, most));
    }
    for (const auto& [task, lost] : nothing_to_score_)
      plan.left_out.push_back(fmt::format("{}{}: the vocabulary knows none of the last {} tokens", task,
                                          of_documents(lost), options_.tail));
    if (plan.items.empty() && !nothing_to_score_.empty())
      throw Error(option("texts", "--text"),
                  "words that the model's vocabulary knows among the last " + counted(options_.tail, "token"),
                  "none in any document",
                  "give a text in a language of the model's, or a longer " + option("tail"));
    if (plan.items.empty() && !too_long_.empty())
      throw Error("the plan", "a length that the engines take", plan.left_out.back(),
                  "start the server with a longer context, or take shorter lengths");
    if (plan.items.empty() && !plan.left_out.empty())
      throw Error("the plan", "a length that holds a question and its answer", plan.left_out.front(),
                  "ask for longer lengths");
    return plan;
  }

 private:
  /// " in a.txt, b.txt and 3 more of 8 documents"; of all of them nothing.
  std::string of_documents(const std::set<std::size_t>& lost) const {
    if (lost.size() == documents_.size()) return "";
    std::string names;
    std::size_t n = 0;
    for (const std::size_t document : lost)
      if (n++ < 3) names += (names.empty() ? " in " : ", ") + printable(documents_[document].name);
    if (n > 3) names += fmt::format(" and {} more", n - 3);
    return fmt::format("{}, of {}", names, counted(documents_.size(), "document"));
  }

  void add_baselines(const Task& task, Index length) {
    const Index reference = std::min(model_->n_ctx_train(), options_.lengths.back());
    const bool first = length == options_.lengths.front();
    if (task.truncated && task.unit == Unit::kQuestion && length > reference) {
      serve({kPlain, length, kTruncated, length, reference});
    } else if (task.truncated && task.unit == Unit::kDocument && first) {
      serve({kPlain, reference, kTruncated, reference});
      for (Index longer : options_.lengths)
        if (longer > reference) serve({kPlain, reference, kTruncated, longer});
    }
    if (const Index read = kShortContext + options_.tail;
        task.last_tokens && first && read + kShortContext <= reference)
      serve({kPlain, read, kShort, 0});
    if (task.short_score && first)
      serve({kPlain, std::min({kShortQuestion, reference, length}), kOwnShort, 0});
  }

  std::vector<std::string> methods() const {
    std::vector<std::string> all;
    if (options_.baselines) all.push_back(kPlain);
    for (const std::string& method : options_.methods)
      if (std::find(all.begin(), all.end(), method) == all.end()) all.push_back(method);
    return all;
  }

  std::string key(const Wanted& wanted, const std::string& resolved) const {
    Json all{{"model", run_.model_id},
             {"text", document_->text_id},
             {"document", document_->name},
             {"task", blank_.task},
             {"label", wanted.label},
             {"label_length", wanted.label_length},
             {"length", wanted.length},
             {"resolved", resolved},
             {"seed", blank_.seed},
             {"precision", run_.precision},
             {"kv", run_.kv},
             {"version", run_.version}};
    // What a task does not look at may change, and its results still hold.
    if (task_->unit == Unit::kQuestion) all["depths"] = options_.n_depths, all["drawn"] = "by document";
    if (task_->unit == Unit::kDocument) all["tail"] = options_.tail;
    if (document_->asked) all["prompt"] = document_->asked->prompt_id;
    if (task_->uses_n_predict) all["predict"] = options_.n_predict;
    if (task_->uses_stride) all["stride"] = options_.stride;
    if (wanted.told > 0) all["told"] = wanted.told;
    if (task_->uses_other && other_) all["other"] = other_->text_id;
    return sha256(dump_json(all)).substr(0, 16);
  }

  /// Passes of `length` tokens that one item is.
  double passes(Index length) const {
    if (!task_->passes) return 1;
    return task_->passes({.n_document = static_cast<Index>(document_->tokens.size()),
                          .length = length,
                          .stride = options_.stride,
                          .n_depths = options_.n_depths});
  }

  /// Whether the length, or what is told of it, holds question and answer; notes what does not.
  bool fits(const Wanted& wanted) {
    if (!task_->room) return true;
    const MethodSpec plain = model_->spec(kPlain);
    const Room room = task_->room({.model = model_,
                                   .tokenizer = tokenizer_,
                                   .spec = plain,
                                   .document = *document_,
                                   .length = wanted.length,
                                   .tail = options_.tail,
                                   .n_predict = options_.n_predict,
                                   .seed = drawn_seed(*document_, blank_.seed),
                                   .n_depths = options_.n_depths});
    const auto note = [&](const std::string& what, Index length, Index needed) {
      Lost& lost = too_short_[{what, length}];
      lost.least = std::max(lost.least, needed);
      lost.documents.insert(blank_.document);
      return false;
    };
    if (room.least > wanted.length) return note(blank_.task, wanted.length, room.least);
    const Index told_least = room.n_predict + static_cast<Index>(document_->bos.size()) + 1;
    if (wanted.told == 0 || wanted.told >= told_least) return true;
    return note(blank_.task + ", truncated,", wanted.told, told_least);
  }

  void serve(const Wanted& wanted) {
    if (!fits(wanted)) return;
    const auto& [method, length, label, label_length, told] = wanted;
    const Index read = told > 0 ? told : length;
    // Who tells losses writes a token behind them.
    const Index needed = read + (task_->unit == Unit::kDocument ? 1 : 0);
    if (const Index most = model_->most(method, task_->unit); needed > most) {
      too_long_[{blank_.task, method, read}] = most;
      return;
    }
    const std::size_t bytes = bound_.bytes(method, length, read);
    require_memory(fmt::format("{} at {} tokens", method, length), bytes, "take shorter lengths");
    const auto [found, added] = known_.emplace(
        std::tuple{blank_.task, blank_.seed, bound_.fingerprint(method, length, task_->unit), length, told},
        items_.size());
    if (added) {
      Item item = blank_;
      item.method = method, item.length = length, item.told = told;
      item.cost = document_->asked ? asked_cost(told) : reading(read) * passes(length);
      item.bytes = bytes;
      items_.push_back(std::move(item));
    }
    const std::string& resolved = bound_.resolved(method, length, task_->unit);
    items_[found->second].serves.push_back({label, label_length, resolved, key(wanted, resolved)});
  }

  double reading(Index n) const { return model_->cost_of(n); }

  /// A file's questions may write long answers, and their prompts may be shorter than the session.
  double asked_cost(Index told) const {
    const auto n_prompt = static_cast<Index>(document_->tokens.size());
    return reading(told > 0 ? std::min(told, n_prompt) : n_prompt) +
           kWritingCost * static_cast<double>(document_->asked->question.n_predict);
  }

  const Asked& model_;
  const Tokenizer& tokenizer_;
  const PlanOptions& options_;
  const RunInfo& run_;
  const std::vector<Document>& documents_;
  MethodFacts& bound_;
  const Document* document_ = nullptr;
  const Document* other_ = nullptr;
  const Task* task_ = nullptr;
  Item blank_;
  std::vector<Item> items_;
  std::map<std::pair<std::string, Index>, Lost> too_short_;        // by task and length
  std::map<std::string, std::set<std::size_t>> nothing_to_score_;  // documents, by task
  std::map<std::tuple<std::string, std::string, Index>, Index>
      too_long_;  // most tokens, by task, method, length
  /// Of this document: by task, seed, fingerprint, length and `told`.
  std::map<std::tuple<std::string, int, std::string, Index, Index>, std::size_t> known_;
};

}  // namespace

std::string usual_task(bool encoder) { return encoder ? "masked" : "tail"; }

void require_tasks_fit(const std::vector<std::string>& tasks, bool encoder) {
  for (const std::string& task : tasks)
    if (Registry<Task>::get(task, "task").of_encoders != encoder)
      throw UsageError(option("tasks"),
                       encoder ? "a task of encoders, which fill gaps" : "a task of decoders, which write on",
                       task, "take " + option("tasks") + " " + usual_task(encoder));
}

Index usual_tail(Index n_ctx_train, Index shortest) {
  return std::max<Index>(1, std::min({Index{256}, n_ctx_train / 2, std::min(n_ctx_train, shortest) - 64}));
}

void require_tail(Index tail, Index n_ctx_train, Index shortest) {
  if (tail + kShortContext <= std::min(n_ctx_train, shortest)) return;
  if (n_ctx_train < kShortContext + 1)
    throw Error("the model", "one trained on 65 tokens or more: the last are scored, with 64 before them",
                fmt::format("{} tokens", n_ctx_train),
                "of a decoder, " + option("the task positions", "`ropewalk eval --tasks positions`") +
                    " scores no last tokens");
  if (shortest < kShortContext + 1)
    throw UsageError(option("lengths"),
                     fmt::format("{} tokens or more: the {} that are scored, and {} before them",
                                 tail + kShortContext, tail, kShortContext),
                     fmt::format("{}", shortest), "give longer ones");
  const bool trained = n_ctx_train < shortest;
  throw UsageError(option("tail"),
                   fmt::format("at most {}: the {} {}, less 64 of context",
                               std::min(n_ctx_train, shortest) - 64, std::min(n_ctx_train, shortest),
                               trained ? "trained tokens" : "tokens of the shortest length"),
                   fmt::format("{}", tail), "the same tokens are scored at every length");
}

double measure_pace(const Model& model) {
  constexpr Index kProbe = 1024;
  const std::vector<Token> tokens(kProbe, 0);
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 2; ++repeat) {
    const double start = now_seconds();
    token_losses(model, MethodSpec::parse(kPlain), tokens, kProbe - 2, kProbe - 1);
    best = std::min(best, now_seconds() - start);
  }
  return best / cost_of(model.config(), kProbe);
}

std::vector<Item> shard_of(const std::vector<Item>& items, int shard, int n_shards) {
  std::vector<Item> mine;
  for (std::size_t i = static_cast<std::size_t>(shard - 1); i < items.size();
       i += static_cast<std::size_t>(n_shards))
    mine.push_back(items[i]);
  return mine;
}

namespace {

std::vector<const Task*> tasks_of(const PlanOptions& options) {
  std::vector<const Task*> tasks;
  for (const std::string& name : options.tasks) tasks.push_back(&Registry<Task>::get(name, "task"));
  return tasks;
}

}  // namespace

Index tokens_needed(const PlanOptions& options) {
  Index needed = 1;
  for (const Task* task : tasks_of(options))
    for (const Index length : options.lengths)
      needed = std::max(needed, task->reads ? task->reads({.length = length}) : length);
  return needed;
}

Plan plan_items(const Asked& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
                const PlanOptions& options, const RunInfo& run) {
  const std::vector<const Task*> tasks = tasks_of(options);
  require_tasks_fit(options.tasks, model->encoder());
  const std::unique_ptr<MethodFacts> own = options.methods_bound ? nullptr : model->facts();
  Planner planner(model, tokenizer, options, run, documents, own ? *own : *options.methods_bound);
  for (std::size_t d = 0; d < documents.size(); ++d) {
    planner.begin(d);
    for (const Task* task : tasks)
      if ((task->unit == Unit::kAsked) != (documents[d].asked != nullptr))
        throw UsageError(
            option("tasks"), "a task on texts", task->name,
            option("the program's command questions", "`ropewalk questions`") + " asks those of a file");
      else if (documents[d].asked)
        planner.add_asked(*task);
    if (documents[d].asked) continue;
    for (Index length : options.lengths)
      for (const Task* task : tasks) {
        if (!task->every_length && length != options.lengths.back()) continue;
        const int n_seeds = task->unit == Unit::kQuestion ? options.n_seeds : 0;
        for (int seed = std::min(n_seeds, 1); seed <= n_seeds; ++seed) planner.add_task(*task, length, seed);
      }
  }
  return planner.take();
}

}  // namespace rw
