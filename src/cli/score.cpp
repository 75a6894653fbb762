// SPDX-License-Identifier: Apache-2.0
/// ropewalk score: texts against reference texts.
#include <algorithm>

#include "cli/command.h"
#include "core/json.h"
#include "core/tell.h"
#include "core/text.h"
#include "metrics/metrics.h"

namespace rw::cli::score {
namespace {

struct Options {
  std::string hypotheses, references, tokenize = "auto";
  bool stem = false, whole = false, json = false;
} options;

/// The lines of a file, blank ones too.
std::vector<std::string> read_segments(const std::string& path) {
  std::string text = read_text_file(path);
  if (options.whole) return {std::move(text)};
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

/// Lines that are not blank.
std::ptrdiff_t n_filled(const std::vector<std::string>& lines) {
  return std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find_first_not_of(" \t") != std::string::npos;
  });
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
                counted(hypotheses.size(), "line"),
                n_filled(hypotheses) == n_filled(references)
                    ? "they differ in blank lines, which count: leave those out of both"
                    : "one segment a line, in the same order; --whole compares the files as they are");
  const Scores s = rw::score(hypotheses, references, how);
  if (s.rouge_blind)
    tell("note: ROUGE sees no word in {}: it counts a-z and 0-9, with zh and char also Han\n",
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

void define(CommandLine& app) {
  app.add_option("HYP", options.hypotheses, "text to judge, one segment a line; - for stdin")->required();
  app.add_option("REF", options.references, "reference text, line by line")->required();
  app.add_option("--tokenize", options.tokenize, "words of BLEU: 13a, zh, char, or auto: by script")
      ->capture_default_str();
  app.add_flag("--whole", options.whole, "each file is one segment, whatever its lines");
  app.add_flag("--stem", options.stem, "ROUGE compares Porter's stems");
  app.add_flag("--json", options.json, "one JSON object");
  app.footer(
      "BLEU and chrF are 0-100, the rest 0-1.\nExample:\n  ropewalk score output.txt reference.txt --json");
}

const Register<Command> registered{{"score", "BLEU, chrF, ROUGE and more of a text", define, run}};

}  // namespace
}  // namespace rw::cli::score
