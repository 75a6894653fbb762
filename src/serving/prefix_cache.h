// SPDX-License-Identifier: Apache-2.0
/// What was read of prompts, for the next one that begins alike: keys and values of sequences, the longest
/// unused forgotten first.
#pragma once
#include <optional>
#include <vector>

#include "model/sequence.h"

namespace rw::serving {

/// Only what was read stands in it, never what a model wrote: a prompt's rows have the bits that it would
/// give them alone. Used by one thread at a time.
class PrefixCache {
 public:
  /// `most_bytes`: of keys and values; what two entries share counts for both.
  explicit PrefixCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// A sequence with these options that has read the longest begin of the prompt, but for its last token at
  /// least, that one with the same keys has; none where that is not a token. Errors: Error (memory).
  std::optional<Sequence> find(const Model& model, const MethodSpec& spec, std::span<const Token> prompt,
                               const SequenceOptions& options);
  /// Keeps what the sequence, of these options, has read, in the place of those that are the begin of it and
  /// would serve nobody that it does not serve.
  void keep(const Sequence& sequence, const std::vector<Token>& tokens, const SequenceOptions& options);

  /// Whether keep() will, when the sequence has read so many.
  bool holds(const Sequence& sequence, Index n) const;

  /// False where there is none.
  bool drop_oldest();
  void forget(const Model& model);
  std::size_t bytes() const;

 private:
  struct Entry {
    Sequence sequence;
    std::vector<Token> tokens;
    std::size_t bytes = 0;
    double used = 0;
  };
  struct Found {
    Entry* entry = nullptr;
    Index n = 0;
    Index resumes = 0;  // of them, those that are not read again
  };
  Found longest(const Model& model, const MethodSpec& spec, std::span<const Token> prompt,
                const SequenceOptions& options);

  std::size_t most_bytes_;
  std::vector<Entry> entries_;
};

/// Tokens that both begin with.
Index common_prefix(std::span<const Token> a, std::span<const Token> b);

}  // namespace rw::serving
