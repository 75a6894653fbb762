// SPDX-License-Identifier: Apache-2.0
/// Numbers between C++ and numpy, and what a long computation asks of Python.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <ropewalk/engine.h>

#include <memory>
#include <vector>

#include "lock.h"
#include "said.h"

namespace ropewalk::python {

namespace nb = nanobind;

template <class T>
using Array = nb::ndarray<nb::numpy, T>;

/// A view of what `owner` holds, read-only and without a copy. stride: bytes from one to the next.
template <class T>
Array<const T> view(const T* data, std::size_t n, nb::handle owner, std::size_t stride = sizeof(T)) {
  const std::size_t shape[1] = {n};
  const std::int64_t strides[1] = {static_cast<std::int64_t>(stride / sizeof(T))};
  return Array<const T>(data, 1, shape, owner, strides);
}

/// Numbers of its own, handed to numpy as they are.
template <class T>
Array<T> given(std::vector<T> numbers, std::initializer_list<std::size_t> shape) {
  auto held = std::make_unique<std::vector<T>>(std::move(numbers));
  T* data = held->data();
  const nb::capsule owner(held.get(), [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  held.release();
  return Array<T>(data, shape, owner);
}

/// Ids from a list, a numpy array or anything that numpy takes for whole numbers. Errors: UsageError for
/// other numbers and more than one dimension.
std::vector<Token> tokens_of(nb::handle ids);

/// Errors: UsageError.
void require_callable(const nb::object& call, const char* name);

/// A text. Errors: UsageError for what is none, or has half a letter (a surrogate), naming `place`.
std::string text_of(nb::handle text, const char* place);

/// What is called while the interpreter's lock is released: it takes the lock, lets ctrl-C through, and calls
/// `progress` with the tokens read so far where that is not None.
Progress progress_of(const nb::object& progress);

void bind_errors(nb::module_& m);
void bind_plan(nb::module_& m);
void bind_methods(nb::module_& m);
void bind_model(nb::module_& m);
void bind_engine(nb::module_& m);
void bind_session(nb::module_& m);
void bind_judge(nb::module_& m);

}  // namespace ropewalk::python
