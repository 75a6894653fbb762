// SPDX-License-Identifier: Apache-2.0
/// OpenAI's first: POST /v1/completions {"prompt", "max_tokens": 1, "echo": true, "logprobs": 1} ->
/// choices[0].logprobs {"tokens", "token_logprobs", "top_logprobs"}: the prompt's, then the
/// usage.completion_tokens that were written. llama-cpp-python has it (its model loaded with logits_all),
/// where the prompt is text, the server's own ids count and BOS is left out of the lists; where it adds no
/// BOS its lists are shifted by one, which is found by the token that was written: greedily, so no other is
/// likelier.
#include "core/utf8.h"
#include "remote/scoring.h"

namespace rw::remote::echo {
namespace {

constexpr const char* kPlace = "echo with logprobs";

/// Whether no token of {"text": logprob} is likelier.
bool is_likeliest(const JsonInput& top, double loss) {
  if (!top.is_object()) return false;
  for (const JsonInput& logprob : top)
    if (logprob.is_number() && -logprob.get<double>() < loss - 1e-6) return false;
  return true;
}

/// Where the last tokens begin inside a character: a part of one is spelled in many ways.
std::string ascii(const std::string& text) {
  std::string plain;
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x80) plain += c;
  return plain;
}

/// The server cuts a text into tokens itself. Errors: Error where its last n are other ones than ours, whose
/// losses would be of another text.
void require_same_end(const JsonInput& tokens, std::size_t all, const Prompt& prompt, std::size_t n) {
  std::string said;
  for (std::size_t t = all - n; t < all; ++t)
    if (tokens.is_array() && t < tokens.size() && tokens[t].is_string()) said += tokens[t].get<std::string>();
  const bool whole = is_utf8(prompt.end) && prompt.end.find(kReplacement) == std::string::npos;
  if (whole ? said != prompt.end : ascii(said) != ascii(prompt.end))
    throw OddAnswer(kPlace, fmt::format("its last {} tokens to be those that were sent as text", n),
                    "another text: '" + said.substr(0, 40) + "'",
                    "a server that takes ids as a prompt counts as we do");
}

Scored ask(const Server& server, const Prompt& prompt, std::size_t n) {
  const JsonInput answer = server.ask(
      "/completions",
      {{"prompt", prompt.json()}, {"max_tokens", 1}, {"temperature", 0}, {"echo", true}, {"logprobs", 1}});
  const JsonInput& choice = choice_of(answer, kPlace);
  const JsonInput said = choice.value("logprobs", JsonInput());
  const JsonInput list = said.is_object() ? said.value("token_logprobs", JsonInput()) : JsonInput();
  const JsonInput tops = said.is_object() ? said.value("top_logprobs", JsonInput()) : JsonInput();
  const JsonInput usage = answer.value("usage", JsonInput());
  const JsonInput written = usage.is_object() ? usage.value("completion_tokens", JsonInput()) : JsonInput();
  if (!list.is_array() || !written.is_number_unsigned() || written.get<std::uint64_t>() > list.size() ||
      list.size() - written.get<std::uint64_t>() <= n)
    throw OddAnswer(kPlace, "log-probabilities of the prompt, and how many tokens were written",
                    list.is_array() ? fmt::format("{} of them", list.size()) : "none");
  const std::size_t all = list.size() - static_cast<std::size_t>(written.get<std::uint64_t>());
  if (all < list.size() && tops.is_array() && all < tops.size() &&
      !is_likeliest(tops[all], loss_of(list[all], kPlace)))
    throw OddAnswer(
        kPlace, "the token that was written to be the likeliest", "another",
        "its log-probabilities are of other tokens: a server that takes ids as a prompt has no such doubt");
  if (prompt.as_text) require_same_end(said.value("tokens", JsonInput()), all, prompt, n);
  Scored scored;
  for (std::size_t t = all - n; t < all; ++t) {
    scored.losses.push_back(loss_of(list[t], kPlace));
    scored.likeliest.push_back(tops.is_array() && t < tops.size() &&
                               is_likeliest(tops[t], scored.losses.back()));
  }
  return scored;
}

const Register<ScoringForm> registered{{.name = "echo", .order = 3, .ask = ask}};

}  // namespace
}  // namespace rw::remote::echo
