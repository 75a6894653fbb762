// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "core/option.h"
#include "model/latent.h"
#include "model/layer_methods.h"
#include "model/memory.h"
#include "model/sequence_state.h"

namespace rw {
namespace {

/// Of an engine that reads n tokens in steps of `chunk`.
std::size_t step_bytes(const ModelConfig& c, Index n, Index chunk) {
  Index step = 0;  // floats of a row: of the widest layer
  for (const LayerSpec& layer : c.layers)
    step = std::max(
        step, 2 * (c.d_model + layer.attention.q_width() + layer.attention.k_width() +
                   latent_step_width(layer.attention) + layer.recurrence.convolved_width() + layer.ffn.d_ff));
  step += 2 * c.n_layers() * c.per_layer_width;
  const Index rows = c.encoder ? n : std::min(chunk, n);
  return 4 * static_cast<std::size_t>(rows * step + kSlabRows * (c.n_vocab + c.d_model));
}

}  // namespace

std::unique_ptr<KvLayer> Sequence::State::make_kv(std::size_t layer, std::size_t n_groups) const {
  const AttentionSpec& a = model->config().layers[layer].attention;
  auto kv = model->backend().make_kv_layer(a.n_kv_heads / static_cast<int>(n_groups), a.head_dim, a.v_dim());
  kv->layer = static_cast<int>(layer);
  return kv;
}

/// For classes whose keys are rotated anew in each pass.
void Sequence::State::make_scratch() {
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    for (const HeadGroup& group : layers[layer])
      if (LayerClass& plans = classes[group.plans]; plans.method.grows() && plans.scratch == nullptr)
        plans.scratch = make_kv(layer, layers[layer].size());
}

/// How many whole layers it would fill.
Index Sequence::State::n_scratch_layers() const {
  Index heads = 0;
  for (const LayerClass& plans : classes)
    if (plans.scratch != nullptr) heads += plans.scratch->n_kv_heads;
  Index of_all = 0;
  for (const LayerSpec& layer : model->config().layers) of_all += layer.attention.n_kv_heads;
  if (of_all == 0) return 1;
  return std::max<Index>(1, (heads * model->config().n_attention_layers() + of_all - 1) / of_all);
}

Sequence::State::State(const Model& m, const MethodSpec& s, const SequenceOptions& o, Index c)
    : model(m.shared_from_this()), spec(s), options(o), chunk(c), states(m.config()) {
  if (o.n < 1 || o.n > kMostTokens || o.n_prompt > o.n)
    throw Error("sequence", fmt::format("a length from 1 to {} tokens, its prompt included", kMostTokens),
                fmt::format("{} and a prompt of {}", o.n, o.n_prompt), "ask for another length");
  if (options.n_prompt == 0) options.n_prompt = options.n;
  bind();
  make_scratch();
  require_room_for_all();
  states.start(m.backend());
  reserve();
}

/// A text of a usual length then never makes a step wait for memory; one without an end grows.
void Sequence::State::reserve() {
  const auto most = static_cast<std::size_t>(std::min(options.n, Index{1} << 20));
  tokens.reserve(most), written.reserve(most);
}

void Sequence::State::require_room_for_all() {
  const ModelConfig& config = model->config();
  const KvType kv_type = model->backend().kv_type();
  const Index rows = chunk + std::max<Index>(0, std::min(options.n, options.rewind_end) - options.rewind_to);
  const auto cache = [&](Index n) {
    return most_cache_bytes(config, kv_type, acting().method, n, rows, n_scratch_layers(),
                            model->backend().key_share());
  };
  whole = cache(options.n);
  std::size_t shared = held_then = held();
  shared -=
      std::min(shared, cache(std::min<Index>(options.n, 256)));  // its last block is copied when written to
  PagePool& pages = model->backend().context()->pages();
  const std::size_t others = pages.promised();
  promise = pages.promise(whole - std::min(whole, shared));
  require_memory(
      others == 0 ? fmt::format("{} tokens", options.n)
                  : fmt::format("{} tokens, and {} MiB that other texts will take", options.n, others >> 20),
      pages.promised() + step_bytes(config, options.n, chunk),
      "ask for fewer tokens" + option("", " (generate --truncate)") + ", keep keys and values in 8 bits (" +
          option("kv") +
          " q8), or take a "
          "method with a window");
}

std::size_t Sequence::State::held() const {
  std::size_t total = states.bytes();
  for (const HeadGroups& groups : layers)
    for (const HeadGroup& group : groups) total += group.kv->bytes();
  return total;
}

void Sequence::State::promise_rest() {
  const std::size_t now = held();
  if (now == held_then) return;
  promise = model->backend().context()->pages().promise(whole - std::min(whole, now));
  held_then = now;
}

void Sequence::State::bind() {
  LayerMethods bound = bind_layers(model->config(), spec, options.n);
  for (Method& method : bound.methods) {
    Pointwise pointwise = method.pointwise();
    classes.push_back({std::move(method), {}, {}, {}, false, {}, std::move(pointwise), {}});
  }
  for (std::size_t layer = model->config().last_keeping_layer(); layer < bound.of.size(); ++layer)
    for (const std::size_t of_last : bound.of[layer]) classes[of_last].in_last = true;
  layers.resize(bound.of.size());
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    if (!model->config().layers[layer].keeps()) continue;  // it reads another's, or nothing
    for (const std::size_t found : bound.of[layer])
      layers[layer].push_back({found, make_kv(layer, bound.of[layer].size())});
  }
}

bool Sequence::State::same(const LayerMethods& bound, Index n) const {
  if (grows() || bound.methods.size() != classes.size()) return false;
  for (std::size_t i = 0; i < classes.size(); ++i)
    if (bound.methods[i].grows() || !classes[i].method.same_up_to(n, bound.methods[i])) return false;
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    if (model->config().layers[layer].keeps() &&  // others read the groups of one that does
        !std::equal(layers[layer].begin(), layers[layer].end(), bound.of[layer].begin(),
                    bound.of[layer].end(),
                    [](const HeadGroup& group, std::size_t of) { return group.plans == of; }))
      return false;
  return true;
}

Sequence::State::State(const State& other, Index n_prefix, const SequenceOptions& o)
    : model(other.model), spec(other.spec), options(o), chunk(other.chunk), states(model->config()) {
  if (options.n_prompt == 0) options.n_prompt = options.n;
  n_read = other.resumes_at(n_prefix);
  const bool shared = n_read > 0;
  states.take(model->backend(), other.states, n_read, !other.in_pass && n_read == other.n_read);
  kept_from = shared ? other.kept_from : 0;
  std::vector<Method> methods;
  if (options.n == other.options.n)
    for (const LayerClass& plans : other.classes) methods.push_back(plans.method);
  else
    methods = bind_layers(model->config(), spec, options.n).methods;
  for (std::size_t i = 0; i < methods.size(); ++i)
    classes.push_back({methods[i], {}, {}, {}, other.classes[i].in_last, {}, methods[i].pointwise(), {}});
  layers.resize(other.layers.size());
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    for (const HeadGroup& group : other.layers[layer]) {
      auto kv =
          shared ? model->backend().fork(*group.kv, n_read) : make_kv(layer, other.layers[layer].size());
      kv->layer = static_cast<int>(layer);
      layers[layer].push_back({group.plans, std::move(kv)});
    }
  make_scratch();
  require_room_for_all();
  reserve();
  tokens.assign(other.tokens.begin(), other.tokens.begin() + n_prefix);
  written.assign(other.written.begin(), other.written.begin() + n_prefix);
}

Index Sequence::State::rows_now(Index left, Index most) const {
  if (model->config().encoder) return left;
  if (states.any() && n_read < state_at())  // where a state is kept
    most = std::min(most, state_at() - n_read);
  if (!grows()) return std::min(left, most);
  return n_read < options.n_prompt ? std::min({left, most, options.n_prompt - n_read}) : 1;
}

void Sequence::State::lower(Index n, RowRange wanted) {
  last_in_part = wanted.n() < n;
  in_pass = true;
  Context* context = model->backend().context().get();
  for (LayerClass& plans : classes) {
    std::optional<Method> grown;  // a pass copies no method that stays as it is
    const bool grows_here = plans.method.grows();
    if (grows_here) grown = plans.method.at_length(std::max(options.n_prompt, n_read + n));
    const Method& now = grown ? *grown : plans.method;
    if (grows_here) {
      plans.keys = now.raw_keys(n_read, n);
      plans.rotated_keys = now.lower_keys(0, n_read + n, false);
      plans.pointwise = now.pointwise();
    } else {
      now.lower_keys(n_read, n, plans.keys, true, context);
    }
    now.lower(n_read, n, plans.plan, context);
    if (last_in_part && plans.in_last) now.lower(wanted.begin, wanted.n(), plans.last_plan, context);
  }
}

void Sequence::State::commit(std::span<const Token> read, bool by_writing) {
  if (n_read == static_cast<Index>(tokens.size())) {
    tokens.insert(tokens.end(), read.begin(), read.end());
    written.insert(written.end(), read.size(), by_writing);
  }
  n_read += static_cast<Index>(read.size());
  in_pass = false;
  keep_state(by_writing);
  const Index next_row = n_read > options.rewind_end ? n_read : std::min(n_read, options.rewind_to);
  for_each_kv([&](const HeadGroup& group) {
    if (!classes[group.plans].drops()) return;
    model->backend().drop(*group.kv, next_row);
    kept_from = std::max(kept_from, next_row);
  });
  promise_rest();
}

/// Where a text is to be rewound to, and on the way in reading: written tokens come singly.
void Sequence::State::keep_state(bool by_writing) {
  constexpr Index kApart = 64;  // tokens: a copy takes as long as reading a few of them
  if (!states.any() || n_read == states.last_kept()) return;
  if (n_read == state_at() || (!by_writing && n_read - states.last_kept() >= kApart))
    states.keep(model->backend(), n_read, state_at());
}

Index Sequence::State::resumes_at(Index n_prefix) const {
  Index at = std::min(n_prefix, n_read);
  if (states.any() && (at < n_read || in_pass)) at = states.nearest(at);
  return n_prefix < kept_from || at < kept_from ? 0 : at;
}

void Sequence::State::truncate(Index position) {
  usable = false;  // until it is whole
  const Index at = resumes_at(position);
  if (states.any() && (at < n_read || in_pass)) states.restore(model->backend(), at);
  in_pass = false;
  if (at == 0 && kept_from > 0) {
    std::vector<std::unique_ptr<KvLayer>> fresh;  // all, before any takes its place
    for (std::size_t layer = 0; layer < layers.size(); ++layer)
      for (std::size_t g = 0; g < layers[layer].size(); ++g)
        fresh.push_back(make_kv(layer, layers[layer].size()));
    auto next = fresh.begin();
    for_each_kv([&](HeadGroup& group) { group.kv = std::move(*next++); });
    n_read = kept_from = 0;
  } else {
    n_read = at;
    for_each_kv([&](const HeadGroup& group) { model->backend().truncate(*group.kv, n_read); });
  }
  tokens.resize(static_cast<std::size_t>(position));
  written.resize(static_cast<std::size_t>(position));
  promise_rest();
  usable = true;
}

void Sequence::State::take_back(Index position) noexcept {
  try {
    truncate(position);
  } catch (...) {  // it says that it is not usable
  }
}

void Sequence::State::require_room(Index n) const {
  if (!usable)
    throw Error("sequence", "one that no error has left in pieces", "one that had an error in a step",
                "begin a new one");
  const Index all = static_cast<Index>(tokens.size()) + n;
  if (all > options.n)
    throw Error("session", fmt::format("at most {} tokens, the length asked for", options.n),
                fmt::format("{}", all), "make it for a greater length");
}

Sequence::Sequence(const Model& model, const MethodSpec& spec, const SequenceOptions& options, Index chunk)
    : state_(std::make_unique<State>(model, spec, options, chunk)) {}
Sequence::Sequence(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sequence::~Sequence() = default;
Sequence::Sequence(Sequence&&) noexcept = default;
Sequence& Sequence::operator=(Sequence&&) noexcept = default;

Index Sequence::position() const { return static_cast<Index>(state_->tokens.size()); }
const Method& Sequence::method() const { return state_->acting().method; }
const MethodSpec& Sequence::spec() const { return state_->spec; }
Index Sequence::bound() const { return state_->options.n; }
const Model& Sequence::model() const { return *state_->model; }
bool Sequence::usable() const { return state_->usable; }
std::size_t Sequence::cache_bytes() const { return state_->held(); }

namespace {

void require_position(const char* what, Index n, Index position, bool encoder) {
  if (encoder && n != 0 && n != position)
    throw Error(what, fmt::format("a position 0 or {}", position), fmt::format("{}", n),
                "an encoder's rows see both sides: a part of a text is another text");
  if (n < 0 || n > position)
    throw Error(what, fmt::format("a position from 0 to {}, what was read", position), fmt::format("{}", n));
}

}  // namespace

void Sequence::truncate(Index position) {
  state_->require_room(0);
  require_position("truncate", position, this->position(), model().config().encoder);
  state_->truncate(position);
}

Sequence Sequence::fork(Index n_prefix) const { return fork(n_prefix, state_->options); }

Sequence Sequence::fork(Index n_prefix, const SequenceOptions& options) const {
  state_->require_room(0);
  require_position("fork", n_prefix, position(), model().config().encoder);
  if (options.n < std::max<Index>(1, n_prefix) || options.n > kMostTokens || options.n_prompt > options.n)
    throw Error("fork",
                fmt::format("a length from {} to {} tokens", std::max<Index>(1, n_prefix), kMostTokens),
                fmt::format("{} and a prompt of {}", options.n, options.n_prompt), "ask for another length");
  if (!same_at(options))
    throw Error("fork", "a length at which the method is the same",
                fmt::format("{} at {} and at {} tokens", method().text(), state_->options.n, options.n),
                "read the text anew");
  return Sequence(std::make_unique<State>(*state_, n_prefix, options));
}

bool Sequence::same_at(const SequenceOptions& options) const {
  const SequenceOptions& own = state_->options;
  if (options.n == own.n && (options.n_prompt == own.n_prompt || !state_->grows())) return true;
  return state_->same(bind_layers(model().config(), spec(), options.n), position());
}

void Sequence::keep_state_at(Index position) { state_->asked_state_at = position; }
Index Sequence::kept_from() const { return state_->kept_from; }
Index Sequence::resumes_at(Index n_prefix) const { return state_->resumes_at(n_prefix); }

std::size_t most_cache_bytes(const ModelConfig& c, KvType kv_type, const Method& method, Index n, Index chunk,
                             Index n_scratch, KeyShare share) {
  if (c.encoder) chunk = n;  // a text goes through the layers whole
  std::vector<KeyPlan::Variant> variants =
      (method.grows() ? method.raw_keys(0, 1) : method.lower_keys(0, 1)).variants;
  // Whole blocks of 256 are kept, and the rows of a step are read together.
  const auto kept = [&](Index window) {
    return static_cast<std::size_t>(share.most_held(std::min(n, std::min(kForever, window) + chunk + 512)));
  };
  const auto acting = std::count_if(c.layers.begin(), c.layers.end(), [&](const LayerSpec& layer) {
    return layer.attends() && layer.keeps() && acts_on(layer);
  });
  std::size_t rows = 0, values = 0;
  for (const KeyPlan::Variant& variant : variants) {
    rows += kept(variant.sink + variant.window);
    values = std::max(values, kept(variant.sink + variant.window));
  }
  if (method.grows())  // what keys are rotated into, in every variant
    rows += static_cast<std::size_t>(share.most_held(n) * n_scratch) *
                method.lower_keys(0, 1, false).variants.size() /
                static_cast<std::size_t>(std::max<std::ptrdiff_t>(1, acting)) +
            1;
  std::size_t cache = most_state_bytes(c);
  for (const LayerSpec& layer : c.layers) {
    if (!layer.attends() || !layer.keeps()) continue;
    const AttentionSpec& a = layer.attention;
    const std::size_t value_bytes = kv_bytes_per_key(kv_type, a.n_kv_heads, a.head_dim, a.v_dim(), 0);
    const std::size_t key_bytes =
        kv_bytes_per_key(kv_type, a.n_kv_heads, a.head_dim, a.v_dim(), 1) - value_bytes;
    if (acts_on(layer))
      cache += rows * key_bytes + values * value_bytes;
    else
      cache += kept(a.window > 0 ? a.window : kForever) * (key_bytes + value_bytes);
  }
  return cache;
}

std::size_t session_bytes(const ModelConfig& c, KvType kv_type, const Method& method, Index n, Index chunk,
                          Index n_scratch, KeyShare share) {
  return most_cache_bytes(c, kv_type, method, n, chunk, n_scratch, share) + step_bytes(c, n, chunk);
}

}  // namespace rw
