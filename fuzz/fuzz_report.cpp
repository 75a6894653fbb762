// SPDX-License-Identifier: Apache-2.0
/// Any records, as no run would write them: each report is made, its JSON can be read, and no text of theirs
/// becomes a part of the page.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "core/json.h"
#include "report/report.h"

namespace fuzz_report {

/// Values from the input, one after the other; zeros behind its end.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    return value;
  }
  /// One of a few words, so that records meet, or any text.
  std::string word(std::initializer_list<const char*> known) {
    const std::uint8_t choice = byte();
    if (choice < 2 * known.size()) return known.begin()[choice / 2];
    std::string text(bytes_.substr(0, choice % 24));
    bytes_.remove_prefix(text.size());
    return text;
  }
  double number() {
    const std::uint8_t choice = byte();
    if (choice < 200) return choice / 32.0;
    if (choice < 210) return std::numeric_limits<double>::quiet_NaN();
    if (choice < 220) return std::numeric_limits<double>::infinity();
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | byte();
    double value = 0;
    std::memcpy(&value, &bits, 8);
    return value;
  }
  /// Up to what a file of results may hold.
  rw::Index length() {
    const std::uint8_t choice = byte();
    return choice < 200   ? 64 * (choice % 8)
           : choice < 250 ? byte()
                          : std::numeric_limits<std::int32_t>::max();
  }

 private:
  std::string_view bytes_;
};

inline rw::Record record(Bytes& in) {
  rw::Record r;
  r.task =
      in.word({"tail", "positions", "passkey", "continuation", "far-use", "sliding", "questions", "needle"});
  r.part = in.word({"", "swapped", "multi-key", "truncated"});
  r.method = in.word({"none", "none (truncated)", "64 tokens before", "none (short)", "yarn", "pi:factor=2"});
  r.resolved = in.word({"none", "yarn:factor=4"});
  r.document = in.word({"a.txt#1", "a.txt#2", "b.txt", "c.txt"});
  r.text_id = in.word({"0", "1"});
  r.length = in.length(), r.achieved = in.length();
  r.position_begin = in.length(), r.position_end = in.length();
  r.n_targets = in.length(), r.loss = in.number();
  const std::uint8_t has = in.byte();
  if (has & 1) r.score = (in.byte() % 5) / 4.0;
  if (has & 2) r.depth = in.number();
  if (has & 4) r.values.emplace_back(in.word({"bleu", "rougeL", "repetition"}), in.number());
  r.shared = (has & 8) != 0;
  r.seed = in.byte() % 4;
  r.written = in.word({"", "42"}), r.expected = in.word({"", "42"});
  r.seconds = in.number(), r.peak_bytes = in.byte();
  r.date = in.word({"2026-11-26", ""}), r.command = in.word({"ropewalk eval", ""});
  return r;
}

}  // namespace fuzz_report

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rw;
  fuzz_report::Bytes in(std::string_view(reinterpret_cast<const char*>(data), size));
  RunInfo run;
  run.model = in.word({"m", "<script>m"}), run.command = in.word({"c"});
  run.n_ctx_train = in.length(), run.tail = in.length(), run.margin = 0.02;
  std::vector<Record> records;
  while (!in.empty() && records.size() < 64) records.push_back(fuzz_report::record(in));
  const std::string note = in.word({"yarn"});
  const ReportData report = report_data(std::move(records), run, {{note, note, note, note}});
  const std::string page = html_report(report);
  for (const std::string_view part : {"<script", "<iframe", "<object", "<img"})
    if (page.find(part) != page.npos) std::abort();
  (void)markdown_report(report), (void)csv_report(report), (void)text_report(report);
  (void)parse_json(json_report(report), "report");
  return 0;
}
