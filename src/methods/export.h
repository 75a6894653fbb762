// SPDX-License-Identifier: Apache-2.0
/// The settings with which other engines run the same method, where they can express it.
#pragma once
#include <string>
#include <vector>

#include "core/json.h"
#include "methods/method.h"

namespace ropewalk {

struct PeerSetting {
  std::string engine;   ///< "llama.cpp", "vLLM", "SGLang", "transformers"
  std::string setting;  ///< flags or keys of config.json; empty: it cannot express the method
  std::string note;     ///< what differs, or why it cannot
};

/// For each engine the setting for `context.n` tokens. `bound`: a method's full text (Method::text()).
/// `architecture`: general.architecture, which llama.cpp's metadata keys begin with.
///
/// One change of frequencies can be said: by the rope_type that readers know, and else as the two equal lists
/// of a longrope (plain theta / theta', gain), which needs no name. A model's own scaling is spelled out too.
/// Distance maps (ReRoPE, Self-Extend, DCA ...), masks, logit scales, compositions and grow=1 cannot, nor can
/// single parameters that a reader does not read; the note names them. Nor can they for an encoder, or where
/// layers differ in their own frequencies or a method acts on some of them only (RopeContext).
///
/// llama.cpp takes flags. Its server never gives more than the file's context_length, and since its PR 17945
/// it ignores --yarn-attn-factor: both are metadata here (--override-kv). vLLM and SGLang refuse a length
/// past max_position_embeddings (SGLang issues 2108, 2943; vLLM PRs 44286, 56446), so the override carries
/// it; each reads its own key for YaRN's gain. Reals are written with a point and with all their digits: vLLM
/// takes "factor": 4 for no number. Rules and sources: docs/export.md; tools/check_export runs the lines.
/// Thread-safe; errors: those of Method::bind.
std::vector<PeerSetting> peer_settings(const MethodSpec& bound, const RopeContext& context,
                                       const std::string& architecture);

/// One engine after another: its name and note, then its setting in a line of its own.
std::string settings_text(const std::vector<PeerSetting>& settings);
/// {"llama.cpp": {"setting": string or null, "note": string}, ...}
Json settings_json(const std::vector<PeerSetting>& settings);

}  // namespace ropewalk
