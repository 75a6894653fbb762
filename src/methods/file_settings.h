// SPDX-License-Identifier: Apache-2.0
/// A method said in a model file, so that other engines read the file with it: what `export` prints as flags
/// and lines, as keys.
#pragma once
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/json.h"
#include "methods/method.h"

namespace rw {

struct FileSettings {
  /// Of a GGUF: names behind "ARCH.". They replace rope.scaling.* and the tensors of frequency factors.
  std::vector<std::pair<std::string, std::variant<std::string, double, Index>>> gguf;
  std::vector<float> rope_freqs;  ///< (rotary_dim / 2) the tensor rope_freqs.weight, or empty
  std::string no_gguf;            ///< why a GGUF cannot say it; empty: it can
  /// Of config.json: rope_parameters, the same as rope_scaling for transformers 4, rope_theta and
  /// max_position_embeddings.
  Json config;
  std::string no_config;  ///< why config.json cannot say it; empty: it can
};

/// For context.n tokens, as peer_settings (methods/export.h): `bound` is a method's full text. A GGUF says
/// linear and YaRN by keys, another base by rope.freq_base, and other frequencies by the divisors in
/// rope_freqs.weight, which carry no gain. Thread-safe; errors: those of Method::bind.
FileSettings file_settings(const MethodSpec& bound, const RopeContext& context,
                           const std::string& architecture);

}  // namespace rw
