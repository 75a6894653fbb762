// SPDX-License-Identifier: Apache-2.0
/// ropewalk export: the settings with which other engines run a method, without a run; with --to one engine's
/// command line, or the files that it reads.
#include "methods/export.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "cli/auto_method.h"
#include "cli/export_to.h"
#include "core/text.h"
#include "model/config.h"

namespace rw::cli::export_ {
namespace {

ExportOptions options;

bool can_any(const std::vector<PeerSetting>& settings) {
  return std::any_of(settings.begin(), settings.end(),
                     [](const PeerSetting& setting) { return !setting.setting.empty(); });
}

bool reads_gguf(const std::string& title) {
  return std::any_of(Registry<PeerEngine>::all().begin(), Registry<PeerEngine>::all().end(),
                     [&](const PeerEngine& engine) { return engine.title == title && engine.reads_gguf; });
}

/// One engine after another.
int print_all(const ExportAsked& asked) {
  const bool unreached = has_text_config(asked.source);
  const auto settings_of = [&](const MethodSpec& bound) {
    std::vector<PeerSetting> settings = peer_settings(bound, asked.context, asked.architecture);
    if (unreached)
      for (PeerSetting& one : settings)
        if (!one.setting.empty() && !reads_gguf(one.engine))
          one = {one.engine, "",
                 "the model's numbers stand in text_config, which a line's keys do not reach; --to hf writes "
                 "them there"};
    return settings;
  };
  const std::vector<PeerSetting> settings = settings_of(asked.bound);
  const std::vector<std::string> others =
      can_any(settings)
          ? std::vector<std::string>{}
          : expressible(asked, [&](const MethodSpec& bound) { return can_any(settings_of(bound)); });
  if (options.json) {
    Json result{{"model", options.model},
                {"method", asked.bound.text()},
                {"length", asked.context.n},
                {"elsewhere", settings_json(settings)}};
    if (!can_any(settings)) result["expressible"] = others;
    fmt::print("{}\n", dump_json(result));
    return 0;
  }
  fmt::print("{}\nat {} tokens elsewhere:\n{}", asked.bound.text(), asked.context.n, settings_text(settings));
  if (!can_any(settings))
    fmt::print("{}",
               wrapped(others.empty() ? "nor can they express another method here"
                                      : fmt::format("what they, or some of them, can express (--method): {}",
                                                    fmt::join(others, ", ")),
                       "  "));
  return 0;
}

int run() {
  const Index length = parse_length(options.length);
  check_method(options.method);
  std::optional<ExportTo> to;
  if (!options.to.empty()) to = find_export_target(options);
  const std::unique_ptr<ModelFile> file = ModelFile::open(options.model);
  const ModelConfig config = read_config(*file);
  const MethodSpec spec = method_for(options.method, options.model, config, length).spec;
  const RopeContext context = config.rope_context(config.acting_layer(), length);
  const MethodSpec bound = MethodSpec::parse(Method::bind(spec, context).text());
  const ExportAsked asked{*file, spec, bound, context, config.architecture};
  return to ? export_to(*to, asked, options) : print_all(asked);
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("--method", options.method, "method, such as yarn:factor=4")->required();
  app.add_option("--length", options.length, "tokens, such as 32k")->required();
  app.add_option("--to", options.to, "one of those below; else the settings of all");
  app.add_option("--out", options.out, "what --to writes: a file or a folder of that name");
  app.add_flag("--json", options.json, "one JSON object");
  app.only_with("--to", {"--out"});
  app.footer("Other engines, each with what it cannot express. --to takes one of\n" + export_targets_help() +
             "Weights are copied as they are; what is there by the name of --out stays, but\n"
             "for what export wrote.\n"
             "Examples:\n"
             "  ropewalk export model.gguf --method yarn:factor=4 --length 32k\n"
             "  ropewalk export model.gguf --method ntk --length 16k --json\n"
             "  ropewalk export model.gguf --method yarn --length 32k --to gguf --out 32k.gguf\n"
             "  ropewalk export model.gguf --method pi --length 16k --to ollama --out longer\n"
             "  ropewalk export folder --method llama3 --length 32k --to hf --out folder-32k\n"
             "  ropewalk export folder --method yarn:factor=4 --length 32k --to vllm");
}

const Register<Command> registered{{"export", "a method's settings for other engines", define, run}};

}  // namespace
}  // namespace rw::cli::export_
