// SPDX-License-Identifier: Apache-2.0
/// What the config class of each family in transformers takes where a key of config.json is absent, and how
/// the family's numbers and tensors differ from Llama's. One row is one model_type.
#pragma once
#include <span>

#include "formats/hf_folder.h"
#include "formats/hf_object.h"

namespace rw {

/// Which layers see only the last sliding_window tokens.
enum class HfWindow {
  kNone,
  kAll,     ///< all, where the key is set
  kByType,  ///< those of layer_types, else all but one in `period`
  kQwen,    ///< only with use_sliding_window; those of layer_types, else from max_window_layers on
};

struct HfFamily {
  const char* model_type;
  const char* arch;                             ///< general.architecture, as llama.cpp's converter names it
  std::optional<std::int64_t> n_heads = {};     ///< nullopt: the key is required
  std::optional<std::int64_t> n_kv_heads = {};  ///< nullopt: as many as heads
  std::int64_t head_dim = 0;                    ///< 0: hidden_size / num_attention_heads
  std::optional<std::int64_t> n_ctx = {};       ///< nullopt: the key is required
  double rope_theta = 10000;
  double rotated = 1;  ///< partial_rotary_factor
  bool layer_norm = false;
  double eps = 1e-6;
  bool tied = false;
  const char* activation = "silu";
  HfWindow window_kind = HfWindow::kNone;
  std::optional<std::int64_t> window = {};
  std::int64_t period = 0;
  bool rope_by_layer = false;  ///< windowed layers have a base of their own and no scaling
  float norm_offset = 0;       ///< 1: norms are stored as w of 1 + w
  bool interleaved_qk = false;
  bool latent = false;        ///< multi-head latent attention (MLA)
  bool qkv_by_group = false;  ///< fused q, k, v: the rows of each key head together
  /// The keys that only this family has, under `arch`.
  void (*own)(const HfObject& config, const std::string& arch, Metadata& out) = nullptr;
  /// The keys of its experts, under `arch`: formats/hf_experts.h. nullptr: it has none.
  void (*experts)(const HfObject& config, const std::string& arch, Metadata& out) = nullptr;
};

/// Every row (formats/hf_family.cpp).
std::span<const HfFamily> hf_families();
/// The text part of a multimodal config.json, else all of it. Errors: Error for another kind of text_config.
const JsonInput& hf_text_config(const JsonInput& config, const std::string& place);
/// nullptr for a family that is not translated.
const HfFamily* find_hf_family(const JsonInput& config, const std::string& place);
/// The model_types of folders that become this general.architecture, with those of multimodal models whose
/// text part does.
std::vector<std::string> hf_model_types(std::string_view arch);

/// Windows, and which layers rotate, as keys under `arch`. Errors: Error.
void translate_layers(const HfObject& config, const HfFamily& family, const std::string& arch,
                      std::int64_t n_layers, Metadata& out);
/// Base, rotated dims and scaling, as keys under `arch`. REQUIRES: attention.key_length there, a number or
/// one for each layer. Errors: Error.
void translate_rope(const HfObject& config, const HfFamily& family, const std::string& arch, Metadata& out);

}  // namespace rw
