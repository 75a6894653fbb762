// SPDX-License-Identifier: Apache-2.0
#include "cases.h"

namespace rw::cpu {
namespace {

constexpr int kDim = 64;

void pack_keys(State& state, const Isa& isa, Element element) {
  const auto k = normal_numbers(16 * kDim), tables = normal_numbers(16 * kDim);
  std::vector<float> to(16 * kDim), scale(16);
  for (auto _ : state) {
    isa.pack_keys({.k = k.data(),
                   .stride = kDim,
                   .lane = 0,
                   .n_keys = 16,
                   .rotation = {tables.data(), tables.data() + 8 * kDim, kDim, kDim / 2, 1.0f, 1.0f},
                   .element = element,
                   .to = to.data(),
                   .scale = scale.data()});
    benchmark::ClobberMemory();
  }
  per_second(state, "keys/s", 16);
}

void pack_values(State& state, const Isa& isa, Element element) {
  const auto v = normal_numbers(16 * kDim);
  std::vector<float> to(kBlockKeys * kDim), scale(kBlockKeys);
  for (auto _ : state) {
    benchmark::DoNotOptimize(isa.pack_values({.v = v.data(),
                                              .stride = kDim,
                                              .slot = 0,
                                              .n_keys = 16,
                                              .value_dim = kDim,
                                              .padded_dim = kDim,
                                              .element = element,
                                              .to = to.data(),
                                              .scale = scale.data()}));
    benchmark::ClobberMemory();
  }
  per_second(state, "keys/s", 16);
}

void rotate_keys(State& state, void (*kernel)(const KeyRotation&), bool bf16) {
  const auto from = elements(16 * kDim, bf16, 1);
  const auto tables = normal_numbers(16 * kDim);
  std::vector<float> to(16 * kDim);
  for (auto _ : state) {
    kernel({.from = from.data(),
            .to = to.data(),
            .cosine = tables.data(),
            .sine = tables.data() + 8 * kDim,
            .head_dim = kDim,
            .half = kDim / 2});
    benchmark::ClobberMemory();
  }
  per_second(state, "keys/s", 16);
}

/// body(x, y) over n floats.
template <class Body>
void elementwise(State& state, Body body) {
  constexpr std::size_t n = 1536;
  std::vector<float> x = normal_numbers(n), y = normal_numbers(n, 2);
  for (auto _ : state) {
    body(x.data(), y.data(), static_cast<std::int64_t>(n));
    benchmark::ClobberMemory();
  }
  per_second(state, "floats/s", n);
}

void merge_softmax(State& state, const Isa& isa) {
  constexpr int kRows = 96;
  constexpr std::size_t kSize = kRows * (1 + kLanes + kDim);
  std::vector<float> whole(kSize), more(kSize);
  const auto parts = [](std::vector<float>& s) {
    return SoftmaxState{s.data(), s.data() + kRows, s.data() + kRows * (1 + kLanes)};
  };
  const SoftmaxState second = parts(more);
  for (auto _ : state) {
    isa.merge_softmax({kRows, kDim, kDim, parts(whole), &second, nullptr, nullptr, 1});
    benchmark::ClobberMemory();
  }
  per_second(state, "rows/s", kRows);
}

}  // namespace

void register_rows(const Isa& isa) {
  const std::string name = std::string("/") + isa.name;
  const auto add = [&](const std::string& what, auto body) {
    benchmark::RegisterBenchmark((what + name).c_str(), body);
  };
  constexpr std::pair<Element, const char*> kElements[] = {
      {Element::kBf16, "_bf16"}, {Element::kF32, "_f32"}, {Element::kInt8, "_int8"}};
  for (const auto& [element, text] : kElements) {
    const Element e = element;
    add(std::string("pack_keys") + text, [&isa, e](State& state) { pack_keys(state, isa, e); });
    add(std::string("pack_values") + text, [&isa, e](State& state) { pack_values(state, isa, e); });
  }
  add("rotate_keys_bf16", [&isa](State& state) { rotate_keys(state, isa.rotate_keys_bf16, true); });
  add("rotate_keys_f32", [&isa](State& state) { rotate_keys(state, isa.rotate_keys_f32, false); });
  add("merge_softmax", [&isa](State& state) { merge_softmax(state, isa); });
  add("rotate_queries", [&isa](State& state) {
    std::vector<float> to(1536 + kLanes);
    elementwise(state, [&](float* x, float* tables, std::int64_t) {
      isa.rotate_queries({.q = x,
                          .n_rows = 1536 / kDim,
                          .rotation = {tables, tables + kDim / 2, kDim, kDim / 2, 1.0f, 1.0f},
                          .weight = nullptr,
                          .element = Element::kBf16,
                          .wide = false,
                          .to = to.data()});
    });
  });
  constexpr const char* kNames[] = {"silu", "gelu",           "gelu_tanh", "relu2",
                                    "relu", "swiglu_clamped", "sigmoid",   "identity"};
  static_assert(std::size(kNames) == kActivations);
  for (int a = 0; a < kActivations; ++a)
    for (const bool gated : {true, false})
      add(std::string(kNames[a]) + (gated ? "_mul" : ""), [&isa, a, gated](State& state) {
        const std::vector<float> gate = normal_numbers(1536);
        std::vector<float> made(gate);
        elementwise(state, [&](float*, float* up, std::int64_t n) {
          std::memcpy(made.data(), gate.data(), gate.size() * sizeof(float));
          isa.activate[a](made.data(), gated ? up : nullptr, n);
        });
      });
  for (const auto& [kind, text] : {std::pair{NormKind::kRms, "rms_norm"}, {NormKind::kLayer, "layer_norm"}})
    add(text, [&isa, kind = kind](State& state) {
      const std::vector<float> weight(1536, 1.0f);
      const RowNorm norm{kind, weight.data(), kind == NormKind::kLayer ? weight.data() : nullptr, 1e-5f};
      elementwise(state, [&](float* x, float* y, std::int64_t n) { isa.norm(x, n, norm, y); });
    });
  add("to_bf16", [&isa](State& state) {
    std::vector<std::uint16_t> out(1536);
    elementwise(state, [&](float* x, float*, std::int64_t n) { isa.to_bf16(x, out.data(), n); });
  });
}

}  // namespace rw::cpu
