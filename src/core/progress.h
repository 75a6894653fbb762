// SPDX-License-Identifier: Apache-2.0
/// One line of progress with the time left, on stderr.
#pragma once
#include <chrono>
#include <string>

namespace rw {

/// Of a clock that only goes forward.
double now_seconds();
/// The day in UTC, "2026-11-26".
std::string today();

/// Redraws on a terminal, from the first update on; elsewhere prints a line every ten seconds, so that a log
/// stays short.
class Progress {
 public:
  /// `total`: units of work; the time left assumes that units take equally long.
  Progress(std::string what, double total);
  ~Progress();  ///< ends the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(double done);
  /// Of work whose parts take unequally long: so much is left, and what was shown as done stays done.
  void update_left(double seconds);
  /// Takes the line away, for words that are said between.
  void clear();
  void add(double units) { update(done_ + units); }
  void set_total(double total) { total_ = total; }
  void set_label(std::string what) { what_ = std::move(what); }

 private:
  using Clock = std::chrono::steady_clock;
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  void draw(double share, const std::string& left);
  std::string what_;
  double total_, done_ = 0, most_share_ = 0;
  bool terminal_, drawn_ = false;
  Clock::time_point start_, last_;
};

}  // namespace rw
