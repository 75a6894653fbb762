// SPDX-License-Identifier: Apache-2.0
/// Another program's work: started without a shell, its output read to the end.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rw {

/// What a program may take; one that takes more is ended.
struct ProgramLimits {
  std::uint64_t seconds = 600;                   ///< of processor time, of each process
  std::uint64_t bytes = std::uint64_t{4} << 30;  ///< of memory that it writes to, of each process
};

struct ProgramOutput {
  bool found = false;      ///< whether there is such a program
  int code = -1;           ///< its exit code; 128 + the signal that ended it
  bool too_slow = false;   ///< it took all of ProgramLimits::seconds, and was ended
  bool too_long = false;   ///< it wrote more than `most_bytes`, and was ended
  std::string out, error;  ///< standard output; the first 4 KB of standard error
};

/// Whether PATH has a program of this name.
bool program_exists(const std::string& name);

/// Runs words[0], looked for in PATH, with the others as its arguments, and nothing to read. Ctrl-C reaches
/// it too. Errors: Error where the system starts no process. May be called by several threads.
ProgramOutput run_program(const std::vector<std::string>& words, std::size_t most_bytes,
                          const ProgramLimits& limits = {});

}  // namespace rw
