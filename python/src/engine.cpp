// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <deque>
#include <optional>

#include "arrays.h"
#include "sequences.h"

namespace ropewalk::python {
namespace {

using namespace nb::literals;

/// One text's part of a step, and what came of it.
struct Step {
  nb::object sequence;
  std::vector<Token> tokens, targets;
  bool written = false, wants_logits = false, wants_likeliest = false;
  Index n_rows = 0;
  std::vector<float> logits = {};
  std::vector<double> losses = {};
  std::vector<Token> likeliest = {};
};

void make_step(Step* self, const Said<"Sequence">& sequence, const Ids& tokens, bool written, Index n_rows,
               bool logits, const Ids& targets, bool likeliest) {
  if (!nb::isinstance<PySequence>(sequence.value))
    throw UsageError("sequence", "a Sequence", nb::cast<std::string>(sequence.value.type().attr("__name__")),
                     "Sequence(model, n) makes one");
  new (self) Step{.sequence = sequence.value, .tokens = tokens_of(tokens.value), .targets = {}};
  if (!targets.value.is_none()) self->targets = tokens_of(targets.value);
  self->written = written, self->wants_logits = logits, self->wants_likeliest = likeliest;
  self->n_rows = n_rows;
}

nb::dict result_of(Step& step, Index n_vocab) {
  nb::dict result;
  const auto n = static_cast<std::size_t>(step.n_rows);
  if (step.wants_logits)
    result["logits"] = given(std::move(step.logits), {n, static_cast<std::size_t>(n_vocab)});
  if (!step.targets.empty()) result["losses"] = given(std::move(step.losses), {n});
  if (step.wants_likeliest) result["likeliest"] = given(std::move(step.likeliest), {n});
  return result;
}

StepResults run_step(PyEngine& engine, const nb::list& steps, Index n_vocab, const nb::object& progress) {
  const PyEngine::Use in_use = engine.use();
  const nb::tuple held(steps);  // the list is its owner's, who may change it meanwhile
  std::deque<PySequence::Use> sequences;
  std::vector<StepInput> inputs;
  for (const nb::handle each : held) {
    if (!nb::isinstance<Step>(each))
      throw UsageError("steps", "a list of Step", nb::cast<std::string>(each.type().attr("__name__")),
                       "Step(sequence, tokens)");
    Step& step = nb::cast<Step&>(each);
    const auto n = static_cast<std::size_t>(std::max<Index>(0, step.n_rows));
    if (n > step.tokens.size())
      throw UsageError("n_rows", "rows of the step's tokens", std::to_string(step.n_rows),
                       "what is wanted is of tokens that are read now");
    sequences.emplace_back(nb::cast<PySequence&>(step.sequence));
    if (step.wants_logits) step.logits.resize(n * static_cast<std::size_t>(n_vocab));
    if (!step.targets.empty()) step.losses.resize(n);
    if (step.wants_likeliest) step.likeliest.resize(n);
    inputs.push_back({.sequence = &*sequences.back(),
                      .tokens = step.tokens,
                      .written = step.written,
                      .n_rows = step.n_rows,
                      .logits = step.logits,
                      .targets = step.targets,
                      .losses = step.losses,
                      .likeliest = step.likeliest});
  }
  {
    const Progress told = progress_of(progress);
    const Unlocked free;
    in_use->step(inputs, told);
  }
  nb::list results;
  for (const nb::handle each : held) results.append(result_of(nb::cast<Step&>(each), n_vocab));
  return {results};
}

template <class T, class F>
auto asked(F f) {
  return [f](T& self) { return f(*self.use()); };
}

}  // namespace

void bind_engine(nb::module_& m) {
  nb::class_<PySequence>(m, "Sequence",
                         "One text under one method: its keys, its values, and how far it was read. Of one\n"
                         "thread at a time.")
      .def(
          "__init__",
          [](PySequence* self, nb::handle_t<Model> model, Index n, const std::string& method,
             Index n_prompt) {
            const Model& inside = nb::cast<const Model&>(model);
            std::optional<Sequence> made;
            {
              const Unlocked free;
              made.emplace(inside, SequenceOptions{.method = method, .n = n, .n_prompt = n_prompt});
            }
            new (self) PySequence(std::move(*made), nb::borrow(model));
          },
          "model"_a, "n"_a, nb::kw_only(), "method"_a = "auto", "n_prompt"_a = 0,
          "n: tokens in all, read and written; methods take their defaults from it. Errors: UsageError,\n"
          "Error where the memory does not hold it.")
      .def_prop_ro("position", asked<PySequence>([](Sequence& s) { return s.position(); }),
                   "tokens read so far")
      .def_prop_ro("n", asked<PySequence>([](Sequence& s) { return s.n(); }))
      .def_prop_ro("method", asked<PySequence>([](Sequence& s) { return s.method(); }),
                   "with every default filled in")
      .def_prop_ro("why", asked<PySequence>([](Sequence& s) { return s.why(); }), "of auto: why this method")
      .def_prop_ro("cache_bytes", asked<PySequence>([](Sequence& s) { return s.cache_bytes(); }))
      .def(
          "fork",
          [](PySequence& self, std::optional<Index> n) {
            const PySequence::Use from = self.use();
            return new PySequence(from->fork(n.value_or(from->position())), self.model);
          },
          "n"_a = nb::none(),
          "The first n tokens, all where left out, as a sequence of their own; keys and values are shared.")
      .def_ro("model", &PySequence::model, nb::for_getter(nb::sig("def model(self) -> Model")))
      .def("__repr__",
           [](PySequence& self) { return shown("Sequence", self, [](Sequence& s) { return words_of(s); }); })
      .def(
          "truncate", [](PySequence& self, Index n) { self.use()->truncate(n); }, "n"_a,
          "Forgets the tokens from n on.");
  nb::class_<Step>(m, "Step",
                   "What one sequence reads in a step, and what is wanted of the last n_rows of its tokens.")
      .def(
          "__init__", &make_step, "sequence"_a, "tokens"_a, nb::kw_only(), "written"_a = false,
          "n_rows"_a = 0, "logits"_a = false, "targets"_a = nb::none(), "likeliest"_a = false,
          "written: tokens that the model wrote (the same but for rounding, and faster where they are few).\n"
          "logits: (n_rows, n_vocab). targets: (n_rows) ids, for losses. likeliest: (n_rows) ids.");
  nb::class_<PyEngine>(m, "Engine",
                       "Reads on in several sequences of one model at once. A row's bits are those that its\n"
                       "sequence has alone. Of one thread at a time.")
      .def(nb::init<nb::handle_t<Model>, Index>(), "model"_a, "chunk"_a = 1024)
      .def_ro("model", &PyEngine::model, nb::for_getter(nb::sig("def model(self) -> Model")))
      .def("__repr__",
           [](PyEngine& self) {
             return shown("Engine", self,
                          [](Engine& e) { return e.model().path() + ": " + e.model().backend(); });
           })
      .def(
          "step",
          [](PyEngine& self, const nb::typed<nb::list, Step>& steps, const OnTokens& progress) {
            const Index n_vocab = self.use()->model().n_vocab();
            return run_step(self, steps, n_vocab, progress.value);
          },
          "steps"_a, nb::kw_only(), "progress"_a = nb::none(),
          "A list of Step; a dict for each, with what was wanted. progress(n_done): tokens read so far; "
          "what\n"
          "it raises ends the step, and the sequences are as they were before.");
}

}  // namespace ropewalk::python
