// SPDX-License-Identifier: Apache-2.0
/// ropewalk methods: every method with formula, parameters, source.
#include "cli/command.h"
#include "core/json.h"
#include "methods/describe.h"

namespace rw::cli::methods {
namespace {

struct Options {
  std::string name;
  bool markdown = false, json = false;
} options;

int run() {
  if (options.markdown) {
    fmt::print("{}", methods_markdown());
  } else if (options.json) {
    Json json = methods_json();
    if (!options.name.empty()) {
      const std::string& name = Registry<MethodInfo>::get(options.name, "method").name;
      const Json all = std::exchange(json, Json::object());
      for (const Json& method : all.at("methods"))
        if (method.at("name") == name) json = method;
    }
    fmt::print("{}\n", dump_json(json));
  } else if (!options.name.empty()) {
    fmt::print("{}", method_text(options.name));
  } else {
    fmt::print("{}", methods_table());
  }
  return 0;
}

void define(CommandLine& app) {
  app.add_option("NAME", options.name, "one method: its formula, parameters, source");
  app.add_flag("--markdown", options.markdown, "the whole docs/methods.md");
  app.add_flag("--json", options.json, "one JSON object");
  app.never_with("--markdown", {"NAME", "--json"});
  app.footer(
      "Examples:\n  ropewalk methods\n  ropewalk methods yarn\n  ropewalk methods --markdown > "
      "docs/methods.md");
}

const Register<Command> registered{{"methods", "every method; NAME: its formula and source", define, run}};

}  // namespace
}  // namespace rw::cli::methods
