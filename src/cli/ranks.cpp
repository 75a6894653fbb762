// SPDX-License-Identifier: Apache-2.0
#include "cli/ranks.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "core/hash.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text_file.h"
#include "judge/worker.h"
#include "kernels/context_parallel.h"
#include "model/identity.h"
#include "mpi/launch.h"

namespace rw {
namespace {

int real_stderr = -1;  // of a rank that prints nothing

/// A folder of this process alone, which goes with it.
class PrivateFolder {
 public:
  PrivateFolder() {
    path_ = (std::filesystem::temp_directory_path() / "ropewalk-rank-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr)
      throw Error(path_, "a folder for a rank's files", "none", "is the disk full?");
  }
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  ~PrivateFolder() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::string& private_folder() {
  static const PrivateFolder folder;
  return folder.path();
}

}  // namespace

void require_for_ranks(const Command& command) {
  if (!launched_as().several() || command.for_ranks) return;
  std::string names;
  for (const Command& each : Registry<Command>::all())
    if (each.for_ranks) names += (names.empty() ? "" : ", ") + each.name;
  throw UsageError("mpirun", "a command for several ranks: " + names, command.name,
                   "start it without mpirun");
}

void require_same(Ranks& ranks, const std::string& what, const std::string& own) {
  const std::string hash = sha256(own);
  std::vector<std::string> all(static_cast<std::size_t>(ranks.size()), std::string(hash.size(), ' '));
  all[static_cast<std::size_t>(ranks.rank())] = hash;
  std::vector<std::span<std::byte>> parts;
  parts.reserve(all.size());
  for (std::string& each : all) parts.push_back(std::as_writable_bytes(std::span(each)));
  ranks.gather(parts);
  for (std::size_t r = 1; r < all.size(); ++r)
    if (all[r] != all[0])
      throw Error(what, "the same on all ranks", fmt::format("other ones on rank 0 and rank {}", r),
                  "the same program, files, options and kind of processor on each machine");
}

std::uint64_t of_first(Ranks& ranks, std::uint64_t own) {
  ranks.broadcast(std::as_writable_bytes(std::span(&own, 1)));
  return own;
}

namespace {

/// All. The bytes that the first one has.
std::string bytes_of_first(Ranks& ranks, std::string bytes) {
  constexpr std::size_t kPiece = std::size_t{64} << 20;
  bytes.resize(of_first(ranks, bytes.size()));
  for (std::size_t at = 0; at < bytes.size(); at += kPiece)
    ranks.broadcast(
        std::as_writable_bytes(std::span(bytes).subspan(at, std::min(kPiece, bytes.size() - at))));
  return bytes;
}

}  // namespace

std::string file_of_first(Ranks& ranks, const std::string& path) {
  if (path.empty() || ranks.size() == 1) return path;
  const std::string bytes =
      bytes_of_first(ranks, ranks.first() && std::filesystem::exists(path) ? read_bytes(path) : "");
  if (ranks.first()) return path;
  std::string own = private_folder() + "/" + std::filesystem::path(path).filename().string();
  OutputFile file(own);
  file.write(bytes);
  file.commit();
  return own;
}

std::string folder_of_first(Ranks& ranks, const std::string& path, bool with_files) {
  namespace fs = std::filesystem;
  if (path.empty() || ranks.size() == 1) return path;
  std::string own = ranks.first() ? path : private_folder() + "/out";
  std::vector<std::string> names;
  if (with_files && ranks.first() && fs::exists(path))
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file()) names.push_back(fs::relative(entry.path(), path).string());
  for (std::uint64_t i = 0, n = of_first(ranks, names.size()); i < n; ++i) {
    const std::string name = bytes_of_first(ranks, ranks.first() ? names[i] : "");
    const std::string bytes =
        bytes_of_first(ranks, ranks.first() ? read_bytes((fs::path(path) / name).string(), SIZE_MAX) : "");
    if (ranks.first()) continue;
    const fs::path copy = fs::path(own) / name;
    fs::create_directories(copy.parent_path());
    OutputFile file(copy.string());
    file.write(bytes);
    file.commit();
  }
  return own;
}

std::shared_ptr<Ranks> command_ranks(const Context& context) {
  std::shared_ptr<Ranks> ranks = join_ranks();
  if (ranks->size() > 1)
    require_same(*ranks, "program and instruction set",
                 std::string(ROPEWALK_VERSION) + " " + isa_name(context));
  return ranks;
}

std::shared_ptr<const Backend> on_all_ranks(std::shared_ptr<const Backend> backend) {
  const std::shared_ptr<Ranks> ranks = join_ranks();
  if (ranks->size() < 2)
    throw UsageError("--context-parallel", "several ranks", "one process", "mpirun -n 4 ropewalk ...");
  require_same(*ranks, "--context-parallel: program, instruction set and types",
               std::string(ROPEWALK_VERSION) + " " + backend->name());
  say(fmt::format("one context over {} ranks", ranks->size()));
  return make_context_parallel(std::move(backend), ranks);
}

void hush_other_ranks() {
  if (launched_as().rank == 0) return;
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  real_stderr = ::dup(STDERR_FILENO);
  if (nowhere < 0 || real_stderr < 0) return;
  ::dup2(nowhere, STDOUT_FILENO), ::dup2(nowhere, STDERR_FILENO);
}

std::shared_ptr<Ranks> ranks_of(const BackendOptions& options) {
  if (options.context_parallel) return join_ranks();
  if (launched_as().several())
    throw UsageError("mpirun", "--context-parallel, for one text on all ranks", "a command without it",
                     "add it, or start the command without mpirun");
  return std::make_shared<OneRank>();
}

bool shares_items(const BackendOptions& options) {
  return launched_as().several() && !options.context_parallel;
}

namespace {

/// A sign of life each second, and more often where somebody allows only seconds without one.
RankTimes rank_times(double silence) { return {.beat = std::min(1.0, silence / 8), .silence = silence}; }

/// All.
std::shared_ptr<Ranks> ranks_with(const Model& model) {
  std::shared_ptr<Ranks> ranks = join_ranks();
  require_same(*ranks, "program, model, instruction set and types",
               std::string(ROPEWALK_VERSION) + " " + model.backend().name() + " " + model_id(model.file()));
  return ranks;
}

}  // namespace

std::unique_ptr<Coordinator> share_items(const BackendOptions& options, const Model& model) {
  constexpr double kLost = 60;  // seconds: long enough for a machine that is busy, short beside an item
  if (!shares_items(options)) return nullptr;
  std::shared_ptr<Ranks> ranks = ranks_with(model);
  const Launch launch = launched_as();
  say(fmt::format(
      "items are shared out over {} ranks, {} of them on this machine{}", launch.size, launch.n_here,
      launch.recovers ? "" : "; `mpirun --enable-recovery` would go on without one that is lost"));
  return std::make_unique<Coordinator>(std::move(ranks), rank_times(std::min(kLost, rank_seconds())), say);
}

bool works_for_first(const BackendOptions& options) {
  return shares_items(options) && launched_as().rank > 0;
}

int work_for_first(const Model& model) {
  work_items(ranks_with(model), model, model.tokenizer(), rank_times(rank_seconds()));
  return 0;
}

void require_same_text(Ranks& ranks, const Model& model, std::span<const Token> tokens,
                       const MethodSpec& spec) {
  if (ranks.size() < 2) return;
  const auto bytes = std::as_bytes(tokens);
  require_same(ranks, "model, text and method",
               model_id(model.file()) + spec.text() +
                   std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void tell_error(const std::string& text) {
  const int rank = launched_as().rank;
  if (rank == 0) return tell("ropewalk: {}\n", text);
  // What all ranks find wrong is the first one's to say: it ends the others meanwhile.
  std::this_thread::sleep_for(std::chrono::seconds(3));
  if (real_stderr >= 0) ::dup2(real_stderr, STDERR_FILENO);
  tell("ropewalk: rank {}: {}\n", rank, text);
}

void end_ranks(int code) {
  if (code == 0) return leave_ranks();
  abort_ranks(code);
}

}  // namespace rw
