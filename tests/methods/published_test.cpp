// SPDX-License-Identifier: Apache-2.0
/// Worked numbers of the literature, defaults, identities and refusals.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "methods/describe.h"
#include "methods_test_util.h"

namespace rw {
namespace {

using Row = std::vector<double>;

void expect_row(std::string_view spec, Index i, const Row& expected, Index trained = 64) {
  const Row row = planned_row(bound(spec, context_of(16, trained, 64)), i);
  ASSERT_EQ(row.size(), expected.size()) << spec;
  for (std::size_t j = 0; j < row.size(); ++j)
    EXPECT_NEAR(row[j], expected[j], 1e-12) << spec << " row " << i << " key " << j;
}

constexpr double kMasked = -1;

TEST(Distances, ReRopeFamily) {
  expect_row("rerope:window=3", 7, {3, 3, 3, 3, 3, 2, 1, 0});
  expect_row("leaky-rerope:window=3,factor=2", 7, {5, 4.5, 4, 3.5, 3, 2, 1, 0});
}

TEST(Distances, SelfExtend) {
  const char* spec = "self-extend:window=4,group=2";
  expect_row(spec, 4, {4, 3, 2, 1, 0});
  expect_row(spec, 5, {4, 4, 3, 2, 1, 0});
  expect_row(spec, 6, {5, 5, 4, 3, 2, 1, 0});
  expect_row(spec, 9, {6, 6, 5, 5, 4, 4, 3, 2, 1, 0});
  expect_row(spec, 11, {7, 7, 6, 6, 5, 5, 4, 4, 3, 2, 1, 0});
}

TEST(Distances, DualChunk) {
  const char* paper = "dca:chunk=6,local=4";
  expect_row(paper, 9, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  expect_row(paper, 10, {9, 8, 7, 6, 5, 4, 4, 3, 2, 1, 0});
  expect_row(paper, 12, {9, 8, 7, 6, 5, 4, 6, 5, 4, 3, 2, 1, 0});
  const char* code = "dca:chunk=4,local=2,form=code";
  expect_row(code, 7, {6, 5, 4, 3, 3, 2, 1, 0});
  expect_row(code, 9, {6, 5, 4, 3, 5, 4, 3, 2, 1, 0});
  expect_row(code, 13, {6, 5, 4, 3, 6, 5, 4, 3, 5, 4, 3, 2, 1, 0});
}

TEST(Distances, StringAndMasks) {
  expect_row("string:offset=4,local=1", 8, {5, 4, 3, 2, 1, 3, 2, 1, 0});
  const char* infinite = "lm-infinite:sink=1,window=3";
  expect_row(infinite, 3, {3, 2, 1, 0});
  expect_row(infinite, 4, {3, kMasked, 2, 1, 0});
  expect_row(infinite, 6, {3, kMasked, kMasked, kMasked, 2, 1, 0});
  // The window counts the query: 2 sinks and 3 keys sit in slots 0 .. 4.
  expect_row("streaming-llm:sink=2,window=3", 8, {4, 3, kMasked, kMasked, kMasked, kMasked, 2, 1, 0});
  expect_row("streaming-llm:sink=2,window=3", 4, {4, 3, 2, 1, 0});
  expect_row("lambda:sink=1,window=2", 4, {4, kMasked, kMasked, 1, 0});
  expect_row("window:window=2", 4, {kMasked, kMasked, kMasked, 1, 0});
}

/// Frequencies at the given pairs, to the digits of the reference.
void expect_theta(std::string_view spec, const RopeContext& context,
                  const std::vector<std::pair<std::size_t, double>>& expected) {
  const std::vector<double> theta = bound(spec, context).pointwise().theta;
  for (const auto& [m, value] : expected) EXPECT_NEAR(theta.at(m) / value, 1, 5e-8) << spec << " pair " << m;
}

TEST(Frequencies, WorkedNumbers) {
  const RopeContext d64 = context_of(64, 2048, 8192);
  expect_theta("none", d64,
               {{0, 1}, {1, 0.749894209}, {2, 0.562341325}, {3, 0.421696503}, {31, 1.33352143e-4}});
  expect_theta("none", context_of(128, 8192, 64, 5e5),
               {{1, 0.814617234}, {2, 0.663601238}, {3, 0.540581005}, {63, 2.45514079e-6}});
  expect_theta("pi", d64,
               {{0, 0.25}, {1, 0.187473552}, {2, 0.140585331}, {3, 0.105424126}, {31, 3.33380358e-5}});
  expect_theta("ntk", d64,
               {{0, 1}, {1, 0.717098328}, {2, 0.514230012}, {3, 0.368753482}, {31, 3.33380358e-5}});
  expect_theta("ntk-mixed", d64,
               {{0, 0.85307766}, {1, 0.586907723}, {2, 0.410084511}, {3, 0.288976303}, {31, 3.33380358e-5}});
  expect_theta("dynamic-ntk", d64, {{1, 0.717098328}, {31, 3.33380358e-5}});
  expect_theta("dynamic-ntk:factor=4", d64,
               {{1, 0.690345254}, {2, 0.47657657}, {3, 0.329002373}, {31, 1.02578572e-5}});
  expect_theta("llama3:factor=8,trained=8192", context_of(128, 8192, 64, 5e5), {{63, 3.06892599e-7}});
}

void expect_rounded(std::string_view spec, const RopeContext& context,
                    const std::vector<std::pair<std::size_t, double>>& expected, double tolerance) {
  const std::vector<double> theta = bound(spec, context).pointwise().theta;
  for (const auto& [m, value] : expected)
    EXPECT_NEAR(theta.at(m), value, tolerance * value) << spec << " pair " << m;
}

TEST(Frequencies, Ramps) {
  const RopeContext d64 = context_of(64, 2048, 8192);
  expect_rounded("ntk-by-parts", d64,
                 {{8, .1},
                  {10, .0376353},
                  {12, .0150265},
                  {14, .0065092},
                  {16, .00304665},
                  {18, .00151918},
                  {20, .000792921},
                  {22, .00044457}},
                 1e-5);
  expect_rounded("yarn", d64,
                 {{8, .1},
                  {10, .0497456},
                  {12, .0243252},
                  {14, .0116272},
                  {16, .00538462},
                  {18, .00237914},
                  {20, .000973009},
                  {22, .00044457}},
                 1e-5);
  const RopeContext llama = context_of(128, 8192, 65536, 5e5);
  const std::vector<double> theta = bound("llama3", llama).pointwise().theta, plain = plain_theta(128, 5e5);
  const double ratios[] = {.828168, .643743, .493507, .371122, .271425, .190211, .125};
  for (std::size_t k = 0; k < 7; ++k) EXPECT_NEAR(theta[29 + k] / plain[29 + k], ratios[k], 1e-6);
  EXPECT_EQ(theta[28], plain[28]);
}

TEST(Frequencies, Gains) {
  const RopeContext d64 = context_of(64, 2048, 8192);
  EXPECT_NEAR(bound("yarn", d64).pointwise().rotary_gain, 1.296476993, 1e-9);
  EXPECT_NEAR(bound("dynamic-yarn", d64).pointwise().rotary_gain, 1.296476993, 1e-9);
  EXPECT_DOUBLE_EQ(bound("yarn:attention_factor=1.5", d64).pointwise().rotary_gain, 2.25);
  EXPECT_DOUBLE_EQ(bound("yarn:mscale=0.707,mscale_all_dim=0.707", d64).pointwise().rotary_gain, 1);
  EXPECT_NEAR(bound("string:offset=9,local=2", d64).pointwise().rotary_gain,
              std::pow(1 + 0.1 * std::log(2.0), 2), 1e-12);
  EXPECT_EQ(bound("string:offset=9,local=2,amplitude=0", d64).pointwise().rotary_gain, 1);
  const auto scale = bound("logn:trained=512", d64).pointwise().scale;
  EXPECT_DOUBLE_EQ(scale(511) * 8, 1);
  EXPECT_NEAR(scale(512) * 8, 1.00031278, 1e-8);
  EXPECT_NEAR(scale(4095) * 8, 4.0 / 3, 1e-12);
}

TEST(Frequencies, OwnScaling) {
  RopeContext context = context_of(64, 2048, 8192);
  context.own_scaling = "yarn:factor=4,trained=2048";
  const RopeContext bare = context_of(64, 2048, 8192);
  EXPECT_EQ(bound("rerope:window=9", context).pointwise().theta, bound("yarn", bare).pointwise().theta);
  EXPECT_NEAR(bound("none", context).pointwise().rotary_gain, 1.296476993, 1e-9);
  EXPECT_THROW(bound("ntk", context), UsageError);
  EXPECT_EQ(bound("ntk:replace=1", context).pointwise().theta, bound("ntk", bare).pointwise().theta);
  RopeContext divided = bare;
  divided.rope_freqs.assign(32, 2.0);
  EXPECT_EQ(bound("none", divided).pointwise().theta, bound("pi:factor=2", bare).pointwise().theta);
  EXPECT_THROW(bound("pi:factor=2", divided), UsageError);

  RopeContext longrope = context_of(4, 4096, 4097);
  longrope.long_factors = {2, 4}, longrope.short_factors = {1, 2}, longrope.own_scaling = "longrope";
  longrope.longrope_attention_factor = 1.190238071;
  EXPECT_EQ(bound("none", longrope).pointwise().theta[0], 0.5);
  EXPECT_NEAR(bound("none", longrope).pointwise().rotary_gain, 1.190238071 * 1.190238071, 1e-12);
  longrope.n = 4096;
  EXPECT_EQ(bound("none", longrope).pointwise().theta[0], 1.0);
  longrope.n = 32 * 4096, longrope.longrope_attention_factor = 0;
  EXPECT_NEAR(bound("none", longrope).pointwise().rotary_gain, 1.190238071 * 1.190238071, 1e-8);
}

TEST(Defaults, FollowTheIssue) {
  const RopeContext context = context_of(64, 8192, 12288);
  EXPECT_EQ(bound("linear", context).text(), "pi:factor=1.5,replace=0");
  EXPECT_EQ(bound("rerope", context).text(), "rerope:window=2048");
  EXPECT_EQ(bound("self-extend", context).text(), "self-extend:group=4,window=2048");
  EXPECT_EQ(bound("dca", context).text(), "dca:chunk=6144,form=paper,local=2048");
  EXPECT_EQ(bound("string", context).text(), "string:amplitude=1,local=128,offset=2730");
  EXPECT_EQ(bound("lambda", context).text(), "lambda:sink=4,window=8188");
  EXPECT_EQ(bound("lm-infinite", context).text(), "lm-infinite:sink=10,window=8182");
  EXPECT_EQ(bound("window:window=4k", context).text(), "window:window=4096");
  // The farthest distance is 2/3 of the trained length.
  const double farthest = bound("leaky-rerope", context).pointwise().delta(12287, 0);
  EXPECT_NEAR(farthest, 8192 * 2.0 / 3, 0.01);  // by a factor that is rounded up
  EXPECT_LE(farthest, 8192 * 2.0 / 3);
  EXPECT_EQ(bound("leaky-rerope", context_of(64, 8192, 4096)).text(), "leaky-rerope:factor=1,window=2048");
  EXPECT_EQ(bound("self-extend", context_of(64, 8192, 4096)).text(), "self-extend:group=1,window=2048");
  EXPECT_EQ(bound("jet-long", context).text(), "jet-long:group=2,window=2048");
  EXPECT_EQ(bound("jet-long", context_of(64, 8192, 8192)).text(), "jet-long:group=1,window=2048");
  EXPECT_EQ(bound("adagrope", context).text(), "adagrope:positions=8192,share=0.25");
}

TEST(Identity, FactorOneAndShortTextsArePlainRope) {
  const RopeContext context = context_of(64, 8192, 512);
  const std::string plain = bound("none", context).fingerprint(512);
  for (const MethodInfo& info : Registry<MethodInfo>::all()) {
    if (info.name == "base" || info.name == "longrope" || info.name == "self-extend") continue;
    if (info.by_layer || info.name == "cope") continue;  // these change short texts too: by_layer_test.cpp
    const std::string spec = info.name == "string" ? "string:amplitude=0" : info.name;
    EXPECT_EQ(bound(spec, context).fingerprint(512), plain) << spec;
  }
  for (const char* spec : {"pi:factor=1", "ntk:factor=1", "yarn:factor=1", "leaky-rerope:window=9,factor=1",
                           "self-extend:window=9,group=1", "base:value=10000"})
    EXPECT_EQ(bound(spec, context).fingerprint(512), plain) << spec;
  EXPECT_NE(bound("yarn:factor=2", context).fingerprint(512), plain);
  EXPECT_NE(bound("temperature:value=1.1", context).fingerprint(512), plain);
  EXPECT_NE(bound("window:window=511", context).fingerprint(512), plain);
}

/// The message of the refusal; empty if there is none.
std::string refusal(std::string_view spec, const RopeContext& context) {
  try {
    bound(spec, context);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "";
}

TEST(Refusals, NameMethodParameterAndRange) {
  const RopeContext context = context_of(64, 2048, 8192);
  const std::pair<const char*, const char*> cases[] = {
      {"rerop", "did you mean rerope"},
      {"rerope:windw=3", "did you mean window"},
      {"", "known method"},
      {"rerope:window=0", "rerope: expected window a whole number from 1"},
      {"rerope:window", "name=value"},
      {"rerope:window=1,window=2", "each parameter once"},
      {"rerope:window=1.5", "whole number"},
      {"rerope:window=x", "'x'"},
      {"pi:factor=0.5", "factor from 1"},
      {"pi:factor=nan", "'nan'"},
      {"self-extend:window=4,group=3", "divides window"},
      {"rerope+self-extend", "at most one part with a distance map"},
      {"rerope+streaming-llm", "a distance map"},
      {"window+lm-infinite", "a mask"},
      {"yarn+ntk", "frequencies of its own"},
      {"longrope", "32 long"},
      {"base", "value="},
      {"dca:form=mine", "paper, code"},
      {"llama3:low_freq_factor=4", "below high_freq_factor"},
      {"string:offset=2048", "offset"},
      {"string:offset=9,local=10", "local"},
      {"lm-infinite:sink=0", "sink"},
      {"temperature:value=0", "value"},
      {"dca:chunk=4,local=5", "local"},
      {"yarn:grow=1", "a parameter of this method"},
      {"lambda:sink=2048", "its default for this model"},
      {"leaky-rerope:window=1500", "2/3"},
      {"jet-long:window=0", "jet-long: expected window"},
      {"jet-long:group=0", "group"},
      {"jet-long+dca", "a distance map"},
      {"jet-long:w0=2", "a parameter of this method"},
      {"mrrope-uni:beta_fast=1,beta_slow=2", "beta_slow up to beta_fast"},
      {"mrrope-pro:factor=0.5", "mrrope-pro: expected factor from 1"},
      {"mrrope-pro+yarn", "frequencies of its own"},
      {"infoscale:trained=1", "trained"},
      {"lampe:head=0", "head"},
      {"lampe:head=100,tail=20,positions=120", "lampe: expected positions a whole number from 121"},
      {"lampe:cap=0", "cap"},
      {"lampe:rate=-1", "rate"},
      {"adagrope:positions=0", "positions"},
      {"adagrope:share=0.6", "adagrope: expected share from 0 to 0.5"},
      {"adagrope:positions=512,share=0.5", "8 group sizes"},
      {"cope:pairs=1", "cope: expected pairs a whole number from 2 to 32"},
      {"cope:form=gentle", "soft, hard"},
      {"cope+yarn", "frequencies of its own"},
      {"layer-pi:first=1,last=2,middle=3", "middle between first and last"},
      {"layer-pi:last=0", "layer-pi: expected last"},
      {"ms-poe:max=1", "ms-poe: expected max"},
      {"ms-poe:from=1", "from a whole number from 0 to 0"},
      {"ms-poe:ranks=0.1", "ranks of 1 key heads in layer 0"},
      {"ms-poe:ranks=0.0", "ranks 0 to 0"},
      {"ms-poe:ranks=0/0", "ranks of one layer, or of 1"},
      {"dope", "dope: expected heads="},
      {"dope:heads=1.0", "heads as layer.head, layers 0 to 0"},
      {"dope:heads=0.0.0", "heads as layer.head"},
      {"dope:heads=0.1", "key heads 0 to 0"},
      {"dope:heads=0.0/", "heads as lists"},
      {"dope:heads=0..0", "heads as lists"},
      {"dope:heads=0.0x", "heads as lists"},
      {"dope:heads=-1.0", "heads as lists"},
      {"dope:heads=0.0,form=gaussian", "parts, all"}};
  for (const auto& [spec, message] : cases)
    EXPECT_NE(refusal(spec, context).find(message), std::string::npos)
        << spec << ": " << refusal(spec, context);
  RopeContext three = context;  // key heads: what is asked for is what they take
  three.n_kv_heads = 3;
  for (const char* ranks : {"1.2", "0.0.1", "3.1.2", "0.1.2.2"})
    EXPECT_NE(refusal(fmt::format("ms-poe:ranks={}", ranks), three).find("ranks 0 to 2"), std::string::npos)
        << ranks << ": " << refusal(fmt::format("ms-poe:ranks={}", ranks), three);
  EXPECT_EQ(refusal("ms-poe:ranks=2.0.1", three), "");
  EXPECT_NE(refusal("ntk", context_of(2, 2048, 8192)), "");
  EXPECT_NE(refusal("dynamic-ntk", context_of(2, 2048, 8192)), "");
  EXPECT_EQ(refusal("pi", context_of(2, 2048, 8192)), "");
  for (const char* spec : {"yarn", "mrrope-uni", "mrrope-pro"})
    EXPECT_NE(refusal(spec, context_of(64, 2048, 8192, 1.0)), "") << spec;
}

TEST(Spelling, RoundTrip) {
  for (const char* text :
       {"none", "yarn:factor=4+rerope:window=1024+logn", "dca:chunk=6,form=code,local=2"}) {
    EXPECT_EQ(MethodSpec::parse(text).text(), text);
    EXPECT_EQ(MethodSpec::parse(MethodSpec::parse(text).text()).text(), text);
  }
  EXPECT_EQ(MethodSpec::parse("linear:factor=2").text(), "pi:factor=2");
  // The sign of an exponent joins nothing.
  EXPECT_EQ(MethodSpec::parse("base:value=1e+06").parts.size(), 1u);
  EXPECT_EQ(MethodSpec::parse("base:value=1.E+6").parts[0].parameters.at("value"), "1.E+6");
  EXPECT_EQ(MethodSpec::parse("base:value=1e+06+logn").text(), "base:value=1e+06+logn");
  for (const char* text : {"base:value=1e+", "base:value=e+06", "base+06", "logn+", "+logn"})
    EXPECT_THROW(MethodSpec::parse(text), UsageError) << text;
}

TEST(Registry, HoldsEveryFileAndEveryNameOfTheIssue) {
  const std::filesystem::path source(ROPEWALK_SOURCE_DIR);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source / "src/methods/published"))
    files += entry.path().extension() == ".cpp";
  EXPECT_EQ(Registry<MethodInfo>::all().size(), files);
  for (const char* name :
       {"none",     "pi",       "linear",        "ntk",         "ntk-mixed",    "ntk-by-parts",
        "yarn",     "llama3",   "dynamic-pi",    "dynamic-ntk", "dynamic-yarn", "longrope",
        "base",     "rerope",   "leaky-rerope",  "self-extend", "dca",          "string",
        "window",   "lambda",   "streaming-llm", "lm-infinite", "logn",         "temperature",
        "jet-long", "lampe",    "adagrope",      "mrrope-uni",  "mrrope-pro",   "infoscale",
        "ms-poe",   "layer-pi", "lpes",          "dope",        "cope"})
    EXPECT_NE(Registry<MethodInfo>::find(name), nullptr) << name;
  for (const MethodInfo& info : Registry<MethodInfo>::all()) {
    EXPECT_FALSE(info.formula.empty() || info.source.empty() || info.differs.empty() || info.example.empty())
        << info.name;
    EXPECT_NE(methods_table().find(info.name), std::string::npos);
  }
  EXPECT_EQ(methods_json()["methods"].size(), files);
}

TEST(Document, IsCurrent) {
  std::ifstream file(std::filesystem::path(ROPEWALK_SOURCE_DIR) / "docs/methods.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == methods_markdown())
      << "stale: run `ropewalk methods --markdown > docs/methods.md`";
}

}  // namespace
}  // namespace rw
