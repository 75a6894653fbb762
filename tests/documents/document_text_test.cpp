// SPDX-License-Identifier: Apache-2.0
/// Documents through the programs that make text of them; where the real ones are not installed, through
/// programs of the same names that say what they were called with.
#include "documents/document_text.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "core/program.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

class Documents : public testing::Test {
 protected:
  Documents() : path_(std::getenv("PATH")) {
    folder_ = fs::temp_directory_path() / ("ropewalk-documents-" + std::to_string(getpid()));
    fs::create_directories(folder_ / "bin");
  }
  ~Documents() override {
    setenv("PATH", path_.c_str(), 1);
    fs::remove_all(folder_);
  }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  /// From now on these programs alone are installed, beside the system's shell tools by their full paths.
  void only(const std::vector<std::pair<std::string, std::string>>& programs) const {
    for (const auto& [name, script] : programs) {
      const std::string path = write("bin/" + name, "#!/bin/sh\n" + script + "\n");
      ASSERT_EQ(chmod(path.c_str(), 0755), 0);
    }
    setenv("PATH", (folder_ / "bin").c_str(), 1);
  }
  static std::string error_of(const std::string& path) {
    try {
      document_text(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::string path_;
  fs::path folder_;
};

const std::string kPage =
    "<!DOCTYPE html><html><head><title>t</title><script>no()</script></head>"
    "<body><h1>Rope</h1><p>long &amp; strong</p></body></html>";

/// One page that says `text`.
std::string pdf(const std::string& text) {
  const std::string shown = text.empty() ? "" : "BT /F1 24 Tf 72 700 Td (" + text + ") Tj ET";
  const std::vector<std::string> objects = {
      "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R "
      ">> >> >>",
      "<< /Length " + std::to_string(shown.size()) + " >>\nstream\n" + shown + "\nendstream",
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"};
  std::string bytes = "%PDF-1.4\n", table;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    char line[32];
    std::snprintf(line, sizeof line, "%010zu 00000 n \n", bytes.size());
    table += line;
    bytes += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
  }
  const std::string begin = std::to_string(bytes.size());
  return bytes + "xref\n0 6\n0000000000 65535 f \n" + table +
         "trailer << /Size 6 /Root 1 0 R >>\nstartxref\n" + begin + "\n%%EOF\n";
}

TEST_F(Documents, a_kind_is_told_by_bytes_before_names) {
  const std::string zip = "PK\x03\x04" + std::string(26, ' ');
  const std::vector<std::tuple<std::string, std::string, DocumentKind>> cases = {
      {"a.txt", "text", DocumentKind::kText},
      {"a.md", "# text <html>", DocumentKind::kText},
      {"a", "%PDF-1.7", DocumentKind::kPdf},
      {"a.txt", "%PDF-1.7", DocumentKind::kPdf},
      {"a.pdf", "text", DocumentKind::kText},
      {"a", "\xef\xbb\xbf \n<!DOCTYPE HTML>", DocumentKind::kHtml},
      {"A.HTM", "<p>", DocumentKind::kHtml},
      {"a.html", "", DocumentKind::kHtml},
      {"a", "<?xml version=\"1.0\"?>\n<!DOCTYPE html>\n<html xmlns=\"\">", DocumentKind::kHtml},
      {"a", "<?xml version=\"1.0\"?><svg/>", DocumentKind::kText},
      {"a", zip + "mimetypeapplication/epub+zip", DocumentKind::kEpub},
      {"a.zip", zip + "mimetypeapplication/vnd.oasis.opendocument.text", DocumentKind::kOdt},
      {"a.docx", zip, DocumentKind::kDocx},
      {"a.zip", zip, DocumentKind::kText},
      {"a", "{\\rtf1", DocumentKind::kOther},
      {"a.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", DocumentKind::kOther},
      {"", "", DocumentKind::kText},
  };
  for (const auto& [name, bytes, kind] : cases)
    EXPECT_EQ(kind_of_document(name, bytes), kind) << name << " " << testing::PrintToString(bytes);
}

TEST_F(Documents, plain_text_is_left_to_its_reader) {
  EXPECT_FALSE(document_text(write("a.txt", "text")));
  EXPECT_FALSE(document_text(write("a.md", "# a")));
  EXPECT_FALSE(document_text("-"));
  EXPECT_NE(error_of((folder_ / "none").string()).find("No such file"), std::string::npos);
}

TEST_F(Documents, pdf_by_the_real_program) {
  if (!program_exists("pdftotext")) GTEST_SKIP() << "pdftotext (poppler-utils) is not installed";
  const std::optional<DocumentText> found = document_text(write("a.pdf", pdf("Long ropes")));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text.substr(0, 10), "Long ropes");
  EXPECT_EQ(found->kind, "PDF");
  EXPECT_EQ(found->program, "pdftotext");
  EXPECT_NE(error_of(write("empty.pdf", pdf(""))).find("OCR"), std::string::npos);
  const std::string damaged = error_of(write("damaged.pdf", "%PDF-1.4\nnothing"));
  EXPECT_NE(damaged.find("PDF file that pdftotext can read"), std::string::npos) << damaged;
  EXPECT_NE(damaged.find("Error"), std::string::npos) << damaged;  // its reason, not its code
}

TEST_F(Documents, html_by_a_real_program) {
  if (!program_exists("pandoc") && !program_exists("w3m"))
    GTEST_SKIP() << "neither pandoc nor w3m is installed";
  const std::optional<DocumentText> found = document_text(write("-page.html", kPage));
  ASSERT_TRUE(found);
  EXPECT_NE(found->text.find("long & strong"), std::string::npos) << found->text;
  EXPECT_EQ(found->text.find("no()"), std::string::npos);
}

TEST_F(Documents, a_name_is_no_option_and_no_shell_text) {
  only({{"pdftotext", "for word; do echo \"[$word]\"; done"}});
  const std::string name = "$(touch x) 'a'.pdf";
  const std::optional<DocumentText> found = document_text(write(name, "%PDF-"));
  ASSERT_TRUE(found);
  EXPECT_NE(found->text.find("[" + (folder_ / name).string() + "]\n[-]"), std::string::npos) << found->text;
  const fs::path here = fs::current_path();
  fs::current_path(folder_);
  write("-o.pdf", "%PDF-");
  EXPECT_NE(document_text("-o.pdf")->text.find("[./-o.pdf]"), std::string::npos);
  fs::current_path(here);
}

TEST_F(Documents, the_first_program_that_is_installed_counts) {
  only({{"w3m", "echo by w3m"}});
  EXPECT_EQ(document_text(write("a.html", kPage))->text, "by w3m\n");
  only({{"pandoc", "echo \"$@\""}});
  const std::string words = document_text(write("a.html", kPage))->text;
  EXPECT_NE(words.find("--sandbox"), std::string::npos) << words;
  EXPECT_NE(words.find("-f html -t plain"), std::string::npos) << words;
}

TEST_F(Documents, a_missing_program_is_named_with_its_package) {
  only({});
  const std::string pdf_error = error_of(write("a.pdf", "%PDF-"));
  EXPECT_NE(pdf_error.find("pdftotext to read PDF with; found none installed"), std::string::npos)
      << pdf_error;
  EXPECT_NE(pdf_error.find("apt install poppler-utils"), std::string::npos) << pdf_error;
  EXPECT_NE(error_of(write("a.html", kPage)).find("pandoc or w3m"), std::string::npos);
  EXPECT_NE(error_of(write("a.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")).find(".docx"), std::string::npos);
}

TEST_F(Documents, what_a_program_says_is_told_and_what_it_writes_is_text) {
  only({{"pdftotext", "echo 'Command Line Error: Incorrect password' >&2; exit 1"}});
  const std::string refused = error_of(write("a.pdf", "%PDF-"));
  EXPECT_NE(refused.find("Incorrect password"), std::string::npos) << refused;
  only({{"pdftotext", "echo 'Syntax Warning: odd' >&2; echo 'Syntax Error: no trailer' >&2; exit 1"}});
  EXPECT_NE(error_of(write("a.pdf", "%PDF-")).find("found Syntax Error: no trailer"), std::string::npos);
  only({{"pdftotext", "kill -s XCPU $$"}});
  EXPECT_NE(error_of(write("a.pdf", "%PDF-")).find("takes longer; it was ended"), std::string::npos);
  only({{"pdftotext", "printf 'a\\377b\\000c'"}});
  EXPECT_EQ(document_text(write("a.pdf", "%PDF-"))->text,
            "a\xef\xbf\xbd"
            "bc");
}

}  // namespace
}  // namespace rw
