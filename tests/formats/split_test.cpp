// SPDX-License-Identifier: Apache-2.0
/// A model in several GGUF files: whichever is named, all are read, or the one that is wrong is named.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "formats/gguf_split.h"
#include "gguf_writer.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

class Split : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("ropewalk_split_test_{}", ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    for (std::uint32_t i = 0; i < 3; ++i) write(i, part(i, {fmt::format("t{}", i)}));
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// File i as gguf-split writes it: metadata in the first only. Tensors of two F32.
  static GgufWriter part(std::uint32_t i, const std::vector<std::string>& tensors, std::uint32_t count = 3,
                         std::uint32_t n_tensors = 3, const char* more = nullptr) {
    GgufWriter w;
    w.header(tensors.size(), 3u + (i == 0) + (more != nullptr));
    if (i == 0) w.string_key("general.architecture", "llama");
    if (more) w.string_key("general.name", more);
    w.u32_key("split.no", i).u32_key("split.count", count).u32_key("split.tensors.count", n_tensors);
    for (std::size_t t = 0; t < tensors.size(); ++t) w.tensor(tensors[t], {2}, 0, 32 * t);
    w.data(0).number(static_cast<float>(i)).number(0.0f);
    return w.data(32 * (tensors.size() - 1));
  }
  std::string path(std::uint32_t i) const {
    return (folder_ / fmt::format("model-{:05}-of-00003.gguf", i + 1)).string();
  }
  void write(std::uint32_t i, const GgufWriter& w) const {
    std::ofstream(path(i), std::ios::binary)
        .write(reinterpret_cast<const char*>(w.bytes.data()), static_cast<std::streamsize>(w.bytes.size()));
  }
  void refuse(const std::string& named, const std::string& expected) const {
    try {
      ModelFile::open(named);
      ADD_FAILURE() << "read, where expected: " << expected;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(expected), std::string::npos) << e.what();
    }
  }
  fs::path folder_;
};

TEST_F(Split, IsReadWhicheverFileIsNamed) {
  std::vector<std::string> names{folder_.string()};
  for (std::uint32_t i = 0; i < 3; ++i) names.push_back(path(i));
  for (const std::string& name : names) {
    const auto file = ModelFile::open(name);
    EXPECT_EQ(file->tensors().size(), 3u) << name;
    for (std::uint32_t i = 0; i < 3; ++i)
      EXPECT_EQ(ModelFile::dequantize(file->tensor(fmt::format("t{}", i)))[0], static_cast<float>(i)) << name;
    EXPECT_EQ(file->string("general.architecture"), "llama");
    EXPECT_TRUE(file->interleaved_qk());
    EXPECT_EQ(file->container(), "GGUF v3, 3 files");
    EXPECT_EQ(file->files(), (std::vector<std::string>{path(0), path(1), path(2)}));
  }
}

TEST_F(Split, NamesTheFileThatIsWrong) {
  fs::rename(path(1), folder_ / "away");
  refuse(path(0), "00002-of-00003.gguf: expected file 2 of the 3");
  refuse(path(2), "00002-of-00003.gguf: expected file 2 of the 3");
  fs::copy_file(path(0), path(1));  // another file under this name
  refuse(path(0), "00002-of-00003.gguf: expected file 2 of 3");
  fs::remove(path(1));
  fs::rename(folder_ / "away", path(1));
  fs::rename(path(0), folder_ / "model.gguf");
  refuse((folder_ / "model.gguf").string(), "-00001-of-00003.gguf");
  fs::rename(folder_ / "model.gguf", path(0));
  write(2, part(2, {"t0"}));
  refuse(path(0), "'t0' in two");
  write(2, part(2, {"t2"}, 4));
  refuse(path(0), "00003-of-00003.gguf: expected file 3 of 3");
  write(2, part(2, {"t2"}, 3, 9));
  refuse(path(0), "the same split.tensors.count");
  write(2, part(2, {"t2", "t3"}));
  refuse(path(0), "3 tensors in all files");
  write(2, part(2, {"t2"}, 3, 3, "another"));
  refuse(path(0), "the same general.name");
  write(0, part(0, {"t0"}, 3, 3, "another"));
  EXPECT_EQ(ModelFile::open(path(1))->string("general.name"), "another");
}

TEST_F(Split, CountsThatMakeNoSenseAreRefused) {
  for (const std::uint32_t count : {0u, 100000u, 0xffffffffu}) {
    write(0, part(0, {"t0"}, count));
    refuse(path(0), "split.count from 2");
  }
  write(0, part(0, {"t0"}, 1, 1));
  EXPECT_EQ(ModelFile::open(path(0))->tensors().size(), 1u);  // a set of one is the whole
  write(2, part(7, {"t2"}));
  refuse(path(2), "split.no from 0 to 2");
}

TEST(SplitNames, AreRecognised) {
  EXPECT_EQ(split_prefix("a/m-00002-of-00003.gguf"), "a/m");
  for (const char* name :
       {"m.gguf", "-00001-of-00002.gguf", "m-0001-of-0002.gguf", "m-00001-of-0000x.gguf", ""})
    EXPECT_EQ(split_prefix(name), "") << name;
}

}  // namespace
}  // namespace rw
