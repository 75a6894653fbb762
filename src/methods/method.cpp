// SPDX-License-Identifier: Apache-2.0
/// Binding: the parts of a spec, the model's own scaling and its own window become one set of factors.
#include "methods/method.h"

#include <cmath>

#include "methods/bound.h"
#include "methods/factors.h"
#include "methods/parameters.h"

namespace ropewalk {
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

}  // namespace

Method Method::bind(const MethodSpec& spec, const RopeContext& context) {
  RW_CHECK(context.head_dim > 0 && context.rotary_dim >= 2 && context.rotary_dim <= context.head_dim);
  RW_CHECK(context.rotary_dim % 2 == 0 && context.n >= 1 && context.n_ctx_train >= 1);
  RW_CHECK(context.rope_freqs.empty() ||
           context.rope_freqs.size() * 2 == static_cast<std::size_t>(context.rotary_dim));
  if (spec.parts.empty()) throw UsageError("method", "a method", "nothing", "'none' is the model as trained");

  Collected all = collect(spec, context);
  Factors& f = all.factors;
  if (f.frequencies && !all.replace && (!context.own_scaling.empty() || !context.rope_freqs.empty()))
    throw UsageError(all.frequency_part, "a model without a frequency scaling of its own",
                     context.own_scaling.empty() ? "rope_freqs in the model"
                                                 : "'" + context.own_scaling + "' in the model",
                     "replace=1 puts the method in its place; distance maps, masks and scales keep it");

  auto bound = std::make_shared<Bound>();
  bound->head_dim = context.head_dim;
  bound->scaling = f.frequencies ? std::move(*f.frequencies) : own_frequencies(context);
  bound->frequencies = bound->scaling.at(context.n);
  bound->gain = f.rotary_gain;
  bound->frequencies.rotary_gain *= bound->gain;
  bound->distance = f.distance ? std::move(*f.distance) : identity_map();
  bound->mask = f.mask ? std::move(*f.mask) : causal_mask();
  if (context.sliding_window > 0)
    bound->mask = intersection(bound->mask, lambda_mask(0, context.sliding_window));
  bound->scale = f.scale ? std::move(*f.scale) : [](Index) { return 1.0; };
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
          .scale = [scale = b.scale,
                    root = std::sqrt(static_cast<double>(b.head_dim))](Index i) { return scale(i) / root; },
          .rotary_gain = b.frequencies.rotary_gain};
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

const std::string& Method::text() const { return bound_->text; }

}  // namespace ropewalk
