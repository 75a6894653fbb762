// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "sequences.h"

namespace ropewalk::python {
namespace {

using namespace nb::literals;

Array<float> read(PySession& self, const Ids& tokens, Index logits, const OnTokens& progress) {
  const PySession::Use session = self.use();
  const std::vector<Token> ids = tokens_of(tokens.value);
  if (logits < 0 || static_cast<std::size_t>(logits) > ids.size())
    throw UsageError("logits", "rows of the tokens that are read", std::to_string(logits),
                     "logits=1 are those behind the last token");
  const auto rows = static_cast<std::size_t>(logits),
             n_vocab = static_cast<std::size_t>(session->model().n_vocab());
  std::vector<float> numbers(rows * n_vocab);
  {
    const Progress told = progress_of(progress.value);
    const Unlocked free;
    session->read(ids, numbers, told);
  }
  return given(std::move(numbers), {rows, n_vocab});
}

Array<double> losses(PySession& self, const Ids& tokens, const OnTokens& progress) {
  const PySession::Use session = self.use();
  const std::vector<Token> ids = tokens_of(tokens.value);
  std::vector<double> numbers(ids.empty() ? 0 : ids.size() - 1);
  {
    const Progress told = progress_of(progress.value);
    const Unlocked free;
    session->losses(ids, numbers, told);
  }
  const std::size_t n = numbers.size();
  return given(std::move(numbers), {n});
}

/// The generation with the session that it writes in.
struct PyGeneration {
  PySession& session;
  Generation inside;

  std::string next() {
    const PySession::Use in_use = session.use();
    std::optional<std::string> piece;
    {
      const Unlocked free;
      piece = inside.next();
    }
    if (PyErr_CheckSignals() != 0) throw nb::python_error();  // list(), "".join() look at none
    if (!piece) throw nb::stop_iteration();
    return std::move(*piece);
  }
};

PyGeneration* generate(PySession& self, const Prompt& prompt, std::optional<Index> n_predict,
                       double temperature, Index top_k, double top_p, double min_p, double repeat_penalty,
                       Index repeat_last_n, double presence_penalty, double frequency_penalty,
                       std::uint64_t seed, const std::vector<std::string>& stops, bool ignore_end,
                       const OnTokens& progress) {
  const PySession::Use session = self.use();
  const std::vector<Token> ids =
      nb::isinstance<nb::str>(prompt.value)
          ? session->model().tokenize(text_of(prompt.value, "prompt"), false, session->position() == 0)
          : tokens_of(prompt.value);
  const Index room = session->sequence().n() - session->position() - static_cast<Index>(ids.size());
  const GenerateOptions options{.n_predict = n_predict.value_or(std::clamp<Index>(room, 1, 128)),
                                .sampling = {.temperature = temperature,
                                             .top_k = top_k,
                                             .top_p = top_p,
                                             .min_p = min_p,
                                             .repeat_penalty = repeat_penalty,
                                             .repeat_last_n = repeat_last_n,
                                             .presence_penalty = presence_penalty,
                                             .frequency_penalty = frequency_penalty,
                                             .seed = seed},
                                .stops = stops,
                                .ignore_end = ignore_end};
  const Progress told = progress_of(progress.value);
  const Unlocked free;
  return new PyGeneration{self, Generation(*session, ids, options, told)};
}

}  // namespace

void bind_session(nb::module_& m) {
  nb::class_<PyGeneration>(
      m, "Generation",
      "An answer while it is written: an iterator of pieces of text, whole letters each,\n"
      "one for each token, some of them empty.")
      .def("__iter__", [](nb::handle_t<PyGeneration> self) { return self; })
      .def("__next__", &PyGeneration::next)
      .def_prop_ro(
          "tokens",
          [](PyGeneration& self) {
            const PySession::Use in_use = self.session.use();
            return self.inside.tokens();
          },
          "ids written so far")
      .def_prop_ro(
          "text",
          [](PyGeneration& self) {
            const PySession::Use in_use = self.session.use();
            return self.inside.text();
          },
          "all pieces so far")
      .def("__repr__",
           [](PyGeneration& self) {
             return shown("Generation", self.session, [&](Session&) {
               const std::string& reason = self.inside.reason();
               return std::to_string(self.inside.tokens().size()) + " tokens, " +
                      (reason.empty() ? "goes on" : reason);
             });
           })
      .def_prop_ro(
          "reason",
          [](PyGeneration& self) {
            const PySession::Use in_use = self.session.use();
            return self.inside.reason();
          },
          "stop or length; empty while it goes on");
  nb::class_<PySession>(m, "Session", "One text: read it, score it, write on. Of one thread at a time.")
      .def(
          "__init__",
          [](PySession* self, nb::handle_t<Model> model, Index n, const std::string& method, Index n_prompt) {
            const Model& inside = nb::cast<const Model&>(model);
            std::optional<Session> made;
            {
              const Unlocked free;
              made.emplace(inside, SequenceOptions{.method = method, .n = n, .n_prompt = n_prompt});
            }
            new (self) PySession(std::move(*made), nb::borrow(model));
          },
          "model"_a, "n"_a, nb::kw_only(), "method"_a = "auto", "n_prompt"_a = 0,
          "n: tokens in all, read and written; methods take their defaults from it. Errors: UsageError,\n"
          "Error where the memory does not hold it.")
      .def_prop_ro(
          "position", [](PySession& self) { return self.use()->position(); }, "tokens read so far")
      .def_prop_ro("n", [](PySession& self) { return self.use()->sequence().n(); })
      .def_prop_ro(
          "method", [](PySession& self) { return self.use()->sequence().method(); },
          "with every default filled in")
      .def_prop_ro(
          "why", [](PySession& self) { return self.use()->sequence().why(); }, "of auto: why this method")
      .def_prop_ro("cache_bytes", [](PySession& self) { return self.use()->sequence().cache_bytes(); })
      .def(
          "read",
          [](PySession& self, const Ids& tokens, const OnTokens& progress) {
            read(self, tokens, 0, progress);
          },
          "tokens"_a, nb::kw_only(), "progress"_a = nb::none(),
          "Reads tokens after those read before. progress(n_done): what it raises ends the reading, and the\n"
          "session is as it was before.")
      .def("read", &read, "tokens"_a, nb::kw_only(), "logits"_a, "progress"_a = nb::none(),
           "The same. logits: of how many of the last tokens; they come as (logits, n_vocab) float32.")
      .def("losses", &losses, "tokens"_a, nb::kw_only(), "progress"_a = nb::none(),
           "Reads tokens: -log p(tokens[i + 1]) in nats, given all before it, as (len(tokens) - 1) float64. "
           "Of a tail\n"
           "behind a context: read(context[:-1]), then losses of context[-1:] and the tail.")
      .def(
          "truncate", [](PySession& self, Index n) { self.use()->truncate(n); }, "n"_a,
          "Forgets the tokens from n on.")
      .def(
          "fork",
          [](PySession& self, std::optional<Index> n) {
            const PySession::Use from = self.use();
            return new PySession(from->fork(n.value_or(from->position())), self.model);
          },
          "n"_a = nb::none(),
          "The first n tokens, all where left out, as a session of their own; keys and values are shared.")
      .def_ro("model", &PySession::model, nb::for_getter(nb::sig("def model(self) -> Model")))
      .def("__repr__",
           [](PySession& self) {
             return shown("Session", self, [](Session& s) { return words_of(s.sequence()); });
           })
      .def(
          "generate", &generate, nb::keep_alive<0, 1>(), "prompt"_a, nb::kw_only(),
          "n_predict"_a = nb::none(), "temperature"_a = 0.0, "top_k"_a = 0, "top_p"_a = 1.0, "min_p"_a = 0.0,
          "repeat_penalty"_a = 1.0, "repeat_last_n"_a = 64, "presence_penalty"_a = 0.0,
          "frequency_penalty"_a = 0.0, "seed"_a = 0, "stops"_a = std::vector<std::string>{},
          "ignore_end"_a = false, "progress"_a = nb::none(),
          "Reads a prompt (a text, or ids) and writes on: an iterator of pieces of text. top_k, top_p, min_p "
          "and\n"
          "seed choose nothing at temperature 0, which takes the likeliest token. stops: texts that end the\n"
          "answer. ignore_end: writes on behind tokens that end a text.");
}

}  // namespace ropewalk::python
