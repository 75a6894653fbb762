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
  std::vector<Token> (*encode)(const Server& server, const std::string& text, bool begin);
  std::string (*decode)(const Server& server, std::span<const Token> tokens);
};
/// Of vLLM, SGLang and ropewalk; of llama.cpp; of llama-cpp-python.
extern const CountingForm kCountingForms[3];

/// Texts as they are; control tokens that are spelled in them are whatever the server makes of that. What was
/// asked is kept: ids of short texts, and the text of each id. Thread-safe. Errors: those of Server.
class RemoteTokenizer : public Tokenizer {
 public:
  /// The first form that the server knows. Errors: Error where it knows none.
  explicit RemoteTokenizer(const Server& server);

  std::vector<Token> encode(std::string_view text, bool special) const override;
  std::vector<Token> encode_parts(std::span<const TextPart> parts, bool inside) const override;
  std::string decode(Token id, bool special) const override;
  Index n_vocab() const override { return n_vocab_; }
  std::string kind() const override { return form_->name; }

 private:
  void find_form();
  void find_template();
  const Server& server_;
  const CountingForm* form_ = nullptr;
  Token anchor_ = 0;  // a token that an id is decoded behind, so that its first space is not left out
  std::string anchor_text_;
  Index n_vocab_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::vector<Token>, std::less<>> known_;
  mutable std::map<Token, std::string> texts_;
};

/// A list of ids of an answer. Errors: Error naming `place` for what is none.
std::vector<Token> read_ids(const JsonInput& list, std::string_view place);
/// The string `name` of an object. Errors: Error naming `place`.
const std::string& read_text_of(const JsonInput& object, const char* name, std::string_view place);

}  // namespace rw::remote
