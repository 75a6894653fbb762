// SPDX-License-Identifier: Apache-2.0
/// The mixed text of the tokenizer goldens, built by the same rule as in tools/make_golden_tokenizer.py, and
/// a ModelFile in memory.
#pragma once
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "formats/model_file.h"
#include "tokenizer/tokenizer.h"

namespace rw::testing {

class FakeFile : public ModelFile {
 public:
  void set(const std::string& key, MetaValue value) { metadata_[key] = std::move(value); }
  void set_folder(std::string path) { path_ = std::move(path), container_ = "safetensors"; }
};

inline std::string read_golden(const std::string& name) {
  std::ifstream stream(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/" + name, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline const Json& expected() {
  static const Json json = parse_json(read_golden("tokenizer_expected.json"), "tokenizer_expected.json");
  return json;
}

inline std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines(1);
  for (char c : text) {
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back().push_back(c);
  }
  return lines;
}

class Lcg {
 public:
  explicit Lcg(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return state_ >> 33;
  }

 private:
  std::uint64_t state_;
};

inline std::string replace_all(const std::string& text, char from, const std::string& to) {
  std::string result;
  for (char c : text) c == from ? result += to : result += c;
  return result;
}

/// What SentencePiece cannot give back: U+2581 reads as a space.
inline std::string replace_marks(std::string text) {
  for (std::size_t at; (at = text.find("\xe2\x96\x81")) != std::string::npos;) text.replace(at, 3, " ");
  return text;
}

/// 1000 lines, about 64 KB.
inline std::string mixed_block(const std::vector<std::string>& lines, std::uint64_t block) {
  Lcg lcg(1000 + block);
  std::string out;
  for (int i = 0; i < 1000; ++i) {
    std::string line = lines[lcg.next() % lines.size()];
    const std::uint64_t kind = lcg.next() % 10;
    const std::string number = std::to_string(lcg.next());
    if (kind == 0) {
      for (char& c : line)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    } else if (kind == 1) {
      line = replace_all(line, ' ', "  ");
    } else if (kind == 2) {
      line += " " + number;
    } else if (kind == 3) {
      line = "    " + line;
    } else if (kind == 4) {
      line = replace_all(line, 'e', "\xc3\xa9");
    } else if (kind == 5) {
      line = number + line;
    }
    out += line + (kind == 6 ? "" : kind == 7 ? "\r\n" : "\n");
  }
  return out;
}

inline const std::vector<std::string>& mixed_blocks() {
  static const std::vector<std::string> blocks = [] {
    const std::vector<std::string> lines = split_lines(read_golden("tokenizer_text.txt"));
    std::vector<std::string> result;
    for (std::uint64_t block = 0; block < 18; ++block) result.push_back(mixed_block(lines, block));
    return result;
  }();
  return blocks;
}

/// The first 64 KiB of block 0 with every 17th byte or so replaced.
inline std::string damaged_block() {
  std::string data = mixed_blocks()[0].substr(0, 65536);
  Lcg lcg(77);
  for (char& c : data)
    if (lcg.next() % 17 == 0) c = static_cast<char>(std::max<std::uint64_t>(lcg.next() % 256, 32));
  return data;
}

inline Json summary(const std::vector<Token>& ids) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (Token id : ids) hash = (hash ^ static_cast<std::uint64_t>(id)) * 0x100000001b3u;
  return Json{{"count", ids.size()}, {"fnv", fmt::format("{:016x}", hash)}};
}

/// GPT-2's spelling of each byte, written independently of the tokenizer's own table.
inline std::vector<std::string> gpt2_alphabet() {
  std::vector<std::string> spelling(256);
  int extra = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte != 0xad);
    const int code = prints ? byte : extra++;
    std::string& text = spelling[static_cast<std::size_t>(byte)];
    if (code < 0x80)
      text = {static_cast<char>(code)};
    else
      text = {static_cast<char>(0xc0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3f))};
  }
  return spelling;
}

/// A GGUF's metadata with the golden merges; `extra` tokens of type 3 (control) or 4 (user-defined) follow.
inline FakeFile& fill_bpe(FakeFile& file, const std::string& pre,
                          const std::vector<std::pair<std::string, std::int64_t>>& extra = {}) {
  std::vector<std::string> tokens = gpt2_alphabet(),
                           merges = split_lines(read_golden("tokenizer_merges.txt"));
  merges.pop_back();  // what follows the last newline
  std::map<std::string, int> seen;
  for (const std::string& rule : merges) {
    const std::size_t space = rule.find(' ');
    const std::string piece = rule.substr(0, space) + rule.substr(space + 1);
    if (seen[piece]++ == 0) tokens.push_back(piece);
  }
  std::vector<std::int64_t> types(tokens.size(), 1);
  for (const auto& [text, type] : extra) tokens.push_back(text), types.push_back(type);
  file.set("tokenizer.ggml.model", std::string("gpt2"));
  file.set("tokenizer.ggml.pre", pre);
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", types);
  file.set("tokenizer.ggml.merges", merges);
  return file;
}

inline FakeFile& fill_spm(FakeFile& file) {
  const Json spm = parse_json(read_golden("tokenizer_spm.json"), "tokenizer_spm.json");
  file.set("tokenizer.ggml.model", std::string("llama"));
  file.set("tokenizer.ggml.tokens", spm["tokens"].get<std::vector<std::string>>());
  file.set("tokenizer.ggml.scores", spm["scores"].get<std::vector<double>>());
  file.set("tokenizer.ggml.token_type", spm["types"].get<std::vector<std::int64_t>>());
  return file;
}

}  // namespace rw::testing
