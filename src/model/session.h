// SPDX-License-Identifier: Apache-2.0
/// A Sequence with an Engine of its own, for who has one text.
#pragma once
#include <span>
#include <vector>

#include "model/engine.h"

namespace rw {

/// SequenceOptions, which says what they mean, and the engine's chunk.
struct SessionOptions {
  Index n = 0, n_prompt = 0;    ///< tokens
  Index chunk = kDefaultChunk;  ///< tokens read at once; does not change results
  Index rewind_to = kForever;
  bool every_row = false;
};

class Session {
 public:
  /// Errors: UsageError (method), Error (memory: the need is computed and named before work starts).
  Session(const Model& model, const MethodSpec& spec, const SessionOptions& options);
  /// Reads on in a sequence that is there.
  explicit Session(Sequence sequence, Index chunk = kDefaultChunk);

  /// Reads `tokens` after those read before. Logits of rows with positions in [logits_begin, logits_end)
  /// go to `sink` in slabs of rows; none are computed for other rows. Errors: Engine::step's.
  void run(std::span<const Token> tokens, Index logits_begin, Index logits_end, const LogitsSink& sink,
           const TokensDone& done = {});
  /// The same with anything else wanted of the rows.
  void run(std::span<const Token> tokens, const Wanted& wanted, const TokensDone& done = {});

  /// Reads one token that the model itself wrote: the same as run() of it but for rounding (Stage::kDecode),
  /// several times as fast. `sink` gets its row of logits.
  void write(Token token, const LogitsSink& sink);
  /// The same, and gives the likeliest token to follow; kNoToken where a logit is NaN.
  Token write(Token token);

  /// Sequence::keep_state_at.
  void keep_state_at(Index position) { sequence_.keep_state_at(position); }
  /// Sequence::truncate.
  void rewind(Index position) { sequence_.truncate(position); }

  Index position() const { return sequence_.position(); }
  const Method& method() const { return sequence_.method(); }
  const Model& model() const { return sequence_.model(); }
  const Sequence& sequence() const { return sequence_; }
  std::size_t cache_bytes() const { return sequence_.cache_bytes(); }

 private:
  Sequence sequence_;
  Engine engine_;
};

/// -log softmax(logits[row])[targets[row]] for each target, natural log; NaN where a logit of the row is.
/// Each depends on its row alone, to the bit. Errors: Error unless 0 <= target < n_vocab.
std::vector<double> losses_of(const Backend& backend, const float* logits, Index n_vocab,
                              std::span<const Token> targets);

/// Losses (nats) of predicting tokens[t + 1] from tokens[0 .. t], for t in [begin, end), in one new session
/// of length tokens.size(), or `bound` where that is more. REQUIRES: end < tokens.size().
std::vector<double> token_losses(const Model& model, const MethodSpec& spec, std::span<const Token> tokens,
                                 Index begin, Index end, const TokensDone& done = {}, Index bound = 0);

}  // namespace rw
