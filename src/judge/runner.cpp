// SPDX-License-Identifier: Apache-2.0
#include "judge/runner.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/hash.h"
#include "core/option.h"
#include "core/progress.h"
#include "core/text.h"
#include "judge/documents_in_time.h"
#include "judge/named_engines.h"
#include "results/shards.h"

namespace rw {
namespace {

/// The records of an item, one list for each name that it serves; from the store where that has one of them.
class ItemRunner {
 public:
  ItemRunner(Store* store, const RunInfo& info) : store_(store), info_(info) {}

  /// Whether the store has one of the names that it serves.
  bool is_stored(const Item& item) const { return stored(item) != nullptr; }

  /// `measured`: of an item that is_stored() is false of. To the store, where there is one.
  std::vector<Record> keep(const Item& item, const std::vector<Record>& measured, bool is_new = true) const {
    std::vector<Record> all;
    for (const Served& served : item.serves) {
      const std::vector<Record>* old = store_ ? store_->find(served.key) : nullptr;
      std::vector<Record> records = old ? *old : labelled(served, measured, !is_new);
      if (!old && store_) store_->append(served.key, records, info_);
      is_new = false;
      all.insert(all.end(), records.begin(), records.end());
    }
    return all;
  }
  /// `measure`: called where the store has none of it.
  template <class Measure>
  std::vector<Record> run(const Item& item, const Measure& measure) const {
    if (const std::vector<Record>* old = stored(item)) return keep(item, std::vector<Record>(*old), false);
    return keep(item, measure());
  }

 private:
  const std::vector<Record>* stored(const Item& item) const {
    if (!store_) return nullptr;
    for (const Served& served : item.serves)
      if (const std::vector<Record>* records = store_->find(served.key)) return records;
    return nullptr;
  }
  static std::vector<Record> labelled(const Served& served, std::vector<Record> records, bool shared) {
    for (Record& record : records) {
      record.method = served.label, record.length = served.length, record.shared = shared;
      record.resolved = served.resolved;
    }
    return records;
  }

  Store* const store_;
  const RunInfo& info_;
};

}  // namespace

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

namespace {

/// LIFETIME: all of it outlives what is returned.
ItemWork work_of(const Asked& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
                 const RunnerOptions& options, const std::vector<Item>& items, const ItemRunner& runner,
                 DocumentsInTime& in_time, Progress& progress) {
  return {.items = items,
          .documents = documents,
          .plan = options.plan,
          .is_known = [&](std::size_t i) { return runner.is_stored(items[i]); },
          .begin = [&](std::size_t document, double done) { return in_time.begin(document, done); },
          .measure =
              [&](std::size_t i, const TokensDone& done) {
                const std::size_t document = items[i].document;
                return measure_item(model, tokenizer, items[i], documents[document],
                                    other_document(documents, document), options.plan, done);
              },
          .keep =
              [&](std::size_t i, const std::vector<Record>& records) {
                if (options.store && !runner.is_stored(items[i])) runner.keep(items[i], records);
              },
          .keeps = options.store != nullptr,
          .before_words = [&] { progress.clear(); }};
}

}  // namespace

RunnerResult run_all(const Asked& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
                     const RunnerOptions& options, const RunInfo& whole) {
  RunInfo info = whole;
  Plan plan = plan_items(model, tokenizer, documents, options.plan, info);
  if (options.store && was_remote(info)) require_engines(*options.store, plan.items);
  info.shard = shard_of_items(options.share, plan.items.size());
  plan.items = shard_of(plan.items, options.shard, options.n_shards);
  const std::vector<Item>& items = plan.items;
  if (options.planned) options.planned(plan);
  std::vector<bool> known;
  known.reserve(items.size());
  for (const Item& item : items) known.push_back(options.store && item_known(item, *options.store));
  const ItemRunner runner(options.store, info);
  DocumentsInTime in_time(items, known, documents.size(), options.budget_seconds);
  Progress progress("", in_time.total());
  const ItemWork work = work_of(model, tokenizer, documents, options, items, runner, in_time, progress);
  const std::unique_ptr<Measurer> measurer =
      options.coordinator ? options.coordinator->measurer(work)
                          : measure_here(work, model->model() ? 1 : options.n_at_once, options.say);
  RunnerResult result;
  double done = 0, most = 0;  // cost of the items behind; of all that was measured
  const auto show = [&](double now) {
    most = std::max(most, now);
    if (!options.on_share)
      progress.update(most);
    else if (in_time.total() > 0)
      options.on_share(most / in_time.total());
  };
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    if (!known[i] && options.only_stored) {
      result.out_of_time = true;  // jobs of this plan left it
      continue;
    }
    if (!in_time.begin(item.document, done)) {
      result.out_of_time = true;
      break;
    }
    result.n_documents = item.document + 1;
    progress.set_label(
        fmt::format("{} {} {} {}", documents[item.document].name, item.task, item.method, item.length));
    show(done);
    ++result.n_items, result.n_known += known[i];
    const auto at = [&](double cost) {
      progress.set_total(in_time.total_in_time(done + cost));
      show(done + cost);
    };
    for (Record& record : runner.run(item, [&] { return measurer->measure(i, at); }))
      result.records.push_back(std::move(record));
    if (!known[i]) done += item.cost;
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
