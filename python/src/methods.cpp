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
using Numbers = std::optional<std::vector<double>>;

Plan make_plan(const std::string& spec, Index n, std::optional<std::pair<Index, Index>> rows, int head_dim,
               std::optional<int> rotary_dim, double rope_base, Index n_ctx_train, Index n_ctx_original,
               Index sliding_window, int turning_pairs, const Numbers& rope_freqs,
               const Numbers& long_factors, const Numbers& short_factors, double longrope_attention_factor,
               const std::string& own_scaling, int layer, int n_layers, int kv_head, int n_kv_heads,
               double attention_scale, double soft_cap, double temperature_beta, Index temperature_original,
               bool acts, bool bidirectional) {
  const RopeContext context{.head_dim = head_dim,
                            .rotary_dim = rotary_dim.value_or(head_dim),
                            .rope_base = rope_base,
                            .n_ctx_train = n_ctx_train,
                            .n_ctx_original = n_ctx_original,
                            .sliding_window = sliding_window,
                            .turning_pairs = turning_pairs,
                            .rope_freqs = rope_freqs.value_or(std::vector<double>{}),
                            .long_factors = long_factors.value_or(std::vector<double>{}),
                            .short_factors = short_factors.value_or(std::vector<double>{}),
                            .longrope_attention_factor = longrope_attention_factor,
                            .own_scaling = own_scaling,
                            .layer = layer,
                            .n_layers = n_layers,
                            .kv_head = kv_head,
                            .n_kv_heads = n_kv_heads,
                            .attention_scale = attention_scale,
                            .soft_cap = soft_cap,
                            .temperature_beta = temperature_beta,
                            .temperature_original = temperature_original,
                            .acts = acts,
                            .bidirectional = bidirectional};
  if (rows && (rows->first < 0 || rows->second < rows->first || rows->second > n))
    throw UsageError(
        "rows", "(begin, end) within the text",
        "(" + std::to_string(rows->first) + ", " + std::to_string(rows->second) + ") of " + std::to_string(n),
        "leave it out for all");
  const Unlocked free;
  const Index begin = rows ? rows->first : 0;
  return plan(spec, n, context, begin, rows ? rows->second - begin : -1);
}

nb::dict dict_of(const RopeContext& c) {
  nb::dict d;
  d["head_dim"] = c.head_dim, d["rotary_dim"] = c.rotary_dim, d["rope_base"] = c.rope_base;
  d["n_ctx_train"] = c.n_ctx_train, d["n_ctx_original"] = c.n_ctx_original;
  d["sliding_window"] = c.sliding_window, d["turning_pairs"] = c.turning_pairs;
  d["rope_freqs"] = c.rope_freqs, d["long_factors"] = c.long_factors, d["short_factors"] = c.short_factors;
  d["longrope_attention_factor"] = c.longrope_attention_factor, d["own_scaling"] = c.own_scaling;
  d["layer"] = c.layer, d["n_layers"] = c.n_layers, d["kv_head"] = c.kv_head, d["n_kv_heads"] = c.n_kv_heads;
  d["attention_scale"] = c.attention_scale, d["soft_cap"] = c.soft_cap;
  d["temperature_beta"] = c.temperature_beta, d["temperature_original"] = c.temperature_original;
  d["acts"] = c.acts, d["bidirectional"] = c.bidirectional;
  return d;
}

nb::list method_list() {
  nb::list all;
  for (const MethodInfo& info : methods()) {
    nb::list parameters;
    for (const MethodParameter& p : info.parameters) {
      nb::dict d;
      d["name"] = p.name, d["meaning"] = p.meaning, d["unit"] = p.unit, d["range"] = p.range;
      d["default"] = p.default_text;
      parameters.append(d);
    }
    nb::dict d;
    d["name"] = info.name, d["aliases"] = info.aliases, d["kind"] = info.kind, d["title"] = info.title;
    d["formula"] = info.formula, d["source"] = info.source, d["differs"] = info.differs;
    d["parameters"] = parameters;
    all.append(d);
  }
  return all;
}

void bind_plan(nb::module_& m) {
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
      .def("__repr__", [](const Plan& p) {
        return "<Plan " + p.method + ": rows " + std::to_string(p.row_begin) + " to " +
               std::to_string(p.row_begin + p.n_rows) + " of " + std::to_string(p.n) + ", " +
               std::to_string(p.regions.size()) + (p.regions.size() == 1 ? " region>" : " regions>");
      });
}

}  // namespace

nb::dict context_dict(const RopeContext& context) { return dict_of(context); }

void bind_methods(nb::module_& m) {
  bind_plan(m);
  m.def(
      "methods", &method_list,
      "Every method: a list of dicts with name, aliases, kind, title, formula, source, differs, parameters.");
  m.def(
      "layers",
      [](const std::string& config_json, const std::vector<bool>& attends) {
        nb::list all;
        for (const RopeContext& context : layers(config_json, attends)) all.append(dict_of(context));
        return all;
      },
      "config_json"_a, "attends"_a);
  m.def(
      "canonical", [](const std::string& spec) { return canonical(spec); }, "spec"_a,
      "The spec as it is written out. Errors: UsageError.");
  m.def("plan", &make_plan, "spec"_a, "n"_a, nb::kw_only(), "rows"_a = nb::none(), "head_dim"_a = 64,
        "rotary_dim"_a = nb::none(), "rope_base"_a = 10000.0, "n_ctx_train"_a = 2048, "n_ctx_original"_a = -1,
        "sliding_window"_a = 0, "turning_pairs"_a = 0, "rope_freqs"_a = nb::none(),
        "long_factors"_a = nb::none(), "short_factors"_a = nb::none(), "longrope_attention_factor"_a = 0.0,
        "own_scaling"_a = "", "layer"_a = 0, "n_layers"_a = 1, "kv_head"_a = 0, "n_kv_heads"_a = 1,
        "attention_scale"_a = 0.0, "soft_cap"_a = 0.0, "temperature_beta"_a = 0.0,
        "temperature_original"_a = 0, "acts"_a = true, "bidirectional"_a = false,
        "The plan of a method for n tokens: theta, regions, key variants, segments and scales as arrays.\n\n"
        "rows: (begin, end), all where left out. The rest says what a method may know of a layer\n"
        "(ropewalk/method.h, RopeContext); Model.rope_context gives a model's. Errors: UsageError.\n\n"
        ">>> import ropewalk\n"
        ">>> p = ropewalk.plan('rerope:window=2', 4, n_ctx_train=2)\n"
        ">>> p.segment_begin\n"
        "array([0, 1, 2, 4, 6])\n"
        ">>> p.segment_keys.tolist()\n"
        "[[0, 1], [0, 2], [0, 1], [1, 3], [0, 2], [2, 4]]\n");
}

}  // namespace ropewalk::python
