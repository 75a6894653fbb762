// SPDX-License-Identifier: Apache-2.0
#include "model/weights.h"

#include <cmath>

#include "model/latent.h"
#include "model/loader.h"
#include "model/pairing.h"
#include "model/per_layer_embedding.h"
#include "model/recurrent.h"
#include "model/tensors.h"

namespace rw {
namespace {

class UploadedTensors final : public WeightSource {
 public:
  UploadedTensors(const ModelFile& file, const ModelConfig& config, const Backend& backend)
      : tensors_(file, config), backend_(backend) {}
  WeightRows rows(const std::string& name) override { return tensors_.rows(name); }
  Vector vector(const std::string& name) override { return backend_.upload(tensors_.numbers(name)); }
  Vector product(const std::string& a, const std::string& b) override {
    return backend_.upload(tensors_.product(a, b));
  }

 private:
  FileTensors tensors_;
  const Backend& backend_;
};

/// attn_q holds the queries, then their gate, where there is one.
void load_queries(Loader& load, const AttentionSpec& a, const std::string& blk, LayerWeights& w) {
  const WeightRows rows = load.rows(blk + "attn_q.weight");
  w.wq = load.made_of(rows.part(0, a.q_width()));
  if (a.output_gate) w.w_output_gate = load.made_of(rows.part(a.q_width(), a.q_width()));
}

void load_attention(Loader& load, const LayerSpec& spec, const std::string& blk, LayerWeights& w) {
  const AttentionSpec& a = spec.attention;
  w.wo = load.matrix(blk + "attn_output.weight");
  if (a.latent.any()) return load_latent(load, a, blk, w);
  load_queries(load, a, blk, w);
  if (spec.keeps()) w.wk = load.matrix(blk + "attn_k.weight");
  if (spec.keeps() && !a.value_is_key) w.wv = load.matrix(blk + "attn_v.weight");
  if (a.qkv_bias) {
    w.bq = load.vector(blk + "attn_q.bias");
    w.bk = load.vector(blk + "attn_k.bias");
    w.bv = load.vector(blk + "attn_v.bias");
  }
  if (a.sinks) w.sinks = load.vector(blk + "attn_sinks.weight");
  if (a.output_bias) w.bo = load.vector(blk + "attn_output.bias");
  if (a.qk_norm == QkNorm::kNone) return;
  if (a.qk_norm == QkNorm::kPerHeadBehind) {
    w.behind = load.product(blk + "attn_q_norm.weight", blk + "attn_k_norm.weight");
    return;
  }
  w.q_norm.weight = load.vector(blk + "attn_q_norm.weight");
  if (spec.keeps()) w.k_norm.weight = load.vector(blk + "attn_k_norm.weight");
}

void load_ffn(Loader& load, const FfnSpec& spec, const std::string& blk, const std::string& kind,
              LayerWeights& w) {
  if (spec.gated) w.w_gate = load.matrix(blk + "ffn_gate" + kind + ".weight");
  w.w_up = load.matrix(blk + "ffn_up" + kind + ".weight");
  w.w_down = load.matrix(blk + "ffn_down" + kind + ".weight");
  if (!spec.bias) return;
  if (spec.gated) w.b_gate = load.vector(blk + "ffn_gate" + kind + ".bias");
  w.b_up = load.vector(blk + "ffn_up" + kind + ".bias");
  w.b_down = load.vector(blk + "ffn_down" + kind + ".bias");
}

void load_experts(Loader& load, const FfnSpec& spec, const std::string& blk, ExpertWeights& w) {
  const ExpertsSpec& e = spec.experts;
  w.router = load.router(blk + "ffn_gate_inp.weight");
  if (e.router_bias) w.router_bias = load.vector(blk + "ffn_gate_inp.bias");
  if (e.choice_bias) w.choice_bias = load.vector(blk + "exp_probs_b.bias");
  if (e.shared_gate) w.shared_gate = load.router(blk + "ffn_gate_inp_shexp.weight");
  if (e.bias && spec.gated) w.gate_bias = load.vector(blk + "ffn_gate_exps.bias");
  if (e.bias) w.up_bias = load.vector(blk + "ffn_up_exps.bias");
  if (e.bias) w.down_bias = load.vector(blk + "ffn_down_exps.bias");
  w.each.resize(static_cast<std::size_t>(e.n_experts), {.activation = spec.activation});
  const auto stack = [&](const char* name, const Matrix* FeedForward::*matrix, const Vector& bias,
                         const float* FeedForward::*bias_of) {
    Index i = 0;
    for (auto& one : load.matrices(blk + name, e.n_experts)) {
      FeedForward& expert = w.each[static_cast<std::size_t>(i)];
      expert.*matrix = one.get();
      if (bias != nullptr) expert.*bias_of = bias.get() + i * one->n_out;
      w.matrices.push_back(std::move(one));
      ++i;
    }
  };
  if (spec.gated) stack("ffn_gate_exps.weight", &FeedForward::gate, w.gate_bias, &FeedForward::gate_bias);
  stack("ffn_up_exps.weight", &FeedForward::up, w.up_bias, &FeedForward::up_bias);
  stack("ffn_down_exps.weight", &FeedForward::down, w.down_bias, &FeedForward::down_bias);
}

/// The router reads rows times its scale / sqrt(d_model), and what an expert gives has a scale of its own.
void load_apart(Loader& load, const LayerSpec& spec, Index d_model, const std::string& blk, LayerWeights& w) {
  std::vector<float> scale = load.numbers(blk + "ffn_gate_inp.scale", d_model);
  for (float& number : scale) number /= std::sqrt(static_cast<float>(d_model));
  w.apart.router_norm.weight = load.made_of(scale);
  w.apart.dense_post_norm.weight = load.vector(blk + "post_ffw_norm_1.weight");
  w.apart.experts_norm.weight = load.vector(blk + "pre_ffw_norm_2.weight");
  w.apart.experts_post_norm.weight = load.vector(blk + "post_ffw_norm_2.weight");
  if (!spec.ffn.experts.scaled) return;
  const std::vector<float> each = load.numbers(blk + "ffn_down_exps.scale", spec.ffn.experts.n_experts);
  for (std::size_t e = 0; e < each.size(); ++e) w.experts.each[e].scale = each[e];
}

LayerWeights load_layer(Loader& load, const ModelConfig& c, int layer) {
  const std::string blk = fmt::format("blk.{}.", layer);
  const LayerSpec& spec = c.layers[static_cast<std::size_t>(layer)];
  const auto norm = [&](const std::string& name) {
    return NormWeights{spec.norm_weight ? load.vector(blk + name + ".weight") : nullptr,
                       spec.norm_bias ? load.vector(blk + name + ".bias") : nullptr};
  };
  LayerWeights w;
  if (spec.attends()) load_attention(load, spec, blk, w);
  if (spec.recurs()) load_recurrence(load, spec, blk, w);
  const bool mixed = spec.ffn.experts.n_experts > 0;
  if (mixed) load_experts(load, spec.ffn, blk, w.experts);
  if (spec.ffn.d_ff > 0) load_ffn(load, spec.ffn, blk, mixed && !spec.ffn.apart ? "_shexp" : "", w);
  if (spec.ffn.apart) load_apart(load, spec, c.d_model, blk, w);
  if (spec.output_scale) w.output_scale = load.numbers(blk + "layer_output_scale.weight", 1)[0];
  if (c.per_layer_width > 0) load_per_layer_embedding(load, blk, w.per_layer);
  const bool named = spec.pre_norm || spec.norm_after_add;
  if (named && spec.mixes()) w.attn_norm = norm(c.attn_norm);
  if (named && !spec.one_norm && spec.feeds_forward())
    w.ffn_norm = norm(spec.mixes() ? c.ffn_norm : c.attn_norm);
  if (spec.post_norm) w.attn_post_norm = norm("post_attention_norm"), w.ffn_post_norm = norm("post_ffw_norm");
  return w;
}

void load_embedding(Loader& load, const ModelConfig& c, Weights& w) {
  const EmbeddingSpec& e = c.embedding;
  const LayerSpec& spec = c.layers[0];
  w.embedding = load.rows("token_embd.weight");
  if (e.n_token_types > 0) w.token_types = load.vector("token_types.weight");
  if (e.norm && spec.norm_weight) w.embedding_norm.weight = load.vector("token_embd_norm.weight");
  if (e.norm && spec.norm_bias) w.embedding_norm.bias = load.vector("token_embd_norm.bias");
  if (e.projected) w.projection = load.matrix("token_embd_project.weight");
  if (e.projection_bias) w.projection_bias = load.vector("token_embd_project.bias");
}

void load_output(Loader& load, const ModelConfig& c, Weights& w) {
  const std::string norm = c.output_transform ? "output_transform_norm" : "output_norm";
  if (c.output_transform) {
    w.transform = load.matrix("output_transform.weight");
    w.transform_bias = load.vector("output_transform.bias");
  }
  if (c.has_output_norm) w.output_norm.weight = load.vector(norm + ".weight");
  if (c.output_norm_bias) w.output_norm.bias = load.vector(norm + ".bias");
  if (c.output_bias) w.output_bias = load.vector("output.bias");
  w.output = load.matrix(c.tied_embeddings ? "token_embd.weight" : "output.weight");
}

}  // namespace

WeightRows FileTensors::rows(const std::string& name) const {
  const TensorInfo& info = file_.tensor(name);
  const RowOrder order(config_, name);
  const bool stacked = info.shape.size() == 3;
  const Index each = stacked ? info.shape[1] : 1;  // rows of an entry of the outermost dimension
  WeightRows rows{.n_out = info.shape.size() == 1 ? 1 : info.shape[0] * each,
                  .n_in = info.shape.back(),
                  .format = info.format};
  rows.first = info.row(0), rows.stride = rows.row_bytes();
  if (info.pieces.empty() && order.as_stored()) return rows;
  rows.scattered.reserve(static_cast<std::size_t>(rows.n_out));
  for (Index r = 0; r < rows.n_out; ++r) {
    const Index at = order.stored(r);
    rows.scattered.push_back(info.row(at / each) + at % each * rows.stride);
  }
  rows.first = rows.scattered.front();
  return rows;
}

std::vector<float> FileTensors::numbers(const std::string& name) const {
  const std::vector<float> from = ModelFile::dequantize(file_.tensor(name));
  const RowOrder order(config_, name);
  std::vector<float> result(from.size());
  for (Index r = 0; r < static_cast<Index>(result.size()); ++r)
    result[static_cast<std::size_t>(r)] = from[static_cast<std::size_t>(order.stored(r))];
  return result;
}

std::vector<float> FileTensors::product(const std::string& a, const std::string& b) const {
  std::vector<float> result = numbers(a);
  const std::vector<float> other = numbers(b);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] *= other[i];
  return result;
}

std::unique_ptr<Weights> load_weights(WeightSource& source, const ModelConfig& config, const Backend& backend,
                                      std::size_t& bytes) {
  Loader load(source, backend);
  auto weights = std::make_unique<Weights>();
  load_embedding(load, config, *weights);
  if (config.per_layer_width > 0) load_per_layer_embeddings(load, *weights);
  for (int layer = 0; layer < config.n_layers(); ++layer)
    weights->layers.push_back(load_layer(load, config, layer));
  load_output(load, config, *weights);
  bytes = load.bytes();
  return weights;
}

std::unique_ptr<Weights> load_weights(const ModelFile& file, const ModelConfig& config,
                                      const Backend& backend, std::size_t& bytes) {
  check_tensors(file, config);
  UploadedTensors source(file, config, backend);
  return load_weights(source, config, backend, bytes);
}

}  // namespace rw
