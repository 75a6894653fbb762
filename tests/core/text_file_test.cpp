// SPDX-License-Identifier: Apache-2.0
/// The reader of texts: what Python reads, or one line that says why not.
#include "core/text_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/error.h"

namespace rw {
namespace {

class Text : public testing::Test {
 protected:
  ~Text() override { std::filesystem::remove(path_); }
  const std::string& write(std::string_view bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return path_;
  }
  std::string refusal(std::string_view bytes) {
    try {
      read_text(write(bytes));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  std::string path_ = testing::TempDir() + "ropewalk_text_" + std::to_string(::getpid());
};

TEST_F(Text, NewlinesAndMarksAreReadAsPythonReadsThem) {
  EXPECT_EQ(read_text(write("\xef\xbb\xbfone\r\ntwo\rthree\n\r\n")).text, "one\ntwo\nthree\n\n");
  EXPECT_TRUE(read_text(path_).had_crlf && read_text(path_).had_cr);
  EXPECT_EQ(read_text(write("a\r")).text, "a\n");
  EXPECT_TRUE(read_text(path_).had_cr && !read_text(path_).had_crlf);
  EXPECT_TRUE(read_text(write("a\r\n")).had_crlf && !read_text(path_).had_cr);
  EXPECT_FALSE(read_text(write("caf\xc3\xa9 \xe7\xa5\x9d\xf0\x9f\x90\xb1\n")).had_crlf);
  EXPECT_EQ(read_bytes(path_), "caf\xc3\xa9 \xe7\xa5\x9d\xf0\x9f\x90\xb1\n");
}

TEST_F(Text, OtherEncodingsAreNamedWithTheirLine) {
  const std::string gbk =
      "one\ntwo \xd7\xa3\xb8\xa3 \xc2\xb3\xd1\xb8\xa3\xac\xbe\xc9\xc0\xfa\xb5\xc4\xc4\xea\xb5\xd7\n";
  EXPECT_NE(refusal(gbk).find(
                ":2: expected UTF-8 text; found the byte 0xb8; perhaps GBK, as far as a guess can tell;"),
            std::string::npos)
      << refusal(gbk);
  EXPECT_NE(refusal(gbk).find("iconv -f GBK"), std::string::npos);
  EXPECT_NE(refusal("\xc4\xea\xb5\xd7").find("perhaps GBK, BIG5"), std::string::npos);
  EXPECT_NE(refusal("un caf\xe9 tr\xe8s d\xe9j\xe0 vu").find("WINDOWS-1252"), std::string::npos);
  EXPECT_NE(refusal("\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0 \xee\xe4\xe8\xed").find("WINDOWS-1251"),
            std::string::npos);
  EXPECT_NE(refusal(std::string_view("\xff\xfeh\0i\0", 6)).find("perhaps UTF-16,"), std::string::npos);
  EXPECT_NE(refusal(std::string_view("h\0e\0l\0l\0o\0", 10)).find("UTF-16LE"), std::string::npos);
  EXPECT_NE(refusal(std::string_view("\0h\0e\0l\0l\0o", 10)).find("UTF-16BE"), std::string::npos);
  EXPECT_NE(refusal(std::string_view("ELF\0\1\2\3abcdefghijklmnopqrstuvwxyz", 33)).find("binary data"),
            std::string::npos);
  EXPECT_NE(refusal("").find("an empty file"), std::string::npos);
  EXPECT_NE(refusal("\xef\xbb\xbf").find("an empty file"), std::string::npos);
}

TEST_F(Text, DamagedUtf8IsNamedAsSuch) {
  const std::string text = "\xe7\xa5\x9d\xe7\xa6\x8f caf\xc3\xa9 \xf0\x9f\x90\xb1";
  EXPECT_NE(refusal(text.substr(0, text.size() - 1)).find("3 of the 4 bytes of its last character"),
            std::string::npos);
  EXPECT_NE(refusal(text.substr(0, 4)).find("1 of the 3 bytes of its last character"), std::string::npos);
  EXPECT_NE(refusal(text + text + "\x80 x").find("1 byte of it is damaged, the rest is UTF-8"),
            std::string::npos);
  EXPECT_NE(refusal("caf\xe9").find("WINDOWS-1252"), std::string::npos) << "a letter at the end is no cut";
}

TEST_F(Text, OnlyItsBeginningIsReadAndEndsWithALine) {
  write("first\nsecond\nthird\n");
  const TextFile part = read_text(path_, 10);
  EXPECT_EQ(part.text, "first\n");
  EXPECT_EQ(part.n_left_out, 13u);
  for (std::size_t n = 1; n < 12; ++n) {  // no newline near: a whole character
    const TextFile cut = read_text(write("\xe7\xa5\x9d\xe7\xa6\x8f\xc3\xa9x\xf0\x9f\x90\xb1"), n + 2);
    EXPECT_EQ(
        cut.text + std::string("\xe7\xa5\x9d\xe7\xa6\x8f\xc3\xa9x\xf0\x9f\x90\xb1").substr(cut.text.size()),
        "\xe7\xa5\x9d\xe7\xa6\x8f\xc3\xa9x\xf0\x9f\x90\xb1");
  }
}

TEST_F(Text, PiecesAreTheWhole) {
  const std::string text =
      "\xef\xbb\xbfone\r\ntwo\rthree\n\r\n\xe7\xa5\x9d\xe7\xa6\x8f caf\xc3\xa9 \xf0\x9f\x90\xb1\r\n\r\r\n";
  for (std::size_t shift = 0; shift < 40; ++shift) {
    write(std::string("\xef\xbb\xbf") + std::string(shift, 'x') + text.substr(3));
    const TextFile whole = read_text(path_);
    for (const std::size_t stretch : {16u, 17u, 23u, 1024u}) {
      TextReader reader(path_, stretch);
      std::string all, piece;
      while (reader.next(piece)) all += piece;
      ASSERT_EQ(all, whole.text) << shift << " " << stretch;
      EXPECT_TRUE(reader.had_crlf() && reader.had_cr());
      EXPECT_EQ(reader.n_bytes(), std::filesystem::file_size(path_));
    }
  }
}

TEST_F(Text, PiecesAreRefusedAsTheWhole) {
  const auto refused = [&](std::string_view bytes) -> std::string {
    TextReader reader(write(bytes), 64);
    std::string piece;
    try {
      while (reader.next(piece)) continue;
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::string lines = "a line of text\nand one more\nand so on\n", many = lines + lines + lines;
  const std::string gbk =
      "two \xd7\xa3\xb8\xa3 \xc2\xb3\xd1\xb8\xa3\xac\xbe\xc9\xc0\xfa\xb5\xc4\xc4\xea\xb5\xd7\xb5\xd7\n";
  EXPECT_EQ(refused(many + gbk), refusal(many + gbk));
  EXPECT_NE(refused(many + gbk).find(":10: "), std::string::npos) << refused(many + gbk);
  EXPECT_EQ(refused(many + "caf\xc3\xa9 caf\xc3"), refusal(many + "caf\xc3\xa9 caf\xc3"));
  EXPECT_EQ(refused(""), refusal(""));
  EXPECT_EQ(refused("\xef\xbb\xbf"), refusal("\xef\xbb\xbf"));
}

TEST_F(Text, APipesWriterMayComeLate) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    std::ofstream pipe(path_);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // it is there and slow
    pipe << "late\r\n";
  });
  EXPECT_EQ(read_text(path_).text, "late\n");
  writer.join();
}

TEST_F(Text, EndlessThingsAreRefusedAndPipesAreRead) {
  EXPECT_THROW(read_text("/dev/zero"), Error);
  EXPECT_THROW(read_text("/dev/full"), Error);
  EXPECT_THROW(read_text(testing::TempDir()), Error);
  EXPECT_THROW(read_text(path_ + ".missing"), Error);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "piped\r\n", 7), 7);
  ::close(ends[1]);
  EXPECT_EQ(read_text("/dev/fd/" + std::to_string(ends[0])).text, "piped\n");
  ::close(ends[0]);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THROW(read_text(path_), Error) << "nobody writes to it: it is not waited for without end";
  EXPECT_THROW(require_regular_file(path_), Error);
  EXPECT_THROW(require_regular_file("/dev/zero"), Error);
}

}  // namespace
}  // namespace rw
