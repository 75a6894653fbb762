// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <ropewalk/model.h>

#include "arrays.h"

namespace ropewalk::python {

ContextDict context_dict(const RopeContext& context);

namespace {

using namespace nb::literals;

using Path = Said<"str | os.PathLike[str]">;

std::filesystem::path path_of(nb::handle path) {
  std::filesystem::path name;
  if (nb::try_cast(path, name)) return name;
  PyErr_Clear();
  throw UsageError("path", "the name of a file or a folder",
                   nb::cast<std::string>(path.type().attr("__name__")), "a str, or a pathlib.Path");
}

Model load(const std::filesystem::path& path, int n_threads, const std::string& isa,
           const std::string& precision, const std::string& kv, std::size_t weight_memory) {
  const Unlocked free;
  return Model::load(
      path.string(),
      {.n_threads = n_threads, .isa = isa, .precision = precision, .kv = kv, .weight_memory = weight_memory});
}

Array<Token> tokenize(const Model& model, const std::string& text, bool special, bool begin) {
  std::vector<Token> ids;
  {
    const Unlocked free;
    ids = model.tokenize(text, special, begin);
  }
  const std::size_t n = ids.size();
  return given(std::move(ids), {n});
}

/// Bytes that are no UTF-8, where ids end within a letter, are U+FFFD.
Text detokenize(const Model& model, const Ids& ids, bool special) {
  const std::string bytes = model.detokenize(tokens_of(ids.value), special);
  return {nb::steal(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace"))};
}

std::vector<Message> messages_of(nb::handle messages) {
  if (nb::isinstance<nb::str>(messages)) return {{"user", text_of(messages, "messages")}};
  std::vector<Message> said;
  for (const nb::handle each : messages)
    said.push_back({text_of(each["role"], "role"), text_of(each["content"], "content")});
  return said;
}

Array<Token> chat(const Model& model, const Messages& messages, bool thinking, const std::string& effort) {
  const std::vector<Message> said = messages_of(messages.value);
  std::vector<Token> ids;
  {
    const Unlocked free;
    ids = model.chat(said, {.thinking = thinking, .reasoning_effort = effort});
  }
  const std::size_t n = ids.size();
  return given(std::move(ids), {n});
}

}  // namespace

void bind_model(nb::module_& m) {
  nb::class_<Model>(m, "Model",
                    "A model file, opened: a GGUF file or a Hugging Face folder.\n\n"
                    "Immutable; any thread, several at once.")
      .def(
          "__init__",
          [](Model* self, const Path& path, int n_threads, const std::string& isa,
             const std::string& precision, const std::string& kv, std::size_t weight_memory) {
            new (self) Model(load(path_of(path.value), n_threads, isa, precision, kv, weight_memory));
          },
          "path"_a, nb::kw_only(), "n_threads"_a = 0, "isa"_a = "", "precision"_a = "bf16", "kv"_a = "",
          "weight_memory"_a = 0,
          "n_threads: 0 is all cores. isa: an instruction set by name, the fastest where empty. precision:\n"
          "bf16 or f32. kv: bf16, f32 or q8, as precision where empty. weight_memory: bytes that the file's\n"
          "weights may take, 0 is what is free. Errors: Error, UsageError.")
      .def_prop_ro("path", &Model::path)
      .def_prop_ro("architecture", &Model::architecture)
      .def_prop_ro("name", &Model::name)
      .def_prop_ro("encoder", &Model::encoder, "a masked language model: rows see both sides")
      .def_prop_ro("n_ctx_train", &Model::n_ctx_train, "trained length, tokens")
      .def_prop_ro("n_vocab", &Model::n_vocab, "numbers in a row of logits")
      .def_prop_ro("d_model", &Model::d_model)
      .def_prop_ro("n_layers", &Model::n_layers)
      .def_prop_ro("n_acting_layers", &Model::n_acting_layers, "layers on which methods act")
      .def_prop_ro("n_bytes", &Model::bytes, "weights in memory")
      .def_prop_ro("backend", &Model::backend, "what computes")
      .def_prop_ro("id", &Model::id, nb::call_guard<Unlocked>(),
                   "SHA-256 that names the model, the same under another path")
      .def_prop_ro("end_tokens", &Model::end_tokens, "ids that end a text or a turn")
      .def_prop_ro("has_chat_template", &Model::has_chat_template)
      .def(
          "rope_context", [](const Model& self, int layer) { return context_dict(self.rope_context(layer)); },
          "layer"_a, "What a method may know of a layer: the keyword arguments of ropewalk.plan.")
      .def("tokenize", &tokenize, "text"_a, nb::kw_only(), "special"_a = false, "begin"_a = false,
           "Ids of a text (int32). special: the spelling of a control token becomes that token. begin: with\n"
           "what the model was trained with before a text (BOS).")
      .def("detokenize", &detokenize, "tokens"_a, nb::kw_only(), "special"_a = false,
           "The text that ids stand for.")
      .def("chat", &chat, "messages"_a, nb::kw_only(), "thinking"_a = true, "reasoning_effort"_a = "",
           "Ids of a conversation in the model's chat template, ready for the answer. messages: a list of\n"
           "dicts with role and content, or a text, which is the user's.")
      .def("__repr__", [](const Model& self) {
        return "<Model " + self.path() + ": " + self.architecture() + ", trained on " +
               std::to_string(self.n_ctx_train()) + " tokens>";
      });
}

}  // namespace ropewalk::python
