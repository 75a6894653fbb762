// SPDX-License-Identifier: Apache-2.0
#include "remote/remote_tokenizer.h"

#include <algorithm>

#include "core/utf8.h"

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

/// A part of a character comes as U+FFFD. At an end it is made some part again, also one that the text itself
/// has there: each byte behind a character's first is one U+FFFD; how many stood at the end is not known:
/// one.
std::string with_cut_ends(const std::string& text) {
  std::string_view inner = text;
  std::string front, back;
  while (inner.starts_with(kReplacement)) inner.remove_prefix(kReplacement.size()), front += '\x80';
  if (inner.ends_with(kReplacement)) inner.remove_suffix(kReplacement.size()), back = '\xc3';
  return front + std::string(inner) + back;
}

}  // namespace

RemoteTokenizer::RemoteTokenizer(const Server& server) : server_(server) {
  find_form();
  const std::vector<Token> plain = form_->encode(server_, "a", false, false),
                           whole = form_->encode(server_, "a", true, false);
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
    const std::optional<Error> problem = why_not([&] {
      const std::vector<Token> tokens = form.encode(server_, "a", false, false);
      if (!tokens.empty() && !form.decode(server_, tokens).empty()) form_ = &form;
    });
    if (form_) return;
    if (problem) why = problem->what();
  }
  throw Error(server_.url().text(), "a server that says the ids of a text (/tokenize)", why,
              "--tokenizer MODEL counts with a model's files here");
}

/// What its chat template puts around a message, found by a message, without thoughts where it can (as
/// judged_chat asks our own engine); a server that does not say is asked without one.
void RemoteTokenizer::find_template() {
  const Json messages = Json::array({{{"role", "user"}, {"content", kMark}}});
  const Json asked{{"messages", messages}, {"chat_template_kwargs", {{"enable_thinking", false}}}};
  std::string text;
  try {
    if (form_ == &kCountingForms[0]) {
      const JsonInput answer = server_.ask_root("/tokenize", asked);
      text = form_->decode(server_, read_ids(answer.value("tokens", JsonInput()), "/tokenize"));
    } else if (form_ == &kCountingForms[1]) {
      text = read_text_of(server_.ask_root("/apply-template", asked), "prompt", "/apply-template");
    }
  } catch (const Refused& refused) {
    if (!refused.cannot()) throw;
    return;
  }
  const std::size_t at = text.find(kMark);
  if (at == text.npos || text.size() == std::string_view(kMark).size()) return;
  chat_template = as_literal(text.substr(0, at)) + "{{ messages[0]['content'] }}" +
                  as_literal(text.substr(at + std::string_view(kMark).size()));
  chat_template_place = "the server's answer";
}

std::vector<Token> RemoteTokenizer::encode(std::string_view text, bool special) const {
  if (text.empty()) return {};
  std::pair<std::string, bool> asked{text, special && form_->tells_special};
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(asked); found != known_.end()) return found->second;
  }
  std::vector<Token> tokens = form_->encode(server_, asked.first, false, asked.second);
  if (text.size() <= kShort) {
    const std::lock_guard lock(mutex_);
    known_.emplace(std::move(asked), tokens);
  }
  return tokens;
}

/// `inside`: behind another text; what belongs to the beginning of one is left out.
std::vector<Token> RemoteTokenizer::encode_run(const std::string& text, bool special, bool inside) const {
  if (!inside || text.empty()) return encode(text, special);
  const std::vector<Token> front = encode(anchor_text_, special);
  std::vector<Token> all = encode(anchor_text_ + text, special);
  if (all.size() > front.size() && std::equal(front.begin(), front.end(), all.begin())) {
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(front.size()));
    return all;
  }
  return encode(text, special);  // both ran together
}

/// One request for each run of parts in which control tokens are read, or are not.
std::vector<Token> RemoteTokenizer::encode_parts(std::span<const TextPart> parts, bool inside) const {
  std::vector<Token> tokens;
  std::string run;
  bool special = false;
  const auto end_run = [&] {
    const std::vector<Token> more = encode_run(run, special, inside || !tokens.empty());
    tokens.insert(tokens.end(), more.begin(), more.end());
    run.clear();
  };
  for (const TextPart& part : parts) {
    if (part.text.empty()) continue;
    if (form_->tells_special && !run.empty() && part.special != special) end_run();
    special = part.special, run += part.text;
  }
  if (!run.empty()) end_run();
  return tokens;
}

/// The text of ids as it stands inside another: asked for behind the anchor.
std::string RemoteTokenizer::behind_anchor(std::span<const Token> ids) const {
  std::vector<Token> all{anchor_};
  all.insert(all.end(), ids.begin(), ids.end());
  std::string text = form_->decode(server_, all);
  if (text.starts_with(anchor_text_)) text.erase(0, anchor_text_.size());
  return with_cut_ends(text);
}

std::string RemoteTokenizer::decode(Token id, bool special) const {
  if (!special && std::find(begins.begin(), begins.end(), id) != begins.end()) return "";
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = texts_.find(id); found != texts_.end()) return found->second;
  }
  std::string text = behind_anchor({&id, 1});
  const std::lock_guard lock(mutex_);
  return texts_.emplace(id, std::move(text)).first->second;
}

/// One request, in which a character may stand over several tokens.
std::string RemoteTokenizer::decode_all(std::span<const Token> ids, bool special) const {
  std::vector<Token> said;
  for (const Token id : ids)
    if (special || std::find(begins.begin(), begins.end(), id) == begins.end()) said.push_back(id);
  return said.empty() ? "" : behind_anchor(said);
}

}  // namespace rw::remote
