// SPDX-License-Identifier: Apache-2.0
#include "remote/remote_tokenizer.h"

#include <algorithm>

namespace rw::remote {
namespace {

constexpr std::size_t kShort = 8192;  // bytes of a text whose ids are kept
constexpr const char* kMark = "ropewalk-c40e1b9d-message";

/// A text as a Jinja template says it.
std::string as_literal(const std::string& text) {
  std::string literal = "{{ '";
  for (const char c : text)
    literal += c == '\\' ? "\\\\" : c == '\'' ? "\\'" : c == '\n' ? "\\n" : std::string(1, c);
  return literal + "' }}";
}

}  // namespace

RemoteTokenizer::RemoteTokenizer(const Server& server) : server_(server) {
  find_form();
  const std::vector<Token> plain = form_->encode(server_, "a", false),
                           whole = form_->encode(server_, "a", true);
  anchor_ = plain.back();
  anchor_text_ = form_->decode(server_, {&anchor_, 1});
  if (whole.size() > plain.size() && std::equal(plain.rbegin(), plain.rend(), whole.rbegin())) {
    begins.assign(whole.begin(), whole.end() - static_cast<std::ptrdiff_t>(plain.size()));
    add_bos = true;
    if (begins.size() == 1) bos = begins[0];
  }
  if (server.about().contains("meta") && server.about()["meta"].is_object())
    if (const JsonInput n = server.about()["meta"].value("n_vocab", JsonInput()); n.is_number_unsigned())
      n_vocab_ = std::min<Index>(n.get<std::uint32_t>(), 1 << 30);
  find_template();
}

void RemoteTokenizer::find_form() {
  std::string why;
  for (const CountingForm& form : kCountingForms) {
    try {
      const std::vector<Token> tokens = form.encode(server_, "a", false);
      if (tokens.empty() || form.decode(server_, tokens).empty()) continue;
      form_ = &form;
      return;
    } catch (const NoAnswer&) {
      throw;
    } catch (const Error& error) {
      why = error.what();
    }
  }
  throw Error(server_.url().text(), "a server that says the ids of a text (/tokenize)", why,
              "--tokenizer MODEL counts with a model's files here");
}

/// What its chat template puts around a message, found by a message; a server that does not say is asked
/// without one.
void RemoteTokenizer::find_template() {
  const Json messages = Json::array({{{"role", "user"}, {"content", kMark}}});
  std::string text;
  try {
    if (form_ == &kCountingForms[0]) {
      const JsonInput answer = server_.ask_root("/tokenize", {{"messages", messages}});
      text = form_->decode(server_, read_ids(answer.value("tokens", JsonInput()), "/tokenize"));
    } else if (form_ == &kCountingForms[1]) {
      text = read_text_of(server_.ask_root("/apply-template", {{"messages", messages}}), "prompt",
                          "/apply-template");
    }
  } catch (const Refused&) {
    return;
  }
  const std::size_t at = text.find(kMark);
  if (at == text.npos || text.size() == std::string_view(kMark).size()) return;
  chat_template = as_literal(text.substr(0, at)) + "{{ messages[0]['content'] }}" +
                  as_literal(text.substr(at + std::string_view(kMark).size()));
  chat_template_place = "the server's answer";
}

std::vector<Token> RemoteTokenizer::encode(std::string_view text, bool) const {
  if (text.empty()) return {};
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(text); found != known_.end()) return found->second;
  }
  std::vector<Token> tokens = form_->encode(server_, std::string(text), false);
  if (text.size() <= kShort) {
    const std::lock_guard lock(mutex_);
    known_.emplace(std::string(text), tokens);
  }
  return tokens;
}

std::vector<Token> RemoteTokenizer::encode_parts(std::span<const TextPart> parts, bool inside) const {
  std::string text;
  for (const TextPart& part : parts) text += part.text;
  if (!inside || text.empty()) return encode(text, false);
  // Behind another text: what belongs to the beginning of one is left out.
  const std::vector<Token> front = encode(anchor_text_, false);
  std::vector<Token> all = encode(anchor_text_ + text, false);
  if (all.size() > front.size() && std::equal(front.begin(), front.end(), all.begin())) {
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(front.size()));
    return all;
  }
  return encode(text, false);  // both ran together
}

std::string RemoteTokenizer::decode(Token id, bool special) const {
  if (!special && std::find(begins.begin(), begins.end(), id) != begins.end()) return "";
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = texts_.find(id); found != texts_.end()) return found->second;
  }
  const Token both[] = {anchor_, id};
  std::string text = form_->decode(server_, std::span<const Token>(both));
  if (text.starts_with(anchor_text_)) text.erase(0, anchor_text_.size());
  const std::lock_guard lock(mutex_);
  return texts_.emplace(id, std::move(text)).first->second;
}

}  // namespace rw::remote
