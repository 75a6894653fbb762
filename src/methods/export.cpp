// SPDX-License-Identifier: Apache-2.0
#include "methods/export.h"

#include "core/text.h"

namespace rw {

PeerSetting setting_of_words(std::vector<std::string> words, std::string note) {
  return {"", shell_line(words), std::move(note), std::move(words)};
}

Json with_mscales(Json rope) {
  if (rope["rope_type"] == "longrope") rope["short_mscale"] = rope["long_mscale"] = rope["attention_factor"];
  return rope;
}

PeerSetting peer_setting(const PeerEngine& engine, const MethodSpec& bound, const RopeContext& context,
                         const std::string& architecture) {
  std::string why = why_no_engine(bound, context, architecture);
  if (!why.empty()) return {engine.title, "", why};
  const Told told = tell(bound, context);
  if (!engine.reads_gguf) why = why_no_config(told, context, architecture);
  if (!why.empty()) return {engine.title, "", why};
  PeerSetting setting = engine.setting(told, context, architecture);
  setting.engine = engine.title;
  return setting;
}

std::vector<PeerSetting> peer_settings(const MethodSpec& bound, const RopeContext& context,
                                       const std::string& architecture) {
  std::vector<PeerSetting> settings;
  for (const PeerEngine& engine : Registry<PeerEngine>::all())
    settings.push_back(peer_setting(engine, bound, context, architecture));
  return settings;
}

std::string settings_text(const std::vector<PeerSetting>& settings) {
  std::string text;
  for (const PeerSetting& s : settings)
    text += fmt::format("  {}: {}{}\n{}", s.engine, s.setting.empty() ? "cannot; " : "", s.note,
                        s.setting.empty() ? "" : "    " + s.setting + "\n");
  return text;
}

Json settings_json(const std::vector<PeerSetting>& settings) {
  Json json = Json::object();
  for (const PeerSetting& s : settings)
    json[s.engine] = {{"setting", s.setting.empty() ? Json(nullptr) : Json(s.setting)}, {"note", s.note}};
  return json;
}

}  // namespace rw
