// SPDX-License-Identifier: Apache-2.0
/// Method = FrequencyScaling x DistanceMap x Mask x LogitScale.
///
/// Life of a method:  text --parse--> MethodSpec --bind(context)--> Method --lower(rows)--> AttentionPlan.
/// A method belongs to a request, not to a loaded model. One file per published method lives in
/// methods/published/ and registers a MethodInfo; nothing else has to change for a new one.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/attention_plan.h"
#include "core/registry.h"
#include "core/small_list.h"

namespace rw {

/// A row scale of the model's own (Ministral 3): c(i) = 1 + beta ln(1 + floor(i / original)). Llama 4 counts
/// floor((i + 1) / original), which no model that runs here does.
struct RowTemperature {
  double beta = 0;     ///< 0: none
  Index original = 0;  ///< tokens; at least 1 where beta is not 0
  bool operator==(const RowTemperature&) const = default;
};

/// What a method may know of the model and the request, for one class: the heads of one layer that share
/// keys, or all that are bound alike. The engine binds one Method for each class; a spec that depends on
/// neither layer nor head (MethodSpec::by_layer, by_head) is the same for all layers with equal fields.
struct RopeContext {
  int head_dim = 0;
  int rotary_dim = 0;  ///< 0: a layer without positions, where no method acts
  double rope_base = 10000;
  /// Trained length of the model as shipped, its own scaling included, tokens: what windows, groups, distance
  /// maps and logit scales take their defaults from.
  Index n_ctx_train = 0;
  /// The length its frequencies bend around, tokens: the default of the frequency methods' `trained`, since
  /// these replace a scaling of the model's own. Differs from n_ctx_train with such a scaling only; 0:
  /// unknown.
  Index n_ctx_original = 0;
  Index n = 0;               ///< length asked for, tokens; default of factors: n / trained
  Index sliding_window = 0;  ///< the layer's own window (Mistral), 0 if none; always in the mask
  /// Of the pairs of dims, the first so many turn, and the others have angle 0 whatever the frequencies are
  /// ("proportional" RoPE: the exponent counts all); 0: all turn.
  int turning_pairs = 0;
  std::vector<double> rope_freqs;  ///< (rotary_dim/2) divisors of theta (GGUF rope_freqs), or empty
  std::vector<double> long_factors, short_factors;  ///< (rotary_dim/2) LongRoPE lists, or empty
  double longrope_attention_factor = 0;             ///< 0: computed; else as the file says
  /// The model's own scaling as a method spec ("yarn:factor=4,trained=32768"), empty if none.
  std::string own_scaling;

  int layer = 0, n_layers = 1;      ///< which layer of how many
  int kv_head = 0, n_kv_heads = 1;  ///< which group of heads that share keys, of how many in the layer
  double attention_scale = 0;       ///< factor on products of q and k, above 0; 0: 1 / sqrt(head_dim)
  double soft_cap = 0;              ///< logits are cap tanh(logit / cap); 0: as they are
  RowTemperature temperature = {};  ///< multiplies the scales that a method brings
  /// false: a layer that sees its own window only, in a family whose other layers see far. The method does
  /// nothing there; the layer's own scaling, window and scales stay.
  bool acts = true;
  /// An encoder: each of the n tokens sees those on both sides. Distances have both signs: a map is its own
  /// mirror image (delta(i, j) = -delta(j, i) for j > i), windows count |i - j|, and a scale that follows the
  /// tokens read has all n. Methods without such a form refuse.
  bool bidirectional = false;
  /// For who would say a method for the whole model at once (export.h): other layers with positions have
  /// other frequencies by their own (another rotary_dim, head_dim, base or scaling); methods act on all of
  /// them.
  bool rope_differs = false, acts_everywhere = true;
};

// ---------------------------------------------------------------- the four factors, bound to numbers

/// theta(n) (rotary_dim/2) in rad/token for a request of n tokens, and the gain on the rotated dims of q.
struct Frequencies {
  std::vector<double> theta;
  double rotary_gain = 1;
};
struct FrequencyScaling {
  std::function<Frequencies(Index n)> at;
  bool grow = false;  ///< grow=1: a generated token at p uses length p + 1 (published recurrence)
};

using Segments = SmallList<Segment, 8>;
using KeyRanges = SmallList<std::pair<Index, Index>, 8>;

/// The effective distance. Regions say where rows and keys sit; split says which keys of a row see which
/// region; delta is the paper's formula, used by tests and kernels/reference only.
struct DistanceMap {
  struct Variant {
    std::function<double(Index j)> key_position;
    Index sink = 0, window = kForever;  ///< needed by row i only if j < sink or i - j < window
  };
  struct RegionMap {
    std::function<double(Index i)> query_position;
    int variant = 0;
  };
  std::vector<Variant> variants;
  std::vector<RegionMap> regions;
  std::function<Segments(Index i)> split;  ///< covers [0, i], or [0, n) in both directions; sorted, disjoint
  std::function<double(Index i, Index j)> delta;
};

struct Mask {
  std::function<KeyRanges(Index i)> ranges;  ///< sorted, disjoint, in [0, i], or in [0, n)
  std::function<bool(Index i, Index j)> visible;
  Index sink = 0, window = kForever;  ///< visible(i, j) implies j < sink or i - j < window
};

using LogitScale = std::function<double(Index i)>;

/// What one published method contributes; an absent factor stays plain RoPE's.
struct Factors {
  std::optional<FrequencyScaling> frequencies = {};
  std::optional<DistanceMap> distance = {};
  std::optional<Mask> mask = {};
  std::optional<LogitScale> scale = {};
  double rotary_gain = 1;  ///< of a distance map (STRING's amplitude); multiplies the frequencies' own
};

// ---------------------------------------------------------------- spelling

/// One `name:parameter=value,...` of a spec. Values stay text until bind (numbers; `form=code`).
struct MethodPart {
  std::string name;
  std::map<std::string, std::string> parameters;
};
struct MethodSpec {
  std::vector<MethodPart> parts;  ///< joined by '+'
  /// Errors: UsageError (unknown method or parameter: "did you mean").
  static MethodSpec parse(std::string_view text);
  std::string text() const;  ///< canonical spelling; parse(text()) is the same spec
  bool by_layer() const;     ///< some part is (MethodInfo::by_layer)
  bool by_head() const;      ///< some part is
};

struct ParameterInfo {
  std::string name, meaning, unit, range, default_text;
};

/// Parameters of one part with defaults resolved. Each getter checks the range and throws UsageError
/// "rerope: expected window from 1 to ...; found ...".
class Parameters;

struct MethodInfo {
  std::string name;
  std::vector<std::string> aliases;
  std::string kind;                      ///< "frequency", "distance", "mask", "scale", "none"
  std::string title;                     ///< one line
  std::string formula, source, differs;  ///< plain text with Greek allowed; differs: from published code
  std::vector<ParameterInfo> parameters;
  std::string example;  ///< a small spec (trained 8, n 16) for the picture in docs/methods.md
  /// Its frequencies (nothing else) depend on RopeContext::layer, or on kv_head.
  bool by_layer = false, by_head = false;
  std::function<Factors(const Parameters&, const RopeContext&)> build;
};

// ---------------------------------------------------------------- the bound method

/// A spec bound to a model's numbers and a request's length. Immutable; cheap to copy.
class Method {
 public:
  /// Errors: UsageError: two maps, two masks or two frequency methods; a frequency method on a model with
  /// a scaling of its own unless replace=1; a parameter out of range. The model's own scaling, sliding
  /// window, scale, soft cap and temperature are included. Logit scales multiply. Where the method does not
  /// act (a layer without positions, or RopeContext::acts false) only the model's own are bound, and the spec
  /// is checked all the same.
  static Method bind(const MethodSpec& spec, const RopeContext& context);

  /// Rows [row_begin, row_begin + n_rows) against all keys up to the row, at the request's length; in both
  /// directions against all n, of which they are.
  /// O(n_rows) time and space, computed in double.
  AttentionPlan lower(Index row_begin, Index n_rows) const;
  /// The same into a plan that was used before: allocates nothing once its vectors are large enough. Tables
  /// are made on the context's threads where one is given.
  void lower(Index row_begin, Index n_rows, AttentionPlan& plan, Context* context = nullptr) const;
  /// How keys [key_begin, key_begin + n_keys) are stored. Without tables: for Backend::rotate_into.
  KeyPlan lower_keys(Index key_begin, Index n_keys, bool tables = true) const;
  void lower_keys(Index key_begin, Index n_keys, KeyPlan& plan, bool tables = true,
                  Context* context = nullptr) const;
  Pointwise pointwise() const;

  /// grow=1: keys are kept unrotated (raw_keys), and each step rotates them for its own length.
  bool grows() const;
  /// Key plan of the unrotated master copy used when grows(): one variant, all positions 0.
  KeyPlan raw_keys(Index key_begin, Index n_keys) const;
  /// The same method with its frequencies at length n (windows and factors as bound).
  Method at_length(Index n) const;

  bool acts() const;                ///< false where the layer is as if nothing was asked for
  const std::string& text() const;  ///< canonical spelling with every default filled in
  /// Equal for two methods that lower to the same plans (rows < n): lets eval run a plan once. Of a spec
  /// whose other layers or heads differ it has the text too.
  std::string fingerprint(Index n) const;
  /// Whether the first n tokens read under `other` are as if read under this one: the rows below n lower to
  /// the same plans, and keys are stored and forgotten alike, those too that only later rows look at. O(n).
  bool same_up_to(Index n, const Method& other) const;

 private:
  struct Bound;
  std::shared_ptr<const Bound> bound_;
};

}  // namespace rw
