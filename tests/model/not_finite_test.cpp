// SPDX-License-Identifier: Apache-2.0
/// A token whose embedding is not a number: what is said of all that stands after it, on every instruction
/// set.
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>

#include "model/writing.h"
#include "model_test_util.h"

namespace rw {
namespace {

constexpr Token kBad = 7;
constexpr Index kAt = 60, kLength = 130;

/// A copy of tests/golden/tiny/llama whose embedding of kBad is NaN.
class SpoiledModel {
 public:
  SpoiledModel() {
    std::filesystem::copy(golden("tiny/llama"), folder_, std::filesystem::copy_options::recursive);
    std::filesystem::remove(folder_ / "model.gguf");
    const std::string path = (folder_ / "model.safetensors").string();
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::uint64_t header_bytes = 0;
    file.read(reinterpret_cast<char*>(&header_bytes), 8);
    std::string header(static_cast<std::size_t>(header_bytes), ' ');
    file.read(header.data(), static_cast<std::streamsize>(header_bytes));
    const JsonInput tensor = parse_json(header, path)["model.embed_tokens.weight"];
    EXPECT_EQ(tensor["dtype"].get<std::string>(), "F16");
    const auto width = tensor["shape"][1].get<std::uint64_t>();
    const std::vector<std::uint16_t> row(static_cast<std::size_t>(width), 0x7e00);  // NaN
    file.seekp(static_cast<std::streamoff>(8 + header_bytes + tensor["data_offsets"][0].get<std::uint64_t>() +
                                           kBad * width * 2));
    file.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size() * 2));
    EXPECT_TRUE(file.flush());
  }
  ~SpoiledModel() { std::filesystem::remove_all(folder_); }
  SpoiledModel(const SpoiledModel&) = delete;
  SpoiledModel& operator=(const SpoiledModel&) = delete;
  std::string path() const { return folder_.string(); }

 private:
  std::filesystem::path folder_ =
      std::filesystem::path(ROPEWALK_BINARY_DIR) / ("not_finite_" + std::to_string(::getpid()));
};

/// kLength tokens of which one is kBad.
std::vector<Token> tokens_with_one_bad(Index n_vocab) {
  std::vector<Token> tokens = some_tokens(kLength, n_vocab);
  for (Token& token : tokens)
    if (token == kBad) ++token;
  tokens[kAt] = kBad;
  return tokens;
}

TEST(NotFinite, EveryLossFromItOnIsNaNAndNoneBefore) {
  const SpoiledModel spoiled;
  for (const KvType kv : {KvType::kBf16, KvType::kF32, KvType::kQ8}) {
    const TestModel m(spoiled.path(),
                      make_cpu_backend(kv == KvType::kF32 ? Precision::kF32 : Precision::kBf16, kv));
    const std::vector<Token> tokens = tokens_with_one_bad(m.model.config().n_vocab);
    for (const char* spec :
         {"none", "rerope:window=20", "self-extend:window=16,group=4", "dynamic-ntk:grow=1"}) {
      const auto losses = token_losses(m.model, MethodSpec::parse(spec), tokens, 0, kLength - 1);
      for (std::size_t i = 0; i < losses.size(); ++i)
        ASSERT_EQ(static_cast<Index>(i) >= kAt, std::isnan(losses[i])) << spec << " " << i;
    }
    // Each layer hands it on by as much as a window.
    const auto losses = token_losses(m.model, MethodSpec::parse("window:window=10"), tokens, 0, kLength - 1);
    EXPECT_TRUE(std::isnan(losses[kAt + 9]));
    EXPECT_TRUE(std::isfinite(losses[kAt + 10 * static_cast<std::size_t>(m.model.config().n_layers())]));
  }
}

TEST(NotFinite, NothingIsWrittenAfterIt) {
  const SpoiledModel spoiled;
  const TestModel m(spoiled.path(), make_cpu_backend(Precision::kBf16));
  const Index n_vocab = m.model.config().n_vocab;
  const std::vector<Token> tokens = tokens_with_one_bad(n_vocab);
  for (const Index n_prompt : {kAt, kAt + 1}) {
    Session session(m.model, MethodSpec::parse("none"), {.n = n_prompt + 3, .n_prompt = n_prompt});
    Index lost = -1;
    const std::vector<Token> written =
        write_on(session, std::span(tokens).first(static_cast<std::size_t>(n_prompt)),
                 {.n_predict = 2, .not_numbers = [&](Index position) { lost = position; }});
    EXPECT_EQ(lost, n_prompt == kAt ? -1 : n_prompt);
    EXPECT_EQ(written.size(), n_prompt == kAt ? 2u : 0u);
  }
  const float logits[] = {1, 3, 2, 3, 1, 3, NAN, 9};
  Token greatest[2];
  m.model.backend().greatest(logits, 2, 4, 4, greatest);
  EXPECT_EQ(greatest[0], 1);
  EXPECT_EQ(greatest[1], kNoToken);
}

}  // namespace
}  // namespace rw
