// SPDX-License-Identifier: Apache-2.0
/// The keys of a config.json that only one family has, as keys under `arch`; one function for each. Errors:
/// Error for what is missing, of another type or not computed.
#pragma once
#include "formats/hf_folder.h"
#include "formats/hf_object.h"

namespace rw {

void own_gemma(const HfObject& config, const std::string& arch, Metadata& out);
void own_gemma2(const HfObject& config, const std::string& arch, Metadata& out);
void own_gemma3(const HfObject& config, const std::string& arch, Metadata& out);
/// formats/hf_gemma4.cpp
void own_gemma4(const HfObject& config, const std::string& arch, Metadata& out);
void own_phi(const HfObject& config, const std::string& arch, Metadata& out);
void own_phi3(const HfObject& config, const std::string& arch, Metadata& out);
void own_ministral3(const HfObject& config, const std::string& arch, Metadata& out);
void own_granite(const HfObject& config, const std::string& arch, Metadata& out);
void own_minicpm(const HfObject& config, const std::string& arch, Metadata& out);
void own_smollm3(const HfObject& config, const std::string& arch, Metadata& out);
void own_cohere(const HfObject& config, const std::string& arch, Metadata& out);
void own_olmoe(const HfObject& config, const std::string& arch, Metadata& out);
void own_neox(const HfObject& config, const std::string& arch, Metadata& out);
void own_stablelm(const HfObject& config, const std::string& arch, Metadata& out);
void own_falcon(const HfObject& config, const std::string& arch, Metadata& out);
void own_baichuan(const HfObject& config, const std::string& arch, Metadata& out);
void own_deci(const HfObject& config, const std::string& arch, Metadata& out);
/// formats/hf_latent.cpp
void own_latent(const HfObject& config, const std::string& arch, Metadata& out);
void own_minicpm3(const HfObject& config, const std::string& arch, Metadata& out);
/// formats/hf_recurrent.cpp
void own_qwen3_next(const HfObject& config, const std::string& arch, Metadata& out);
void own_lfm2(const HfObject& config, const std::string& arch, Metadata& out);
void own_granite_hybrid(const HfObject& config, const std::string& arch, Metadata& out);
void own_nemotron_h(const HfObject& config, const std::string& arch, Metadata& out);
void own_roformer(const HfObject& config, const std::string& arch, Metadata& out);

}  // namespace rw
