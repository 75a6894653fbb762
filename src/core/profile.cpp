// SPDX-License-Identifier: Apache-2.0
#include "core/profile.h"

#include <algorithm>

#include "core/progress.h"

namespace ropewalk {
namespace {

bool measuring = false;
std::vector<OperationTime> operations;

}  // namespace

void profile_start() {
  operations.clear();
  measuring = true;
}

std::vector<OperationTime> profile_stop() {
  measuring = false;
  return std::move(operations);
}

bool profiling() { return measuring; }

Timed::Timed(const char* name, double flop, double bytes) : name_(name), flop_(flop), bytes_(bytes) {
  if (measuring) start_ = now_seconds();
}

Timed::~Timed() {
  if (!measuring || start_ == 0) return;
  auto line = std::find_if(operations.begin(), operations.end(),
                           [&](const OperationTime& o) { return o.name == name_; });
  if (line == operations.end()) line = operations.insert(line, {name_, 0, 0, 0, 0});
  line->seconds += now_seconds() - start_;
  line->flop += flop_;
  line->bytes += bytes_;
  line->calls += 1;
}

}  // namespace ropewalk
