// SPDX-License-Identifier: Apache-2.0
/// Buffers that calls borrow, so that several threads may call one backend at once.
#pragma once
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace rw::cpu {

/// As many T as there were calls at once, grown by the calls that had them and kept for the next.
template <class T>
class Lender {
 public:
  /// One T, of the borrower alone while it lives. LIFETIME: the lender outlives it.
  class Loan {
   public:
    Loan(Lender& lender, std::unique_ptr<T> one) : lender_(lender), one_(std::move(one)) {}
    ~Loan() { lender_.give_back(std::move(one_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    T& operator*() const { return *one_; }

   private:
    Lender& lender_;
    std::unique_ptr<T> one_;
  };
  /// The one given back last: it lies in the caches. Any thread.
  Loan borrow() { return {*this, take()}; }

 private:
  std::unique_ptr<T> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      free_.reserve(n_made_ + 1);  // so that giving back never allocates
      auto one = std::make_unique<T>();
      ++n_made_;
      return one;
    }
    std::unique_ptr<T> one = std::move(free_.back());
    free_.pop_back();
    return one;
  }
  void give_back(std::unique_ptr<T> one) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(one));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> free_;
  std::size_t n_made_ = 0;
};

}  // namespace rw::cpu
