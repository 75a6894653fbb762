// SPDX-License-Identifier: Apache-2.0
/// Buffer<T>: an owner of 64-byte aligned, zeroed memory of trivial elements.
#pragma once
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include "core/types.h"

namespace rw {

template <class T>
class Buffer {
 public:
  Buffer() = default;
  /// n elements, all bits zero. Errors: std::bad_alloc.
  explicit Buffer(Index n) : size_(n) {
    if (n == 0) return;
    const std::size_t bytes = (static_cast<std::size_t>(n) * sizeof(T) + 63) / 64 * 64;
    data_.reset(static_cast<T*>(std::aligned_alloc(64, bytes)));
    if (!data_) throw std::bad_alloc();
    std::memset(static_cast<void*>(data_.get()), 0, bytes);
  }
  /// Grows to at least n elements; the contents are lost when it grows.
  void reserve(Index n) {
    if (n > size_) *this = Buffer(n);
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  Index size() const { return size_; }
  T& operator[](Index i) { return data_.get()[i]; }
  const T& operator[](Index i) const { return data_.get()[i]; }
  std::span<T> span() { return {data(), static_cast<std::size_t>(size_)}; }
  std::span<const T> span() const { return {data(), static_cast<std::size_t>(size_)}; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  Index size_ = 0;
};

}  // namespace rw
