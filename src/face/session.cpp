// SPDX-License-Identifier: Apache-2.0
#include "ropewalk/session.h"

#include <algorithm>

#include "model/model.h"
#include "model/sampler.h"
#include "tokenizer/answer_text.h"

namespace ropewalk {

Session::Session(const Model& model, const SequenceOptions& options)
    : sequence_(model, options), engine_(model) {}
Session::Session(Sequence sequence) : sequence_(std::move(sequence)), engine_(sequence_.model()) {}

void Session::read(std::span<const Token> tokens, std::span<float> logits, const Progress& progress) {
  const auto n_vocab = static_cast<std::size_t>(model().n_vocab());
  if (logits.size() % n_vocab != 0)
    throw UsageError("logits", fmt::format("rows of {} numbers", n_vocab), fmt::format("{}", logits.size()),
                     "a row has a logit for each token of the vocabulary");
  const StepInput input{.sequence = &sequence_,
                        .tokens = tokens,
                        .n_rows = static_cast<Index>(logits.size() / n_vocab),
                        .logits = logits};
  engine_.step({&input, 1}, progress);
}

void Session::losses(std::span<const Token> tokens, std::span<double> losses, const Progress& progress) {
  if (tokens.empty() || losses.size() != tokens.size() - 1)
    throw UsageError("losses", "a token and more, and a loss for each but the first",
                     fmt::format("{} tokens, {} losses", tokens.size(), losses.size()),
                     "give room for one loss fewer than tokens");
  if (const Index room = sequence_.n() - position(); room < static_cast<Index>(tokens.size()))
    throw Error("session", fmt::format("{} tokens at most", room), fmt::format("{}", tokens.size()),
                "make it for a greater n");
  // The last token's row predicts nothing that is known: it is read behind the others.
  const StepInput scored{.sequence = &sequence_,
                         .tokens = tokens.first(tokens.size() - 1),
                         .n_rows = static_cast<Index>(losses.size()),
                         .targets = tokens.subspan(1),
                         .losses = losses};
  if (!losses.empty()) engine_.step({&scored, 1}, progress);
  const StepInput last{.sequence = &sequence_, .tokens = tokens.last(1)};
  engine_.step({&last, 1}, {});
}

struct Generation::State {
  Session& session;
  GenerateOptions options;
  std::vector<Token> ends;
  rw::Sampler sampler;
  rw::AnswerText text;
  std::vector<float> row = {};  // (n_vocab) logits, where they are drawn from
  Token next = rw::kNoToken;
  Index position = 0;  // of the session, as this left it
  std::vector<Token> written = {};
  std::string said = {}, reason = {};

  void read(std::span<const Token> tokens, bool by_model, const Progress& progress);
  void end(const char* why);
  void write();
};

/// Reads on, and finds the token to follow.
void Generation::State::read(std::span<const Token> tokens, bool by_model, const Progress& progress) {
  const bool plain = sampler.settings().plain();
  if (!plain) row.resize(static_cast<std::size_t>(session.model().n_vocab()));
  const StepInput input{.sequence = &session.sequence(),
                        .tokens = tokens,
                        .written = by_model,
                        .n_rows = 1,
                        .logits = row,
                        .likeliest = plain ? std::span(&next, 1) : std::span<Token>()};
  session.engine().step({&input, 1}, progress);
  if (!plain) next = sampler.next(row.data());
  position = session.position();
}

void Generation::State::end(const char* why) {
  reason = why;
  said += text.end();
}

namespace {

rw::SamplerSettings settings_of(const Sampling& s) {
  return {.temperature = s.temperature,
          .top_k = s.top_k,
          .top_p = s.top_p,
          .min_p = s.min_p,
          .repeat_penalty = s.repeat_penalty,
          .repeat_last_n = s.repeat_last_n,
          .presence_penalty = s.presence_penalty,
          .frequency_penalty = s.frequency_penalty,
          .seed = s.seed};
}

}  // namespace

Generation::Generation(Session& session, std::span<const Token> prompt, const GenerateOptions& options,
                       const Progress& progress) {
  const Index room = session.sequence().n() - session.position() - static_cast<Index>(prompt.size());
  if (prompt.empty())
    throw UsageError("prompt", "at least one token to write after", "none", "give a longer text");
  if (options.n_predict < 1 || options.n_predict > room)
    throw UsageError("n_predict",
                     fmt::format("1 to {}, the tokens that the session has room for behind its prompt",
                                 std::max<Index>(0, room)),
                     fmt::format("{}", options.n_predict), "make the session with a greater n");
  const rw::Model& inside = *session.model().inside();
  state_.reset(new State{.session = session,
                         .options = options,
                         .ends = options.ignore_end ? std::vector<Token>{} : session.model().end_tokens(),
                         .sampler = rw::Sampler(settings_of(options.sampling), inside.n_choices(), prompt),
                         .text = rw::AnswerText(options.stops)});
  state_->read(prompt, false, progress);
}

Generation::~Generation() = default;
Generation::Generation(Generation&&) noexcept = default;
Generation& Generation::operator=(Generation&&) noexcept = default;

std::optional<std::string> Generation::next() {
  if (!state_->reason.empty()) return std::nullopt;
  const std::size_t before = state_->said.size();
  state_->write();
  return state_->said.substr(before);
}

/// A token, and its piece of the text.
void Generation::State::write() {
  if (session.position() != position)
    throw UsageError("generation", fmt::format("a session at {} tokens, as it left it", position),
                     fmt::format("{}: something else was read, or forgotten", session.position()),
                     "an answer goes on to its end first; a fork of the session has one of its own");
  if (next == rw::kNoToken) {
    reason = "error";
    throw Error(session.model().path(), "logits that are numbers",
                fmt::format("NaN after {} tokens", session.position()),
                "try precision f32; else a weight of the file is not a number");
  }
  if (std::find(ends.begin(), ends.end(), next) != ends.end()) return end("stop");
  const Token token = next;
  written.push_back(token);
  said += text.add(session.model().detokenize({&token, 1}));
  if (text.stop()) return end("stop");
  if (static_cast<Index>(written.size()) == options.n_predict) return end("length");
  read({&token, 1}, true, {});
}

const std::vector<Token>& Generation::tokens() const { return state_->written; }
const std::string& Generation::text() const { return state_->said; }
const std::string& Generation::reason() const { return state_->reason; }

}  // namespace ropewalk
