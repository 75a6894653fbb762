// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_session.h"

#include <algorithm>

#include "cli/auto_method.h"
#include "cli/fitting_length.h"
#include "core/progress.h"
#include "core/text.h"
#include "model/cost.h"
#include "model/writing.h"
#include "tokenizer/answer_text.h"

namespace ropewalk {

ChatSession::ChatSession(std::shared_ptr<const Model> model, std::string model_path,
                         ChatSessionSettings settings)
    : model_(std::move(model)), model_path_(std::move(model_path)), settings_(std::move(settings)) {
  check_method(settings_.method);
  if (!has_chat_template(model_->tokenizer(), settings_.chat))
    throw Error(model_path_, "a model with a chat template", "none in its files",
                "ropewalk generate writes on in a text");
}

void ChatSession::attach(const std::string& name, std::string text) {
  attached_ += fmt::format("File: {}\n\n{}\n\n", printable(name), text);
  documents_ += (documents_.empty() ? "" : "\n\n") + std::move(text);
}

void ChatSession::set_method(const std::string& method) {
  check_method(method);
  settings_.method = method;
  forget();
}

void ChatSession::set_length(Index length) {
  settings_.length = length;
  forget();
}

void ChatSession::set_messages(std::vector<Message> messages) {
  messages_ = std::move(messages);
  attached_.clear(), documents_.clear();
}

Index ChatSession::position() const { return session_ ? session_->position() : 0; }
const MethodSpec* ChatSession::spec() const { return session_ ? &session_->sequence().spec() : nullptr; }

/// The trained length; past it half as much again as is needed now, so that it is not read again soon.
Index ChatSession::length_for(Index n) const {
  if (settings_.length > 0) {
    if (n > settings_.length)
      throw Error("/length", fmt::format("room for {}, the answer included", counted(n, "token")),
                  fmt::format("{}", settings_.length), "give a greater one, or begin anew with /clear");
    return settings_.length;
  }
  const Index trained = model_->config().n_ctx_train;
  return n <= trained ? trained : std::min(n + n / 2, kMostTokens);
}

/// A session that stands behind what `prompt` has in common with what was read.
void ChatSession::make_ready(const std::vector<Token>& prompt) {
  const Index n = static_cast<Index>(prompt.size()) + settings_.n_predict;
  if (!session_ || n > bound_) {
    const Index length = length_for(n);
    const AutoChoice choice = method_for(settings_.method, model_path_, model_->config(), length);
    const FittingLength fitting(*model_, model_path_, settings_.method);
    fitting.say_unproven(n);
    fitting.require(choice.spec, length);
    if (session_)
      say(fmt::format("the conversation is read again, once: bound to {} now, method {}",
                      counted(length, "token"), choice.spec.text()));
    forget();
    // Nothing is forgotten that a window has passed: each answer goes back to where the last one began.
    session_.emplace(
        *model_, choice.spec,
        SessionOptions{.n = length, .n_prompt = length, .chunk = settings_.chunk, .rewind_to = 0});
    bound_ = length;
  }
  const auto same =
      std::mismatch(read_.begin(), read_.end(), prompt.begin(), prompt.end()).first - read_.begin();
  const Index common = std::min<Index>(same, static_cast<Index>(prompt.size()) - 1);
  session_->rewind(common);
  read_.resize(static_cast<std::size_t>(common));
}

ChatReply ChatSession::ask(const std::string& text, const std::atomic<bool>& interrupted,
                           const std::function<void(const std::string&)>& show) {
  std::vector<Message> said = messages_;
  said.push_back({"user", attached_ + text});
  const Tokenizer& tokenizer = model_->tokenizer();
  const Conversation conversation = conversation_prompt(tokenizer, said, settings_.chat);
  if (conversation.exposed)
    say("the template changes the text: control tokens that are spelled in it are read as such");
  const std::vector<Token>& prompt = conversation.tokens;
  make_ready(prompt);
  ChatReply reply;
  reply.n_prompt = static_cast<Index>(prompt.size()), reply.n_cached = session_->position();
  const double start = now_seconds();
  const auto cost = [&](Index n) {
    return cost_of(model_->config(), n) - cost_of(model_->config(), reply.n_cached);
  };
  std::optional<Progress> reading(std::in_place, "reading", cost(reply.n_prompt));
  double written_from = start;
  AnswerText answer(settings_.stops);
  const auto put = [&](const std::string& more) { reply.text += more, show(more); };
  Sampler sampler(settings_.sampling, model_->n_choices(), prompt);
  std::vector<Token> written;
  try {
    written = write_on(*session_, std::span(prompt).subspan(static_cast<std::size_t>(reply.n_cached)),
                       {.n_predict = settings_.n_predict,
                        .stop = tokenizer.end_tokens,
                        .read =
                            [&](Index n_done) {
                              if (interrupted) throw ReadingInterrupted();
                              reading->update(cost(reply.n_cached + n_done));
                            },
                        .wrote =
                            [&](Token token) {
                              if (reading) reading.reset(), written_from = now_seconds();
                              put(answer.add(tokenizer.decode(token)));
                            },
                        .not_numbers =
                            [&](Index n_done) {
                              throw Error(model_path_, "logits that are numbers",
                                          fmt::format("NaN after {} tokens", n_done),
                                          "try --precision f32; else a weight of the file is not a number");
                            },
                        .sampler = &sampler,
                        .enough = [&] { return interrupted || answer.stop(); }});
  } catch (...) {
    reading.reset();  // the line of progress ends before anything is said
    if (!session_->sequence().usable()) forget();
    session_ ? session_->rewind(reply.n_cached) : void();
    throw;
  }
  if (reading) reading.reset(), written_from = now_seconds();
  put(answer.end());
  reply.n_new = static_cast<Index>(written.size());
  reply.reason = interrupted                                            ? "interrupted"
                 : reply.n_new == settings_.n_predict && !answer.stop() ? "length"
                                                                        : "stop";
  reply.read_seconds = written_from - start, reply.write_seconds = now_seconds() - written_from;
  read_ = prompt;
  read_.insert(read_.end(), written.begin(), written.end());
  read_.resize(static_cast<std::size_t>(session_->position()));
  said.push_back({"assistant", reply.text});
  messages_ = std::move(said);
  attached_.clear();
  return reply;
}

}  // namespace ropewalk
