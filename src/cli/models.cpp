// SPDX-License-Identifier: Apache-2.0
/// ropewalk models: every family that runs, and what those that do not are missing; NAME: one of them.
#include "cli/command.h"
#include "core/json.h"
#include "model/describe.h"

namespace rw::cli::models {
namespace {

struct Options {
  std::string name;
  bool markdown = false, json = false;
} options;

int run() {
  if (options.markdown)
    fmt::print("{}", models_markdown());
  else if (options.json)
    fmt::print("{}\n", dump_json(options.name.empty() ? models_json() : models_json(options.name)));
  else
    fmt::print("{}", options.name.empty() ? models_table() : models_text(options.name));
  return 0;
}

void define(CommandLine& app) {
  app.add_option("NAME", options.name, "one family: its architecture, model_type or models");
  app.add_flag("--markdown", options.markdown, "the whole docs/models.md");
  app.add_flag("--json", options.json, "one JSON object");
  app.never_with("--markdown", {"NAME", "--json"});
  app.footer(
      "Examples:\n  ropewalk models\n  ropewalk models gemma3\n  ropewalk models 'Granite 4' --json\n"
      "  ropewalk models --markdown > docs/models.md");
}

const Register<Command> registered{{"models", "families that run, what others lack; NAME: one", define, run}};

}  // namespace
}  // namespace rw::cli::models
