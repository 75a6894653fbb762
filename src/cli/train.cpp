// SPDX-License-Identifier: Apache-2.0
/// ropewalk train: a model from a configuration and texts.
#include <filesystem>

#include "cli/command.h"
#include "cli/ranks.h"
#include "cli/train_demo.h"
#include "cli/train_run.h"
#include "mpi/launch.h"

namespace rw::cli::train {
namespace {

struct Options {
  std::string config;
  TrainRunOptions run;
  bool demo = false;
  int n_threads = 0;
} options;

int run() {
  if (options.demo == !options.config.empty())
    throw UsageError("ropewalk train", "CONFIG.toml, or --demo", options.demo ? "both" : "neither",
                     "docs/training.md has an example of a configuration");
  const std::shared_ptr<Context> context = make_context(options.n_threads);
  if (launched_as().several()) {
    if (options.demo) throw UsageError("mpirun", "a CONFIG.toml", "--demo", "the demo is of one process");
    options.run.ranks = command_ranks(*context);
  }
  if (options.demo) {
    if (options.run.out.empty()) options.run.out = "train-demo";
    return run_training_demo(options.run, context);
  }
  const TrainConfig config = read_train_config(options.config);
  require_use_of_pre(config.from.empty() ? config.tokenizer : config.from);
  if (options.run.out.empty()) options.run.out = std::filesystem::path(options.config).stem().string();
  require_same(*options.run.ranks, "settings", config.text);
  options.run.out = folder_of_first(*options.run.ranks, options.run.out);
  run_training(config, options.run, context);
  return 0;
}

void define(CommandLine& app) {
  app.add_option("CONFIG", options.config, "TOML file: sizes, texts, optimizer, stages");
  app.add_option("--out", options.run.out,
                 "folder for all that is written;\ndefault: CONFIG's name without .toml");
  app.add_flag("--resume", options.run.resume, "go on from the last checkpoint in it");
  app.add_option("--steps", options.run.steps, "stop behind this step, and write the model")
      ->check(in_range(1, 1 << 30));
  app.add_flag("--dry-run", options.run.dry_run, "read all, say what it takes, write nothing");
  app.add_flag("--profile", options.run.profile, "a table of time per operation");
  app.add_flag("--json", options.run.json, "one JSON object in place of the curve");
  app.add_option("-t,--threads", options.n_threads, "0: all cores; the same bits for any number")
      ->check(in_range(0, 1024));
  app.add_flag("--demo", options.demo,
               "train short, test long, from nothing, on texts\nthat come with the program");
  app.add_pre();
  app.never_with("--demo", {"--dry-run", "--json", "--pre"});
  app.footer(
      "Examples:\n"
      "  ropewalk train small.toml\n"
      "  ropewalk train small.toml --out run2 --steps 100 --profile\n"
      "  ropewalk train small.toml --out run2 --resume\n"
      "  mpirun -n 4 ropewalk train small.toml     # shares out batches: docs/scale.md\n"
      "  ropewalk train --demo\n"
      "docs/training.md lists every key of the configuration.");
}

const Register<Command> registered{
    {"train", "trains a model from a configuration and texts", define, run, true}};

}  // namespace
}  // namespace rw::cli::train
