// SPDX-License-Identifier: Apache-2.0
/// Models with made-up new weights, for the tests of writers.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "model/session.h"
#include "train/new_weights.h"

namespace rw {

inline std::filesystem::path tiny_models() {
  return std::filesystem::path(ROPEWALK_SOURCE_DIR) / "tests/golden/tiny";
}

inline std::string contents_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::shared_ptr<const Model> open_model(const std::filesystem::path& path) {
  return Model::open(path.string(), make_cpu_backend(Precision::kF32));
}

/// Every tensor that the engine computes with.
inline std::set<std::string, std::less<>> names_of(const ModelFile& file) {
  std::set<std::string, std::less<>> names;
  for (const TensorInfo& tensor : file.tensors())
    if (tensor.name.find("rope") == std::string::npos) names.insert(tensor.name);
  return names;
}

/// The model's own, each a little different by its place.
inline NewWeights shaken(const Model& model, float by) {
  return {names_of(model.file()), [&model, by](const std::string& name) {
            std::vector<float> values = engine_values(model.file(), model.config(), name);
            for (std::size_t i = 0; i < values.size() && by != 0; ++i)  // -0 stays what it is
              values[i] += by * std::sin(static_cast<float>(i + name.size()));
            return values;
          }};
}

/// Logits (40, n_vocab) of made-up tokens.
inline std::vector<float> logits_of(const Model& model, const std::string& method = "none") {
  std::vector<Token> tokens;
  for (Token t = 0; t < 40; ++t) tokens.push_back(t * 37 % 101);
  Session session(model, MethodSpec::parse(method), {.n = 40});
  std::vector<float> all;
  const Index n_vocab = model.config().n_vocab;
  session.run(tokens, 0, 40, [&](Index, Index n_rows, const float* logits) {
    all.insert(all.end(), logits, logits + n_rows * n_vocab);
  });
  return all;
}

/// A folder of a test's own, taken away when it ends.
class InOwnFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      fmt::format("ropewalk_{}_{}", ::testing::UnitTest::GetInstance()->current_test_info()->name(),
                  ::getpid());
};

}  // namespace rw
