// SPDX-License-Identifier: Apache-2.0
#include "judge/runner.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/hash.h"
#include "core/option.h"
#include "core/progress.h"
#include "core/text.h"
#include "model/memory.h"

namespace rw {
namespace {

/// The records of an item, one list for each name that it serves; from the store where that has one of them.
class ItemRunner {
 public:
  ItemRunner(Asked model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
             const RunnerOptions& options)
      : model_(std::move(model)), tokenizer_(tokenizer), documents_(documents), options_(options) {}

  /// Whether the store has one of the names that it serves.
  bool is_stored(const Item& item) const {
    return options_.store && std::any_of(item.serves.begin(), item.serves.end(), [&](const Served& served) {
             return options_.store->find(served.key) != nullptr;
           });
  }

  /// `measure`: called where the store has none of it.
  template <class Measure>
  std::vector<Record> run(const Item& item, const RunInfo& info, const Measure& measure) const {
    std::vector<Record> all, measured;
    const auto stored = std::find_if(item.serves.begin(), item.serves.end(), [&](const Served& served) {
      return options_.store && options_.store->find(served.key);
    });
    if (stored != item.serves.end()) measured = *options_.store->find(stored->key);
    if (measured.empty()) measured = measure();
    bool first = stored == item.serves.end();
    for (const Served& served : item.serves) {
      const std::vector<Record>* old = options_.store ? options_.store->find(served.key) : nullptr;
      std::vector<Record> records = old ? *old : labelled(served, measured, !first);
      if (!old && options_.store) options_.store->append(served.key, records, info);
      first = false;
      all.insert(all.end(), records.begin(), records.end());
    }
    return all;
  }

  std::vector<Record> measure(const Item& item, const TokensDone& done) const {
    const Task& task = Registry<Task>::get(item.task, "task");
    const MethodSpec spec = model_->spec(item.method);
    const Document& document = documents_[item.document];
    reset_peak_memory();
    const double start = now_seconds();
    std::vector<Record> records = task.run({.model = model_,
                                            .tokenizer = tokenizer_,
                                            .spec = spec,
                                            .document = document,
                                            .other = other_document(documents_, item.document),
                                            .length = item.length,
                                            .tail = options_.plan.tail,
                                            .n_predict = options_.plan.n_predict,
                                            .stride = options_.plan.stride,
                                            .told = item.told,
                                            .seed = drawn_seed(document, item.seed),
                                            .n_depths = options_.plan.n_depths,
                                            .done = done});
    RW_CHECK(!records.empty());
    for (Record& record : records) {
      record.task = item.task, record.document = document.name, record.text_id = document.text_id;
      record.seed = item.seed;
      record.seconds = (now_seconds() - start) / static_cast<double>(records.size());
      record.peak_bytes = model_->model() ? peak_memory() : 0;  // another engine's is its own affair
      record.date = today();
    }
    return records;
  }

 private:
  static std::vector<Record> labelled(const Served& served, std::vector<Record> records, bool shared) {
    for (Record& record : records) {
      record.method = served.label, record.length = served.length, record.shared = shared;
      record.resolved = served.resolved;
    }
    return records;
  }

  const Asked model_;
  const Tokenizer& tokenizer_;
  const std::vector<Document>& documents_;
  const RunnerOptions& options_;
};

/// Items of other engines, measured ahead of the loop, so many at once.
class Ahead {
 public:
  Ahead(const ItemRunner& runner, const std::vector<Item>& items, int n_at_once)
      : runner_(runner), items_(items), n_at_once_(static_cast<std::size_t>(n_at_once)) {}

  /// REQUIRES: i grows from call to call.
  std::vector<Record> measure(std::size_t i, const TokensDone& done) {
    if (n_at_once_ <= 1) return runner_.measure(items_[i], done);
    for (next_ = std::max(next_, i); next_ < items_.size() && started_.size() < n_at_once_; ++next_)
      if (!runner_.is_stored(items_[next_]))
        started_.emplace(next_, std::async(std::launch::async,
                                           [this, n = next_] { return runner_.measure(items_[n], {}); }));
    std::future<std::vector<Record>> own = std::move(started_.at(i));
    started_.erase(i);
    return own.get();
  }

 private:
  const ItemRunner& runner_;
  const std::vector<Item>& items_;
  const std::size_t n_at_once_;
  std::size_t next_ = 0;
  std::map<std::size_t, std::future<std::vector<Record>>> started_;  // ends before what it uses
};

}  // namespace

std::size_t documents_that_fit(double budget_seconds, double seconds_each, std::size_t n) {
  if (budget_seconds <= 0) return n;
  return static_cast<std::size_t>(std::clamp(budget_seconds / seconds_each, 1.0, static_cast<double>(n)));
}

bool item_known(const Item& item, const Store& store) {
  return std::all_of(item.serves.begin(), item.serves.end(),
                     [&](const Served& served) { return store.find(served.key) != nullptr; });
}

const Document* other_document(const std::vector<Document>& documents, std::size_t document) {
  const auto file_of = [](const Document& d) { return d.name.substr(0, d.name.rfind('#')); };
  for (std::size_t off = 1; off < documents.size(); ++off)
    if (const Document& other = documents[(document + off) % documents.size()];
        file_of(other) != file_of(documents[document]))
      return &other;
  return documents.size() > 1 ? &documents[(document + 1) % documents.size()] : nullptr;
}

TokensDone done_of_pass(const TaskInput& in, Index k, Index n) {
  if (!in.done) return {};
  return [done = in.done, length = in.length, asked = in.model, k, n](Index read) {
    const double passes = static_cast<double>(k) + asked->cost_of(read) / asked->cost_of(length);
    done(static_cast<Index>(std::llround(passes / static_cast<double>(n) * static_cast<double>(length))));
  };
}

std::vector<Token> context_before(const Document& document, Index end, Index length) {
  const auto n_bos = static_cast<Index>(document.bos.size());
  RW_CHECK(end - (length - n_bos) >= 0 && end <= static_cast<Index>(document.tokens.size()));
  std::vector<Token> tokens = document.bos;
  tokens.insert(tokens.end(), document.tokens.begin() + (end - (length - n_bos)),
                document.tokens.begin() + end);
  return tokens;
}

RunnerResult run_all(const Asked& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
                     const RunnerOptions& options, const RunInfo& info) {
  Plan plan = plan_items(model, tokenizer, documents, options.plan, info);
  plan.items = shard_of(plan.items, options.shard, options.n_shards);
  const std::vector<Item>& items = plan.items;
  if (options.planned) options.planned(plan);
  RunnerResult result;
  std::vector<double> work(documents.size());  // that is left, by document
  for (const Item& item : items)
    if (!options.store || !item_known(item, *options.store)) work[item.document] += item.cost;
  const double total = std::accumulate(work.begin(), work.end(), 0.0);
  // The budget is for documents with work: those that the store has cost nothing.
  const auto n_left = work.size() - static_cast<std::size_t>(std::count(work.begin(), work.end(), 0.0));
  Progress progress("", total);
  const ItemRunner runner(model, tokenizer, documents, options);
  Ahead ahead(runner, items, model->model() ? 1 : options.n_at_once);
  const double start = now_seconds(),
               one_document = total / static_cast<double>(std::max<std::size_t>(n_left, 1));
  double done = 0;
  std::size_t n_begun = 0;
  const auto fitting = [&](double so_far) {
    return documents_that_fit(options.budget_seconds, (now_seconds() - start) / so_far * one_document,
                              n_left);
  };
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    const bool known = options.store && item_known(item, *options.store);
    if (!known && options.only_stored) {
      result.out_of_time = true;  // jobs of this plan left it
      continue;
    }
    if (item.document >= result.n_documents && work[item.document] > 0) {
      if (done > 0 && n_begun >= fitting(done)) {
        result.out_of_time = true;
        break;
      }
      ++n_begun;
    }
    result.n_documents = item.document + 1;
    progress.set_label(
        fmt::format("{} {} {} {}", documents[item.document].name, item.task, item.method, item.length));
    const auto show = [&](double now) {
      if (!options.on_share)
        progress.update(now);
      else if (total > 0)
        options.on_share(now / total);
    };
    show(done);
    ++result.n_items, result.n_known += known;
    const TokensDone read = [&](Index n) {
      const double now = done + item.cost * static_cast<double>(n) / static_cast<double>(item.length);
      progress.set_total(std::min(total, one_document * static_cast<double>(fitting(now))));
      show(now);
    };
    for (Record& record : runner.run(item, info, [&] { return ahead.measure(i, read); }))
      result.records.push_back(std::move(record));
    if (!known) done += item.cost;
  }
  return result;
}

int drawn_seed(const Document& document, int seed) {
  if (seed == 0 || document.text_id.size() < 6) return seed;
  return static_cast<int>(std::stoul(document.text_id.substr(0, 6), nullptr, 16)) + seed;
}

Document identify(Document document) {
  const auto bytes = [](const std::vector<Token>& tokens) {
    return std::string_view(reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(Token));
  };
  document.text_id = sha256(std::string(bytes(document.bos)) + "|" + std::string(bytes(document.tokens)));
  return document;
}

std::vector<Document> split_document(const std::string& name, std::vector<Token> tokens,
                                     const std::vector<Token>& bos, int n, Index least) {
  const auto total = static_cast<Index>(tokens.size());
  const Index each = total / n, fitting = least > 0 ? total / least : n;
  if (each < least || each == 0)
    throw Error(
        name, fmt::format("{} tokens or more for {} of {} tokens", n * least, counted(n, "document"), least),
        fmt::format("{} tokens, which hold {}", total, fitting == 0 ? "none" : counted(fitting, "document")),
        "give a longer text, fewer " + option("n_documents", "--documents") + " or shorter " +
            option("lengths"));
  std::vector<Document> documents;
  for (Index d = 0; d < n; ++d)
    documents.push_back(
        identify({n == 1 ? name : fmt::format("{}#{}", name, d + 1),
                  std::vector<Token>(tokens.begin() + d * each, tokens.begin() + (d + 1) * each), bos}));
  return documents;
}

}  // namespace rw
