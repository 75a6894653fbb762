// SPDX-License-Identifier: Apache-2.0
#include "core/profile.h"

#include <algorithm>
#include <chrono>

namespace ropewalk {
namespace {

bool measuring = false;
std::vector<OperationTime> operations;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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
  if (measuring) start_ = now();
}

Timed::~Timed() {
  if (!measuring || start_ == 0) return;
  auto line = std::find_if(operations.begin(), operations.end(),
                           [&](const OperationTime& o) { return o.name == name_; });
  if (line == operations.end()) line = operations.insert(line, {name_, 0, 0, 0, 0});
  line->seconds += now() - start_;
  line->flop += flop_;
  line->bytes += bytes_;
  line->calls += 1;
}

}  // namespace ropewalk
