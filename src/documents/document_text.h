// SPDX-License-Identifier: Apache-2.0
/// Documents that are no plain text, as plain text: by programs that are kept well, where they are installed.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace rw {

/// kOther: the old Office formats, and RTF, of which pandoc 2.17 drops letters.
enum class DocumentKind { kText, kPdf, kHtml, kEpub, kDocx, kOdt, kOther };

/// "PDF", "HTML" ...
const char* name_of(DocumentKind kind);

/// From its first bytes (some hundred are enough), and its name where these say nothing: Markdown, and what
/// is not known, is text.
DocumentKind kind_of_document(std::string_view path, std::string_view first_bytes);

struct DocumentText {
  std::string text, kind, program;  ///< kind: as name_of says; program: what made the text of it
};

/// The text of a PDF, HTML, EPUB, DOCX or ODT file, by the first of the programs for its kind that is
/// installed (pdftotext; pandoc, w3m; docx2txt), which gets no network and no other file where it can be told
/// so. None for plain text, which core/text_file.h reads. Errors: Error naming the programs, and the packages
/// that have them, where there is none; with what the program says where it fails; for a document without
/// text, such as pictures of pages; for what is no file.
std::optional<DocumentText> document_text(const std::string& path);

}  // namespace rw
