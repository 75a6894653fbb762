// SPDX-License-Identifier: Apache-2.0
/// Many sequences in one step, forks, and errors anywhere: a sequence's bits are those that it has alone.
#include "model/engine.h"

#include <random>

#include "kernels/forwarding_backend.h"
#include "model/sequence_state.h"
#include "model_test_util.h"

namespace rw {
namespace {

const TestModel& model_of(Precision precision) {
  static const TestModel bf16(golden("tiny/llama"), make_cpu_backend(Precision::kBf16));
  static const TestModel f32(golden("tiny/llama"), make_cpu_backend(Precision::kF32));
  return precision == Precision::kBf16 ? bf16 : f32;
}

/// Some tokens, read or written.
struct Stretch {
  std::vector<Token> tokens;
  Stage stage;
};

/// All logits of a text that is read or written in these stretches, by a sequence on its own.
std::vector<float> alone(const Model& model, const std::string& spec, const SequenceOptions& options,
                         const std::vector<Stretch>& stretches) {
  std::vector<float> result;
  const LogitsSink keep = [&](Index, Index n, const float* logits) {
    result.insert(result.end(), logits, logits + n * model.config().n_vocab);
  };
  Sequence sequence(model, MethodSpec::parse(spec), options);
  Engine engine(model.shared_from_this());
  for (const Stretch& stretch : stretches) {
    const StepInput input{&sequence, stretch.tokens, stretch.stage, {0, options.n, &keep}};
    engine.step({&input, 1});
  }
  return result;
}

/// One of many texts: what it is, where it stands, and what it got.
struct Text {
  std::string spec;
  std::vector<Stretch> stretches;
  std::vector<Sequence> sequence;  // one
  std::size_t next = 0;
  std::vector<float> logits;
  LogitsSink keep;
};

TEST(Engine, SixtyFourUnequalSequencesAreEachAsIfAlone) {
  const std::vector<std::string> specs = every_spec();
  for (const Precision precision : {Precision::kBf16, Precision::kF32}) {
    const Model& model = model_of(precision).model;
    const Index n_vocab = model.config().n_vocab;
    std::mt19937 random(7);
    std::vector<Text> texts(64);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      Text& text = texts[i];
      text.spec = specs[i % specs.size()];
      // Prompts of 1 to 150 tokens in one to three stretches, then tokens that are written, some two at once.
      for (Index part = 0; part < static_cast<Index>(i % 3 + 1); ++part)
        text.stretches.push_back({some_tokens(1 + random() % 50, n_vocab, random()), Stage::kPrefill});
      for (Index part = 0; part < static_cast<Index>(random() % 5); ++part)
        text.stretches.push_back({some_tokens(1 + random() % 2, n_vocab, random()), Stage::kDecode});
      text.sequence.emplace_back(model, MethodSpec::parse(text.spec), SequenceOptions{.n = 200});
      text.keep = [&text, n_vocab](Index, Index n, const float* logits) {
        text.logits.insert(text.logits.end(), logits, logits + n * n_vocab);
      };
    }
    Engine engine(model.shared_from_this(), 300);  // some steps take several passes
    for (bool any = true; any;) {
      std::vector<StepInput> inputs;
      for (Text& text : texts) {
        if (text.next == text.stretches.size() || random() % 4 == 0) continue;  // it waits
        const Stretch& stretch = text.stretches[text.next++];
        inputs.push_back({&text.sequence[0], stretch.tokens, stretch.stage, {0, 200, &text.keep}});
      }
      engine.step(inputs);
      any = std::any_of(texts.begin(), texts.end(),
                        [](const Text& text) { return text.next < text.stretches.size(); });
    }
    for (const Text& text : texts)
      EXPECT_EQ(largest_difference(alone(model, text.spec, {.n = 200}, text.stretches), text.logits), 0)
          << text.spec;
  }
}

/// Losses, the likeliest token and logits of the same rows agree, in any mixture of sequences.
TEST(Engine, GivesWhatIsWantedOfARow) {
  const Model& model = model_of(Precision::kBf16).model;
  const Index n_vocab = model.config().n_vocab;
  const std::vector<Token> tokens = some_tokens(90, n_vocab), other = some_tokens(33, n_vocab, 5);
  Sequence a(model, MethodSpec::parse("yarn"), {.n = 90}), b(model, MethodSpec::parse("none"), {.n = 90});
  std::vector<float> logits;
  const LogitsSink keep = [&](Index first, Index n, const float* rows) {
    EXPECT_EQ(first, 40);
    logits.assign(rows, rows + n * n_vocab);
  };
  std::vector<double> losses(20);
  std::vector<Token> greatest(20), top(60);
  std::vector<float> top_logits(60);
  const StepInput inputs[] = {{&b, other, Stage::kPrefill, {}},
                              {&a,
                               tokens,
                               Stage::kPrefill,
                               {40, 60, &keep, std::span(tokens).subspan(41, 20), losses.data(),
                                greatest.data(), 3, top.data(), top_logits.data()}}};
  Engine engine(model.shared_from_this());
  engine.step(inputs);
  ASSERT_EQ(logits.size(), static_cast<std::size_t>(20 * n_vocab));
  EXPECT_EQ(losses, losses_of(model.backend(), logits.data(), n_vocab, std::span(tokens).subspan(41, 20)));
  for (std::size_t row = 0; row < 20; ++row) {
    const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(row) * n_vocab;
    EXPECT_EQ(greatest[row], std::max_element(begin, begin + n_vocab) - begin);
    EXPECT_EQ(top[3 * row], greatest[row]);
    for (std::size_t i = 3 * row; i < 3 * row + 3; ++i) EXPECT_EQ(top_logits[i], begin[top[i]]);
    EXPECT_TRUE(top_logits[3 * row] >= top_logits[3 * row + 1] &&
                top_logits[3 * row + 1] >= top_logits[3 * row + 2]);
    EXPECT_EQ(
        std::count_if(begin, begin + n_vocab, [&](float logit) { return logit > top_logits[3 * row + 2]; }),
        2);
  }
}

TEST(Engine, RefusesWhatItCannotReadBeforeItReads) {
  const Model &model = model_of(Precision::kF32).model, &foreign = model_of(Precision::kBf16).model;
  Engine engine(model.shared_from_this());
  Sequence a(model, MethodSpec::parse("none"), {.n = 10}), b(foreign, MethodSpec::parse("none"), {.n = 10});
  const std::vector<Token> five(5, 1), bad{1, 9999};
  double loss = 0;
  Token token = 0;
  float logit = 0;
  const std::vector<std::vector<StepInput>> wrong{
      {{&a, five}, {&b, five}},  // another model's
      {{&a, five}, {&a, five}},  // twice
      {{&a, bad}},
      {{&a, some_tokens(11, 100)}},
      {{&a, five, Stage::kPrefill, {.end = 1, .k = 3, .top_ids = &token}}},  // without their logits
      {{&a, five, Stage::kPrefill, {.end = 1, .k = 999, .top_ids = &token, .top_logits = &logit}}},
      {{&a, five, Stage::kPrefill, {.end = 6, .greatest = &token}}},  // a row that is not read
      {{&a, five, Stage::kPrefill, {0, 1, nullptr, five, &loss}}},    // five targets of one row
      {{&a, five, Stage::kPrefill, {0, 1, nullptr, std::span(bad).last(1), &loss}}}};
  for (const auto& inputs : wrong) {
    EXPECT_THROW(engine.step(inputs), Error);
    EXPECT_EQ(a.position(), 0);
    EXPECT_TRUE(a.usable());
  }
  EXPECT_THROW(a.truncate(1), Error);
  EXPECT_THROW(a.fork(-1), Error);
}

/// Texts of 600 tokens are longer than self-extend has a default for with a model of 64.
std::vector<std::string> specs_at_600() {
  std::vector<std::string> specs = every_spec();
  std::replace(specs.begin(), specs.end(), std::string("self-extend"),
               std::string("self-extend:window=32,group=32"));
  return specs;
}

class EveryMethodForks : public testing::TestWithParam<std::string> {};

/// At any token, once and again, of what was read and of what was written, whatever windows have passed:
/// a fork, what it was forked from and a sequence that was truncated all go on as if each were alone.
void expect_forks_as_alone(const Model& model, const std::string& spec) {
  std::mt19937 random(11);
  const Index n_vocab = model.config().n_vocab, n = 600;
  const SequenceOptions options{.n = n, .n_prompt = 400};
  const std::vector<Token> tokens = some_tokens(n, n_vocab), others = some_tokens(n, n_vocab, 77);
  const auto cut = [](const std::vector<Token>& from, Index begin, Index end) {
    return std::vector<Token>(from.begin() + begin, from.begin() + end);
  };
  Engine engine(model.shared_from_this(), 128);
  const auto go_on = [&](Sequence& s, const std::vector<Stretch>& stretches) {
    std::vector<float> logits;
    const LogitsSink keep = [&](Index, Index rows, const float* from) {
      logits.insert(logits.end(), from, from + rows * n_vocab);
    };
    for (const Stretch& stretch : stretches) {
      const StepInput input{&s, stretch.tokens, stretch.stage, {0, n, &keep}};
      engine.step({&input, 1});
    }
    return logits;
  };
  // Read to 400, written to 420.
  const std::vector<Stretch> begun{{cut(tokens, 0, 400), Stage::kPrefill},
                                   {cut(tokens, 400, 420), Stage::kDecode}};
  const auto until = [&](Index place) {
    std::vector<Stretch> result{{cut(tokens, 0, std::min<Index>(place, 400)), Stage::kPrefill}};
    if (place > 400) result.push_back({cut(tokens, 400, place), Stage::kDecode});
    return result;
  };
  // What follows a common prefix, on its own: its logits are the last ones.
  const auto expect_goes_on = [&](Sequence& s, Index place, const std::vector<Token>& with) {
    const std::vector<Stretch> more{{cut(with, place, place + 9), Stage::kPrefill},
                                    {cut(with, place + 9, place + 12), Stage::kDecode}};
    std::vector<Stretch> all = until(place);
    all.insert(all.end(), more.begin(), more.end());
    const std::vector<float> whole = alone(model, spec, options, all);
    const std::vector<float> last(whole.end() - 12 * n_vocab, whole.end());
    EXPECT_EQ(largest_difference(last, go_on(s, more)), 0) << place;
    EXPECT_EQ(s.position(), place + 12);
  };
  Sequence parent(model, MethodSpec::parse(spec), options);
  go_on(parent, begun);
  for (const Index place :
       {Index{0}, static_cast<Index>(random() % 256), Index{256}, 257 + static_cast<Index>(random() % 143),
        static_cast<Index>(400 + random() % 20)}) {
    Sequence fork = parent.fork(place), second = fork.fork(place);
    expect_goes_on(fork, place, others);
    expect_goes_on(second, place, tokens);
    fork.truncate(place);
    expect_goes_on(fork, place, tokens);
  }
  expect_goes_on(parent, 420, others);  // its forks have left no trace in it
  const Index back = static_cast<Index>(random() % 420);
  parent.truncate(back);
  expect_goes_on(parent, back, others);
}

TEST_P(EveryMethodForks, AndTruncatesAsIfItHadReadAgain) {
  for (const Precision precision : {Precision::kBf16, Precision::kF32})
    expect_forks_as_alone(model_of(precision).model, GetParam());
}

/// Layers with a state, which cannot be taken back: what is to be forgotten is read again from one that was
/// kept.
class EveryStateForks : public testing::TestWithParam<const char*> {};

TEST_P(EveryStateForks, AndTruncatesAsIfItHadReadAgain) {
  const TestModel m(tiny(GetParam()), make_cpu_backend(Precision::kBf16));
  for (const char* spec : {"none", "rerope:window=16", "lm-infinite:sink=4,window=64", "dynamic-ntk:grow=1"})
    expect_forks_as_alone(m.model, spec);
}

/// Values narrower and wider than keys.
class EveryLatentForks : public testing::TestWithParam<const char*> {};

TEST_P(EveryLatentForks, AndTruncatesAsIfItHadReadAgain) {
  const TestModel m(tiny(GetParam()), make_cpu_backend(Precision::kBf16));
  for (const char* spec :
       {"none", "rerope:window=16", "lm-infinite:sink=4,window=64", "dynamic-ntk:grow=1,replace=1"})
    expect_forks_as_alone(m.model, spec);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryLatentForks,
                         testing::Values("deepseek_v2", "deepseek_v2_groups", "deepseek_v3", "minicpm3"));

INSTANTIATE_TEST_SUITE_P(Kinds, EveryStateForks,
                         testing::Values("qwen3_5", "qwen3_5_moe", "lfm2", "granite_hybrid", "nemotron_h"));

TEST(States, AreKeptWhereATextIsRewoundAndOnTheWay) {
  const TestModel m(tiny("qwen3_5"), make_cpu_backend(Precision::kBf16));
  const std::vector<Token> tokens = some_tokens(1000, m.model.config().n_vocab);
  Sequence s(m.model, MethodSpec::parse("none"), {.n = 1000, .rewind_to = 333});
  Engine engine(m.shared, 100);
  for (const Index n : {Index{500}, Index{400}}) {
    const auto begin = static_cast<std::size_t>(s.position());
    const StepInput input{&s, std::span(tokens).subspan(begin, static_cast<std::size_t>(n))};
    engine.step({&input, 1});
  }
  EXPECT_EQ(s.resumes_at(900), 900);
  EXPECT_EQ(s.resumes_at(333), 333);
  EXPECT_EQ(s.state().states.kept().size(), RecurrentStates::kMostKept);
  EXPECT_GT(s.resumes_at(899), 333);  // some on the way
  EXPECT_LT(s.resumes_at(899), 899);
  const std::size_t bytes = s.cache_bytes();
  EXPECT_LE(bytes, most_cache_bytes(m.model.config(), m.model.backend().kv_type(), s.method(), 1000, 1000));
  s.truncate(400);
  EXPECT_EQ(s.position(), 400);
  EXPECT_EQ(s.resumes_at(332), 0);
  Sequence fork = s.fork(333);
  EXPECT_EQ(fork.resumes_at(333), 333);
  // A chat keeps one shortly before the end of each prompt.
  fork.keep_state_at(910);
  const StepInput more{&fork, std::span(tokens).subspan(333)};
  engine.step({&more, 1});
  EXPECT_EQ(fork.resumes_at(950), 910);
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryMethodForks, testing::ValuesIn(specs_at_600()), [](const auto& test) {
  std::string name = test.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

/// Throws in the operation that is `fails_at` calls away.
class FailingBackend : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  mutable int fails_at = -1;

  void embed(const WeightRows& embedding, std::span<const Token> tokens, float scale, const float* bias,
             float* y) const override {
    count(), ForwardingBackend::embed(embedding, tokens, scale, bias, y);
  }
  void linear(const Input& input, std::span<const Output> outputs, Stage stage) const override {
    count(), ForwardingBackend::linear(input, outputs, stage);
  }
  void feed_forward(const Input& input, const FeedForward& layer, float* y, bool add,
                    Stage stage) const override {
    count(), ForwardingBackend::feed_forward(input, layer, y, add, stage);
  }
  void append(KvLayer& kv, const float* k, Index k_stride, const float* v, Index v_stride,
              const KeyPlan& plan) const override {
    count(), ForwardingBackend::append(kv, k, k_stride, v, v_stride, plan);
  }
  void attention(std::span<const AttentionTask> tasks, int n_heads) const override {
    count(), ForwardingBackend::attention(tasks, n_heads);
  }
  void drop(KvLayer& kv, Index next_row) const override { count(), ForwardingBackend::drop(kv, next_row); }
  void losses(const float* logits, Index n_vocab, std::span<const Token> targets,
              double* losses) const override {
    count(), ForwardingBackend::losses(logits, n_vocab, targets, losses);
  }

 private:
  void count() const {
    if (fails_at >= 0 && fails_at-- == 0) throw std::bad_alloc();
  }
};

TEST(Engine, AnErrorAnywhereLeavesEverySequenceAsItWas) {
  const auto failing = std::make_shared<const FailingBackend>(make_cpu_backend(Precision::kBf16));
  const TestModel m(golden("tiny/llama"), failing);
  const Index n_vocab = m.model.config().n_vocab;
  const std::vector<Token> prompt = some_tokens(60, n_vocab), more = some_tokens(20, n_vocab, 3);
  const std::vector<std::string> specs{"none", "window:window=9", "rerope:window=16", "dynamic-ntk:grow=1"};
  const auto step = [&](Engine& engine, std::vector<Sequence>& sequences, const std::vector<Token>& tokens,
                        std::vector<std::vector<double>>& losses) {
    std::vector<StepInput> inputs;
    losses.assign(specs.size(), std::vector<double>(tokens.size() - 1));
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      const Index begin = sequences[i].position();
      inputs.push_back({&sequences[i],
                        tokens,
                        i == 0 ? Stage::kDecode : Stage::kPrefill,
                        {begin, begin + static_cast<Index>(tokens.size()) - 1, nullptr,
                         std::span(tokens).subspan(1), losses[i].data()}});
    }
    engine.step(inputs);
  };
  const auto begin = [&] {
    std::vector<Sequence> sequences;
    for (const std::string& spec : specs)
      sequences.emplace_back(m.model, MethodSpec::parse(spec), SequenceOptions{.n = 80, .n_prompt = 80});
    return sequences;
  };
  Engine engine(m.shared, 50);  // each step takes several passes
  std::vector<std::vector<double>> first, second, losses;
  std::vector<Sequence> sequences = begin();
  step(engine, sequences, prompt, first), step(engine, sequences, more, second);
  int n_failed = 0;
  for (bool failed = true; failed; ++n_failed) {
    std::vector<Sequence> again = begin();
    failing->fails_at = -1;
    step(engine, again, prompt, losses);
    EXPECT_EQ(losses, first);
    failing->fails_at = n_failed;
    failed = false;
    try {
      step(engine, again, more, losses);
    } catch (const std::bad_alloc&) {
      failed = true;
      failing->fails_at = -1;
      for (const Sequence& sequence : again) EXPECT_TRUE(sequence.usable() && sequence.position() == 60);
      step(engine, again, more, losses);
    }
    EXPECT_EQ(losses, second) << n_failed;
  }
  EXPECT_GT(n_failed, 40);
}

TEST(Engine, AThrowingSinkLeavesTheSequenceAsItWas) {
  const Model& model = model_of(Precision::kF32).model;
  const std::vector<Token> tokens = some_tokens(100, model.config().n_vocab);
  Session session(model, MethodSpec::parse("window:window=8"), {.n = 100, .chunk = 30});
  const LogitsSink refuse = [](Index, Index, const float*) { throw Error("sink", "room", "none"); };
  session.run(std::span(tokens).first(50), 0, 0, {});
  EXPECT_THROW(session.run(std::span(tokens).subspan(50), 95, 96, refuse), Error);  // in its second pass
  EXPECT_EQ(session.position(), 50);
  std::vector<float> rest;
  session.run(std::span(tokens).subspan(50), 99, 100,
              [&](Index, Index, const float* row) { rest.assign(row, row + model.config().n_vocab); });
  const auto all = all_logits(model, "window:window=8", tokens, {.n = 100});
  EXPECT_EQ(largest_difference(rest, {all.end() - model.config().n_vocab, all.end()}), 0);
}

}  // namespace
}  // namespace rw
