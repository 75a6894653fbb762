// SPDX-License-Identifier: Apache-2.0
/// A Hugging Face folder (config.json, safetensors, possibly sharded) as a ModelFile with GGUF's names.
#pragma once
#include <memory>

#include "core/json.h"
#include "formats/model_file.h"

namespace rw {

using Metadata = std::map<std::string, MetaValue, std::less<>>;

/// A config.json that this engine computes no model of is no error here: ModelFile::unsupported() says why.
/// Errors: Error for files that are missing, damaged or not of one model.
std::unique_ptr<ModelFile> open_hf_folder(const std::string& folder);
/// The same from the texts of config.json and tokenizer_config.json (empty: none) and the bytes of one
/// safetensors file, which must outlive the result. `name` stands for the folder in messages.
std::unique_ptr<ModelFile> parse_hf_model(std::string_view config, std::string_view tokenizer_config,
                                          std::span<const std::byte> safetensors, const std::string& name);
/// config.json as GGUF metadata. Errors: Error for what is missing, of another type or not supported.
Metadata translate_config(const JsonInput& config, const std::string& place);
/// "model.layers.3.self_attn.q_proj.weight" -> "blk.3.attn_q.weight", whatever stands before it in multimodal
/// folders; the same name when it is none of ours. `arch`: the general.architecture of the model.
std::string translate_tensor_name(std::string_view name, std::string_view arch);
/// The other way round, as Llama's folders name it and those that took its names: "blk.3.attn_q.weight" ->
/// "model.layers.3.self_attn.q_proj.weight". Empty for a name that Llama has not.
std::string llama_tensor_name(std::string_view name);
/// Whether a tensor of this name belongs to the eyes of a multimodal model, or to another part that computes
/// nothing of the text.
bool is_of_another_part(std::string_view name);

/// A link that leads out of the folder would let a downloaded folder read any file of the user's; those of
/// the Hugging Face cache are its own. Errors: Error where `path`, in `folder`, leads elsewhere.
void check_stays_inside(const std::string& folder, const std::string& path);

}  // namespace rw
