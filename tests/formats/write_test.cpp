// SPDX-License-Identifier: Apache-2.0
/// Files that we write are those that the packages of the formats write: what they wrote is written again to
/// the byte. A write that fails leaves nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "formats/gguf.h"
#include "formats/write_gguf.h"
#include "formats/write_safetensors.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class Writers : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  const fs::path folder_ = fs::temp_directory_path() / fmt::format("ropewalk_write_test_{}", ::getpid());
  const fs::path tiny_ = fs::path(ROPEWALK_SOURCE_DIR) / "tests/golden/tiny";
};

std::vector<TensorToWrite> described(const std::vector<TensorInfo>& tensors) {
  std::vector<TensorToWrite> list;
  for (const TensorInfo& tensor : tensors) list.push_back({tensor.name, tensor.type, tensor.shape});
  return list;
}

TEST_F(Writers, WriteAGgufFileAgainToTheByte) {
  int n = 0;
  std::vector<fs::path> paths = {fs::path(ROPEWALK_SOURCE_DIR) / "models/short-256.gguf"};
  for (const auto& entry : fs::directory_iterator(tiny_)) paths.push_back(entry.path() / "model.gguf");
  for (const fs::path& path : paths) {
    if (!fs::exists(path)) continue;
    const auto file = open_gguf(path.string());
    const auto tensors = file->stored_tensors();
    const std::string copy = (folder_ / "copy.gguf").string();
    write_gguf(copy, read_gguf_keys(path.string()), described(tensors),
               [&](std::size_t i, const TensorSink& sink) { sink(tensors[i].bytes); });
    EXPECT_TRUE(contents(copy) == contents(path)) << path;
    ++n;
  }
  EXPECT_GT(n, 40);
  EXPECT_EQ(files(), 1u);  // no part is left
}

TEST_F(Writers, WriteASafetensorsFileAgainToTheByte) {
  int n = 0;
  for (const auto& entry : fs::directory_iterator(tiny_)) {
    if (!fs::exists(entry.path() / "config.json")) continue;
    const auto file = ModelFile::open((entry.path() / "config.json").string());
    auto tensors = file->stored_tensors();
    std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
      return safetensors_before({a.name, a.type, a.shape}, {b.name, b.type, b.shape});
    });
    const std::string copy = (folder_ / "model.safetensors").string();
    write_safetensors(copy, described(tensors), [&](std::size_t i, const TensorSink& sink) {
      for (const std::byte& b : tensors[i].bytes) sink({&b, 1});  // in pieces of any size
    });
    EXPECT_TRUE(contents(copy) == contents(entry.path() / "model.safetensors")) << entry.path();
    ++n;
  }
  EXPECT_GT(n, 50);
}

TEST_F(Writers, WriteEachTypeOfKey) {
  std::vector<GgufKey> keys = {GgufKey::string("general.architecture", "llama"),
                               GgufKey::u32("a.u32", 4294967295u),
                               GgufKey::f32("a.f32", 0.1f),
                               GgufKey::boolean("a.yes", true),
                               GgufKey::strings("a.strings", std::vector<std::string>{"", "x y", "\xff"}),
                               GgufKey::i32s("a.i32s", std::vector<std::int32_t>{-1, 2147483647})};
  set_gguf_key(keys, GgufKey::boolean("a.yes", false));
  set_gguf_key(keys, GgufKey::u32("general.alignment", 64));
  set_gguf_key(keys, GgufKey::u32("b.more", 1));
  drop_gguf_keys(keys, [](const std::string& name) { return name.starts_with("b."); });
  const std::vector<TensorToWrite> tensors = {{"one", "F32", {3}}, {"two", "Q8_0", {2, 32}}};
  const std::string path = (folder_ / "keys.gguf").string();
  const std::vector<std::byte> data(68, std::byte{7});
  write_gguf(path, keys, tensors,
             [&](std::size_t i, const TensorSink& sink) { sink(std::span(data).first(i == 0 ? 12 : 68)); });
  const auto file = open_gguf(path);
  EXPECT_EQ(file->metadata().size(), 7u);
  EXPECT_EQ(file->integer("a.u32"), 4294967295);
  EXPECT_EQ(file->number("a.f32"), static_cast<double>(0.1f));
  EXPECT_EQ(file->boolean("a.yes"), false);
  EXPECT_EQ(*file->strings("a.strings"), (std::vector<std::string>{"", "x y", "\xff"}));
  EXPECT_EQ(*file->integers("a.i32s"), (std::vector<std::int64_t>{-1, 2147483647}));
  EXPECT_EQ(file->tensor("two").shape, (std::vector<Index>{2, 32}));
  EXPECT_EQ(file->tensor("two").bytes.back(), std::byte{7});
  EXPECT_EQ(fs::file_size(path) % 64, 0u);
}

TEST_F(Writers, LeaveNothingOfAWriteThatFails) {
  const std::vector<TensorToWrite> tensors = {{"one", "F32", {3}}};
  const std::byte data[16] = {};
  const std::string path = (folder_ / "file").string();
  for (const std::size_t n : {std::size_t{11}, std::size_t{13}}) {
    const TensorSource wrong = [&](std::size_t, const TensorSink& sink) { sink(std::span(data).first(n)); };
    EXPECT_THROW(write_gguf(path, {}, tensors, wrong), LogicError);
    EXPECT_THROW(write_safetensors(path, tensors, wrong), LogicError);
  }
  const TensorSource thrown = [](std::size_t, const TensorSink&) { throw Error("a", "b", "c"); };
  EXPECT_THROW(write_gguf(path, {}, tensors, thrown), Error);
  EXPECT_THROW(write_safetensors((folder_ / "none/file").string(), tensors, thrown), Error);
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace rw
