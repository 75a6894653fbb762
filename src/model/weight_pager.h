// SPDX-License-Identifier: Apache-2.0
/// A model's weights where they are more than the memory that is left for them (model/weight_plan.h).
#pragma once
#include <functional>
#include <memory>

#include "kernels/kernels.h"
#include "model/weight_plan.h"

namespace rw {

/// Bytes that weights may take: what the context says, else the memory that is available now without a part
/// of it, which is the system's, and without what a text of 512 tokens takes. SIZE_MAX: the system does not
/// say.
std::size_t room_for_weights(const ModelConfig& config, const Context& context, KvType kv_type);

/// Keeps and forgets as the plan says. Results do not depend on it. Any thread; those that hold a unit share
/// it. The room is measured again between passes: where passes overlap all the time it stays as it was.
class WeightPager {
 public:
  /// Of no weights: does nothing.
  WeightPager();
  /// Of those of a file, which outlives it. A room that the context does not state is measured again while
  /// passes go on, without what texts of the context are yet to take.
  WeightPager(MappedWeights weights, const ModelConfig& config, std::shared_ptr<Context> context,
              KvType kv_type);
  ~WeightPager();
  WeightPager(const WeightPager&) = delete;
  WeightPager& operator=(const WeightPager&) = delete;

  const MappedWeights& weights() const;
  WeightPlan plan() const;  ///< as it stands now
  /// Bytes/s of the disk, where not all weights fit, else 0: measured in half a second, as a pass reads them,
  /// on those that it will read.
  double measure_disk() const;

  /// While it lives, a unit is in memory as far as it is not kept by the system alone.
  class Held {
   public:
    Held(const WeightPager& pager, std::size_t unit, Taken taken);
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    /// For Experts::ahead; null where nothing is to be asked for.
    const std::function<void(Index)>* ahead() const { return ahead_ ? &ahead_ : nullptr; }

   private:
    const WeightPager& pager_;
    std::size_t unit_;
    bool streams_ = false;
    std::function<void(Index)> ahead_;
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rw
