// SPDX-License-Identifier: Apache-2.0
/// Any bytes as a file of results: opening never writes; it is refused or read, and what was read makes a
/// report.
///
/// Byte 0 odd: each line gets the checksum that it should have, so that what stands in it is read at all.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/hash.h"
#include "report/report.h"
#include "results/store.h"

namespace fuzz_store {

/// Lines that have a place for a checksum, with their own in it.
inline std::string sealed(std::string_view text) {
  constexpr std::string_view kPlace = R"("checksum":")", kEnd = "\"}}\n";
  std::string all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    const std::size_t at = line.rfind(kPlace);
    if (at == line.npos) {
      all += line;
    } else {
      const std::string before(line.substr(0, at + kPlace.size()));
      all += before + rw::sha256(before + std::string(kEnd)).substr(0, 16);
      all += kEnd;
    }
    text.remove_prefix(end);
  }
  return all;
}

/// A file in memory, under a name that can be opened.
class File {
 public:
  explicit File(std::string_view bytes) : file_(::memfd_create("results", MFD_CLOEXEC)) {
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t n = ::write(file_, bytes.data() + done, bytes.size() - done);
      if (n <= 0) std::abort();
      done += static_cast<std::size_t>(n);
    }
  }
  ~File() { ::close(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }
  bool holds(std::string_view bytes) const {
    std::string now(bytes.size() + 1, '\0');
    const ssize_t n = ::pread(file_, now.data(), now.size(), 0);
    return n == static_cast<ssize_t>(bytes.size()) && std::string_view(now).substr(0, bytes.size()) == bytes;
  }

 private:
  int file_;
};

}  // namespace fuzz_store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rw;
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) text = fuzz_store::sealed(text);
  const fuzz_store::File file(text);
  try {
    const Store store(file.path());
    (void)store.find("x");
  } catch (const Error&) {  // the answer to bad input; everything else is a finding
  }
  try {
    StoredResults results = read_results({file.path()});
    results.run.margin = 0.02;
    const ReportData report = report_data(std::move(results.records), results.run, {});
    for (const auto make : {html_report, markdown_report, csv_report, json_report}) (void)make(report);
    (void)text_report(report);
  } catch (const Error&) {
  }
  if (!file.holds(text)) std::abort();
  return 0;
}
