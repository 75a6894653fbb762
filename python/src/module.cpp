// SPDX-License-Identifier: Apache-2.0
/// ropewalk._core: the library's classes as Python's.
#include <nanobind/stl/string.h>

#include "arrays.h"

namespace ropewalk::python {

std::vector<Token> tokens_of(nb::handle ids) {
  const nb::module_ numpy = nb::module_::import_("numpy");
  const nb::object array = numpy.attr("asarray")(ids);
  const auto kind = nb::cast<std::string>(array.attr("dtype").attr("kind"));
  const auto size = nb::cast<std::size_t>(array.attr("size"));
  if (nb::cast<std::size_t>(array.attr("ndim")) != 1 || (kind != "i" && kind != "u" && size > 0))
    throw UsageError("tokens", "a list or array of ids, one dimension of whole numbers",
                     nb::cast<std::string>(array.attr("dtype").attr("__str__")()) + " of shape " +
                         nb::cast<std::string>(array.attr("shape").attr("__str__")()),
                     "Model.tokenize makes them");
  const auto wide = nb::cast<nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig>>(
      numpy.attr("ascontiguousarray")(array, "int64"));
  std::vector<Token> tokens(size);
  for (std::size_t i = 0; i < size; ++i) {
    tokens[i] = static_cast<Token>(wide.data()[i]);
    if (tokens[i] != wide.data()[i])
      throw UsageError("tokens", "ids of 32 bits", std::to_string(wide.data()[i]),
                       "Model.tokenize makes them");
  }
  return tokens;
}

void require_callable(const nb::object& call, const char* name) {
  if (!call.is_none() && PyCallable_Check(call.ptr()) == 0)
    throw UsageError(name, "a function, or None", nb::cast<std::string>(call.type().attr("__name__")),
                     "leave it out");
}

std::string text_of(nb::handle text, const char* place) {
  std::string bytes;
  if (nb::isinstance<nb::str>(text) && nb::try_cast(text, bytes)) return bytes;
  PyErr_Clear();
  throw UsageError(place, "a text that UTF-8 can spell",
                   nb::isinstance<nb::str>(text) ? "one with half a letter (a surrogate)"
                                                 : nb::cast<std::string>(text.type().attr("__name__")),
                   "a str");
}

Progress progress_of(const nb::object& progress) {
  require_callable(progress, "progress");
  // A handle: the caller's frame keeps it alive, and a count of references needs the lock.
  return [call = nb::handle(progress)](Index n_done) {
    const Locked lock;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (!call.is_none()) call(n_done);
  };
}

/// The classes are Python's (ropewalk/_errors.py), so that an error has its four parts as attributes.
void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    const auto raise = [](const char* name, const Error& e) {
      const nb::object type = nb::module_::import_("ropewalk._errors").attr(name);
      const nb::object error = type(e.place(), e.expected(), e.found(), e.hint());
      PyErr_SetObject(type.ptr(), error.ptr());
    };
    try {
      std::rethrow_exception(thrown);
    } catch (const UsageError& e) {
      raise("UsageError", e);
    } catch (const Error& e) {
      raise("Error", e);
    }
  });
}

}  // namespace ropewalk::python

NB_MODULE(_core, m) {
  using namespace ropewalk::python;
  namespace nb = nanobind;
  m.doc() = "The classes of libropewalk.";
  m.attr("__version__") = ropewalk::version();
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(end_python));
  nb::set_leak_warnings(false);  // threads that go on while Python ends keep what they use
  bind_errors(m);
  bind_plan(m);
  bind_methods(m);
  bind_model(m);
  bind_engine(m);
  bind_session(m);
  bind_judge(m);
}
