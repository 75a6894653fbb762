// SPDX-License-Identifier: Apache-2.0
/// How a model is trained, as plain numbers: what `ropewalk train` reads from its file.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "methods/method.h"
#include "train/schedule.h"

namespace rw {

/// A method spec of which numbers may be drawn anew for each batch: "temperature:value={0.6..1}" is drawn
/// between both, evenly; of a parameter that takes whole numbers alone, one of those (fit()).
class MethodChoice {
 public:
  /// share: of the batches, beside those of the other choices. Errors: UsageError for a spec that is none at
  /// either end of a range, and for a range that is none.
  MethodChoice(std::string text, double share);
  /// Finds which parameters take whole numbers alone: where `bind` refuses a number that is none, and not a
  /// whole one. Then tries both ends of each range, and all whole numbers of one that has no more than 4,096.
  /// Errors: those of `bind`.
  void fit(const std::function<void(const MethodSpec&)>& bind);
  MethodSpec draw(Random& random) const;
  double share() const { return share_; }
  const std::string& text() const { return text_; }

 private:
  struct Range {
    double low = 0, high = 0;
    bool whole = false;
    double first() const;     // the least number drawn
    Index n_whole() const;    // whole numbers in it
    double at(double) const;  // for a part in [0, 1]
  };
  MethodSpec with(const std::vector<double>& numbers) const;
  MethodSpec at(const std::vector<double>& parts) const;
  std::string text_;
  double share_ = 1;
  std::vector<std::string> between_;  // pieces of text around the ranges
  std::vector<Range> ranges_;         // one less
};

/// `steps` batches of `tokens` tokens. A batch has texts of one length, one of n_ctx, and one method.
struct TrainStage {
  std::string name;
  Index steps = 0;
  std::vector<Index> n_ctx = {};  ///< each as likely as the others; empty: Recipe::fill_lengths
  Index tokens = 0;               ///< a step; rounded down to whole texts, at least one; 0: the same
  Schedule schedule = {};
  std::vector<std::pair<std::string, double>> mix =
      {};                                  ///< sources of data by name, and their shares of the texts
  std::vector<MethodChoice> methods = {};  ///< empty: none
};

struct Recipe {
  std::vector<TrainStage> stages;
  std::uint64_t seed = 1;
  Index warm_up = 0;  ///< steps
  double clip = 1;    ///< largest norm of the gradient; 0: any
  /// Tokens of a batch that go through the layers at once; 0: all. Sums are taken over the parts in order:
  /// it changes the last bits.
  Index tokens_at_once = 0;
  std::size_t kept_bytes = 0;  ///< GradientOptions
  /// A step whose loss is more than this times the median of the last spike_window steps stops the run; 0:
  /// none does. Of the first ten steps of a later stage the losses of the stage before are asked too, and
  /// none stops it that is below ln(n_vocab), that of who takes all tokens for as likely: what is shown may
  /// be harder. Of the first steps of all it is the least of their median and the first one.
  double spike = 4;
  Index spike_window = 50;
  Index evaluate_every = 50, save_every = 50;  ///< steps; 0: at the end only

  /// Stages without lengths take n_ctx, and those without tokens 8 texts.
  void fill_lengths(Index n_ctx);
  Index n_steps() const;
  /// The stage of a step, and the how many-eth of the stage it is, both counted from 0. REQUIRES: step in
  /// [0, n_steps()).
  std::pair<const TrainStage*, Index> at(Index step) const;
  double rate(Index step) const;
  /// Rows that go through the layers together in a step of texts of n_ctx, and the most of any step.
  Index rows_at_once(const TrainStage& stage, Index n_ctx) const;
  Index most_rows() const;
};

}  // namespace rw
