// SPDX-License-Identifier: Apache-2.0
/// vLLM's: POST /v1/completions {"prompt", "max_tokens", "prompt_logprobs": 1} -> choices[0].prompt_logprobs,
/// for each token of the prompt null (the first) or {"ID": {"logprob", "rank", "decoded_token"}, ...}, the
/// token itself always among them. Source: docs.vllm.ai, OpenAI-Compatible Server, extra parameters;
/// vllm/entrypoints/openai/completion/protocol.py. ropewalk has it too.
#include "remote/scoring.h"

namespace rw::remote::prompt_logprobs {
namespace {

constexpr const char* kPlace = "prompt_logprobs";

Scored ask(const Server& server, const Prompt& prompt, std::size_t n) {
  const JsonInput answer =
      server.ask("/completions",
                 {{"prompt", prompt.json()}, {"max_tokens", 1}, {"temperature", 0}, {"prompt_logprobs", 1}});
  const JsonInput& choice = choice_of(answer, kPlace);
  const auto list = choice.find(kPlace);
  if (list == choice.end() || !list->is_array() || list->size() != prompt.tokens.size() || n >= list->size())
    throw OddAnswer(kPlace, fmt::format("{} of them", prompt.tokens.size()),
                    list != choice.end() && list->is_array() ? std::to_string(list->size()) : "none");
  Scored scored;
  for (std::size_t t = list->size() - n; t < list->size(); ++t) {
    const JsonInput& each = (*list)[t];
    const auto own = each.is_object() ? each.find(std::to_string(prompt.tokens[t])) : each.end();
    if (own == each.end() || !own->is_object() || !own->contains("logprob"))
      throw OddAnswer(kPlace, fmt::format("one of token {}", prompt.tokens[t]),
                      dump_json(each).substr(0, 80));
    scored.losses.push_back(loss_of((*own)["logprob"], kPlace));
    const JsonInput rank = own->value("rank", JsonInput());
    scored.likeliest.push_back(rank.is_number_integer() && rank.get<std::int64_t>() == 1);
  }
  return scored;
}

const Register<ScoringForm> registered{{.name = kPlace, .order = 1, .ask = ask}};

}  // namespace
}  // namespace rw::remote::prompt_logprobs
