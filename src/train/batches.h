// SPDX-License-Identifier: Apache-2.0
/// What a model is shown: the batch of a step depends on the seed and the step alone, so that a run that was
/// stopped goes on with the same data.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/random.h"
#include "train/gradient.h"
#include "train/recipe.h"

namespace rw {

/// A text and what each of its rows should say.
struct Sample {
  std::vector<Token> tokens, targets;  // kNoToken where the weight is 0
  std::vector<float> weights;
  TrainingText text() const { return {tokens, targets, weights}; }
};

/// Where samples come from. Immutable.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  /// Any one, of n_ctx rows.
  virtual Sample draw(Random& random, Index n_ctx) const = 0;
  /// How many it has where they are counted; 0: it draws.
  virtual Index n_samples() const { return 0; }
  /// The one of that number.
  virtual Sample sample(Index) const { throw LogicError("a source that draws"); }
  /// Errors: Error where it has none of so many rows.
  virtual void require(Index n_ctx) const = 0;
};

struct TextShare {
  std::string name;
  std::vector<Token> tokens;
  double share = 0;  ///< of the stretches drawn; 0: as many as it has tokens
};

/// Stretches of texts, each behind `begin` (Tokenizer::text_begin), all weights 1.
std::unique_ptr<SampleSource> make_text_source(std::vector<TextShare> texts, std::vector<Token> begin);
/// `n` stretches of one text that lie evenly over it, for evaluation. Errors: Error where it is shorter.
std::vector<Sample> even_pieces(const TextShare& text, const std::vector<Token>& begin, Index n, Index n_ctx);
/// Prepared samples: tokens_path an .npy of int32 (n_samples, n_ctx + 1), weights_path one of float32 of the
/// same shape: weights[i, t] is that of the prediction of tokens[i, t]; what stands in column 0 is not read.
/// Empty: all 1. Drawn at random, or in their order where they are a stage's only source. Errors: Error for
/// files that are none, shapes that differ, ids out of [0, n_vocab), weights below 0 or not finite.
std::unique_ptr<SampleSource> read_samples(const std::string& tokens_path, const std::string& weights_path,
                                           Index n_vocab);

struct Batch {
  std::vector<Sample> samples;
  MethodSpec method;
  Index n_ctx = 0, n_tokens = 0;
  double weight = 0;  ///< sum of all weights
};

using Sources = std::map<std::string, std::unique_ptr<SampleSource>>;

/// The batch of a step. Where a stage has one source that counts its samples, they come in their order, from
/// the first at the stage's first step, and again from the first behind the last.
Batch make_batch(const Recipe& recipe, const Sources& sources, Index step);
/// Errors: Error where a stage names a source that is not there, or one without samples of its length.
void require_sources(const Recipe& recipe, const Sources& sources);

/// Numbers that depend on both alone, and share nothing with those of the steps beside it.
Random random_of_step(std::uint64_t seed, Index step);

}  // namespace rw
