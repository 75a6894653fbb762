// SPDX-License-Identifier: Apache-2.0
#include "judge/bound_methods.h"

#include "model/sequence.h"

namespace rw {

const Method& BoundMethods::at(const std::string& spec, Index length) {
  const auto known = bound_.find({spec, length});
  if (known != bound_.end()) return known->second;
  const ModelConfig& config = model_.config();
  const Method method =
      Method::bind(MethodSpec::parse(spec), config.rope_context(config.acting_layer(), length));
  return bound_.emplace(std::pair{spec, length}, method).first->second;
}

const std::string& BoundMethods::fingerprint(const std::string& spec, Index length, Unit) {
  const auto [known, added] = fingerprints_.emplace(std::pair{spec, length}, "");
  if (added) known->second = at(spec, length).fingerprint(length);
  return known->second;
}

std::size_t BoundMethods::bytes(const std::string& spec, Index length, Index read) {
  const auto [known, added] = bytes_.emplace(std::tuple{spec, length, read}, 0);
  if (added)
    known->second = session_bytes(model_.config(), model_.backend().kv_type(), at(spec, length), read,
                                  kDefaultChunk, 1, model_.backend().key_share());
  return known->second;
}

}  // namespace rw
