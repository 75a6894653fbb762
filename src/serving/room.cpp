// SPDX-License-Identifier: Apache-2.0
#include "serving/room.h"

#include "core/bisect.h"
#include "model/memory.h"
#include "model/method_choice.h"
#include "model/sequence.h"

namespace ropewalk::serving {

Index most_that_fit(const Model& model, const MethodSpec& spec, Index most) {
  const std::size_t free = available_memory();
  const ModelConfig& config = model.config();
  if (free == 0) return most;
  return greatest_that(most, [&](Index n) {
    const Index bound = bound_length(n, 0, config.n_ctx_train);
    try {
      const Method its = Method::bind(spec, config.rope_context(config.acting_layer(), bound));
      return session_bytes(config, model.backend().kv_type(), its, bound) <= free;
    } catch (const UsageError&) {  // it does not reach so far
      return false;
    }
  });
}

}  // namespace ropewalk::serving
