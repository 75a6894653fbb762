// SPDX-License-Identifier: Apache-2.0
/// Texts run side by side give what each gives alone, to the bit: under any method, after any other, with
/// what others have read.
#include "serving/scheduler.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include "core/registry.h"
#include "methods/method.h"
#include "model/session.h"

namespace rw::serving {
namespace {

struct Outcome {
  std::vector<Token> tokens;
  std::vector<double> logprobs, prompt_logprobs;
  std::string text;
  std::optional<JobDone> done;
  std::optional<JobFailed> failed;
  bool operator==(const Outcome& other) const {
    return tokens == other.tokens && logprobs == other.logprobs && text == other.text;
  }
};

/// A job whose outcome can be waited for.
class Watched {
 public:
  explicit Watched(JobRequest request)
      : job(std::make_shared<Job>(std::move(request), [this](JobEvent event) { told(std::move(event)); })) {}
  const Outcome& wait() {
    std::unique_lock lock(mutex_);
    over_.wait(lock, [&] { return outcome_.done || outcome_.failed; });
    return outcome_;
  }
  /// Until it has written so many.
  void wait_written(std::size_t n) {
    std::unique_lock lock(mutex_);
    over_.wait(lock, [&] { return outcome_.tokens.size() >= n || outcome_.done || outcome_.failed; });
  }
  std::shared_ptr<Job> job;

 private:
  void told(JobEvent event) {
    const std::lock_guard lock(mutex_);
    if (auto* wrote = std::get_if<WroteToken>(&event)) {
      outcome_.tokens.push_back(wrote->token), outcome_.text += wrote->text;
      if (wrote->logprob) outcome_.logprobs.push_back(wrote->logprob->logprob);
    } else if (auto* prompt = std::get_if<PromptLogprobs>(&event)) {
      for (const TokenLogprob& each : prompt->tokens) outcome_.prompt_logprobs.push_back(each.logprob);
    } else if (auto* done = std::get_if<JobDone>(&event)) {
      outcome_.text += done->text, outcome_.done = *done;
    } else if (auto* failed = std::get_if<JobFailed>(&event)) {
      outcome_.failed = *failed;
    }
    over_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable over_;
  Outcome outcome_;
};

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest()
      : models_({{"small", std::string(ROPEWALK_SOURCE_DIR) + "/models/short-256.gguf"}},
                make_cpu_backend(Precision::kBf16), 0),
        use_(models_.use("small")) {
    std::ifstream in(std::string(ROPEWALK_SOURCE_DIR) + "/data/persuasion.txt");
    std::string text(40000, '\0');
    in.read(text.data(), 40000);
    text_ = use_->model->tokenizer().encode(text);
  }
  /// `from`, n: of the text's tokens.
  JobRequest request(const std::string& method, std::size_t from, std::size_t n, Index n_predict = 12) const {
    JobRequest asked;
    asked.model = use_;
    asked.method = MethodSpec::parse(method);
    asked.prompt.assign(text_.begin() + static_cast<std::ptrdiff_t>(from),
                        text_.begin() + static_cast<std::ptrdiff_t>(from + n));
    asked.n_predict = n_predict, asked.n = bound_length(asked.n_prompt(), n_predict, 256);
    asked.logprobs = 0;
    return asked;
  }
  Outcome alone(JobRequest asked) {
    Scheduler scheduler({.n_parallel = 1, .cache_bytes = 0, .chunk = 512});
    asked.cache_prompt = false;
    return run(scheduler, std::move(asked));
  }
  static Outcome run(Scheduler& scheduler, JobRequest asked) {
    Watched watched(std::move(asked));
    scheduler.submit({&watched.job, 1});
    return watched.wait();
  }
  ServedModels models_;
  ModelUse use_;
  std::vector<Token> text_;
};

TEST_F(SchedulerTest, texts_under_different_methods_side_by_side_are_as_each_alone) {
  std::vector<JobRequest> asked;
  std::size_t from = 0;
  for (const auto& method : Registry<MethodInfo>::all())
    asked.push_back(request(method.name, from += 37, 60 + asked.size() * 23));
  asked[1].sampling.temperature = 0.9, asked[1].sampling.seed = 7;
  asked[2].sampling.temperature = 1.3, asked[2].sampling.top_k = 40, asked[2].sampling.seed = 8;
  std::vector<Outcome> single;
  for (const JobRequest& each : asked) single.push_back(alone(each));
  // base, dope and longrope want what this model, or a bare name, has not.
  EXPECT_EQ(std::count_if(single.begin(), single.end(), [](const Outcome& each) { return each.failed; }), 3);
  Scheduler scheduler({.n_parallel = 8, .cache_bytes = 0, .chunk = 64});
  std::vector<std::unique_ptr<Watched>> together;
  for (const JobRequest& each : asked) {
    together.push_back(std::make_unique<Watched>(each));
    scheduler.submit({&together.back()->job, 1});
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const Outcome& outcome = together[i]->wait();
    EXPECT_EQ(outcome, single[i]) << asked[i].method.text();
    EXPECT_EQ(outcome.failed.has_value(), single[i].failed.has_value()) << asked[i].method.text();
  }
}

/// Another question of the same text, at another length, behind what was read of the first.
TEST_F(SchedulerTest, what_was_read_serves_the_next_question_to_the_bit) {
  int n_served = 0;
  for (const auto& method : Registry<MethodInfo>::all()) {
    JobRequest first = request(method.name, 0, 700), second = request(method.name, 0, 640, 20);
    second.prompt.insert(second.prompt.end(), text_.begin() + 2000, text_.begin() + 2070);
    second.n = bound_length(second.n_prompt(), 20, 256);
    Scheduler scheduler({.chunk = 128});
    run(scheduler, first);
    const Outcome hit = run(scheduler, second), miss = alone(second);
    EXPECT_EQ(hit, miss) << method.name;
    if (hit.done && hit.done->n_cached > 0) {
      EXPECT_EQ(hit.done->n_cached, 640) << method.name;
      ++n_served;
    }
  }
  EXPECT_GE(n_served, 20);
}

TEST_F(SchedulerTest, equal_prompts_are_read_once) {
  Scheduler scheduler({.chunk = 64});
  std::vector<std::unique_ptr<Watched>> all;
  std::vector<std::shared_ptr<Job>> jobs;
  for (int i = 0; i < 6; ++i) {
    all.push_back(std::make_unique<Watched>(request("rerope", 0, 600)));
    jobs.push_back(all.back()->job);
  }
  scheduler.submit(jobs);
  for (const auto& each : all) EXPECT_EQ(each->wait(), all[0]->wait());
  EXPECT_EQ(scheduler.counters().prompt_tokens, 600u + 5u);
}

TEST_F(SchedulerTest, a_prompt_is_scored_as_the_judge_scores_it) {
  JobRequest asked = request("yarn", 0, 500, 1);
  asked.prompt_logprobs = 3;
  Scheduler scheduler({.chunk = 64});
  const Outcome outcome = run(scheduler, asked);
  Session session(*use_->model, asked.method, {.n = asked.n, .n_prompt = asked.n_prompt()});
  std::vector<double> losses(499);
  session.run(
      asked.prompt,
      {.begin = 0, .end = 499, .targets = std::span(asked.prompt).subspan(1), .losses = losses.data()});
  ASSERT_EQ(outcome.prompt_logprobs.size(), losses.size());
  for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_EQ(-outcome.prompt_logprobs[i], losses[i]) << i;
}

TEST_F(SchedulerTest, a_cancelled_text_leaves_its_place_at_once) {
  Scheduler scheduler({.n_parallel = 1, .chunk = 16});
  Watched endless(request("none", 0, 20, 4000)), next(request("none", 50, 20));
  scheduler.submit({&endless.job, 1});
  endless.wait_written(3);
  scheduler.submit({&next.job, 1});
  scheduler.cancel(*endless.job);
  EXPECT_TRUE(next.wait().done);
  EXPECT_EQ(scheduler.counters().cancelled, 1u);
  EXPECT_TRUE(scheduler.jobs().empty() || scheduler.jobs()[0]->state == JobState::kEnded);
}

TEST_F(SchedulerTest, stops_and_ends) {
  Scheduler scheduler({});
  JobRequest asked = request("none", 0, 40, 30);
  const Outcome whole = run(scheduler, asked);
  ASSERT_GT(whole.text.size(), 12u);
  asked.stops = {whole.text.substr(6, 4)};
  const Outcome stopped = run(scheduler, asked);
  EXPECT_EQ(stopped.text, whole.text.substr(0, whole.text.find(asked.stops[0])));
  EXPECT_EQ(stopped.done->reason, EndReason::kStop);
  EXPECT_EQ(stopped.done->stop, asked.stops[0]);
  asked.n_predict = 0;
  const Outcome none = run(scheduler, asked);
  EXPECT_TRUE(none.done && none.tokens.empty());
}

TEST_F(SchedulerTest, a_full_queue_says_so_and_an_ended_one_too) {
  Scheduler scheduler({.n_parallel = 1, .n_queue = 2});
  Watched first(request("none", 0, 20, 4000));
  scheduler.submit({&first.job, 1});
  first.wait_written(1);
  std::vector<std::unique_ptr<Watched>> more;
  std::vector<std::shared_ptr<Job>> jobs;
  for (int i = 0; i < 3; ++i) {
    more.push_back(std::make_unique<Watched>(request("none", 0, 20)));
    jobs.push_back(more.back()->job);
  }
  EXPECT_THROW(scheduler.submit(jobs), UsageError);  // never, of one request
  const std::span<const std::shared_ptr<Job>> all(jobs);
  scheduler.submit(all.first(1));
  EXPECT_THROW(scheduler.submit(all.subspan(1)), Busy);
  EXPECT_EQ(scheduler.jobs().size(), 2U);  // all or none
  scheduler.end();
  EXPECT_THROW(scheduler.submit({jobs.data(), 1}), Busy);
  EXPECT_TRUE(first.job->cancelled);
}

TEST_F(SchedulerTest, what_takes_too_long_ends_where_it_waits_and_where_it_runs) {
  Scheduler scheduler({.n_parallel = 1, .n_queue = 2});
  JobRequest long_one = request("none", 0, 20, 4000);
  long_one.ignore_end = true, long_one.seconds = 0.3;
  Watched first(long_one);
  long_one.seconds = 0.05;
  Watched second(long_one);
  scheduler.submit({&first.job, 1});
  first.wait_written(1);
  scheduler.submit({&second.job, 1});
  for (Watched* each : {&first, &second}) {
    const Outcome outcome = each->wait();
    ASSERT_TRUE(outcome.failed);
    EXPECT_EQ(outcome.failed->by, each == &first ? FailedBy::kRequest : FailedBy::kWait);
    EXPECT_NE(outcome.failed->message.find("--time-limit"), std::string::npos) << outcome.failed->message;
  }
  EXPECT_TRUE(run(scheduler, request("none", 0, 30)).done);
}

TEST_F(SchedulerTest, what_a_request_cannot_have_is_said_and_the_others_go_on) {
  Scheduler scheduler({});
  JobRequest wrong = request("none", 0, 30);
  wrong.method = MethodSpec::parse("window:window=64");
  wrong.n = 10;  // less than the prompt
  EXPECT_TRUE(run(scheduler, wrong).failed);
  EXPECT_TRUE(run(scheduler, request("none", 0, 30)).done);
}

TEST_F(SchedulerTest, equal_prompts_do_not_wait_for_what_will_not_be_kept) {
  Scheduler scheduler({.cache_bytes = 1u << 16, .chunk = 64});
  std::vector<std::unique_ptr<Watched>> all;
  std::vector<std::shared_ptr<Job>> jobs;
  for (int i = 0; i < 4; ++i) {
    all.push_back(std::make_unique<Watched>(request("none", 0, 600, 1)));
    jobs.push_back(all.back()->job);
  }
  scheduler.submit(jobs);
  for (const auto& each : all) EXPECT_EQ(each->wait().done->n_cached, 0);
  EXPECT_LT(scheduler.counters().steps, 2u * 600 / 16);  // one after the other: 600 tokens four times
}

/// A method that follows the length is another one at another: what was read under both is kept.
TEST_F(SchedulerTest, what_is_bound_to_one_length_does_not_replace_what_is_bound_to_another) {
  Scheduler scheduler({.chunk = 128});
  const JobRequest near = request("leaky-rerope", 0, 700, 12), far = request("leaky-rerope", 0, 700, 900);
  ASSERT_NE(near.n, far.n);
  run(scheduler, near);
  JobRequest few = far;
  few.n_predict = 4;  // bound to the far length all the same
  run(scheduler, few);
  for (const JobRequest& again : {near, few}) EXPECT_EQ(run(scheduler, again).done->n_cached, 699) << again.n;
}

TEST_F(SchedulerTest, a_long_answer_needs_no_more_rows_than_its_method_keeps) {
  JobRequest endless = request("streaming-llm", 0, 300, Index{1} << 29);
  const Sequence sequence(*use_->model, endless.method, endless.sequence_options());  // it has room
  SequenceOptions options = endless.sequence_options();
  options.rewind_to = 100;
  Session session(Sequence(*use_->model, endless.method, options));
  session.run(endless.prompt, {});
  EXPECT_LE(session.sequence().kept_from(), 100);
  session.run(std::span(text_).subspan(300, 900), {});
  EXPECT_GT(session.sequence().kept_from(), 600);
}

/// The first layer's defaults are not the others'.
TEST_F(SchedulerTest, a_method_that_differs_by_layers_or_heads_is_bound_as_it_is) {
  const ModelConfig& config = use_->model->config();
  int n_seen = 0;
  for (const auto& method : Registry<MethodInfo>::all()) {
    if (!method.by_layer && !method.by_head) continue;
    EXPECT_EQ(bound_spec(MethodSpec::parse(method.name), config, 1024).text(), method.name);
    ++n_seen;
  }
  EXPECT_GT(n_seen, 0);
  EXPECT_NE(bound_spec(MethodSpec::parse("leaky-rerope"), config, 1024).text(), "leaky-rerope");
}

TEST_F(SchedulerTest, what_never_fits_says_what_would) {
  Scheduler scheduler({});
  const Outcome outcome = run(scheduler, request("none", 0, 100, Index{2'000'000'000}));
  ASSERT_TRUE(outcome.failed);
  EXPECT_EQ(outcome.failed->by, FailedBy::kRoom);
  EXPECT_GT(outcome.failed->most, 1000);
  EXPECT_LT(outcome.failed->most, 2'000'000'000);
  // It takes nothing from others: what was read stays.
  run(scheduler, request("none", 0, 200));
  EXPECT_TRUE(run(scheduler, request("none", 0, 100, Index{2'000'000'000})).failed);
  EXPECT_EQ(run(scheduler, request("none", 0, 200)).done->n_cached, 199);
}

TEST(StepShareTest, grows_to_what_the_time_holds_for_any_number_of_readers) {
  for (const Index n : {1, 2, 3, 8, 9, 10, 11, 12, 15, 16, 17, 23, 40}) {
    StepShare share(1024);
    share.others(true);
    for (int step = 0; step < 12; ++step) {
      Index handed = 0;
      for (Index i = 0; i < n; ++i) handed += share.rows_of(i, n);
      EXPECT_EQ(handed, std::max(n, share.rows()));
      share.took(handed, 0.0005 * static_cast<double>(handed), StepShare::kShared);
    }
    EXPECT_EQ(share.rows(), 400) << n;  // 0.2 s of 0.5 ms a row
  }
  StepShare slow(1024);
  slow.took(64, 10, StepShare::kShared);
  EXPECT_EQ(slow.rows(), 16);
}

TEST(ServedModelsTest, what_is_not_loaded_says_so_at_once) {
  const std::string path = std::string(ROPEWALK_SOURCE_DIR) + "/models/short-256.gguf";
  ServedModels models({{"a", path}, {"b", path}}, make_cpu_backend(Precision::kBf16), 0);
  EXPECT_THROW(models.loaded("b"), NotLoaded);
  EXPECT_THROW(models.loaded("c"), UnknownModel);
  const ModelUse b = models.use("b");
  EXPECT_EQ(models.loaded("b"), b);
  EXPECT_THROW(models.loaded(""), NotLoaded);
}

TEST(ServedModelsTest, the_longest_unused_goes_where_memory_is_bounded) {
  const std::string path = std::string(ROPEWALK_SOURCE_DIR) + "/models/short-256.gguf";
  ServedModels models({{"a", path}, {"b", path}}, make_cpu_backend(Precision::kBf16), std::size_t{12} << 20);
  std::vector<const Model*> forgotten;
  models.set_forget([&](const Model& model) { forgotten.push_back(&model); });
  ModelUse a = models.use("");
  EXPECT_EQ(a->name, "a");
  const std::size_t bytes = a->model->bytes();
  ServedModels tight({{"a", path}, {"b", path}}, make_cpu_backend(Precision::kBf16), bytes + bytes / 2);
  tight.set_forget([&](const Model& model) { forgotten.push_back(&model); });
  ModelUse first = tight.use("a");
  EXPECT_THROW(tight.use("b"), Busy);  // a is in use
  const Model* gone = first->model.get();
  first = nullptr;
  EXPECT_EQ(tight.use("b")->name, "b");
  EXPECT_EQ(forgotten, std::vector<const Model*>{gone});
  EXPECT_THROW(tight.use("c"), UnknownModel);
  EXPECT_EQ(tight.view()[0].use, nullptr);
}

TEST(BoundLength, follows_the_request_in_steps_past_the_trained_length) {
  EXPECT_EQ(bound_length(100, 100, 256), 200);
  EXPECT_EQ(bound_length(250, 6, 256), 256);
  EXPECT_EQ(bound_length(250, 7, 256), 320);  // 250 and an eighth of it
  EXPECT_EQ(bound_length(900, 124, 256), 1024);
  EXPECT_EQ(bound_length(900, 125, 256), 1280);
  for (Index n = 257; n < 5000; n += 7) {
    const Index bound = bound_length(n, 0, 256);
    EXPECT_GE(bound, n + n / 8);
    EXPECT_LE(bound, (n + n / 8) * 5 / 4 + 1);
    for (const Index n_predict : {Index{1}, n / 16, n / 8}) EXPECT_EQ(bound_length(n, n_predict, 256), bound);
  }
  EXPECT_EQ(bound_length(0, kMostTokens, 256), kMostTokens);
}

}  // namespace
}  // namespace rw::serving
