// SPDX-License-Identifier: Apache-2.0
/// A task measures one method at one length on one document. One file each in judge/tasks/, registered.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "judge/record.h"
#include "model/model.h"

namespace ropewalk {

struct Document {
  std::string name;
  std::vector<Token> tokens;  ///< tokenised once, without BOS
  std::vector<Token> bos;     ///< what stands first at every length: the BOS token, or nothing
};

struct TaskInput {
  const Model& model;
  const MethodSpec& spec;
  const Document& document;
  Index length = 0, tail = 0;
  TokensDone done;
};

struct Task {
  std::string name, summary;
  /// Whether it measures at every length, or once at the greatest.
  bool every_length = true;
  std::function<std::vector<Record>(const TaskInput&)> run;
};

/// [BOS] + the document's tokens before `end`, `length` in all. REQUIRES: they are there.
std::vector<Token> context_before(const Document& document, Index end, Index length);

}  // namespace ropewalk
