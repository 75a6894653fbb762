// SPDX-License-Identifier: Apache-2.0
/// Objects of one thread at a time, while Python has many and its lock is released.
#pragma once
#include <ropewalk/error.h>

#include <atomic>

namespace ropewalk::python {

/// What is called side by side, or from its own progress, is refused.
template <class T>
class OneAtATime {
 public:
  template <class... A>
  explicit OneAtATime(const char* name, A&&... arguments)
      : value_(std::forward<A>(arguments)...), name_(name) {}

  class Use {
   public:
    explicit Use(OneAtATime& owner) : owner_(owner) {
      if (owner.in_use_.exchange(true))
        throw UsageError(owner.name_, "one call at a time", "a call while another one goes on",
                         "give each thread its own: sequences and sessions can be forked");
    }
    ~Use() { owner_.in_use_ = false; }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    T& operator*() const { return owner_.value_; }
    T* operator->() const { return &owner_.value_; }

   private:
    OneAtATime& owner_;
  };
  Use use() { return Use(*this); }

 private:
  T value_;
  const char* name_;
  std::atomic<bool> in_use_ = false;
};

}  // namespace ropewalk::python
