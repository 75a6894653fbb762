// SPDX-License-Identifier: Apache-2.0
/// Objects of Python whose type is said in its own words, for the stub: the functions look at them
/// themselves.
#pragma once
#include <nanobind/nanobind.h>

#include <algorithm>

namespace ropewalk::python {

template <std::size_t N>
struct Words {
  char text[N] = {};
  constexpr Words(const char (&given)[N]) { std::copy_n(given, N, text); }
};

/// Any object; `Type` is what the stub says.
template <Words Type>
struct Said {
  nanobind::object value;
};

using Ids = Said<"numpy.typing.ArrayLike">;
using Prompt = Said<"str | numpy.typing.ArrayLike">;
using Messages = Said<"str | collections.abc.Iterable[collections.abc.Mapping[str, str]]">;
using OnTokens = Said<"collections.abc.Callable[[int], object]">;
using OnShare = Said<"collections.abc.Callable[[float], object]">;
using OnLine = Said<"collections.abc.Callable[[str], object]">;
using ContextDict = Said<"ropewalk._types.RopeContext">;
using ContextList = Said<"list[ropewalk._types.RopeContext]">;
using MethodList = Said<"list[ropewalk._types.MethodInfo]">;
using StepResults = Said<"list[ropewalk._types.StepResult]">;
using ScoreDict = Said<"dict[str, float]">;
using Text = Said<"str">;

}  // namespace ropewalk::python

namespace nanobind::detail {

template <ropewalk::python::Words Type>
struct type_caster<ropewalk::python::Said<Type>> {
  NB_TYPE_CASTER(ropewalk::python::Said<Type>, const_name(Type.text))
  bool from_python(handle source, std::uint8_t, cleanup_list*) noexcept {
    value.value = borrow(source);
    return true;
  }
  static handle from_cpp(const ropewalk::python::Said<Type>& said, rv_policy, cleanup_list*) noexcept {
    return handle(said.value).inc_ref();
  }
};

}  // namespace nanobind::detail
