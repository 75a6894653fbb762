// SPDX-License-Identifier: Apache-2.0
/// The settings with which other engines run the same method, where they can express it.
#pragma once
#include <string>
#include <vector>

#include "methods/method.h"

namespace ropewalk {

struct PeerSetting {
  std::string engine;   ///< "llama.cpp", "vLLM", "SGLang", "transformers"
  std::string setting;  ///< flags or a config line; empty: it cannot express the method
  std::string note;     ///< what differs, or why it cannot
};

/// `bound`: a method's full text (Method::text()). `n`: length asked for. llama.cpp takes rope flags, the
/// others the keys of a Hugging Face config (rope_scaling in older versions, rope_parameters in newer ones).
/// Source: reference/peers.md sections 5 and 6. What is a pure change of frequencies can be said there;
/// distance maps (ReRoPE, Self-Extend, DCA ...), masks and log-n cannot.
std::vector<PeerSetting> peer_settings(const MethodSpec& bound, const RopeContext& context);

}  // namespace ropewalk
