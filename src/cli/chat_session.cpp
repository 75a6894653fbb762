// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_session.h"

#include <algorithm>
#include <filesystem>

#include "cli/auto_method.h"
#include "core/output_file.h"
#include "core/progress.h"
#include "core/text.h"
#include "model/cost.h"
#include "model/memory.h"
#include "model/sequence.h"
#include "model/writing.h"
#include "tokenizer/answer_text.h"

namespace rw {
namespace {

std::string whole_path(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code none;
  return fs::weakly_canonical(fs::absolute(behind_links(path), none), none).string();
}

}  // namespace

ChatSession::ChatSession(std::shared_ptr<const Model> model, std::string model_path,
                         ChatSessionSettings settings)
    : model_(std::move(model)), model_path_(std::move(model_path)), settings_(std::move(settings)) {
  check_method(settings_.method);
  if (!has_chat_template(model_->tokenizer(), settings_.chat))
    throw Error(model_path_, "a model with a chat template", "none in its files",
                "ropewalk generate writes on in a text");
  begin_anew();
}

void ChatSession::attach(const std::string& name, std::string text) {
  said_.attached += fmt::format("File: {}\n\n{}\n\n", printable(name), text);
  said_.documents += (said_.documents.empty() ? "" : "\n\n") + std::move(text);
}

void ChatSession::set_method(const std::string& method) {
  const ModelConfig& config = model_->config();
  const Index n = std::max({settings_.length, bound_, config.n_ctx_train});
  if (method != "auto") (void)bound_spec(MethodSpec::parse(method), config, n);  // its errors, now
  settings_.method = method;
  forget();
}

void ChatSession::set_length(Index length) {
  const AutoChoice choice = choice_for(settings_.method, model_path_, model_->config(), length);
  if (length > 0 && !held(choice.spec, length))
    throw Error("/length", "one that the memory holds and the method reaches",
                counted(length, "token") + " under " + choice.spec.text(), "a smaller one, or --kv q8");
  settings_.length = length;
  forget();
}

void ChatSession::set_said(Said said) {
  said_ = std::move(said);
  forget();
}

void ChatSession::begin_anew() {
  set_said({});
  if (!settings_.system.empty()) said_.messages.push_back({"system", settings_.system});
}

void ChatSession::add_file(const std::string& path) { files_.insert(whole_path(path)); }
bool ChatSession::has_file(const std::string& path) const { return files_.contains(whole_path(path)); }

Index ChatSession::position() const { return session_ ? session_->position() : 0; }
const MethodSpec* ChatSession::spec() const { return session_ ? &session_->sequence().spec() : nullptr; }

/// As Sequence counts it, of a session that keeps every row, behind a window too: each answer goes back to
/// where the last one began.
std::size_t ChatSession::bytes(const MethodSpec& spec, Index length) const {
  const ModelConfig& config = model_->config();
  return session_bytes(config, model_->backend().kv_type(), bind_at(spec, config, length), length,
                       settings_.chunk + length);
}

/// What the system has, and the rows that were read, which go when all is read again. 0: it does not say.
std::size_t ChatSession::memory() const {
  const std::size_t available = available_memory();
  if (available == 0 || !session_) return available;
  const ModelConfig& config = model_->config();
  const Index n = std::max<Index>(1, position());
  return available + most_cache_bytes(config, model_->backend().kv_type(), session_->method(), n, n);
}

/// With a little left: nobody asked for so long a one. Not by a method that does not reach that far.
bool ChatSession::held(const MethodSpec& spec, Index length) const {
  const std::size_t most = memory();
  try {
    const std::size_t needed = bytes(spec, length);
    return most == 0 || needed <= most - most / 20;
  } catch (const UsageError&) {
    return false;
  }
}

/// The trained length; past it half as much again as is needed now, so that it is not read again soon. Where
/// the memory does not hold that, or the method does not reach it, as much as is needed.
NextAnswer ChatSession::next_for(Index n_prompt) const {
  const Index n = n_prompt + settings_.n_predict, trained = model_->config().n_ctx_train;
  const bool shrank = settings_.length == 0 && n <= trained && bound_ > trained;
  if (session_ && n <= bound_ && !shrank) return {n, bound_, *spec(), why_, false};
  std::vector<Index> lengths = {std::min(n + n / 2, kMostTokens), n};
  if (n <= trained) lengths = {trained, std::min(trained, lengths[0]), n};
  if (settings_.length > 0) lengths = {settings_.length};
  if (settings_.length > 0 && n > settings_.length)
    throw Error("/length", fmt::format("room for {}, the answer included", counted(n, "token")),
                fmt::format("{}", settings_.length), "give a greater one, or /length auto");
  for (const Index length : lengths) {
    AutoChoice choice = choice_for(settings_.method, model_path_, model_->config(), length);
    if (length == lengths.back() || held(choice.spec, length))
      return {n, length, std::move(choice.spec), std::move(choice.why), true};
  }
  throw LogicError("a list of lengths without one");
}

std::vector<Token> ChatSession::prompt_of(const std::vector<Message>& messages) const {
  return conversation_prompt(model_->tokenizer(), messages, settings_.chat).tokens;
}

NextAnswer ChatSession::next_answer() const {
  std::vector<Message> messages = said_.messages;
  messages.push_back({"user", said_.attached});
  return next_for(static_cast<Index>(prompt_of(messages).size()));
}

/// A new session for all of it. Errors: Error where the memory does not hold it.
void ChatSession::bind(const NextAnswer& next) {
  const auto fail = [&](const std::string& needed, const std::string& found) {
    throw Error(fmt::format("{} under {}", counted(next.length, "token"), next.spec.text()), needed, found,
                "a smaller /length or -n, a shorter document behind /clear, or --kv q8");
  };
  if (const std::size_t most = memory(); most != 0 && bytes(next.spec, next.length) > most)
    fail(fmt::format("{} MiB of free memory", bytes(next.spec, next.length) >> 20),
         fmt::format("{} MiB", most >> 20));
  method_for(settings_.method, model_path_, model_->config(), next.length);  // which says what it is
  if (session_)
    say(fmt::format("the conversation is read again, once: bound to {} now, method {}",
                    counted(next.length, "token"), next.spec.text()));
  forget();
  try {
    session_.emplace(
        *model_, next.spec,
        SessionOptions{.n = next.length, .n_prompt = next.length, .chunk = settings_.chunk, .rewind_to = 0});
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    fail("memory for it", error.what());
  }
  bound_ = next.length, why_ = next.why;
}

constexpr Index kOfOpening = 64;  // tokens with which a prompt may open an answer

/// A session that stands behind what `prompt` has in common with what was read.
void ChatSession::make_ready(const std::vector<Token>& prompt) {
  if (const NextAnswer next = next_for(static_cast<Index>(prompt.size())); next.anew) bind(next);
  const auto same =
      std::mismatch(read_.begin(), read_.end(), prompt.begin(), prompt.end()).first - read_.begin();
  const Index common = std::min<Index>(same, static_cast<Index>(prompt.size()) - 1);
  session_->rewind(common);
  // A template that drops thoughts, or closes what the prompt opened, parts from it near its end.
  session_->keep_state_at(std::max<Index>(0, static_cast<Index>(prompt.size()) - kOfOpening));
  read_.resize(static_cast<std::size_t>(common));
}

/// Another seed for each answer, the same ones for the same conversation.
SamplerSettings ChatSession::sampling() const {
  SamplerSettings settings = settings_.sampling;
  settings.seed +=
      static_cast<std::uint64_t>(std::count_if(said_.messages.begin(), said_.messages.end(),
                                               [](const Message& each) { return each.role == "assistant"; }));
  return settings;
}

/// Reads what is new in `prompt` and writes on: the tokens that were written.
std::vector<Token> ChatSession::write_reply(const std::vector<Token>& prompt, ChatReply& reply,
                                            const std::atomic<bool>& interrupted,
                                            const std::function<void(const std::string&)>& show) {
  const Tokenizer& tokenizer = model_->tokenizer();
  const auto cost = [&](Index n) {
    return cost_of(model_->config(), n) - cost_of(model_->config(), reply.n_cached);
  };
  const double start = now_seconds();
  double written_from = start;
  std::optional<Progress> reading(std::in_place, "reading", cost(reply.n_prompt));
  const auto has_read = [&] {
    if (reading) reading.reset(), written_from = now_seconds();
  };
  AnswerText answer(settings_.stops);
  const auto put = [&](const std::string& more) { reply.text += more, show(more); };
  Sampler sampler(sampling(), model_->n_choices(), prompt);
  std::vector<Token> written =
      write_on(*session_, std::span(prompt).subspan(static_cast<std::size_t>(reply.n_cached)),
               {.n_predict = settings_.n_predict,
                .stop = tokenizer.end_tokens,
                .read =
                    [&](Index n_done) {
                      if (interrupted) throw ReadingInterrupted();
                      reading->update(cost(reply.n_cached + n_done));
                    },
                .wrote = [&](Token token) { has_read(), put(answer.add(tokenizer.decode(token))); },
                .not_numbers = [&](Index n_done) { fail_not_numbers(model_path_, n_done); },
                .sampler = &sampler,
                .enough = [&] { return interrupted || answer.stop(); }});
  has_read();
  put(answer.end());
  reply.stop = answer.stop();
  reply.n_new = static_cast<Index>(written.size());
  reply.reason = interrupted                                         ? "interrupted"
                 : reply.n_new == settings_.n_predict && !reply.stop ? "length"
                                                                     : "stop";
  reply.read_seconds = written_from - start, reply.write_seconds = now_seconds() - written_from;
  return written;
}

ChatReply ChatSession::ask(const std::string& text, const std::atomic<bool>& interrupted,
                           const std::function<void(const std::string&)>& show) {
  std::vector<Message> messages = said_.messages;
  messages.push_back({"user", said_.attached + text});
  const std::vector<Token> prompt = prompt_of(messages);
  make_ready(prompt);
  ChatReply reply;
  reply.n_prompt = static_cast<Index>(prompt.size()), reply.n_cached = session_->position();
  std::vector<Token> written;
  try {
    written = write_reply(prompt, reply, interrupted, show);
  } catch (...) {
    if (!session_->sequence().usable()) forget();
    session_ ? session_->rewind(reply.n_cached) : void();
    throw;
  }
  read_ = prompt;
  read_.insert(read_.end(), written.begin(), written.end());
  read_.resize(static_cast<std::size_t>(session_->position()));
  messages.push_back({"assistant", reply.text});
  said_.messages = std::move(messages);
  said_.attached.clear();
  return reply;
}

}  // namespace rw
