// SPDX-License-Identifier: Apache-2.0
/// Who may ask.
#include "server/access.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"

namespace rw::server {
namespace {

TEST(AccessTest, only_names_that_cannot_be_bound_anew_by_others) {
  Access access;
  access.hosts = {"box.lan"};
  for (const char* good : {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:9", "[::1]:8080", "[::1]",
                           "::1", "192.168.1.7:80", "box.lan", "Box.Lan:8080"})
    EXPECT_TRUE(access.host_allowed(good)) << good;
  for (const char* bad : {"", "evil.example", "localhost.evil.example:8080", "127.0.0.1.evil.example", "[",
                          "[]:80", "evil.example:127.0.0.1", "box.lan.evil", "0x7f.1", "[::1"})
    EXPECT_FALSE(access.host_allowed(bad)) << bad;
}

TEST(AccessTest, pages_of_this_server_alone) {
  EXPECT_TRUE(Access::origin_allowed("http://localhost:8080", "localhost:8080"));
  for (const char* bad :
       {"", "http://localhost:8081", "http://evil.example", "null", "localhost:8080", "http://localhost"})
    EXPECT_FALSE(Access::origin_allowed(bad, "localhost:8080")) << bad;
}

TEST(AccessTest, loopback) {
  for (const char* own : {"127.0.0.1", "127.3.2.1", "::1", "localhost"}) EXPECT_TRUE(is_loopback(own)) << own;
  for (const char* other : {"0.0.0.0", "::", "192.168.0.1", "", "example.com"})
    EXPECT_FALSE(is_loopback(other)) << other;
}

class KeysTest : public testing::Test {
 protected:
  KeysTest()
      : path_(std::filesystem::temp_directory_path() / ("ropewalk-keys-" + std::to_string(getpid()))) {}
  ~KeysTest() override { std::filesystem::remove(path_); }
  Keys of(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), mode);
    return Keys::read(path_);
  }
  std::string path_;
};

TEST_F(KeysTest, bearer_and_basic) {
  const Keys keys = of("# mine\n\n0123456789abcdef\r\nfedcba9876543210 \n");
  EXPECT_TRUE(keys.allow("Bearer 0123456789abcdef"));
  EXPECT_TRUE(keys.allow("Bearer fedcba9876543210"));
  EXPECT_TRUE(keys.allow("Basic bWU6MDEyMzQ1Njc4OWFiY2RlZg=="));  // me:0123456789abcdef
  for (const char* bad : {"", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef ",
                          "Basic !!", "Basic MDEyMzQ1Njc4OWFiY2RlZg==", "# mine", "Bearer # mine"})
    EXPECT_FALSE(keys.allow(bad)) << bad;
  EXPECT_FALSE(keys.none());
  EXPECT_TRUE(Keys().none());
  EXPECT_FALSE(Keys().allow("Bearer "));
}

TEST_F(KeysTest, files_that_are_none) {
  EXPECT_THROW(of("short\n"), Error);
  EXPECT_THROW(of("\n# none\n"), Error);
  EXPECT_THROW(of("0123456789abcdef\n", 0644), Error);
  EXPECT_THROW(Keys::read("/nonexistent"), Error);
}

}  // namespace
}  // namespace rw::server
