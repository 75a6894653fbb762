// SPDX-License-Identifier: Apache-2.0
#include "model/tensors.h"

#include <fmt/ranges.h>

#include <set>

namespace rw {
namespace {

class Needed {
 public:
  explicit Needed(const ModelConfig& config) : config_(config) {}

  std::vector<NeededTensor> all() {
    need_embedding();
    if (config_.per_layer_width > 0) need_per_layer_embeddings();
    for (int layer = 0; layer < config_.n_layers(); ++layer) need_layer(layer);
    need_output();
    return std::move(all_);
  }

 private:
  void need(const std::string& name, const std::vector<Index>& shape) { all_.push_back({name, shape}); }
  void need_layer(int layer) {
    const LayerSpec& spec = config_.layers[static_cast<std::size_t>(layer)];
    const std::string blk = fmt::format("blk.{}.", layer);
    if (spec.attends()) need_attention(spec.attention, spec.keeps(), blk);
    if (spec.recurs()) need_recurrence(spec.recurrence, blk);
    if (const ExpertsSpec& experts = spec.ffn.experts; experts.n_experts > 0) {
      need_experts(experts, spec.ffn.gated, blk);
      if (spec.ffn.d_ff > 0) need_ffn(spec.ffn, blk, spec.ffn.apart ? "" : "_shexp");
      if (spec.ffn.apart) need_apart(experts, blk);
    } else if (spec.feeds_forward()) {
      need_ffn(spec.ffn, blk, "");
    }
    if (spec.output_scale) need(blk + "layer_output_scale.weight", {1});
    if (config_.per_layer_width > 0) need_per_layer_embedding(blk);
    const bool named = spec.pre_norm || spec.norm_after_add;
    if (named) need_norm(blk + config_.attn_norm, spec, config_.d_model);
    if (named && !spec.one_norm && spec.mixes() && spec.feeds_forward())
      need_norm(blk + config_.ffn_norm, spec, config_.d_model);
    if (!spec.post_norm) return;
    need_norm(blk + "post_attention_norm", spec, config_.d_model);
    need_norm(blk + "post_ffw_norm", spec, config_.d_model);
  }
  void need_embedding() {
    const EmbeddingSpec& e = config_.embedding;
    need("token_embd.weight", {config_.n_vocab, e.width});
    if (e.n_token_types > 0) need("token_types.weight", {e.n_token_types, e.width});
    if (e.norm) need_norm("token_embd_norm", config_.layers[0], e.width);
    if (e.projected) need("token_embd_project.weight", {config_.d_model, e.width});
    if (e.projection_bias) need("token_embd_project.bias", {config_.d_model});
  }
  void need_per_layer_embeddings() {
    const Index width = config_.per_layer_width, all = config_.n_layers() * width;
    need("per_layer_token_embd.weight", {config_.n_vocab, all});
    need("per_layer_model_proj.weight", {all, config_.d_model});
    need("per_layer_proj_norm.weight", {width});
  }
  void need_output() {
    const Index width = config_.output_transform ? config_.embedding.width : config_.d_model;
    const std::string norm = config_.output_transform ? "output_transform_norm" : "output_norm";
    if (config_.output_transform) {
      need("output_transform.weight", {width, config_.d_model});
      need("output_transform.bias", {width});
    }
    if (config_.has_output_norm) need(norm + ".weight", {width});
    if (config_.output_norm_bias) need(norm + ".bias", {width});
    if (config_.output_bias) need("output.bias", {config_.n_vocab});
    if (!config_.tied_embeddings) need("output.weight", {config_.n_vocab, width});
  }
  void need_norm(const std::string& name, const LayerSpec& spec, Index width) {
    if (spec.norm_weight) need(name + ".weight", {width});
    if (spec.norm_bias) need(name + ".bias", {width});
  }
  void need_attention(const AttentionSpec& a, bool keeps, const std::string& blk) {
    const Index d_model = config_.d_model;
    // In this order: training adds up the gradient's norm in it, and its checkpoints hold it.
    if (a.latent.any()) return need_latent(a, blk);
    need(blk + "attn_q.weight", {(a.output_gate ? 2 : 1) * a.q_width(), d_model});
    if (keeps) need(blk + "attn_k.weight", {a.k_width(), d_model});
    if (keeps && !a.value_is_key) need(blk + "attn_v.weight", {a.v_width(), d_model});
    need(blk + "attn_output.weight", {d_model, a.out_width()});
    if (a.qkv_bias) {
      need(blk + "attn_q.bias", {a.q_width()});
      need(blk + "attn_k.bias", {a.k_width()});
      need(blk + "attn_v.bias", {a.v_width()});
    }
    if (a.output_bias) need(blk + "attn_output.bias", {d_model});
    if (a.sinks) need(blk + "attn_sinks.weight", {a.n_heads});
    const auto qk_norm = [&](int heads) -> std::vector<Index> {
      if (a.qk_norm == QkNorm::kPerHeadOwn) return {heads, a.head_dim};
      return {a.qk_norm == QkNorm::kWholeRow ? Index{heads} * a.head_dim : Index{a.head_dim}};
    };
    if (a.qk_norm == QkNorm::kNone) return;
    need(blk + "attn_q_norm.weight", qk_norm(a.n_heads));
    if (keeps) need(blk + "attn_k_norm.weight", qk_norm(a.n_kv_heads));
  }
  void need_latent(const AttentionSpec& a, const std::string& blk) {
    const LatentSpec& l = a.latent;
    if (l.q_rank > 0) {
      need(blk + "attn_q_a.weight", {l.q_rank, config_.d_model});
      need(blk + "attn_q_a_norm.weight", {l.q_rank});
    }
    need(blk + (l.q_rank > 0 ? "attn_q_b.weight" : "attn_q.weight"),
         {a.q_width(), l.q_rank > 0 ? l.q_rank : config_.d_model});
    need(blk + "attn_kv_a_mqa.weight", {l.kv_rank + a.rope.rotary_dim, config_.d_model});
    need(blk + "attn_kv_a_norm.weight", {l.kv_rank});
    need(blk + "attn_output.weight", {config_.d_model, a.out_width()});
    if (!l.split) return need(blk + "attn_kv_b.weight", {a.n_heads * (a.own_dim() + a.v_dim()), l.kv_rank});
    need(blk + "attn_k_b.weight", {a.n_heads, l.kv_rank, a.own_dim()});
    need(blk + "attn_v_b.weight", {a.n_heads, a.v_dim(), l.kv_rank});
  }
  void need_recurrence(const RecurrenceSpec& r, const std::string& blk) {
    const Index d_model = config_.d_model, values = r.value_width(), convolved = r.convolved_width();
    if (r.kind == RecurrenceKind::kShortConvolution) {
      need(blk + "shortconv.in_proj.weight", {3 * d_model, d_model});
      need(blk + "shortconv.conv.weight", {d_model, r.n_taps});
      return need(blk + "shortconv.out_proj.weight", {d_model, d_model});
    }
    need(blk + "ssm_conv1d.weight", {convolved, r.n_taps});
    if (r.convolution_bias) need(blk + "ssm_conv1d.bias", {convolved});
    need(blk + "ssm_dt.bias", {r.n_heads});
    need(blk + (r.rate_is_log ? "ssm_a_log" : "ssm_a"), {r.n_heads});
    need(blk + "ssm_out.weight", {d_model, values});
    if (r.kind == RecurrenceKind::kStateSpace) {
      need(blk + "ssm_in.weight", {values + convolved + r.n_heads, d_model});
      need(blk + "ssm_d", {r.n_heads});
      return need(blk + "ssm_norm.weight", {values});
    }
    need(blk + "attn_qkv.weight", {convolved, d_model});
    need(blk + "attn_gate.weight", {values, d_model});
    need(blk + "ssm_beta.weight", {r.n_heads, d_model});
    need(blk + "ssm_alpha.weight", {r.n_heads, d_model});
    need(blk + "ssm_norm.weight", {r.value_dim});
  }
  /// `kind`: behind the names of the part that rows share beside experts.
  void need_ffn(const FfnSpec& f, const std::string& blk, const std::string& kind) {
    const Index d_model = config_.d_model;
    if (f.gated) need(blk + "ffn_gate" + kind + ".weight", {f.d_ff, d_model});
    need(blk + "ffn_up" + kind + ".weight", {f.d_ff, d_model});
    need(blk + "ffn_down" + kind + ".weight", {d_model, f.d_ff});
    if (!f.bias) return;
    if (f.gated) need(blk + "ffn_gate" + kind + ".bias", {f.d_ff});
    need(blk + "ffn_up" + kind + ".bias", {f.d_ff});
    need(blk + "ffn_down" + kind + ".bias", {d_model});
  }
  void need_experts(const ExpertsSpec& e, bool gated, const std::string& blk) {
    const Index n = e.n_experts, d_model = config_.d_model;
    need(blk + "ffn_gate_inp.weight", {n, d_model});
    if (e.router_bias) need(blk + "ffn_gate_inp.bias", {n});
    if (e.choice_bias) need(blk + "exp_probs_b.bias", {n});
    if (gated) need(blk + "ffn_gate_exps.weight", {n, e.d_ff, d_model});
    need(blk + "ffn_up_exps.weight", {n, e.d_ff, d_model});
    need(blk + "ffn_down_exps.weight", {n, d_model, e.d_ff});
    if (e.shared_gate) need(blk + "ffn_gate_inp_shexp.weight", {d_model});
    if (!e.bias) return;
    if (gated) need(blk + "ffn_gate_exps.bias", {n, e.d_ff});
    need(blk + "ffn_up_exps.bias", {n, e.d_ff});
    need(blk + "ffn_down_exps.bias", {n, d_model});
  }

  void need_apart(const ExpertsSpec& e, const std::string& blk) {
    need(blk + "ffn_gate_inp.scale", {config_.d_model});
    if (e.scaled) need(blk + "ffn_down_exps.scale", {e.n_experts});
    for (const char* norm : {"post_ffw_norm_1", "pre_ffw_norm_2", "post_ffw_norm_2"})
      need(blk + norm + ".weight", {config_.d_model});
  }
  void need_per_layer_embedding(const std::string& blk) {
    need(blk + "inp_gate.weight", {config_.per_layer_width, config_.d_model});
    need(blk + "proj.weight", {config_.d_model, config_.per_layer_width});
    need(blk + "post_norm.weight", {config_.d_model});
  }

  const ModelConfig& config_;
  std::vector<NeededTensor> all_;
};

/// Of blocks behind the last layer, which predict further tokens (MTP).
bool is_ahead(const ModelConfig& config, const std::string& name) {
  for (int block = config.n_layers(); block < config.n_blocks; ++block)
    if (name.starts_with(fmt::format("blk.{}.", block))) return true;
  return false;
}

/// Keys and values of a layer that reads another's, and parts of latents beside the whole of them: published
/// files have them, and nobody reads them.
bool is_unread(const ModelConfig& config, const std::string& name) {
  for (int l = 0; l < config.n_layers(); ++l)
    if (config.layers[static_cast<std::size_t>(l)].kv_of >= 0)
      for (const char* part : {"attn_k", "attn_v", "attn_k_norm"})
        if (name == fmt::format("blk.{}.{}.weight", l, part)) return true;
  for (int l = 0; l < config.n_layers(); ++l)
    if (const LatentSpec& latent = config.layers[static_cast<std::size_t>(l)].attention.latent;
        latent.any() && !latent.split)
      for (const char* part : {"attn_k_b", "attn_v_b"})
        if (name == fmt::format("blk.{}.{}.weight", l, part)) return true;
  return false;
}

void refuse_others(const ModelFile& file, const ModelConfig& config, const std::set<std::string>& used) {
  for (const TensorInfo& info : file.tensors()) {
    const bool frequencies = info.name == "rope_freqs.weight" || info.name.starts_with("rope_factors_") ||
                             info.name.ends_with("rotary_emb.inv_freq");
    if (!frequencies && !is_ahead(config, info.name) && !is_unread(config, info.name) &&
        !used.contains(info.name))
      throw Error(file.path(), fmt::format("only tensors that a {} model computes with", config.architecture),
                  fmt::format("tensor {}", info.name), "this variant is not supported");
  }
}

}  // namespace

std::vector<NeededTensor> needed_tensors(const ModelConfig& config) { return Needed(config).all(); }

void check_tensors(const ModelFile& file, const ModelConfig& config) {
  std::set<std::string> used;
  for (const NeededTensor& needed : needed_tensors(config)) {
    const TensorInfo& info = file.tensor(needed.name);
    const std::string place = fmt::format("{}: tensor {}", file.path(), needed.name);
    if (info.shape != needed.shape)
      throw Error(place, fmt::format("shape ({})", fmt::join(needed.shape, ", ")),
                  fmt::format("({})", fmt::join(info.shape, ", ")),
                  "the file's numbers and tensors disagree");
    require_format(info, place);
    used.insert(needed.name);
  }
  refuse_others(file, config, used);
}

}  // namespace rw
