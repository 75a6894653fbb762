// SPDX-License-Identifier: Apache-2.0
/// Sharded Hugging Face folders: the index, the shards and the folder's edge (T-S06, T-M06).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "formats/hf_object.h"
#include "formats/model_file.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

/// A safetensors file with one F32 tensor [1] of each name; the value of tensor i is `first` + i.
std::string shard(const std::vector<std::string>& names, float first) {
  std::string header = "{", data;
  for (std::size_t i = 0; i < names.size(); ++i) {
    header += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}})", i ? "," : "",
                          names[i], 4 * i, 4 * i + 4);
    const float value = first + static_cast<float>(i);
    data.append(reinterpret_cast<const char*>(&value), 4);
  }
  header += "}";
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

class ShardedFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::temp_directory_path() / fmt::format("ropewalk_folder_test_{}", ::getpid());
    fs::remove_all(base_);
    fs::create_directories(folder_ = base_ / "model");
    write(folder_ / "config.json",
          R"({"model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_hidden_layers":2,)"
          R"("intermediate_size":96,"max_position_embeddings":128})");
    write(folder_ / "1.safetensors", shard({"model.norm.weight", "lm_head.weight"}, 1));
    write(folder_ / "2.safetensors", shard({"model.embed_tokens.weight"}, 5));
  }
  void TearDown() override { fs::remove_all(base_); }
  /// Writes the index and opens the folder.
  std::unique_ptr<ModelFile> open(const std::string& map) {
    write(folder_ / "model.safetensors.index.json", R"({"weight_map":)" + map + "}");
    return ModelFile::open(folder_.string());
  }
  void refuse(const std::string& map, const char* part) {
    try {
      open(map);
      ADD_FAILURE() << "read: " << map;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  }
  fs::path base_, folder_;
};

const char* kGood = R"({"model.norm.weight":"1.safetensors","lm_head.weight":"1.safetensors",)"
                    R"("model.embed_tokens.weight":"2.safetensors"})";

TEST_F(ShardedFolder, GivesEveryShardsTensors) {
  const auto file = open(kGood);
  EXPECT_EQ(file->tensors().size(), 3u);
  EXPECT_EQ(file->dequantize(file->tensor("output_norm.weight")), std::vector<float>{1});
  EXPECT_EQ(file->dequantize(file->tensor("output.weight")), std::vector<float>{2});
  EXPECT_EQ(file->dequantize(file->tensor("token_embd.weight")), std::vector<float>{5});
}

TEST_F(ShardedFolder, RefusesShardNamesThatAreNotPlain) {
  for (const char* name : {"../2.safetensors", "/etc/passwd", "a/b.safetensors", "..", ".safetensors", "",
                           "2.safetensors/", "2.bin", "a b.safetensors", "2.safetensors\\u0000"})
    refuse(fmt::format(R"({{"lm_head.weight":"{}"}})", name), "shard names of letters");
  refuse(R"({"lm_head.weight":1})", "shard names as strings");
  refuse("[]", "weight_map");
  refuse("{}", "weight_map");
}

TEST_F(ShardedFolder, RefusesAnIndexThatDisagreesWithItsShards) {
  refuse(R"({"lm_head.weight":"3.safetensors"})", "3.safetensors");  // missing
  refuse(                                                            // one tensor is not where the index says
      R"({"model.norm.weight":"1.safetensors","lm_head.weight":"2.safetensors",)"
      R"("model.embed_tokens.weight":"2.safetensors"})",
      "only tensors that the index puts here");
  refuse(  // one tensor exists in the index only
      R"({"model.norm.weight":"1.safetensors","lm_head.weight":"1.safetensors","ghost":"1.safetensors"})",
      "3 tensors, by the index");
  write(folder_ / "2.safetensors", shard({"lm_head.weight"}, 5));
  refuse(kGood, "only tensors that the index puts here");  // two shards with one name
}

TEST_F(ShardedFolder, AnIndexBesideTheWholeFileIsStale) {
  write(folder_ / "model.safetensors", shard({"model.norm.weight", "model.embed_tokens.weight"}, 1));
  EXPECT_EQ(open(R"({"model.norm.weight":"gone-00001-of-00002.safetensors"})")->tensors().size(), 2u);
}

TEST_F(ShardedFolder, WeightsThatAreNotThereAreNamed) {
  const auto refused = [&](const char* part) {
    try {
      ModelFile::open(folder_.string());
      ADD_FAILURE() << part;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  refused("model.safetensors");
  write(folder_ / "pytorch_model.bin", "x");
  refused("found pytorch_model.bin");
  write(folder_ / "model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
  refused("a Git LFS pointer");
}

TEST_F(ShardedFolder, AFileOfAFolderStandsForIt) {
  open(kGood);
  for (const char* name : {"config.json", "1.safetensors", "model.safetensors.index.json"})
    EXPECT_EQ(ModelFile::open((folder_ / name).string())->tensors().size(), 3u) << name;
}

TEST_F(ShardedFolder, AnotherFamilyCanBeLookedAt) {
  write(folder_ / "config.json", R"({"model_type":"gpt2","hidden_size":64})");
  const auto file = open(kGood);
  EXPECT_EQ(file->string("general.architecture"), "gpt2");
  EXPECT_EQ(file->tensors().size(), 3u);
  ASSERT_TRUE(file->unsupported());
  EXPECT_NE(std::string(file->unsupported()->what()).find("'gpt2'"), std::string::npos);
}

TEST_F(ShardedFolder, NamesTheFilesThatItReads) {
  write(folder_ / "README.md", "x");
  write(folder_ / "tokenizer.json", "{}");
  std::vector<std::string> names;
  const auto file = open(kGood);
  for (const std::string& path : file->files()) names.push_back(fs::path(path).filename().string());
  EXPECT_EQ(names,
            (std::vector<std::string>{"config.json", "tokenizer.json", "1.safetensors", "2.safetensors"}));
}

TEST_F(ShardedFolder, RefusesLinksOutOfTheFolder) {
  fs::rename(folder_ / "2.safetensors", base_ / "2.safetensors");
  fs::create_symlink("../2.safetensors", folder_ / "2.safetensors");
  refuse(kGood, "a link out of it");
  fs::remove(folder_ / "2.safetensors");
  fs::rename(base_ / "2.safetensors", folder_ / "real.safetensors");
  fs::create_symlink("real.safetensors", folder_ / "2.safetensors");
  EXPECT_EQ(open(kGood)->tensors().size(), 3u);  // a link that stays inside is the folder's own business
  fs::create_directory_symlink(folder_, base_ / "alias");
  EXPECT_EQ(ModelFile::open((base_ / "alias").string())->tensors().size(), 3u);
}

TEST_F(ShardedFolder, ReadsTheHuggingFaceCache) {
  const fs::path snapshot = base_ / "snapshots" / "abc";
  fs::create_directories(snapshot);
  fs::create_directories(base_ / "blobs");
  int n = 0;
  for (const char* name : {"config.json", "1.safetensors", "2.safetensors"}) {
    const std::string blob = fmt::format("{}", n++);
    fs::rename(folder_ / name, base_ / "blobs" / blob);
    fs::create_symlink("../../blobs/" + blob, snapshot / name);
  }
  folder_ = snapshot;
  EXPECT_EQ(open(kGood)->tensors().size(), 3u);
}

TEST(PythonNumbers, AreTextAndStringsStay) {
  EXPECT_EQ(
      without_python_numbers(R"({"a":[0.0, Infinity],"b":-Infinity,"c":NaN,"Infinity":"NaN \" Infinity"})"),
      R"({"a":[0.0, "Infinity"],"b":"-Infinity","c":"NaN","Infinity":"NaN \" Infinity"})");
  std::string many, texts;  // 8 MB in one pass: moving the rest for each takes minutes
  for (int i = 0; i < 2'000'000; ++i) many += "NaN,", texts += "\"NaN\",";
  EXPECT_EQ(without_python_numbers(many), texts);
}

TEST_F(ShardedFolder, AConfigThatIsTooLargeIsNotRead) {
  write(folder_ / "config.json", "[" + std::string(64u << 20, ' ') + "]");
  refuse(kGood, "JSON of at most 4194304 bytes");
}

/// Two tensors whose names would be one in another family: why it is refused must be said, and nothing else.
TEST_F(ShardedFolder, OfAFamilyThatIsNotReadKeepsItsNames) {
  write(folder_ / "config.json", R"({"model_type":"gemma3n","hidden_size":64})");
  write(folder_ / "1.safetensors", shard({"model.layers.0.post_attention_layernorm.weight",
                                          "model.layers.0.pre_feedforward_layernorm.weight"},
                                         1));
  const auto file = open(R"({"model.layers.0.post_attention_layernorm.weight":"1.safetensors",)"
                         R"("model.layers.0.pre_feedforward_layernorm.weight":"1.safetensors",)"
                         R"("model.embed_tokens.weight":"2.safetensors"})");
  ASSERT_TRUE(file->unsupported());
  EXPECT_EQ(file->tensors().size(), 3u);
}

}  // namespace
}  // namespace rw
