// SPDX-License-Identifier: Apache-2.0
/// Many texts at once, each under a method of its own.
#pragma once
#include "ropewalk/model.h"

namespace rw {
class Engine;
class Sequence;
}  // namespace rw

namespace ropewalk {

struct SequenceOptions {
  /// A method by name, or "auto": plain RoPE while the text fits the trained length, else what `ropewalk
  /// tune` found beside the model, else the default (docs/methods.md).
  std::string method = "auto";
  /// Tokens in all, read and written: memory is checked for, and methods take their defaults from it.
  Index n = 0;
  Index n_prompt = 0;  ///< of them read; 0: all. Only methods with grow=1 look at it
};

/// One text under one method: its keys, its values, and how far it was read. Of one thread at a time; from
/// within a step that reads it (its progress) neither moved nor ended.
class ROPEWALK_API Sequence {
 public:
  /// Errors: UsageError for the method or the length; Error where the memory does not hold it, with what it
  /// would take.
  Sequence(const Model& model, const SequenceOptions& options);
  ~Sequence();
  Sequence(Sequence&&) noexcept;
  Sequence& operator=(Sequence&&) noexcept;

  const Model& model() const;
  Index position() const;      ///< tokens read so far
  Index n() const;             ///< as asked for
  std::string method() const;  ///< with every default filled in
  std::string why() const;     ///< of "auto": why this one; else empty
  std::size_t cache_bytes() const;
  /// The first n tokens as a sequence of their own; keys and values are shared until one of both writes over
  /// them. Errors: UsageError unless 0 <= n <= position().
  Sequence fork(Index n) const;
  /// Forgets the tokens from n on: what is read next has the same bits as if they had never been. Errors: as
  /// fork.
  void truncate(Index n);

  rw::Sequence& inside() { return *inside_; }

 private:
  friend class Engine;
  struct Said;
  Sequence(std::unique_ptr<rw::Sequence> inside, std::shared_ptr<const Said> said);
  std::unique_ptr<rw::Sequence> inside_;
  std::shared_ptr<const Said> said_;
  bool in_step_ = false;
};

/// What one sequence reads in a step, and what is wanted of the last n_rows of its tokens: each span that is
/// not empty.
struct StepInput {
  Sequence* sequence = nullptr;
  std::span<const Token> tokens = {};
  /// Tokens that the model itself wrote: the same but for rounding, and several times as fast where they are
  /// few.
  bool written = false;
  Index n_rows = 0;
  std::span<float> logits = {};         ///< (n_rows, n_vocab)
  std::span<const Token> targets = {};  ///< (n_rows): what should follow each
  std::span<double> losses = {};        ///< (n_rows): -log p(target), nats; with targets
  std::span<Token> likeliest = {};      ///< (n_rows): what follows; -1 where a logit is NaN
};

/// Reads on in several sequences of one model: products of all rows together, attention by sequence. A row's
/// bits are those that its sequence has alone. Of one thread at a time.
class ROPEWALK_API Engine {
 public:
  /// `chunk`: rows that go through the layers together at most; does not change results.
  explicit Engine(const Model& model, Index chunk = 1024);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  const Model& model() const { return model_; }

  /// Errors: Error or UsageError, before anything is read, for a sequence of another model, twice in one step
  /// or too short for its tokens, for an id without a row, and for spans of a wrong size.
  void step(std::span<const StepInput> inputs, const Progress& progress = {});

 private:
  Model model_;
  std::unique_ptr<rw::Engine> inside_;
  bool in_step_ = false;
};

}  // namespace ropewalk
