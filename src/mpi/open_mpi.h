// SPDX-License-Identifier: Apache-2.0
/// Of a build with Open MPI (ROPEWALK_MPI): what launch.cpp asks of it.
#pragma once
#include <memory>

#include "core/ranks.h"

namespace rw {

/// MPI's world, once in a process. Errors: Error.
std::shared_ptr<Ranks> make_open_mpi_ranks();
/// See leave_ranks.
void finish_open_mpi();
void abort_open_mpi(int code);

}  // namespace rw
