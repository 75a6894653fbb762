// SPDX-License-Identifier: Apache-2.0
#include "train/layer_matrices.h"

namespace rw {
namespace {

constexpr std::string_view kTargets[] = {"attn_q",
                                         "attn_k",
                                         "attn_v",
                                         "attn_output",
                                         "attn_q_a",
                                         "attn_q_b",
                                         "attn_kv_a_mqa",
                                         "attn_kv_b",
                                         "ffn_gate",
                                         "ffn_up",
                                         "ffn_down",
                                         "inp_gate",
                                         "proj",
                                         "attn_qkv",
                                         "attn_gate",
                                         "ssm_alpha",
                                         "ssm_beta",
                                         "ssm_in",
                                         "ssm_out",
                                         "shortconv.in_proj",
                                         "shortconv.out_proj"};

class Matrices {
 public:
  /// One tensor's, one behind the other; those that the layer has not are left out.
  void add(std::string_view name,
           std::initializer_list<std::pair<const std::unique_ptr<Matrix>&, LearningMatrix&>> parts) {
    Index row = 0;
    for (const auto& [weights, learning] : parts) {
      if (weights == nullptr) continue;
      all.push_back({name, weights.get(), &learning, row});
      row += weights->n_out;
    }
  }
  std::vector<LayerMatrix> all;
};

void add_attention(const AttentionSpec& a, const LayerWeights& w, LearningLayer& l, Matrices& matrices) {
  if (!a.latent.any()) {
    matrices.add("attn_q", {{w.wq, l.wq}, {w.w_output_gate, l.w_output_gate}});
    matrices.add("attn_k", {{w.wk, l.wk}});
    return matrices.add("attn_v", {{w.wv, l.wv}});
  }
  matrices.add("attn_q_a", {{w.latent.w_q, l.latent.w_q}});
  matrices.add(a.latent.q_rank > 0 ? "attn_q_b" : "attn_q", {{w.wq, l.wq}});
  matrices.add("attn_kv_a_mqa", {{w.latent.w_kv, l.latent.w_kv}, {w.latent.w_shared, l.latent.w_shared}});
  matrices.add("attn_kv_b", {{w.wk, l.wk}, {w.wv, l.wv}});
}

void add_recurrence(RecurrenceKind kind, const RecurrentWeights& w, LearningRecurrence& l,
                    Matrices& matrices) {
  if (kind == RecurrenceKind::kShortConvolution)
    return matrices.add("shortconv.in_proj", {{w.w_before, l.w_before}, {w.w_gate, l.w_gate}, {w.wv, l.wv}});
  if (kind == RecurrenceKind::kStateSpace)
    return matrices.add(
        "ssm_in", {{w.w_gate, l.w_gate}, {w.wv, l.wv}, {w.wk, l.wk}, {w.wq, l.wq}, {w.w_step, l.w_step}});
  matrices.add("attn_qkv", {{w.wq, l.wq}, {w.wk, l.wk}, {w.wv, l.wv}});
  matrices.add("attn_gate", {{w.w_gate, l.w_gate}});
  matrices.add("ssm_alpha", {{w.w_step, l.w_step}});
  matrices.add("ssm_beta", {{w.w_weight, l.w_weight}});
}

std::string_view output_name(RecurrenceKind kind) {
  if (kind == RecurrenceKind::kNone) return "attn_output";
  return kind == RecurrenceKind::kShortConvolution ? "shortconv.out_proj" : "ssm_out";
}

}  // namespace

std::vector<LayerMatrix> layer_matrices(const LayerSpec& spec, const LayerWeights& w, LearningLayer& l) {
  Matrices matrices;
  if (spec.attends()) add_attention(spec.attention, w, l, matrices);
  if (spec.recurs()) add_recurrence(spec.recurrence.kind, w.recurrent, l.recurrence, matrices);
  matrices.add(output_name(spec.recurrence.kind), {{w.wo, l.wo}});
  matrices.add("ffn_gate", {{w.w_gate, l.w_gate}});
  matrices.add("ffn_up", {{w.w_up, l.w_up}});
  matrices.add("ffn_down", {{w.w_down, l.w_down}});
  matrices.add("inp_gate", {{w.per_layer.gate, l.per_layer.gate}});
  matrices.add("proj", {{w.per_layer.projection, l.per_layer.projection}});
  return std::move(matrices.all);
}

std::span<const std::string_view> low_rank_targets() { return kTargets; }

std::vector<std::string> usual_targets() {
  std::vector<std::string> targets;
  for (const std::string_view target : kTargets)
    if (target != "ssm_alpha" && target != "ssm_beta") targets.emplace_back(target);
  return targets;
}

bool is_matrix_name(std::string_view name) {
  for (const char* part : {"norm", "ssm_conv1d", "shortconv.conv."})
    if (name.find(part) != std::string_view::npos) return false;
  return !name.ends_with("ssm_a") && !name.ends_with("ssm_d");
}

}  // namespace rw
