// SPDX-License-Identifier: Apache-2.0
#include "cases.h"

namespace rw::cpu {
namespace {

/// Rows of one KV head at the end of n keys. `window` > 0: two regions, the near one for the last `window`
/// keys, as ReRoPE has them.
struct AttentionCase {
  bool bf16 = true, eight_bits = false, wide = false;
  int head_dim = 64, n_positions = 32, group = 3;
  std::int64_t n_keys = 4096, window = 0;
  float soft_cap = 0;
};

class AttentionBench {
 public:
  explicit AttentionBench(const AttentionCase& c)
      : c_(c), n_regions_(c.window > 0 ? 2 : 1), rows_(c.n_positions * c.group) {
    const auto dim = static_cast<std::size_t>(c.head_dim), rows = static_cast<std::size_t>(rows_);
    const std::size_t n_blocks = static_cast<std::size_t>(c.n_keys) / kBlockKeys;
    for (std::size_t b = 0; b < 2 * n_blocks; ++b) blocks_.push_back(block(dim, static_cast<unsigned>(b)));
    for (int r = 0; r < n_regions_; ++r) q_bytes_.push_back(elements(rows * dim, c.bf16 && !c.wide, 7));
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
    for (auto& w : widened_) w.reserve(n_regions_ * kKeyTile * c.head_dim);
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
            .soft_cap = c_.soft_cap,
            .eight_bits = c_.eight_bits,
            .widened = {widened_[0].data(), widened_[1].data()},
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
  Buffer<float> scores_, states_[2], widened_[2];
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

}  // namespace

void register_attention(const Isa& isa) {
  const std::string name = std::string("/") + isa.name + "/";
  const auto add = [&](const std::string& what, bool bf16, AttentionCase c) {
    c.wide = bf16 && c.n_positions > 1 && isa.attention_wide != nullptr;
    const auto of_bf16 = c.wide ? isa.attention_wide : isa.attention_bf16;
    benchmark::RegisterBenchmark(what.c_str(), [kernel = bf16 ? of_bf16 : isa.attention_f32,
                                                c](State& state) { attention(state, kernel, c); });
  };
  for (const int dim : {64, 80, 96, 128, 192, 256}) {
    const std::string size = std::to_string(dim);
    add("attention_bf16" + name + size + "/soft_cap", true, {.head_dim = dim, .soft_cap = 50});
    add("attention_f32" + name + size + "/soft_cap", false, {.bf16 = false, .head_dim = dim, .soft_cap = 50});
    add("attention_bf16" + name + size, true, {.head_dim = dim});
    add("attention_f32" + name + size, false, {.bf16 = false, .head_dim = dim});
    add("attention_bf16" + name + size + "/two_regions", true, {.head_dim = dim, .window = 1024});
    add("attention_bf16" + name + size + "/eight_bits", true, {.eight_bits = true, .head_dim = dim});
    add("attention_bf16" + name + size + "/one_token", true, {.head_dim = dim, .n_positions = 1});
    add("attention_bf16" + name + size + "/one_token_eight_bits", true,
        {.eight_bits = true, .head_dim = dim, .n_positions = 1});
  }
}

}  // namespace rw::cpu
