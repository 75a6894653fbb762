// SPDX-License-Identifier: Apache-2.0
/// What a load or a run needs is computed, and compared with what there is, before the work starts.
#pragma once
#include <cstddef>
#include <string_view>

namespace rw {

/// Bytes the system can give now: the host's (MemAvailable), what the limit of this process's container
/// leaves (core/machine_limits.h), or its own (ulimit -v), the smallest one; 0 where none says.
std::size_t available_memory();
/// The same for pages of files, which a process's own limit counts when they are mapped, whether they are in
/// memory or not.
std::size_t available_for_files();
/// The smaller of both: of_host 0 and of_group kUnlimited say nothing. At least 1 where one of them says.
std::size_t memory_left(std::size_t of_host, double of_group);
/// The most memory that this process had in use since reset_peak_memory(), or since it began where the system
/// cannot forget (Linux: /proc/self/clear_refs); mapped files count as far as they were read.
std::size_t peak_memory();
void reset_peak_memory();
/// Errors: Error naming both numbers when `bytes` is more than available_memory().
void require_memory(std::string_view what, std::size_t bytes, std::string_view hint);

}  // namespace rw
