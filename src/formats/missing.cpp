// SPDX-License-Identifier: Apache-2.0
/// What is missing, from llama.cpp's src/models and transformers' configuration classes.
#include "formats/missing.h"

#include <algorithm>

#include "core/error.h"
#include "core/option.h"

namespace rw {
namespace {

constexpr const char* kLearned = "learned positions, and no RoPE";
constexpr const char* kAlibi = "ALiBi, and no RoPE";
constexpr const char* kEncoder = "an encoder with positions of its own (learned or relative), and no RoPE";

const std::vector<Missing>& missing_families() {
  static const std::vector<Missing> families = {
      {"Gemma 3n",
       {"gemma3n"},
       {"gemma3n", "gemma3n_text"},
       "per-layer embeddings, AltUp and layers that share keys"},
      {"gpt-oss as a folder (its GGUFs run)",
       {},
       {"gpt_oss"},
       "MXFP4 in blocks of its own, or by columns, with gate and up in turn"},
      {"Granite-SWA",
       {"granite_swa"},
       {"granitemoe_swa"},
       "a reader of its windows, positions and sinks by layer"},
      {"Phi-3.5-MoE, DBRX, Grok, Llama 4",
       {"phimoe", "dbrx", "grok", "llama4"},
       {"phimoe", "dbrx", "llama4", "llama4_text"},
       "its kind of experts"},
      {"dots.llm1, Ling, MiMo-V2, Step-3.5",
       {"dots1", "bailingmoe", "bailingmoe2", "mimo2", "step35"},
       {"dots1"},
       "its kind of experts or of attention"},
      {"Mistral 4",
       {"mistral4"},
       {"mistral4"},
       "a reader of its multi-head latent attention (MLA) with temperatures by position"},
      {"DeepSeek V3.2 and V4, GLM-5",
       {"deepseek32", "deepseek4", "glm-dsa"},
       {"deepseek_v32", "deepseek_v4"},
       "sparse attention by an indexer"},
      {"Falcon-H1, Bamba, Zamba2",
       {"falcon-h1"},
       {"falcon_h1", "bamba", "zamba2"},
       "Mamba-2 beside attention in one layer, or layers that share their weights"},
      {"Jamba, Kimi-Linear, RWKV, Mamba",
       {"jamba", "kimi-linear", "rwkv6", "rwkv7", "mamba", "mamba2"},
       {"jamba", "kimi_linear", "rwkv", "mamba", "mamba2"},
       "recurrent layers, and no RoPE or little of it"},
      {"Llama Nemotron Super and Ultra (NAS)",
       {},
       {"nemotron-nas"},
       "layers without attention, or with a matrix in its place"},
      {"ChatGLM3, GLM-4-9B-chat as folders with their own code (their GGUFs and folders of type glm run)",
       {},
       {"chatglm"},
       "a config.json in words of its own"},
      {"Apertus", {"apertus"}, {"apertus"}, "the activation xIELU"},
      {"MPT, BLOOM", {"mpt", "bloom"}, {"mpt", "bloom"}, kAlibi},
      {"GPT-2, OPT, GPT-Neo, StarCoder 1",
       {"gpt2", "starcoder"},
       {"gpt2", "opt", "gpt_neo", "gpt_bigcode"},
       kLearned},
      {"T5",
       {"t5", "t5encoder"},
       {"t5"},
       "an encoder and decoder with relative position biases, and no RoPE"},
      {"BERT, RoBERTa, DistilBERT, ALBERT, ELECTRA, DeBERTa, MPNet",
       {"bert"},
       {"bert", "roberta", "xlm-roberta", "camembert", "distilbert", "albert", "electra", "deberta",
        "deberta-v2", "mpnet"},
       kEncoder},
      {"ModernBERT",
       {"modern-bert"},
       {"modernbert"},
       "an encoder with norms before its parts (and none before the first attention), gated parts, and in "
       "two "
       "of three layers windows on both sides of a row with a base of their own"},
      {"nomic-bert", {"nomic-bert"}, {"nomic_bert"}, "an encoder with gated parts"},
      {"EuroBERT, NeoBERT",
       {"eurobert", "neo-bert"},
       {"eurobert", "neobert"},
       "an encoder with norms before its parts, and gated parts"},
      {"EmbeddingGemma",
       {"gemma-embedding"},
       {},
       "an encoder with windows on both sides of a row, and a vector of the text in place of logits"},
  };
  return families;
}

}  // namespace

std::span<const Missing> all_missing() { return missing_families(); }

const Missing* find_missing(std::string_view name) {
  for (const Missing& family : missing_families())
    for (const auto* names : {&family.names, &family.model_types})
      if (std::find(names->begin(), names->end(), name) != names->end()) return &family;
  return nullptr;
}

void refuse_missing(std::string_view place, std::string_view name, const Missing& missing) {
  throw Error(place, "a model that this engine computes",
              fmt::format("'{}' ({}): {}, which it does not compute", name, missing.models, missing.what),
              option("docs/models.md", "`ropewalk models`") + " lists what runs, and what others lack");
}

}  // namespace rw
