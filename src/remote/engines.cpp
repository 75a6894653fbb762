// SPDX-License-Identifier: Apache-2.0
#include "remote/engines.h"

#include <algorithm>

#include "core/hash.h"
#include "core/text.h"

namespace rw::remote {
namespace {

constexpr const char* kSample = "The pass key is 71432; she said: \"It isn't far.\"\nWhere?";

/// A whole number of a server's answer that is positive; 0: none.
Index positive(const JsonInput& object, const char* name) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_number_unsigned()) return 0;
  return static_cast<Index>(std::min<std::uint64_t>(object[name].get<std::uint64_t>(), 1u << 30));
}

}  // namespace

/// One server, and what it can do.
struct Engines::One {
  One(Url url, const ServerOptions& options) : server(std::move(url), options) {
    most = positive(server.about(), "max_model_len");
  }
  Server server;
  Index most = 0;        // tokens, read and written; 0: it does not say
  bool as_text = false;  // it takes no ids
  const ScoringForm* scoring = nullptr;
};

namespace {

class EngineFacts : public MethodFacts {
 public:
  explicit EngineFacts(std::map<std::string, std::string> resolved) : resolved_(std::move(resolved)) {}
  const std::string& resolved(const std::string& spec, Index) override { return resolved_.at(spec); }
  const std::string& fingerprint(const std::string& spec, Index) override { return resolved_.at(spec); }
  std::size_t bytes(const std::string&, Index, Index) override { return 0; }

 private:
  std::map<std::string, std::string> resolved_;
};

/// Errors: Error for a server that takes neither ids nor text.
bool takes_text_only(Server& server, std::span<const Token> sample) {
  try {
    const Server::Once once(server);
    server.ask("/completions", {{"prompt", sample}, {"max_tokens", 1}, {"temperature", 0}});
    return false;
  } catch (const Refused& refused) {
    if (refused.status() == 401 || refused.status() == 403) throw;
  }
  server.ask("/completions", {{"prompt", kSample}, {"max_tokens", 1}, {"temperature", 0}});
  return true;
}

}  // namespace

Engines::Engines(const std::vector<EngineAddress>& addresses, const EnginesOptions& options)
    : tokenizer_(options.tokenizer) {
  for (const EngineAddress& address : addresses) {
    const std::string name = address.name == "plain" ? kPlain : address.name;
    if (name == kTruncated || name == kShort || name == kOwnShort || name.empty() ||
        !engines_.emplace(name, std::make_unique<One>(address.url, options.server)).second)
      throw UsageError("--engine", "a name of its own for each", "'" + name + "'");
    if (name != kPlain) names_.push_back(name);
  }
  if (!engines_.contains(kPlain))
    throw UsageError("--engine", "one called plain: what the others are held against", "none",
                     "--engine plain=URL is the same model without what is judged");
  const One& plain = one(kPlain);
  if (!tokenizer_) tokenizer_ = std::make_shared<RemoteTokenizer>(plain.server);
  require_one_tokenizer();
  const std::vector<Token> sample = tokenizer_->encode(kSample);
  for (auto& [name, engine] : engines_) engine->as_text = takes_text_only(engine->server, sample);
  const JsonInput meta = plain.server.about().value("meta", JsonInput());
  n_ctx_train_ = options.n_ctx_train > 0 ? options.n_ctx_train : positive(meta, "n_ctx_train");
  // One token is written where losses are asked for.
  if (n_ctx_train_ == 0 && plain.most > 1) n_ctx_train_ = plain.most - 1;
  if (n_ctx_train_ == 0)
    throw Error(plain.server.url().text(), "a server that says what length its model was trained on", "none",
                "--trained N says it");
}

Engines::~Engines() = default;

const Engines::One& Engines::one(const std::string& method) const {
  const auto found = engines_.find(method);
  RW_CHECK(found != engines_.end());
  return *found->second;
}

/// The same text is the same ids everywhere: else the servers have not one model.
void Engines::require_one_tokenizer() const {
  const std::vector<Token> wanted = tokenizer_->encode(kSample);
  for (const auto& [name, engine] : engines_)
    for (const CountingForm& form : kCountingForms) {
      std::vector<Token> own;
      try {
        own = form.encode(engine->server, kSample, false);
      } catch (const Error&) {
        continue;  // another form, or none
      }
      if (own.empty()) continue;
      if (own != wanted)
        throw Error(engine->server.url().text(), "ids as " + tokenizer_->kind() + " has them",
                    fmt::format("other ids of the same {} bytes", std::string_view(kSample).size()),
                    "methods are compared on one model");
      break;
    }
}

void Engines::find_scoring() {
  const std::vector<Token> sample = tokenizer_->encode(kSample);
  for (auto& [name, engine] : engines_) {
    const Server::Once once(engine->server);
    std::string why;
    for (const ScoringForm* form : scoring_forms()) {
      try {
        form->ask(engine->server, prompt_of(*engine, sample), 2);
        engine->scoring = form;
        break;
      } catch (const NoAnswer&) {
        throw;
      } catch (const Error& error) {
        why += (why.empty() ? "" : "; ") + form->name + ": " + error.found();
      }
    }
    if (!engine->scoring)
      throw Error(engine->server.url().text(), "a server that tells the losses of a prompt", why,
                  "take tasks that only write: --tasks passkey needle variable-tracking");
  }
}

std::vector<std::string> Engines::describe() const {
  std::vector<std::string> lines;
  for (const auto& [name, engine] : engines_)
    lines.push_back(fmt::format("{}: {} at {}, {}{}{}", name == kPlain ? "plain" : name,
                                printable(engine->server.model()), engine->server.url().text(),
                                engine->most > 0 ? fmt::format("up to {}", counted(engine->most, "token"))
                                                 : "it says no greatest length",
                                engine->as_text ? ", prompts as text" : "",
                                engine->scoring ? ", losses by " + engine->scoring->name : ""));
  return lines;
}

RunInfo Engines::run_info(const std::string& version, int n_at_once) const {
  RunInfo info;
  info.version = version, info.model = printable(one(kPlain).server.model());
  info.model_id = sha256("served|" + one(kPlain).server.model() + "|" + tokenizer_->kind());
  info.precision = info.kv = info.isa = "of the server";
  info.n_ctx_train = n_ctx_train_, info.threads = n_at_once;
  info.n_vocab = tokenizer_->n_vocab();
  return info;
}

Index Engines::most(const std::string& method) const {
  const Index most = one(method).most;
  return most > 0 ? most : kForever;
}

std::unique_ptr<MethodFacts> Engines::facts() const {
  std::map<std::string, std::string> resolved;
  for (const auto& [name, engine] : engines_)
    resolved[name] = fmt::format("{} at {}", engine->server.model(), engine->server.url().text());
  return std::make_unique<EngineFacts>(std::move(resolved));
}

Prompt Engines::prompt_of(const One& one, std::span<const Token> tokens) const {
  Prompt prompt{.tokens = tokens};
  if (!one.as_text) return prompt;
  prompt.as_text = true;
  // What begins a text is the server's to add.
  const std::vector<Token> begin = tokenizer_->text_begin();
  const bool begun = tokens.size() >= begin.size() && std::equal(begin.begin(), begin.end(), tokens.begin());
  for (const Token token : tokens) prompt.pieces.push_back(tokenizer_->decode(token, true));
  for (std::size_t t = begun ? begin.size() : 0; t < prompt.pieces.size(); ++t)
    prompt.text += prompt.pieces[t];
  return prompt;
}

Scored Engines::score(const One& one, std::span<const Token> tokens, Index n) const {
  RW_CHECK(one.scoring != nullptr && n > 0 && n < static_cast<Index>(tokens.size()));
  return one.scoring->ask(one.server, prompt_of(one, tokens), static_cast<std::size_t>(n));
}

std::vector<double> Engines::losses(const MethodSpec& spec, std::span<const Token> tokens, Index begin,
                                    Index end, const TokensDone& done, Index) const {
  Scored scored =
      score(one(spec.parts.at(0).name), tokens.first(static_cast<std::size_t>(end + 1)), end - begin);
  if (done) done(static_cast<Index>(tokens.size()));
  return std::move(scored.losses);
}

Written Engines::write(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> prompt,
                       Index n_predict, Index, const TokensDone& done) const {
  const One& engine = one(spec.parts.at(0).name);
  const JsonInput answer = engine.server.ask(
      "/completions",
      {{"prompt", prompt_of(engine, prompt).json()}, {"max_tokens", n_predict}, {"temperature", 0}});
  Written written;
  written.text = read_text_of(choice_of(answer, "/completions"), "text", "/completions");
  written.tokens = tokenizer.encode_inside(written.text);
  if (static_cast<Index>(written.tokens.size()) > n_predict)
    written.tokens.resize(static_cast<std::size_t>(n_predict));
  if (done) done(static_cast<Index>(prompt.size()));
  return written;
}

Continued Engines::go_on(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> context,
                         std::span<const Token> truth, const TokensDone& done) const {
  const auto n = static_cast<Index>(truth.size());
  Continued all{.written = write(spec, tokenizer, context, n, 0, {}), .losses = {}, .likeliest = {}};
  std::vector<Token> whole(context.begin(), context.end());
  whole.insert(whole.end(), truth.begin(), truth.end());
  Scored scored = score(one(spec.parts.at(0).name), whole, n);
  all.losses = std::move(scored.losses), all.likeliest = std::move(scored.likeliest);
  if (done) done(static_cast<Index>(whole.size()));
  return all;
}

}  // namespace rw::remote
