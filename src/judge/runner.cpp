// SPDX-License-Identifier: Apache-2.0
#include "judge/runner.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "core/error.h"
#include "core/progress.h"
#include "model/memory.h"

namespace ropewalk {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// One run of the model, and the (method, length) pairs that share it.
struct Item {
  std::string method;  // as typed: the first of those that share the plan
  Index length = 0;
  std::vector<std::pair<std::string, Index>> serves;  // label, length it stands for
  double cost = 0;
};

/// Work of reading n tokens, in units of a token's linear work: attention passes it near 6,000 tokens.
double cost_of(Index n) { return static_cast<double>(n) * (1 + static_cast<double>(n) / 12000); }

/// The runs that one document needs: every method at every length, equal plans once, baselines included.
std::vector<Item> plan_items(const Model& model, const RunnerOptions& options, bool every_length) {
  const Index trained = model.config().n_ctx_train;
  std::vector<std::string> methods{kPlain};
  for (const std::string& method : options.methods)
    if (std::find(methods.begin(), methods.end(), method) == methods.end()) methods.push_back(method);
  std::vector<Index> lengths = every_length ? options.lengths : std::vector<Index>{options.lengths.back()};
  std::vector<Item> items;
  std::map<std::pair<std::string, Index>, std::size_t> known;  // fingerprint, length -> item
  auto serve = [&](const std::string& method, Index length, const std::string& label, Index label_length) {
    const Method bound = Method::bind(MethodSpec::parse(method), model.config().rope_context(0, length));
    require_memory(fmt::format("{} at {} tokens", method, length),
                   session_bytes(model.config(), model.backend().kv_type(), bound, length),
                   "take shorter lengths");
    const auto [found, added] = known.emplace(std::pair{bound.fingerprint(length), length}, items.size());
    if (added) items.push_back({method, length, {}, cost_of(length)});
    items[found->second].serves.emplace_back(label, label_length);
  };
  if (every_length) {
    // What any verdict is measured against: plain RoPE at the trained length, and almost no context.
    const Index reference = std::min(trained, lengths.back());
    serve(kPlain, reference, kTruncated, reference);
    for (Index length : lengths)
      if (length > reference) serve(kPlain, reference, kTruncated, length);
    serve(kPlain, std::min<Index>(64 + options.tail, reference), kShort, 0);
  }
  for (Index length : lengths)
    for (const std::string& method : methods) serve(method, length, method, length);
  return items;
}

/// How many of n documents fit into the budget at the pace so far; one at least. No budget (0): all.
std::size_t documents_that_fit(double budget_seconds, double seconds_each, std::size_t n) {
  if (budget_seconds <= 0) return n;
  return static_cast<std::size_t>(std::clamp(budget_seconds / seconds_each, 1.0, static_cast<double>(n)));
}

}  // namespace

std::vector<Token> context_before(const Document& document, Index end, Index length) {
  const auto n_bos = static_cast<Index>(document.bos.size());
  RW_CHECK(end - (length - n_bos) >= 0 && end <= static_cast<Index>(document.tokens.size()));
  std::vector<Token> tokens = document.bos;
  tokens.insert(tokens.end(), document.tokens.begin() + (end - (length - n_bos)),
                document.tokens.begin() + end);
  return tokens;
}

RunnerResult run_all(const Model& model, const std::vector<Document>& documents, const RunnerOptions& options,
                     const RunInfo& info) {
  const Task& task = Registry<Task>::get(options.task, "task");
  const std::vector<Item> items = plan_items(model, options, task.every_length);
  double total = 0;
  for (const Item& item : items) total += item.cost;
  const double one_document = total;
  Progress progress("", total);
  RunnerResult result;
  double done = 0;
  const double start = seconds_now();
  auto fitting = [&](double work) {
    return documents_that_fit(options.budget_seconds, (seconds_now() - start) / work * one_document,
                              documents.size());
  };
  for (const Document& document : documents) {
    if (result.n_documents > 0 && result.n_documents >= fitting(done)) break;
    for (const Item& item : items) {
      const MethodSpec spec = MethodSpec::parse(item.method);
      progress.set_label(fmt::format("{} {} {}", document.name, item.method, item.length));
      const double item_start = seconds_now();
      std::vector<Record> records =
          task.run({model, spec, document, item.length, options.tail, [&](Index n) {
                      const double now =
                          done + item.cost * static_cast<double>(n) / static_cast<double>(item.length);
                      progress.set_total(one_document * static_cast<double>(fitting(now)));
                      progress.update(now);
                    }});
      done += item.cost;
      const double seconds = seconds_now() - item_start;
      for (std::size_t s = 0; s < item.serves.size(); ++s) {
        const auto& [label, length] = item.serves[s];
        const std::string& own = label == kTruncated || label == kShort ? kPlain : label;
        for (Record record : records) {
          record.task = options.task;
          record.method = label;
          record.resolved =
              Method::bind(MethodSpec::parse(own), model.config().rope_context(0, item.length)).text();
          record.document = document.name;
          record.length = length;
          record.seconds = seconds;
          record.shared = s > 0;
          if (options.out) options.out->write(dump_json(to_json(record, info)) + "\n"), options.out->flush();
          result.records.push_back(std::move(record));
        }
      }
    }
    ++result.n_documents;
  }
  return result;
}

std::vector<Document> split_document(const std::string& name, std::vector<Token> tokens,
                                     const std::vector<Token>& bos, int n, Index least) {
  const auto total = static_cast<Index>(tokens.size());
  const Index each = total / n;
  if (each <= least)
    throw Error(name,
                fmt::format("more than {} tokens for {} of {} tokens", n * least,
                            n == 1 ? "one document" : fmt::format("{} documents", n), least),
                fmt::format("{} tokens", total),
                "give a longer text, fewer --documents or shorter --lengths");
  std::vector<Document> documents;
  for (Index d = 0; d < n; ++d)
    documents.push_back({n == 1 ? name : fmt::format("{}#{}", name, d + 1),
                         std::vector<Token>(tokens.begin() + d * each, tokens.begin() + (d + 1) * each),
                         bos});
  return documents;
}

}  // namespace ropewalk
