// SPDX-License-Identifier: Apache-2.0
/// A model file, opened: tokenizer, chat template, weights.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/method.h"

namespace rw {
class Model;
}

namespace ropewalk {

struct ModelOptions {
  int n_threads = 0;     ///< 0: the cores that this process may use; never more
  std::string isa = {};  ///< "avx2", "portable" ...; empty: ROPEWALK_ISA, or the fastest of this machine
  std::string precision = "bf16";  ///< of products: "bf16" or "f32"
  std::string kv = {};             ///< of the cache: "bf16", "f32" or "q8"; empty: as precision
  std::size_t weight_memory = 0;   ///< bytes that the file's weights may take; 0: what is free
};

struct Message {
  std::string role = {};  ///< "system", "user", "assistant", or what the model's template knows beside them
  std::string content = {};
};

struct ChatOptions {
  bool thinking = true;               ///< false: switched off where the template has a switch for it
  std::string reasoning_effort = {};  ///< "low", "medium", "high"; empty: the template's own
};

/// Immutable; copies share it. Any thread, several at once: engines and sessions of one model may work side
/// by side, and their parallel parts take turns with its threads.
class ROPEWALK_API Model {
 public:
  /// A GGUF file (of a split one the first), or a Hugging Face folder. Errors: Error for what cannot be read
  /// or is not supported, or does not fit into the memory; UsageError for an option.
  static Model load(const std::string& path, const ModelOptions& options = {});

  const std::string& path() const;
  const std::string& architecture() const;  ///< "llama", "qwen3" ...
  const std::string& name() const;          ///< as the file calls it
  bool encoder() const;                     ///< a masked language model: rows see both sides
  Index n_ctx_train() const;                ///< trained length, tokens
  Index n_vocab() const;                    ///< rows of logits
  Index d_model() const;
  int n_layers() const;
  int n_acting_layers() const;  ///< on which methods act
  std::size_t bytes() const;    ///< weights in memory
  std::string backend() const;  ///< what computes: "cpu avx2 bf16"
  /// SHA-256 that names the model: the same under another path.
  std::string id() const;
  /// What a method may know of layer `layer`, from 0. Errors: UsageError for no such layer.
  RopeContext rope_context(int layer) const;

  /// Ids of a text, any bytes. `special`: the spelling of a control token becomes that token. `begin`: with
  /// what the model was trained with before a text (BOS). Errors: Error for a model without a tokenizer.
  std::vector<Token> tokenize(std::string_view text, bool special = false, bool begin = false) const;
  /// The bytes that ids stand for; pieces of UTF-8 where the ids end within a letter. Control tokens are
  /// nothing unless `special`. Errors: Error for an id that there is not.
  std::string detokenize(std::span<const Token> ids, bool special = false) const;
  /// A conversation in the model's chat template, with BOS and the begin of the answer. Control tokens that
  /// are spelled in messages are text. Errors: Error without a template, or where it refuses the messages.
  std::vector<Token> chat(std::span<const Message> messages, const ChatOptions& options = {}) const;
  bool has_chat_template() const;
  /// Ids that end a text or a turn.
  std::vector<Token> end_tokens() const;

  /// Of the inside.
  const std::shared_ptr<const rw::Model>& inside() const { return inside_; }

 private:
  Model(std::string path, std::shared_ptr<const rw::Model> inside);
  std::string path_;
  std::shared_ptr<const rw::Model> inside_;
};

}  // namespace ropewalk
