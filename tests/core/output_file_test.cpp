// SPDX-License-Identifier: Apache-2.0
/// A file appears whole or not at all: also when the process is ended from outside.
#include "core/output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/error.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

std::string fresh(const char* name) {
  const std::string path = testing::TempDir() + "/" + name;
  fs::remove(path);
  fs::remove(path + ".part");
  return path;
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(OutputFile, AppearsWhole) {
  const std::string path = fresh("output_file_whole");
  {
    OutputFile unfinished(path);
    unfinished.write("half");
    unfinished.flush();
    EXPECT_TRUE(fs::exists(path + ".part"));
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_FALSE(fs::exists(path + ".part"));
  std::ofstream(path) << "before";
  OutputFile file(path);
  file.write("whole");
  EXPECT_EQ(text_of(path), "before");  // the old one stays until the new one is complete
  file.commit();
  EXPECT_EQ(text_of(path), "whole");
  EXPECT_FALSE(fs::exists(path + ".part"));
}

/// A file that is called as ours is while it is written may be somebody's.
TEST(OutputFile, AnotherPartStaysWhatItIs) {
  const std::string path = fresh("output_file_part"), notes = fresh("output_file_notes");
  std::ofstream(notes) << "notes";
  for (const bool link : {false, true}) {
    if (link)
      fs::create_symlink(notes, path + ".part");
    else
      std::ofstream(path + ".part") << "mine";
    OutputFile file(path);
    file.write("ours");
    file.commit();
    EXPECT_EQ(text_of(path), "ours");
    EXPECT_FALSE(fs::is_symlink(path));
    EXPECT_EQ(text_of(path + ".part"), link ? "notes" : "mine");
    fs::remove(path + ".part");
  }
  EXPECT_EQ(text_of(notes), "notes");
}

/// What killed processes left goes when it is asked for, and nothing else does.
TEST(OutputFile, PartsAreTakenAwayWhenAsked) {
  const std::string path = fresh("output_file_left"), notes = fresh("output_file_notes");
  std::ofstream(notes) << "notes";
  for (const char* part : {"", ".part", ".part1"}) std::ofstream(path + part) << "x";
  fs::remove(path + ".part2");
  fs::create_symlink(notes, path + ".part2");
  remove_parts_of(path);
  EXPECT_TRUE(fs::exists(path) && !fs::exists(path + ".part") && !fs::exists(path + ".part1"));
  EXPECT_TRUE(fs::is_symlink(path + ".part2"));
  fs::remove(path + ".part2");
  remove_parts_of(path + "/none");
  // One that is being written is held; one that is not of the kind asked for is somebody's.
  {
    OutputFile writing(path);
    remove_parts_of(path);
    EXPECT_TRUE(fs::exists(path + ".part"));
    writing.write("y");
    writing.commit();
  }
  for (const char* bytes : {"mine", "", "notes"}) {
    std::ofstream(path + ".part") << bytes;
    remove_parts_of(path, [](std::string_view first) { return first.starts_with("mi"); });
    EXPECT_EQ(fs::exists(path + ".part"), std::string_view(bytes) == "notes") << bytes;
  }
  fs::remove(path + ".part");
}

TEST(OutputFile, GoesThroughToTheDisk) {
  const std::string path = fresh("output_file_disk");
  OutputFile file(path);
  file.write("whole");
  file.commit_to_disk();
  EXPECT_EQ(text_of(path), "whole");
  EXPECT_FALSE(fs::exists(path + ".part"));
  { OutputFile("/dev/null").commit_to_disk(); }
  OutputFile full("/dev/full");
  full.write("x");
  EXPECT_THROW(full.commit_to_disk(), Error);
}

TEST(OutputFile, SaysWhenItCannotBeWritten) {
  EXPECT_THROW(OutputFile("/nowhere/x"), Error);
  EXPECT_THROW(OutputFile{testing::TempDir()}, Error);
  OutputFile full("/dev/full");
  full.write("x");
  EXPECT_THROW(full.flush(), Error);
}

TEST(OutputFile, WritesDevicesAndPipesThemselves) {
  { OutputFile("/dev/null").commit(); }
  struct stat status {};
  ASSERT_EQ(::stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));  // a rename would have replaced it
  const std::string path = fresh("output_file_pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = text_of(path); });
  {
    OutputFile file(path);
    file.write("through the pipe");
    file.commit();
  }
  reader.join();
  EXPECT_EQ(got, "through the pipe");
  fs::remove(path);
}

TEST(OutputFile, IsRemovedWhenASignalEndsTheProcess) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now = {};
    ASSERT_EQ(::sigaction(signal, nullptr, &now), 0);
    if (now.sa_handler == SIG_IGN) continue;  // nohup stays nohup
    const std::string path = fresh("output_file_signal");
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      OutputFile file(path);
      file.write("half");
      file.flush();
      for (;;) ::pause();
    }
    while (!fs::exists(path + ".part") || fs::file_size(path + ".part") < 4) ::usleep(1000);
    ::kill(child, signal);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal);  // the shell still sees why
    EXPECT_FALSE(fs::exists(path + ".part")) << signal;
  }
}

}  // namespace
}  // namespace rw
