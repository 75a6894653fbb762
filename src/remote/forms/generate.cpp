// SPDX-License-Identifier: Apache-2.0
/// SGLang's: POST /generate {"input_ids", "sampling_params": {"max_new_tokens"}, "return_logprob": true,
/// "logprob_start_len", "top_logprobs_num": 1} -> meta_info.input_token_logprobs, [logprob, id, text] each,
/// and meta_info.input_top_logprobs, for each a list of such. Both begin somewhere at or behind the start and
/// end with the prompt; the first has no logprob. Source: docs.sglang.io, Sampling Parameters, /generate;
/// python/sglang/srt/managers/io_struct.py.
#include "remote/scoring.h"

namespace rw::remote::generate {
namespace {

constexpr const char* kPlace = "input_token_logprobs";

/// [logprob, id, ...]. Errors: Error.
Token id_of(const JsonInput& each) {
  if (!each.is_array() || each.size() < 2 || !each[1].is_number_integer())
    throw OddAnswer(kPlace, "[logprob, id, text]", dump_json(each).substr(0, 80));
  return static_cast<Token>(each[1].get<std::int64_t>());
}

Scored ask(const Server& server, const Prompt& prompt, std::size_t n) {
  if (prompt.as_text) throw OddAnswer(kPlace, "a prompt of ids", "text");
  const std::size_t all = prompt.tokens.size(), start = all - n - 1;
  const JsonInput answer =
      server.ask_root("/generate", {{"input_ids", prompt.tokens},
                                    {"sampling_params", {{"temperature", 0}, {"max_new_tokens", 1}}},
                                    {"return_logprob", true},
                                    {"logprob_start_len", start},
                                    {"top_logprobs_num", 1}});
  const JsonInput meta = answer.is_object() ? answer.value("meta_info", JsonInput()) : JsonInput();
  const JsonInput list = meta.is_object() ? meta.value(kPlace, JsonInput()) : JsonInput();
  const JsonInput tops = meta.is_object() ? meta.value("input_top_logprobs", JsonInput()) : JsonInput();
  if (!list.is_array() || list.size() < n)
    throw OddAnswer(kPlace, fmt::format("{} of them", n),
                    list.is_array() ? std::to_string(list.size()) : "none");
  Scored scored;
  for (std::size_t back = n; back > 0; --back) {
    const JsonInput& each = list[list.size() - back];
    const Token token = prompt.tokens[all - back];
    if (id_of(each) != token)
      throw OddAnswer(kPlace, fmt::format("one of token {}", token), dump_json(each).substr(0, 80));
    scored.losses.push_back(loss_of(each[0], kPlace));
    const bool has_top = tops.is_array() && tops.size() >= back && tops[tops.size() - back].is_array() &&
                         !tops[tops.size() - back].empty();
    scored.likeliest.push_back(has_top && id_of(tops[tops.size() - back][0]) == token);
  }
  return scored;
}

const Register<ScoringForm> registered{{.name = "generate", .order = 2, .ask = ask}};

}  // namespace
}  // namespace rw::remote::generate
