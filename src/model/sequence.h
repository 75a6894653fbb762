// SPDX-License-Identifier: Apache-2.0
/// One text under one method: the method bound for each class of layers, the cache of keys and values, and
/// how far it was read. An Engine reads on in it.
#pragma once
#include <memory>
#include <vector>

#include "model/model.h"

namespace rw {

constexpr Index kDefaultChunk = 1024;  ///< tokens that an Engine reads at once
constexpr Index kSlabRows = 256;       ///< rows of logits that it holds at once: x 49,152 words = 48 MiB

struct SequenceOptions {
  Index n = 0;         ///< length asked for: prompt plus new tokens; methods take their defaults from it
  Index n_prompt = 0;  ///< 0: n. With grow=1, rows below it use length n_prompt, a later row p uses p + 1
  /// What a row from here on reads is kept, whatever window has passed: truncate() and fork() to there, or
  /// later, read nothing again. Of layers with a state, a state is kept here alone: from there on is read
  /// again.
  Index rewind_to = kForever;
  /// As long as no more tokens than these were read; then windows pass what they pass.
  Index rewind_end = kForever;
  /// The last layer attends from every row, also from those of which nothing is wanted: for who watches it.
  bool every_row = false;
};

constexpr Index kMostTokens = Index{1} << 31;  ///< of one sequence

/// Used by one thread at a time, its forks by others; what is const, fork() too, by several at once.
class Sequence {
 public:
  /// Errors: UsageError (method), Error (memory: the need is computed and named before work starts, with what
  /// other sequences of the same context will take).
  Sequence(const Model& model, const MethodSpec& spec, const SequenceOptions& options,
           Index chunk = kDefaultChunk);
  ~Sequence();
  Sequence(Sequence&&) noexcept;
  Sequence& operator=(Sequence&&) noexcept;

  Index position() const;          ///< tokens read so far
  const Method& method() const;    ///< of the first layer that it acts on, as bound
  const MethodSpec& spec() const;  ///< as asked for
  Index bound() const;             ///< tokens that it is bound to
  const Model& model() const;
  std::size_t cache_bytes() const;  ///< keys and values held now; those shared with a fork count for both

  /// Forgets the tokens from `position` on: what is read next has the same bits as if they had never been.
  /// Where a window has passed what those rows would see, what is left is read again before the next step.
  /// Errors: Error unless 0 <= position <= position().
  void truncate(Index position);
  /// The first n_prefix tokens as a sequence of their own, with the same method and options, as if it had
  /// read them. Keys and values are shared until one of both writes over them. Errors: as truncate; Error
  /// (memory) where there is no room for what it does not share.
  Sequence fork(Index n_prefix) const;
  /// The same with another length, n_prompt and rewind_to. Errors: also Error unless its method is the same
  /// at that length (same_at).
  Sequence fork(Index n_prefix, const SequenceOptions& options) const;
  /// Whether a sequence with these options that had read the same would have this one's keys, to the bit: not
  /// where frequencies or windows follow the length. O(position()), however long the options are.
  bool same_at(const SequenceOptions& options) const;
  /// Of fewer tokens than these a fork reads all again: what they see has been forgotten.
  Index kept_from() const;
  /// Of a prefix of so many tokens, those that a fork of it need not read again: all, or as far as the
  /// nearest state that was kept, where layers have one (model/recurrent_states.h).
  Index resumes_at(Index n_prefix) const;

  /// Of layers with a state: one is kept here in place of rewind_to, for who will come back to a place a
  /// little behind it. What was kept stays.
  void keep_state_at(Index position);

  /// False when an error left it in pieces: it can only be destroyed then.
  bool usable() const;

  struct State;
  State& state() { return *state_; }  ///< for the Engine
  const State& state() const { return *state_; }

 private:
  explicit Sequence(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Bytes of keys and values of a sequence of n tokens at most. `chunk`: rows that stand in the cache beyond a
/// window, those of a step and those that may be rewound. `n_scratch`: layers that keys are rotated into in
/// each step, where the method grows. `share`: of the keys, those of this process.
std::size_t most_cache_bytes(const ModelConfig& config, KvType kv_type, const Method& method, Index n,
                             Index chunk, Index n_scratch = 1, KeyShare share = {});
/// The same with the engine that reads it: peak bytes beside the weights.
std::size_t session_bytes(const ModelConfig& config, KvType kv_type, const Method& method, Index n,
                          Index chunk = kDefaultChunk, Index n_scratch = 1, KeyShare share = {});

}  // namespace rw
