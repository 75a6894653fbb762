// SPDX-License-Identifier: Apache-2.0
/// Samples as NVIDIA's RULER writes them (scripts/data/prepare.py), one JSON object a line:
/// index, input, outputs (list), length and, in later versions, answer_prefix; other fields are let pass.
#pragma once
#include "judge/import/import.h"

namespace rw {

struct RulerOptions {
  Index n_predict = 128;  ///< the greatest budget of its tasks; a sample does not say its own
  bool any_reference =
      false;  ///< string_match_part: 1 where any is found (its qa tasks); else the share found
};

/// The text of `input` should be made with RULER's template "base": the model's own chat template is put
/// around it here. Errors: Error naming the line and field.
std::vector<FileQuestion> read_ruler(std::string_view text, const std::string& path,
                                     const RulerOptions& options);

}  // namespace rw
