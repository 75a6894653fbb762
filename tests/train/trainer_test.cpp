// SPDX-License-Identifier: Apache-2.0
// The loop on a tiny model: it learns, with the same bits for any number of threads, after a checkpoint and a
// fresh start; it stops at what is no number, and at a spike, with the weights as they were.
#include "train/trainer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "train/saved_run.h"
#include "train/stage_method.h"
#include "train_test_util.h"

namespace rw {
namespace {

std::vector<Token> counting_up(Index n_vocab) {
  std::vector<Token> tokens;
  for (Index i = 0; i < 600; ++i) tokens.push_back(static_cast<Token>((i * 7 + i / 13) % n_vocab));
  return tokens;
}

/// Everything a trainer needs, for tests/golden/tiny/llama.
struct TinyRun {
  explicit TinyRun(int threads, Index tokens_at_once = 0) {
    context = std::make_shared<Context>(ContextOptions{.threads = threads, .isa = {}});
    const auto model =
        Model::open(golden("tiny/llama"), make_cpu_backend(context, Precision::kF32, KvType::kF32));
    learning = learn_all(model);
    operations = make_cpu_training(context);
    learner = make_learner(learning, operations);
    const Index n_vocab = model->config().n_vocab;
    sources["text"] = make_text_source({{"a", counting_up(n_vocab), 0}}, {});
    TrainStage stage{.name = "all", .steps = 12, .n_ctx = {16, 24}, .tokens = 96};
    stage.schedule = {.kind = ScheduleKind::kWsd, .rate = 3e-3, .end = 1e-3};
    stage.mix = {{"text", 1}};
    stage.methods = {{"none", 1}, {"temperature:value={0.6..1}", 1}};
    recipe.stages = {stage};
    recipe.tokens_at_once = tokens_at_once;
    recipe.evaluate_every = 6;
  }
  Trainer& trainer() {
    if (!made) {
      std::vector<Parameter> matrices, rest;
      for (const Parameter& p : learning.parameters)
        (p.kind == ParameterKind::kMatrix ? matrices : rest).push_back(p);
      std::vector<std::unique_ptr<Optimizer>> optimizers;
      optimizers.push_back(make_muon(matrices, {}, operations));
      optimizers.push_back(make_adamw(rest, {}, context));
      HeldOut held{"text", even_pieces({"a", counting_up(learning.model->config().n_vocab), 0}, {}, 4, 16),
                   0};
      made.emplace(learning, *learner, std::move(optimizers), recipe, sources, std::vector<HeldOut>{held},
                   context);
    }
    return *made;
  }
  std::vector<float> values() const {
    return {learning.values->span().begin(), learning.values->span().end()};
  }

  std::shared_ptr<Context> context;
  LearningModel learning;
  std::shared_ptr<const Training<float>> operations;
  std::unique_ptr<Learner> learner;
  Sources sources;
  Recipe recipe;
  std::optional<Trainer> made;
};

TEST(Trainer, LearnsWithTheSameBitsForAnyNumberOfThreads) {
  TinyRun one(1), two(2);
  const double before = one.trainer().evaluate().at(0).value;
  std::vector<StepRecord> records;
  while (!one.trainer().done()) {
    records.push_back(one.trainer().step());
    const StepRecord other = two.trainer().step();
    EXPECT_EQ(records.back().loss, other.loss);
    EXPECT_EQ(records.back().norm, other.norm);
    EXPECT_EQ(records.back().method, other.method);
  }
  EXPECT_EQ(one.values(), two.values());
  EXPECT_TRUE(records[4].held_out.empty());
  ASSERT_EQ(records[5].held_out.size(), 1u);
  EXPECT_LT(records.back().held_out.at(0).value, before - 0.3);
}

TEST(Trainer, PartsOfABatchAddUpToIt) {
  TinyRun whole(1), parts(1, 32);
  const StepRecord a = whole.trainer().step(), b = parts.trainer().step();
  EXPECT_NEAR(a.loss, b.loss, 1e-5);
  EXPECT_NEAR(a.norm, b.norm, 1e-4 * a.norm);
}

TEST(Trainer, GoesOnFromACheckpointToTheSameBits) {
  const std::string folder = testing::TempDir() + "trainer_resume";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  TinyRun whole(1), first(1), second(2);
  while (!whole.trainer().done()) whole.trainer().step();
  EXPECT_FALSE(resume_run(folder, first.trainer()).has_value());
  for (int i = 0; i < 5; ++i) first.trainer().step();
  save_run(folder, first.trainer().state(), {{"of", "settings"}});
  const auto about = resume_run(folder, second.trainer());
  ASSERT_TRUE(about.has_value());
  EXPECT_EQ(saved_about<std::string>(*about, folder, "of"), "settings");
  EXPECT_EQ(second.trainer().steps_taken(), 5);
  while (!second.trainer().done()) second.trainer().step();
  EXPECT_EQ(whole.values(), second.values());
  std::filesystem::remove_all(folder);
}

TEST(Trainer, ACheckpointOfAnotherOrderIsRefused) {
  const std::string folder = testing::TempDir() + "trainer_order";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  TinyRun first(1), second(1);
  TrainerState state = first.trainer().state();
  std::swap(state.parameters.at(1), state.parameters.at(4));  // of one size
  save_run(folder, state, Json::object());
  try {
    resume_run(folder, second.trainer());
    ADD_FAILURE();
  } catch (const Error& e) {
    const std::string said = e.what();
    for (const char* part : {"parameter 1", "blk.0.attn_q.weight", "blk.0.attn_output.weight"})
      EXPECT_NE(said.find(part), std::string::npos) << said;
  }
  std::filesystem::remove_all(folder);
}

TEST(Trainer, StopsWhereAValueIsNoNumber) {
  TinyRun run(1);
  for (int i = 0; i < 2; ++i) run.trainer().step();
  for (const Parameter& p : run.learning.parameters)
    if (p.name == "blk.1.ffn_down.weight")
      (*run.learning.values)[p.begin] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> before = run.values();
  try {
    run.trainer().step();
    FAIL();
  } catch (const TrainingStopped& e) {
    const std::string said = e.what();
    EXPECT_NE(said.find("step 3 (all)"), std::string::npos) << said;
    EXPECT_NE(said.find("the gradient of"), std::string::npos) << said;
    EXPECT_NE(said.find(".weight"), std::string::npos) << said;
  }
  const std::vector<float> after = run.values();
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_TRUE(before[i] == after[i] || std::isnan(before[i])) << i;
  EXPECT_EQ(run.trainer().steps_taken(), 2);
}

TEST(Trainer, StopsAtASpikeAndKeepsTheWeights) {
  TinyRun run(1);
  run.recipe.spike = 1.5;
  for (int i = 0; i < 11; ++i) run.trainer().step();
  for (const Parameter& p : run.learning.parameters)
    if (p.name == "output_norm.weight")  // of the logits
      for (Index i = 0; i < p.n(); ++i) (*run.learning.values)[p.begin + i] *= -100;
  const std::vector<float> before = run.values();
  try {
    run.trainer().step();
    FAIL();
  } catch (const TrainingStopped& e) {
    EXPECT_NE(std::string(e.what()).find("step 12 (all): expected a loss below 1.5 times"), std::string::npos)
        << e.what();
    EXPECT_NE(std::string(e.what()).find("the largest gradient is that of "), std::string::npos) << e.what();
  }
  EXPECT_EQ(before, run.values());
}

/// Turned the wrong way and made longer: what the model says is wrong, and it is sure of it.
void spoil(TinyRun& run) {
  for (const Parameter& p : run.learning.parameters)
    if (p.name == "output_norm.weight")
      for (Index i = 0; i < p.n(); ++i) (*run.learning.values)[p.begin + i] *= -100;
}

/// Steps of stages with one length, and nothing drawn.
void set_stages(TinyRun& run, const std::vector<Index>& steps) {
  TrainStage stage = run.recipe.stages.front();
  stage.methods.clear(), stage.n_ctx = {24};
  run.recipe.stages.clear();
  for (const Index n : steps) {
    run.recipe.stages.push_back(stage);
    run.recipe.stages.back().name = fmt::format("{}", run.recipe.stages.size());
    run.recipe.stages.back().steps = n;
  }
}

TEST(Trainer, SeesASpikeFromTheSecondStepOn) {
  for (const Index n : {1, 3, 9, 10}) {
    TinyRun run(1);
    set_stages(run, {12});
    for (Index i = 0; i < n; ++i) run.trainer().step();
    spoil(run);
    EXPECT_THROW(run.trainer().step(), TrainingStopped) << n;
    EXPECT_EQ(run.trainer().steps_taken(), n);
  }
}

TEST(Trainer, SeesASpikeInANewStage) {
  for (const Index n : {12, 13, 21, 22}) {  // its first step; its second; as soon as it has ten of its own
    TinyRun run(1);
    set_stages(run, {12, 20});
    for (Index i = 0; i < n; ++i) run.trainer().step();
    EXPECT_EQ(run.trainer().state().recent.size(), static_cast<std::size_t>(n)) << n;
    spoil(run);
    try {
      run.trainer().step();
      FAIL() << n;
    } catch (const TrainingStopped& e) {
      EXPECT_NE(std::string(e.what()).find(" (2): expected a loss below"), std::string::npos) << e.what();
    }
  }
  TinyRun run(1);
  set_stages(run, {12, 20});
  for (Index i = 0; i < 24; ++i) run.trainer().step();
  EXPECT_EQ(run.trainer().state().recent.size(), 12u);  // its own alone
}

/// Other data at once: up to what who knows nothing would have, and for ten steps.
TEST(Trainer, AHarderStageIsNoSpike) {
  TinyRun run(1);
  set_stages(run, {40, 20});
  for (Index i = 0; i < 40; ++i) run.trainer().step();
  ASSERT_LT(run.trainer().state().recent.back(), std::log(128.0) - 0.1);
  run.recipe.spike = 1e-3;  // any loss is more than so many times those before
  for (Index i = 0; i < 10; ++i) run.trainer().step();
  EXPECT_THROW(run.trainer().step(), TrainingStopped);
  TinyRun first(1);
  set_stages(first, {40});
  first.recipe.spike = 1e-3;
  first.trainer().step();
  EXPECT_THROW(first.trainer().step(), TrainingStopped);
}

TEST(Trainer, JudgesUnderTheMethodOfAStageThatHasOne) {
  const auto judged = [](const std::vector<MethodChoice>& methods, const char* under) {
    TinyRun run(1);
    set_stages(run, {12});
    run.recipe.stages[0].methods = methods;
    const double value = run.trainer().evaluate().at(0).value;
    double sum = 0;
    const std::vector<Sample> pieces =
        even_pieces({"a", counting_up(run.learning.model->config().n_vocab), 0}, {}, 4, 16);
    for (const Sample& piece : pieces) {
      const std::vector<TrainingText> one = {piece.text()};
      sum += run.learner->loss(one, MethodSpec::parse(under), {0, 0});
    }
    EXPECT_NEAR(value, sum / (4 * 16), 1e-5) << under;
    return value;
  };
  const double plain = judged({}, "none");
  EXPECT_NE(judged({{"pi:factor=3", 1}}, "pi:factor=3"), plain);
  EXPECT_NE(judged({{"rerope:window=5", 1}}, "rerope:window=5"), plain);
  EXPECT_EQ(judged({{"pi:factor={2..3}", 1}}, "none"), plain);
  EXPECT_EQ(judged({{"none", 1}, {"pi:factor=3", 1}}, "none"), plain);
}

TEST(StageMethod, IsOneForAllBatchesOrNone) {
  const std::shared_ptr<const Model> model =
      Model::open(golden("tiny/llama"), make_cpu_backend(Precision::kF32));
  TrainStage stage{.name = "long", .steps = 1, .n_ctx = {128}};
  const auto of = [&](const char* method) {
    stage.methods = {{method, 1}};
    const auto one = stage_method(stage, model->config());
    return one ? one->text() : "several";
  };
  EXPECT_EQ(stage_method(stage, model->config())->text(), "none");
  EXPECT_EQ(of("pi"), "pi:factor=2,replace=0");  // trained on 64
  EXPECT_EQ(of("pi:factor={2..4}"), "several");
  stage.n_ctx = {128, 256};
  EXPECT_EQ(of("pi"), "several");
  EXPECT_EQ(of("pi:factor=4"), "pi:factor=4,replace=0");
}

TEST(StageMethod, IsSaidInTheWrittenModelWhereItCanBe) {
  const std::shared_ptr<const Model> model =
      Model::open(golden("tiny/llama"), make_cpu_backend(Precision::kF32));
  TrainStage stage{.name = "long", .steps = 1, .n_ctx = {128, 96}};
  const auto of = [&](const char* method, bool goes_on = true) {
    stage.methods.clear();
    if (*method != 0) stage.methods = {{method, 1}};
    return written_method(stage, model->config(), goes_on);
  };
  WrittenMethod written = of("pi:factor=2");
  ASSERT_TRUE(written.gguf && written.config);
  EXPECT_EQ(written.config->config["max_position_embeddings"], 128);
  EXPECT_EQ(written.lines,
            std::vector<std::string>{"the written model says pi:factor=2,replace=0, for 128 tokens"});
  written = of("");  // plain, on longer texts than before
  ASSERT_TRUE(written.gguf && written.config);
  EXPECT_EQ(written.config->config["max_position_embeddings"], 128);
  EXPECT_TRUE(of("", false).lines.empty());
  EXPECT_FALSE(of("", false).gguf);
  written = of("rerope:window=9");
  EXPECT_FALSE(written.gguf || written.config);
  ASSERT_EQ(written.lines.size(), 3u);
  EXPECT_NE(written.lines[0].find("model.gguf does not say rerope:window=9: "), std::string::npos);
  EXPECT_EQ(written.lines[2], "what does not say it is read by ropewalk with --method rerope:window=9");
  written = of("temperature:value={0.6..1}");
  EXPECT_EQ(written.lines, std::vector<std::string>{
                               "the written model says no method: the batches of stage long have several"});
}

TEST(Trainer, AStopIsOfNoCheckpoint) {
  const std::string folder = testing::TempDir() + "trainer_stop" + std::to_string(getpid());
  EXPECT_EQ(left_by_stop(folder, 1, false), "there is no checkpoint yet: --resume begins anew");
  TinyRun run(1);
  set_stages(run, {12});
  const auto save = [&] { save_run(folder, run.trainer().state(), {{"of", "settings"}}); };
  for (Index i = 0; i < 2; ++i) run.trainer().step();
  save();
  EXPECT_EQ(left_by_stop(folder, 9, true), "--resume goes back to step 2; should it stop again: take " +
                                               folder + "/step-000002 away, and --resume begins anew");
  for (Index i = 0; i < 2; ++i) run.trainer().step();
  save();
  EXPECT_EQ(left_by_stop(folder, 9, true), "--resume goes back to step 4; should it stop again: take " +
                                               folder +
                                               "/step-000004 away, and --resume goes back to step 2");
  EXPECT_EQ(left_by_stop(folder, 5, false), "the checkpoint of step 4 is broken already: take " + folder +
                                                "/step-000004 away, and --resume goes back to step 2");
  EXPECT_EQ(
      left_by_stop(folder, 5, true),
      "the step right behind the checkpoint of step 4 stops, whatever the rate: take " + folder +
          "/step-000004 away, and --resume goes back to step 2; or a larger spike in [optimizer] (0: none "
          "stops) lets it pass");
  std::filesystem::remove_all(folder);
}

TEST(Trainer, TheShareFoundIsThatOfTheLikeliestTokens) {
  TinyRun run(1);
  Sample sample;
  sample.tokens = {5, 6, 7, 8};
  std::vector<Token> likeliest(4);
  Session session(*run.learning.model, MethodSpec::parse("none"), {.n = 4});
  session.run(sample.tokens, Wanted{.begin = 0, .end = 4, .greatest = likeliest.data()});
  sample.targets = likeliest, sample.weights = {1, 9, 9, 1};
  Sample wrong = sample;
  wrong.targets[2] ^= 1;   // asked for, and another
  sample.targets[0] ^= 1;  // another, but not asked for
  std::vector<Parameter> all = run.learning.parameters;
  std::vector<std::unique_ptr<Optimizer>> optimizers;
  optimizers.push_back(make_adamw(all, {}, run.context));
  Trainer trainer(run.learning, *run.learner, std::move(optimizers), run.recipe, run.sources,
                  {{"keys", {sample, wrong}, 9}}, run.context);
  const std::vector<HeldOutValue> values = trainer.evaluate();
  ASSERT_EQ(values.size(), 1u);
  EXPECT_TRUE(values[0].share);
  EXPECT_DOUBLE_EQ(values[0].value, 0.5);
}

}  // namespace
}  // namespace rw
