// SPDX-License-Identifier: Apache-2.0
/// The classes as Python has them.
#pragma once
#include <nanobind/nanobind.h>
#include <ropewalk/session.h>

#include <string>

#include "in_use.h"

namespace ropewalk::python {

namespace nb = nanobind;

/// With the model as Python has it, so that `session.model is model`.
struct PySequence : OneAtATime<Sequence> {
  PySequence(Sequence sequence, nb::object of)
      : OneAtATime("Sequence", std::move(sequence)), model(std::move(of)) {}
  nb::object model;
};
struct PyEngine : OneAtATime<Engine> {
  PyEngine(nb::handle_t<Model> of, Index chunk)
      : OneAtATime("Engine", nb::cast<const Model&>(of), chunk), model(nb::borrow(of)) {}
  nb::object model;
};
struct PySession : OneAtATime<Session> {
  PySession(Session session, nb::object of)
      : OneAtATime("Session", std::move(session)), model(std::move(of)) {}
  nb::object model;
};

/// "<Session model.gguf, none: 10 of 64 tokens>"; a call that goes on in another thread is not waited for.
template <class T, class F>
std::string shown(const char* name, T& owner, const F& words) {
  try {
    return "<" + std::string(name) + " " + words(*owner.use()) + ">";
  } catch (const UsageError&) {
    return "<" + std::string(name) + ": in use>";
  }
}

inline std::string words_of(const Sequence& s) {
  return s.model().path() + ", " + s.method() + ": " + std::to_string(s.position()) + " of " +
         std::to_string(s.n()) + " tokens";
}

}  // namespace ropewalk::python
