// SPDX-License-Identifier: Apache-2.0
// One run at a time; what a killed one left is no hindrance. (tests/cli/train_test.py: by two processes.)
#include "core/folder_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "core/error.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

TEST(FolderLock, IsHeldByOneAtATime) {
  const std::string folder = testing::TempDir() + "folder_lock" + std::to_string(getpid());
  fs::create_directories(folder);
  auto first = std::make_unique<FolderLock>(folder);
  try {
    FolderLock second(folder);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("in use by another run"), std::string::npos) << e.what();
  }
  EXPECT_TRUE(fs::exists(folder + "/.lock"));  // the refused one took nothing away
  EXPECT_THROW(FolderLock third(folder), Error);
  first.reset();
  EXPECT_TRUE(fs::is_empty(folder));
  std::ofstream(folder + "/.lock").close();  // as a killed one leaves it
  { FolderLock after(folder); }
  EXPECT_TRUE(fs::is_empty(folder));
  fs::remove_all(folder);
  EXPECT_THROW(FolderLock none(folder), Error);
}

}  // namespace
}  // namespace rw
