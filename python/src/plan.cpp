// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <ropewalk/method.h>

#include <optional>

#include "arrays.h"

namespace ropewalk::python {
namespace {

using namespace nb::literals;
using Rows = std::optional<std::pair<Index, Index>>;

std::string text_of_rows(Index begin, Index end) {
  return "(" + std::to_string(begin) + ", " + std::to_string(end) + ")";
}

Array<bool> mask(const Plan& plan, const Rows& rows, std::size_t most_bytes) {
  const Index plan_end = plan.row_begin + plan.n_rows;
  const auto [begin, end] = rows.value_or(std::pair(plan.row_begin, plan_end));
  if (begin < plan.row_begin || end < begin || end > plan_end)
    throw UsageError("rows", "(begin, end) within the plan's " + text_of_rows(plan.row_begin, plan_end),
                     text_of_rows(begin, end), "leave it out for all");
  const auto n_rows = static_cast<std::size_t>(end - begin), n = static_cast<std::size_t>(plan.n);
  if (n_rows > most_bytes / n)  // n and rows are 2^31 at most: their product fits
    throw UsageError("mask", std::to_string(most_bytes) + " bytes at most",
                     std::to_string(n_rows * n) + ": " + std::to_string(n_rows) + " rows of " +
                         std::to_string(n) + " keys",
                     "ask for some of the rows, or for a greater most_bytes");
  auto held = std::make_unique<bool[]>(n_rows * n);
  for (std::size_t r = 0; r < n_rows; ++r) {
    const auto row = static_cast<std::size_t>(begin - plan.row_begin) + r;
    for (Index s = plan.segment_begin[row]; s < plan.segment_begin[row + 1]; ++s) {
      const PlanSegment& segment = plan.segments[static_cast<std::size_t>(s)];
      std::fill(held.get() + r * n + static_cast<std::size_t>(segment.begin),
                held.get() + r * n + static_cast<std::size_t>(segment.end), true);
    }
  }
  const nb::capsule owner(held.get(), [](void* p) noexcept { delete[] static_cast<bool*>(p); });
  return Array<bool>(held.release(), {n_rows, n}, owner);
}

void bind_parts(nb::module_& m) {
  nb::class_<PlanRegion>(m, "Region", "Where the rows sit for the keys of one region.")
      .def_prop_ro(
          "query_position",
          [](nb::handle_t<PlanRegion> self) {
            const auto& numbers = nb::cast<const PlanRegion&>(self).query_position;
            return view(numbers.data(), numbers.size(), self);
          },
          "(n_rows) float64, tokens")
      .def_ro("variant", &PlanRegion::variant, "index into Plan.variants");
  nb::class_<KeyVariant>(m, "Variant", "Where the keys of one variant sit: they are rotated by it.")
      .def_prop_ro(
          "key_position",
          [](nb::handle_t<KeyVariant> self) {
            const auto& numbers = nb::cast<const KeyVariant&>(self).position;
            return view(numbers.data(), numbers.size(), self);
          },
          "(n) float64, tokens")
      .def_ro("sink", &KeyVariant::sink, "row i reads key j in it only if j < sink or i - j < window")
      .def_ro("window", &KeyVariant::window, "see sink");
}

}  // namespace

void bind_plan(nb::module_& m) {
  bind_parts(m);
  const auto numbers = [](auto Plan::*member) {
    return [member](nb::handle_t<Plan> self) {
      const auto& list = nb::cast<const Plan&>(self).*member;
      return view(list.data(), list.size(), self);
    };
  };
  nb::class_<Plan>(m, "Plan",
                   "What attention does for the rows [row_begin, row_begin + n_rows) of a text of n tokens.\n"
                   "Arrays are read-only views of it.")
      .def_ro("method", &Plan::method, "the spec with every default filled in")
      .def_ro("n", &Plan::n)
      .def_ro("row_begin", &Plan::row_begin)
      .def_ro("n_rows", &Plan::n_rows)
      .def_prop_ro("theta", numbers(&Plan::theta), "(rotary_dim / 2) float64, rad per token")
      .def_prop_ro(
          "regions", [](const Plan& p) { return &p.regions; }, nb::rv_policy::reference_internal,
          "a list of Region")
      .def_prop_ro(
          "variants", [](const Plan& p) { return &p.variants; }, nb::rv_policy::reference_internal,
          "a list of Variant")
      .def_prop_ro("segment_begin", numbers(&Plan::segment_begin),
                   "(n_rows + 1) int64: row r has the segments from segment_begin[r] to segment_begin[r + 1]")
      .def_prop_ro(
          "segment_keys",
          [](nb::handle_t<Plan> self) {
            const auto& list = nb::cast<const Plan&>(self).segments;
            const std::size_t shape[2] = {list.size(), 2};
            const std::int64_t strides[2] = {sizeof(PlanSegment) / sizeof(Index), 1};
            return Array<const Index>(list.empty() ? nullptr : &list.front().begin, 2, shape, self, strides);
          },
          "(n_segments, 2) int64: keys [begin, end) of each")
      .def_prop_ro(
          "segment_region",
          [](nb::handle_t<Plan> self) {
            const auto& list = nb::cast<const Plan&>(self).segments;
            return view(list.empty() ? nullptr : &list.front().region, list.size(), self,
                        sizeof(PlanSegment));
          },
          "(n_segments) int32: index into regions")
      .def_prop_ro("row_scale", numbers(&Plan::row_scale),
                   "(n_rows) float32: 1 / sqrt(head_dim) x log-n x temperature")
      .def_ro("rotary_gain", &Plan::rotary_gain, "on the rotated dims of q")
      .def_ro("soft_cap", &Plan::soft_cap, "of logits; 0: none")
      .def_ro("grows", &Plan::grows, "grow=1: a token written at p uses the frequencies of length p + 1")
      .def("mask", &mask, nb::kw_only(), "rows"_a = nb::none(), "most_bytes"_a = std::size_t{1} << 30,
           "(n_rows, n) bool: whether row i sees key j, a byte for each. rows: (begin, end) of the text, all "
           "of\n"
           "the plan's where left out. Errors: UsageError where it takes more than most_bytes.\n\n"
           ">>> import ropewalk\n"
           ">>> ropewalk.plan('window:window=2', 4, n_ctx_train=2).mask().astype(int).tolist()\n"
           "[[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]\n")
      .def("__repr__", [](const Plan& p) {
        return "<Plan " + p.method + ": rows " + std::to_string(p.row_begin) + " to " +
               std::to_string(p.row_begin + p.n_rows) + " of " + std::to_string(p.n) + ", " +
               std::to_string(p.regions.size()) + (p.regions.size() == 1 ? " region>" : " regions>");
      });
}

}  // namespace ropewalk::python
