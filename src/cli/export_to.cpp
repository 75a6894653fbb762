// SPDX-License-Identifier: Apache-2.0
#include "cli/export_to.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "cli/command.h"
#include "core/text.h"
#include "formats/hf_family.h"
#include "methods/told.h"

namespace rw::cli {
namespace {

bool is_gguf_file(const ModelFile& file) { return file.container().starts_with("GGUF"); }

std::vector<std::string> names_of(const std::vector<ExportTo>& targets) {
  std::vector<std::string> names;
  names.reserve(targets.size());
  for (const ExportTo& to : targets) names.push_back(to.name);
  return names;
}

[[noreturn]] void refuse_method(const ExportTo& to, const ExportAsked& asked, const std::string& why) {
  std::vector<std::string> others;
  for (const ExportTo& other : export_targets())
    if (other.why_not(asked.bound, asked.context, asked.architecture).empty()) others.push_back(other.name);
  std::string hint = fmt::format("--to {} can", fmt::join(others, ", "));
  if (others.empty()) {
    const std::vector<std::string> can = expressible(asked, [&](const MethodSpec& bound) {
      return to.why_not(bound, asked.context, asked.architecture).empty();
    });
    hint = "no engine can; ropewalk generate, chat and eval run it";
    if (!can.empty()) hint += fmt::format("; {} can be told {}", to.title, fmt::join(can, ", "));
  }
  throw UsageError("--to " + to.name, fmt::format("a method that {} can be told", to.title),
                   fmt::format("{}: {}", asked.spec.text(), why), hint);
}

/// Targets that read what the model is of, for a hint.
std::string readers_of(const ModelFile& source) {
  std::vector<std::string> names;
  for (const ExportTo& to : export_targets())
    if ((to.engine ? to.engine->reads_gguf : to.target->from_gguf) == is_gguf_file(source))
      names.push_back(to.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

void require_container(const ExportTo& to, const ExportAsked& asked, const std::string& model) {
  const bool wants_gguf = to.engine ? to.engine->reads_gguf : to.target->from_gguf;
  if (wants_gguf == is_gguf_file(asked.source)) return;
  throw UsageError(
      "MODEL " + model,
      fmt::format("{} for --to {}", wants_gguf ? "a GGUF file" : "a folder with config.json", to.name),
      wants_gguf ? "a folder of Hugging Face" : "a GGUF file",
      fmt::format(
          "{}; of this one: --to {}",
          wants_gguf ? "llama.cpp's convert_hf_to_gguf.py makes one" : "name the folder that it was made of",
          readers_of(asked.source)));
}

void require_text_model(const ExportTo& to, const ModelFile& source) {
  if (!has_text_config(source)) return;
  throw UsageError(
      "--to " + to.name, "a model of text alone",
      "one whose language model has its numbers in text_config, which a line's keys do not reach",
      "--to hf writes them there");
}

/// Control characters would be commands of the terminal.
void require_printable(const std::string& what) {
  if (printable(what) != what)
    throw UsageError("MODEL " + what, "a path without control characters, to print it in a line", "some",
                     "rename it, or name it by another path");
}

Json beginning(const ExportTo& to, const ExportAsked& asked) {
  return {{"model", asked.source.path()},
          {"method", asked.bound.text()},
          {"length", asked.context.n},
          {"to", to.name},
          {"engine", to.title}};
}

/// A factor reaches so far: rows beyond lie where the model has never been.
void say_reach(const ExportAsked& asked) {
  const Told told = tell(asked.bound, asked.context);
  const std::string type = told.rope["rope_type"];
  if (asked.bound.text() == "none" || (type != "yarn" && type != "linear")) return;
  const auto trained =
      static_cast<double>(told.rope.value("original_max_position_embeddings", asked.context.n_ctx_train));
  const double reach = told.rope["factor"].get<double>() * trained;
  if (static_cast<double>(asked.context.n) > reach)
    say(fmt::format(
        "{}: factor {:g} reaches {:.0f} tokens, {} are asked for: a factor of {:g} would reach them",
        asked.bound.text().substr(0, asked.bound.text().find(':')), told.rope["factor"].get<double>(), reach,
        asked.context.n, std::ceil(static_cast<double>(asked.context.n) / trained)));
}

int print_line(const ExportTo& to, const ExportAsked& asked, bool json) {
  require_text_model(to, asked.source);
  require_printable(asked.source.path());
  const PeerSetting setting = peer_setting(*to.engine, asked.bound, asked.context, asked.architecture);
  say_reach(asked);
  std::vector<std::string> words = to.engine->command;
  if (!setting.program.empty()) words.front() = setting.program;
  words.push_back(path_word(asked.source.path()));
  words.insert(words.end(), setting.words.begin(), setting.words.end());
  if (json) {
    Json result = beginning(to, asked);
    result.update({{"command", shell_line(words)}, {"arguments", words}, {"note", setting.note}});
    fmt::print("{}\n", dump_json(result));
    return 0;
  }
  say(fmt::format("{} at {}: {}", asked.bound.text(), counted(asked.context.n, "token"), setting.note));
  fmt::print("{}\n", shell_line(words));
  return 0;
}

int write_files(const ExportTo& to, const ExportAsked& asked, const ExportOptions& options) {
  require_out(*to.target, asked.source, options.out);
  require_printable(options.out);
  say_reach(asked);
  const Exported done =
      to.target->write({asked.source, asked.bound, asked.context, asked.architecture, options.out});
  if (options.json) {
    Json result = beginning(to, asked);
    result.update({{"out", options.out},
                   {"files", done.files},
                   {"command", done.next.empty() ? Json(nullptr) : Json(shell_line(done.next))},
                   {"arguments", done.next},
                   {"note", done.note}});
    fmt::print("{}\n", dump_json(result));
    return 0;
  }
  say(fmt::format("{} at {}, for {}: {}{}{}", asked.bound.text(), counted(asked.context.n, "token"), to.title,
                  printable(options.out), done.note.empty() ? "" : "; ", done.note));
  fmt::print("{}\n", done.next.empty() ? options.out : shell_line(done.next));
  return 0;
}

}  // namespace

bool has_text_config(const ModelFile& source) {
  if (is_gguf_file(source)) return false;
  const std::string place = source.path() + "/config.json";
  const JsonInput config = parse_json(read_bytes(place, std::size_t{4} << 20), place, std::size_t{4} << 20);
  return &hf_text_config(config, place) != &config;
}

std::string ExportTo::why_not(const MethodSpec& bound, const RopeContext& context,
                              const std::string& architecture) const {
  if (target != nullptr) return target->why_not(bound, context, architecture);
  const PeerSetting setting = peer_setting(*engine, bound, context, architecture);
  return setting.setting.empty() ? setting.note : "";
}

std::vector<ExportTo> export_targets() {
  std::vector<ExportTo> all;
  for (const ExportTarget& target : Registry<ExportTarget>::all())
    all.push_back({target.name, target.reader, nullptr, &target});
  for (const PeerEngine& engine : Registry<PeerEngine>::all())
    if (!engine.command.empty()) all.push_back({engine.name, engine.title, &engine, nullptr});
  std::sort(all.begin(), all.end(), [](const ExportTo& a, const ExportTo& b) { return a.name < b.name; });
  return all;
}

std::string export_targets_help() {
  std::string text;
  for (const ExportTo& to : export_targets())
    text += fmt::format("  {:<10} {}\n", to.name,
                        to.target ? fmt::format("{} (--out)", to.target->makes)
                                  : fmt::format("a command line: {}", fmt::join(to.engine->command, " ")));
  return text;
}

std::vector<std::string> expressible(const ExportAsked& asked,
                                     const std::function<bool(const MethodSpec& bound)>& can) {
  std::vector<std::string> names;
  for (const MethodInfo& info : Registry<MethodInfo>::all()) try {
      const std::string full = Method::bind(MethodSpec::parse(info.name), asked.context).text();
      if (info.name != "none" && can(MethodSpec::parse(full))) names.push_back(info.name);
    } catch (const UsageError&) {  // it needs a value
    }
  return names;
}

ExportTo find_export_target(const ExportOptions& options) {
  const std::vector<ExportTo> all = export_targets();
  const auto found = std::find_if(all.begin(), all.end(), [&](const ExportTo& to) {
    return to.name == options.to ||
           (to.target && std::count(to.target->aliases.begin(), to.target->aliases.end(), options.to) > 0);
  });
  if (found == all.end())
    throw UsageError("--to", "an engine or a container that is known", "'" + options.to + "'",
                     did_you_mean(options.to, names_of(all)));
  if (found->target && options.out.empty())
    throw UsageError("--to " + found->name, "--out, the name of what is written", "none",
                     found->target->folder ? "--out a new folder" : "--out a new file that ends in .gguf");
  if (found->engine && !options.out.empty())
    throw UsageError("--out", fmt::format("nothing to write for --to {}", found->name),
                     "'" + options.out + "'", "it is told by a command line, which is printed");
  return *found;
}

int export_to(const ExportTo& to, const ExportAsked& asked, const ExportOptions& options) {
  if (const std::string why = to.why_not(asked.bound, asked.context, asked.architecture); !why.empty())
    refuse_method(to, asked, why);
  require_container(to, asked, options.model);
  return to.engine ? print_line(to, asked, options.json) : write_files(to, asked, options);
}

}  // namespace rw::cli
