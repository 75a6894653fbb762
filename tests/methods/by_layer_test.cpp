// SPDX-License-Identifier: Apache-2.0
/// Worked numbers of the methods that differ by layer or by head, and of clipped frequencies.
#include "methods/export.h"
#include "methods_test_util.h"

namespace rw {
namespace {

RopeContext in_class(RopeContext context, int layer, int n_layers, int kv_head = 0, int n_kv_heads = 1) {
  context.layer = layer, context.n_layers = n_layers;
  context.kv_head = kv_head, context.n_kv_heads = n_kv_heads;
  return context;
}

std::vector<double> theta_of(const std::string& spec, const RopeContext& context) {
  return bound(spec, context).pointwise().theta;
}

/// What every pair is divided by.
double factor_of(const std::string& spec, const RopeContext& context) {
  const std::vector<double> theta = theta_of(spec, context),
                            plain = plain_theta(context.rotary_dim, context.rope_base);
  for (std::size_t m = 0; m < theta.size(); ++m)
    EXPECT_NEAR(plain[m] / theta[m], plain[0] / theta[0], 1e-12) << spec << " pair " << m;
  return plain[0] / theta[0];
}

TEST(Cope, WorkedNumbers) {
  const RopeContext llama = context_of(128, 8192, 32768, 5e5);
  const std::vector<double> plain = plain_theta(128, 5e5), soft = theta_of("cope", llama),
                            hard = theta_of("cope:form=hard", llama);
  EXPECT_EQ(bound("cope", llama).text(), "cope:form=soft,pairs=20,replace=0");
  for (std::size_t m = 0; m < 44; ++m) EXPECT_TRUE(soft[m] == plain[m] && hard[m] == plain[m]) << m;
  const std::pair<std::size_t, double> weights[] = {{0, 1},           {1, 0.993180652},  {5, 0.838640786},
                                                    {9, 0.541289673}, {10, 0.458710327}, {14, 0.161359214},
                                                    {18, 0.006819348}};
  for (const auto& [k, weight] : weights) EXPECT_NEAR(soft[44 + k] / plain[44 + k], weight, 1e-9) << k;
  EXPECT_EQ(soft[63], 0);
  for (std::size_t m = 44; m < 64; ++m) EXPECT_EQ(hard[m], 0) << m;
  const auto period = [](double base) { return 2 * std::acos(-1.0) / plain_theta(128, base)[44]; };
  EXPECT_NEAR(period(1e4), 3533, 1);  // where the clipping begins
  EXPECT_NEAR(period(5e5), 52026, 1);
  EXPECT_NEAR(period(1e7), 408018, 1);
}

/// With two pairs the first keeps all and the last none; a model of four dims has no more.
TEST(Cope, TheLeastNumberOfPairs) {
  EXPECT_EQ(theta_of("cope:pairs=2", context_of(8, 64, 64)),
            (std::vector<double>{1, 0.1, plain_theta(8, 1e4)[2], 0}));
  EXPECT_EQ(theta_of("cope", context_of(4, 64, 64)), (std::vector<double>{1, 0}));
  EXPECT_THROW(bound("cope", context_of(2, 64, 64)), UsageError);
}

TEST(MsPoE, WorkedNumbers) {
  const RopeContext within = context_of(128, 4096, 4096);
  const std::pair<int, double> factors[] = {{0, 1.2}, {1, 1.21875}, {16, 1.5}, {31, 1.78125}};
  for (const auto& [rank, factor] : factors) {
    for (const int layer : {2, 17, 31})
      EXPECT_NEAR(factor_of("ms-poe", in_class(within, layer, 32, rank, 32)), factor, 1e-12) << rank;
    for (const int layer : {0, 1})
      EXPECT_EQ(theta_of("ms-poe", in_class(within, layer, 32, rank, 32)), plain_theta(128, 1e4));
  }
  // Past the trained length: as many times longer.
  EXPECT_NEAR(factor_of("ms-poe", in_class(context_of(128, 4096, 16384), 2, 32, 16, 32)), 6, 1e-12);
  EXPECT_NEAR(factor_of("ms-poe", in_class(context_of(128, 4096, 16384), 0, 32, 16, 32)), 4, 1e-12);
}

TEST(MsPoE, RanksAreOfEachLayerOrOneLayersForAll) {
  const auto factors = [](const std::string& ranks, int layer) {
    std::vector<double> row;
    for (int head = 0; head < 3; ++head)
      row.push_back(std::round(10 * factor_of("ms-poe:min=1,max=4,from=1,ranks=" + ranks,
                                              in_class(context_of(16, 64, 64), layer, 3, head, 3))));
    return row;
  };
  EXPECT_EQ(factors("2.0.1/0.2.1", 0), (std::vector<double>{10, 10, 10}));
  EXPECT_EQ(factors("2.0.1/0.2.1", 1), (std::vector<double>{30, 10, 20}));
  EXPECT_EQ(factors("2.0.1/0.2.1", 2), (std::vector<double>{10, 30, 20}));
  EXPECT_EQ(factors("2.0.1", 1), factors("2.0.1", 2));
  EXPECT_THROW(factors("2.0.1/0.2.1/0.1.2", 1), UsageError);  // two layers have factors
  EXPECT_THROW(factors("2.0", 1), UsageError);
  EXPECT_THROW(factors("2.0.2", 1), UsageError);
  EXPECT_THROW(factors("2.0.1/0.2.2", 1), UsageError);  // said in every layer
}

TEST(LayerPi, TheCurveOverTheDepth) {
  const auto factor = [](const std::string& spec, int layer, int n_layers = 5, Index n = 64) {
    return factor_of(spec, in_class(context_of(16, 64, n), layer, n_layers));
  };
  for (int layer = 0; layer < 5; ++layer) {
    const double t = layer / 4.0;
    EXPECT_NEAR(factor("layer-pi:first=1,last=3", layer), 1 + 2 * t, 1e-12);  // a line
    EXPECT_NEAR(factor("layer-pi:first=3,last=1", layer), 3 - 2 * t, 1e-12);
    EXPECT_NEAR(factor("layer-pi:first=1,middle=1,last=3", layer), 1 + 2 * t * t, 1e-12);
    EXPECT_NEAR(factor("layer-pi:first=1,middle=3,last=3", layer), 3 - 2 * (1 - t) * (1 - t), 1e-12);
    EXPECT_NEAR(factor("layer-pi", layer, 5, 256), 4 * (1 + t / 2), 1e-12);  // 4 times as long
    EXPECT_EQ(theta_of("layer-pi:first=1,last=1,factor=4", in_class(context_of(16, 64, 256), layer, 5)),
              theta_of("pi:factor=4", context_of(16, 64, 256)));
  }
  EXPECT_NEAR(factor("layer-pi:first=2,last=5", 0, 1), 2, 1e-12);  // one layer: its first
  EXPECT_EQ(MethodSpec::parse("lpes").text(), "layer-pi");
}

TEST(Dope, WorkedNumbers) {
  const RopeContext llama = context_of(128, 8192, 24576, 5e5);  // theta < 2 pi / 8192: pairs 35 .. 63
  const std::vector<double> base = theta_of("dynamic-ntk", llama);
  const std::string spec = "dope:heads=3.1/30.7";
  for (const auto& [layer, head] : {std::pair{3, 1}, std::pair{30, 7}}) {
    const std::vector<double> theta = theta_of(spec, in_class(llama, layer, 32, head, 8));
    for (std::size_t m = 0; m < 64; ++m) EXPECT_EQ(theta[m], m < 35 ? base[m] : 0) << m;
    EXPECT_EQ(theta_of(spec + ",form=all", in_class(llama, layer, 32, head, 8)),
              std::vector<double>(64, 0.0));
  }
  for (const auto& [layer, head] : {std::pair{3, 7}, std::pair{30, 1}, std::pair{0, 0}})
    EXPECT_EQ(theta_of(spec + ",form=all", in_class(llama, layer, 32, head, 8)), base);
}

/// grow=1 keeps the choice: what is clipped does not follow the length.
TEST(Dope, GrowsLikeDynamicNtk) {
  const RopeContext context = in_class(context_of(16, 64, 256), 1, 2, 0, 1);
  const Method method = bound("dope:heads=1.0,grow=1", context), base = bound("dynamic-ntk:grow=1", context);
  ASSERT_TRUE(method.grows());
  for (const Index n : {64, 128, 256}) {
    const std::vector<double> theta = method.at_length(n).pointwise().theta,
                              other = base.at_length(n).pointwise().theta, plain = plain_theta(16, 1e4);
    for (std::size_t m = 0; m < 8; ++m)
      EXPECT_EQ(theta[m], plain[m] < 2 * std::acos(-1.0) / 64 ? 0 : other[m]) << n << " pair " << m;
  }
}

TEST(ByLayer, ATextOfAMethodSaysItAll) {
  const RopeContext context = in_class(context_of(16, 64, 256), 3, 4, 1, 2);
  for (const char* spec : {"ms-poe:ranks=0.1/1.0", "layer-pi:last=2", "dope:heads=3.1/0.0", "cope:pairs=3"}) {
    const Method method = bound(spec, context), again = bound(method.text(), context);
    EXPECT_EQ(again.text(), method.text());
    EXPECT_EQ(again.fingerprint(64), method.fingerprint(64));
  }
  EXPECT_EQ(bound("ms-poe:ranks=0.1/1.0", context).text(),
            "ms-poe:factor=4,from=2,max=1.8,min=1.2,ranks=0.1/1.0,replace=0");
}

/// Two settings that are the same in one layer are not taken for the same method.
TEST(ByLayer, AFingerprintIsOfAllLayers) {
  const RopeContext context = in_class(context_of(16, 64, 256), 0, 4, 0, 2);
  EXPECT_EQ(theta_of("layer-pi:last=2", context), theta_of("layer-pi:last=3", context));
  EXPECT_NE(bound("layer-pi:last=2", context).fingerprint(64),
            bound("layer-pi:last=3", context).fingerprint(64));
  EXPECT_NE(bound("dope:heads=1.0", context).fingerprint(64),
            bound("dope:heads=1.1", context).fingerprint(64));
}

TEST(ByLayer, OtherEnginesAreNotToldOneLayersFrequencies) {
  const RopeContext context = in_class(context_of(16, 64, 256), 0, 4, 0, 2);
  for (const auto& [spec, why] : {std::pair{"ms-poe", "layer's and head's own"},
                                  std::pair{"layer-pi", "layer's own"}, std::pair{"dope:heads=1.0", "own"}})
    for (const PeerSetting& setting :
         peer_settings(MethodSpec::parse(bound(spec, context).text()), context, "llama")) {
      EXPECT_EQ(setting.setting, "") << spec;
      EXPECT_NE(setting.note.find(why), std::string::npos) << setting.note;
    }
  // A pair that does not turn is a divisor, and no infinity.
  for (const PeerSetting& setting :
       peer_settings(MethodSpec::parse(bound("cope:form=hard,pairs=2", context).text()), context, "llama"))
    if (setting.engine != "llama.cpp") {
      EXPECT_NE(setting.setting.find("1e+30"), std::string::npos) << setting.setting;
    }
}

}  // namespace
}  // namespace rw
