// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "cli/command.h"

namespace rw {

struct InspectAttention {
  std::string model, text, method = "none";
  std::string length;  ///< empty: what the model was trained on, 4k at most
  Index n_first = 4;
  int n_threads = 0;
  bool special = false, json = false;
  BackendOptions backend;
};

/// ropewalk inspect --attention: the share of each layer's attention that falls on the first tokens, over the
/// second half of a text's first `length` tokens. Returns 0.
int inspect_attention(const InspectAttention& options);

}  // namespace rw
