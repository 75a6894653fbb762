// SPDX-License-Identifier: Apache-2.0
/// Commands that mpirun starts several of: every rank runs the whole command; the first one speaks and
/// writes.
#pragma once
#include <memory>
#include <string>

#include "cli/command.h"
#include "core/ranks.h"
#include "judge/coordinator.h"

namespace rw {

/// All that mpirun started, of a command that they share: joined, and the same programs on processors of one
/// kind. Alone: this one. Errors: Error.
std::shared_ptr<Ranks> command_ranks(const Context& context);
/// Errors: UsageError where several were started of a command that is for one.
void require_for_ranks(const Command& command);
/// One context over all of them (kernels/context_parallel.h). Errors: UsageError where there is one rank
/// only; Error where they differ in what gives other bits.
std::shared_ptr<const Backend> on_all_ranks(std::shared_ptr<const Backend> backend);
/// All. Errors: Error, on every rank, where one has not what the first one has; `what` says of what.
void require_same(Ranks& ranks, const std::string& what, const std::string& own);
/// All. The number that the first rank has.
std::uint64_t of_first(Ranks& ranks, std::uint64_t own);
/// All. On the first rank `path`; on others a file with the same contents, theirs alone, that is gone when
/// they end: what is decided by it is decided alike, and one writes. Empty stays empty.
std::string file_of_first(Ranks& ranks, const std::string& path);

/// The same of a folder to write to: others' are empty, or with_files have what the first one's has.
std::string folder_of_first(Ranks& ranks, const std::string& path, bool with_files = false);
/// The ranks of one text: all of them with --context-parallel, else this process. Errors: UsageError where
/// several were started without it.
std::shared_ptr<Ranks> ranks_of(const BackendOptions& options);
/// All. Errors: Error where a rank has another text, method or model to read.
void require_same_text(Ranks& ranks, const Model& model, std::span<const Token> tokens,
                       const MethodSpec& spec);

/// Whether mpirun started several of a command whose items ranks share (eval and tune), which they do without
/// --context-parallel.
bool shares_items(const BackendOptions& options);
/// All that share items; the first one reads more than the model, and hands out. Null: this process is alone,
/// or all do the same. LIFETIME: to the end of the work; then the others end. Errors: Error where they differ
/// in model, program or processor.
std::unique_ptr<Coordinator> share_items(const BackendOptions& options, const Model& model);
/// Whether this rank is one of the others: it measures what the first one hands out, and that is all.
bool works_for_first(const BackendOptions& options);
/// On such a rank. Returns 0. Errors: as share_items, and work_items.
int work_for_first(const Model& model);

/// Ranks behind the first print nothing. An error of one is said by it, as `rank 2: ...`, where the first has
/// not said it already, and ends all of them.
void hush_other_ranks();
void tell_error(const std::string& text);
void end_ranks(int code);

}  // namespace rw
