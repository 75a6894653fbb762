// SPDX-License-Identifier: Apache-2.0
/// Keys of config.json; `export --to hf` writes them (train/export/hf.cpp).
#include "methods/export.h"

namespace rw::engines::transformers {
namespace {

PeerSetting setting(const Told& told, const RopeContext& c, const std::string&) {
  Json rope = told.rope;
  Index n_max = longest(c);
  std::string note = "in config.json, instead of rope_theta and rope_scaling; 5.0 or newer";
  if (told.growth) {  // it alone follows the length
    rope = {{"rope_type", "dynamic"}, {"rope_theta", c.rope_base}, {"factor", told.growth->factor}};
    n_max = told.growth->trained;  // what it grows from
    note += "; the length read so far sets the base, and keys in the cache keep an older one";
  }
  return {"", fmt::format("\"rope_parameters\": {}, \"max_position_embeddings\": {}", dump_json(rope), n_max),
          note};
}

const Register<PeerEngine> registered{{"transformers", "transformers", {}, /*reads_gguf=*/false, setting}};

}  // namespace
}  // namespace rw::engines::transformers
