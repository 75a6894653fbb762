// SPDX-License-Identifier: Apache-2.0
/// Heads that a proxy could read otherwise: found, and plain ones let pass.
#include "server/head_rules.h"

#include <gtest/gtest.h>

namespace rw::server {
namespace {

TEST(HeadRules, TheEndIsFoundHoweverItComes) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", all = head + "GET /next HTTP/1.1\r\n\r\n";
  for (std::size_t seen = 0; seen < head.size(); ++seen) {
    EXPECT_EQ(end_of_head(head.substr(0, seen), 0), 0U) << seen;
    EXPECT_EQ(end_of_head(all, seen), head.size()) << seen;
  }
  EXPECT_EQ(end_of_head("GET / HTTP/1.1\nHost: a\n\nx", 0), 24U);
  EXPECT_EQ(end_of_head("", 0), 0U);
  EXPECT_EQ(end_of_head("\r\n", 0), 0U);
}

TEST(HeadRules, LinesAreWholeAndNotTooMany) {
  EXPECT_EQ(trouble_of("GET / HTTP/1.1\r\nHost: a\r\nX: b\tc\r\n\r\n"), "");
  EXPECT_NE(trouble_of("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n"), "");  // folded
  EXPECT_NE(trouble_of("GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n"), "");
  EXPECT_NE(trouble_of("GET / HTTP/1.1\nHost: a\n\n"), "");      // bare LF
  EXPECT_NE(trouble_of("GET / HTTP/1.1\rHost: a\r\n\r\n"), "");  // bare CR
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 200; ++i) many += "X: a\r\n";
  EXPECT_NE(trouble_of(many + "\r\n"), "");
}

TEST(HeadRules, OneLengthOrChunks) {
  namespace http = boost::beast::http;
  const auto plain = [](std::initializer_list<std::pair<http::field, const char*>> list) {
    http::fields fields;
    for (const auto& [name, value] : list) fields.insert(name, value);
    return length_is_plain(fields);
  };
  constexpr auto kLength = http::field::content_length, kCoding = http::field::transfer_encoding;
  EXPECT_TRUE(plain({}));
  EXPECT_TRUE(plain({{kLength, "12"}}));
  EXPECT_TRUE(plain({{kCoding, "Chunked"}}));
  for (const char* length : {"", "12, 12", "+12", "0x12", "1 2"})
    EXPECT_FALSE(plain({{kLength, length}})) << length;
  for (const char* coding : {"", "identity", "gzip, chunked", "chunked;q=1", ",chunked", "chunked, chunked"})
    EXPECT_FALSE(plain({{kCoding, coding}})) << coding;
  EXPECT_FALSE(plain({{kLength, "12"}, {kLength, "12"}}));
  EXPECT_FALSE(plain({{kCoding, "chunked"}, {kCoding, "chunked"}}));
}

}  // namespace
}  // namespace rw::server
