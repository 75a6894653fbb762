// SPDX-License-Identifier: Apache-2.0
/// What other engines are told, and that nothing is claimed which they cannot do. That the lines do what they
/// say is seen by running them: tools/check_export.
#include "methods/export.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "core/text.h"

namespace rw {
namespace {

enum Engine { kLlamaCpp, kLmdeploy, kSglang, kTransformers, kVllm };

RopeContext context() {
  RopeContext c;
  c.head_dim = c.rotary_dim = 64, c.rope_base = 100000, c.n_ctx_train = c.n_ctx_original = 8192, c.n = 32768;
  return c;
}

std::vector<PeerSetting> settings(const std::string& text, const RopeContext& c = context()) {
  const std::string full = Method::bind(MethodSpec::parse(text), c).text();
  return peer_settings(MethodSpec::parse(full), c, "llama");
}

/// What stands between the quotes of a line for vLLM or SGLang, or the keys for config.json.
JsonInput override_of(const PeerSetting& s) {
  const std::size_t begin = s.setting.find('\'');
  const std::string text = begin == std::string::npos
                               ? "{" + s.setting + "}"
                               : s.setting.substr(begin + 1, s.setting.rfind('\'') - begin - 1);
  return parse_json(text, s.engine);
}

/// The rope dictionary, wherever the engine wants it.
JsonInput rope_of(const PeerSetting& s) {
  return override_of(s).at(s.engine == "SGLang" ? "rope_scaling" : "rope_parameters");
}

TEST(Export, YarnCanBeSaidEverywhere) {
  const auto all = settings("yarn");
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[kLlamaCpp].setting,
            "-c 32768 --rope-scaling yarn --rope-scale 4 --yarn-orig-ctx 8192 --yarn-beta-fast 32 "
            "--yarn-beta-slow 1 --override-kv llama.context_length=int:32768");
  for (const Engine engine : {kLmdeploy, kVllm, kSglang, kTransformers}) {
    const JsonInput rope = rope_of(all[engine]);
    EXPECT_EQ(rope["rope_type"], "yarn");
    EXPECT_EQ(rope["rope_theta"], 100000.0);
    EXPECT_EQ(rope["factor"], 4.0);
    EXPECT_EQ(rope["original_max_position_embeddings"], 8192);
    EXPECT_EQ(rope.contains("truncate"), engine == kLmdeploy);  // the default, over what the file may have
  }
}

TEST(Export, EveryParameterOfYarnAppearsOrIsRefused) {
  const auto all =
      settings("yarn:factor=5,trained=4000,beta_fast=24,beta_slow=2,attention_factor=1.25,truncate=0");
  EXPECT_EQ(all[kLlamaCpp].setting, "");
  EXPECT_NE(all[kLlamaCpp].note.find("truncate=0"), std::string::npos);
  EXPECT_EQ(all[kSglang].setting, "");  // 32768 tokens, a table of 20000
  EXPECT_NE(all[kSglang].note.find("20000"), std::string::npos);
  for (const Engine engine : {kLmdeploy, kVllm, kTransformers}) {
    const JsonInput rope = rope_of(all[engine]);
    EXPECT_EQ(rope["factor"], 5.0);
    EXPECT_EQ(rope["original_max_position_embeddings"], 4000);
    EXPECT_EQ(rope["beta_fast"], 24.0);
    EXPECT_EQ(rope["beta_slow"], 2.0);
    EXPECT_EQ(rope["attention_factor"], 1.25);
    EXPECT_EQ(rope["truncate"], false);
  }
}

TEST(Export, EachEngineReadsTheGainUnderItsOwnName) {
  const auto all = settings("yarn:attention_factor=1");
  const double ratio = 1 / (0.1 * std::log(4.0) + 1);
  EXPECT_NE(all[kLlamaCpp].setting.find("llama.rope.scaling.attn_factor=float:0.87824885"), std::string::npos)
      << all[kLlamaCpp].setting;
  EXPECT_EQ(all[kLlamaCpp].setting.find("yarn-attn-factor"), std::string::npos);  // it would be ignored
  EXPECT_DOUBLE_EQ(rope_of(all[kVllm])["attn_factor"], ratio);
  EXPECT_EQ(rope_of(all[kVllm])["attention_factor"], 1.0);
  EXPECT_DOUBLE_EQ(rope_of(all[kSglang])["attn_factor"], ratio);
  EXPECT_FALSE(rope_of(all[kSglang]).contains("attention_factor"));
  EXPECT_EQ(rope_of(all[kTransformers])["attention_factor"], 1.0);
  // mscale over mscale_all_dim is a gain too: it is worked out, not dropped.
  EXPECT_DOUBLE_EQ(rope_of(settings("yarn:mscale=0.5,mscale_all_dim=1")[kTransformers])["attention_factor"],
                   (0.05 * std::log(4.0) + 1) * ratio);
}

TEST(Export, BasesAndLinearScaling) {
  const std::string all_of_it = " --override-kv llama.context_length=int:32768";
  EXPECT_EQ(settings("pi")[kLlamaCpp].setting, "-c 32768 --rope-scaling linear --rope-scale 4" + all_of_it);
  EXPECT_EQ(settings("base:value=5e6")[kLlamaCpp].setting, "-c 32768 --rope-freq-base 5000000" + all_of_it);
  EXPECT_EQ(settings("none")[kLlamaCpp].setting, "-c 32768 --rope-freq-base 100000" + all_of_it);
  EXPECT_NEAR(rope_of(settings("ntk")[kTransformers])["rope_theta"].get<double>(),
              100000 * std::pow(4, 64.0 / 62), 1e-6);
}

TEST(Export, NumbersKeepTheirDigitsAndTheirPoint) {
  for (const PeerSetting& s : settings("base:value=1776948"))
    EXPECT_NE(s.setting.find("1776948"), std::string::npos) << s.setting;
  RopeContext c = context();
  c.rope_base = 1776948;
  for (const PeerSetting& s : settings("yarn", c))
    EXPECT_TRUE(s.engine == "llama.cpp" || s.setting.find("1776948") != std::string::npos) << s.setting;
  // vLLM asks isinstance(factor, float): "factor": 4 would be taken for a list.
  for (const char* text : {"pi", "yarn", "llama3", "dynamic-ntk"})
    for (const PeerSetting& s : settings(text)) {
      if (s.engine == "llama.cpp") continue;
      const JsonInput rope = rope_of(s);
      for (const auto& [key, value] : rope.items())
        EXPECT_TRUE(value.is_string() || value.is_boolean() || value.is_number_float() ||
                    key == "original_max_position_embeddings")
            << s.engine << " " << key;
    }
}

TEST(Export, TheLengthIsTheOneAskedForAndTheModelIsNotShortened) {
  for (const char* text :
       {"none", "pi", "ntk", "base:value=5e6", "yarn", "dynamic-ntk", "llama3", "ntk-by-parts", "ntk-mixed"})
    for (const PeerSetting& s : settings(text)) {
      if (s.setting.empty()) continue;
      EXPECT_TRUE(s.engine == "transformers" || s.setting.find(" 32768 ") != std::string::npos) << s.setting;
      if (s.engine == "llama.cpp") continue;
      const bool grows = s.engine == "transformers" && text == std::string("dynamic-ntk");
      EXPECT_EQ(override_of(s)["max_position_embeddings"], grows ? 8192 : 32768) << s.setting;
    }
  RopeContext shorter = context();
  shorter.n = 1024;
  const auto all = settings("none", shorter);
  EXPECT_EQ(all[kLlamaCpp].setting,
            "-c 1024 --rope-freq-base 100000 --override-kv llama.context_length=int:8192");
  EXPECT_EQ(override_of(all[kVllm])["max_position_embeddings"], 8192);
}

TEST(Export, DynamicGrowsOnlyPastTheTrainedLength) {
  const auto all = settings("dynamic-ntk:factor=2");
  const JsonInput rope = rope_of(all[kTransformers]);
  EXPECT_EQ(rope["rope_type"], "dynamic");
  EXPECT_EQ(rope["factor"], 2.0);
  EXPECT_EQ(override_of(all[kTransformers])["max_position_embeddings"], 8192);
  // The others: the base that it has at 32,768 tokens, growth 2 * 4 - 1.
  for (const Engine engine : {kVllm, kSglang}) {
    EXPECT_EQ(rope_of(all[engine])["rope_type"], "default");
    EXPECT_NEAR(rope_of(all[engine])["rope_theta"].get<double>(), 100000 * std::pow(7, 64.0 / 62), 1e-6);
  }
}

TEST(Export, ByPartsIsLlama3sRampWithOtherEnds) {
  const JsonInput parts = rope_of(settings("ntk-by-parts")[kTransformers]);
  EXPECT_EQ(parts["rope_type"], "llama3");
  EXPECT_EQ(parts["low_freq_factor"], 1.0);
  EXPECT_EQ(parts["high_freq_factor"], 32.0);
  const JsonInput llama3 = rope_of(settings("llama3:low_freq_factor=2,high_freq_factor=9")[kVllm]);
  EXPECT_EQ(llama3["low_freq_factor"], 2.0);
  EXPECT_EQ(llama3["high_freq_factor"], 9.0);
  EXPECT_NE(settings("llama3")[kLlamaCpp].note.find("rope_freqs.weight"), std::string::npos);
}

TEST(Export, FrequenciesWithoutANameAreAListOfDivisors) {
  for (const char* text : {"ntk-mixed", "mrrope-pro", "mrrope-uni", "dynamic-yarn", "dynamic-pi"}) {
    const auto all = settings(text);
    const Pointwise method = Method::bind(MethodSpec::parse(text), context()).pointwise();
    for (const Engine engine : {kVllm, kSglang, kTransformers}) {
      const JsonInput rope = rope_of(all[engine]);
      EXPECT_EQ(rope["rope_type"], "longrope");
      EXPECT_EQ(rope["short_factor"], rope["long_factor"]);
      ASSERT_EQ(rope["long_factor"].size(), 32u) << text;
      for (std::size_t m = 0; m < 32; ++m)
        EXPECT_NEAR(std::pow(100000, -static_cast<double>(m) / 32) / rope["long_factor"][m].get<double>(),
                    method.theta[m], 1e-12 * method.theta[m]);
      const char* gain = engine == kTransformers ? "attention_factor" : "long_mscale";
      EXPECT_NEAR(rope[gain].get<double>() * rope[gain].get<double>(), method.rotary_gain, 1e-12) << text;
    }
    EXPECT_EQ(all[kLlamaCpp].setting, "") << text;
  }
}

TEST(Export, AModelsOwnScalingIsSpelledOut) {
  RopeContext c = context();
  c.own_scaling = "yarn:factor=4,trained=8192,attention_factor=1.1";
  const auto own = settings("none", c);
  EXPECT_EQ(own[kLlamaCpp].setting, "-c 32768 --override-kv llama.context_length=int:32768");
  EXPECT_EQ(rope_of(own[kTransformers])["attention_factor"], 1.1);
  const auto replaced = settings("pi:replace=1", c);
  EXPECT_EQ(replaced[kLlamaCpp].setting, "");  // the file's own factors stay
  EXPECT_EQ(rope_of(replaced[kVllm])["rope_type"], "linear");

  RopeContext lists = context();
  lists.own_scaling = "longrope", lists.longrope_attention_factor = 1.2;
  lists.short_factors.assign(32, 1.0), lists.long_factors.assign(32, 4.0);
  for (const char* text : {"none", "longrope:replace=1"}) {
    const auto all = settings(text, lists);
    EXPECT_EQ(all[kLlamaCpp].setting, "-c 32768 --override-kv llama.context_length=int:32768") << text;
    EXPECT_EQ(rope_of(all[kTransformers])["long_factor"][31], 4.0);
    EXPECT_EQ(rope_of(all[kTransformers])["short_factor"][31], 1.0);
    EXPECT_NEAR(rope_of(all[kTransformers])["attention_factor"].get<double>(), 1.2, 1e-15);
  }
  RopeContext divided = context();  // a GGUF of Llama 3.1: only the divisors are left
  divided.rope_freqs.assign(32, 8.0);
  EXPECT_EQ(rope_of(settings("none", divided)[kVllm])["long_factor"][0], 8.0);
}

TEST(Export, ASettingIsItsWordsAsAShellReadsThem) {
  for (const char* text : {"none", "pi", "ntk", "yarn", "llama3", "ntk-mixed"})
    for (const PeerSetting& s : settings(text)) {
      EXPECT_EQ(s.words.empty(), s.setting.empty() || s.engine == "transformers") << s.engine;
      if (!s.words.empty()) {
        EXPECT_EQ(s.setting, shell_line(s.words));
      }
    }
}

TEST(Export, LmdeployHasTwoEnginesAndTheLineIsForThoseThatReadIt) {
  const auto line = [](const char* text) { return settings(text)[kLmdeploy]; };
  const auto only_pytorch = [](const PeerSetting& s) { return s.setting.starts_with("--backend pytorch "); };
  for (const char* text :
       {"none", "pi", "ntk", "base:value=5e6", "yarn", "llama3", "ntk-by-parts", "dynamic-ntk"})
    EXPECT_TRUE(line(text).setting.starts_with("--session-len 32768 --hf-overrides ")) << text;
  // TurboMind's YaRN factor is max_position_embeddings over the original length.
  EXPECT_EQ(override_of(line("yarn:factor=5,trained=4000"))["max_position_embeddings"], 20000);
  EXPECT_TRUE(only_pytorch(line("yarn:factor=4.0001")));
  EXPECT_TRUE(only_pytorch(line("yarn:truncate=0")));
  // Its deep merge would leave these of the file's own standing.
  EXPECT_EQ(rope_of(line("yarn"))["truncate"], true);
  EXPECT_EQ(override_of(line("yarn"))["rope_scaling"], override_of(line("yarn"))["rope_parameters"]);
  // longrope's factor of attention is worked out from two lengths; 1 where they are one.
  int told = 0, refused = 0;
  for (const char* text : {"ntk-mixed", "mrrope-pro", "mrrope-uni", "dynamic-yarn", "dynamic-pi"}) {
    const double gain = std::sqrt(Method::bind(MethodSpec::parse(text), context()).pointwise().rotary_gain);
    const PeerSetting s = line(text);
    if (s.setting.empty()) {
      ++refused;
      EXPECT_GT(std::abs(gain - 1), 1e-6) << text;
      EXPECT_NE(s.note.find("longrope's factor of attention"), std::string::npos) << s.note;
      continue;
    }
    ++told;
    EXPECT_TRUE(only_pytorch(s)) << text;
    const double original = rope_of(s)["original_max_position_embeddings"],
                 scale = override_of(s)["max_position_embeddings"].get<double>() / original;
    EXPECT_NEAR(scale <= 1 ? 1 : std::sqrt(1 + std::log(scale) / std::log(original)), gain, 1e-6) << text;
  }
  EXPECT_GT(told, 0);
  EXPECT_GT(refused, 0);
}

TEST(Export, AnEngineIsAFile) {
  std::size_t files = 0;
  const std::filesystem::path folder = std::filesystem::path(ROPEWALK_SOURCE_DIR) / "src/methods/engines";
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files += entry.path().extension() == ".cpp";
  EXPECT_EQ(Registry<PeerEngine>::all().size(), files);
}

TEST(Export, WhatTheyCannotSayIsSaidSo) {
  for (const auto& [text, why] : {std::pair{"rerope", "rerope"},
                                  {"self-extend", "distance"},
                                  {"dca", "distance"},
                                  {"lambda", "mask"},
                                  {"logn", "scale"},
                                  {"yarn+logn", "logn"},
                                  {"dynamic-ntk:grow=1", "grow=1"}})
    for (const PeerSetting& s : settings(text)) {
      EXPECT_EQ(s.setting, "") << text << " " << s.engine;
      EXPECT_NE(s.note.find(why), std::string::npos) << text << " " << s.engine << " " << s.note;
    }
}

TEST(Export, WhatWasNotRunSaysSo) {
  for (const PeerSetting& s : settings("yarn"))
    EXPECT_EQ(s.note.find("not run here") != std::string::npos,
              s.engine == "vLLM" || s.engine == "SGLang" || s.engine == "LMDeploy");
  const std::string text = settings_text(settings("llama3"));
  EXPECT_NE(text.find("llama.cpp: cannot; "), std::string::npos);
  EXPECT_TRUE(settings_json(settings("llama3"))["llama.cpp"]["setting"].is_null());
}

/// No engine reads a change of frequencies for an encoder, and none knows one for each layer.
TEST(Export, EncodersAndLayersThatDifferAreRefusedByName) {
  for (const char* method :
       {"none", "yarn:factor=4", "ntk:factor=4", "pi:factor=4", "base:value=1e6", "llama3:factor=4"}) {
    RopeContext encoder = context(), by_layer = context();
    encoder.bidirectional = true, by_layer.rope_differs = true;
    for (const PeerSetting& one : settings(method, encoder)) {
      EXPECT_EQ(one.setting, "") << method << one.engine;
      EXPECT_NE(one.note.find("encoder"), std::string::npos) << method;
    }
    for (const PeerSetting& one : settings(method, by_layer)) {
      EXPECT_EQ(one.setting, "") << method << one.engine;
      EXPECT_NE(one.note.find("layers differ in head_dim"), std::string::npos) << method;
    }
    RopeContext in_part = context();
    in_part.acts_everywhere = false;
    for (const PeerSetting& one : settings(method, in_part))
      EXPECT_EQ(one.setting.empty(), std::string_view(method) != "none") << method << one.engine;
  }
}

/// The scale of dims that do not rotate follows from the same settings there.
TEST(Export, LatentAttentionIsRefusedByName) {
  for (const char* arch : {"deepseek2", "minicpm3"})
    for (const char* method : {"none", "yarn:factor=4", "ntk:factor=2"}) {
      const MethodSpec bound = MethodSpec::parse(Method::bind(MethodSpec::parse(method), context()).text());
      for (const PeerSetting& one : peer_settings(bound, context(), arch)) {
        EXPECT_EQ(one.setting, "") << one.engine;
        EXPECT_NE(one.note.find("MLA"), std::string::npos) << one.note;
      }
    }
}

/// rope_parameters replace what stands there, and a Phi-3 has no other type than its own.
TEST(Export, ALineThatWouldDropWhatTheModelHasIsRefused) {
  RopeContext scaled = context();
  scaled.temperature = {0.1, 64};
  const MethodSpec yarn = MethodSpec::parse("yarn:factor=4"), ntk = MethodSpec::parse("ntk:factor=4");
  for (const PeerSetting& one : peer_settings(yarn, scaled, "mistral3"))
    EXPECT_EQ(one.setting.empty(), one.engine != "llama.cpp") << one.engine;
  for (const PeerSetting& one : peer_settings(yarn, context(), "phi3"))
    EXPECT_EQ(one.setting.empty(), one.engine != "llama.cpp") << one.engine;
  for (const PeerSetting& one : peer_settings(ntk, context(), "phi3"))
    EXPECT_NE(one.setting, "") << one.engine;
}

}  // namespace
}  // namespace rw
