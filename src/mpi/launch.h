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
  bool several() const { return size > 1; }
};
Launch launched_as();

/// Joins the others, once in a process; alone where nobody started several. Waits are at most
/// ROPEWALK_RANK_SECONDS (600) long. Errors: Error where this program was built without MPI, or it does not
/// start.
std::shared_ptr<Ranks> join_ranks();
/// Before a process that joined ends well: all ranks meet here.
void leave_ranks();
/// Ends all ranks with this code, at once, where this process joined; else returns.
void abort_ranks(int code);

}  // namespace rw
