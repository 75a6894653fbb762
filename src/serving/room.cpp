// SPDX-License-Identifier: Apache-2.0
#include "serving/room.h"

#include "core/bisect.h"
#include "model/memory.h"
#include "model/method_choice.h"

namespace rw::serving {

std::size_t room_for(const Model& model, const MethodSpec& spec, Index n, Index chunk) {
  const ModelConfig& config = model.config();
  return session_bytes(config, model.backend().kv_type(), bind_at(spec, config, n), n, chunk);
}

Index most_that_fit(const Model& model, const MethodSpec& spec, Index most) {
  const std::size_t free = available_memory();
  if (free == 0) return most;
  return greatest_that(most, [&](Index n) {
    try {
      return room_for(model, spec, bound_length(n, 0, model.config().n_ctx_train)) <= free;
    } catch (const UsageError&) {  // it does not reach so far
      return false;
    }
  });
}

}  // namespace rw::serving
