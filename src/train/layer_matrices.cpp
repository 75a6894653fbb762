// SPDX-License-Identifier: Apache-2.0
#include "train/layer_matrices.h"

#include "model/loader.h"

namespace ropewalk {
namespace {

constexpr const char* kMatrixNames[] = {
    "attn_q",   "attn_k",    "attn_v",    "attn_output", "ffn_gate", "ffn_up",  "ffn_down",
    "attn_qkv", "attn_gate", "ssm_alpha", "ssm_beta",    "ssm_in",   "ssm_out", "shortconv.in_proj",
    "shortconv.out_proj"};

class Matrices {
 public:
  /// A tensor of one matrix, where the layer has it.
  void add(const char* name, const std::unique_ptr<Matrix>& of, LearningMatrix& learning) {
    if (of != nullptr) all.push_back({name, {{.of = of.get(), .learning = &learning}}});
  }
  struct Part {
    const std::unique_ptr<Matrix>& of;
    LearningMatrix& learning;
  };
  /// One of several, one behind the other.
  void add(const char* name, std::initializer_list<Part> parts) {
    LayerMatrix matrix{name, {}};
    Index first = 0;
    for (const Part& part : parts) {
      matrix.parts.push_back({.of = part.of.get(), .learning = &part.learning, .first = first});
      first += part.of->n_out;
    }
    all.push_back(std::move(matrix));
  }
  std::vector<LayerMatrix> all;
};

/// The rows of each head's queries, then those of its gate.
LayerMatrix queries_and_gate(const AttentionSpec& a, const LayerWeights& w, LearningLayer& learning) {
  const Index dim = a.head_dim;
  return {"attn_q",
          {{w.wq.get(), &learning.wq, 0, dim, 2 * dim},
           {w.w_output_gate.get(), &learning.w_output_gate, dim, dim, 2 * dim}}};
}

void add_recurrence(const RecurrenceSpec& spec, const LayerWeights& weights, LearningLayer& layer,
                    Matrices& matrices) {
  const RecurrentWeights& w = weights.recurrent;
  LearningRecurrence& l = layer.recurrence;
  switch (spec.kind) {
    case RecurrenceKind::kNone:
      return;
    case RecurrenceKind::kShortConvolution:
      matrices.add("shortconv.in_proj", {{w.w_before, l.w_before}, {w.w_gate, l.w_gate}, {w.wv, l.wv}});
      return matrices.add("shortconv.out_proj", weights.wo, layer.wo);
    case RecurrenceKind::kStateSpace:
      matrices.add("ssm_in",
                   {{w.w_gate, l.w_gate}, {w.wv, l.wv}, {w.wk, l.wk}, {w.wq, l.wq}, {w.w_step, l.w_step}});
      break;
    case RecurrenceKind::kDeltaRule:
      matrices.add("attn_qkv", {{w.wq, l.wq}, {w.wk, l.wk}, {w.wv, l.wv}});
      matrices.add("attn_gate", w.w_gate, l.w_gate);
      matrices.add("ssm_alpha", w.w_step, l.w_step);
      matrices.add("ssm_beta", w.w_weight, l.w_weight);
      break;
  }
  matrices.add("ssm_out", weights.wo, layer.wo);
}

}  // namespace

WeightRows MatrixRows::of_tensor(const WeightRows& all) const {
  return group > 0 ? rows_of_groups(all, of->n_out / group, first, group) : all.part(first, of->n_out);
}

Index LayerMatrix::n_out() const {
  Index n = 0;
  for (const MatrixRows& rows : parts) n += rows.of->n_out;
  return n;
}

std::vector<LayerMatrix> layer_matrices(const LayerSpec& spec, const LayerWeights& w,
                                        LearningLayer& learning) {
  Matrices matrices;
  if (spec.attends()) {
    if (spec.attention.output_gate)
      matrices.all.push_back(queries_and_gate(spec.attention, w, learning));
    else
      matrices.add("attn_q", w.wq, learning.wq);
    matrices.add("attn_k", w.wk, learning.wk);
    matrices.add("attn_v", w.wv, learning.wv);
    matrices.add("attn_output", w.wo, learning.wo);
  }
  add_recurrence(spec.recurrence, w, learning, matrices);
  matrices.add("ffn_gate", w.w_gate, learning.w_gate);
  matrices.add("ffn_up", w.w_up, learning.w_up);
  matrices.add("ffn_down", w.w_down, learning.w_down);
  return std::move(matrices.all);
}

std::span<const char* const> layer_matrix_names() { return kMatrixNames; }

bool is_matrix_name(std::string_view name) {
  for (const char* part : {"norm", "ssm_conv1d", "shortconv.conv."})
    if (name.find(part) != std::string_view::npos) return false;
  return !name.ends_with("ssm_a") && !name.ends_with("ssm_d");
}

}  // namespace ropewalk
