// SPDX-License-Identifier: Apache-2.0
/// What other engines are told, and that nothing is claimed which they cannot do.
#include "methods/export.h"

#include <gtest/gtest.h>

namespace ropewalk {
namespace {

RopeContext context() {
  RopeContext c;
  c.head_dim = c.rotary_dim = 64, c.rope_base = 100000, c.n_ctx_train = c.n_ctx_original = 8192, c.n = 32768;
  return c;
}

std::vector<PeerSetting> settings(const std::string& text, const RopeContext& c = context()) {
  const std::string full = Method::bind(MethodSpec::parse(text), c).text();
  return peer_settings(MethodSpec::parse(full), c);
}

TEST(Export, YarnCanBeSaidEverywhere) {
  const auto all = settings("yarn");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].setting,
            "-c 32768 --rope-scaling yarn --rope-scale 4 --yarn-orig-ctx 8192 --yarn-beta-fast 32 "
            "--yarn-beta-slow 1 --yarn-attn-factor 1");
  EXPECT_NE(all[1].setting.find("\"rope_type\": \"yarn\", \"rope_theta\": 100000, \"factor\": 4, "
                                "\"original_max_position_embeddings\": 8192"),
            std::string::npos)
      << all[1].setting;
  EXPECT_NE(all[1].setting.find("\"attention_factor\": 1.1386294"), std::string::npos) << all[1].setting;
  // llama.cpp multiplies its own 0.1 ln 4 + 1.
  EXPECT_NE(settings("yarn:attention_factor=1")[0].setting.find("--yarn-attn-factor 0.878249"),
            std::string::npos);
}

TEST(Export, BasesAndLinearScaling) {
  EXPECT_EQ(settings("pi")[0].setting, "-c 32768 --rope-scaling linear --rope-scale 4");
  EXPECT_EQ(settings("base:value=5e6")[0].setting, "-c 32768 --rope-freq-base 5000000");
  // 100000 * 4^(64/62)
  EXPECT_EQ(settings("ntk")[0].setting, "-c 32768 --rope-freq-base 418293.6593");
  EXPECT_EQ(settings("none")[0].setting, "-c 32768 --rope-freq-base 100000");
}

TEST(Export, DynamicGrowsOnlyPastTheTrainedLength) {
  const auto dynamic = settings("dynamic-ntk");
  EXPECT_NE(dynamic[3].setting.find("\"dynamic\", \"rope_theta\": 100000, \"factor\": 1}, "
                                    "\"max_position_embeddings\": 8192"),
            std::string::npos)
      << dynamic[3].setting;
  // The others: the base that it has at 32,768 tokens, which is that of ntk by 4.
  for (int engine = 0; engine < 3; ++engine)
    EXPECT_NE(dynamic[engine].setting.find("418293.6593"), std::string::npos) << dynamic[engine].setting;
}

TEST(Export, EachReaderFindsTheBaseWhereItLooks) {
  const auto all = settings("base:value=5e6");
  EXPECT_NE(all[1].setting.find("\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 5000000}"),
            std::string::npos);
  EXPECT_NE(all[2].setting.find("'{\"rope_theta\": 5000000}'"), std::string::npos) << all[2].setting;
  EXPECT_NE(all[3].note.find("top level"), std::string::npos);
  EXPECT_NE(settings("yarn:factor=8")[3].setting.find("\"max_position_embeddings\": 65536"),
            std::string::npos);
  EXPECT_NE(
      settings("llama3")[1].setting.find("\"rope_type\": \"llama3\", \"rope_theta\": 100000, \"factor\": 4, "
                                         "\"low_freq_factor\": 1, \"high_freq_factor\": 4"),
      std::string::npos);
}

TEST(Export, WhatTheyCannotSayIsSaidSo) {
  for (const char* text : {"rerope", "self-extend", "dca", "lambda", "logn", "yarn+logn", "mrrope-pro"})
    for (const PeerSetting& s : settings(text)) {
      EXPECT_EQ(s.setting, "") << text << " " << s.engine;
      EXPECT_NE(s.note, "") << text << " " << s.engine;
    }
  EXPECT_EQ(settings("llama3")[0].setting, "");
  RopeContext scaled = context();
  scaled.own_scaling = "yarn:factor=4,trained=8192";
  for (const PeerSetting& s : settings("none", scaled)) EXPECT_EQ(s.setting, "");
}

}  // namespace
}  // namespace ropewalk
