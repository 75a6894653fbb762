// SPDX-License-Identifier: Apache-2.0
/// Runs many texts side by side: each step takes a token of every one that writes and a part of every one
/// that is read, so that a long prompt does not stop the others. It knows nothing of a method.
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "serving/counters.h"
#include "serving/prefix_cache.h"
#include "serving/running.h"
#include "serving/step_share.h"

namespace rw::serving {

struct SchedulerOptions {
  std::size_t n_parallel = 16;         ///< texts that are run side by side
  std::size_t n_queue = 256;           ///< that wait
  std::size_t cache_bytes = 1u << 30;  ///< of prompts that were read
  Index chunk = kDefaultChunk;         ///< tokens that are read in a step at most
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerOptions& options);
  ~Scheduler();  ///< as end()
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// All of them or none. Errors: Busy where the queue has no room; UsageError where it never has. Any
  /// thread.
  void submit(std::span<const std::shared_ptr<Job>> jobs);
  /// It ends, and is told nothing more, within one step. Any thread.
  void cancel(Job& job);
  /// Forgets what is kept of a model that nobody uses. Any thread but the scheduler's own; returns when it
  /// is done.
  void forget(const Model& model);
  /// Of this machine's moment: those that wait, then those that run. Any thread.
  std::vector<std::shared_ptr<const Job>> jobs() const;
  const Counters& counters() const { return counters_; }
  /// Nothing more is taken; waits so long for what runs, then cancels it. Any thread.
  void end(double seconds = 0);

 private:
  struct Refusal {
    bool wait = false;  ///< until another has ended
    JobFailed why = {};
  };
  void work();
  bool wait_for_work();
  void end_those_too_late();
  void admit();
  bool read_by_another(const Job& job) const;
  std::optional<Refusal> start(const std::shared_ptr<Job>& job);
  bool fits_alone(const JobRequest& asked) const;
  JobFailed no_room(const JobRequest& asked, const std::exception& error) const;
  Sequence sequence_for(const JobRequest& asked);
  void run_steps();
  void step(Engine& engine, std::span<Running* const> some, StepShare& share, double most_seconds);
  void step_alone(Engine& engine, Running& one, Index share);
  void count_cancelled(Job& job);
  void count_step(Index n_read, std::size_t n_texts, double seconds);
  void advance(Running& one, double now);
  void keep_prompt(Running& one);
  void drop_ended();
  void forget_idle(const Model* model);
  Engine& engine_of(const std::shared_ptr<const Model>& model);

  const SchedulerOptions options_;
  Counters counters_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, changed_;
  std::deque<std::shared_ptr<Job>> queue_;    // under mutex_
  std::vector<std::shared_ptr<Job>> active_;  // under mutex_: those of running_
  std::vector<const Model*> to_forget_;       // under mutex_
  bool ending_ = false, stopped_ = false;     // under mutex_
  // The scheduler's thread's alone:
  std::vector<std::unique_ptr<Running>> running_;
  PrefixCache prefixes_;
  struct ModelEngine {
    std::shared_ptr<const Model> model;
    Engine engine;
    StepShare share;
  };
  std::map<const Model*, ModelEngine> engines_;
  std::thread thread_;
};

}  // namespace rw::serving
