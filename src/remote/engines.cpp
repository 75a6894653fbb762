// SPDX-License-Identifier: Apache-2.0
#include "remote/engines.h"

#include <algorithm>
#include <array>

#include "core/hash.h"
#include "core/text.h"
#include "judge/task.h"
#include "remote/writing.h"

namespace rw::remote {
namespace {

/// Tokens that the same message may have more, cut into tokens where another text stands around it; and that
/// a template may put there, of a server that does not count.
constexpr Index kJoints = 8, kRoomOfTemplate = 128;
/// A message as a chat model is sent it. The begin of the answer, which tasks put behind a turn, ends it.
constexpr const char* kMessageAlone = "{{ messages[0]['content'] }}{{ '\\n' }}";
constexpr const char* kSample = "The pass key is 71432; she said: \"It isn't far.\"\nWhere?";

}  // namespace

/// One server, and what it can do.
struct Engines::One {
  One(Url url, const ServerOptions& options) : server(std::move(url), options) {
    most = positive_of(server.about(), "max_model_len");                                    // vLLM, SGLang
    if (most == 0) most = positive_of(server.about().value("meta", JsonInput()), "n_ctx");  // llama.cpp
  }
  Server server;
  Index most = 0;    // tokens, read and written; 0: it does not say
  Index around = 0;  // tokens that its chat template puts around a message; of chat
  Writing writing;
  const ScoringForm* scoring = nullptr;
};

namespace {

/// By method: how it is asked questions, and texts.
using Resolved = std::map<std::string, std::array<std::string, 2>>;

class EngineFacts : public MethodFacts {
 public:
  explicit EngineFacts(Resolved resolved) : resolved_(std::move(resolved)) {}
  const std::string& resolved(const std::string& spec, Index, Unit unit) override {
    return resolved_.at(spec)[unit == Unit::kQuestion ? 0 : 1];
  }
  const std::string& fingerprint(const std::string& spec, Index length, Unit unit) override {
    return resolved(spec, length, unit);
  }
  std::size_t bytes(const std::string&, Index, Index) override { return 0; }

 private:
  Resolved resolved_;
};

/// Tokens of the sample with the server's template; 0: it does not say. Errors: Error for a server that has
/// no chat.
Index n_read_in_chat(const Server& server) {
  try {
    return chat_answer(server, kSample, 1).n_prompt;
  } catch (const Refused& refused) {
    if (!refused.cannot()) throw;
    throw Error(refused.place(), "a server that answers chat messages", refused.found(),
                "without --chat questions are asked as text");
  }
}

}  // namespace

Engines::Engines(const std::vector<EngineAddress>& addresses, const EnginesOptions& options)
    : tokenizer_(options.tokenizer), chat_(options.chat) {
  for (const EngineAddress& address : addresses) {
    const std::string name = address.name == "plain" ? kPlain : address.name;
    ServerOptions server = options.server;
    if (!address.model.empty()) server.model = address.model;
    const std::string taken[] = {kTruncated, kShort, kOwnShort, "", "all", "auto"};
    if (std::find(std::begin(taken), std::end(taken), name) != std::end(taken) ||
        !engines_.emplace(name, std::make_unique<One>(address.url, server)).second)
      throw UsageError("--engine", "a name of its own for each", "'" + address.name + "'",
                       "one of them is plain; all, auto and the baselines' names mean something else");
    require_another(name);
    if (name != kPlain) names_.push_back(name);
  }
  if (!engines_.contains(kPlain))
    throw UsageError("--engine", "one called plain: what the others are held against", "none",
                     "--engine plain=URL is the same model without what is judged");
  const One& plain = one(kPlain);
  if (!tokenizer_) tokenizer_ = std::make_shared<RemoteTokenizer>(plain.server);
  if (chat_) tokenizer_->chat_template = kMessageAlone, tokenizer_->chat_template_problem.clear();
  require_one_tokenizer();
  find_writing();
  const JsonInput meta = plain.server.about().value("meta", JsonInput());
  n_ctx_train_ = options.n_ctx_train > 0 ? options.n_ctx_train : positive_of(meta, "n_ctx_train");
  if (n_ctx_train_ == 0)
    throw Error(plain.server.url().text(), "a server that says what length its model was trained on", "none",
                "--trained N says it: what max_position_embeddings was in training");
}

Engines::~Engines() = default;

const Engines::One& Engines::one(const std::string& method) const {
  const auto found = engines_.find(method);
  RW_CHECK(found != engines_.end());
  return *found->second;
}

/// Two names of one engine would be two methods that are equal.
void Engines::require_another(const std::string& name) const {
  const Server& own = one(name).server;
  for (const auto& [other, engine] : engines_)
    if (other != name && engine->server.url().text() == own.url().text() &&
        engine->server.model() == own.model())
      throw UsageError("--engine", "an engine for each name",
                       fmt::format("{} and {}: {} at {}", other, name, own.model(), own.url().text()),
                       "is a port mistyped? --served-model NAME=MODEL asks another model of one server");
}

/// The same text is the same ids everywhere: else the servers have not one model.
void Engines::require_one_tokenizer() const {
  const std::vector<Token> wanted = tokenizer_->encode(kSample);
  for (const auto& [name, engine] : engines_)
    for (const CountingForm& form : kCountingForms) {
      std::vector<Token> own;
      try {
        own = form.encode(engine->server, kSample, false, false);
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

void Engines::find_writing() {
  const std::vector<Token> sample = tokenizer_->encode(kSample);
  for (auto& [name, engine] : engines_) {
    if (!chat_) {
      engine->writing = writing_of(engine->server, sample, kSample);
      continue;
    }
    const Server::Trial trial(engine->server);
    // Its template's tokens are not ours to count, and need room; the server cuts a message anew.
    const Index n_read = n_read_in_chat(engine->server);
    engine->around = kJoints + (n_read > 0 ? std::max<Index>(0, n_read - static_cast<Index>(sample.size()))
                                           : kRoomOfTemplate);
  }
}

void Engines::find_scoring(bool required) {
  const std::vector<Token> sample = tokenizer_->encode(kSample);
  for (auto& [name, engine] : engines_) {
    losses_asked_ = true;
    if (chat_) engine->writing = writing_of(engine->server, sample, kSample);
    const Server::Trial trial(engine->server);
    One& asked = *engine;
    std::string why;
    for (const ScoringForm* form : scoring_forms()) {
      const std::optional<Error> problem =
          why_not([&] { form->ask(asked.server, prompt_of(asked, sample, 2), 2); });
      if (!problem) {
        asked.scoring = form;
        break;
      }
      why += (why.empty() ? "" : "; ") + form->name + ": " + problem->found();
    }
    if (!engine->scoring && required)
      throw Error(engine->server.url().text(), "a server that tells the losses of a prompt", why,
                  "take tasks that write: --tasks passkey needle variable-tracking continuation");
  }
}

std::string Engines::how_texts(const One& one) const {
  std::string text = one.writing.as_text ? "prompts as text" : "prompts as ids";
  if (one.scoring) text += ", losses by " + one.scoring->name;
  return text + (losses_asked_ && !one.scoring ? ", it tells no losses" : "");
}

std::vector<std::string> Engines::describe() const {
  std::vector<std::string> lines;
  for (const auto& [name, engine] : engines_)
    lines.push_back(fmt::format("{}: {} at {}, {}, {}", name == kPlain ? "plain (\"none\" in tables)" : name,
                                printable(engine->server.model()), engine->server.url().text(),
                                engine->most > 0 ? fmt::format("up to {}", counted(engine->most, "token"))
                                                 : "it says no greatest length",
                                how_texts(*engine) + (chat_ ? ", questions by chat" : "")));
  return lines;
}

RunInfo Engines::run_info(const std::string& version, int n_at_once) const {
  RunInfo info;
  info.version = version, info.model = printable(one(kPlain).server.model());
  info.model_id =
      sha256("served|" + one(kPlain).server.model() + "|" + tokenizer_->kind() + (chat_ ? "|chat" : ""));
  info.precision = info.kv = info.isa = kOfServer;
  info.n_ctx_train = n_ctx_train_, info.threads = n_at_once;
  info.n_vocab = tokenizer_->n_vocab();
  return info;
}

Index Engines::most(const std::string& method, Unit unit) const {
  const One& asked = one(method);
  if (asked.most == 0) return kForever;
  return unit == Unit::kQuestion ? std::max<Index>(1, asked.most - asked.around) : asked.most;
}

/// How it is asked is a part of what its measurements are, and of the store's keys.
std::unique_ptr<MethodFacts> Engines::facts() const {
  Resolved resolved;
  for (const auto& [name, engine] : engines_) {
    const std::string who =
        fmt::format("{} at {}, ", printable(engine->server.model()), engine->server.url().text());
    const std::string question = chat_                     ? "messages"
                                 : engine->writing.as_text ? "prompts as text"
                                                           : "prompts as ids";
    resolved[name] = {who + question, who + how_texts(*engine)};
  }
  return std::make_unique<EngineFacts>(std::move(resolved));
}

Prompt Engines::prompt_of(const One& one, std::span<const Token> tokens, Index n_end) const {
  Prompt prompt{.tokens = tokens};
  if (!one.writing.as_text) return prompt;
  prompt.as_text = true, prompt.text = text_of(tokens);
  if (!is_whole(prompt.text))
    throw Error(one.server.url().text(), "prompts of whole characters, as it takes text alone",
                "one that begins or ends inside a character",
                "a server that takes ids (vLLM, SGLang, llama.cpp's own, ropewalk), or a text of ASCII");
  const auto end = tokens.last(static_cast<std::size_t>(n_end));
  prompt.end = tokenizer_->decode(std::vector<Token>(end.begin(), end.end()), true);
  return prompt;
}

/// Without what begins a text: that is the server's to add.
std::string Engines::text_of(std::span<const Token> tokens) const {
  const std::vector<Token> begin = tokenizer_->text_begin();
  const bool begun = tokens.size() >= begin.size() && std::equal(begin.begin(), begin.end(), tokens.begin());
  return tokenizer_->decode(
      std::vector<Token>(tokens.begin() + (begun ? static_cast<std::ptrdiff_t>(begin.size()) : 0),
                         tokens.end()),
      true);
}

Scored Engines::score(const One& one, std::span<const Token> tokens, Index n) const {
  RW_CHECK(one.scoring != nullptr && n > 0 && n < static_cast<Index>(tokens.size()));
  return one.scoring->ask(one.server, prompt_of(one, tokens, n), static_cast<std::size_t>(n));
}

std::vector<double> Engines::losses(const MethodSpec& spec, std::span<const Token> tokens, Index begin,
                                    Index end, const TokensDone& done, Index) const {
  Scored scored =
      score(one(spec.parts.at(0).name), tokens.first(static_cast<std::size_t>(end + 1)), end - begin);
  if (done) done(static_cast<Index>(tokens.size()));
  return std::move(scored.losses);
}

/// A question.
Written Engines::write(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> prompt,
                       Index n_predict, Index, const TokensDone& done) const {
  const One& engine = one(spec.parts.at(0).name);
  Written written =
      chat_ ? written_of(chat_answer(engine.server, text_of(prompt), n_predict).text, tokenizer, n_predict)
            : completed(engine.server, engine.writing, prompt_of(engine, prompt, 0), tokenizer, n_predict);
  if (done) done(static_cast<Index>(prompt.size()));
  return written;
}

/// A text, which is no message, whatever questions are asked by.
Continued Engines::go_on(const MethodSpec& spec, const Tokenizer& tokenizer, std::span<const Token> context,
                         std::span<const Token> truth, const TokensDone& done) const {
  const One& engine = one(spec.parts.at(0).name);
  const auto n = static_cast<Index>(truth.size());
  Continued all{
      .written = completed(engine.server, engine.writing, prompt_of(engine, context, 0), tokenizer, n),
      .losses = {},
      .likeliest = {}};
  std::vector<Token> whole(context.begin(), context.end());
  whole.insert(whole.end(), truth.begin(), truth.end());
  if (engine.scoring) {
    Scored scored = score(engine, whole, n);
    all.losses = std::move(scored.losses), all.likeliest = std::move(scored.likeliest);
  }
  if (done) done(static_cast<Index>(whole.size()));
  return all;
}

}  // namespace rw::remote
