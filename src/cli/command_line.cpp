// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "cli/command.h"
#include "cli/jobs.h"
#include "cli/ranks.h"
#include "core/error.h"
#include "core/text_file.h"
#include "core/this_program.h"
#include "formats/assumed_pre.h"
#include "mpi/launch.h"
#include "tokenizer/pretokenize.h"

namespace rw {
namespace {

CLI::Option* of(void* option) { return static_cast<CLI::Option*>(option); }
CLI::App* app_of(void* command) { return static_cast<CLI::App*>(command); }

/// "--method" where the command has "--methods" only, and the other way round.
std::string other_spelling(const CLI::App& command, const std::string& argument) {
  const std::size_t equals = std::min(argument.find('='), argument.size());
  const std::string name = argument.substr(0, equals);
  if (!name.starts_with("--") || command.get_option_no_throw(name)) return argument;
  const std::string other = name.ends_with('s') ? name.substr(0, name.size() - 1) : name + "s";
  return command.get_option_no_throw(other) ? other + argument.substr(equals) : argument;
}

/// A list option takes all that follows it, MODEL too.
std::string swallowed_by(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options())
    if (option->get_expected_max() > 1 && option->count() > 1 && option->nonpositional() &&
        std::filesystem::exists(option->results().back()))
      return fmt::format("none: {} took {}", option->get_name(), option->results().back());
  return "none";
}

bool is_model(const std::string& path) {
  std::error_code none;
  return std::filesystem::exists(path, none) &&
         (path.ends_with(".gguf") || std::filesystem::exists(path + "/config.json", none));
}

constexpr std::uintmax_t kMostConfigBytes = 1 << 20;

/// MODEL behind a list's values: the list took it, and the model of our own would stand in for it.
void require_own_model(const CLI::App& command) {
  const CLI::Option* model = command.get_option_no_throw("MODEL");
  if (!model || model->count() > 0) return;
  for (const CLI::Option* option : command.get_options())
    if (option->nonpositional() && option->get_expected_max() > 1 && option->count() > 0)
      for (const std::string& value : option->results())
        if (is_model(value))
          throw UsageError("ropewalk " + command.get_name(), "MODEL",
                           fmt::format("none: {} took {}", option->get_name(), value),
                           "MODEL stands first, before a list's option");
}

[[noreturn]] void no_value(const std::string& option, const char* found) {
  throw UsageError(option, "a value", found, "leave it out, or give it one");
}

/// An empty value, as an unset variable of a shell leaves it, is no value: results would be kept nowhere, or
/// a prompt be none. (Jobs are given an empty name by the process that started them.)
void require_values(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options())
    for (const std::string& value : option->results())
      if (value.empty() && option->get_items_expected_max() > 0 && !is_job())
        no_value(option->get_name(), "an empty one");
}

/// The folders in which models of our own are looked for.
std::vector<std::filesystem::path> folders_of_our_own() {
  const std::filesystem::path folder = std::filesystem::path(file_of_this_program()).parent_path();
  return {(folder / "../../models").lexically_normal(), (folder / "../share/ropewalk").lexically_normal()};
}

/// The shorter spelling of a path.
std::string from_here(const std::filesystem::path& path) {
  std::error_code none;
  const std::string near = path.lexically_proximate(std::filesystem::current_path(none)).string();
  return near.starts_with("../..") ? path.string() : near;
}

/// A name without a folder, where nothing here has it: the model of that name beside those of our own.
std::string model_named(const std::string& name) {
  std::error_code none;
  if (name.find('/') == std::string::npos && !std::filesystem::exists(name, none))
    for (const std::filesystem::path& folder : folders_of_our_own())
      for (const char* ending : {"", ".gguf"})
        if (const auto path = folder / (name + ending);
            !name.empty() && (std::filesystem::is_regular_file(path, none) ||
                              std::filesystem::exists(path / "config.json", none)))
          return from_here(path);
  return name;
}

/// CLI11 reads the part of TOML that options need; what it would read otherwise than TOML says is refused.
void require_plain_config(const std::string& path) {
  std::istringstream text(read_bytes(path));
  int number = 0;
  for (std::string line; std::getline(text, line);) {
    const std::string place = fmt::format("{}:{}", path, ++number);
    if (number == 1 && line.starts_with("\xef\xbb\xbf"))
      throw Error(place, "[eval] or another section first", "a byte order mark",
                  "save the file as UTF-8 without one");
    const std::size_t open = line.find('"'), comment = line.find('#');
    if (open < comment &&
        (line.find('\\', open) != std::string::npos || line.find("\"\"\"") != std::string::npos))
      throw Error(place, "strings without escapes or \"\"\"", line.substr(0, 60),
                  "write it between single quotes: text = 'C:\\x'");
  }
}

/// What CLI11 says of a file of --config ("INI was not able to parse eval.methos"), in our words.
[[noreturn]] void explain_config(const CLI::App& app, const std::string& said) {
  const std::string key = said.substr(said.rfind(' ') + 1);
  const std::size_t dot = std::min(key.find('.'), key.size());
  const std::string section = key.substr(0, dot), option = key.substr(std::min(dot + 1, key.size()));
  std::vector<std::string> commands, names;
  const CLI::App* command = nullptr;
  for (const CLI::App* one : app.get_subcommands(nullptr)) {
    commands.push_back(one->get_name());
    if (one->get_name() == section) command = one;
  }
  if (dot == key.size() || key.empty())
    throw UsageError("--config", "a section for the command first, such as [eval], then its options",
                     "'" + key + "' outside of one", "method = \"yarn\" is a line of such a section");
  if (!command)
    throw UsageError("--config", "a section that is named as a command", "[" + section + "]",
                     did_you_mean(section, commands));
  for (const CLI::Option* one : command->get_options())
    for (const std::string& name : one->get_lnames()) names.push_back(name);
  throw UsageError("--config", fmt::format("options of ropewalk {}", section), "'" + option + "'",
                   did_you_mean(option, names));
}

[[noreturn]] void explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto commands = app.get_subcommands();
  const std::string name = commands.empty() ? "ropewalk" : "ropewalk " + commands.front()->get_name();
  const std::string hint = name + " --help";
  if (dynamic_cast<const CLI::RequiredError*>(&error) && !commands.empty()) {
    std::vector<std::string> places;
    for (const std::filesystem::path& folder : folders_of_our_own()) places.push_back(folder.string());
    for (const CLI::Option* option : commands.front()->get_options())
      if (option->get_required() && option->count() == 0)
        throw UsageError(name, option->get_name(), swallowed_by(*commands.front()),
                         option->nonpositional() ? hint
                         : option->get_name() != "MODEL"
                             ? option->get_name() + " is given by its place; " + hint
                             : fmt::format("MODEL stands first; the one that comes "
                                           "with the program is not in {}",
                                           fmt::join(places, " nor ")));
  }
  const std::string said = error.what();  // "--method: 1 required TEXT missing"
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) && said.ends_with(" missing"))
    no_value(said.substr(0, said.find(':')), "none");
  if (dynamic_cast<const CLI::ConfigError*>(&error)) explain_config(app, error.what());
  if (dynamic_cast<const CLI::RequiresError*>(&error) || dynamic_cast<const CLI::ExcludesError*>(&error))
    throw UsageError(name, "options that have an effect beside each other", error.what(), hint);
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
    const std::vector<std::string> rest = app.remaining(true);
    throw UsageError(name, "options that --help lists", rest.empty() ? error.what() : rest.front(), hint);
  }
  throw UsageError(name, "what --help lists", error.what(), hint);
}

}  // namespace

OptionCheck in_range(double least, double most) {
  return [=](const std::string& option, const std::string& value) {
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || !(number >= least && number <= most))
      throw UsageError(option, fmt::format("a number from {} to {}", least, most), "'" + value + "'");
  };
}

OptionCheck one_of(std::vector<std::string> values) {
  return [values = std::move(values)](const std::string& option, const std::string& value) {
    std::string list;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (value == values[i]) return;
      list += (i == 0 ? "" : i + 1 == values.size() ? " or " : ", ") + values[i];
    }
    throw UsageError(option, list, "'" + value + "'");
  };
}

Option* Option::required(bool is) { return of(option_)->required(is), this; }
Option* Option::capture_default_str() { return of(option_)->capture_default_str(), this; }
Option* Option::one_each() { return of(option_)->allow_extra_args(false), this; }
Option* Option::take_last() { return of(option_)->take_last(), this; }
Option* Option::check(OptionCheck check) {
  const CLI::Option* option = of(option_);
  of(option_)->check([check = std::move(check), option](const std::string& value) {
    check(option->get_name(), value);
    return std::string();
  });
  return this;
}

template <class T>
Option* CommandLine::add(const std::string& names, T& value, const std::string& help) {
  options_.push_back(std::make_unique<Option>());
  options_.back()->option_ = app_of(command_)->add_option(names, value, help);
  return options_.back().get();
}
Option* CommandLine::add_option(const std::string& names, std::string& value, const std::string& help) {
  return add(names, value, help);
}
Option* CommandLine::add_option(const std::string& names, std::vector<std::string>& values,
                                const std::string& help) {
  return add(names, values, help);
}
Option* CommandLine::add_option(const std::string& names, int& value, const std::string& help) {
  return add(names, value, help);
}
Option* CommandLine::add_option(const std::string& names, Index& value, const std::string& help) {
  return add(names, value, help);
}
Option* CommandLine::add_option(const std::string& names, double& value, const std::string& help) {
  return add(names, value, help);
}
Option* CommandLine::add_flag(const std::string& names, bool& value, const std::string& help) {
  options_.push_back(std::make_unique<Option>());
  options_.back()->option_ = app_of(command_)->add_flag(names, value, help);
  return options_.back().get();
}
Option* CommandLine::add_model(std::string& path, const std::string& usual) {
  path = model_of_our_own(usual), model_ = &path;
  const bool own = !path.empty();
  Option* option = add_option(
      "MODEL", path,
      own ? "GGUF, Hugging Face folder, or a name in models/;\ndefault: " + usual.substr(0, usual.find('.'))
          : "GGUF or Hugging Face folder");
  add_pre();
  return own ? option : option->required();
}
Option* CommandLine::add_pre() {
  return add_option(
             "--pre", pre_,
             "pre-tokenizer of a GGUF that names none\n(tokenizer.ggml.pre), such as gpt-2 or llama-bpe")
      ->check([](const std::string& option, const std::string& value) {
        const std::vector<std::string> known = Pretokenizer::names();
        if (std::find(known.begin(), known.end(), value) == known.end())
          throw UsageError(option, "a known pre-tokenizer", "'" + value + "'", did_you_mean(value, known));
      });
}
void CommandLine::only_with(const std::string& other, const std::vector<std::string>& options) {
  for (const std::string& option : options)
    app_of(command_)->get_option(option)->needs(app_of(command_)->get_option(other));
}
void CommandLine::never_with(const std::string& other, const std::vector<std::string>& options) {
  for (const std::string& option : options)
    app_of(command_)->get_option(option)->excludes(app_of(command_)->get_option(other));
}
bool CommandLine::given(const std::string& name) const {
  return app_of(command_)->get_option(name)->count() > 0;
}
void CommandLine::footer(const std::string& text) {
  CLI::App* command = app_of(command_);
  command->footer(fmt::format("--config FILE, a TOML file with a section [{}], may hold options too.\n{}",
                              command->get_name(), text));
}

std::string model_of_our_own(const std::string& name) {
  std::error_code none;
  for (const std::filesystem::path& folder : folders_of_our_own())
    if (std::filesystem::exists(folder / name, none)) return from_here(folder / name);
  return "";
}

void require_use_of_pre(const std::string& model_path) {
  if (assumed_pre().empty()) return;
  const std::unique_ptr<ModelFile> file = ModelFile::open(model_path);
  const bool folder = file->container() == "safetensors";
  const std::string model = folder ? "" : file->string("tokenizer.ggml.model").value_or("none");
  if (folder || model != "gpt2")
    throw Error(model_path, "a GGUF with byte-level BPE (tokenizer.ggml.model: gpt2), for --pre",
                folder ? "a folder, which says more" : "tokenizer.ggml.model: " + model, "leave --pre out");
}

std::string pre_option() { return assumed_pre().empty() ? "" : " --pre " + assumed_pre(); }

void take_for_file(std::string& model, std::string& file) {
  const std::string own = model_of_our_own();
  if (own.empty() || model == own) return;
  file = std::exchange(model, own);
}

int run_command_line(int argc, char** argv) {
  CLI::App app{
      "Makes language models trained on short sequences work on long ones without\n"
      "training, and proves on your own text whether it really does."};
  app.name("ropewalk");
  app.set_version_flag("--version", std::string("ropewalk ") + ROPEWALK_VERSION);
  app.require_subcommand(1);
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_config("--config", "", "TOML file with a section for the command: [eval]")
      ->check([](const std::string& path) {
        if (path.empty()) no_value("--config", "an empty one");
        require_regular_file(path);
        std::error_code none;
        if (std::filesystem::file_size(path, none) > kMostConfigBytes)
          throw UsageError("--config", "a file of options, of at most 1 MB", path);
        require_plain_config(path);
        return std::string();
      });
  app.footer(
      "Examples:\n"
      "  ropewalk eval model.gguf --text book.txt --methods yarn --lengths 8k 16k\n"
      "  ropewalk generate model.gguf -f book.txt -p 'Who is Anne?' --method rerope\n"
      "  ropewalk methods\n"
      "Each command has its own --help.");
  std::vector<std::unique_ptr<CommandLine>> options;
  for (const Command& command : Registry<Command>::all()) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    sub->allow_config_extras(CLI::config_extras_mode::error);
    sub->fallthrough();  // --config may stand behind the command
    options.push_back(std::unique_ptr<CommandLine>(new CommandLine(sub)));
    command.define(*options.back());
  }
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    fmt::print("{}", app.help());
    return 0;
  }
  if (arguments[0][0] != '-') {
    Registry<Command>::get(arguments[0], "command");
    const CLI::App& command = *app.get_subcommand(arguments[0]);
    for (std::string& argument : arguments) argument = other_spelling(command, argument);
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants a vector
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    explain(app, e);
  }
  const Command& command = Registry<Command>::get(app.get_subcommands().front()->get_name(), "command");
  require_for_ranks(command);
  // Before anything that may fail on one of them alone: an error ends all.
  if (launched_as().several()) join_ranks();
  for (const auto& each : options)
    if (each->model_ != nullptr) *each->model_ = model_named(*each->model_);
  require_own_model(*app.get_subcommands().front());
  require_values(*app.get_subcommands().front());
  for (const auto& each : options) {
    if (each->pre_.empty()) continue;
    assume_pre(each->pre_);
    if (each->model_ != nullptr) require_use_of_pre(*each->model_);
  }
  return command.run();
}

}  // namespace rw
