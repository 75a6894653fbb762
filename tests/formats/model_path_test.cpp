// SPDX-License-Identifier: Apache-2.0
/// Folders that hold a model somewhere: the hub's cache, and a download with one GGUF file.
#include "formats/model_path.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

class ModelPath : public testing::Test {
 protected:
  void SetUp() override {
    hub_ = fs::temp_directory_path() / fmt::format("ropewalk_path_test_{}", ::getpid());
    fs::remove_all(hub_);
    root_ = hub_ / "models--someone--tiny";
    touch(snapshot("abc") / "config.json");
  }
  void TearDown() override { fs::remove_all(hub_); }
  fs::path snapshot(const std::string& revision) const { return root_ / "snapshots" / revision; }
  static void touch(const fs::path& path, const std::string& text = "x") {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  static void refuse(const fs::path& path, const char* expected) {
    try {
      ADD_FAILURE() << find_model(path.string());
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(expected), std::string::npos) << e.what();
    }
  }
  fs::path hub_, root_;
};

TEST_F(ModelPath, FollowsTheCacheToItsRevision) {
  for (const fs::path& named : {root_, hub_, snapshot("abc")})
    EXPECT_TRUE(fs::equivalent(find_model(named.string()), snapshot("abc"))) << named;
  touch(snapshot("def") / "config.json");
  refuse(root_, "abc, def");
  touch(root_ / "refs" / "main", "def\n");
  EXPECT_TRUE(fs::equivalent(find_model(root_.string()), snapshot("def")));
  touch(hub_ / "models--other--one" / "snapshots" / "1" / "config.json");
  refuse(hub_, "models--other--one, models--someone--tiny");
}

TEST_F(ModelPath, ARevisionIsANameInTheCache) {
  touch(hub_ / "elsewhere" / "config.json");
  for (const char* name : {"../../elsewhere", "..", ".", "/etc", "gone", ""}) {
    touch(root_ / "refs" / "main", name);
    EXPECT_TRUE(fs::equivalent(find_model(root_.string()), snapshot("abc"))) << name;
  }
  fs::remove_all(snapshot("abc"));
  refuse(root_, "snapshots/");
}

TEST_F(ModelPath, TakesTheOnlyGgufModelOfAFolder) {
  fs::remove(snapshot("abc") / "config.json");
  EXPECT_EQ(find_model(snapshot("abc").string()), snapshot("abc").string());  // nothing to follow
  touch(snapshot("abc") / "m-00001-of-00002.gguf");
  touch(snapshot("abc") / "m-00002-of-00002.gguf");
  EXPECT_EQ(fs::path(find_model(root_.string())).filename(), "m-00001-of-00002.gguf");
  touch(snapshot("abc") / "m-q8.gguf");
  refuse(root_, "m-q8.gguf");
}

TEST_F(ModelPath, OtherPathsComeBackAsTheyAre) {
  for (const char* path : {"model.gguf", "/nowhere/model.gguf", ""}) EXPECT_EQ(find_model(path), path);
}

}  // namespace
}  // namespace rw
