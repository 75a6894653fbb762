// SPDX-License-Identifier: Apache-2.0
/// ropewalk: the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a bug of ours.
#include <fmt/format.h>

#include <new>

#include "cli/command.h"

namespace ropewalk {
namespace {

int run(int argc, char** argv) {
  CLI::App app{
      "Makes language models trained on short sequences work on long ones without\n"
      "training, and proves on your own text whether it really does."};
  app.name("ropewalk");
  app.set_version_flag("--version", std::string("ropewalk ") + ROPEWALK_VERSION);
  app.require_subcommand(1);
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_config("--config", "", "TOML file with a section for the command: [eval]");
  app.footer(
      "Examples:\n"
      "  ropewalk eval model.gguf --text book.txt --methods yarn --lengths 8k 16k\n"
      "  ropewalk generate model.gguf -f book.txt -p 'Who is Anne?' --method rerope\n"
      "  ropewalk methods\n"
      "Each command has its own --help.");
  for (const Command& command : Registry<Command>::all()) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    sub->allow_config_extras(CLI::config_extras_mode::error);
    sub->fallthrough();  // --config may stand behind the command
    command.define(*sub);
  }
  if (argc > 1 && argv[1][0] != '-') Registry<Command>::get(argv[1], "command");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    const std::string command =
        app.get_subcommands().empty() ? "" : " " + app.get_subcommands().front()->get_name();
    throw UsageError("command line", "what --help lists", e.what(),
                     fmt::format("ropewalk{} --help", command));
  }
  return Registry<Command>::get(app.get_subcommands().front()->get_name(), "command").run();
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  try {
    return ropewalk::run(argc, argv);
  } catch (const ropewalk::UsageError& e) {
    fmt::print(stderr, "ropewalk: {}\n", e.what());
    return 2;
  } catch (const ropewalk::Error& e) {
    fmt::print(stderr, "ropewalk: {}\n", e.what());
    return 1;
  } catch (const std::bad_alloc&) {
    fmt::print(
        stderr,
        "ropewalk: memory: expected enough for this length; found none left; hint: ask for a shorter one\n");
    return 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "ropewalk: this is a bug of ours: {}\n", e.what());
    return 3;
  }
}
