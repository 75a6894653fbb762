// SPDX-License-Identifier: Apache-2.0
/// A folder is replaced by a whole one, under names that nobody else has.
#include "core/output_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

class OutputFolders : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/output_folder_test";
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string path(const char* name) const { return root_ + "/" + name; }
  void put(const std::string& folder, const char* text) const {
    fs::create_directories(folder);
    std::ofstream(folder + "/file") << text;
  }
  static std::string text_of(const std::string& folder) {
    std::ifstream in(folder + "/file");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::string& folder, const char* text) {
    OutputFolder out(folder, Existing::kReplaced);
    out.write("file", text);
    out.commit();
  }
  std::size_t n_entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(root_), {}));
  }
  std::string root_;
};

TEST_F(OutputFolders, AreReplacedWhole) {
  write(path("model"), "one");
  {
    OutputFolder unfinished(path("model"), Existing::kReplaced);
    unfinished.write("file", "half");
    EXPECT_EQ(text_of(path("model")), "one");
  }
  EXPECT_EQ(text_of(path("model")), "one");
  write(path("model") + "/", "two");
  EXPECT_EQ(text_of(path("model")), "two");
  EXPECT_EQ(n_entries(), 1u);
  EXPECT_THROW(OutputFolder(path("model"), Existing::kRefused), Error);
}

/// Copies by the names that one thinks of first are somebody's own.
TEST_F(OutputFolders, TakeNothingElseAway) {
  for (const char* own : {"model", "model.old", "model.tmp", ".model.old"}) put(path(own), own);
  write(path("model"), "new");
  EXPECT_EQ(text_of(path("model")), "new");
  put(path("other"), "by");
  replace_by_renames(path("model"), path("other"));  // where a file system cannot swap
  EXPECT_EQ(text_of(path("model")), "by");
  for (const char* own : {"model.old", "model.tmp", ".model.old"}) EXPECT_EQ(text_of(path(own)), own);
}

/// A process that was killed between two renames, or while it wrote.
TEST_F(OutputFolders, GoOnBehindAKill) {
  put(name_set_aside(path("model")), "before");
  put(name_while_written(path("model")), "half");
  {
    const OutputFolder out(path("model"), Existing::kReplaced);
    EXPECT_EQ(text_of(path("model")), "before");  // there whatever becomes of the new one
  }
  EXPECT_EQ(text_of(path("model")), "before");
  put(name_set_aside(path("model")), "long gone");
  put(path("other"), "by");
  replace_by_renames(path("model"), path("other"));
  EXPECT_EQ(text_of(path("model")), "by");
  EXPECT_EQ(text_of(name_set_aside(path("model"))), "before");  // until the disk has the new one
  write(path("model"), "last");
  EXPECT_EQ(text_of(path("model")), "last");
}

}  // namespace
}  // namespace rw
