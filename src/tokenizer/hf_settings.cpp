// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/hf_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

#include "core/error.h"
#include "core/json.h"

namespace rw {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxBytes = std::size_t{4} << 20;

JsonInput parse_object(std::string_view text, std::string_view place) {
  JsonInput json = parse_json(text, place, kMaxBytes);
  if (!json.is_object()) throw Error(place, "a JSON object", json.type_name());
  return json;
}

/// A file of the folder, or an empty text where it is missing.
std::string read_if_there(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) ? read_text_within(path, kMaxBytes) : std::string();
}

/// A string, or the "content" of an object.
const std::string* spelling_of(const JsonInput& value) {
  if (value.is_string()) return &value.get_ref<const std::string&>();
  if (!value.is_object()) return nullptr;
  const auto content = value.find("content");
  return content != value.end() && content->is_string() ? &content->get_ref<const std::string&>() : nullptr;
}

void read_special_texts(const JsonInput& json, HfSettings& settings) {
  for (const char* name :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    const auto found = json.find(name);
    const std::string* text = found == json.end() ? nullptr : spelling_of(*found);
    if (!text) continue;
    std::erase_if(settings.special_texts, [&](const auto& old) { return old.first == name; });
    settings.special_texts.emplace_back(name, *text);
  }
}

/// One template as a string, or a list of {"name", "template"}.
void read_template(const JsonInput& value, HfSettings& settings) {
  settings.chat_template_place = "tokenizer_config.json";
  if (value.is_string()) {
    settings.chat_template = value.get<std::string>();
    return;
  }
  if (!value.is_array()) return;
  std::string names;
  for (const JsonInput& one : value) {
    if (!one.is_object() || !one.contains("name") || !one["name"].is_string() || !one.contains("template") ||
        !one["template"].is_string())
      continue;
    const std::string name = one["name"].get<std::string>();
    if (name == "default") {
      settings.chat_template = one["template"].get<std::string>();
      settings.chat_template_place = "tokenizer_config.json, the template 'default'";
      return;
    }
    names += (names.empty() ? "" : ", ") + name.substr(0, 40);
  }
  if (!value.empty()) settings.chat_template_problem = "templates for other uses: " + names;
}

/// An id, as a number or as digits; nullopt for what is none.
std::optional<Token> read_token_id(const JsonInput& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() < std::uint64_t{1} << 31)
    return static_cast<Token>(value.get<std::uint64_t>());
  if (!value.is_string()) return std::nullopt;
  const std::string& digits = value.get_ref<const std::string&>();
  Token id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  return error == std::errc() && end == digits.data() + digits.size() && id >= 0 ? std::optional<Token>(id)
                                                                                 : std::nullopt;
}

/// added_tokens_decoder: {"32000": {"content": ..., "special": ..., ...}}.
void read_added_tokens(const JsonInput& decoder, HfSettings& settings) {
  if (!decoder.is_object()) return;
  for (const auto& item : decoder.items()) {
    const std::optional<Token> id = read_token_id(JsonInput(item.key()));
    const JsonInput& value = item.value();
    const std::string* text = id && value.is_object() ? spelling_of(value) : nullptr;
    if (!text) continue;
    const auto flag = [&](const char* name) {
      const auto found = value.find(name);
      return found != value.end() && found->is_boolean() && found->template get<bool>();
    };
    settings.added_tokens.push_back({*id, *text, flag("special"), flag("lstrip"), flag("rstrip")});
  }
}

/// added_tokens.json: {"<|im_start|>": 32000}. What begins and ends like a mark is special, as llama.cpp's
/// converter takes it.
void read_added_ids(std::string_view text, HfSettings& settings) {
  if (text.empty() || !settings.added_tokens.empty()) return;
  const JsonInput added = parse_object(text, "added_tokens.json");
  for (const auto& [piece, value] : added.items())
    if (const std::optional<Token> id = read_token_id(value)) {
      const bool mark = (piece.starts_with('<') && piece.ends_with('>')) ||
                        (piece.starts_with('[') && piece.ends_with(']'));
      settings.added_tokens.push_back({*id, piece, mark, false, false});
    }
}

void read_end_ids(std::string_view text, std::string_view place, HfSettings& settings) {
  if (text.empty()) return;
  const JsonInput json = parse_object(text, place);
  const auto found = json.find("eos_token_id");
  if (found == json.end()) return;
  const auto add = [&](const JsonInput& id) {
    // -1 and ids that no token has are written by some tools for "none".
    if (id.is_number_unsigned() && id.get<std::uint64_t>() < std::uint64_t{1} << 31)
      settings.end_ids.push_back(static_cast<Token>(id.get<std::uint64_t>()));
  };
  if (found->is_array())
    std::for_each(found->begin(), found->end(), add);
  else
    add(*found);
}

}  // namespace

const std::string* HfSettings::special_text(std::string_view name) const {
  for (const auto& [known, text] : special_texts)
    if (known == name) return &text;
  return nullptr;
}

HfSettings parse_hf_settings(std::string_view tokenizer_config) {
  HfSettings settings;
  if (tokenizer_config.empty()) return settings;
  const JsonInput json = parse_object(tokenizer_config, "tokenizer_config.json");
  read_special_texts(json, settings);
  const auto flag = [&](const char* name) -> std::optional<bool> {
    const auto found = json.find(name);
    return found != json.end() && found->is_boolean() ? std::optional<bool>(found->get<bool>())
                                                      : std::nullopt;
  };
  settings.add_bos = flag("add_bos_token");
  settings.do_lower_case = flag("do_lower_case");
  settings.tokenize_chinese_chars = flag("tokenize_chinese_chars");
  settings.strip_accents = flag("strip_accents");
  if (const auto found = json.find("tokenizer_class"); found != json.end() && found->is_string())
    settings.tokenizer_class = found->get<std::string>();
  if (const auto found = json.find("added_tokens_decoder"); found != json.end())
    read_added_tokens(*found, settings);
  if (const auto found = json.find("chat_template"); found != json.end()) read_template(*found, settings);
  return settings;
}

HfSettings read_hf_settings(const fs::path& folder) {
  const std::string config = read_if_there(folder / "tokenizer_config.json");
  HfSettings settings = parse_hf_settings(config);
  const bool has_decoder =
      !config.empty() && parse_object(config, "tokenizer_config.json").contains("added_tokens_decoder");
  const std::string map = read_if_there(folder / "special_tokens_map.json");
  if (!map.empty() && !has_decoder)
    read_special_texts(parse_object(map, "special_tokens_map.json"), settings);
  read_added_ids(read_if_there(folder / "added_tokens.json"), settings);
  if (std::string jinja = read_if_there(folder / "chat_template.jinja"); !jinja.empty()) {
    settings.chat_template = std::move(jinja);
    settings.chat_template_place = "chat_template.jinja";
    settings.chat_template_problem.clear();
  }
  for (const char* name : {"config.json", "generation_config.json"})
    read_end_ids(read_if_there(folder / name), name, settings);
  return settings;
}

std::string read_text_within(const fs::path& path, std::size_t max_bytes) {
  std::error_code error;
  const std::uintmax_t size = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  if (error) throw Error(path.string(), "a readable file", error.message(), "the folder is incomplete");
  if (size == 0) throw Error(path.string(), "a file that is not empty", "0 bytes");
  if (size > max_bytes)
    throw Error(path.string(), fmt::format("at most {} bytes", max_bytes), std::to_string(size));
  std::string text(size, '\0');
  std::ifstream stream(path, std::ios::binary);
  if (!stream.read(text.data(), static_cast<std::streamsize>(size)))
    throw Error(path.string(), "a readable file", "an error");
  return text;
}

}  // namespace rw
