// SPDX-License-Identifier: Apache-2.0
/// What is asked of the system about parts of a mapped file.
#include "formats/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

namespace rw {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kSize = 48 << 20, kThird = kSize / 3;

class MappedParts : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream out(path_, std::ios::binary);
    std::vector<char> block(1 << 20);
    for (std::size_t at = 0; at < kSize; at += block.size()) {
      std::fill(block.begin(), block.end(), static_cast<char>(at >> 20));
      out.write(block.data(), static_cast<std::streamsize>(block.size()));
    }
    out.close();
    ::sync();  // pages that are yet to be written stay
  }
  void TearDown() override { fs::remove(path_); }
  bool on_disk() const {
    struct statfs info {};
    constexpr long kTmpfs = 0x01021994, kRamfs = 0x858458f6;
    return ::statfs(path_.c_str(), &info) == 0 && info.f_type != kTmpfs && info.f_type != kRamfs;
  }
  /// Share of its pages that are in memory.
  static double resident(std::span<const std::byte> part) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> in(part.size() / page);
    EXPECT_EQ(::mincore(const_cast<std::byte*>(part.data()), part.size(), in.data()), 0);
    const auto n = std::count_if(in.begin(), in.end(), [](unsigned char c) { return (c & 1) != 0; });
    return static_cast<double>(n) / static_cast<double>(in.size());
  }
  const fs::path path_ = fs::temp_directory_path() / ("ropewalk_mapped_test_" + std::to_string(::getpid()));
};

TEST_F(MappedParts, AreFetchedAndDropped) {
  if (!on_disk()) GTEST_SKIP() << "files lie in memory here";
  const MappedFile file(path_.string());
  const auto first = file.bytes().first(kThird), middle = file.bytes().subspan(kThird, kThird),
             last = file.bytes().last(kThird);
  file.drop(file.bytes());
  EXPECT_LT(resident(file.bytes()), 0.05);
  file.fetch(middle);
  EXPECT_EQ(resident(middle), 1);
  EXPECT_LT(resident(first), 0.05);
  file.fetch(last);
  file.drop(middle);
  EXPECT_LT(resident(middle), 0.05);
  EXPECT_GT(resident(last), 0.9);
}

/// Whatever was asked for: the bytes are the file's.
TEST_F(MappedParts, AreTheFilesBytes) {
  const MappedFile file(path_.string());
  file.drop(file.bytes());
  file.ask(file.bytes().subspan(12345, 7 << 20));
  for (std::size_t at = 1; at < kSize; at += (1 << 20) - 4097) {
    EXPECT_EQ(file.bytes()[at], static_cast<std::byte>(at >> 20));
    file.drop(file.bytes().subspan(at, std::min<std::size_t>(5000, kSize - at)));
    EXPECT_EQ(file.bytes()[at], static_cast<std::byte>(at >> 20));
  }
  file.fetch({}), file.ask({}), file.drop({});
  file.drop(file.bytes().subspan(1, 4096));  // holds no whole page
  file.fetch(file.bytes().last(1));
  EXPECT_EQ(file.bytes().back(), static_cast<std::byte>((kSize - 1) >> 20));
}

TEST_F(MappedParts, AreTold) {
  const MappedFile file(path_.string()), other(path_.string());
  EXPECT_TRUE(file.holds(file.bytes()));
  EXPECT_TRUE(file.holds(file.bytes().last(7)));
  EXPECT_FALSE(file.holds(other.bytes()));
  EXPECT_FALSE(file.holds({file.bytes().data() + 1, file.bytes().size()}));
}

}  // namespace
}  // namespace rw
