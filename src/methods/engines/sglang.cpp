// SPDX-License-Identifier: Apache-2.0
/// SGLang refuses a length past max_position_embeddings (issues 2108, 2943), so the override carries it.
#include "core/text.h"
#include "methods/export.h"

namespace rw::engines::sglang {
namespace {

PeerSetting setting(const Told& told, const RopeContext& c, const std::string&) {
  if (told.n_table > 0 && static_cast<double>(c.n) > told.n_table)
    return {
        "", "",
        fmt::format("its table ends at factor x trained = {} tokens; take a larger factor", told.n_table)};
  Json rope = with_mscales(told.rope);
  rope.erase("attention_factor");  // it reads the ratio
  if (told.gain_ratio != 1) rope["attn_factor"] = told.gain_ratio;
  const Json override{
      {"max_position_embeddings", longest(c)}, {"rope_theta", rope["rope_theta"]}, {"rope_scaling", rope}};
  return setting_of_words(
      {"--context-length", fmt::format("{}", c.n), "--json-model-override-args", dump_json(override)},
      "not run here" + (told.note.empty() ? "" : "; " + told.note));
}

const Register<PeerEngine> registered{{"sglang",
                                       "SGLang",
                                       {"python3", "-m", "sglang.launch_server", "--model-path"},
                                       /*reads_gguf=*/false,
                                       setting}};

}  // namespace
}  // namespace rw::engines::sglang
