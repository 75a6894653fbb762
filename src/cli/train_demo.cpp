// SPDX-License-Identifier: Apache-2.0
#include "cli/train_demo.h"

#include <cstdio>
#include <filesystem>

#include "cli/command.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

/// 128 tokens, so that 16 times as many are 2,048. "persuasion" is the judge's: it stays out.
constexpr const char* kConfig = R"([model]
name = "train-demo"
tokenizer = "models/short-256.gguf"
d_model = 128
n_layers = 4
n_heads = 2
head_dim = 64
d_ff = 352
n_ctx = 128
start = "finding"

[[data.text]]
file = "data/northangerabbey.txt"
hold_out = 8000

[[data.text]]
file = "data/devil.txt"

[optimizer]
matrices = "muon"
decay_embeddings = false
warm_up = 20

[eval]
every = 50

[[stage]]
name = "text"
steps = 400
tokens = 4096
schedule = "wsd"
rate = [5e-3, 1e-4]
decay = 0.5
)";

}  // namespace

int run_training_demo(const TrainRunOptions& options, const std::shared_ptr<Context>& context) {
  const std::string model = model_of_our_own();
  const std::string root = fs::path(model).parent_path().parent_path().string();
  const std::string judged = (fs::path(root) / "data/persuasion.txt").string();
  if (model.empty() || !fs::exists(judged))
    throw Error(model.empty() ? "models/" : judged, "what comes with the source of the program", "nothing",
                "--demo runs from a checkout; an installed program trains with a configuration");
  run_training(parse_train_config(kConfig, "the demo's settings", root), options, context);
  const std::string trained = options.out + "/model.gguf";
  std::vector<std::string> words = {"ropewalk",    "eval",      trained,
                                    "--text",      judged,      "--methods",
                                    "none",        "pi",        "ntk",
                                    "yarn",        "rerope",    "self-extend:group=48,window=48",
                                    "lm-infinite", "--lengths", "128",
                                    "512",         "2k",        "--documents",
                                    "24",          "-t",        std::to_string(context->threads())};
  std::fflush(stdout);  // the curve stands before what eval says
  say("now judged on a book that it was not trained on, at up to 16 times its length:");
  std::vector<char*> arguments;
  arguments.reserve(words.size());
  for (std::string& word : words) arguments.push_back(word.data());
  return run_command_line(static_cast<int>(arguments.size()), arguments.data());
}

}  // namespace rw
