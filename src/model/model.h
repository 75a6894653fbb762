// SPDX-License-Identifier: Apache-2.0
/// A loaded model, and a Session that runs one sequence through it under one method.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "model/config.h"

namespace ropewalk {

struct Weights;

/// Weights where the file maps them. Immutable; shared by sessions. LIFETIME: `file` outlives the model.
class Model {
 public:
  /// Reads the configuration and all weights. Errors: Error (missing tensor, wrong shape, not enough memory).
  Model(const ModelFile& file, std::shared_ptr<const Backend> backend);
  ~Model();
  const ModelConfig& config() const { return config_; }
  const Backend& backend() const { return *backend_; }
  const Weights& weights() const { return *weights_; }
  std::size_t bytes() const { return bytes_; }  ///< weights in memory

  /// How many ids the tokenizer has. Rows past them are padding, which is never chosen; ids past the rows
  /// (n_vocab) are refused where one is read.
  void set_n_ids(Index n) { n_ids_ = n; }
  Index n_choices() const { return std::min(n_ids_, config_.n_vocab); }
  /// Errors: Error that names both numbers unless the id has a row.
  void require_row(Token id) const;

 private:
  ModelConfig config_;
  std::shared_ptr<const Backend> backend_;
  std::unique_ptr<Weights> weights_;
  std::size_t bytes_ = 0;
  Index n_ids_ = 0;  // set by the constructor to n_vocab
};

constexpr Index kDefaultChunk = 1024;  ///< tokens per prefill step

struct SessionOptions {
  Index n = 0;         ///< length asked for: prompt plus new tokens; methods take their defaults from it
  Index n_prompt = 0;  ///< 0: n. With grow=1, rows below it use length n_prompt, a later row p uses p + 1
  Index chunk = kDefaultChunk;  ///< does not change results
  Index rewind_to = kForever;  ///< what a row from here on reads is kept, so that rewind(>= rewind_to) can be
  /// The last layer attends from every row, also from those whose logits nobody asked for: for who watches
  /// it.
  bool every_row = false;
};

/// rows [first, first + n_rows) of logits (n_rows, n_vocab); `first` is the position of the token read.
using LogitsSink = std::function<void(Index first, Index n_rows, const float* logits)>;
/// Tokens read so far in this run() call.
using TokensDone = std::function<void(Index n_done)>;

class Session {
 public:
  /// Errors: UsageError (method), Error (memory: the need is computed and named before work starts).
  Session(const Model& model, const MethodSpec& spec, const SessionOptions& options);
  ~Session();

  /// Reads `tokens` after those read before. Logits of rows with positions in [logits_begin, logits_end)
  /// go to `sink` in slabs of rows; none are computed for other rows. Errors: Error for an id without a row
  /// of embeddings, before anything is read.
  void run(std::span<const Token> tokens, Index logits_begin, Index logits_end, const LogitsSink& sink,
           const TokensDone& done = {});

  /// Reads one token that the model itself wrote: the same as run() of it but for rounding (Stage::kDecode),
  /// several times as fast. `sink` gets its row of logits.
  void write(Token token, const LogitsSink& sink);

  /// Forgets the tokens from `position` on: what is read next has the same bits as in a session that never
  /// read them. REQUIRES: options.rewind_to <= position <= position().
  void rewind(Index position);

  Index position() const;        ///< tokens read so far
  const Method& method() const;  ///< of layer 0, as bound
  const Model& model() const;
  std::size_t cache_bytes() const;  ///< keys and values held now

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// -log softmax(logits[row])[targets[row]] for each target, natural log; NaN where a logit of the row is.
/// Each depends on its row alone, to the bit. Errors: Error unless 0 <= target < n_vocab.
std::vector<double> losses_of(const Backend& backend, const float* logits, Index n_vocab,
                              std::span<const Token> targets);

/// Losses (nats) of predicting tokens[t + 1] from tokens[0 .. t], for t in [begin, end), in one new session
/// of length tokens.size(). REQUIRES: end < tokens.size().
std::vector<double> token_losses(const Model& model, const MethodSpec& spec, std::span<const Token> tokens,
                                 Index begin, Index end, const TokensDone& done = {});

/// Peak bytes a session of n tokens needs beside the weights. `chunk`: rows that stand in the cache beyond a
/// window, those of a step and those that may be rewound.
std::size_t session_bytes(const ModelConfig& config, KvType kv_type, const Method& method, Index n,
                          Index chunk = kDefaultChunk);

}  // namespace ropewalk
