// SPDX-License-Identifier: Apache-2.0
#include "core/profile.h"

#include <algorithm>
#include <utility>

#include "core/progress.h"

namespace rw {

void Profile::start() {
  operations_.clear();
  on_ = true;
}

std::vector<OperationTime> Profile::stop() {
  on_ = false;
  return std::exchange(operations_, {});
}

Timed::Timed(Profile& profile, const char* name, double flop, double bytes)
    : profile_(profile), name_(name), flop_(flop), bytes_(bytes) {
  if (profile.on()) start_ = now_seconds();
}

Timed::~Timed() {
  if (!profile_.on() || start_ == 0) return;
  std::vector<OperationTime>& operations = profile_.operations_;
  auto line = std::find_if(operations.begin(), operations.end(),
                           [&](const OperationTime& o) { return o.name == name_; });
  if (line == operations.end()) line = operations.insert(line, {name_, 0, 0, 0, 0});
  line->seconds += now_seconds() - start_;
  line->flop += flop_;
  line->bytes += bytes_;
  line->calls += 1;
}

}  // namespace rw
