// SPDX-License-Identifier: Apache-2.0
/// Questions from files that others made: JSON, hostile until each field is checked.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/types.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

namespace rw {

struct FileQuestion {
  std::string id;                      ///< as the file has it, or the line's number
  std::string group;                   ///< what is averaged together: LongBench's dataset, "RULER"
  std::vector<std::string> also = {};  ///< further groups that it counts in: "hard", "long"
  std::string prompt;                  ///< the user's message
  std::string prefix;                  ///< start of the answer
  std::vector<std::string> references;
  std::vector<std::string> classes;                              ///< LongBench's all_classes
  std::vector<std::pair<std::string, std::string>> fields = {};  ///< that a prediction repeats
  std::string file_id = {};                                      ///< SHA-256 of all that the file says of it
  Index file_length = 0;  ///< as the file says it, in its own units; 0 where it does not
  Index n_predict = 0;
  bool chat = true;                                         ///< whether a chat template belongs around it
  std::string rule = {};                                    ///< of the score, where a file has several: "any"
  std::function<double(const std::string& written)> score;  ///< of the answer, 0 to 1
};

/// Calls `read` with each object of a file and its place: of JSON lines each that is not empty, "PATH:LINE";
/// of one array each element, "PATH, element N", parsed one at a time. A carriage return or a byte order mark
/// is let pass. Errors: Error for what is no JSON object, or where there is none at all.
void for_json_objects(std::string_view text, const std::string& path,
                      const std::function<void(const JsonInput&, const std::string& place)>& read);

/// FileQuestion::file_id.
std::string file_id(const JsonInput& line);

/// A field of a line. Errors: Error naming place and field where it is missing or of another kind.
std::string text_field(const JsonInput& line, const char* name, const std::string& place);
/// A list of texts. `least`: how many there must be; where it is 0 the field may be null or missing.
std::vector<std::string> list_field(const JsonInput& line, const char* name, std::size_t least,
                                    const std::string& place);
/// A whole number from 0 to 2^31, or 0 where the field is null or missing.
Index number_field(const JsonInput& line, const char* name, const std::string& place);
/// A text or whole number as text; `otherwise` where it is null or missing.
std::string name_field(const JsonInput& line, const char* name, const std::string& otherwise,
                       const std::string& place);

struct FilePrompt {
  std::vector<Token> tokens;
  Index n_cut = 0;  ///< tokens left out of the middle
  bool chat = false;
};
/// The question's tokens with room for its answer in `length` (0: as many as it needs). `raw`: no chat
/// template. `truncate`: a message that is too long loses its middle, as LongBench does it but on tokens,
/// which are not decoded and read again; else, Errors: Error with the numbers. Nothing is cut silently.
FilePrompt file_prompt(const Tokenizer& tokenizer, const FileQuestion& question, Index length, bool raw,
                       bool truncate, const std::string& place);

}  // namespace rw
