// SPDX-License-Identifier: Apache-2.0
/// --method auto: what it decides for each request, the file it reads, and parameters that follow the length.
#include "methods/auto.h"

#include <filesystem>
#include <fstream>

#include "methods/tuned_file.h"
#include "methods_test_util.h"

namespace rw {
namespace {

AutoChoice choose(Index n, const std::vector<TunedSetting>& tuned) {
  return decide(context_of(16, 8192, n), tuned);
}

const std::vector<TunedSetting> two{{.length = 65536, .method = "dca"},
                                    {.length = 16384, .method = "yarn:factor=1.5x"}};
const std::vector<TunedSetting> plain{{.length = 16384, .method = "none"}};

struct Case {
  Index n;
  std::vector<TunedSetting> tuned;
  AutoReason reason;
  std::string method, says;
};

/// A model without positions, or whose layers all have a window: what was tuned or is usual would do nothing.
TEST(Auto, TakesPlainRopeWhereNoLayerActs) {
  RopeContext no_positions = context_of(16, 8192, 16384), windowed = no_positions;
  no_positions.rotary_dim = 0, windowed.acts = false;
  for (const RopeContext& context : {no_positions, windowed})
    for (const std::vector<TunedSetting>& tuned : {std::vector<TunedSetting>{}, two}) {
      const AutoChoice choice = decide(context, tuned);
      EXPECT_EQ(choice.reason, AutoReason::kNoLayer);
      EXPECT_EQ(choice.spec.text(), "none");
      EXPECT_NE(choice.why.find("no layer"), std::string::npos) << choice.why;
    }
}

TEST(Auto, TheDecisionForEachLength) {
  const std::string untuned = kUntunedMethod, far = kUntunedFarMethod;
  const std::vector<Case> cases{
      {1, {}, AutoReason::kFits, "none", "1 token fits in the 8192"},
      {8192, two, AutoReason::kFits, "none", "8192 tokens fit in the 8192"},
      {8193, two, AutoReason::kTuned, "yarn:factor=1.5x", "tuned at 16384 tokens, bound to 8193"},
      {16384, two, AutoReason::kTuned, "yarn:factor=1.5x", "tuned at 16384 tokens, bound to 16384"},
      {16385, two, AutoReason::kTuned, "dca", "tuned at 65536 tokens, bound to 16385"},
      {65537, two, AutoReason::kPast, "dca", "tuned up to 65536 tokens only, bound to 65537, not judged"},
      {16384, plain, AutoReason::kTuned, "none", "tuned at 16384"},
      {16385, plain, AutoReason::kPast, untuned, "nothing beat plain RoPE to 16384"},
      {8193, {}, AutoReason::kUntuned, untuned, "8193 tokens, trained on 8192, nothing tuned"},
      {65536, {}, AutoReason::kUntuned, untuned, "nothing tuned"},
      {65537, {}, AutoReason::kUntuned, far, "nothing tuned"},
      {65537, plain, AutoReason::kPast, far, "nothing tuned past it"},
      {Index{1} << 31, {}, AutoReason::kUntuned, far, "nothing tuned"},
  };
  for (const Case& c : cases) {
    const AutoChoice choice = choose(c.n, c.tuned);
    EXPECT_EQ(choice.reason, c.reason) << c.n;
    EXPECT_EQ(choice.spec.text(), c.method) << c.n;
    EXPECT_NE(choice.why.find(c.says), std::string::npos) << choice.why;
    EXPECT_NE(choice.why.find(choice.spec.text()), std::string::npos) << choice.why;
    EXPECT_NO_THROW(Method::bind(choice.spec, context_of(16, 8192, c.n))) << c.n;
  }
}

/// Tuned at 16384, self-extend has no group for a request so far past it; whoever wrote "auto" has no window
/// to give.
TEST(Auto, TakesTheUsualWhereTheTunedCannotBeBound) {
  const std::vector<TunedSetting> grouped{{.length = 16384, .method = "self-extend:window=16"}};
  const Index n = 200000;
  EXPECT_THROW(Method::bind(MethodSpec::parse(grouped[0].method), context_of(16, 8192, n)), UsageError);
  const AutoChoice choice = choose(n, grouped);
  EXPECT_EQ(choice.reason, AutoReason::kPast);
  EXPECT_EQ(choice.spec.text(), kUntunedFarMethod);
  EXPECT_NE(choice.why.find("past what the tuned self-extend:window=16 can be bound to"), std::string::npos)
      << choice.why;
  EXPECT_NO_THROW(Method::bind(choice.spec, context_of(16, 8192, n)));
  EXPECT_EQ(choose(20000, grouped).spec.text(), grouped[0].method) << "not judged there, but bound";
}

/// In full, but for the one parameter that every frequency method has.
std::string text_of(const Method& method) {
  std::string text = method.text();
  for (const char* part : {",replace=0", "replace=0,"})
    if (const std::size_t at = text.find(part); at != std::string::npos) text.erase(at, 10);
  return text;
}

/// The fault that was seen: tuned at one length, used at another with the first one's factor.
TEST(Auto, AFactorFollowsTheRequest) {
  const auto factor = [](Index n) {
    const RopeContext context = context_of(16, 64, n);
    const std::vector<TunedSetting> tuned{{.length = 200, .method = "pi"}};
    return text_of(Method::bind(decide(context, tuned).spec, context));
  };
  EXPECT_EQ(factor(200), "pi:factor=3.125");
  EXPECT_EQ(factor(128), "pi:factor=2");
  EXPECT_EQ(factor(1504), "pi:factor=23.5");
}

std::string bound_text(const std::string& spec, Index trained, Index n) {
  return text_of(bound(spec, context_of(64, trained, n)));
}

/// What is worked out is used as it is printed: six digits, never too little, and the same when typed again.
TEST(Derived, HasFewDigitsAndReachesTheLength) {
  for (const Index trained : {48, 256, 300, 2048, 7777})
    for (const Index n : {trained + 1, 2 * trained - 1, 3 * trained + 7, 10 * trained + 3})
      for (const char* spec : {"pi", "ntk", "yarn", "leaky-rerope", "lampe", "yarn:factor=1.7x",
                               "leaky-rerope:factor=1.1x", "base:value=3.3x", "llama3"}) {
        const RopeContext context = context_of(64, trained, n);
        const Method method = bound(spec, context);
        const std::string text = method.text();
        EXPECT_EQ(bound(text, context).text(), text);
        EXPECT_EQ(bound(text, context).fingerprint(n), method.fingerprint(n)) << text;
        for (const char* name : {"factor=", "rate=", "value="}) {
          const std::size_t at = text.find(name);
          if (at == std::string::npos) continue;
          const std::string value = text.substr(at + std::string(name).size());
          const std::string number = value.substr(0, value.find(','));
          if (text.find("attention_factor=") + 10 == at) continue;  // the published formula's own value
          EXPECT_EQ(fmt::format("{}", std::stod(fmt::format("{:.6g}", std::stod(number)))), number) << text;
          if (std::string(spec) == "pi") {
            EXPECT_GE(std::stod(number) * static_cast<double>(trained), n * (1 - 1e-12));
          }
        }
      }
  for (const double x : {1.0, 1.5, 3.125, 40000.0, 123456.0, 8.334375000000001, 1e-7, 1234567.0, 0.1}) {
    EXPECT_GE(few_digits(x), x * (1 - 1e-11));
    EXPECT_LE(few_digits(x), x * (1 + 1e-5));
    EXPECT_EQ(few_digits(few_digits(x)), few_digits(x));
  }
  EXPECT_EQ(few_digits(8.334375000000001), 8.33438);
  EXPECT_EQ(few_digits(3.125), 3.125);
  EXPECT_EQ(few_digits(0.1), 0.1);
}

TEST(Relative, TimesTheDefault) {
  EXPECT_EQ(bound_text("pi:factor=1.5x", 64, 128), "pi:factor=3");
  EXPECT_EQ(bound_text("pi:factor=1.5x", 64, 256), "pi:factor=6");
  EXPECT_EQ(bound_text("ntk:factor=0.75x", 64, 64), "ntk:factor=1") << "never below what the range allows";
  EXPECT_EQ(bound_text("base:value=4x", 64, 256), "base:value=40000");
  EXPECT_EQ(bound_text("rerope:window=0.5x", 64, 256), "rerope:window=8") << "half of trained / 4";
  // Its own default is (256 - 1 - 16) / (2/3 64 - 16), not 256 / 64.
  EXPECT_EQ(bound("leaky-rerope:factor=1x", context_of(64, 64, 256)).fingerprint(256),
            bound("leaky-rerope", context_of(64, 64, 256)).fingerprint(256));
  EXPECT_NE(bound("leaky-rerope:factor=2x", context_of(64, 64, 256)).fingerprint(256),
            bound("leaky-rerope", context_of(64, 64, 256)).fingerprint(256));
  EXPECT_EQ(bound_text("self-extend:group=2x", 64, 128), "self-extend:group=16,window=16");
  EXPECT_EQ(bound_text("jet-long:group=1.1x", 64, 256), "jet-long:group=5,window=16") << "rounded up";
}

TEST(Relative, WhatIsNoNumberOfTimesIsRefused) {
  for (const char* value : {"x", "-1x", "1xx", "1e999x", "nanx", "1x5"})
    EXPECT_THROW(bound_text(std::string("pi:factor=") + value, 64, 128), UsageError) << value;
}

class TunedFiles : public testing::Test {
 protected:
  TunedFiles() : path_(testing::TempDir() + "/m.ropewalk.json") { std::filesystem::remove(path_); }
  ~TunedFiles() override { std::filesystem::remove_all(path_); }
  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  std::string read() {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string path_;
};

TEST_F(TunedFiles, SeveralLengthsAreKeptWithTheirEvidence) {
  EXPECT_FALSE(read_tuned(path_));
  TunedFile file{"0.1.0", "m", "id", 8192};
  file.put({16384, "yarn", {{"date", "d1"}, {"z", 1}, {"a", 2}}});
  file.put({9000, "dca", {{"date", "d2"}}});
  file.put({16384, "leaky-rerope:factor=2x", {{"date", "d3"}, {"z", 1}, {"a", 2}}});
  write_tuned(path_, file);
  const std::string first = read();
  const std::optional<TunedFile> back = read_tuned(path_);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->model_id, "id");
  EXPECT_EQ(back->n_ctx_train, 8192);
  ASSERT_EQ(back->settings.size(), 2u);
  EXPECT_EQ(back->settings[0].length, 9000);
  EXPECT_EQ(back->settings[1].method, "leaky-rerope:factor=2x") << "the newer of one length";
  EXPECT_EQ(back->settings[1].evidence["date"], "d3");
  write_tuned(path_, *back);
  EXPECT_EQ(read(), first) << "the same bytes, so that nothing is lost or moved";
}

TEST_F(TunedFiles, AForeignOrBrokenFileIsRefusedAndStays) {
  const std::string ours =
      R"({"ropewalk": "0.1.0", "model": "m", "model_id": "id", "n_ctx_train": 64, "settings": [)";
  for (const std::string& text :
       {std::string(), std::string("a note\n"), std::string("[]"), std::string("{}"), std::string("7"),
        std::string(R"({"model_type": "llama"})"), std::string(R"({"ropewalk": 1})"), ours, ours + "3]}",
        ours + R"({"length": 0, "method": "pi"}]})", ours + R"({"length": -5, "method": "pi"}]})",
        ours + R"({"length": 1e9, "method": "pi"}]})", ours + R"({"length": 100}]})",
        ours + R"({"length": 100, "method": "yran"}]})", ours + R"({"length": 9999999999, "method": "pi"}]})",
        std::string("\0\xff\xfe{", 4)}) {
    write(text);
    try {
      read_tuned(path_);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(path_), std::string::npos) << error.what();
    }
    EXPECT_EQ(read(), text);
  }
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_THROW(read_tuned(path_), Error);
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/dev/zero", path_);
  EXPECT_THROW(read_tuned(path_), Error) << "an endless file";
}

TEST_F(TunedFiles, ThePathIsBesideTheModel) {
  EXPECT_EQ(tuned_path("a/m.gguf"), "a/m.gguf.ropewalk.json");
  EXPECT_EQ(tuned_path("a/folder//"), "a/folder.ropewalk.json");
}

}  // namespace
}  // namespace rw
