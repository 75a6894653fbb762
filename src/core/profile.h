// SPDX-License-Identifier: Apache-2.0
/// Where the time of a run goes: wall time, arithmetic and memory traffic per operation.
#pragma once
#include <string>
#include <vector>

namespace rw {

/// One operation's sums since Profile::start().
struct OperationTime {
  std::string name;  ///< "attention", "linear" ...
  double seconds = 0;
  double flop = 0;   ///< useful floating-point operations (a multiply-add is two)
  double bytes = 0;  ///< of memory that must be read or written at least once: weights, cache
  long long calls = 0;
};

/// One owner's measurements (Context). Off until start(); then each Timed on the thread that drives the run
/// adds to its operation's line. While it is on, one thread drives.
class Profile {
 public:
  /// Forgets what was measured, and measures from now on.
  void start();
  /// Stops measuring. The operations in the order in which they first ran.
  std::vector<OperationTime> stop();
  /// Whether anything is measured now: for callers whose numbers take time to count.
  bool on() const { return on_; }

 private:
  friend class Timed;
  bool on_ = false;
  std::vector<OperationTime> operations_;
};

/// Measures its own lifetime. Not for use inside parallel_for. `name` is a literal. Costs one branch when
/// off.
class Timed {
 public:
  Timed(Profile& profile, const char* name, double flop, double bytes);
  ~Timed();
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  Profile& profile_;
  const char* name_;
  double flop_, bytes_, start_ = 0;
};

}  // namespace rw
