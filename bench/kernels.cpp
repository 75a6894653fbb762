// SPDX-License-Identifier: Apache-2.0
/// Google Benchmark cases: every operation of every instruction set that this machine has, one thread,
/// operands in cache unless said. Names are operation/instruction set/...; run some with
/// --benchmark_filter=attention.
///   build/release/bench_kernels --benchmark_filter='attention_bf16/.*/64'
#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "kernels/cpu/isa.h"
#include "quant/format.h"

namespace ropewalk::cpu {
namespace {

using benchmark::Counter;
using benchmark::State;

std::vector<float> normal_numbers(std::size_t n, unsigned seed = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> result(n);
  for (float& x : result) x = normal(generator);
  return result;
}

/// The same as kernels read them: bfloat16 bits or floats.
Buffer<std::byte> elements(std::size_t n, bool bf16, unsigned seed) {
  const std::vector<float> numbers = normal_numbers(n, seed);
  Buffer<std::byte> bytes(static_cast<Index>(n * (bf16 ? 2 : 4)));
  if (bf16)
    kPortable.to_bf16(numbers.data(), reinterpret_cast<std::uint16_t*>(bytes.data()),
                      static_cast<std::int64_t>(n));
  else
    std::memcpy(bytes.data(), numbers.data(), n * sizeof(float));
  return bytes;
}

void per_second(State& state, const char* name, double each) {
  state.counters[name] = Counter(each, Counter::kIsIterationInvariantRate, Counter::kIs1000);
}

// ---------------------------------------------------------------- attention

/// Rows of one KV head at the end of n keys. `window` > 0: two regions, the near one for the last `window`
/// keys, as ReRoPE has them.
struct AttentionCase {
  bool bf16 = true, eight_bits = false;
  int head_dim = 64, n_positions = 32, group = 3;
  std::int64_t n_keys = 4096, window = 0;
};

class AttentionBench {
 public:
  explicit AttentionBench(const AttentionCase& c)
      : c_(c), n_regions_(c.window > 0 ? 2 : 1), rows_(c.n_positions * c.group) {
    const auto dim = static_cast<std::size_t>(c.head_dim), rows = static_cast<std::size_t>(rows_);
    const std::size_t n_blocks = static_cast<std::size_t>(c.n_keys) / kBlockKeys;
    for (std::size_t b = 0; b < 2 * n_blocks; ++b) blocks_.push_back(block(dim, static_cast<unsigned>(b)));
    for (int r = 0; r < n_regions_; ++r) q_bytes_.push_back(elements(rows * dim, c.bf16, 7));
    for (int r = 0; r < n_regions_; ++r) q_.push_back(q_bytes_[static_cast<std::size_t>(r)].data());
    for (std::size_t b = 0; b < n_blocks; ++b)
      k_.push_back(blocks_[b].data()), v_.push_back(blocks_[n_blocks + b].data());
    k_of_region_.assign(static_cast<std::size_t>(n_regions_), k_.data());
    odd_.assign(n_blocks, 0);
    for (int p = 0; p < c.n_positions; ++p) {
      begin_.push_back(static_cast<std::int64_t>(segments_.size()));
      const std::int64_t end = c.n_keys - c.n_positions + p + 1;
      if (c.window > 0) segments_.push_back({0, end - c.window, 1});
      segments_.push_back({c.window > 0 ? end - c.window : 0, end, 0});
      pairs_ += static_cast<double>(end);
    }
    begin_.push_back(static_cast<std::int64_t>(segments_.size()));
    scores_.reserve(2 * n_regions_ * kTileRows * kKeyTile);
    weights_.reserve(kTileRows * kKeyTile * 4);
    for (auto& e : expanded_) e.reserve(3 * kKeyTile * c.head_dim);
    for (auto& s : states_) s.reserve(rows_ * (1 + kLanes + c.head_dim));
  }

  AttentionTile tile() {
    return {.head_dim = c_.head_dim,
            .padded_dim = c_.head_dim,
            .n_positions = c_.n_positions,
            .group = c_.group,
            .n_regions = n_regions_,
            .q = q_.data(),
            .k_blocks = k_of_region_.data(),
            .v_blocks = v_.data(),
            .eight_bits = c_.eight_bits,
            .expanded = {expanded_[0].data(), expanded_[1].data()},
            .odd_values = odd_.data(),
            .segment_begin = begin_.data(),
            .segments = segments_.data(),
            .scores = scores_.data(),
            .weights = weights_.data(),
            .key_begin = 0,
            .key_end = c_.n_keys,
            .fetch_part = 0,
            .fetch_parts = 0,
            .first_keys = true,
            .range = softmax_state(0),
            .whole = softmax_state(1)};
  }
  /// Useful: two products of head_dim multiply-adds for each visible pair.
  double flop() const { return 4.0 * c_.head_dim * c_.group * pairs_; }
  double bytes() const {
    return 2.0 * static_cast<double>(c_.n_keys) * c_.head_dim * (c_.eight_bits ? 1 : c_.bf16 ? 2 : 4);
  }

 private:
  Buffer<std::byte> block(std::size_t dim, unsigned seed) const {
    const std::size_t n = kBlockKeys * dim;
    if (!c_.eight_bits) return elements(n, c_.bf16, seed);
    Buffer<std::byte> bytes(static_cast<Index>(n + kBlockKeys * sizeof(float)));
    for (std::size_t i = 0; i < n; ++i) bytes.data()[i] = static_cast<std::byte>(i * 7 % 255);
    const std::vector<float> scale(kBlockKeys, 0.02f);
    std::memcpy(bytes.data() + n, scale.data(), kBlockKeys * sizeof(float));
    return bytes;
  }
  SoftmaxState softmax_state(std::size_t which) {
    float* p = states_[which].data();
    return {p + rows_ * (kLanes + c_.head_dim), p + rows_ * c_.head_dim, p};
  }

  AttentionCase c_;
  int n_regions_, rows_;
  double pairs_ = 0;
  std::vector<Buffer<std::byte>> blocks_, q_bytes_;
  std::vector<const void*> q_, k_, v_;
  std::vector<const void* const*> k_of_region_;
  std::vector<char> odd_;
  std::vector<std::int64_t> begin_;
  std::vector<TileSegment> segments_;
  Buffer<float> scores_, states_[2];
  Buffer<std::byte> weights_;
  Buffer<std::uint16_t> expanded_[2];
};

void attention(State& state, void (*kernel)(const AttentionTile&), const AttentionCase& c) {
  AttentionBench bench(c);
  const AttentionTile tile = bench.tile();
  for (auto _ : state) {
    kernel(tile);
    benchmark::ClobberMemory();
  }
  per_second(state, "flop/s", bench.flop());
  per_second(state, "bytes/s", bench.bytes());
}

void register_attention(const Isa& isa) {
  const std::string name = std::string("/") + isa.name + "/";
  const auto add = [&](const std::string& what, bool bf16, const AttentionCase& c) {
    benchmark::RegisterBenchmark(what.c_str(), [kernel = bf16 ? isa.attention_bf16 : isa.attention_f32,
                                                c](State& state) { attention(state, kernel, c); });
  };
  for (const int dim : {64, 128}) {
    const std::string size = std::to_string(dim);
    add("attention_bf16" + name + size, true, {.head_dim = dim});
    add("attention_f32" + name + size, false, {.bf16 = false, .head_dim = dim});
    add("attention_bf16" + name + size + "/two_regions", true, {.head_dim = dim, .window = 1024});
    add("attention_bf16" + name + size + "/eight_bits", true, {.eight_bits = true, .head_dim = dim});
    add("attention_bf16" + name + size + "/one_token", true, {.head_dim = dim, .n_positions = 1});
    add("attention_bf16" + name + size + "/one_token_eight_bits", true,
        {.eight_bits = true, .head_dim = dim, .n_positions = 1});
  }
}

// ---------------------------------------------------------------- products

void product(State& state, const Isa& isa, bool bf16, std::int64_t n_rows) {
  constexpr std::int64_t kIn = 576, kPanels = 4;
  const auto x = elements(static_cast<std::size_t>(n_rows * kIn), bf16, 1),
             w = elements(kPanels * 16 * kIn, bf16, 2);
  Buffer<float> y(n_rows * kPanels * 16);
  for (auto _ : state) {
    (bf16 ? isa.product_bf16 : isa.product_f32)({.x = x.data(),
                                                 .w = w.data(),
                                                 .bias = nullptr,
                                                 .y = y.data(),
                                                 .add = false,
                                                 .x_tiled = bf16 && isa.tiled_rows,
                                                 .n_rows = n_rows,
                                                 .n_in = kIn,
                                                 .n_out = kPanels * 16,
                                                 .x_stride = kIn,
                                                 .y_stride = kPanels * 16,
                                                 .panel_begin = 0,
                                                 .panel_end = kPanels});
    benchmark::ClobberMemory();
  }
  per_second(state, "flop/s", 2.0 * static_cast<double>(n_rows * kIn) * kPanels * 16);
}

constexpr std::int64_t kIn = 2048;  // a multiple of every block
constexpr int kOut = 64;

/// kOut rows of weights of a format; any bits do but for the scales, which must be numbers.
struct WeightBench {
  explicit WeightBench(const WeightFormat& format)
      : row_bytes(static_cast<std::size_t>(kIn / format.block_size * format.block_bytes)),
        bytes(kOut * row_bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 % 60);
    for (std::size_t r = 0; r < kOut; ++r) rows.push_back(bytes.data() + r * row_bytes);
  }
  std::size_t row_bytes;
  std::vector<std::uint8_t> bytes;
  std::vector<const std::uint8_t*> rows;
};

void expand(State& state, void (*kernel)(const Expansion&), const WeightFormat& format) {
  const WeightBench bench(format);
  std::vector<float> panel(16 * kIn);
  for (auto _ : state) {
    kernel({.rows = bench.rows.data(), .n_rows = 16, .n_in = kIn, .panel = panel.data()});
    benchmark::ClobberMemory();
  }
  per_second(state, "weights/s", 16.0 * kIn);
}

void dots(State& state, const Isa& isa, const WeightFormat& format) {
  const WeightBench bench(format);
  const WeightKernels kernels = isa.weights(format.ggml_type);
  const std::vector<float> x = normal_numbers(kIn);
  std::vector<std::int8_t> q(kIn);
  std::vector<std::int32_t> balance(kIn / 4);
  std::vector<float> factors(kIn / 4), y(kOut);
  const QuantisedRow row{q.data(),
                         balance.data(),
                         {factors.data(), factors.data() + kIn / 8},
                         {factors.data() + kIn / 16, factors.data() + kIn / 8 + kIn / 32}};
  isa.quantise(x.data(), kIn, row);
  const Dots d{.rows = bench.rows.data(),
               .n_in = kIn,
               .begin = 0,
               .end = kOut,
               .n_x = 1,
               .quantised = &row,
               .x = x.data(),
               .bias = nullptr,
               .y = y.data(),
               .y_stride = kOut,
               .add = false};
  for (auto _ : state) {
    (kernels.dots_quantised != nullptr ? kernels.dots_quantised : kernels.dots_f32)(d);
    benchmark::ClobberMemory();
  }
  per_second(state, "weights/s", kOut * kIn);
  per_second(state, "bytes/s", static_cast<double>(bench.bytes.size()));
}

void register_products(const Isa& isa) {
  const std::string name = std::string("/") + isa.name;
  for (const int rows : {16, 96, 512}) {
    const std::string size = name + "/" + std::to_string(rows);
    benchmark::RegisterBenchmark(("product_bf16" + size).c_str(), product, isa, true, rows);
    benchmark::RegisterBenchmark(("product_f32" + size).c_str(), product, isa, false, rows);
  }
  for (const WeightFormat& format : Registry<WeightFormat>::all()) {
    const std::string of = name + "/" + std::string(format.name);
    benchmark::RegisterBenchmark(("expand_bf16" + of).c_str(), expand,
                                 isa.weights(format.ggml_type).expand_bf16, format);
    benchmark::RegisterBenchmark(("dots" + of).c_str(),
                                 [&isa, format](State& state) { dots(state, isa, format); });
  }
}

// ---------------------------------------------------------------- rows into the cache

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
                                              .head_dim = kDim,
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

// ---------------------------------------------------------------- elementwise

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
    isa.merge_softmax({kRows, kDim, kDim, parts(whole), &second, nullptr});
    benchmark::ClobberMemory();
  }
  per_second(state, "rows/s", kRows);
}

void register_small(const Isa& isa) {
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
                          .element = Element::kBf16,
                          .to = to.data()});
    });
  });
  add("silu_mul", [&isa](State& state) {
    const std::vector<float> gate = normal_numbers(1536);
    std::vector<float> made(gate);
    elementwise(state, [&](float*, float* up, std::int64_t n) {
      std::memcpy(made.data(), gate.data(), gate.size() * sizeof(float));
      isa.silu_mul(made.data(), up, n);
    });
  });
  add("rms_norm", [&isa](State& state) {
    const std::vector<float> weight(1536, 1.0f);
    elementwise(state,
                [&](float* x, float* y, std::int64_t n) { isa.rms_norm(x, weight.data(), 1e-5f, n, y); });
  });
  add("to_bf16", [&isa](State& state) {
    std::vector<std::uint16_t> out(1536);
    elementwise(state, [&](float* x, float*, std::int64_t n) { isa.to_bf16(x, out.data(), n); });
  });
}

}  // namespace
}  // namespace ropewalk::cpu

int main(int argc, char** argv) {
  using namespace ropewalk::cpu;
  for (const Isa* isa : {&kAmxBf16, &kAvx512Bf16, &kAvx512, &kAvx2, &kPortable}) {
    if (!isa->supported()) continue;
    register_attention(*isa);
    register_products(*isa);
    register_small(*isa);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
