// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "model/memory.h"
#include "model/sequence_state.h"

namespace ropewalk {

Sequence::State::State(const Model& m, const MethodSpec& spec, const SequenceOptions& o, Index chunk)
    : model(m.shared_from_this()), options(o), class_of(m.config().attention_classes()) {
  RW_CHECK(o.n >= 1 && o.n_prompt <= o.n);
  if (options.n_prompt == 0) options.n_prompt = options.n;
  const ModelConfig& config = m.config();
  const Backend& backend = m.backend();
  for (int layer = 0; layer < config.n_layers(); ++layer) {
    const auto at = static_cast<std::size_t>(layer);
    const AttentionSpec& a = config.layers[at].attention;
    if (class_of[at] == classes.size()) {
      LayerClass& made = classes.emplace_back(
          LayerClass{Method::bind(spec, config.rope_context(layer, o.n)), {}, {}, {}, {}, {}});
      made.pointwise = made.method.pointwise();
      if (made.method.grows()) made.scratch = backend.make_kv_layer(a.n_kv_heads, a.head_dim);
    }
    cache.push_back(backend.make_kv_layer(a.n_kv_heads, a.head_dim));
  }
  require_memory(fmt::format("{} tokens", o.n),
                 session_bytes(config, backend.kv_type(), classes[0].method, o.n,
                               chunk + std::max<Index>(0, o.n - o.rewind_to)),
                 "ask for fewer tokens (generate --truncate), or take a method with a window");
  tokens.reserve(static_cast<std::size_t>(o.n));
  written.reserve(static_cast<std::size_t>(o.n));
}

Sequence::State::State(const State& other, Index n_prefix)
    : model(other.model), options(other.options), class_of(other.class_of) {
  const Backend& backend = model->backend();
  for (std::size_t layer = 0; layer < class_of.size(); ++layer) {
    const AttentionSpec& a = model->config().layers[layer].attention;
    if (class_of[layer] == classes.size()) {
      const Method& method = other.classes[class_of[layer]].method;
      classes.push_back({method, {}, {}, {}, method.pointwise(), {}});
      if (method.grows()) classes.back().scratch = backend.make_kv_layer(a.n_kv_heads, a.head_dim);
    }
    cache.push_back(n_prefix >= other.kept_from
                        ? backend.fork(*other.cache[layer], std::min(n_prefix, other.n_read))
                        : backend.make_kv_layer(a.n_kv_heads, a.head_dim));
  }
  tokens.reserve(static_cast<std::size_t>(options.n));
  written.reserve(static_cast<std::size_t>(options.n));
  tokens.assign(other.tokens.begin(), other.tokens.begin() + n_prefix);
  written.assign(other.written.begin(), other.written.begin() + n_prefix);
  if (n_prefix < other.kept_from) return;
  n_read = std::min(n_prefix, other.n_read);
  kept_from = other.kept_from;
}

Index Sequence::State::rows_now(Index left, Index most) const {
  if (!grows()) return std::min(left, most);
  return n_read < options.n_prompt ? std::min({left, most, options.n_prompt - n_read}) : 1;
}

void Sequence::State::lower(Index n, RowRange wanted) {
  last_in_part = wanted.n() < n;
  Context* context = model->backend().context().get();
  for (std::size_t c = 0; c < classes.size(); ++c) {
    LayerClass& layers = classes[c];
    std::optional<Method> grown;  // a pass copies no method that stays as it is
    if (grows()) grown = layers.method.at_length(std::max(options.n_prompt, n_read + n));
    const Method& now = grown ? *grown : layers.method;
    if (grows()) {
      layers.keys = now.raw_keys(n_read, n);
      layers.rotated_keys = now.lower_keys(0, n_read + n, false);
      layers.pointwise = now.pointwise();
    } else {
      now.lower_keys(n_read, n, layers.keys, true, context);
    }
    now.lower(n_read, n, layers.plan, context);
    if (last_in_part && c == class_of.back()) now.lower(wanted.begin, wanted.n(), last_plan, context);
  }
}

void Sequence::State::commit(std::span<const Token> read, bool by_writing) {
  if (n_read == static_cast<Index>(tokens.size())) {
    tokens.insert(tokens.end(), read.begin(), read.end());
    written.insert(written.end(), read.size(), by_writing);
  }
  n_read += static_cast<Index>(read.size());
  if (grows()) return;
  const Index next_row = std::min(n_read, options.rewind_to);
  bool drops = false;
  for (const LayerClass& layers : classes)
    for (const KeyPlan::Variant& variant : layers.keys.variants) drops |= variant.window < kForever;
  if (!drops) return;
  for (const auto& kv : cache) model->backend().drop(*kv, next_row);
  kept_from = std::max(kept_from, next_row);
}

void Sequence::State::truncate(Index position) {
  const Backend& backend = model->backend();
  if (position < kept_from) {
    for (std::size_t layer = 0; layer < cache.size(); ++layer) {
      const AttentionSpec& a = model->config().layers[layer].attention;
      cache[layer] = backend.make_kv_layer(a.n_kv_heads, a.head_dim);
    }
    n_read = kept_from = 0;
  } else {
    n_read = std::min(n_read, position);
    for (const auto& kv : cache) backend.truncate(*kv, n_read);
  }
  tokens.resize(static_cast<std::size_t>(position));
  written.resize(static_cast<std::size_t>(position));
}

void Sequence::State::take_back(Index position) noexcept {
  try {
    truncate(position);
  } catch (...) {
    usable = false;
  }
}

void Sequence::State::require_room(Index n) const {
  if (!usable)
    throw Error("sequence", "one that no error has left in pieces", "one that had an error in a step",
                "begin a new one");
  const Index all = static_cast<Index>(tokens.size()) + n;
  if (all > options.n)
    throw Error("session", fmt::format("at most {} tokens, the length asked for", options.n),
                fmt::format("{}", all));
}

Sequence::Sequence(const Model& model, const MethodSpec& spec, const SequenceOptions& options, Index chunk)
    : state_(std::make_unique<State>(model, spec, options, chunk)) {}
Sequence::Sequence(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sequence::~Sequence() = default;
Sequence::Sequence(Sequence&&) noexcept = default;
Sequence& Sequence::operator=(Sequence&&) noexcept = default;

Index Sequence::position() const { return static_cast<Index>(state_->tokens.size()); }
const Method& Sequence::method() const { return state_->classes[0].method; }
const Model& Sequence::model() const { return *state_->model; }
bool Sequence::usable() const { return state_->usable; }
std::size_t Sequence::cache_bytes() const {
  std::size_t total = 0;
  for (const auto& kv : state_->cache) total += kv->bytes();
  return total;
}

namespace {

void require_position(const char* what, Index n, Index position) {
  if (n < 0 || n > position)
    throw Error(what, fmt::format("a position from 0 to {}, what was read", position), fmt::format("{}", n));
}

}  // namespace

void Sequence::truncate(Index position) {
  state_->require_room(0);
  require_position("truncate", position, this->position());
  state_->truncate(position);
}

Sequence Sequence::fork(Index n_prefix) const {
  state_->require_room(0);
  require_position("fork", n_prefix, position());
  return Sequence(std::make_unique<State>(*state_, n_prefix));
}

std::size_t session_bytes(const ModelConfig& c, KvType kv_type, const Method& method, Index n, Index chunk) {
  const KeyPlan keys = method.grows() ? method.raw_keys(0, 1) : method.lower_keys(0, 1);
  std::size_t rows = 0, values = 0;
  for (const KeyPlan::Variant& variant : keys.variants) {
    // Whole blocks of 256 are kept, and the rows of a step are read together.
    const Index kept = std::min(n, std::min(kForever, variant.sink + variant.window) + chunk + 512);
    rows += static_cast<std::size_t>(kept);
    values = std::max(values, static_cast<std::size_t>(kept));
  }
  if (method.grows())
    rows += static_cast<std::size_t>(n) / static_cast<std::size_t>(c.n_layers()) + 1;  // scratch
  std::size_t cache = 0;
  Index step = 0;  // floats of a row: of the widest layer
  for (const LayerSpec& layer : c.layers) {
    const AttentionSpec& a = layer.attention;
    const std::size_t value_bytes = kv_bytes_per_key(kv_type, a.n_kv_heads, a.head_dim, 0);
    const std::size_t key_bytes = kv_bytes_per_key(kv_type, a.n_kv_heads, a.head_dim, 1) - value_bytes;
    cache += rows * key_bytes + values * value_bytes;
    step = std::max(step, 2 * (c.d_model + a.q_width() + a.kv_width() + layer.ffn.d_ff));
  }
  const auto floats =
      static_cast<std::size_t>(std::min(chunk, n) * step + kSlabRows * (c.n_vocab + c.d_model));
  return cache + 4 * floats;
}

}  // namespace ropewalk
