// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <ropewalk/eval.h>

#include "arrays.h"

namespace ropewalk::python {
namespace {

using namespace nb::literals;
using Names = std::vector<std::string>;
using Texts = std::vector<std::pair<std::string, std::string>>;

std::vector<NamedText> texts_of(const Texts& texts) {
  std::vector<NamedText> named;
  for (const auto& [name, text] : texts) named.push_back({name, text});
  return named;
}

/// Handles: the caller's frame keeps both alive, and a count of references needs the lock.
Telling telling_of(const nb::object& progress, const nb::object& say) {
  require_callable(progress, "progress"), require_callable(say, "say");
  Telling telling;
  telling.progress = [call = nb::handle(progress)](double share) {
    const Locked lock;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (!call.is_none()) call(share);
  };
  if (!say.is_none())
    telling.say = [call = nb::handle(say)](const std::string& line) {
      const Locked lock;
      call(line);
    };
  return telling;
}

Results run_evaluate(const Model& model, const Texts& texts, const Names& methods,
                     const std::vector<Index>& lengths, const Names& tasks, Index tail, Index n_predict,
                     Index stride, int n_questions, int n_depths, int n_documents, double margin,
                     std::optional<double> budget_seconds, bool special, const std::string& store,
                     const std::string& call, const OnShare& progress, const OnLine& say) {
  EvalOptions options;
  options.methods = methods, options.lengths = lengths, options.tasks = tasks, options.tail = tail;
  options.n_predict = n_predict, options.stride = stride, options.n_questions = n_questions;
  options.n_depths = n_depths, options.n_documents = n_documents, options.margin = margin;
  options.budget_seconds = budget_seconds, options.special = special, options.store = store;
  options.call = call, options.telling = telling_of(progress.value, say.value);
  const std::vector<NamedText> named = texts_of(texts);
  const Unlocked free;
  return evaluate(model, named, options);
}

std::pair<std::string, std::string> run_tune(const Model& model, const Texts& texts, Index length,
                                             const std::string& goal, const Names& candidates,
                                             int n_documents, Index tail, double budget_seconds, bool special,
                                             const std::string& store, bool keep, const OnShare& progress,
                                             const OnLine& say) {
  TuneOptions options;
  options.length = length, options.goal = goal, options.candidates = candidates;
  options.n_documents = n_documents, options.tail = tail, options.budget_seconds = budget_seconds;
  options.special = special, options.store = store, options.keep = keep;
  options.telling = telling_of(progress.value, say.value);
  const std::vector<NamedText> named = texts_of(texts);
  const Unlocked free;
  const Tuned found = tune(model, named, options);
  return {found.method, found.json};
}

ScoreDict run_score(const Names& hypotheses, const Names& references, const std::string& tokenize) {
  const Scores s = score(hypotheses, references, tokenize);
  nb::dict d;
  d["bleu"] = s.bleu, d["chrf"] = s.chrf, d["chrf_words"] = s.chrf_words, d["rouge1"] = s.rouge1;
  d["rouge2"] = s.rouge2, d["rouge_l"] = s.rouge_l, d["rouge_lsum"] = s.rouge_lsum;
  d["token_f1"] = s.token_f1, d["edit_similarity"] = s.edit_similarity;
  return {d};
}

}  // namespace

/// What ropewalk/_judge.py makes plain.
void bind_judge(nb::module_& m) {
  nb::class_<Results>(m, "Measured")
      .def("__len__", &Results::size)
      .def("json", &Results::json)
      .def("text", &Results::text)
      .def("markdown", &Results::markdown)
      .def("html", &Results::html)
      .def("csv", &Results::csv);
  m.def("evaluate", &run_evaluate, "model"_a, "texts"_a, nb::kw_only(), "methods"_a, "lengths"_a, "tasks"_a,
        "tail"_a, "n_predict"_a, "stride"_a, "n_questions"_a, "n_depths"_a, "n_documents"_a, "margin"_a,
        "budget_seconds"_a.none(), "special"_a, "store"_a, "call"_a, "progress"_a.none(), "say"_a.none());
  m.def("read_results", &read_results, "paths"_a);
  m.def("tune", &run_tune, "model"_a, "texts"_a, nb::kw_only(), "length"_a, "goal"_a, "candidates"_a,
        "n_documents"_a, "tail"_a, "budget_seconds"_a, "special"_a, "store"_a, "keep"_a, "progress"_a.none(),
        "say"_a.none());
  m.def("score", &run_score, "hypotheses"_a, "references"_a, nb::kw_only(), "tokenize"_a = "auto",
        "BLEU and chrF (0 to 100, of the corpus), ROUGE, token F1 and edit similarity (0 to 1, means) of "
        "texts\n"
        "against reference texts, as a dict. tokenize: auto, 13a, zh or char.");
}

}  // namespace ropewalk::python
