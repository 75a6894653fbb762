// SPDX-License-Identifier: Apache-2.0
/// Six chat formats, recognised by the strings in the model's template. The template is Jinja, a program
/// from outside: it is only searched, never run.
#include "tokenizer/tokenizer.h"

namespace ropewalk {
namespace {

/// The system turn that a ChatML template adds when the conversation has none: the literal between
/// "<|im_start|>system" + newline and "<|im_end|>". Empty when the template adds none.
std::string default_system(std::string_view text) {
  // The newline is a real one, or the two characters of the escape.
  for (std::string_view opening : {"<|im_start|>system\n", "<|im_start|>system\\n"}) {
    for (std::size_t at = 0; (at = text.find(opening, at)) != std::string_view::npos;) {
      const std::size_t begin = at + opening.size(), end = text.find("<|im_end|>", begin);
      at = begin;
      if (end == std::string_view::npos) break;
      const std::string_view words = text.substr(begin, end - begin);
      // A quote or brace means that the turn is put together from variables: it is not the default.
      if (words.empty() || words.find_first_of("'\"{}") != std::string_view::npos) continue;
      std::string system(words);  // with "\\n" as Jinja reads it inside a literal
      for (std::size_t i; (i = system.find("\\n")) != std::string::npos;) system.replace(i, 2, "\n");
      return system;
    }
  }
  return {};
}

std::string chat_ml(std::string_view text, std::string_view message) {
  const std::string system = default_system(text);
  std::string prompt;
  if (!system.empty()) prompt += fmt::format("<|im_start|>system\n{}<|im_end|>\n", system);
  return prompt + fmt::format("<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n", message);
}

/// BOS where the template spells it and the caller, following add_bos, will not put it there.
std::string bos_text(const Tokenizer& tokenizer) {
  const bool spelled = tokenizer.chat_template.find("bos_token") != std::string::npos;
  return spelled && tokenizer.bos && !tokenizer.add_bos ? tokenizer.decode(*tokenizer.bos, true)
                                                        : std::string();
}

}  // namespace

std::optional<std::string> chat_prompt(const Tokenizer& tokenizer, std::string_view user_message) {
  const std::string_view text = tokenizer.chat_template;
  const auto has = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
  const std::string message(user_message);
  if (has("<|im_start|>")) return chat_ml(text, user_message);
  if (has("<|start_header_id|>") && has("<|eot_id|>"))
    return bos_text(tokenizer) + "<|start_header_id|>user<|end_header_id|>\n\n" + message +
           "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";
  if (has("<|user|>") && has("<|end|>"))  // Phi-3
    return bos_text(tokenizer) + "<|user|>\n" + message + "<|end|>\n<|assistant|>\n";
  if (has("<|user|>") && has("<|assistant|>"))  // Zephyr: a turn ends with eos
    return "<|user|>\n" + message + (tokenizer.eos ? tokenizer.decode(*tokenizer.eos, true) : std::string()) +
           "\n<|assistant|>\n";
  if (has("[INST]"))  // Llama-2 and every Mistral; they differ in the spaces inside
    return bos_text(tokenizer) + (has("[INST] ") ? "[INST] " : "[INST]") + message +
           (has(" [/INST]") ? " [/INST]" : "[/INST]");
  return std::nullopt;
}

std::optional<ChatTurn> chat_turn(const Tokenizer& tokenizer) {
  static constexpr std::string_view kMark = "\x02ropewalk\x02";
  const std::optional<std::string> turn = chat_prompt(tokenizer, kMark);
  if (!turn) return std::nullopt;
  const std::size_t at = turn->find(kMark);
  if (at == std::string::npos) return std::nullopt;
  ChatTurn result{tokenizer.encode(turn->substr(0, at), true),
                  tokenizer.encode(turn->substr(at + kMark.size()), true)};
  if (tokenizer.add_bos && tokenizer.bos && (result.before.empty() || result.before[0] != *tokenizer.bos))
    result.before.insert(result.before.begin(), *tokenizer.bos);
  return result;
}

}  // namespace ropewalk
