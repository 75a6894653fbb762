// SPDX-License-Identifier: Apache-2.0
/// The only file that includes mpi.h. Every call is begun and then asked for until it is done, with a limit:
/// a rank that is lost is an error in words, and not a wait without an end; and who waits leaves the core to
/// others.
#ifdef ROPEWALK_MPI
// clang-format off: defines what the next line reads
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1  // the C++ bindings that MPI has dropped
#endif
// clang-format on
#include "mpi/open_mpi.h"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <list>
#include <mutex>
#include <set>
#include <thread>

#include "core/tell.h"
#include "mpi/launch.h"

namespace rw {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMessage = 1;                                // tag of send()
constexpr std::size_t kMostFloats = std::size_t{1} << 24;  // of one sum

void require(int error, const char* what) {
  if (error == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int n = 0;
  MPI_Error_string(error, text, &n);
  throw Error(what, "an answer of the other ranks", printable({text, static_cast<std::size_t>(n)}),
              "one of them may have been lost");
}

int count_of(std::size_t n) {
  if (n > INT_MAX)
    throw Error("ranks", "at most 2 GiB to send at once", fmt::format("{} MiB", n >> 20),
                "take a smaller --chunk");
  return static_cast<int>(n);
}

/// Until it is done. The first moments are awake: on one machine an answer takes microseconds.
void await(std::span<MPI_Request> requests, const char* what) {
  constexpr auto kAwake = std::chrono::microseconds(200);
  const auto begin = Clock::now();
  static const double limit = rank_seconds();
  for (;;) {
    int done = 0;
    require(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
            what);
    if (done != 0) return;
    const auto past = Clock::now() - begin;
    if (past < kAwake)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    if (std::chrono::duration<double>(past).count() > limit)
      throw Error(what, fmt::format("an answer of the other ranks within {:.0f} s", limit), "none",
                  "is one of them lost or stopped? ROPEWALK_RANK_SECONDS sets the limit");
  }
}

/// MPI_Init waits for all ranks, however long. Where one does not come this process says so, and ends.
class InitLimit {
 public:
  InitLimit() : thread_([this] { watch(); }) {}
  ~InitLimit() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }
  InitLimit(const InitLimit&) = delete;
  InitLimit& operator=(const InitLimit&) = delete;

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    if (ended_.wait_for(lock, std::chrono::duration<double>(rank_seconds()), [this] { return done_; }))
      return;
    tell(
        "ropewalk: mpirun: expected all ranks within {:.0f} s; found that one did not come; hint: is one of "
        "them lost or stopped? ROPEWALK_RANK_SECONDS sets the limit\n",
        rank_seconds());
    ::_exit(1);
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  std::thread thread_;  // last: it uses the others
};

class OpenMpiRanks final : public Ranks {
 public:
  OpenMpiRanks() {
    rank_seconds();  // what it refuses is refused before anything starts
    int provided = 0;
    const InitLimit limit;
    require(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided), "mpirun");
    if (provided < MPI_THREAD_SERIALIZED)
      throw Error("mpirun", "an MPI that may be called from one thread and then another", "one without",
                  "Open MPI 3 or later");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void gather(std::span<const std::span<std::byte>> parts) override {
    std::vector<std::span<const std::byte>> to(parts.size(), parts[static_cast<std::size_t>(rank_)]);
    std::vector<std::span<std::byte>> from(parts.begin(), parts.end());
    const auto own = static_cast<std::size_t>(rank_);
    to[own] = {}, from[own] = {};
    send_and_receive(to, from, "gathering");
  }
  void exchange(std::span<const std::span<const std::byte>> to,
                std::span<const std::span<std::byte>> from) override {
    const auto own = static_cast<std::size_t>(rank_);
    std::copy(to[own].begin(), to[own].end(), from[own].begin());
    std::vector<std::span<const std::byte>> others(to.begin(), to.end());
    std::vector<std::span<std::byte>> theirs(from.begin(), from.end());
    others[own] = {}, theirs[own] = {};
    send_and_receive(others, theirs, "exchanging");
  }
  void broadcast(std::span<std::byte> bytes) override {
    MPI_Request request = MPI_REQUEST_NULL;
    require(MPI_Ibcast(bytes.data(), count_of(bytes.size()), MPI_BYTE, 0, MPI_COMM_WORLD, &request),
            "a broadcast");
    await({&request, 1}, "a broadcast");
  }
  std::unique_ptr<Transfer> start_sum(std::span<float> x) override {
    push_sums();
    auto sum = std::make_unique<Sum>();
    for (std::size_t at = 0; at < x.size(); at += kMostFloats) {
      MPI_Request& request = sum->requests->emplace_back(MPI_REQUEST_NULL);
      require(MPI_Iallreduce(MPI_IN_PLACE, x.data() + at, count_of(std::min(kMostFloats, x.size() - at)),
                             MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &request),
              "a sum");
    }
    sums_.push_back(sum->requests);
    return sum;
  }

  void send(int to, std::span<const std::byte> message) override {
    push_sends();
    Posted& posted = sent_.emplace_back(to, std::vector(message.begin(), message.end()));
    require(MPI_Isend(posted.bytes.data(), count_of(posted.bytes.size()), MPI_BYTE, to, kMessage,
                      MPI_COMM_WORLD, &posted.request),
            "a message");
  }
  Message receive(double seconds) override {
    const auto begin = Clock::now();
    for (;;) {
      push_sends();
      accept();
      if (Message message = take(); message.from >= 0) return message;
      if (seconds > 0 && std::chrono::duration<double>(Clock::now() - begin).count() > seconds) return {};
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  void give_up(int rank) override { lost_.insert(rank); }

  void finish() {
    for (const auto begin = Clock::now(); lost_.empty() && !sent_.empty();) {  // last words
      push_sends();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      if (std::chrono::duration<double>(Clock::now() - begin).count() > rank_seconds()) break;
    }
    if (lost_.empty() && sent_.empty()) {
      MPI_Finalize();
      return;
    }
    // MPI_Finalize would wait for the lost; who ends without it before the first one has said all would have
    // mpirun end that too.
    std::this_thread::sleep_for(std::chrono::seconds(rank_ == 0 ? 1 : 5));
    if (rank_ == 0) MPI_Abort(MPI_COMM_WORLD, 0);
    ::_exit(0);
  }

 private:
  using Requests = std::vector<MPI_Request>;
  struct Sum final : Transfer {
    std::shared_ptr<Requests> requests = std::make_shared<Requests>();
    void wait() override { await(*requests, "a sum"); }
  };
  /// MPI works on what was begun in calls alone: so each new sum helps those before it.
  void push_sums() {
    std::erase_if(sums_, [](const std::weak_ptr<Requests>& sum) { return sum.expired(); });
    for (const std::weak_ptr<Requests>& sum : sums_)
      if (const auto requests = sum.lock()) {
        int done = 0;
        require(MPI_Testall(static_cast<int>(requests->size()), requests->data(), &done, MPI_STATUSES_IGNORE),
                "a sum");
      }
  }

  /// A message on its way, from or to another rank.
  struct Posted {
    Posted(int rank, std::vector<std::byte> what) : other(rank), bytes(std::move(what)) {}
    int other;
    std::vector<std::byte> bytes;  // stays where it is until the request is done
    MPI_Request request = MPI_REQUEST_NULL;
  };
  enum class State { kUnderWay, kDone, kFailed };
  static State ask(Posted& posted) {
    int done = 0;
    if (MPI_Test(&posted.request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return State::kFailed;
    return done != 0 ? State::kDone : State::kUnderWay;
  }
  /// What cannot be sent or received is one of a rank that is lost: its silence says so.
  void push_sends() {
    sent_.remove_if([](Posted& posted) { return ask(posted) != State::kUnderWay; });
  }
  /// Begins to receive what has come.
  void accept() {
    for (;;) {
      int there = 0, n = 0;
      MPI_Message message = MPI_MESSAGE_NULL;
      MPI_Status status;
      require(MPI_Improbe(MPI_ANY_SOURCE, kMessage, MPI_COMM_WORLD, &there, &message, &status), "a message");
      if (there == 0) return;
      MPI_Get_count(&status, MPI_BYTE, &n);
      Posted& posted = coming_.emplace_back(status.MPI_SOURCE,
                                            std::vector<std::byte>(static_cast<std::size_t>(std::max(n, 0))));
      require(MPI_Imrecv(posted.bytes.data(), n, MPI_BYTE, &message, &posted.request), "a message");
    }
  }
  /// The first that is here whole, behind none of the same rank; of nobody, where there is none.
  Message take() {
    std::set<int> waiting;
    for (auto at = coming_.begin(); at != coming_.end();) {
      const State state = waiting.contains(at->other) ? State::kUnderWay : ask(*at);
      if (state == State::kUnderWay) {
        waiting.insert(at->other);
        ++at;
        continue;
      }
      Message message{at->other, std::move(at->bytes)};
      at = coming_.erase(at);
      if (state == State::kDone) return message;
    }
    return {};
  }

  static constexpr int kPart =
      2;  // tag; two calls cannot be mixed up: messages of a pair stay in their order
  void send_and_receive(std::span<const std::span<const std::byte>> to,
                        std::span<const std::span<std::byte>> from, const char* what) {
    requests_.clear();
    for (int step = 1; step < size_; ++step) {  // no two ranks send to the same one first
      const int source = (rank_ + size_ - step) % size_, target = (rank_ + step) % size_;
      const std::span<std::byte> in = from[static_cast<std::size_t>(source)];
      const std::span<const std::byte> out = to[static_cast<std::size_t>(target)];
      if (!in.empty())
        require(MPI_Irecv(in.data(), count_of(in.size()), MPI_BYTE, source, kPart, MPI_COMM_WORLD,
                          &requests_.emplace_back(MPI_REQUEST_NULL)),
                what);
      if (!out.empty())
        require(MPI_Isend(out.data(), count_of(out.size()), MPI_BYTE, target, kPart, MPI_COMM_WORLD,
                          &requests_.emplace_back(MPI_REQUEST_NULL)),
                what);
    }
    await(requests_, what);
  }

  int rank_ = 0, size_ = 1;
  std::vector<MPI_Request> requests_;
  std::vector<std::weak_ptr<Requests>> sums_;
  std::list<Posted> sent_, coming_;
  std::set<int> lost_;
};

std::shared_ptr<OpenMpiRanks> world;  // NOLINT: MPI has one

}  // namespace

std::shared_ptr<Ranks> make_open_mpi_ranks() { return world = std::make_shared<OpenMpiRanks>(); }
void finish_open_mpi() { world->finish(); }
void abort_open_mpi(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

}  // namespace rw
#endif
