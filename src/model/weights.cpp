// SPDX-License-Identifier: Apache-2.0
#include "model/weights.h"

#include <set>

#include "core/checked.h"

namespace ropewalk {
namespace {

/// Interleaved pairs (2m, 2m+1) to half-split (m, m + rotary_dim/2): the stored row that is our row `r`.
Index source_row(Index r, const ModelConfig& config) {
  if (!config.interleaved_qk) return r;
  const Index head = r / config.head_dim, dim = r % config.head_dim, half = config.rotary_dim / 2;
  if (dim >= config.rotary_dim) return r;
  return head * config.head_dim + (dim < half ? 2 * dim : 2 * (dim - half) + 1);
}

class Loader {
 public:
  Loader(const ModelFile& file, const ModelConfig& config, const Backend& backend)
      : file_(file), config_(config), backend_(backend) {}

  const TensorInfo& take(const std::string& name, const std::vector<Index>& shape) {
    const TensorInfo& info = file_.tensor(name);
    if (info.shape != shape)
      throw Error(
          fmt::format("{}: tensor {}", file_.path(), name), fmt::format("shape ({})", fmt::join(shape, ", ")),
          fmt::format("({})", fmt::join(info.shape, ", ")), "the file's numbers and tensors disagree");
    used_.insert(name);
    return info;
  }
  std::unique_ptr<Matrix> matrix(const std::string& name, Index n_out, Index n_in, bool rotary = false) {
    const TensorInfo& info = take(name, {n_out, n_in});
    const Index row_bytes = n_in / info.format->block_size * info.format->block_bytes;
    WeightRows rows{.n_out = n_out, .n_in = n_in, .format = info.format, .rows = {}};
    for (Index r = 0; r < n_out; ++r)
      rows.rows.push_back(info.bytes.data() + (rotary ? source_row(r, config_) : r) * row_bytes);
    auto made = backend_.make_matrix(std::move(rows));
    bytes_ += made->bytes + made->file_bytes;
    return made;
  }
  std::vector<float> vector(const std::string& name, Index n, bool rotary = false) {
    std::vector<float> stored = ModelFile::dequantize(take(name, {n}));
    std::vector<float> result(stored.size());
    for (Index r = 0; r < n; ++r)
      result[static_cast<std::size_t>(r)] =
          stored[static_cast<std::size_t>(rotary ? source_row(r, config_) : r)];
    return result;
  }
  /// Errors: Error naming the first tensor that nothing used.
  void refuse_unused() const {
    for (const TensorInfo& info : file_.tensors()) {
      const bool frequencies = info.name == "rope_freqs.weight" || info.name.starts_with("rope_factors_") ||
                               info.name.ends_with("rotary_emb.inv_freq");
      if (!frequencies && !used_.contains(info.name))
        throw Error(file_.path(),
                    fmt::format("only tensors that a {} model computes with", config_.architecture),
                    fmt::format("tensor {}", info.name), "this variant is not supported");
    }
  }
  std::size_t bytes() const { return bytes_; }

 private:
  const ModelFile& file_;
  const ModelConfig& config_;
  const Backend& backend_;
  std::set<std::string> used_;
  std::size_t bytes_ = 0;
};

LayerWeights load_layer(Loader& load, const ModelConfig& c, int layer) {
  const std::string blk = fmt::format("blk.{}.", layer);
  const Index q_rows = Index{c.n_heads} * c.head_dim, kv_rows = Index{c.n_kv_heads} * c.head_dim;
  LayerWeights w;
  w.attn_norm = load.vector(blk + "attn_norm.weight", c.d_model);
  w.wq = load.matrix(blk + "attn_q.weight", q_rows, c.d_model, true);
  w.wk = load.matrix(blk + "attn_k.weight", kv_rows, c.d_model, true);
  w.wv = load.matrix(blk + "attn_v.weight", kv_rows, c.d_model);
  if (c.qkv_bias) {
    w.bq = load.vector(blk + "attn_q.bias", q_rows, true);
    w.bk = load.vector(blk + "attn_k.bias", kv_rows, true);
    w.bv = load.vector(blk + "attn_v.bias", kv_rows);
  }
  if (c.qk_norm) {
    w.q_norm = load.vector(blk + "attn_q_norm.weight", c.head_dim, true);
    w.k_norm = load.vector(blk + "attn_k_norm.weight", c.head_dim, true);
  }
  w.wo = load.matrix(blk + "attn_output.weight", c.d_model, q_rows);
  w.ffn_norm = load.vector(blk + "ffn_norm.weight", c.d_model);
  w.w_gate = load.matrix(blk + "ffn_gate.weight", c.d_ff, c.d_model);
  w.w_up = load.matrix(blk + "ffn_up.weight", c.d_ff, c.d_model);
  w.w_down = load.matrix(blk + "ffn_down.weight", c.d_model, c.d_ff);
  return w;
}

}  // namespace

std::unique_ptr<Weights> load_weights(const ModelFile& file, const ModelConfig& config,
                                      const Backend& backend, std::size_t& bytes) {
  Loader load(file, config, backend);
  auto weights = std::make_unique<Weights>();
  weights->embedding = &load.take("token_embd.weight", {config.n_vocab, config.d_model});
  for (int layer = 0; layer < config.n_layers; ++layer)
    weights->layers.push_back(load_layer(load, config, layer));
  weights->output_norm = load.vector("output_norm.weight", config.d_model);
  weights->output = load.matrix(config.tied_embeddings ? "token_embd.weight" : "output.weight",
                                config.n_vocab, config.d_model);
  load.refuse_unused();
  bytes = load.bytes();
  return weights;
}

void embed(const Weights& weights, Token token, float* out) {
  const TensorInfo& info = *weights.embedding;
  RW_CHECK(token >= 0 && token < info.shape[0]);
  const Index row_bytes = info.shape[1] / info.format->block_size * info.format->block_bytes;
  info.format->dequantize(info.bytes.data() + token * row_bytes, out, info.shape[1]);
}

}  // namespace ropewalk
