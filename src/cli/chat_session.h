// SPDX-License-Identifier: Apache-2.0
/// A conversation that is read on in one sequence: what `chat` is without its terminal.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chat/conversation.h"
#include "cli/command.h"
#include "methods/auto.h"
#include "model/sampler.h"

namespace rw {

struct ChatSessionSettings {
  std::string method = "auto";  ///< or one by name
  std::string system = "";      ///< what the model is told first; empty: nothing
  Index length = 0;  ///< tokens that the conversation is bound to; 0: the trained length, then as it grows
  Index n_predict = 1024;  ///< most tokens of an answer
  Index chunk = kDefaultChunk;
  SamplerSettings sampling = {};  ///< answer i (from 0) of a conversation draws with seed + i
  std::vector<std::string> stops = {};
  ChatSettings chat = {};
};

struct ChatReply {
  std::string text;
  const char* reason = "stop";           ///< "stop"; "length": n_predict; "interrupted"
  std::optional<std::string> stop = {};  ///< the one of `stops` that ended it
  Index n_prompt = 0, n_cached = 0, n_new = 0;
  double read_seconds = 0, write_seconds = 0;
};

/// Thrown by ask() where it was interrupted while it read: nothing was said then.
struct ReadingInterrupted {};

/// How the next answer is made.
struct NextAnswer {
  Index n = 0;       ///< tokens, read and written, that it needs
  Index length = 0;  ///< that the conversation is bound to then
  MethodSpec spec;
  std::string why;    ///< what speaks for the method; empty: it was asked for
  bool anew = false;  ///< all is read (again)
};

/// What a conversation is made of.
struct Said {
  std::vector<Message> messages = {};
  std::string documents = "";  ///< all so far, one behind the other; empty: none
  std::string attached = "";   ///< those that the next message will have in front of it, as it will have them
};

/// Used by one thread.
class ChatSession {
 public:
  /// Errors: Error for a model without a chat template; UsageError for the method.
  ChatSession(std::shared_ptr<const Model> model, std::string model_path, ChatSessionSettings settings);

  /// A document in front of the next message.
  void attach(const std::string& name, std::string text);
  /// The answer to `text`, which joins the conversation with it. Past the length that the conversation is
  /// bound to it is bound to a longer one, which may change the method: then all of it is read again, once;
  /// nothing is converted. One that fits the trained length again is bound to that. `show`: each piece of the
  /// answer. Errors: those of next_answer and of memory, and ReadingInterrupted; then the conversation is as
  /// it was.
  ChatReply ask(const std::string& text, const std::atomic<bool>& interrupted,
                const std::function<void(const std::string&)>& show);

  /// Another method or length holds from the next answer on; what was read is read again. Errors: UsageError.
  void set_method(const std::string& method);
  void set_length(Index length);  ///< 0: each answer to what it takes
  void set_said(Said said);
  /// As a new one: what the model is told first, and nothing else.
  void begin_anew();
  /// With the documents that were attached, and no word more. Errors: those of method_for and of a template;
  /// Error for a conversation past the length that was asked for.
  NextAnswer next_answer() const;

  /// Files that this run loaded it from or saved it to.
  void add_file(const std::string& path);
  bool has_file(const std::string& path) const;

  const Said& said() const { return said_; }
  const ChatSessionSettings& settings() const { return settings_; }
  const Model& model() const { return *model_; }
  const std::string& model_path() const { return model_path_; }
  Index bound() const { return bound_; }           ///< the length it is bound to; 0: nothing was read
  Index position() const;                          ///< tokens read and written so far
  const MethodSpec* spec() const;                  ///< that it is read under; null: nothing was read
  const std::string& why() const { return why_; }  ///< what speaks for it; empty: it was asked for

 private:
  std::size_t bytes(const MethodSpec& spec, Index length) const;
  std::size_t memory() const;
  bool held(const MethodSpec& spec, Index length) const;
  NextAnswer next_for(Index n_prompt) const;
  std::vector<Token> prompt_of(const std::vector<Message>& messages) const;
  void bind(const NextAnswer& next);
  void make_ready(const std::vector<Token>& prompt);
  std::vector<Token> write_reply(const std::vector<Token>& prompt, ChatReply& reply,
                                 const std::atomic<bool>& interrupted,
                                 const std::function<void(const std::string&)>& show);
  SamplerSettings sampling() const;
  void forget() { session_.reset(), read_.clear(), why_.clear(), bound_ = 0; }

  std::shared_ptr<const Model> model_;
  std::string model_path_;
  ChatSessionSettings settings_;
  Said said_;
  std::set<std::string> files_;
  std::optional<Session> session_;
  std::vector<Token> read_;  // what the session stands behind
  std::string why_;
  Index bound_ = 0;
};

}  // namespace rw
