// SPDX-License-Identifier: Apache-2.0
/// A conversation that is read on in one sequence: what `chat` is without its terminal.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/conversation.h"
#include "cli/command.h"
#include "model/sampler.h"

namespace ropewalk {

struct ChatSessionSettings {
  std::string method = "auto";  ///< or one by name
  Index length = 0;  ///< tokens that the conversation is bound to; 0: the trained length, then as it grows
  Index n_predict = 1024;  ///< most tokens of an answer
  Index chunk = kDefaultChunk;
  SamplerSettings sampling = {};
  std::vector<std::string> stops = {};
  ChatSettings chat = {};
};

struct ChatReply {
  std::string text;
  const char* reason = "stop";  ///< "stop"; "length": n_predict; "interrupted"
  Index n_prompt = 0, n_cached = 0, n_new = 0;
  double read_seconds = 0, write_seconds = 0;
};

/// Thrown by ask() where it was interrupted while it read: nothing was said then.
struct ReadingInterrupted {};

/// Used by one thread.
class ChatSession {
 public:
  /// Errors: Error for a model without a chat template; UsageError for the method.
  ChatSession(std::shared_ptr<const Model> model, std::string model_path, ChatSessionSettings settings);

  /// A document in front of the next message.
  void attach(const std::string& name, std::string text);
  /// The answer to `text`, which joins the conversation with it. Past the length that the conversation is
  /// bound to it is bound to a longer one, which may change the method: then all of it is read again, once;
  /// nothing is converted. `show`: each piece of the answer. Errors: those of method_for, of a template and
  /// of memory, and ReadingInterrupted; then the conversation is as it was.
  ChatReply ask(const std::string& text, const std::atomic<bool>& interrupted,
                const std::function<void(const std::string&)>& show);

  /// Another method or length holds from the next answer on; what was read is read again. Errors: UsageError.
  void set_method(const std::string& method);
  void set_length(Index length);
  void set_messages(std::vector<Message> messages);

  const std::vector<Message>& messages() const { return messages_; }
  const ChatSessionSettings& settings() const { return settings_; }
  const Model& model() const { return *model_; }
  const std::string& model_path() const { return model_path_; }
  /// All documents so far, one behind the other; empty: none.
  const std::string& documents() const { return documents_; }
  Index bound() const { return bound_; }  ///< the length it is bound to; 0: nothing was read
  Index position() const;                 ///< tokens read and written so far
  const MethodSpec* spec() const;         ///< that it is read under; null: nothing was read

 private:
  Index length_for(Index n) const;
  void make_ready(const std::vector<Token>& prompt);
  void forget() { session_.reset(), read_.clear(), bound_ = 0; }

  std::shared_ptr<const Model> model_;
  std::string model_path_;
  ChatSessionSettings settings_;
  std::vector<Message> messages_;
  std::string attached_, documents_;
  std::optional<Session> session_;
  std::vector<Token> read_;  // what the session stands behind
  Index bound_ = 0;
};

}  // namespace ropewalk
