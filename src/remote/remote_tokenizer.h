// SPDX-License-Identifier: Apache-2.0
/// A server's tokenizer, as it says it: texts become ids, and ids text, where the server has routes for both.
#pragma once
#include <map>
#include <memory>
#include <mutex>

#include "remote/server.h"
#include "tokenizer/tokenizer.h"

namespace rw::remote {

/// How a server is asked for ids: by one of the engines' own routes.
struct CountingForm {
  const char* name;
  /// `begin`: with what begins a text. `special`: control tokens that are spelled in it are read as such,
  /// which they are in any case where tells_special is false.
  std::vector<Token> (*encode)(const Server& server, const std::string& text, bool begin, bool special);
  std::string (*decode)(const Server& server, std::span<const Token> tokens);
  bool tells_special;
};
/// Of vLLM, SGLang and ropewalk; of llama.cpp; of llama-cpp-python.
extern const CountingForm kCountingForms[3];

/// Control tokens that are spelled in a text become such where the server has no way to say otherwise
/// (CountingForm::tells_special). What was asked is kept: ids of short texts, and the text of each id.
/// Thread-safe. Errors: those of Server.
class RemoteTokenizer : public Tokenizer {
 public:
  /// The first form that the server knows. Errors: Error where it knows none.
  explicit RemoteTokenizer(const Server& server);

  std::vector<Token> encode(std::string_view text, bool special) const override;
  std::vector<Token> encode_parts(std::span<const TextPart> parts, bool inside) const override;
  std::string decode(Token id, bool special) const override;
  Index n_vocab() const override { return n_vocab_; }
  std::string kind() const override { return form_->name; }

 protected:
  std::string decode_all(std::span<const Token> ids, bool special) const override;

 private:
  std::string behind_anchor(std::span<const Token> ids) const;
  std::vector<Token> encode_run(const std::string& text, bool special, bool inside) const;
  void find_form();
  void find_template();
  const Server& server_;
  const CountingForm* form_ = nullptr;
  Token anchor_ = 0;  // a token that an id is decoded behind, so that its first space is not left out
  std::string anchor_text_;
  Index n_vocab_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<std::string, bool>, std::vector<Token>> known_;  // by text and `special`
  mutable std::map<Token, std::string> texts_;
};

/// A list of ids of an answer. Errors: Error naming `place` for what is none.
std::vector<Token> read_ids(const JsonInput& list, std::string_view place);
/// A whole number of an object that is positive; 0: none.
Index positive_of(const JsonInput& object, const char* name);
/// The string `name` of an object. Errors: Error naming `place`.
const std::string& read_text_of(const JsonInput& object, const char* name, std::string_view place);

}  // namespace rw::remote
