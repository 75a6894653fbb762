// SPDX-License-Identifier: Apache-2.0
/// ropewalk methods: every method with formula, parameters, source.
#include "cli/command.h"
#include "core/json.h"
#include "methods/describe.h"

namespace ropewalk {
namespace {

struct Options {
  bool markdown = false, json = false;
} options;

int run() {
  if (options.markdown) {
    fmt::print("{}", methods_markdown());
  } else if (options.json) {
    fmt::print("{}\n", dump_json(methods_json()));
  } else {
    fmt::print("{}", methods_table());
  }
  return 0;
}

void define(CommandLine& app) {
  app.add_flag("--markdown", options.markdown, "the whole docs/methods.md");
  app.add_flag("--json", options.json, "one JSON object");
  app.footer("Examples:\n  ropewalk methods\n  ropewalk methods --markdown > docs/methods.md");
}

const Register<Command> registered{{"methods", "every method: formula, parameters, source", define, run}};

}  // namespace
}  // namespace ropewalk
