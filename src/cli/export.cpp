// SPDX-License-Identifier: Apache-2.0
/// ropewalk export: the settings with which other engines run a method, without a run.
#include "methods/export.h"

#include "cli/auto_method.h"
#include "model/config.h"

namespace ropewalk::cli::export_ {
namespace {

struct Options {
  std::string model, method, length;
  bool json = false;
} options;

int run() {
  const Index length = parse_length(options.length);
  check_method(options.method);
  const ModelConfig config = read_config(*ModelFile::open(options.model));
  const MethodSpec spec = method_for(options.method, options.model, config, length).spec;
  const RopeContext context = config.rope_context(0, length);
  const std::string full = Method::bind(spec, context).text();
  const std::vector<PeerSetting> settings =
      peer_settings(MethodSpec::parse(full), context, config.architecture);
  if (options.json) {
    fmt::print("{}\n", dump_json({{"model", options.model},
                                  {"method", full},
                                  {"length", length},
                                  {"elsewhere", settings_json(settings)}}));
  } else {
    fmt::print("{}\nat {} tokens elsewhere:\n{}", full, length, settings_text(settings));
  }
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("--method", options.method, "method, such as yarn:factor=4")->required();
  app.add_option("--length", options.length, "tokens, such as 32k")->required();
  app.add_flag("--json", options.json, "one JSON object");
  app.footer(
      "llama.cpp, vLLM, SGLang and transformers, each with what it cannot express.\n"
      "Examples:\n"
      "  ropewalk export model.gguf --method yarn:factor=4 --length 32k\n"
      "  ropewalk export model.gguf --method ntk --length 16k --json");
}

const Register<Command> registered{{"export", "a method's settings for other engines", define, run}};

}  // namespace
}  // namespace ropewalk::cli::export_
