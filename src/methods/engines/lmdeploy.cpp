// SPDX-License-Identifier: Apache-2.0
/// LMDeploy has two engines of its own: TurboMind, taken where it has the model, and one on PyTorch
/// (--backend pytorch). Both put --hf-overrides into the configuration key by key, so that keys of the file
/// that are not named stay; PyTorch's reads rope_scaling too, for another method's sake, and fails where it
/// is null. Neither has a table of positions, nor asks for max_position_embeddings beside --session-len.
#include <cmath>

#include "core/text.h"
#include "methods/export.h"

namespace rw::engines::lmdeploy {
namespace {

/// longrope's factor of attention is always worked out, from these two.
double worked_out(Index n_max, Index original) {
  const double n = static_cast<double>(original), scale = static_cast<double>(n_max) / n;
  return scale <= 1 ? 1 : std::sqrt(1 + std::log(scale) / std::log(n));
}

/// The two lengths with which it works out the factor that is wanted. false: there are none.
bool fit_lengths(const RopeContext& c, Json& rope, Index& n_max) {
  const double gain = rope["attention_factor"];
  const auto is_gain = [&](double value) { return std::abs(value - gain) <= 1e-6 * gain; };
  if (is_gain(1) && rope["short_factor"] == rope["long_factor"])
    rope["original_max_position_embeddings"] = n_max;  // which list does not matter, a ratio of 1 does
  for (const Index length : {n_max, c.n_ctx_train}) {
    if (!is_gain(worked_out(length, rope["original_max_position_embeddings"]))) continue;
    n_max = length;
    return true;
  }
  return false;
}

PeerSetting setting(const Told& told, const RopeContext& c, const std::string&) {
  Json rope = told.rope;
  Index n_max = longest(c);
  std::string only_pytorch;  // why
  if (rope["rope_type"] == "yarn") {
    const bool truncate = !rope.contains("truncate");
    if (!truncate) only_pytorch = "TurboMind always rounds the ends of the ramp";
    rope["truncate"] = truncate;  // said always, since one of the file's own would stay
    // TurboMind's factor is this over the original length, PyTorch's is `factor`.
    if (told.n_table == std::floor(told.n_table) && told.n_table < 0x1p31)
      n_max = static_cast<Index>(told.n_table);
    else
      only_pytorch = "TurboMind's factor is a ratio of whole lengths";
  } else if (rope["rope_type"] == "longrope") {
    if (!fit_lengths(c, rope, n_max))
      return {
          "", "",
          fmt::format("it works longrope's factor of attention out from two lengths, and has no key for {}",
                      rope["attention_factor"].get<double>())};
    only_pytorch = "TurboMind knows no longrope";
  }
  const Json override{{"max_position_embeddings", n_max}, {"rope_parameters", rope}, {"rope_scaling", rope}};
  std::vector<std::string> words;
  if (!only_pytorch.empty()) words = {"--backend", "pytorch"};
  words.insert(words.end(), {"--session-len", fmt::format("{}", c.n), "--hf-overrides", dump_json(override)});
  std::string note = "not run here; LMDeploy 0.14 or newer";
  for (const std::string& more : {only_pytorch, told.note})
    if (!more.empty()) note += "; " + more;
  return setting_of_words(words, note);
}

const Register<PeerEngine> registered{
    {"lmdeploy", "LMDeploy", {"lmdeploy", "serve", "api_server"}, /*reads_gguf=*/false, setting}};

}  // namespace
}  // namespace rw::engines::lmdeploy
