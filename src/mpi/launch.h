// SPDX-License-Identifier: Apache-2.0
/// Ranks by Open MPI: `mpirun -n N ropewalk ...`. Nothing below knows of MPI, and a build without it has one
/// rank.
#pragma once
#include <memory>

#include "core/ranks.h"

namespace rw {

/// As which rank of how many mpirun or srun started this process, told by its environment alone.
struct Launch {
  int rank = 0, size = 1;
  int n_here = 1;         ///< on this machine
  bool recovers = false;  ///< mpirun --enable-recovery: a process that is killed does not end the others
  bool several() const { return size > 1; }
};
Launch launched_as();

/// Joins the others, once in a process; alone where nobody started several. Waits are at most
/// rank_seconds() long. Errors: Error where this program was built without MPI, it does not start, or
/// another MPI started the processes, which do not know each other then.
std::shared_ptr<Ranks> join_ranks();
/// The longest wait for another rank: ROPEWALK_RANK_SECONDS, or 600. Errors: UsageError for what is no such.
double rank_seconds();
/// Before a process that joined ends well: all ranks meet here. Where one was given up, they do not meet: the
/// first one ends all, with code 0, when the others have had a moment to end by themselves.
void leave_ranks();
/// Ends all ranks with this code, at once, where this process joined; else returns.
void abort_ranks(int code);

}  // namespace rw
