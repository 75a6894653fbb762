// SPDX-License-Identifier: Apache-2.0
#include "judge/import/ruler.h"

#include "metrics/share_found.h"

namespace rw {

std::vector<FileQuestion> read_ruler(std::string_view text, const std::string& path,
                                     const RulerOptions& options) {
  std::vector<FileQuestion> questions;
  for_json_objects(text, path, [&](const JsonInput& line, const std::string& place) {
    FileQuestion question{
        .id = name_field(line, "index", std::to_string(questions.size()), place),
        .group = "RULER",
        .prompt = text_field(line, "input", place),
        .prefix = line.contains("answer_prefix") ? text_field(line, "answer_prefix", place) : "",
        .references = list_field(line, "outputs", 1, place),
        .classes = {},
        .file_id = file_id(line),
        .file_length = number_field(line, "length", place),
        .n_predict = options.n_predict,
        .rule = options.any_reference ? "any" : "",
        .score = {}};
    question.score = [references = question.references,
                      any = options.any_reference](const std::string& written) {
      const double share = share_found(written, references);
      return any ? (share > 0 ? 1.0 : 0.0) : share;
    };
    questions.push_back(std::move(question));
  });
  return questions;
}

}  // namespace rw
