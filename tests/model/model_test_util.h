// SPDX-License-Identifier: Apache-2.0
/// Models and runs that the tests of this folder share.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "../kernels/relative_error.h"
#include "core/json.h"
#include "model/session.h"

namespace rw {

inline std::string golden(const std::string& name) {
  return std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/" + name;
}

inline JsonInput read_json(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw Error(path, "a golden file", "none", "run the script tests/golden/README.md names");
  std::ostringstream text;
  text << in.rdbuf();
  return parse_json(text.str(), path);
}

/// A model of tests/golden/tiny: a folder, or where only its GGUF runs that (gpt-oss).
inline std::string tiny(const std::string& name) {
  const std::string folder = golden("tiny/" + name);
  return std::filesystem::exists(folder + "/config.json") ? folder : folder + "/model.gguf";
}

/// Whether src/model/arch has a reader for the family of a model of tests/golden/tiny.
inline bool has_reader(const std::string& name) {
  const auto file = ModelFile::open(tiny(name));
  return !file->unsupported() &&
         Registry<Architecture>::find(file->string("general.architecture").value_or("")) != nullptr;
}

/// A model that is there as long as this.
struct TestModel {
  TestModel(const std::string& path, std::shared_ptr<const Backend> backend)
      : TestModel(Model::open(path, std::move(backend))) {}
  explicit TestModel(std::shared_ptr<const Model> of) : shared(std::move(of)), model(*shared) {}
  std::shared_ptr<const Model> shared;
  const Model& model;
};

inline std::vector<Index> windows_of(const ModelConfig& config) {
  std::vector<Index> windows;
  for (const LayerSpec& layer : config.layers) windows.push_back(layer.attention.window);
  return windows;
}

/// Deterministic token ids below n_vocab.
inline std::vector<Token> some_tokens(Index n, Index n_vocab, std::uint32_t seed = 1) {
  std::vector<Token> tokens;
  for (Index t = 0; t < n; ++t) {
    seed = seed * 1664525u + 1013904223u;
    tokens.push_back(static_cast<Token>((seed >> 8) % static_cast<std::uint32_t>(n_vocab)));
  }
  return tokens;
}

/// Every registered method that a model without a scaling of its own can take, and compositions.
inline std::vector<std::string> every_spec() {
  std::vector<std::string> result;
  for (const MethodInfo& info : Registry<MethodInfo>::all()) {
    if (info.name == "longrope") continue;  // needs the model's own lists: see OwnScaling
    result.push_back(info.name == "base"          ? "base:value=50000"
                     : info.name == "dope"        ? "dope:heads=0.0"
                     : info.name == "temperature" ? "temperature:value=1.2"
                                                  : info.name);
  }
  for (const char* more :
       {"yarn:factor=4+rerope:window=20+logn", "ntk+self-extend:window=16,group=4", "pi+dca:chunk=24,local=8",
        "dynamic-ntk+lambda:sink=3,window=13", "leaky-rerope:window=10,factor=8+window:window=40",
        "dca:chunk=24,local=8,form=code", "yarn:factor=2+lm-infinite:sink=2,window=30",
        "streaming-llm:sink=4,window=20+temperature:value=0.9",
        "mrrope-pro+jet-long:window=12,group=5+infoscale",
        "lampe:head=9,tail=5,positions=40+window:window=90",
        "yarn:factor=2+adagrope:positions=32,share=0.5+lambda:sink=3,window=120"})
    result.push_back(more);
  return result;
}

/// All logits (n, n_vocab), read in runs of the given sizes (the last repeats).
inline std::vector<float> all_logits(const Model& model, const std::string& spec,
                                     const std::vector<Token>& tokens, const SessionOptions& options,
                                     const std::vector<Index>& runs = {}) {
  std::vector<float> result;
  Session session(model, MethodSpec::parse(spec), options);
  const auto n = static_cast<Index>(tokens.size());
  const LogitsSink sink = [&](Index, Index n_rows, const float* logits) {
    result.insert(result.end(), logits, logits + n_rows * model.config().n_vocab);
  };
  std::size_t next = 0;
  for (Index done = 0; done < n;) {
    const Index size = runs.empty() ? n : std::min(n - done, runs[std::min(next++, runs.size() - 1)]);
    session.run(std::span(tokens).subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(size)),
                done, done + size, sink);
    done += size;
  }
  return result;
}

inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

/// The logits that transformers computed with this tiny model (expected.json of its folder), to 1e-3.
inline void expect_recorded_logits(const Model& model, const std::string& folder) {
  const JsonInput expected = read_json(folder + "/expected.json");
  const auto stride = expected["stride"].get<std::size_t>();
  for (const JsonInput& run : expected["runs"]) {
    const auto tokens = run["tokens"].get<std::vector<Token>>();
    const auto logits = all_logits(model, "none", tokens, {.n = static_cast<Index>(tokens.size())});
    for (std::size_t r = 0; r < run["rows"].size(); ++r) {
      const auto row = run["rows"][r].get<std::size_t>() * static_cast<std::size_t>(model.config().n_vocab);
      for (std::size_t v = 0; v < run["logits"][r].size(); ++v)
        ASSERT_NEAR(logits[row + v * stride], run["logits"][r][v].get<float>(), 1e-3)
            << "of " << tokens.size() << " tokens, row " << run["rows"][r];
    }
  }
}

}  // namespace rw
