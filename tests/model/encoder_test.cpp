// SPDX-License-Identifier: Apache-2.0
/// Encoders: the same as transformers is TransformersTest's; here every method on both backends, texts longer
/// than a chunk, many texts together, and what an encoder does not do.
#include "core/error.h"
#include "model/engine.h"
#include "model_test_util.h"

namespace rw {
namespace {

const char* const kEncoders[] = {"tiny/roformer", "tiny/roformer_v2"};
constexpr Index kLong = 200;  // trained on 128

std::vector<float> whole(const TestModel& m, const std::string& spec, Index n, Index chunk = kDefaultChunk,
                         std::uint32_t seed = 1) {
  return all_logits(m.model, spec, some_tokens(n, 128, seed), {.n = n, .chunk = chunk});
}

TEST(Encoder, ComputesEveryMethodAsTheDefinitionDoes) {
  for (const char* name : kEncoders) {
    const TestModel fast(golden(name), make_cpu_backend(Precision::kF32)),
        definition(golden(name), make_reference_backend());
    const auto plain = whole(fast, "none", kLong);
    for (const char* spec :
         {"none", "pi", "ntk", "yarn:factor=2", "rerope:window=20", "window:window=30", "logn",
          "self-extend:window=16,group=4", "lm-infinite:sink=3,window=30", "dynamic-ntk", "ms-poe",
          "yarn:factor=2+rerope:window=20+logn", "lambda:sink=5,window=40"}) {
      SCOPED_TRACE(fmt::format("{} {}", name, spec));
      const auto logits = whole(fast, spec, kLong);
      EXPECT_LT(largest_difference(logits, whole(definition, spec, kLong)), 1e-4);
      if (spec != std::string("none")) {
        EXPECT_GT(largest_difference(logits, plain), 1e-4);
      }
    }
    EXPECT_THROW(whole(fast, "dca", kLong), UsageError);
  }
}

TEST(Encoder, ReadsATextThatIsLongerThanAChunk) {
  for (const char* name : kEncoders)
    for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
      const TestModel m(golden(name), make_cpu_backend(precision));
      for (const char* spec : {"none", "rerope:window=20", "window:window=9"})
        EXPECT_EQ(largest_difference(whole(m, spec, kLong, 7), whole(m, spec, kLong)), 0) << name << spec;
    }
}

TEST(Encoder, RowsSeeTheTokensOnBothSides) {
  const TestModel m(golden(kEncoders[0]), make_cpu_backend(Precision::kF32));
  std::vector<Token> tokens = some_tokens(20, 128);
  const auto before = all_logits(m.model, "none", tokens, {.n = 20});
  tokens.back() = tokens.back() == 5 ? 6 : 5;
  const auto after = all_logits(m.model, "none", tokens, {.n = 20});
  for (std::size_t row = 0; row < 20; ++row)
    EXPECT_FALSE(std::equal(&before[row * 128], &before[row * 128] + 128, &after[row * 128])) << row;
}

TEST(Encoder, SomeRowsAreThoseOfAll) {
  const TestModel m(golden(kEncoders[0]), make_cpu_backend(Precision::kF32));
  const auto all = whole(m, "none", 50);
  std::vector<float> some;
  Session session(m.model, MethodSpec::parse("none"), {.n = 50});
  session.run(some_tokens(50, 128), 20, 23, [&](Index first, Index n, const float* logits) {
    EXPECT_EQ(first, 20);
    some.assign(logits, logits + n * 128);
  });
  EXPECT_EQ(some, std::vector<float>(all.begin() + 20 * 128, all.begin() + 23 * 128));
}

TEST(Encoder, RowsThatLieApartAreThoseOfAll) {
  for (const char* name : {kEncoders[0], "tiny/llama"}) {
    const TestModel m(golden(name), make_cpu_backend(Precision::kF32));
    const Index n_vocab = m.model.config().n_vocab, chunk = 16;
    const std::vector<Token> tokens = some_tokens(60, static_cast<std::uint32_t>(n_vocab));
    const auto all = all_logits(m.model, "none", tokens, {.n = 60});
    const std::vector<Index> rows{3, 4, 20, 31, 59};
    const std::vector<Token> targets{1, 2, 3, 4, 5};
    std::vector<float> some;
    std::vector<double> losses(rows.size());
    std::vector<Token> greatest(rows.size());
    std::vector<Index> places;
    const LogitsSink sink = [&](Index first, Index n, const float* logits) {
      places.push_back(first);
      some.insert(some.end(), logits, logits + n * n_vocab);
    };
    Session session(m.model, MethodSpec::parse("none"), {.n = 60, .chunk = chunk});
    session.run(tokens, {.begin = 3,
                         .end = 60,
                         .logits = &sink,
                         .targets = targets,
                         .losses = losses.data(),
                         .greatest = greatest.data(),
                         .only = rows});
    EXPECT_EQ(places, name == kEncoders[0] ? std::vector<Index>{0} : (std::vector<Index>{0, 2, 4})) << name;
    std::vector<float> expected;
    for (const Index row : rows)
      expected.insert(expected.end(), &all[static_cast<std::size_t>(row * n_vocab)],
                      &all[static_cast<std::size_t>(row * n_vocab)] + n_vocab);
    EXPECT_EQ(some, expected) << name;
    EXPECT_EQ(losses, losses_of(m.model.backend(), expected.data(), n_vocab, targets)) << name;
    std::vector<Token> best(rows.size());
    m.model.backend().greatest(expected.data(), 5, n_vocab, m.model.n_choices(), best.data());
    EXPECT_EQ(greatest, best) << name;
    for (const auto& wrong : std::vector<std::vector<Index>>{{4, 4}, {5, 4}, {2}, {60}}) {
      Session other(m.model, MethodSpec::parse("none"), {.n = 60});
      EXPECT_THROW(other.run(tokens, {.begin = 3, .end = 60, .logits = &sink, .only = wrong}), Error) << name;
    }
  }
}

TEST(Encoder, ManyTextsTogetherHaveTheBitsTheyHaveAlone) {
  const TestModel m(golden(kEncoders[0]), make_cpu_backend(Precision::kF32));
  const Index lengths[] = {3, 40, 1, 17, 64};
  std::vector<Sequence> sequences;
  std::vector<std::vector<Token>> texts;
  std::vector<std::vector<Token>> found;
  for (const Index n : lengths) {
    sequences.emplace_back(m.model, MethodSpec::parse("yarn:factor=2"), SequenceOptions{.n = n});
    texts.push_back(some_tokens(n, 128, static_cast<std::uint32_t>(n)));
    found.emplace_back(static_cast<std::size_t>(n));
  }
  std::vector<StepInput> inputs;
  for (std::size_t i = 0; i < texts.size(); ++i)
    inputs.push_back({&sequences[i],
                      texts[i],
                      Stage::kPrefill,
                      {.begin = 0, .end = lengths[i], .greatest = found[i].data()}});
  Engine(m.shared, 32).step(inputs);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto alone =
        whole(m, "yarn:factor=2", lengths[i], kDefaultChunk, static_cast<std::uint32_t>(lengths[i]));
    std::vector<Token> expected(texts[i].size());
    m.model.backend().greatest(alone.data(), lengths[i], 128, m.model.n_choices(), expected.data());
    EXPECT_EQ(found[i], expected) << lengths[i];
  }
}

TEST(Encoder, WritesNothingAndReadsNothingInParts) {
  const TestModel m(golden(kEncoders[0]), make_cpu_backend(Precision::kF32));
  const auto says = [](const auto& call, const char* words) {
    try {
      call();
      ADD_FAILURE() << "no error: " << words;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  };
  const std::vector<Token> tokens = some_tokens(30, 128);
  Session session(m.model, MethodSpec::parse("window:window=5"), {.n = 30});
  says([&] { session.run(std::span(tokens).first(10), {}); }, "at once");
  says([&] { session.write(3); }, "writes none");
  session.run(tokens, {});
  says([&] { session.rewind(10); }, "both sides");
  const auto expected = all_logits(m.model, "window:window=5", tokens, {.n = 30});
  session.rewind(0);
  std::vector<float> again;
  session.run(tokens, 0, 30, [&](Index, Index n, const float* logits) {
    again.insert(again.end(), logits, logits + n * 128);
  });
  EXPECT_EQ(again, expected);
}

TEST(Encoder, IsReadFromItsNumbersAndTensors) {
  const ModelConfig config = read_config(*ModelFile::open(golden(kEncoders[0])));
  EXPECT_TRUE(config.encoder && config.output_transform && config.embedding.projected);
  EXPECT_TRUE(config.layers[0].norm_after_add && config.layers[0].attention.rotary_value);
  const ModelConfig v2 = read_config(*ModelFile::open(golden(kEncoders[1])));
  EXPECT_TRUE(v2.encoder && !v2.output_transform && !v2.embedding.projected && !v2.layers[0].norm_weight);
}

}  // namespace
}  // namespace rw
