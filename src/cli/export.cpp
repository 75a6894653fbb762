// SPDX-License-Identifier: Apache-2.0
/// ropewalk export: the settings with which other engines run a method, without a run.
#include "methods/export.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "cli/auto_method.h"
#include "core/text.h"
#include "model/config.h"

namespace ropewalk::cli::export_ {
namespace {

bool can_any(const std::vector<PeerSetting>& settings) {
  return std::any_of(settings.begin(), settings.end(),
                     [](const PeerSetting& setting) { return !setting.setting.empty(); });
}

struct Options {
  std::string model, method, length;
  bool json = false;
} options;

/// Methods that some engine can express at this length, where none can express the one that was asked for.
std::vector<std::string> expressible(const RopeContext& context, const std::string& architecture) {
  std::vector<std::string> names;
  for (const MethodInfo& info : Registry<MethodInfo>::all()) try {
      const std::string full = Method::bind(MethodSpec::parse(info.name), context).text();
      const std::vector<PeerSetting> settings = peer_settings(MethodSpec::parse(full), context, architecture);
      if (info.name != "none" && can_any(settings)) names.push_back(info.name);
    } catch (const UsageError&) {  // it needs a value
    }
  return names;
}

int run() {
  const Index length = parse_length(options.length);
  check_method(options.method);
  const ModelConfig config = read_config(*ModelFile::open(options.model));
  const MethodSpec spec = method_for(options.method, options.model, config, length).spec;
  const RopeContext context = config.rope_context(config.acting_layer(), length);
  const std::string full = Method::bind(spec, context).text();
  const std::vector<PeerSetting> settings =
      peer_settings(MethodSpec::parse(full), context, config.architecture);
  const std::vector<std::string> others =
      can_any(settings) ? std::vector<std::string>{} : expressible(context, config.architecture);
  if (options.json) {
    Json result{{"model", options.model},
                {"method", full},
                {"length", length},
                {"elsewhere", settings_json(settings)}};
    if (!can_any(settings)) result["expressible"] = others;
    fmt::print("{}\n", dump_json(result));
    return 0;
  }
  fmt::print("{}\nat {} tokens elsewhere:\n{}", full, length, settings_text(settings));
  if (!can_any(settings))
    fmt::print("{}",
               wrapped(others.empty() ? "nor can they express another method here"
                                      : fmt::format("what they, or some of them, can express (--method): {}",
                                                    fmt::join(others, ", ")),
                       "  "));
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
