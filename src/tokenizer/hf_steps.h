// SPDX-License-Identifier: Apache-2.0
/// What tokenizer.json does to a text before BPE: its normalizer and its pre-tokenizer.
#pragma once
#include "tokenizer/hf_json.h"
#include "tokenizer/piece_tokenizer.h"
#include "tokenizer/pretokenize.h"

namespace rw {

struct HfSteps {
  Pretokenizer pretokenizer;
  SpaceMarks marks;
  bool marks_spaces = false;  ///< spaces become U+2581
  bool nfc = false;
  bool byte_level = false, add_prefix_space = false;  ///< ByteLevel, and its option
};

/// Errors: Error for a component or an option that is not implemented, by its name.
HfSteps read_hf_steps(const HfJson& json, const HfJson::Document& root);

}  // namespace rw
