// SPDX-License-Identifier: Apache-2.0
/// What a plan wants to know of a method at a length, worked out once: a fingerprint walks every row, and a
/// plan asks for it for each document, task and question.
#pragma once
#include <map>

#include "judge/asked_engine.h"

namespace rw {

/// Of one model, whatever the document. Not thread-safe.
class BoundMethods : public MethodFacts {
 public:
  /// LIFETIME: the model outlives it.
  explicit BoundMethods(const Model& model) : model_(model) {}

  /// `spec` as typed. Errors: UsageError for a method that does not exist or fit the model.
  const Method& at(const std::string& spec, Index length);
  const std::string& resolved(const std::string& spec, Index length, Unit) override {
    return at(spec, length).text();
  }
  /// Method::fingerprint at that length, which takes time and memory is to be asked for before.
  const std::string& fingerprint(const std::string& spec, Index length, Unit) override;
  /// Peak bytes beside the weights of a session that reads `read` tokens.
  std::size_t bytes(const std::string& spec, Index length, Index read) override;

 private:
  const Model& model_;
  std::map<std::pair<std::string, Index>, Method> bound_;
  std::map<std::pair<std::string, Index>, std::string> fingerprints_;
  std::map<std::tuple<std::string, Index, Index>, std::size_t> bytes_;
};

}  // namespace rw
