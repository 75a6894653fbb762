// SPDX-License-Identifier: Apache-2.0
/// What is missing, from llama.cpp's src/models and transformers' configuration classes.
#include "formats/missing.h"

#include <algorithm>

#include "core/error.h"

namespace ropewalk {
namespace {

constexpr const char* kLatent = "multi-head latent attention (MLA)";
constexpr const char* kDeltaNet = "gated delta nets (a recurrence) in three of four layers";
constexpr const char* kDeltaNetExperts = "gated delta nets (a recurrence) and a mixture of experts";
constexpr const char* kConvolution = "short convolutions in most layers";
constexpr const char* kMamba = "Mamba-2 layers (a recurrence)";
constexpr const char* kLearned = "learned positions, and no RoPE";
constexpr const char* kAlibi = "ALiBi, and no RoPE";
constexpr const char* kEncoder = "an encoder with positions of its own (learned or relative), and no RoPE";

const std::vector<Missing>& missing_families() {
  static const std::vector<Missing> families = {
      {"Qwen3.5, 3.6 and 3.8, dense", {"qwen35"}, {"qwen3_5", "qwen3_5_text"}, kDeltaNet},
      {"Qwen3.5 and 3.6 MoE, Qwen3-Next",
       {"qwen35moe", "qwen3next"},
       {"qwen3_5_moe", "qwen3_5_moe_text", "qwen3_next"},
       kDeltaNetExperts},
      {"Gemma 4",
       {"gemma4"},
       {"gemma4", "gemma4_text"},
       "heads of 512, layers that share keys, and per-layer embeddings"},
      {"Gemma 3n",
       {"gemma3n"},
       {"gemma3n", "gemma3n_text"},
       "per-layer embeddings, AltUp and layers that share keys"},
      {"gpt-oss",
       {"gpt-oss"},
       {"gpt_oss"},
       "attention sinks (a logit without a value) and its clamped activation"},
      {"Granite-SWA", {"granite_swa"}, {"granitemoe_swa"}, "attention sinks (a logit without a value)"},
      {"Phi-3.5-MoE, DBRX, Grok, Llama 4",
       {"phimoe", "dbrx", "grok", "llama4"},
       {"phimoe", "dbrx", "llama4", "llama4_text"},
       "its kind of experts"},
      {"dots.llm1, Ling, MiMo-V2, Step-3.5",
       {"dots1", "bailingmoe", "bailingmoe2", "mimo2", "step35"},
       {"dots1"},
       "its kind of experts or of attention"},
      {"DeepSeek V2 and V3, R1, Kimi K2, GLM-4.7-Flash, MiniCPM3, Mistral 4",
       {"deepseek2", "minicpm3", "mistral4"},
       {"deepseek_v2", "deepseek_v3", "kimi_k2", "glm4_moe_lite", "minicpm3"},
       kLatent},
      {"DeepSeek V3.2 and V4, GLM-5",
       {"deepseek32", "deepseek4", "glm-dsa"},
       {"deepseek_v32", "deepseek_v4"},
       "sparse attention by an indexer"},
      {"LFM2 and LFM2.5", {"lfm2", "lfm2moe"}, {"lfm2", "lfm2_moe"}, kConvolution},
      {"Granite 4.0-h, Nemotron-H and Nemotron 3, Falcon-H1, Bamba, Zamba2",
       {"granitehybrid", "nemotron_h", "nemotron_h_moe", "falcon-h1"},
       {"granitemoehybrid", "nemotron_h", "falcon_h1", "bamba", "zamba2"},
       kMamba},
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
              "`ropewalk models` lists what runs, and what others lack");
}

}  // namespace ropewalk
