// SPDX-License-Identifier: Apache-2.0
/// One text: read it, score it, write on.
#pragma once
#include <optional>

#include "ropewalk/engine.h"

namespace ropewalk {

/// The next token from a row of logits. Applied in this order, llama.cpp's: bias, penalties, top_k, top_p,
/// min_p, temperature.
struct Sampling {
  double temperature = 0;  ///< 0: the likeliest token
  Index top_k = 0;         ///< 0: all
  double top_p = 1, min_p = 0;
  double repeat_penalty = 1;
  Index repeat_last_n = 64;  ///< -1: all
  double presence_penalty = 0, frequency_penalty = 0;
  std::uint64_t seed = 0;
};

struct GenerateOptions {
  Index n_predict = 128;  ///< most tokens to write
  Sampling sampling = {};
  std::vector<std::string> stops = {};  ///< texts that end the answer and are no part of it
  bool ignore_end = false;              ///< writes on behind tokens that end a text
};

/// A Sequence and an Engine of its own. Of one thread at a time.
class ROPEWALK_API Session {
 public:
  /// Errors: those of Sequence.
  Session(const Model& model, const SequenceOptions& options);

  Sequence& sequence() { return sequence_; }
  const Sequence& sequence() const { return sequence_; }
  Engine& engine() { return engine_; }
  const Model& model() const { return sequence_.model(); }
  Index position() const { return sequence_.position(); }

  /// Reads tokens after those read before; `logits` (n_rows, n_vocab) gets those of the last n_rows of them.
  /// Errors: those of Engine::step.
  void read(std::span<const Token> tokens, std::span<float> logits = {}, const Progress& progress = {});
  /// Reads tokens. losses (tokens.size() - 1): -log p(tokens[i + 1]) in nats given all before it. Errors:
  /// those of Engine::step.
  void losses(std::span<const Token> tokens, std::span<double> losses, const Progress& progress = {});

  void truncate(Index n) { sequence_.truncate(n); }
  /// The first n tokens as a session of its own; keys and values are shared until one of both writes over
  /// them. Errors: UsageError unless 0 <= n <= position().
  Session fork(Index n) const { return Session(sequence_.fork(n)); }

 private:
  explicit Session(Sequence sequence);
  Sequence sequence_;
  Engine engine_;
};

/// Writing on in a session, a token at a time:
///     Generation answer(session, model.chat(messages), {.n_predict = 256});
///     while (auto piece = answer.next()) std::cout << *piece << std::flush;
/// Of one thread at a time. LIFETIME: the session outlives it.
class ROPEWALK_API Generation {
 public:
  /// Reads the prompt. Errors: UsageError for an empty prompt, one that leaves no room in the session for
  /// n_predict tokens, or a setting out of range; those of Engine::step.
  Generation(Session& session, std::span<const Token> prompt, const GenerateOptions& options = {},
             const Progress& progress = {});
  ~Generation();
  Generation(Generation&&) noexcept;
  Generation& operator=(Generation&&) noexcept;

  /// Writes a token. What the answer's text is longer by: whole letters, nothing behind a stop, often empty;
  /// nullopt when it has ended. Where reading fails the token that was written stays. Errors: Error where the
  /// logits are not numbers; the generation has ended then.
  std::optional<std::string> next();
  const std::vector<Token>& tokens() const;  ///< written so far
  const std::string& text() const;           ///< all pieces so far
  /// "stop" (an end token, or a stop text), "length", or "error"; empty while it goes on.
  const std::string& reason() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropewalk
