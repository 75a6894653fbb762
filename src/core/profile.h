// SPDX-License-Identifier: Apache-2.0
/// Where the time of a run goes: wall time, arithmetic and memory traffic per operation. Off until
/// profile_start(); then each Timed on the thread that drives the run adds to its operation's line.
#pragma once
#include <string>
#include <vector>

namespace ropewalk {

/// One operation's sums since profile_start().
struct OperationTime {
  std::string name;  ///< "attention", "linear" ...
  double seconds = 0;
  double flop = 0;   ///< useful floating-point operations (a multiply-add is two)
  double bytes = 0;  ///< of memory that must be read or written at least once: weights, cache
  long long calls = 0;
};

/// Forgets what was measured, and measures from now on.
void profile_start();
/// Stops measuring. The operations in the order in which they first ran.
std::vector<OperationTime> profile_stop();

/// Whether anything is measured now: for callers whose numbers take time to count.
bool profiling();

/// Measures its own lifetime. Not for use inside parallel_for. `name` is a literal. Costs one branch when
/// off.
class Timed {
 public:
  Timed(const char* name, double flop, double bytes);
  ~Timed();
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  const char* name_;
  double flop_, bytes_, start_ = 0;
};

}  // namespace ropewalk
