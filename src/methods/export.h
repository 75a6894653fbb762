// SPDX-License-Identifier: Apache-2.0
/// The settings with which other engines run the same method, where they can express it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/registry.h"
#include "methods/method.h"
#include "methods/told.h"

namespace rw {

struct PeerSetting {
  std::string engine;   ///< PeerEngine::title: "llama.cpp", "vLLM" ...
  std::string setting;  ///< flags, quoted for a shell, or keys of config.json; empty: it cannot express it
  std::string note;     ///< what differs, or why it cannot
  std::vector<std::string> words = {};  ///< the flags as a program is given them
  std::string program = {};             ///< for PeerEngine::command's first, where that one cannot
};

/// One file per engine, in methods/engines/.
struct PeerEngine {
  std::string name;   ///< what `export --to` calls it: "vllm"
  std::string title;  ///< what people call it: "vLLM"
  /// What stands before the model and the flags: {"vllm", "serve"}. Empty: it has no command line, and its
  /// setting is keys of config.json.
  std::vector<std::string> command = {};
  /// The container that it reads; else folders of Hugging Face, of which it reads rope_parameters.
  bool reads_gguf = false;
  /// Of what can be told. The engine's name is filled in by who asks.
  std::function<PeerSetting(const Told&, const RopeContext&, const std::string& architecture)> setting;
};

/// The setting of one engine.
PeerSetting peer_setting(const PeerEngine& engine, const MethodSpec& bound, const RopeContext& context,
                         const std::string& architecture);

/// For each engine the setting for `context.n` tokens. `bound`: a method's full text (Method::text()).
/// `architecture`: general.architecture, which llama.cpp's metadata keys begin with.
///
/// One change of frequencies can be said: by the rope_type that readers know, and else as the two equal lists
/// of a longrope (plain theta / theta', gain), which needs no name. A model's own scaling is spelled out too.
/// Distance maps (ReRoPE, Self-Extend, DCA ...), masks, logit scales, compositions and grow=1 cannot, nor can
/// single parameters that a reader does not read; the note names them. Nor can they for an encoder, or where
/// layers differ in their own frequencies or a method acts on some of them only (RopeContext).
///
/// Reals are written with a point and with all their digits: vLLM takes "factor": 4 for no number. Rules and
/// sources: docs/export.md; tools/check_export runs the lines. Thread-safe; errors: those of Method::bind.
std::vector<PeerSetting> peer_settings(const MethodSpec& bound, const RopeContext& context,
                                       const std::string& architecture);

/// Flags as a setting, for the files of engines.
PeerSetting setting_of_words(std::vector<std::string> words, std::string note);
/// longrope's two factors of attention under the names that vLLM and SGLang read.
Json with_mscales(Json rope);

/// One engine after another: its name and note, then its setting in a line of its own.
std::string settings_text(const std::vector<PeerSetting>& settings);
/// {"llama.cpp": {"setting": string or null, "note": string}, ...}
Json settings_json(const std::vector<PeerSetting>& settings);

}  // namespace rw
