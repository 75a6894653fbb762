// SPDX-License-Identifier: Apache-2.0
#include "judge/import.h"

#include "core/error.h"
#include "model/greedy.h"

namespace ropewalk {
namespace {

[[noreturn]] void wrong(const std::string& place, const char* name, std::string_view expected,
                        const JsonInput* found) {
  throw Error(place, fmt::format("{} in '{}'", expected, name),
              found ? std::string(found->type_name()) : "no such field", "is this the file's --format?");
}

const JsonInput* find(const JsonInput& line, const char* name) {
  const auto at = line.find(name);
  return at == line.end() || at->is_null() ? nullptr : &*at;
}

}  // namespace

void for_json_lines(std::string_view text, const std::string& path,
                    const std::function<void(const JsonInput&, const std::string& place)>& read) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  std::size_t number = 0, n_read = 0;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = fmt::format("{}:{}", path, number + 1);
    const JsonInput value = parse_json(line, place);
    if (!value.is_object()) throw Error(place, "a JSON object", value.type_name());
    read(value, place);
    ++n_read;
  }
  if (n_read == 0) throw Error(path, "lines with questions", "none");
}

std::string text_field(const JsonInput& line, const char* name, const std::string& place) {
  const JsonInput* value = find(line, name);
  if (!value || !value->is_string()) wrong(place, name, "a text", value);
  return value->get<std::string>();
}

std::vector<std::string> list_field(const JsonInput& line, const char* name, std::size_t least,
                                    const std::string& place) {
  const JsonInput* value = find(line, name);
  if (!value && least == 0) return {};
  if (!value || !value->is_array()) wrong(place, name, "a list of texts", value);
  std::vector<std::string> list;
  for (const JsonInput& item : *value) {
    if (!item.is_string()) wrong(place, name, "texts", &item);
    list.push_back(item.get<std::string>());
  }
  if (list.size() < least) wrong(place, name, fmt::format("{} texts or more", least), value);
  return list;
}

Index number_field(const JsonInput& line, const char* name, const std::string& place) {
  const JsonInput* value = find(line, name);
  if (!value) return 0;
  // Whole numbers are unsigned in what nlohmann reads, unless they are negative.
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() > std::uint64_t{1} << 31)
    wrong(place, name, "a whole number from 0 to 2^31", value);
  return static_cast<Index>(value->get<std::uint64_t>());
}

std::string name_field(const JsonInput& line, const char* name, const std::string& otherwise,
                       const std::string& place) {
  const JsonInput* value = find(line, name);
  if (!value) return otherwise;
  if (value->is_number_integer()) return dump_json(*value);
  return text_field(line, name, place);
}

FilePrompt file_prompt(const Tokenizer& tokenizer, const FileQuestion& question, Index length, bool raw,
                       bool truncate, const std::string& place) {
  std::optional<ChatTurn> turn;
  if (!raw && question.chat) turn = chat_turn(tokenizer);
  FilePrompt prompt{.tokens = {}, .chat = turn.has_value()};
  if (turn)
    prompt.tokens = turn->before;
  else if (tokenizer.add_bos && tokenizer.bos)
    prompt.tokens = {*tokenizer.bos};
  std::vector<Token> message = tokenizer.encode(question.prompt);
  std::vector<Token> after = turn ? turn->after : std::vector<Token>{};
  const std::vector<Token> prefix = tokenizer.encode(question.prefix);
  after.insert(after.end(), prefix.begin(), prefix.end());
  const Index around =
      static_cast<Index>(prompt.tokens.size()) + static_cast<Index>(after.size()) + question.n_predict;
  const Index needed = around + static_cast<Index>(message.size()), room = length - around;
  if (length > 0 && needed > length) {
    if (!truncate || room < 2)
      throw Error(place, fmt::format("a question and answer of at most {} tokens", length),
                  fmt::format("{} tokens, {} of them for the answer", needed, question.n_predict),
                  "give a longer --length, or --truncate middle");
    prompt.n_cut = static_cast<Index>(message.size()) - room;
    message.erase(message.begin() + (room + 1) / 2, message.begin() + (room + 1) / 2 + prompt.n_cut);
  }
  prompt.tokens.insert(prompt.tokens.end(), message.begin(), message.end());
  prompt.tokens.insert(prompt.tokens.end(), after.begin(), after.end());
  if (prompt.tokens.empty()) throw Error(place, "a question", "an empty text");
  return prompt;
}

FileAnswer answer_file_question(const Model& model, const Tokenizer& tokenizer, const MethodSpec& spec,
                                const FileQuestion& question, const FilePrompt& prompt, Index length) {
  const auto n_prompt = static_cast<Index>(prompt.tokens.size());
  Session session(model, spec,
                  {.n = length > 0 ? length : n_prompt + question.n_predict, .n_prompt = n_prompt});
  const std::vector<Token> written =
      write_greedily(session, prompt.tokens, model.config().n_vocab,
                     {.n_predict = question.n_predict, .stop = tokenizer.end_tokens});
  FileAnswer answer{.written = tokenizer.decode(written),
                    .n_tokens = n_prompt + static_cast<Index>(written.size())};
  answer.score = question.score(answer.written);
  return answer;
}

}  // namespace ropewalk
