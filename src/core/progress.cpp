// SPDX-License-Identifier: Apache-2.0
#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "core/tell.h"

namespace rw {
namespace {

std::string clock_text(double seconds) {
  const int whole = static_cast<int>(std::lround(seconds));
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

Progress::Progress(std::string what, double total)
    : what_(std::move(what)),
      total_(std::max(total, 1e-9)),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (drawn_ && terminal_) tell("\r\x1b[K");
}

void Progress::update(double done) {
  done_ = done;
  const double share = std::clamp(done_ / total_, 0.0, 1.0);
  draw(share, share > 0 ? clock_text(elapsed() * (1 - share) / share) : "?");
}

void Progress::update_left(double seconds) {
  const double past = elapsed();
  most_share_ = std::max(most_share_, past / std::max(past + seconds, 1e-9));
  draw(std::min(most_share_, 1.0), clock_text(seconds));
}

void Progress::draw(double share, const std::string& left) {
  const auto now = Clock::now();
  const double since = std::chrono::duration<double>(now - last_).count();
  if (since < (!terminal_ ? 10.0 : drawn_ ? 0.2 : 0.0)) return;
  last_ = now;
  drawn_ = true;
  if (terminal_) {
    const int filled = static_cast<int>(share * 20);
    const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                            std::string(static_cast<std::size_t>(20 - filled), '.');
    tell("\r\x1b[K[{}] {:3.0f} %  {}, {} left  {}", bar, std::floor(share * 100), clock_text(elapsed()), left,
         what_.substr(0, 26));
    std::fflush(stderr);
  } else {
    tell("{:3.0f} %, {}, {} left: {}\n", std::floor(share * 100), clock_text(elapsed()), left, what_);
  }
}

}  // namespace rw
