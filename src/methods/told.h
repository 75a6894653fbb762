// SPDX-License-Identifier: Apache-2.0
/// A change of frequencies in the words that other engines' readers have for one.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "methods/method.h"

namespace rw {

struct Told {
  Json rope = {};  ///< rope_parameters of a Hugging Face config; rope_theta and rope_type always
  std::vector<std::string> flags = {};  ///< llama.cpp's
  std::string no_flags = {};            ///< why llama.cpp has none; empty: it has
  std::string note = {};                ///< for every engine but transformers
  double gain_ratio = 1;                ///< YaRN's gain over its usual 0.1 ln(factor) + 1
  double n_table = 0;  ///< positions of a table made from the numbers alone, tokens; 0: as many as asked for
  /// Where the base follows the length that was read: what it grows by and from, tokens. `rope` has the base
  /// of this length.
  struct Growth {
    double factor = 1;
    Index trained = 0;
  };
  std::optional<Growth> growth = {};
};

/// Why no engine can be told the method; empty: tell() has the words. `bound`: a method's full text.
/// `architecture`: general.architecture. Errors: those of Method::bind.
std::string why_no_engine(const MethodSpec& bound, const RopeContext& context,
                          const std::string& architecture);

/// REQUIRES: why_no_engine is empty. A model's own scaling is spelled out for "none".
Told tell(const MethodSpec& bound, const RopeContext& context);

/// Why those that read rope_parameters would compute another model with them; empty: they would not.
std::string why_no_config(const Told& told, const RopeContext& context, const std::string& architecture);

/// What the metadata say a model can read, tokens: a short request does not make the model a shorter one.
Index longest(const RopeContext& context);

}  // namespace rw
