// SPDX-License-Identifier: Apache-2.0
/// Methods by name, and what a method does as numbers: the plan that every kernel follows.
///
/// For query position i and key position j, theta the angular frequencies of the rotated pairs:
///
///     logit(i, j) = cap(row_scale(i) * < R_theta(a_r(i)) q_i , R_theta(b_v(j)) k_j >)   if j is in a segment
///                                                                                       of row i, else -inf
///
/// where r is the segment's region, a_r its query position, v the region's key variant, b_v(j) where that
/// variant has key j, cap(x) = x or soft_cap tanh(x / soft_cap). Pairs are half-split: dims m and
/// m + rotary_dim / 2, as in transformers' Llama; the rotated dims of q are multiplied by rotary_gain.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/error.h"

namespace ropewalk {

/// Tokens read, or rows made, so far in this call. What it throws ends the call and is thrown on; sequences
/// are then as they were before it. It only looks on: what is in the call may not be used from it
/// (UsageError), or be replaced.
using Progress = std::function<void(Index n_done)>;

struct MethodParameter {
  std::string name = {}, meaning = {}, unit = {}, range = {};
  std::string default_text = {};  ///< as docs/methods.md says it: a number, or what it follows
};

struct MethodInfo {
  std::string name = {};
  std::vector<std::string> aliases = {};
  std::string kind = {};  ///< "frequency", "distance", "mask", "scale" or "none"
  std::string title = {}, formula = {}, source = {}, differs = {};  ///< differs: from the published code
  std::vector<MethodParameter> parameters = {};
};

/// Every method, by name. Any thread.
ROPEWALK_API std::vector<MethodInfo> methods();

/// What a method may know of one layer of a model. The defaults are plain RoPE of a Llama.
struct RopeContext {
  int head_dim = 64;
  int rotary_dim = 64;  ///< even, head_dim at most; 0: a layer without positions, where no method acts
  double rope_base = 10000;
  Index n_ctx_train = 2048;  ///< trained length, the model's own scaling included, tokens
  /// The length its frequencies bend around, tokens; -1: n_ctx_train; 0: unknown, and frequency methods ask
  /// for `trained`.
  Index n_ctx_original = -1;
  Index sliding_window = 0;             ///< the layer's own, tokens; 0: none. Always in the mask
  int turning_pairs = 0;                ///< of the pairs only the first so many turn; 0: all
  std::vector<double> rope_freqs = {};  ///< (rotary_dim / 2) divisors of theta, or empty
  std::vector<double> long_factors = {}, short_factors = {};  ///< (rotary_dim / 2) LongRoPE's lists, or empty
  double longrope_attention_factor = 0;                       ///< 0: computed
  std::string own_scaling = {};  ///< the model's own, as a spec ("yarn:factor=4,trained=32768"); empty: none
  int layer = 0, n_layers = 1;
  int kv_head = 0, n_kv_heads = 1;
  double attention_scale = 0;      ///< on products of q and k; 0: 1 / sqrt(head_dim)
  double soft_cap = 0;             ///< of logits; 0: none
  double temperature_beta = 0;     ///< row scale of the model's own: 1 + beta ln(1 + floor(i / original))
  Index temperature_original = 0;  ///< tokens
  bool acts = true;                ///< false: the method does nothing here, the model's own numbers stay
  bool bidirectional = false;      ///< an encoder: rows see the keys on both sides
};

/// Where the keys of one variant sit: they are rotated by these positions.
struct KeyVariant {
  std::vector<double> position = {};  ///< (n) tokens, may be fractional
  /// Row i reads key j in this variant only if j < sink or i - j < window.
  Index sink = 0, window = 0;
};

/// Where the rows sit for the keys of one region.
struct PlanRegion {
  std::vector<double> query_position = {};  ///< (n_rows) tokens
  int variant = 0;                          ///< of KeyVariants
};

/// Keys [begin, end) of a row, seen through `region`.
struct PlanSegment {
  Index begin = 0, end = 0;
  int region = 0;
};

/// What attention does for the rows [row_begin, row_begin + n_rows) of a text of n tokens.
struct Plan {
  std::string method = {};  ///< the spec with every default filled in
  Index n = 0, row_begin = 0, n_rows = 0;
  std::vector<double> theta = {};  ///< (rotary_dim / 2) rad per token
  std::vector<PlanRegion> regions = {};
  std::vector<KeyVariant> variants = {};
  /// (n_rows + 1): row r's are segments[segment_begin[r]] up to segment_begin[r + 1], sorted and disjoint.
  std::vector<Index> segment_begin = {};
  std::vector<PlanSegment> segments = {};
  std::vector<float> row_scale = {};  ///< (n_rows) 1 / sqrt(head_dim) x log-n x temperature
  float rotary_gain = 1;              ///< on the rotated dims of q (YaRN's mscale squared)
  float soft_cap = 0;                 ///< 0: none
  /// grow=1: a token written at p uses the frequencies of length p + 1; this plan is that of length n.
  bool grows = false;
};

/// The plan of `spec` ("rerope:window=2048+logn") for rows [row_begin, row_begin + n_rows) of n tokens, in
/// double; O(n + n_rows). n_rows -1: all from row_begin on. Errors: UsageError for an unknown method or
/// parameter, one out of range, or rows that are not of the text; Error where the memory does not hold it.
/// Any thread.
ROPEWALK_API Plan plan(std::string_view spec, Index n, const RopeContext& context = {}, Index row_begin = 0,
                       Index n_rows = -1, const Progress& progress = {});

/// What `ropewalk tune` found at one length.
struct TunedMethod {
  Index length = 0;         ///< tokens that it was judged at
  std::string method = {};  ///< as typed
};

struct Choice {
  std::string method = {};  ///< to be bound to the request's length
  std::string why = {};     ///< one line for people
};

/// What "auto" is for a request of n tokens, read and written: plain RoPE while it fits the trained length,
/// else what was tuned, else the default (docs/methods.md). `context`: of the first layer that methods act
/// on. `tuned`: in any order. Errors: UsageError. Any thread.
ROPEWALK_API Choice choose(Index n, const RopeContext& context, const std::vector<TunedMethod>& tuned = {});

/// What `ropewalk tune` wrote beside a model (MODEL.ropewalk.json). Errors: Error. Any thread.
ROPEWALK_API std::vector<TunedMethod> read_tuned(const std::string& path);

/// What a method may know of each layer of a Hugging Face model whose weights somebody else holds, from the
/// text of its config.json. `attends`: which of its layers have attention. Errors: Error for a family or
/// setting that is not read, or where `attends` has not all layers (empty: all have attention). Any thread.
ROPEWALK_API std::vector<RopeContext> layers(std::string_view config_json, const std::vector<bool>& attends);

/// `spec` as it is written out: sorted, aliases resolved. Errors: UsageError. Any thread.
ROPEWALK_API std::string canonical(std::string_view spec);

}  // namespace ropewalk
