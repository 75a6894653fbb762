// SPDX-License-Identifier: Apache-2.0
#include "model/weights.h"

#include "model/tensors.h"

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

  std::unique_ptr<Matrix> matrix(const std::string& name, bool rotary = false) {
    const TensorInfo& info = file_.tensor(name);
    const Index n_out = info.shape[0], n_in = info.shape[1];
    WeightRows rows{.n_out = n_out, .n_in = n_in, .format = info.format, .rows = {}};
    for (Index r = 0; r < n_out; ++r) rows.rows.push_back(info.row(rotary ? source_row(r, config_) : r));
    auto made = backend_.make_matrix(std::move(rows));
    bytes_ += made->bytes + made->file_bytes;
    return made;
  }
  std::vector<float> vector(const std::string& name, bool rotary = false) const {
    std::vector<float> stored = ModelFile::dequantize(file_.tensor(name));
    std::vector<float> result(stored.size());
    for (Index r = 0; r < static_cast<Index>(result.size()); ++r)
      result[static_cast<std::size_t>(r)] =
          stored[static_cast<std::size_t>(rotary ? source_row(r, config_) : r)];
    return result;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  const ModelFile& file_;
  const ModelConfig& config_;
  const Backend& backend_;
  std::size_t bytes_ = 0;
};

LayerWeights load_layer(Loader& load, const ModelConfig& c, int layer) {
  const std::string blk = fmt::format("blk.{}.", layer);
  LayerWeights w;
  w.attn_norm = load.vector(blk + "attn_norm.weight");
  w.wq = load.matrix(blk + "attn_q.weight", true);
  w.wk = load.matrix(blk + "attn_k.weight", true);
  w.wv = load.matrix(blk + "attn_v.weight");
  if (c.qkv_bias) {
    w.bq = load.vector(blk + "attn_q.bias", true);
    w.bk = load.vector(blk + "attn_k.bias", true);
    w.bv = load.vector(blk + "attn_v.bias");
  }
  if (c.qk_norm) {
    w.q_norm = load.vector(blk + "attn_q_norm.weight", true);
    w.k_norm = load.vector(blk + "attn_k_norm.weight", true);
  }
  w.wo = load.matrix(blk + "attn_output.weight");
  if (c.output_bias) w.bo = load.vector(blk + "attn_output.bias");
  w.ffn_norm = load.vector(blk + "ffn_norm.weight");
  w.w_gate = load.matrix(blk + "ffn_gate.weight");
  w.w_up = load.matrix(blk + "ffn_up.weight");
  w.w_down = load.matrix(blk + "ffn_down.weight");
  return w;
}

}  // namespace

std::unique_ptr<Weights> load_weights(const ModelFile& file, const ModelConfig& config,
                                      const Backend& backend, std::size_t& bytes) {
  check_tensors(file, config);
  Loader load(file, config, backend);
  auto weights = std::make_unique<Weights>();
  weights->embedding = &file.tensor("token_embd.weight");
  for (int layer = 0; layer < config.n_layers; ++layer)
    weights->layers.push_back(load_layer(load, config, layer));
  weights->output_norm = load.vector("output_norm.weight");
  weights->output = load.matrix(config.tied_embeddings ? "token_embd.weight" : "output.weight");
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
