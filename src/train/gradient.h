// SPDX-License-Identifier: Apache-2.0
/// The loss of a model and its gradient, through every LayerSpec (model/layer_spec.h) and under every method.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/training.h"
#include "methods/method.h"
#include "train/parameters.h"

namespace rw {

/// A text that is read as a whole: row r reads tokens[r] and should say targets[r].
struct TrainingText {
  std::span<const Token> tokens;
  std::span<const Token> targets;  // (tokens.size()); kNoToken: nothing is asked of the row
  std::span<const float> weights;  // (tokens.size()) of the losses, or empty: all 1
};

struct GradientOptions {
  Index n_ctx = 0;  ///< the length methods are bound for; 0: the longest text of the call
  /// Layers keep what their backward needs as far as this many bytes go; the others are computed once more.
  /// It does not change results. 0: all are computed once more.
  std::size_t kept_bytes = 0;
  /// Told each layer whose parameters' gradient is whole, from the last one down; or null. (What is of no
  /// layer is whole at the end.)
  const std::function<void(std::size_t layer)>* layer_done = nullptr;
};

/// Loss and gradient by the operations of T. One thread at a time. LIFETIME: the model outlives it. Errors:
/// UsageError of the method; Error where a layer cannot be trained (named).
template <class T>
class GradientPass {
 public:
  GradientPass(const LearningModel& model, std::shared_ptr<const Training<T>> operations);
  ~GradientPass();

  /// gradient (model.n()) += factor times the gradient of the sum of weight x loss over all rows of all
  /// texts; losses (if not null): of each row of each text, nats, not weighted, rows without target 0.
  /// Returns that weighted sum, not times factor. All texts go through the layers together: products see all
  /// rows at once.
  double run(std::span<const TrainingText> texts, const MethodSpec& method, const GradientOptions& options,
             double factor, T* gradient, std::vector<double>* losses = nullptr);
  /// The same without a gradient.
  double loss(std::span<const TrainingText> texts, const MethodSpec& method, const GradientOptions& options,
              std::vector<double>* losses = nullptr);
  /// Bytes that run() takes at most beside the parameters and their gradients, for n_rows rows in texts of
  /// n_ctx each, the operations' own included; what kept_bytes adds is not in it.
  std::size_t bytes(Index n_rows, Index n_ctx) const;
  /// The same of a model that is not there yet, all of which learns; without a gradient where it is not
  /// wanted.
  static std::size_t bytes_of(const ModelConfig& config, std::shared_ptr<const Training<T>> operations,
                              Index n_rows, Index n_ctx, bool with_gradient);
  /// What its layers then keep of kept_bytes: none keeps more than it needs.
  static std::size_t kept_of(const ModelConfig& config, std::shared_ptr<const Training<T>> operations,
                             Index n_rows, std::size_t kept_bytes);
  /// What kept_bytes adds to that at most, however large it is: what all layers keep for n_rows rows.
  std::size_t most_kept_bytes(Index n_rows) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

extern template class GradientPass<float>;
extern template class GradientPass<double>;

}  // namespace rw
