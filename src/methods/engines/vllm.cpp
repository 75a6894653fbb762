// SPDX-License-Identifier: Apache-2.0
/// vLLM refuses a length past max_position_embeddings (PRs 44286, 56446), so the override carries it.
#include "core/text.h"
#include "methods/export.h"

namespace rw::engines::vllm {
namespace {

PeerSetting setting(const Told& told, const RopeContext& c, const std::string&) {
  Json rope = told.rope;
  if (told.gain_ratio != 1)
    rope["attn_factor"] = told.gain_ratio;  // read before PR 56446, attention_factor since
  rope = with_mscales(rope);
  Json override{
      {"max_position_embeddings", longest(c)}, {"rope_theta", rope["rope_theta"]}, {"rope_parameters", rope}};
  // With transformers 4 the rope_theta and the rope_scaling of the file would win.
  if (!c.own_scaling.empty() || !c.rope_freqs.empty()) override["rope_scaling"] = rope;
  std::string note = "not run here; vLLM 0.11.1 or newer";
  if (told.n_table > 0 && static_cast<double>(c.n) > told.n_table)
    note = "not run here; vLLM with its PR 56446";
  if (!told.note.empty()) note += "; " + told.note;
  return setting_of_words({"--max-model-len", fmt::format("{}", c.n), "--hf-overrides", dump_json(override)},
                          note);
}

const Register<PeerEngine> registered{{"vllm", "vLLM", {"vllm", "serve"}, /*reads_gguf=*/false, setting}};

}  // namespace
}  // namespace rw::engines::vllm
