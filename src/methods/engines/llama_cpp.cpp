// SPDX-License-Identifier: Apache-2.0
/// Flags of llama.cpp's programs. Its server never gives more than the file's context_length, and since its
/// PR 17945 it ignores --yarn-attn-factor: both are metadata here (--override-kv).
#include "methods/export.h"

namespace rw::engines::llama_cpp {
namespace {

PeerSetting setting(const Told& told, const RopeContext& c, const std::string& of) {
  if (!told.no_flags.empty()) return {"", "", told.no_flags};
  const std::string architecture = of == "mistral" ? "llama" : of;  // as its converter names it
  std::vector<std::string> words = {"-c", fmt::format("{}", c.n)};
  words.insert(words.end(), told.flags.begin(), told.flags.end());
  std::string keys;  // the gain first: builds that know no comma read what stands before it
  if (!told.flags.empty() && told.gain_ratio != 1)
    keys = fmt::format("{}.rope.scaling.attn_factor=float:{},", architecture, told.gain_ratio);
  keys += fmt::format("{}.context_length=int:{}", architecture, longest(c));
  words.insert(words.end(), {"--override-kv", keys});
  std::string note = "for llama-server, llama-cli";
  const bool stops = told.n_table > 0 && static_cast<double>(c.n) > told.n_table;
  if (stops)
    note = fmt::format("for llama-cli; llama-server stops at factor x trained = {} tokens", told.n_table);
  if (told.flags.empty())
    note += "; the file's own scaling does the rest";
  else if (!told.note.empty())
    note += "; " + told.note;
  PeerSetting made = setting_of_words(words, note);
  if (stops) made.program = "llama-cli";
  return made;
}

const Register<PeerEngine> registered{
    {"llama.cpp", "llama.cpp", {"llama-server", "-m"}, /*reads_gguf=*/true, setting}};

}  // namespace
}  // namespace rw::engines::llama_cpp
