// SPDX-License-Identifier: Apache-2.0
/// ropewalk logits: the cross-check with other engines.
#include <optional>
#include <sstream>

#include "cli/auto_method.h"
#include "cli/npy.h"
#include "cli/ranks.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tell.h"
#include "core/text_file.h"
#include "model/cost.h"

namespace rw::cli::logits {
namespace {

struct Options {
  std::string model, tokens, method = "none", out;
  bool last = false, nll = false, json = false;
  int n_threads = 0;
  Index chunk = kDefaultChunk;
  BackendOptions backend;
} options;

std::vector<Token> read_tokens(const std::string& path, Index n_vocab) {
  std::istringstream in(std::string(without_byte_order_mark(read_bytes(path))));
  std::vector<Token> tokens;
  std::string word;
  while (in >> word) {
    std::size_t used = 0;
    long long id = -1;
    try {
      id = std::stoll(word, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used != word.size() || id < 0 || id >= n_vocab)
      throw Error(path, fmt::format("token ids from 0 to {}, separated by spaces", n_vocab - 1),
                  "'" + word.substr(0, 40) + "'", "ropewalk tokenize MODEL --ids FILE makes them");
    tokens.push_back(static_cast<Token>(id));
  }
  if (tokens.empty())
    throw Error(path, "at least one token id", "none", "ropewalk tokenize MODEL --ids FILE makes them");
  return tokens;
}

/// The likeliest tokens to follow, of all rows of the model.
struct Top {
  std::vector<Token> ids;
  std::vector<float> logits;

  void find(const Backend& backend, const float* row, Index n_vocab) {
    const Index k = std::min<Index>(5, n_vocab);
    ids.resize(static_cast<std::size_t>(k)), logits.resize(ids.size());
    backend.top_k(row, 1, n_vocab, n_vocab, k, ids.data(), logits.data());
  }
  void print() const {
    if (ids.front() == kNoToken)
      throw Error(options.model, "logits that are numbers", "NaN",
                  "try --precision f32; else a weight of the file is not a number");
    Json last = Json::array();
    for (std::size_t i = 0; i < ids.size(); ++i) last.push_back({ids[i], logits[i]});
    fmt::print("{}\n", dump_json({{"last", last}}));
  }
};

int run() {
  const std::shared_ptr<Ranks> ranks = ranks_of(options.backend);
  const std::shared_ptr<const Backend> backend =
      options.backend.make(make_context(options.n_threads));  // before the load
  check_method(options.method);
  require_outputs_apart({options.out}, {options.model, options.tokens});
  require_own(options.out, "a matrix of float32 (.npy)", is_npy);
  const auto loaded = Model::open(options.model, backend);
  const Model& model = *loaded;
  if (options.nll && model.config().encoder)
    throw Error(options.model, "a decoder, whose rows are of the next token", "an encoder",
                "fill is for that");
  const Index n_vocab = model.config().n_vocab;
  const std::vector<Token> tokens = read_tokens(options.tokens, n_vocab);
  const auto n = static_cast<Index>(tokens.size());
  const MethodSpec spec = method_for(options.method, options.model, model.config(), n).spec;
  require_same_text(*ranks, model, tokens, spec);
  const double start = now_seconds();
  Session session(model, spec, {.n = n, .n_prompt = n, .chunk = options.chunk});
  const Index begin = options.nll || (!options.last && !options.out.empty()) ? 0 : n - 1;
  std::optional<NpyWriter> writer;
  if (!options.out.empty() && ranks->first()) writer.emplace(options.out, options.last ? 1 : n, n_vocab);
  Top top;
  Json nll = Json::array();
  Progress progress("reading", cost_of(model.config(), n));
  const auto reading = [&](Index n_done) { progress.update(cost_of(model.config(), n_done)); };
  session.run(
      tokens, begin, n,
      [&](Index first, Index n_rows, const float* logits) {
        for (Index r = 0; r < n_rows; ++r) {
          const float* row = logits + r * n_vocab;
          const Index position = first + r;
          if (options.nll && position + 1 < n)
            nll.push_back(losses_of(model.backend(), row, n_vocab,
                                    std::span(tokens).subspan(static_cast<std::size_t>(position + 1), 1))[0]);
          if (writer && (!options.last || position == n - 1)) writer->write(row, n_vocab);
          if (position == n - 1) top.find(model.backend(), row, n_vocab);
        }
      },
      reading);
  if (writer) writer->finish();
  if (options.nll) {
    fmt::print("{}\n", dump_json({{"nll", nll}}));
  } else {
    top.print();
  }
  tell("{}: {}, {}; cache {} MiB\n", session.method().text(), model.backend().name(),
       speed_line("read", n, now_seconds() - start), session.cache_bytes() >> 20);
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("--tokens", options.tokens, "file of token ids, - for stdin; no BOS is added")->required();
  app.add_option("--method", options.method, "method, such as yarn:factor=4+logn")->capture_default_str();
  options.backend.define(app);
  options.backend.define_context_parallel(app);
  app.add_flag("--last", options.last, "--out: only the last row");
  app.add_flag("--nll", options.nll, "print {\"nll\": [...]}, nats per next token");
  app.add_option("--out", options.out, "float32 .npy [n, n_vocab]; [1, n_vocab] if --last");
  app.add_option("--chunk", options.chunk, "tokens per step; does not change results")
      ->check(in_range(1, 65536))
      ->capture_default_str();
  app.only_with("--out", {"--last"});
  app.add_flag("--json", options.json, "output is JSON in any case");
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.footer(
      "Example:\n"
      "  ropewalk tokenize model.gguf --ids book.txt > ids\n"
      "  ropewalk logits model.gguf --tokens ids --method yarn:factor=4 --nll\n"
      "  mpirun -n 4 ropewalk logits model.gguf --tokens ids --context-parallel");
}

const Register<Command> registered{{"logits", "logits and losses of given token ids", define, run, true}};

}  // namespace
}  // namespace rw::cli::logits
