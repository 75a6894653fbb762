// SPDX-License-Identifier: Apache-2.0
#include "serving/room.h"

#include "core/bisect.h"
#include "model/memory.h"
#include "model/sequence.h"

namespace ropewalk::serving {

Index most_that_fit(const Model& model, const MethodSpec& spec, Index most) {
  const std::size_t free = available_memory();
  const ModelConfig& config = model.config();
  if (free == 0) return most;
  return greatest_that(most, [&](Index n) {
    const Method its = Method::bind(spec, config.rope_context(config.acting_layer(), n));
    return session_bytes(config, model.backend().kv_type(), its, n) <= free;
  });
}

}  // namespace ropewalk::serving
