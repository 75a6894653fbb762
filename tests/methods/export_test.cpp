// SPDX-License-Identifier: Apache-2.0
/// What other engines are told, and that nothing is claimed which they cannot do.
#include "methods/export.h"

#include <gtest/gtest.h>

namespace ropewalk {
namespace {

RopeContext context() {
  RopeContext c;
  c.head_dim = c.rotary_dim = 64, c.rope_base = 100000, c.n_ctx_train = 8192, c.n = 32768;
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

TEST(Export, WhatTheyCannotSayIsSaidSo) {
  for (const char* text : {"rerope", "self-extend", "dca", "lambda", "logn", "yarn+logn", "mrrope-pro"})
    for (const PeerSetting& s : settings(text)) {
      EXPECT_EQ(s.setting, "") << text << " " << s.engine;
      EXPECT_NE(s.note, "") << text << " " << s.engine;
    }
  const auto dynamic = settings("dynamic-ntk");
  EXPECT_EQ(dynamic[0].setting, "");  // llama.cpp has none
  EXPECT_NE(dynamic[3].setting.find("\"dynamic\""), std::string::npos);
  RopeContext scaled = context();
  scaled.own_scaling = "yarn:factor=4,trained=8192";
  for (const PeerSetting& s : settings("none", scaled)) EXPECT_EQ(s.setting, "");
}

}  // namespace
}  // namespace ropewalk
