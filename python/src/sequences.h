// SPDX-License-Identifier: Apache-2.0
/// The classes as Python has them.
#pragma once
#include <ropewalk/session.h>

#include "in_use.h"

namespace ropewalk::python {

struct PySequence : OneAtATime<Sequence> {
  explicit PySequence(Sequence sequence) : OneAtATime("Sequence", std::move(sequence)) {}
};
struct PyEngine : OneAtATime<Engine> {
  PyEngine(const Model& model, Index chunk) : OneAtATime("Engine", model, chunk) {}
};
struct PySession : OneAtATime<Session> {
  PySession(const Model& model, const SequenceOptions& options) : OneAtATime("Session", model, options) {}
};

}  // namespace ropewalk::python
