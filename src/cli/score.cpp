// SPDX-License-Identifier: Apache-2.0
/// ropewalk score: texts against reference texts.
#include "cli/command.h"
#include "core/json.h"
#include "core/utf8.h"
#include "metrics/metrics.h"

namespace ropewalk {
namespace {

struct Options {
  std::string hypotheses, references, tokenize = "auto";
  bool stem = false, json = false;
} options;

/// The lines of a file, blank ones too. They end as Python's do: \n, \r\n, or \r alone.
std::vector<std::string> read_segments(const std::string& path) {
  const std::string text = read_text_file(path);
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", start), text.size());
    std::string line = text.substr(start, end - start);
    start = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
    for (std::size_t i = 0, length = 0; i < line.size(); i += length) {
      length = utf8_length(line, i);
      if (length == 0)
        throw Error(fmt::format("{}, line {}", path, lines.size() + 1), "UTF-8 text",
                    fmt::format("the byte 0x{:02x} at {}", static_cast<unsigned char>(line[i]), i),
                    "convert the file, for example with iconv");
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

int run() {
  if (options.hypotheses == "-" && options.references == "-")
    throw UsageError("score", "at most one file from stdin", "- twice");
  const ScoreOptions how{.tokenize = parse_tokenize(options.tokenize), .stem = options.stem};
  const std::vector<std::string> hypotheses = read_segments(options.hypotheses);
  const std::vector<std::string> references = read_segments(options.references);
  if (hypotheses.size() != references.size())
    throw Error(options.hypotheses,
                fmt::format("as many lines as {} has: {}", options.references, references.size()),
                fmt::format("{} lines", hypotheses.size()), "one segment a line, in the same order");
  const Scores s = score(hypotheses, references, how);
  if (s.rouge_blind)
    fmt::print(stderr, "note: ROUGE sees no word in {}: it counts a-z and 0-9, with zh and char also Han\n",
               printable(options.references));
  const Json result = {{"segments", s.segments}, {"tokenize", tokenize_name(s.tokenize)},
                       {"stem", options.stem},   {"bleu", s.bleu},
                       {"chrf", s.chrf},         {"chrf++", s.chrf_words},
                       {"rouge1", s.rouge1},     {"rouge2", s.rouge2},
                       {"rougeL", s.rouge_l},    {"rougeLsum", s.rouge_lsum},
                       {"token_f1", s.token_f1}, {"edit_similarity", s.edit_similarity}};
  if (options.json) {
    fmt::print("{}\n", dump_json(result));
    return 0;
  }
  for (const auto& [name, value] : result.items()) {
    if (value.is_number_float()) {
      fmt::print("{:<16} {:>10.6f}\n", name, value.get<double>());
    } else {
      fmt::print("{:<16} {:>10}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return 0;
}

void define(CLI::App& app) {
  app.add_option("HYP", options.hypotheses, "text to judge, one segment a line; - for stdin")->required();
  app.add_option("REF", options.references, "reference text, line by line")->required();
  app.add_option("--tokenize", options.tokenize, "words of BLEU: 13a, zh, char, or auto: by script")
      ->capture_default_str();
  app.add_flag("--stem", options.stem, "ROUGE compares Porter's stems");
  app.add_flag("--json", options.json, "one JSON object");
  app.footer(
      "BLEU and chrF are 0-100, the rest 0-1.\nExample:\n  ropewalk score output.txt reference.txt --json");
}

const Register<Command> registered{{"score", "BLEU, chrF, ROUGE and more of a text", define, run}};

}  // namespace
}  // namespace ropewalk
