// SPDX-License-Identifier: Apache-2.0
/// Multi-head latent attention in a config.json. Reference: deepseek_v2, deepseek_v3, glm4_moe_lite and
/// minicpm3 of transformers 5.24.
#include "formats/hf_own.h"

namespace rw {

void own_latent(const HfObject& config, const std::string& arch, Metadata& out) {
  const auto width = [&](const char* key) {
    const std::int64_t value = config.required(key);
    if (value < 1 || value > 1024) config.fail(key, "from 1 to 1024");
    return value;
  };
  if (!config.boolean("rope_interleave").value_or(true))
    throw Error(config.place, "a model that this engine computes",
                "rope_interleave false beside latents, which it does not compute");
  if (config.boolean("attention_bias").value_or(false))
    config.fail("attention_bias", "false, in this family");
  if (config.find("index_topk"))
    throw Error(config.place, "a model that this engine computes",
                "sparse attention by an indexer, which it does not compute");
  const std::int64_t rotated = width("qk_rope_head_dim");
  out[arch + ".attention.key_length_mla"] = width("qk_nope_head_dim") + rotated;
  if (arch != "minicpm3" || config.find("v_head_dim"))  // else d_model / n_heads: so its published files
    out[arch + ".attention.value_length_mla"] = width("v_head_dim");
  out[arch + ".rope.dimension_count"] = rotated;
  out[arch + ".attention.kv_lora_rank"] = config.required("kv_lora_rank");
  if (const auto rank = config.integer("q_lora_rank")) out[arch + ".attention.q_lora_rank"] = *rank;
}

void own_minicpm3(const HfObject& config, const std::string& arch, Metadata& out) {
  own_latent(config, arch, out);
  own_minicpm(config, arch, out);
}

}  // namespace rw
