// SPDX-License-Identifier: Apache-2.0
/// A run that is killed at any moment finds a whole checkpoint; damage is named; a full disk takes nothing.
#include "train/checkpoint.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "core/hash.h"
#include "core/output_folder.h"
#include "core/random.h"
#include "written_model.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

using Checkpoints = InOwnFolder;

/// What a step writes: each number follows from it.
std::vector<float> values_of(Index step, std::size_t n) {
  Random random(static_cast<std::uint64_t>(step));
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(random.uniform());
  return values;
}

void write_step(const std::string& folder, Index step, std::size_t n = 5000, int keep = 2) {
  const std::vector<float> values = values_of(step, n), state = values_of(step + 1, 2 * n);
  const std::vector<CheckpointFile> files = {{"values.f32", std::as_bytes(std::span(values))},
                                             {"adamw.m.f32", std::as_bytes(std::span(state))}};
  write_checkpoint(folder, step, files, {{"seed", 7}, {"position", step * 3}}, keep);
}

/// Its bytes are those of its step.
void expect_whole(const Checkpoint& found, std::size_t n = 5000) {
  std::vector<float> values(n), state(2 * n);
  found.read("values.f32", std::as_writable_bytes(std::span(values)));
  found.read("adamw.m.f32", std::as_writable_bytes(std::span(state)));
  EXPECT_EQ(values, values_of(found.step(), n));
  EXPECT_EQ(state, values_of(found.step() + 1, 2 * n));
  EXPECT_EQ(found.about()["position"], found.step() * 3);
}

/// The newest that is whole, without the words about others.
std::optional<Checkpoint> latest_whole(const std::string& folder) {
  ::testing::internal::CaptureStderr();
  auto found = latest_checkpoint(folder, true);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find(found->step() == 2 ? "" : "step-"),
            std::string::npos);
  return found;
}

std::string error_of(const std::string& folder) {
  try {
    latest_checkpoint(folder);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

void flip(const fs::path& path, std::size_t at, unsigned char mask) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ mask));
}

TEST_F(Checkpoints, KeepTheNewest) {
  const std::string folder = path("run");
  EXPECT_FALSE(latest_checkpoint(folder));
  for (const Index step : {1, 2, 10, 9}) write_step(folder, step);
  EXPECT_EQ(checkpoint_steps(folder), (std::vector<Index>{9, 10}));
  expect_whole(*latest_checkpoint(folder));
  EXPECT_EQ(latest_checkpoint(folder)->step(), 10);
  write_step(folder, 1234567, 5000, 3);
  EXPECT_EQ(checkpoint_steps(folder), (std::vector<Index>{9, 10, 1234567}));
  write_step(folder, 1234567, 5000, 1);  // again
  EXPECT_EQ(checkpoint_steps(folder), (std::vector<Index>{1234567}));
  EXPECT_EQ(latest_checkpoint(folder)->about()["seed"], 7);
}

TEST_F(Checkpoints, SurviveAKillAtAnyMoment) {
#ifdef ROPEWALK_SANITIZED
  GTEST_SKIP() << "a child cannot be forked";
#endif
  const std::string folder = path("run");
  write_step(folder, 0);
  Random random(1);
  double most_us = 5000;  // grows where a machine writes none in that time
  Index last = 0, n_advanced = 0;
  for (int i = 0; i < 100; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (Index step = last + 1;; ++step) write_step(folder, step);
    }
    ::usleep(random.below(static_cast<std::uint32_t>(most_us)));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto found = latest_checkpoint(folder);
    ASSERT_TRUE(found) << i;
    expect_whole(*found);
    EXPECT_GE(found->step(), last);
    n_advanced += found->step() > last;
    most_us *= found->step() > last ? 0.9 : 1.15;
    last = found->step();
  }
  EXPECT_GT(n_advanced, 10);  // the children did write
  write_step(folder, last + 1);
  std::size_t n = 0;
  for (const auto& entry : fs::directory_iterator(folder))
    n += entry.path().filename().string().starts_with("step-");
  EXPECT_EQ(n, 2u);  // leftovers are gone
}

/// The same step written again and again: the only checkpoint there is, whole at every moment.
TEST_F(Checkpoints, OfTheSameStepSurviveAKillAtAnyMoment) {
#ifdef ROPEWALK_SANITIZED
  GTEST_SKIP() << "a child cannot be forked";
#endif
  const std::string folder = path("run");
  write_step(folder, 3);
  const std::string manifest = folder + "/step-000003/manifest.json";
  auto written = fs::last_write_time(manifest);
  Random random(4);
  int n_replaced = 0;
  double most_us = 5000;
  for (int i = 0; i < 100; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0)
      for (;;) write_step(folder, 3);
    ::usleep(random.below(static_cast<std::uint32_t>(most_us)));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto found = latest_checkpoint(folder);
    ASSERT_TRUE(found) << i;
    expect_whole(*found);
    const auto now = fs::last_write_time(manifest);
    n_replaced += now != written;
    most_us *= now != written ? 0.9 : 1.15;
    written = now;
  }
  EXPECT_GT(n_replaced, 10);  // the children did write
}

/// Where a file system cannot swap two folders, the old one is set aside for a moment.
TEST_F(Checkpoints, ThatWereSetAsideAreFound) {
  const std::string folder = path("run"), step = folder + "/step-000003";
  write_step(folder, 3);
  const std::string aside = folder + "/.step-000003.ropewalk-old";
  fs::rename(step, aside);  // killed between the two renames
  EXPECT_EQ(checkpoint_steps(folder), (std::vector<Index>{3}));
  expect_whole(*latest_checkpoint(folder));
  EXPECT_TRUE(fs::exists(aside) && !fs::exists(step));  // reading renames nothing
  write_step(folder, 4);
  EXPECT_EQ(checkpoint_steps(folder), (std::vector<Index>{3, 4}));
  EXPECT_TRUE(fs::exists(step + "/manifest.json") && !fs::exists(aside));
  fs::rename(step, aside);
  write_step(folder, 3);
  expect_whole(*latest_checkpoint(folder));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2);
  fs::rename(step, folder + "/.step-000003.ropewalk-new");
  write_step(folder, 3);  // takes what has no name of a checkpoint away
  fs::rename(folder + "/step-000004", folder + "/new");
  replace_by_renames(step, folder + "/new");
  EXPECT_TRUE(fs::exists(step + "/manifest.json") && fs::exists(aside + "/manifest.json"));
  EXPECT_THROW(replace_by_renames(step, folder + "/nothing"), Error);
  EXPECT_TRUE(fs::exists(step + "/manifest.json") && !fs::exists(aside));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

/// What is called like a checkpoint and is none is somebody's own.
TEST_F(Checkpoints, TakeNothingAwayThatIsNoneOfThem) {
  const std::string folder = path("run");
  const auto all_own = {"/step-000001",     "/step-000009",     "/notes.tmp",       "/step-000002.old",
                        "/step-000003.tmp", "/step-000004.old", "/.step-000004.old"};
  for (const char* own : all_own) {
    fs::create_directories(folder + own);
    std::ofstream(folder + own + "/notes.txt") << "mine";
  }
  const std::string left = folder + "/.step-000003.ropewalk-new";
  fs::create_directories(left);  // as a killed process leaves it
  for (const Index step : {2, 3, 4}) write_step(folder, step);
  EXPECT_EQ(checkpoint_steps(folder), (std::vector<Index>{1, 3, 4, 9}));
  EXPECT_THROW(write_step(folder, 1), Error);
  EXPECT_THROW(write_step(folder, 9), Error);
  for (const char* own : all_own) EXPECT_TRUE(fs::exists(folder + own + "/notes.txt")) << own;
  EXPECT_FALSE(fs::exists(left));
  EXPECT_THROW(latest_checkpoint(folder), Error);  // it is named, as one whose manifest was lost
}

TEST_F(Checkpoints, NameAFlippedByte) {
  const std::string folder = path("run");
  write_step(folder, 1);
  write_step(folder, 2);
  Random random(2);
  for (const char* name : {"values.f32", "adamw.m.f32", "manifest.json"}) {
    const fs::path file = fs::path(folder) / "step-000002" / name;
    const auto size = static_cast<std::uint32_t>(fs::file_size(file));
    for (int i = 0; i < 60; ++i) {
      const std::size_t at = random.below(size);
      const auto mask = static_cast<unsigned char>(1u << random.below(8));
      const std::string before = contents_of(file);
      flip(file, at, mask);
      const std::string error = error_of(folder);
      const auto older = latest_whole(folder);
      const bool space =
          std::string(name) == "manifest.json" && std::isspace(static_cast<unsigned char>(before[at]));
      if (error.empty())
        EXPECT_TRUE(space) << name << " byte " << at;  // between JSON's words: nothing is lost
      else
        EXPECT_NE(error.find(file.string()), std::string::npos) << error;
      ASSERT_TRUE(older);
      expect_whole(*older);
      EXPECT_EQ(older->step(), error.empty() ? 2 : 1);
      flip(file, at, mask);
    }
  }
  EXPECT_EQ(error_of(folder), "");
}

TEST_F(Checkpoints, NameWhatIsMissingOrCutShort) {
  const std::string folder = path("run");
  for (const char* name : {"values.f32", "manifest.json"}) {
    write_step(folder, 1);
    write_step(folder, 2);
    const fs::path file = fs::path(folder) / "step-000002" / name;
    const auto size = fs::file_size(file);
    for (const std::uintmax_t left : {size - 2, size / 2, std::uintmax_t{0}}) {
      fs::resize_file(file, left);
      EXPECT_NE(error_of(folder).find(file.string()), std::string::npos) << error_of(folder);
    }
    fs::remove(file);
    EXPECT_NE(error_of(folder).find(file.string()), std::string::npos) << error_of(folder);
    EXPECT_EQ(latest_whole(folder)->step(), 1);
  }
  EXPECT_THROW(write_step(folder, 2), Error);  // without a manifest nobody knows whose it is
  write_step(folder, 3);
  EXPECT_EQ(checkpoint_steps(folder), (std::vector<Index>{1, 2, 3}));
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove(entry.path() / "values.f32");
  EXPECT_THROW(latest_checkpoint(folder, true), Error);  // none is whole
}

/// A manifest is outside data: with a hash of its own that fits.
TEST_F(Checkpoints, RefuseAHostileManifest) {
  const std::string folder = path("run");
  write_step(folder, 4);
  const fs::path manifest = fs::path(folder) / "step-000004/manifest.json";
  const JsonInput good = JsonInput::parse(contents_of(manifest));
  const auto refused = [&](const std::function<void(JsonInput&)>& change) {
    JsonInput changed = good;
    change(changed);
    changed.erase("sha256");
    changed["sha256"] = sha256(dump_json(changed));
    std::ofstream(manifest, std::ios::binary) << dump_json(changed);
    EXPECT_NE(error_of(folder).find("manifest.json"), std::string::npos)
        << changed.dump() << error_of(folder);
  };
  refused([](JsonInput& m) { m["step"] = 5; });
  refused([](JsonInput& m) { m["step"] = -4; });
  refused([](JsonInput& m) { m["step"] = 4.5; });
  refused([](JsonInput& m) { m["format"] = 2; });
  refused([](JsonInput& m) { m["about"] = 2; });
  refused([](JsonInput& m) { m["files"] = JsonInput::array(); });
  refused([](JsonInput& m) { m["files"]["../../etc/passwd"] = m["files"]["values.f32"]; });
  refused([](JsonInput& m) { m["files"]["values.f32"] = 3; });
  refused([](JsonInput& m) { m["files"]["values.f32"]["bytes"] = 18446744073709551615u; });
  refused([](JsonInput& m) { m["files"]["values.f32"].erase("sha256"); });
  for (const char* text : {"", "[]", "{}", "{\"sha256\":3}", "nonsense"}) {
    std::ofstream(manifest, std::ios::binary) << text;
    EXPECT_NE(error_of(folder).find("manifest.json"), std::string::npos) << text;
  }
  std::ofstream(manifest, std::ios::binary) << dump_json(good);
  const auto whole = latest_checkpoint(folder);
  std::vector<float> other(4999);
  EXPECT_THROW(whole->read("values.f32", std::as_writable_bytes(std::span(other))), Error);
  EXPECT_THROW(whole->read("nothing", {}), Error);
}

/// A write that fails half-way leaves the checkpoint before, and nothing else: of the next step, and of the
/// same.
void expect_kept(const std::string& folder, std::size_t n) {
  for (const Index step : {2, 1}) {
    EXPECT_THROW(write_step(folder, step, n), Error);
    EXPECT_EQ(checkpoint_steps(folder), (std::vector<Index>{1}));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
    expect_whole(*latest_checkpoint(folder));
  }
}

TEST_F(Checkpoints, SurviveAFileThatMayNotGrow) {
  const std::string folder = path("run");
  write_step(folder, 1);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t most : {rlim_t{100}, rlim_t{30000}, rlim_t{1000000}}) {
    const rlimit limit{most, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_kept(folder, 200000);  // 800 and 1,600 kB
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  }
  std::signal(SIGXFSZ, handler);
  write_step(folder, 2);
  EXPECT_EQ(latest_checkpoint(folder)->step(), 2);
}

TEST_F(Checkpoints, SurviveAFullDisk) {
  const std::string disk = path("disk");
  fs::create_directories(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=256k") != 0)
    GTEST_SKIP() << "a small disk can be mounted by root alone; a limit on files stands for it above";
  write_step(disk + "/run", 1);
  expect_kept(disk + "/run", 30000);  // 120 and 240 kB
  expect_kept(disk + "/run", 50000);
  EXPECT_EQ(::umount(disk.c_str()), 0);
}

}  // namespace
}  // namespace rw
