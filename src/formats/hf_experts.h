// SPDX-License-Identifier: Apache-2.0
/// Experts of a config.json, as keys under `arch`; one function for each family. Errors: Error for what is
/// missing or of another type.
#pragma once
#include "formats/hf_folder.h"
#include "formats/hf_object.h"

namespace rw {

void experts_of_gemma4(const HfObject& config, const std::string& arch, Metadata& out);  // hf_gemma4.cpp
void experts_of_qwen2(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_qwen3(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_mixtral(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_granite(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_olmoe(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_glm4(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_deepseek_v2(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_deepseek_v3(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_glm4_lite(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_ernie(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_hunyuan(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_minimax(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_qwen3_next(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_lfm2(const HfObject& config, const std::string& arch, Metadata& out);
void experts_of_granite_hybrid(const HfObject& config, const std::string& arch, Metadata& out);
/// Whether Nemotron-H has layers with experts, by the kinds of its layers.
bool nemotron_has_experts(const HfObject& config);
void experts_of_nemotron_h(const HfObject& config, const std::string& arch, Metadata& out);

}  // namespace rw
