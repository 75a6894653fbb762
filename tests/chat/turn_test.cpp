// SPDX-License-Identifier: Apache-2.0
/// A message in its template as tokens: the text that apply_chat_template makes, BOS once, the user's words
/// as words, thoughts apart from the answer.
#include "chat/turn.h"

#include <gtest/gtest.h>

#include "../tokenizer/golden_text.h"
#include "core/error.h"
#include "tokenizer/piece_tokenizer.h"

namespace rw {
namespace {

using namespace rw::testing;

constexpr std::string_view kChatMl =
    "{{ bos_token }}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + "
    "'<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

class Turn : public ::testing::Test {
 protected:
  Turn() {
    fill_bpe(file_, "llama3",
             {{"<s>", 3}, {"<|im_start|>", 3}, {"<|im_end|>", 3}, {"<think>", 4}, {"</think>", 4}});
    const auto n = static_cast<std::int64_t>(file_.strings("tokenizer.ggml.tokens")->size());
    file_.set("tokenizer.ggml.bos_token_id", n - 5);
    file_.set("tokenizer.ggml.add_bos_token", false);
    tokenizer_ = Tokenizer::open(file_);
    tokenizer_->chat_template = kChatMl;
  }
  std::string prompt(std::string_view message, const ChatSettings& settings = {},
                     std::string_view answer = "") const {
    return tokenizer_->decode(user_prompt(*tokenizer_, message, answer, settings).tokens, true);
  }
  FakeFile file_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(Turn, BosStandsOnceHoweverItComes) {
  const std::string turn = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_EQ(prompt("Hi"), "<s>" + turn);  // add_bos is false: the template's own
  tokenizer_->add_bos = true;
  EXPECT_EQ(prompt("Hi"), "<s>" + turn);
  EXPECT_EQ(prompt("Hi", {.raw = true}), "<s>Hi");
  tokenizer_->chat_template = kChatMl.substr(kChatMl.find("{%"));
  EXPECT_EQ(prompt("Hi"), "<s>" + turn);
  tokenizer_->add_bos = false;
  EXPECT_EQ(prompt("Hi"), turn);
  EXPECT_EQ(prompt("Hi", {.raw = true}, "Yes"), "HiYes");
  tokenizer_->add_bos = true;  // where a text begins with more (GLM-4), all of it, and once
  tokenizer_->begins = {*tokenizer_->bos, tokenizer_->encode("<think>", true)[0]};
  EXPECT_EQ(prompt("Hi"), "<s><think>" + turn);
  EXPECT_EQ(prompt("Hi", {.raw = true}), "<s><think>Hi");
  tokenizer_->chat_template = "<s><think>" + std::string(kChatMl.substr(kChatMl.find("{%")));
  EXPECT_EQ(prompt("Hi"), "<s><think>" + turn);
}

TEST_F(Turn, TheUsersWordsStayWords) {
  const ChatPrompt one = user_prompt(*tokenizer_, "say <|im_end|> now", "", {});
  const Token end = tokenizer_->encode("<|im_end|>", true)[0];
  EXPECT_EQ(std::count(one.tokens.begin(), one.tokens.end(), end), 1);
  EXPECT_FALSE(one.exposed);
  EXPECT_EQ(prompt("say <|im_end|> now"),
            "<s><|im_start|>user\nsay <|im_end|> now<|im_end|>\n<|im_start|>assistant\n");
  // The message is found although the same words stand in the template.
  EXPECT_EQ(prompt("user"), "<s><|im_start|>user\nuser<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(prompt(""), "<s><|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(Turn, TrimmedAndChangedMessages) {
  tokenizer_->chat_template = "{{ '<|im_start|>' + messages[0].content | trim + '<|im_end|>' }}";
  EXPECT_EQ(prompt("  <|im_end|> \n"), "<|im_start|><|im_end|><|im_end|>");
  EXPECT_FALSE(user_prompt(*tokenizer_, "  <|im_end|> \n", "", {}).exposed);
  tokenizer_->chat_template = "{{ '<|im_start|>' + messages[0].content.replace('a', 'b') + '<|im_end|>' }}";
  EXPECT_EQ(prompt("banana"), "<|im_start|>bbnbnb<|im_end|>");
  EXPECT_TRUE(user_prompt(*tokenizer_, "banana", "", {}).exposed);
  tokenizer_->chat_template = "{{ messages[0].content ~ messages[0].content }}";
  EXPECT_EQ(prompt("ab"), "abab");
  EXPECT_THROW(chat_turn(*tokenizer_, {}), Error);  // no place to put a long text into
}

TEST_F(Turn, WhatStandsAroundAMessageIsCounted) {
  const ChatPrompt one = user_prompt(*tokenizer_, "one two three", "It is", {});
  const auto text = [&](Index from, Index to) {
    return tokenizer_->decode(std::vector<Token>(one.tokens.begin() + from, one.tokens.begin() + to), true);
  };
  const auto n = static_cast<Index>(one.tokens.size());
  EXPECT_EQ(text(0, one.n_before), "<s><|im_start|>user\n");
  EXPECT_EQ(text(one.n_before, n - one.n_after), "one two three");
  EXPECT_EQ(text(n - one.n_after, n), "<|im_end|>\n<|im_start|>assistant\nIt is");
}

TEST_F(Turn, OpeningAndClosingAreTheWhole) {
  const ChatTurn turn = chat_turn(*tokenizer_, {});
  std::vector<Token> ids = turn.opening(*tokenizer_, "Read this.\n\n");
  for (const Token id : tokenizer_->encode_inside("Some text.")) ids.push_back(id);
  for (const Token id : turn.closing(*tokenizer_, "\n\nWhat is it?", "It")) ids.push_back(id);
  EXPECT_EQ(
      tokenizer_->decode(ids, true),
      "<s><|im_start|>user\nRead this.\n\nSome text.\n\nWhat is it?<|im_end|>\n<|im_start|>assistant\nIt");
  EXPECT_EQ(turn.whole(*tokenizer_, "Some text", "It"),
            user_prompt(*tokenizer_, "Some text", "It", {}).tokens);
}

TEST_F(Turn, NoTemplateIsPlainTextAndAListWithoutDefaultIsRefused) {
  tokenizer_->chat_template.clear();
  EXPECT_EQ(prompt("Hi"), "Hi");
  EXPECT_EQ(describe_chat(*tokenizer_), "none: a prompt is sent as plain text");
  tokenizer_->chat_template_problem = "templates for other uses: rag";
  EXPECT_THROW(prompt("Hi"), Error);
  EXPECT_EQ(prompt("Hi", {.raw = true}), "Hi");
  EXPECT_NE(describe_chat(*tokenizer_).find("rag"), std::string::npos);
}

TEST_F(Turn, WhatCannotBeRunIsRefusedUnlessRaw) {
  tokenizer_->chat_template = "{% for m in messages %}\n{{ m.content | urlize }}{% endfor %}";
  try {
    prompt("Hi");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string_view(e.what()).find("line 2"), std::string_view::npos) << e.what();
    EXPECT_NE(std::string_view(e.what()).find("urlize"), std::string_view::npos) << e.what();
  }
  EXPECT_EQ(prompt("Hi", {.raw = true}), "Hi");
  EXPECT_NE(describe_chat(*tokenizer_).find("cannot be run: chat template, line 2"), std::string::npos);
}

TEST_F(Turn, ThinkingIsSwitchedOffWhereTheTemplateCan) {
  tokenizer_->chat_template =
      "{{ messages[0].content }}{{ '<|im_start|>' }}"
      "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% "
      "endif %}";
  EXPECT_EQ(prompt("Hi"), "Hi<|im_start|>");
  EXPECT_EQ(prompt("Hi", judged_chat()), "Hi<|im_start|><think>\n\n</think>\n\n");
}

/// The same vocabulary as a converter writes it into a GGUF.
void fill_from_json(FakeFile& file, const Json& json) {
  std::vector<std::string> tokens(json["model"]["vocab"].size() + json["added_tokens"].size()), merges;
  std::vector<std::int64_t> kinds(tokens.size(), 1);
  for (const auto& [piece, id] : json["model"]["vocab"].items()) tokens.at(id.get<std::size_t>()) = piece;
  for (const Json& added : json["added_tokens"]) {
    const auto id = added["id"].get<std::size_t>();
    tokens.at(id) = added["content"].get<std::string>();
    kinds.at(id) = added["special"].get<bool>() ? 3 : 4;
  }
  while (tokens.back().empty()) tokens.pop_back(), kinds.pop_back();
  for (const Json& rule : json["model"]["merges"])
    merges.push_back(rule.is_string() ? rule.get<std::string>()
                                      : rule[0].get<std::string>() + " " + rule[1].get<std::string>());
  file.set("tokenizer.ggml.model", std::string("gpt2"));
  file.set("tokenizer.ggml.pre", std::string("qwen2"));
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", kinds);
  file.set("tokenizer.ggml.merges", merges);
}

TEST(ChatContainers, GgufAndFolderOfOneModelGiveTheSameIds) {
  const std::string name = "tokenizer_hf_qwen.json";
  Json json = Json::parse(read_golden(name));
  for (Json& added : json["added_tokens"]) added["lstrip"] = added["rstrip"] = false;  // no GGUF says so
  const std::string config =
      R"({"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>", "add_bos_token": false})";
  const auto folder = parse_hf_tokenizer(json.dump(), config, name);
  FakeFile file;
  fill_from_json(file, json);
  file.set("tokenizer.ggml.bos_token_id", std::int64_t{*folder->bos});
  file.set("tokenizer.ggml.eos_token_id", std::int64_t{*folder->eos});
  file.set("tokenizer.ggml.add_bos_token", false);
  const auto gguf = Tokenizer::open(file);
  for (const std::string_view chat_template : {kChatMl, kChatMl.substr(kChatMl.find("{%"))}) {
    folder->chat_template = gguf->chat_template = chat_template;
    for (const std::string message : {"Hi", "  Cafe\xcc\x81 \n\n 42", "<|im_end|>HTTPServer", ""}) {
      const ChatPrompt one = user_prompt(*folder, message, "So", {}),
                       other = user_prompt(*gguf, message, "So", {});
      EXPECT_EQ(one.tokens, other.tokens) << message;
      EXPECT_EQ(one.tokens[0] == *folder->bos, chat_template == kChatMl);
    }
  }
}

TEST_F(Turn, JudgedPromptsHaveOneDay) {
  tokenizer_->chat_template = "{{ strftime_now('%Y-%m-%d') }}{{ messages[0].content }}";
  EXPECT_EQ(prompt("!", judged_chat()), "2024-07-26!");
  EXPECT_NE(prompt("!", chat_of_today(false)), "2024-07-26!");
}

}  // namespace
}  // namespace rw
