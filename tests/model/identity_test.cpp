// SPDX-License-Identifier: Apache-2.0
/// What makes two models the same for results and tuned settings, and what does not.
#include "model/identity.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "../formats/gguf_writer.h"
#include "model_test_util.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

class Identity : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("ropewalk_identity_test_{}", ::getpid());
    fs::remove_all(folder_);
    fs::copy(golden("tiny/llama"), folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  static std::string id(const fs::path& path) { return model_id(*ModelFile::open(path.string())); }
  /// Changes the byte at `at`; negative: from the end.
  static void flip(const fs::path& path, std::streamoff at) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(at, at < 0 ? std::ios::end : std::ios::beg);
    const std::streamoff where = file.tellg();
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(where);
    file.put(byte);
  }
  static void append(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::app) << text;
  }
  fs::path folder_;
};

TEST_F(Identity, OfAFolderIsItsModelAndTokenizer) {
  const std::string first = id(folder_);
  EXPECT_EQ(first.size(), 64u);
  EXPECT_EQ(id(golden("tiny/llama")), first) << "under another path";
  append(folder_ / "README.md", "words");
  append(folder_ / "config.json.ropewalk.json", "{}");
  EXPECT_EQ(id(folder_), first);
  append(folder_ / "tokenizer_config.json", "{}");
  const std::string second = id(folder_);
  EXPECT_NE(second, first);
  append(folder_ / "config.json", " ");
  const std::string third = id(folder_);
  EXPECT_NE(third, second);
  flip(folder_ / "model.safetensors", -1);
  EXPECT_NE(id(folder_), third);
}

TEST_F(Identity, OfAPackedFolderIsWhatItsFileHolds) {
  const fs::path packed = folder_ / "packed";
  fs::copy(golden("packed/awq"), packed);
  const std::string first = id(packed);
  const auto file = ModelFile::open(packed.string());
  ModelFile::dequantize(file->tensor("blk.0.attn_q.weight"));
  EXPECT_EQ(model_id(*file), first) << "whether it was read or not";
  for (const std::streamoff at : {-1, -20000, -40000}) {
    flip(packed / "model.safetensors", at);
    EXPECT_NE(id(packed), first) << at;
    flip(packed / "model.safetensors", at);
  }
  EXPECT_EQ(id(packed), first);
}

TEST_F(Identity, OfAGgufIsItsMetadataAndWeights) {
  const fs::path file = folder_ / "model.gguf";
  const std::string first = id(file);
  flip(file, -1000);
  const std::string second = id(file);
  EXPECT_NE(second, first);
  flip(file, -1000);
  EXPECT_EQ(id(file), first);
  EXPECT_NE(first, id(golden("tiny/llama"))) << "another container is another model";
  EXPECT_NE(first, id(golden("tiny/llama_tied/model.gguf")));
}

TEST_F(Identity, OfLargeWeightsIsSampled) {
  constexpr std::uint64_t kWeights = 20u << 20;  // 80 MiB of F32
  GgufWriter w = GgufWriter().header(2, 1).string_key("general.architecture", "llama");
  w.tensor("large", {kWeights}, 0, 0).tensor("norm", {64}, 0, 4 * kWeights).data(0);
  const auto data = static_cast<std::streamoff>(w.bytes.size());
  const fs::path file = folder_ / "large.gguf";
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(w.bytes.data()), static_cast<std::streamsize>(w.bytes.size()));
  fs::resize_file(file, w.bytes.size() + 4 * kWeights + 256);  // zeros, which take no room
  const std::string first = id(file);
  auto changes_it = [&](std::streamoff at) {
    flip(file, at);
    const bool changed = id(file) != first;
    flip(file, at);
    return changed;
  };
  EXPECT_TRUE(changes_it(data));                       // the first block of the tensor
  EXPECT_TRUE(changes_it(data + 2 * kWeights));        // the one in its middle
  EXPECT_TRUE(changes_it(data + 4 * kWeights - 1));    // its last
  EXPECT_TRUE(changes_it(data + 4 * kWeights + 100));  // a short tensor, anywhere
  EXPECT_FALSE(changes_it(data + kWeights));           // between samples: only --sha256 sees it
  EXPECT_EQ(id(file), first);
}

}  // namespace
}  // namespace rw
