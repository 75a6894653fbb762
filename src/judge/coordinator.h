// SPDX-License-Identifier: Apache-2.0
/// Items shared out over ranks, each of which has the whole model. Rank 0 has the plan and the store, hands
/// out items one by one, with all that they depend on, and measures too; the others (judge/worker.h) measure
/// what they are told. A rank that is silent for long is lost: what it was measuring is measured again.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "core/ranks.h"
#include "judge/measurer.h"

namespace rw {

struct RankTimes {
  double beat = 1;      ///< seconds between two signs of life
  double silence = 60;  ///< so long without one, and a rank is lost
};

class Coordinator {
 public:
  /// On rank 0, the others being at work_items. A thread of its own speaks with them, and nobody else may
  /// call `ranks` until this ends. `say`: called with lost ranks in words, on the thread that measures.
  Coordinator(std::shared_ptr<Ranks> ranks, const RankTimes& times, Says say);
  ~Coordinator();  ///< the others end
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  int n_ranks() const;
  /// One plan after another. Its measure() throws Error for a message that is none. LIFETIME: this.
  std::unique_ptr<Measurer> measurer(const ItemWork& work);

 private:
  class Post;
  std::unique_ptr<Post> post_;
};

/// Seconds for a unit of cost: measure_pace, on as many ranks as there are; null: on this one.
double pace_on(const Model& model, const Coordinator* coordinator);

}  // namespace rw
