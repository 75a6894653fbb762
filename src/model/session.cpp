// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <optional>

#include "model/forward.h"
#include "model/memory.h"

namespace ropewalk {
namespace {

constexpr Index kSlabRows = 256;  // rows of logits held at once: 256 x 49152 floats = 48 MiB

struct Range {
  Index begin, end;
};

}  // namespace

/// Layers that share a method (the same sliding window) share its plans.
struct Session::Impl {
  struct Group {
    Method method;
    KeyPlan keys, rotated_keys;
    AttentionPlan plan;
    Pointwise pointwise;
    std::unique_ptr<KvLayer> scratch;
  };
  Impl(const Model& m, const MethodSpec& spec, const SessionOptions& o);
  /// Lowers every group's plans for the next n rows, of which `wanted` go through the last layer.
  void lower(Index n, Range wanted);
  /// Of the next n rows, those with positions in [logits_begin, logits_end).
  Range wanted_rows(Index n, Index logits_begin, Index logits_end) const;
  Index rows_now(Index left) const;
  /// Reads the tokens; logits as run() says.
  void read(std::span<const Token> tokens, Index logits_begin, Index logits_end, Stage stage,
            const LogitsSink& sink);
  void require_room(Index n_tokens) const;

  const Model& model;
  SessionOptions options;
  Index position = 0;
  std::vector<Group> groups;
  std::vector<std::size_t> group_of;  // (n_layers)
  std::vector<std::unique_ptr<KvLayer>> cache;
  std::vector<LayerStep> steps;  // (n_layers)
  AttentionPlan last_plan;       // of the last layer, where only some rows go through it
  Activations activations;
  Buffer<float> logits;  // (up to kSlabRows, n_vocab), made when first needed
};

Session::Impl::Impl(const Model& m, const MethodSpec& spec, const SessionOptions& o)
    : model(m), options(o), activations(m.config(), std::min(o.chunk, std::max<Index>(o.n, 1))) {
  const ModelConfig& config = m.config();
  const Backend& backend = m.backend();
  std::vector<Index> windows;
  for (int layer = 0; layer < config.n_layers; ++layer) {
    const Index window = config.sliding_window[static_cast<std::size_t>(layer)];
    const auto found = std::find(windows.begin(), windows.end(), window);
    group_of.push_back(static_cast<std::size_t>(found - windows.begin()));
    if (found == windows.end()) {
      windows.push_back(window);
      groups.push_back({Method::bind(spec, config.rope_context(layer, o.n)), {}, {}, {}, {}, {}});
    }
    cache.push_back(backend.make_kv_layer(config.n_kv_heads, config.head_dim));
  }
  for (Group& group : groups) {
    group.pointwise = group.method.pointwise();
    if (group.method.grows()) group.scratch = backend.make_kv_layer(config.n_kv_heads, config.head_dim);
  }
  steps.resize(cache.size());
  require_memory(fmt::format("{} tokens", o.n),
                 session_bytes(config, backend.kv_type(), groups[0].method, o.n,
                               o.chunk + std::max<Index>(0, o.n - o.rewind_to)),
                 "ask for fewer tokens (generate --truncate), or take a method with a window");
}

/// With grow=1 a generated row has frequencies of its own, so it goes alone.
Index Session::Impl::rows_now(Index left) const {
  if (!groups[0].method.grows()) return std::min(left, options.chunk);
  return position < options.n_prompt ? std::min({left, options.chunk, options.n_prompt - position}) : 1;
}

Range Session::Impl::wanted_rows(Index n, Index logits_begin, Index logits_end) const {
  if (options.every_row) return {position, position + n};
  const Index begin = std::clamp(logits_begin, position, position + n);
  return {begin, std::clamp(logits_end, begin, position + n)};
}

void Session::Impl::lower(Index n, Range wanted) {
  const Index n_wanted = wanted.end - wanted.begin;
  const Group& last = groups[group_of.back()];
  for (Group& group : groups) {
    const bool grows = group.method.grows();
    std::optional<Method> grown;  // a step of decoding copies no method that stays as it is
    if (grows) grown = group.method.at_length(std::max(options.n_prompt, position + n));
    const Method& now = grown ? *grown : group.method;
    if (grows) {
      group.keys = now.raw_keys(position, n);
      group.rotated_keys = now.lower_keys(0, position + n, false);
      group.pointwise = now.pointwise();
    } else {
      now.lower_keys(position, n, group.keys, true, model.backend().context().get());
    }
    now.lower(position, n, group.plan, model.backend().context().get());
    if (&group == &last && n_wanted < n)
      now.lower(wanted.begin, n_wanted, last_plan, model.backend().context().get());
  }
  for (std::size_t layer = 0; layer < steps.size(); ++layer) {
    Group& group = groups[group_of[layer]];
    steps[layer] = {&group.keys, &group.plan, &group.pointwise, &group.rotated_keys, group.scratch.get()};
  }
  if (n_wanted < n) steps.back().plan = &last_plan;
}

Session::Session(const Model& model, const MethodSpec& spec, const SessionOptions& options) {
  RW_CHECK(options.n >= 1 && options.chunk >= 1 && options.n_prompt <= options.n);
  SessionOptions filled = options;
  if (filled.n_prompt == 0) filled.n_prompt = filled.n;
  impl_ = std::make_unique<Impl>(model, spec, filled);
}

Session::~Session() = default;

void Session::Impl::require_room(Index n_tokens) const {
  if (position + n_tokens > options.n)
    throw Error("session", fmt::format("at most {} tokens, the length asked for", options.n),
                fmt::format("{}", position + n_tokens));
}

void Session::Impl::read(std::span<const Token> tokens, Index logits_begin, Index logits_end, Stage stage,
                         const LogitsSink& sink) {
  const ModelConfig& c = model.config();
  const auto n = static_cast<Index>(tokens.size());
  lower(n, wanted_rows(n, logits_begin, logits_end));
  for (LayerStep& step : steps) step.stage = stage;
  forward(model, tokens, steps, cache, activations);
  const Index begin = std::max(logits_begin, position), end = std::min(logits_end, position + n);
  for (Index row = begin; row < end; row += kSlabRows) {
    const Index rows = std::min(kSlabRows, end - row);
    logits.reserve(rows * c.n_vocab);
    output_logits(model, activations.x.data() + (row - position) * c.d_model, rows, stage, logits.data());
    sink(row, rows, logits.data());
  }
  position += n;
  for (auto& kv : cache)
    if (!groups[0].method.grows()) model.backend().drop(*kv, std::min(position, options.rewind_to));
}

void Session::run(std::span<const Token> tokens, Index logits_begin, Index logits_end, const LogitsSink& sink,
                  const TokensDone& done) {
  Impl& s = *impl_;
  const auto n_tokens = static_cast<Index>(tokens.size());
  s.require_room(n_tokens);
  for (const Token token : tokens) s.model.require_row(token);
  for (Index read = 0; read < n_tokens;) {
    const Index n = s.rows_now(n_tokens - read);
    s.read(tokens.subspan(static_cast<std::size_t>(read), static_cast<std::size_t>(n)), logits_begin,
           logits_end, Stage::kPrefill, sink);
    read += n;
    if (done) done(read);
  }
}

void Session::write(Token token, const LogitsSink& sink) {
  Impl& s = *impl_;
  s.require_room(1);
  s.model.require_row(token);
  s.read({&token, 1}, s.position, s.position + 1, Stage::kDecode, sink);
}

void Session::rewind(Index position) {
  Impl& s = *impl_;
  RW_CHECK(s.options.rewind_to <= position && position <= s.position);
  for (auto& kv : s.cache) s.model.backend().truncate(*kv, position);
  s.position = position;
}

Index Session::position() const { return impl_->position; }
const Model& Session::model() const { return impl_->model; }
const Method& Session::method() const { return impl_->groups[0].method; }
std::size_t Session::cache_bytes() const {
  std::size_t total = 0;
  for (const auto& kv : impl_->cache) total += kv->bytes();
  return total;
}

std::vector<double> losses_of(const Backend& backend, const float* logits, Index n_vocab,
                              std::span<const Token> targets) {
  for (Token target : targets)
    if (target < 0 || target >= n_vocab)
      throw Error("loss", fmt::format("a token id from 0 to {}, the rows of the model", n_vocab - 1),
                  fmt::format("{}", target), "the tokenizer has more ids than the model has rows");
  std::vector<double> losses(targets.size());
  backend.log_sum_exp(logits, static_cast<Index>(targets.size()), n_vocab, losses.data());
  for (std::size_t row = 0; row < targets.size(); ++row, logits += n_vocab)
    losses[row] -= static_cast<double>(logits[targets[row]]);
  return losses;
}

std::vector<double> token_losses(const Model& model, const MethodSpec& spec, std::span<const Token> tokens,
                                 Index begin, Index end, const TokensDone& done) {
  const auto n = static_cast<Index>(tokens.size());
  RW_CHECK(begin >= 0 && begin <= end && end < n);
  const Index n_vocab = model.config().n_vocab;
  std::vector<double> losses;
  Session session(model, spec, {.n = n, .n_prompt = n});
  session.run(
      tokens, begin, end,
      [&](Index first, Index n_rows, const float* logits) {
        const std::vector<double> more =
            losses_of(model.backend(), logits, n_vocab,
                      tokens.subspan(static_cast<std::size_t>(first + 1), static_cast<std::size_t>(n_rows)));
        losses.insert(losses.end(), more.begin(), more.end());
      },
      done);
  return losses;
}

std::size_t session_bytes(const ModelConfig& c, KvType kv_type, const Method& method, Index n, Index chunk) {
  const std::size_t value_bytes = kv_bytes_per_key(kv_type, c.n_kv_heads, c.head_dim, 0);
  const std::size_t key_bytes = kv_bytes_per_key(kv_type, c.n_kv_heads, c.head_dim, 1) - value_bytes;
  const KeyPlan keys = method.grows() ? method.raw_keys(0, 1) : method.lower_keys(0, 1);
  std::size_t rows = 0, values = 0;
  for (const KeyPlan::Variant& variant : keys.variants) {
    // Whole blocks of 256 are kept, and the rows of a step are read together.
    const Index kept = std::min(n, std::min(kForever, variant.sink + variant.window) + chunk + 512);
    rows += static_cast<std::size_t>(kept);
    values = std::max(values, static_cast<std::size_t>(kept));
  }
  if (method.grows())
    rows += static_cast<std::size_t>(n) / static_cast<std::size_t>(c.n_layers) + 1;  // scratch
  const auto step =
      static_cast<std::size_t>(std::min(chunk, n)) *
      static_cast<std::size_t>(2 * c.d_model + 2 * (c.n_heads + c.n_kv_heads) * c.head_dim + 2 * c.d_ff);
  const auto slab = static_cast<std::size_t>(kSlabRows * (c.n_vocab + c.d_model));
  return static_cast<std::size_t>(c.n_layers) * (rows * key_bytes + values * value_bytes) + 4 * (step + slab);
}

}  // namespace ropewalk
