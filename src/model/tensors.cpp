// SPDX-License-Identifier: Apache-2.0
#include "model/tensors.h"

#include <fmt/ranges.h>

#include <set>

namespace ropewalk {
namespace {

class TensorCheck {
 public:
  TensorCheck(const ModelFile& file, const ModelConfig& config) : file_(file), config_(config) {}

  void need(const std::string& name, const std::vector<Index>& shape) {
    const TensorInfo& info = file_.tensor(name);
    const std::string place = fmt::format("{}: tensor {}", file_.path(), name);
    if (info.shape != shape)
      throw Error(place, fmt::format("shape ({})", fmt::join(shape, ", ")),
                  fmt::format("({})", fmt::join(info.shape, ", ")),
                  "the file's numbers and tensors disagree");
    require_format(info, place);
    used_.insert(name);
  }
  void need_layer(int layer) {
    const ModelConfig& c = config_;
    const AttentionSpec& a = c.layers[static_cast<std::size_t>(layer)].attention;
    const Index d_ff = c.layers[static_cast<std::size_t>(layer)].ffn.d_ff;
    const std::string blk = fmt::format("blk.{}.", layer);
    const Index q_rows = a.q_width(), kv_rows = a.kv_width();
    need(blk + "attn_norm.weight", {c.d_model});
    need(blk + "attn_q.weight", {q_rows, c.d_model});
    need(blk + "attn_k.weight", {kv_rows, c.d_model});
    need(blk + "attn_v.weight", {kv_rows, c.d_model});
    if (a.qkv_bias) {
      need(blk + "attn_q.bias", {q_rows});
      need(blk + "attn_k.bias", {kv_rows});
      need(blk + "attn_v.bias", {kv_rows});
    }
    if (a.qk_norm == QkNorm::kPerHead) {
      need(blk + "attn_q_norm.weight", {a.head_dim});
      need(blk + "attn_k_norm.weight", {a.head_dim});
    }
    need(blk + "attn_output.weight", {c.d_model, q_rows});
    if (a.output_bias) need(blk + "attn_output.bias", {c.d_model});
    need(blk + "ffn_norm.weight", {c.d_model});
    need(blk + "ffn_gate.weight", {d_ff, c.d_model});
    need(blk + "ffn_up.weight", {d_ff, c.d_model});
    need(blk + "ffn_down.weight", {c.d_model, d_ff});
  }
  void refuse_others() const {
    for (const TensorInfo& info : file_.tensors()) {
      const bool frequencies = info.name == "rope_freqs.weight" || info.name.starts_with("rope_factors_") ||
                               info.name.ends_with("rotary_emb.inv_freq");
      if (!frequencies && !used_.contains(info.name))
        throw Error(file_.path(),
                    fmt::format("only tensors that a {} model computes with", config_.architecture),
                    fmt::format("tensor {}", info.name), "this variant is not supported");
    }
  }

 private:
  const ModelFile& file_;
  const ModelConfig& config_;
  std::set<std::string> used_;
};

}  // namespace

void check_tensors(const ModelFile& file, const ModelConfig& config) {
  TensorCheck check(file, config);
  check.need("token_embd.weight", {config.n_vocab, config.d_model});
  for (int layer = 0; layer < config.n_layers(); ++layer) check.need_layer(layer);
  check.need("output_norm.weight", {config.d_model});
  if (!config.tied_embeddings) check.need("output.weight", {config.n_vocab, config.d_model});
  check.refuse_others();
}

}  // namespace ropewalk
