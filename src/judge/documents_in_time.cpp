// SPDX-License-Identifier: Apache-2.0
#include "judge/documents_in_time.h"

#include <algorithm>
#include <numeric>

#include "core/progress.h"

namespace rw {

std::size_t documents_that_fit(double budget_seconds, double seconds_each, std::size_t n) {
  if (budget_seconds <= 0) return n;
  return static_cast<std::size_t>(std::clamp(budget_seconds / seconds_each, 1.0, static_cast<double>(n)));
}

DocumentsInTime::DocumentsInTime(const std::vector<Item>& items, const std::vector<bool>& known,
                                 std::size_t n_documents, double budget_seconds)
    : work_(n_documents), budget_seconds_(budget_seconds), start_(now_seconds()) {
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!known[i]) work_[items[i].document] += items[i].cost;
  n_left_ = work_.size() - static_cast<std::size_t>(std::count(work_.begin(), work_.end(), 0.0));
  total_ = std::accumulate(work_.begin(), work_.end(), 0.0);
  one_ = total_ / static_cast<double>(std::max<std::size_t>(n_left_, 1));
}

double DocumentsInTime::total_in_time(double done) const {
  return done > 0 ? std::min(total_, one_ * static_cast<double>(n_fitting(done))) : total_;
}

bool DocumentsInTime::begin(std::size_t document, double done) {
  const std::lock_guard lock(mutex_);
  if (document < n_begun_or_known_) return true;
  if (work_[document] > 0) {
    if (done > 0 && n_begun_ >= n_fitting(done)) return false;
    ++n_begun_;
  }
  n_begun_or_known_ = document + 1;
  return true;
}

std::size_t DocumentsInTime::n_fitting(double done) const {
  return documents_that_fit(budget_seconds_, (now_seconds() - start_) / done * one_, n_left_);
}

}  // namespace rw
