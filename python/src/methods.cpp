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
  const Index begin = rows ? rows->first : 0;
  const Progress asks = progress_of(nb::none());
  const Unlocked free;
  return plan(spec, n, context, begin, rows ? rows->second - begin : -1, asks);
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

MethodList method_list() {
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
  return {all};
}

}  // namespace

ContextDict context_dict(const RopeContext& context) { return {dict_of(context)}; }

void bind_methods(nb::module_& m) {
  m.def(
      "methods", &method_list,
      "Every method: a list of dicts with name, aliases, kind, title, formula, source, differs, parameters.");
  m.def(
      "layers",
      [](const std::string& config_json, const std::vector<bool>& attends) {
        nb::list all;
        for (const RopeContext& context : layers(config_json, attends)) all.append(dict_of(context));
        return ContextList{all};
      },
      "config_json"_a, "attends"_a);
  m.def(
      "canonical", [](const std::string& spec) { return canonical(spec); }, "spec"_a,
      "The spec as it is written out. Errors: UsageError.");
  m.def(
      "choose",
      [](Index n, Index n_ctx_train, bool acts, const std::vector<std::pair<Index, std::string>>& tuned) {
        std::vector<TunedMethod> known;
        for (const auto& [length, method] : tuned) known.push_back({length, method});
        const Choice choice = choose(n, {.n_ctx_train = n_ctx_train, .acts = acts}, known);
        return std::pair(choice.method, choice.why);
      },
      "n"_a, "n_ctx_train"_a, "acts"_a, "tuned"_a);
  m.def(
      "read_tuned",
      [](const std::string& path) {
        std::vector<std::pair<Index, std::string>> tuned;
        for (const TunedMethod& each : read_tuned(path)) tuned.emplace_back(each.length, each.method);
        return tuned;
      },
      "path"_a);
  m.def("plan", &make_plan, "spec"_a, "n"_a, nb::kw_only(), "rows"_a = nb::none(), "head_dim"_a = 64,
        "rotary_dim"_a = nb::none(), "rope_base"_a = 10000.0, "n_ctx_train"_a = 2048, "n_ctx_original"_a = -1,
        "sliding_window"_a = 0, "turning_pairs"_a = 0, "rope_freqs"_a = nb::none(),
        "long_factors"_a = nb::none(), "short_factors"_a = nb::none(), "longrope_attention_factor"_a = 0.0,
        "own_scaling"_a = "", "layer"_a = 0, "n_layers"_a = 1, "kv_head"_a = 0, "n_kv_heads"_a = 1,
        "attention_scale"_a = 0.0, "soft_cap"_a = 0.0, "temperature_beta"_a = 0.0,
        "temperature_original"_a = 0, "acts"_a = true, "bidirectional"_a = false,
        "The plan of a method for n tokens: theta, regions, key variants, segments and scales as arrays.\n\n"
        "rows: (begin, end), all where left out. The rest says what a method may know of a layer\n"
        "(ropewalk/method.h, RopeContext); Model.rope_context gives a model's. Errors: UsageError,\n"
        "Error where the memory does not hold it. Ctrl-C ends it.\n\n"
        ">>> import ropewalk\n"
        ">>> p = ropewalk.plan('rerope:window=2', 4, n_ctx_train=2)\n"
        ">>> p.segment_begin\n"
        "array([0, 1, 2, 4, 6])\n"
        ">>> p.segment_keys.tolist()\n"
        "[[0, 1], [0, 2], [0, 1], [1, 3], [0, 2], [2, 4]]\n");
}

}  // namespace ropewalk::python
