// SPDX-License-Identifier: Apache-2.0
/// RoFormer, the first home of RoPE (Su et al. 2021): a BERT whose queries and keys, and in some models
/// values, are rotated. v1 has LayerNorms and the head of a masked language model; v2 has RMS norms without
/// weights, no biases, and no head but its embeddings. Reference: transformers' modeling_roformer.py;
/// JunnyYu/RoFormer_pytorch for v2.
#include "model/keys.h"
#include "model/read_common.h"

namespace rw::arch::roformer {
namespace {

ModelConfig read(const ModelFile& file) {
  const bool rms = file.string("roformer.norm_type").value_or("layer_norm") == "rms_norm";
  ModelConfig c = read_family(file, Family{.activation = Activation::kGelu,
                                           .gated = false,
                                           .norm = NormKind::kLayer,
                                           .norm_after_add = true,
                                           .encoder = true,
                                           .attn_norm = "attn_output_norm",
                                           .ffn_norm = "layer_output_norm"});
  const auto has = [&](const char* name) { return file.find_tensor(name) != nullptr; };
  for (LayerSpec& layer : c.layers) {
    if (rms) layer.norm = NormKind::kRms;
    layer.norm_weight = !rms || has("blk.0.attn_output_norm.weight");
    layer.attention.rotary_value = file.boolean("roformer.rotary_value").value_or(false);
    if (layer.attention.rotary_value && layer.attention.value_dim > 0)
      throw Error(file.path(), "values as wide as keys, to rotate them",
                  fmt::format("{} and {}", layer.attention.value_dim, layer.attention.head_dim));
  }
  c.embedding.n_token_types = Keys{file, c.architecture}.integer("token_type_count", 0, 1 << 16, 2);
  c.embedding.norm = true;
  c.embedding.projected = c.embedding.width != c.d_model;
  c.embedding.projection_bias = has("token_embd_project.bias");
  c.output_transform = has("output_transform.weight");
  c.has_output_norm = c.output_transform;
  c.output_norm_bias = c.output_transform;
  if (!c.output_transform && (c.embedding.projected || !rms))
    throw Error(file.path(), "the head of a masked language model (cls.predictions)", "none",
                "take a RoFormerForMaskedLM");
  return c;
}

const Register<Architecture> registered{
    {.name = "roformer",
     .models = "RoFormer v1 and v2 (encoders)",
     .tiny = {"roformer", "roformer_v2"},
     .checked =
         "the folders alone, since no GGUF holds the family; a text is read whole, and nothing is written",
     .read = read}};

}  // namespace
}  // namespace rw::arch::roformer
