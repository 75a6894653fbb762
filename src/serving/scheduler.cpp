// SPDX-License-Identifier: Apache-2.0
#include "serving/scheduler.h"

#include <algorithm>

#include "core/progress.h"
#include "model/memory.h"
#include "serving/room.h"

namespace rw::serving {
namespace {

/// Two prompts that begin alike for so long are worth one reading.
constexpr Index kWorthWaiting = 64;

void add(std::atomic<double>& sum, double more) { sum = sum + more; }  // one thread writes

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options)
    : options_(options), prefixes_(options.cache_bytes), thread_([this] { work(); }) {}

Scheduler::~Scheduler() { end(); }

void Scheduler::submit(std::span<const std::shared_ptr<Job>> jobs) {
  if (jobs.size() > options_.n_queue)
    throw UsageError("request", fmt::format("at most {} texts, of all prompts and answers", options_.n_queue),
                     fmt::format("{}", jobs.size()), "ask for fewer at once, or serve --queue");
  {
    const std::lock_guard lock(mutex_);
    if (ending_) throw Busy("server", "a server that goes on", "one that is ending", "ask again later");
    if (queue_.size() + jobs.size() > options_.n_queue)
      throw Busy("queue", fmt::format("at most {} that wait", options_.n_queue),
                 fmt::format("{}, and {} more", queue_.size(), jobs.size()), "ask again in a while");
    for (const std::shared_ptr<Job>& job : jobs) {
      job->submitted = now_seconds();
      queue_.push_back(job);
    }
  }
  wake_.notify_one();
}

void Scheduler::cancel(Job& job) {
  job.cancelled = true;
  {
    const std::lock_guard lock(mutex_);
    if (std::erase_if(queue_, [&](const std::shared_ptr<Job>& each) { return each.get() == &job; }) > 0)
      count_cancelled(job);
  }
  wake_.notify_one(), changed_.notify_all();
}

void Scheduler::count_cancelled(Job& job) {
  if (!job.counted.exchange(true)) ++counters_.cancelled;
}

void Scheduler::forget(const Model& model) {
  std::unique_lock lock(mutex_);
  to_forget_.push_back(&model);
  wake_.notify_one();
  changed_.wait(lock, [&] {
    return stopped_ || std::find(to_forget_.begin(), to_forget_.end(), &model) == to_forget_.end();
  });
}

std::vector<std::shared_ptr<const Job>> Scheduler::jobs() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const Job>> all(queue_.begin(), queue_.end());
  all.insert(all.end(), active_.begin(), active_.end());
  return all;
}

void Scheduler::end(double seconds) {
  {
    std::unique_lock lock(mutex_);
    ending_ = true;
    changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                      [&] { return stopped_ || (queue_.empty() && active_.empty()); });
    for (const std::shared_ptr<Job>& job : queue_) job->cancelled = true;
    for (const std::shared_ptr<Job>& job : active_) job->cancelled = true;
    queue_.clear();
    stopped_ = true;
  }
  wake_.notify_one(), changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Scheduler::work() {
  while (wait_for_work()) try {
      end_those_too_late();
      admit();
      run_steps();
      drop_ended();
    } catch (const std::exception& error) {  // no memory for lists of its own
      for (const auto& each : running_) each->fail(FailedBy::kEngine, error.what());
      drop_ended();
    }
  running_.clear();
}

/// Once nothing runs of it any more.
void Scheduler::forget_idle(const Model* model) {
  if (std::any_of(running_.begin(), running_.end(),
                  [&](const auto& each) { return &each->model() == model; }))
    return;
  prefixes_.forget(*model);
  engines_.erase(model);
  counters_.cache_bytes = prefixes_.bytes();
}

/// False when it is over.
bool Scheduler::wait_for_work() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return stopped_ || !queue_.empty() || !running_.empty() || !to_forget_.empty(); });
  for (const Model* model : to_forget_) forget_idle(model);
  if (!to_forget_.empty()) {
    to_forget_.clear();
    changed_.notify_all();
  }
  return !stopped_;
}

/// Those that wait for longer than they may take.
void Scheduler::end_those_too_late() {
  std::vector<std::shared_ptr<Job>> late;
  {
    const std::lock_guard lock(mutex_);
    std::copy_if(queue_.begin(), queue_.end(), std::back_inserter(late),
                 [now = now_seconds()](const auto& job) { return job->too_late(now); });
    std::erase_if(queue_,
                  [&](const auto& job) { return std::find(late.begin(), late.end(), job) != late.end(); });
  }
  if (!late.empty()) changed_.notify_all();
  for (const std::shared_ptr<Job>& job : late) {
    ++counters_.failed;
    job->state = JobState::kEnded;
    if (!job->cancelled) job->tell(JobFailed{FailedBy::kWait, job->lateness()});
  }
}

/// Those that wait begin, in their order, while there is a place; a prompt that another is reading waits for
/// it, and lets others pass.
void Scheduler::admit() {
  for (std::size_t at = 0; running_.size() < options_.n_parallel;) {
    std::shared_ptr<Job> job;
    {
      const std::lock_guard lock(mutex_);
      if (at >= queue_.size()) return;
      job = queue_[at];
      if (!job->cancelled && read_by_another(*job)) {
        ++at;
        continue;
      }
    }
    const std::optional<Refusal> refusal = job->cancelled ? std::nullopt : start(job);
    if (refusal && refusal->wait) return;
    if (refusal) {
      ++counters_.failed;
      job->state = JobState::kEnded;
      if (!job->cancelled) job->tell(refusal->why);
    }
    const std::lock_guard lock(mutex_);
    std::erase(queue_, job);
    if (!refusal && !job->cancelled) active_.push_back(job);
    changed_.notify_all();
  }
}

/// The same keys, that somebody is just reading.
bool Scheduler::read_by_another(const Job& job) const {
  const JobRequest& asked = job.request;
  if (!asked.cache_prompt || asked.prompt_logprobs) return false;
  return std::any_of(running_.begin(), running_.end(), [&](const auto& other) {
    const JobRequest& theirs = other->job().request;
    if (!other->reading() || theirs.model != asked.model || !theirs.cache_prompt || other->job().cancelled ||
        !other->will_be_kept || theirs.method.text() != asked.method.text() || theirs.n != asked.n)
      return false;
    return common_prefix(theirs.prompt, asked.prompt) >= std::max(kWorthWaiting, asked.n_prompt() / 2);
  });
}

/// Makes it one of running_, or says why not. Memory for lists may run out here, too: that is this text's
/// trouble alone.
std::optional<Scheduler::Refusal> Scheduler::start(const std::shared_ptr<Job>& job) try {
  const double queued = now_seconds() - job->submitted;
  for (;;) {
    try {
      auto one = std::make_unique<Running>(job, sequence_for(job->request), queued, counters_);
      one->will_be_kept =
          job->request.cache_prompt && prefixes_.holds(one->sequence(), job->request.n_prompt());
      const auto n_cached = static_cast<std::uint64_t>(one->sequence().position());
      running_.push_back(std::move(one));
      counters_.cached_tokens += n_cached;
      return std::nullopt;
    } catch (const UsageError& error) {
      return Refusal{.why = {FailedBy::kRequest, error.what()}};
    } catch (const std::exception& error) {  // memory, as far as is known
      if (!fits_alone(job->request)) return Refusal{.why = no_room(job->request, error)};
      if (prefixes_.drop_oldest()) continue;
      if (!running_.empty()) return Refusal{.wait = true};
      return Refusal{.why = no_room(job->request, error)};
    }
  }
} catch (const std::exception& error) {
  return Refusal{.why = {FailedBy::kEngine, error.what()}};
}

/// Whether there would be room if nothing were kept, and nobody else ran.
bool Scheduler::fits_alone(const JobRequest& asked) const {
  std::size_t most = available_memory() + prefixes_.bytes();
  for (const auto& each : running_) most += each->sequence().cache_bytes();
  return room_for(*asked.model->model, asked.method, asked.n, options_.chunk) <= most;
}

/// What would fit says more than what does not.
JobFailed Scheduler::no_room(const JobRequest& asked, const std::exception& error) const {
  const Index n = asked.n_prompt() + asked.n_predict;
  const Index most = most_that_fit(*asked.model->model, asked.method, n);
  return {most < n ? FailedBy::kRoom : FailedBy::kEngine, error.what(), most};
}

Sequence Scheduler::sequence_for(const JobRequest& asked) {
  const Model& model = *asked.model->model;
  const SequenceOptions options = asked.sequence_options();
  if (asked.cache_prompt && !asked.prompt_logprobs)
    if (auto found = prefixes_.find(model, asked.method, asked.prompt, options)) return std::move(*found);
  return {model, asked.method, options, options_.chunk};
}

Engine& Scheduler::engine_of(const std::shared_ptr<const Model>& model) {
  const auto found = engines_.find(model.get());
  if (found != engines_.end()) return found->second.engine;
  return engines_
      .emplace(model.get(), ModelEngine{model, Engine(model, options_.chunk), StepShare(options_.chunk)})
      .first->second.engine;
}

/// One for each model that has something to do.
void Scheduler::run_steps() {
  std::map<const Model*, std::vector<Running*>> by_model;
  for (const auto& each : running_) {
    if (each->job().cancelled)
      each->advance(0);  // it ends
    else
      by_model[&each->model()].push_back(each.get());
  }
  const auto reads = [](const auto& its) {
    return std::any_of(its.second.begin(), its.second.end(), [](auto* each) { return each->reading(); });
  };
  const bool others = running_.size() > 1;
  const double most = (others ? StepShare::kShared : StepShare::kAlone) /
                      static_cast<double>(std::max<std::ptrdiff_t>(
                          1, std::count_if(by_model.begin(), by_model.end(), reads)));
  for (auto& [model, some] : by_model) {
    engine_of(some.front()->job().request.model->model);
    ModelEngine& its = engines_.at(model);
    its.share.others(others);
    step(its.engine, some, its.share, most);
  }
}

void Scheduler::step(Engine& engine, std::span<Running* const> some, StepShare& share, double most_seconds) {
  const auto n_readers = static_cast<Index>(
      std::count_if(some.begin(), some.end(), [](const Running* each) { return each->reading(); }));
  std::vector<StepInput> inputs;
  Index n_read = 0, i_reader = 0;
  for (Running* each : some) {
    const bool reads = each->reading();
    inputs.push_back(each->input(reads ? share.rows_of(i_reader++, n_readers) : 1));
    if (reads) n_read += static_cast<Index>(inputs.back().tokens.size());
  }
  const double start = now_seconds();
  try {
    engine.step(inputs);
  } catch (const std::exception&) {  // one of them: each by itself
    for (Running* each : some) step_alone(engine, *each, share.rows_of(0, std::max<Index>(1, n_readers)));
    return;
  }
  const double now = now_seconds();
  share.took(n_read, now - start, most_seconds);
  count_step(n_read, some.size(), now - start);
  for (Running* each : some) advance(*each, now);
}

void Scheduler::count_step(Index n_read, std::size_t n_texts, double seconds) {
  counters_.prompt_tokens += static_cast<std::uint64_t>(n_read);
  ++counters_.steps, counters_.step_rows += n_texts;
  add(n_read > 0 ? counters_.reading_seconds : counters_.writing_seconds, seconds);
}

/// What goes wrong with one text's words (memory) is its alone.
void Scheduler::advance(Running& one, double now) {
  try {
    one.advance(now);
    keep_prompt(one);
  } catch (const std::exception& error) {
    one.fail(FailedBy::kEngine, error.what());
  }
}

void Scheduler::step_alone(Engine& engine, Running& one, Index share) {
  const double start = now_seconds();
  const bool reads = one.reading();
  Index n_read = 0;
  try {
    const StepInput input = one.input(share);
    if (reads) n_read = static_cast<Index>(input.tokens.size());
    engine.step({&input, 1});
  } catch (const std::exception& error) {
    return one.fail(FailedBy::kEngine, error.what());
  }
  const double now = now_seconds();
  count_step(n_read, 1, now - start);
  advance(one, now);
}

/// Just when all of a prompt is read.
void Scheduler::keep_prompt(Running& one) {
  const JobRequest& asked = one.job().request;
  if (!asked.cache_prompt || asked.model->left || one.sequence().position() != asked.n_prompt()) return;
  try {
    prefixes_.keep(one.sequence(), asked.prompt, asked.sequence_options());
  } catch (const std::exception&) {  // no memory for it: it is not kept
  }
  counters_.cache_bytes = prefixes_.bytes();
}

void Scheduler::drop_ended() {
  const auto gone = [](const auto& each) { return each->ended(); };
  if (std::none_of(running_.begin(), running_.end(), gone)) return;
  std::vector<std::shared_ptr<const Model>> left;  // what was served no more while a text of it ran
  for (const auto& each : running_) {
    if (each->ended() && each->job().cancelled) count_cancelled(each->job());
    if (each->ended() && each->job().request.model->left) left.push_back(each->job().request.model->model);
  }
  std::erase_if(running_, gone);
  for (const auto& model : left) forget_idle(model.get());
  const std::lock_guard lock(mutex_);
  active_.clear();
  for (const auto& each : running_) active_.push_back(each->shared_job());
  changed_.notify_all();
}

}  // namespace rw::serving
