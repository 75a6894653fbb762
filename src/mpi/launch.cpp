// SPDX-License-Identifier: Apache-2.0
#include "mpi/launch.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#ifdef ROPEWALK_MPI
#include "mpi/open_mpi.h"
#endif

namespace rw {
namespace {

/// The number that a variable of the environment holds; -1 where it is none.
int number_in(const char* name) {
  const char* text = std::getenv(name);
  int number = -1;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), number);
  return number;
}

}  // namespace

double rank_seconds() {
  const char* text = std::getenv("ROPEWALK_RANK_SECONDS");
  if (text == nullptr) return 600;
  const char* end = text + std::strlen(text);
  double seconds = 0;
  const auto [stop, error] = std::from_chars(text, end, seconds);
  if (error != std::errc() || stop != end || !(seconds > 0 && seconds <= 1e9))
    throw UsageError("ROPEWALK_RANK_SECONDS", "seconds, a number above 0", fmt::format("'{}'", text),
                     "unset it for 600");
  return seconds;
}

/// Of mpirun (Open MPI, then any that speaks PMI), or of srun with --mpi.
Launch launched_as() {
  constexpr const char* kNames[][3] = {
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"},
      {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"},
      {"PMIX_RANK", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS_PER_NODE"}};
  for (const auto& [rank, size, here] : kNames)
    if (const Launch launch{number_in(rank), number_in(size), std::max(1, number_in(here)),
                            number_in("OMPI_MCA_orte_enable_recovery") == 1};
        launch.size > 1 && launch.rank >= 0 && launch.rank < launch.size)
      return launch;
  return {};
}

namespace {

[[maybe_unused]] bool joined = false;  // without Open MPI nobody asks

}  // namespace

std::shared_ptr<Ranks> join_ranks() {
  static std::shared_ptr<Ranks> ranks;
  if (ranks != nullptr) return ranks;
  if (!launched_as().several()) return ranks = std::make_shared<OneRank>();
#ifdef ROPEWALK_MPI
  ranks = make_open_mpi_ranks();
  joined = true;
  // Under another MPI's launcher each process is a world of its own: all would be the first, and write.
  if (ranks->size() != launched_as().size)
    throw Error("mpirun", fmt::format("{} ranks that know each other", launched_as().size),
                fmt::format("{}", ranks->size()),
                "the mpirun of the Open MPI that ropewalk was built with starts them");
  return ranks;
#else
  throw Error("mpirun", "a ropewalk that was built with Open MPI", "one built without",
              "apt-get install libopenmpi-dev openmpi-bin, then build again");
#endif
}

void leave_ranks() {
#ifdef ROPEWALK_MPI
  if (joined) finish_open_mpi();
#endif
}

void abort_ranks([[maybe_unused]] int code) {
#ifdef ROPEWALK_MPI
  if (joined) abort_open_mpi(code);
#endif
}

}  // namespace rw
