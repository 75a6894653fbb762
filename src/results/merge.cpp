// SPDX-License-Identifier: Apache-2.0
/// Several files of results as one.
#include <algorithm>
#include <set>
#include <sstream>
#include <tuple>

#include "core/error.h"
#include "core/option.h"
#include "core/text.h"
#include "core/text_file.h"
#include "results/store.h"

namespace rw {
namespace {

/// What a recorded command names behind --methods, as it is spelled there.
std::vector<std::string> methods_in(const std::string& command) {
  std::vector<std::string> methods;
  std::istringstream words(command);
  bool here = false;
  for (std::string word; words >> word;)
    if (word.starts_with("-"))
      here = word == "--methods";
    else if (here)
      methods.push_back(word);
  return methods;
}

/// Joins the groups of several files, and refuses what cannot stand in one table.
class Merger {
 public:
  void add(const std::string& path, const ResultGroup& group) {
    if (results_.records.empty()) results_.run = group.run;
    require_same(path, "model", results_.run.model_id, group.run.model_id);
    require_same(path, "precision", results_.run.precision, group.run.precision);
    require_same(path, "KV cache", results_.run.kv, group.run.kv);
    require_same(path, "way to read special tokens (" + option("special") + ")", results_.run.special,
                 group.run.special);
    require_same(path, "trained length", results_.run.n_ctx_train, group.run.n_ctx_train);
    if (results_.run.n_vocab == 0) results_.run.n_vocab = group.run.n_vocab;  // older versions did not say
    if (results_.run.n_layers == 0)
      results_.run.n_layers = group.run.n_layers, results_.run.n_acting_layers = group.run.n_acting_layers;
    if (std::string& seen = keys_[group.key]; seen.empty())
      seen = path;
    else
      return;
    for (Record record : group.records) {
      require_same(path, "text of " + record.document,
                   texts_.emplace(record.document, record.text_id).first->second, record.text_id);
      if (!record.question_id.empty())  // older versions did not say
        require_same(path, "question " + record.document,
                     questions_.emplace(record.document, record.question_id).first->second,
                     record.question_id);
      // One text under two names is one text. A file's questions are known by their own names.
      if (record.task != "questions" && !record.text_id.empty())
        record.document = names_.emplace(record.text_id, record.document).first->second;
      // Of the tasks that score a document's last tokens, the tail says which tokens.
      if (scores_tail(record.task))
        require_same(path, "tail", tails_.emplace(record.task, group.run.tail).first->second, group.run.tail);
      if (was_remote(group.run))
        require_same(path, "engine called " + record.method + " in " + record.task,
                     engines_.emplace(std::pair(record.task, record.method), record.resolved).first->second,
                     record.resolved);
      add(record);
    }
  }
  void add_cut(std::size_t n_lines) { results_.n_cut += n_lines; }
  StoredResults take() {
    order_methods(results_.records);
    return std::move(results_);
  }

 private:
  /// The same question, or the same loss, measured again with other settings counts once: the later one.
  void add(const Record& r) {
    const Cell cell{r.task,          r.part, r.method, r.document, r.length, r.seed, r.depth.value_or(-1),
                    r.position_begin};
    const auto [at, added] = cells_.emplace(cell, results_.records.size());
    if (added)
      results_.records.push_back(r);
    else
      results_.records[at->second] = r, ++results_.n_again;
  }
  template <class T>
  static void require_same(const std::string& path, const std::string& what, const T& first, const T& other) {
    if (first != other)
      throw Error(path, fmt::format("results with one {}: {}", what, first), fmt::format("{}", other),
                  "report them apart");
  }

  using Cell = std::tuple<std::string, std::string, std::string, std::string, Index, int, double, Index>;
  StoredResults results_;
  std::map<std::string, std::string> keys_, texts_;  // key: file; document: SHA-256 of its text
  std::map<std::string, std::string> questions_;     // document: SHA-256 of a file's question
  std::map<std::string, std::string> names_;         // SHA-256 of a text: its first name
  std::map<std::string, Index> tails_;               // by task
  std::map<std::pair<std::string, std::string>, std::string> engines_;  // resolved, by task and method
  std::map<Cell, std::size_t> cells_;
};

}  // namespace

void order_methods(std::vector<Record>& records) {
  std::map<std::string, std::size_t> place{{kPlain, 0}};
  std::set<std::string> commands;
  for (const Record& r : records) {
    if (commands.insert(r.command).second)
      for (const std::string& word : methods_in(r.command)) place.emplace(word, place.size());
    place.emplace(shell_quoted(r.method), place.size());
  }
  std::stable_sort(records.begin(), records.end(), [&](const Record& a, const Record& b) {
    return place.at(shell_quoted(a.method)) < place.at(shell_quoted(b.method));
  });
}

StoredResults read_results(const std::vector<std::string>& paths) {
  Merger merger;
  for (const std::string& path : paths) {
    const ResultLines contents = read_lines(path, without_byte_order_mark(read_results_file(path)));
    merger.add_cut(contents.n_cut);
    if (contents.groups.empty())
      throw Error(
          path, "a file of results", "none",
          option("evaluate writes such files as its store", "`ropewalk eval --out` writes such files"));
    for (const ResultGroup& group : contents.groups) merger.add(path, group);
  }
  return merger.take();
}

}  // namespace rw
