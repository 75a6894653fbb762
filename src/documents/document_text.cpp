// SPDX-License-Identifier: Apache-2.0
#include "documents/document_text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/input_file.h"
#include "core/program.h"
#include "core/text_file.h"
#include "core/utf8.h"

namespace rw {
namespace {

/// One way to the text: a program of a Debian package, its words before the file's name and behind it.
struct Converter {
  const char* package;
  std::vector<std::string> before, behind;
};

Converter pandoc(const char* from) {
  return {"pandoc", {"pandoc", "--sandbox", "--wrap=none", "-f", from, "-t", "plain"}, {}};
}

/// In the order in which they are taken.
std::vector<Converter> converters(DocumentKind kind) {
  switch (kind) {
    case DocumentKind::kPdf:
      return {{"poppler-utils", {"pdftotext", "-enc", "UTF-8", "-eol", "unix", "-nopgbrk"}, {"-"}}};
    case DocumentKind::kHtml:
      return {pandoc("html"),
              {"w3m", {"w3m", "-dump", "-T", "text/html", "-O", "UTF-8", "-cols", "400"}, {}}};
    case DocumentKind::kEpub:
      return {pandoc("epub")};
    case DocumentKind::kDocx:
      return {pandoc("docx"), {"docx2txt", {"docx2txt"}, {"-"}}};
    case DocumentKind::kOdt:
      return {pandoc("odt")};
    case DocumentKind::kText:
    case DocumentKind::kOther:
      break;
  }
  return {};
}

std::string lower(std::string_view text) {
  std::string low(text);
  std::transform(low.begin(), low.end(), low.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return low;
}

/// Where the tags of a page begin: behind white space and a byte order mark.
/// Of what a program makes of a document: a hundred novels; a file of 60 KB could be gigabytes.
constexpr std::size_t kMostConverted = std::size_t{256} << 20;

bool begins_as_html(std::string_view bytes) {
  bytes = without_byte_order_mark(bytes);
  bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
  const std::string head = lower(bytes.substr(0, 14));
  const bool xhtml = head.starts_with("<?xml") && lower(bytes).find("<html") != std::string::npos;
  return xhtml || head.starts_with("<!doctype html") || head.starts_with("<html");
}

/// As a program's argument: no option, whatever its name is.
std::string as_argument(const std::string& path) { return path.starts_with('-') ? "./" + path : path; }

std::string first_bytes(const std::string& path) {
  InputFile file(path);
  std::string bytes;
  constexpr std::size_t kEnough = 512;
  while (bytes.size() < kEnough && file.read(bytes, kEnough - bytes.size())) continue;
  return bytes;
}

std::string installed_by(const std::vector<Converter>& ways) {
  std::vector<std::string> packages;
  packages.reserve(ways.size());
  for (const Converter& each : ways) packages.emplace_back(each.package);
  return fmt::format("apt install {}; or convert it to text yourself", fmt::join(packages, ", or "));
}

/// Of what a program said the first line of an error, else its first one; warnings may stand before.
std::string reason_of(const ProgramOutput& output) {
  std::string first;
  for (std::size_t at = 0; at < output.error.size();) {
    const std::size_t end = std::min(output.error.find('\n', at), output.error.size());
    std::string line = output.error.substr(at, end - at);
    if (line.find("rror") != std::string::npos) return line;
    if (first.empty()) first = std::move(line);
    at = end + 1;
  }
  return first.empty() ? fmt::format("exit code {}", output.code) : first;
}

/// Errors: Error where the program gave no whole text, and why.
void require_done(const std::string& path, const char* kind, const std::string& program,
                  const ProgramOutput& output) {
  constexpr ProgramLimits kLimits;
  if (output.too_long)
    throw Error(path, fmt::format("less than {} MB of text", kMostConverted >> 20),
                fmt::format("more, from {}", program), "give a part of the document");
  if (output.too_slow)
    throw Error(path,
                fmt::format("a document that {} reads in {} minutes of processor time", program,
                            kLimits.seconds / 60),
                "one that takes longer; it was ended", "give a part of the document");
  if (output.code != 0)
    throw Error(path, fmt::format("a {} file that {} can read", kind, program), reason_of(output),
                fmt::format("the file may be damaged, incomplete, protected by a password, or take more than "
                            "{} GiB of memory",
                            kLimits.bytes >> 30));
}

std::string converted(const std::string& path, const char* kind, const Converter& way) {
  std::vector<std::string> words = way.before;
  words.push_back(as_argument(path));
  words.insert(words.end(), way.behind.begin(), way.behind.end());
  ProgramOutput output = run_program(words, kMostConverted);
  const std::string& program = words[0];
  require_done(path, kind, program, output);
  const auto letter = [](char c) { return static_cast<unsigned char>(c) > ' '; };
  if (std::none_of(output.out.begin(), output.out.end(), letter))
    throw Error(path, "text", fmt::format("a {} file without any, says {}", kind, program),
                "pictures of pages need OCR first, such as ocrmypdf's");
  std::string text;
  for_utf8_runs(
      output.out, [&](std::string_view run) { text += run; }, [&](unsigned char) { text += kReplacement; });
  std::erase(text, '\0');
  return text;
}

}  // namespace

const char* name_of(DocumentKind kind) {
  constexpr std::array kNames{"text", "PDF", "HTML", "EPUB", "DOCX", "ODT", "other"};
  return kNames[static_cast<std::size_t>(kind)];
}

DocumentKind kind_of_document(std::string_view path, std::string_view bytes) {
  const std::string name = lower(path);
  if (bytes.starts_with("%PDF-")) return DocumentKind::kPdf;
  if (bytes.starts_with("{\\rtf")) return DocumentKind::kOther;
  if (bytes.starts_with("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) return DocumentKind::kOther;
  if (bytes.starts_with("PK\x03\x04")) {
    // EPUB and ODT say what they are in a first, stored entry; DOCX does by its name alone.
    if (bytes.find("application/epub+zip") < 100 || name.ends_with(".epub")) return DocumentKind::kEpub;
    if (bytes.find("application/vnd.oasis.opendocument.text") < 100 || name.ends_with(".odt"))
      return DocumentKind::kOdt;
    return name.ends_with(".docx") ? DocumentKind::kDocx : DocumentKind::kText;
  }
  const bool page = name.ends_with(".html") || name.ends_with(".htm") || name.ends_with(".xhtml");
  return page || begins_as_html(bytes) ? DocumentKind::kHtml : DocumentKind::kText;
}

std::optional<DocumentText> document_text(const std::string& path) {
  if (path == "-") return {};
  const struct stat at = require_readable(path);
  if (!S_ISREG(at.st_mode)) return {};  // a pipe has text: its bytes come once
  const DocumentKind kind = kind_of_document(path, first_bytes(path));
  if (kind == DocumentKind::kText) return {};
  if (kind == DocumentKind::kOther)
    throw Error(path, "text, PDF, HTML, EPUB, DOCX or ODT", "RTF, or a file of the old Office formats (.doc)",
                "save it as .docx or .pdf");
  const std::vector<Converter> ways = converters(kind);
  for (const Converter& way : ways)
    if (program_exists(way.before[0]))
      return DocumentText{converted(path, name_of(kind), way), name_of(kind), way.before[0]};
  std::vector<std::string> programs;
  programs.reserve(ways.size());
  for (const Converter& way : ways) programs.push_back(way.before[0]);
  throw Error(path, fmt::format("{} to read {} with", fmt::join(programs, " or "), name_of(kind)),
              "none installed", installed_by(ways));
}

}  // namespace rw
