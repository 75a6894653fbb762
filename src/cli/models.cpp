// SPDX-License-Identifier: Apache-2.0
/// ropewalk models: every family that runs, and what those that do not are missing.
#include "cli/command.h"
#include "core/json.h"
#include "model/describe.h"

namespace ropewalk::cli::models {
namespace {

struct Options {
  bool markdown = false, json = false;
} options;

int run() {
  if (options.markdown)
    fmt::print("{}", models_markdown());
  else if (options.json)
    fmt::print("{}\n", dump_json(models_json()));
  else
    fmt::print("{}", models_table());
  return 0;
}

void define(CommandLine& app) {
  app.add_flag("--markdown", options.markdown, "the whole docs/models.md");
  app.add_flag("--json", options.json, "one JSON object");
  app.never_with("--markdown", {"--json"});
  app.footer(
      "Examples:\n  ropewalk models\n  ropewalk models --json\n"
      "  ropewalk models --markdown > docs/models.md");
}

const Register<Command> registered{{"models", "every family that runs, and what is missing", define, run}};

}  // namespace
}  // namespace ropewalk::cli::models
