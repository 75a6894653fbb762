// SPDX-License-Identifier: Apache-2.0
/// SmallList<T, N>: up to N elements in place, so that lists made per row of a plan cost no memory
/// allocation.
#pragma once
#include <array>
#include <initializer_list>

#include "core/error.h"

namespace rw {

template <class T, int N>
class SmallList {
 public:
  SmallList() = default;
  SmallList(std::initializer_list<T> items) {
    for (const T& item : items) push_back(item);
  }
  /// REQUIRES: size() < N.
  void push_back(const T& item) {
    RW_CHECK(size_ < N);
    items_[static_cast<std::size_t>(size_++)] = item;
  }
  int size() const { return size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  const T& operator[](std::size_t i) const { return items_[i]; }

 private:
  std::array<T, N> items_{};
  int size_ = 0;
};

}  // namespace rw
