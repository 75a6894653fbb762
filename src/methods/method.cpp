// SPDX-License-Identifier: Apache-2.0
/// Binding: the parts of a spec, the model's own scaling and its own window become one set of factors.
#include "methods/method.h"

#include <algorithm>
#include <cmath>

#include "methods/both_directions.h"
#include "methods/bound.h"
#include "methods/factors.h"
#include "methods/parameters.h"

namespace rw {
namespace {

/// Built parts of one spec, before the model's own are added.
struct Collected {
  Factors factors;
  std::string text, frequency_part;
  bool replace = false;
};

[[noreturn]] void refuse_second(const MethodSpec& spec, std::string_view what) {
  throw UsageError("method", fmt::format("at most one part with {}", what), "'" + spec.text() + "'",
                   "one frequency method, one distance map and one mask compose; logit scales multiply");
}

/// Moves `part` into `all`; errors: UsageError if there is one already.
template <class T>
void take(std::optional<T>& all, std::optional<T>& part, const MethodSpec& spec, std::string_view what) {
  if (!part) return;
  if (all) refuse_second(spec, what);
  all = std::move(part);
}

Collected collect(const MethodSpec& spec, const RopeContext& context) {
  Collected all;
  for (const MethodPart& part : spec.parts) {
    const MethodInfo& info = Registry<MethodInfo>::get(part.name, "method");
    const Parameters parameters(info, part);
    Factors f = info.build(parameters, context);
    if (f.frequencies) {
      all.frequency_part = info.name;
      all.replace = parameters.flag("replace", false);
    }
    all.factors.rotary_gain *= f.rotary_gain;
    take(all.factors.frequencies, f.frequencies, spec, "frequencies of its own");
    take(all.factors.distance, f.distance, spec, "a distance map");
    take(all.factors.mask, f.mask, spec, "a mask");
    if (f.scale && all.factors.scale) {
      all.factors.scale = [a = std::move(*all.factors.scale), b = std::move(*f.scale)](Index i) {
        return a(i) * b(i);
      };
    } else if (f.scale) {
      all.factors.scale = std::move(f.scale);
    }
    all.text += (all.text.empty() ? "" : "+") + parameters.text();
  }
  return all;
}

/// The frequencies the model was trained with: plain theta, its own scaling, and its divisors.
FrequencyScaling own_frequencies(const RopeContext& context) {
  if (context.rotary_dim == 0) return fixed({});
  FrequencyScaling own = fixed(plain_theta(context.rotary_dim, context.rope_base));
  if (!context.own_scaling.empty()) {
    Collected scaling = collect(MethodSpec::parse(context.own_scaling), context);
    if (!scaling.factors.frequencies)
      throw Error("the model's own scaling", "a frequency method", "'" + context.own_scaling + "'");
    own = std::move(*scaling.factors.frequencies);
  }
  if (context.rope_freqs.empty()) return own;
  return {[at = std::move(own.at), divisors = context.rope_freqs](Index n) {
            Frequencies f = at(n);
            for (std::size_t m = 0; m < f.theta.size(); ++m) f.theta[m] /= divisors[m];
            return f;
          },
          own.grow};
}

/// The pairs that never turn stand still under every method.
FrequencyScaling with_still_pairs(FrequencyScaling scaling, int n_turning) {
  return {[at = std::move(scaling.at), n_turning](Index n) {
            Frequencies f = at(n);
            for (auto m = static_cast<std::size_t>(n_turning); m < f.theta.size(); ++m) f.theta[m] = 0;
            return f;
          },
          scaling.grow};
}

/// A context in which a spec is read for a layer where it does nothing: what that layer lacks and others may
/// have is put there, so that the spec's own errors are found and no others.
RopeContext stand_in(RopeContext context) {
  if (context.rotary_dim == 0) context.rotary_dim = std::max(4, context.head_dim / 2 * 2);
  const auto pairs = static_cast<std::size_t>(context.rotary_dim) / 2;
  if (context.long_factors.size() != pairs) context.long_factors.assign(pairs, 1.0);
  if (context.short_factors.size() != pairs) context.short_factors.assign(pairs, 1.0);
  if (!(context.rope_base > 1)) context.rope_base = 10000;
  return context;
}

/// The parts of the spec for this layer. Errors: UsageError.
Collected collect_here(const MethodSpec& spec, const RopeContext& context, bool acts) {
  if (!acts) {
    Collected read = collect(spec, stand_in(context));
    read.factors = {};
    return read;
  }
  Collected all = collect(spec, context);
  if (all.factors.frequencies && !all.replace &&
      (!context.own_scaling.empty() || !context.rope_freqs.empty()))
    throw UsageError(all.frequency_part, "a model without a frequency scaling of its own",
                     context.own_scaling.empty() ? "rope_freqs in the model"
                                                 : "'" + context.own_scaling + "' in the model",
                     "replace=1 puts the method in its place; distance maps, masks and scales keep it");
  return all;
}

void check_context(const RopeContext& c) {
  RW_CHECK(c.head_dim > 0 && c.rotary_dim >= 0 && c.rotary_dim <= c.head_dim && c.rotary_dim % 2 == 0);
  RW_CHECK(c.n >= 1 && c.n_ctx_train >= 1);
  RW_CHECK(c.rotary_dim == 0 || c.rope_freqs.empty() ||
           c.rope_freqs.size() * 2 == static_cast<std::size_t>(c.rotary_dim));
  RW_CHECK(0 <= c.turning_pairs && c.turning_pairs * 2 <= c.rotary_dim);
  RW_CHECK(0 <= c.layer && c.layer < c.n_layers && 0 <= c.kv_head && c.kv_head < c.n_kv_heads);
  RW_CHECK(c.attention_scale >= 0 && std::isfinite(c.attention_scale));
  RW_CHECK(c.soft_cap >= 0 && std::isfinite(c.soft_cap));
  RW_CHECK(std::isfinite(c.temperature.beta) && (c.temperature.beta == 0 || c.temperature.original >= 1));
}

/// `scale` (or none) times the model's own temperature.
LogitScale with_temperature(std::optional<LogitScale> scale, const RowTemperature& t) {
  if (t.beta == 0) return scale ? std::move(*scale) : [](Index) { return 1.0; };
  return [scale = std::move(scale), t](Index i) {
    const Index lengths = i / t.original;  // whole ones before the row
    const double own = 1 + t.beta * std::log(static_cast<double>(1 + lengths));
    return scale ? own * (*scale)(i) : own;
  };
}

}  // namespace

Method Method::bind(const MethodSpec& spec, const RopeContext& context) {
  check_context(context);
  if (spec.parts.empty()) throw UsageError("method", "a method", "nothing", "'none' is the model as trained");

  const bool acts = context.acts && context.rotary_dim > 0;
  Collected all = collect_here(spec, context, acts);
  Factors& f = all.factors;
  auto bound = std::make_shared<Bound>();
  bound->root = context.attention_scale > 0 ? 1 / context.attention_scale
                                            : std::sqrt(static_cast<double>(context.head_dim));
  bound->soft_cap = context.soft_cap;
  bound->acts = acts;
  bound->by_class = acts && (spec.by_layer() || spec.by_head());
  bound->scaling = f.frequencies ? std::move(*f.frequencies) : own_frequencies(context);
  if (context.turning_pairs > 0)
    bound->scaling = with_still_pairs(std::move(bound->scaling), context.turning_pairs);
  bound->frequencies = bound->scaling.at(context.n);
  bound->gain = f.rotary_gain;
  bound->frequencies.rotary_gain *= bound->gain;
  bound->distance = f.distance ? std::move(*f.distance) : identity_map();
  if (context.bidirectional) {
    bound->n_both = context.n;
    bound->distance = both_directions(std::move(bound->distance), context.n);
  }
  bound->mask = f.mask ? std::move(*f.mask) : whole_mask(context);
  if (context.sliding_window > 0)
    bound->mask = intersection(bound->mask, lambda_mask(context, 0, context.sliding_window));
  bound->scale = with_temperature(std::move(f.scale), context.temperature);
  bound->text = std::move(all.text);
  for (const double theta : bound->frequencies.theta) RW_CHECK(std::isfinite(theta));

  Method method;
  method.bound_ = std::move(bound);
  return method;
}

Pointwise Method::pointwise() const {
  const Bound& b = *bound_;
  return {.theta = b.frequencies.theta,
          .delta = b.distance.delta,
          .visible = b.mask.visible,
          .scale = [scale = b.scale, root = b.root](Index i) { return scale(i) / root; },
          .query_position =
              [split = b.distance.split, regions = b.distance.regions](Index i, Index j) {
                const Segments segments = split(i);
                const Segment* seen = segments.begin();
                while (j >= seen->end) ++seen;
                return regions[static_cast<std::size_t>(seen->region)].query_position(i);
              },
          .rotary_gain = b.frequencies.rotary_gain,
          .soft_cap = b.soft_cap};
}

bool Method::grows() const { return bound_->scaling.grow; }

Method Method::at_length(Index n) const {
  RW_CHECK(n >= 1);
  auto bound = std::make_shared<Bound>(*bound_);
  bound->frequencies = bound->scaling.at(n);
  bound->frequencies.rotary_gain *= bound->gain;
  Method method;
  method.bound_ = std::move(bound);
  return method;
}

bool Method::acts() const { return bound_->acts; }

const std::string& Method::text() const { return bound_->text; }

}  // namespace rw
