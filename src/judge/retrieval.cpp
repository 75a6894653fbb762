// SPDX-License-Identifier: Apache-2.0
#include "judge/retrieval.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "chat/turn.h"
#include "core/error.h"
#include "core/option.h"
#include "core/utf8.h"
#include "judge/controls.h"
#include "judge/words.h"

namespace rw {
namespace {

/// Draws until it is new. Every caller has many times more values than it asks for; the bound is for bugs.
template <class Draw>
std::string draw_new(std::vector<std::string>& used, const Draw& draw) {
  for (int attempt = 0; attempt < 10000; ++attempt) {
    std::string value = draw();
    if (std::find(used.begin(), used.end(), value) != used.end()) continue;
    used.push_back(value);
    return value;
  }
  throw LogicError("retrieval: no new value to draw (a bug in ropewalk)");
}

/// A list is counted alone; joined to what is around it, it may have a token more at either end.
constexpr Index kJoints = 2;

/// The tokens around the text.
struct Frame {
  std::vector<Token> before, after;
  bool chat = false;
};

void append(std::vector<Token>& tokens, const std::vector<Token>& more) {
  tokens.insert(tokens.end(), more.begin(), more.end());
}

/// Without a turn the answer follows the question as text does.
std::string answer_prefix(const ChatTurn& turn, const Question& question) {
  return turn.chat ? question.prefix : "\n" + question.prefix;
}

/// Without a template the text begins as the document does.
std::vector<Token> begun(const TaskInput& in, const ChatTurn& turn, std::vector<Token> tokens) {
  const std::vector<Token>& bos = in.document.bos;
  const bool has_bos = tokens.size() >= bos.size() && std::equal(bos.begin(), bos.end(), tokens.begin());
  if (!turn.chat && !has_bos) tokens.insert(tokens.begin(), bos.begin(), bos.end());
  return tokens;
}

Frame frame_of(const TaskInput& in, const Question& question) {
  const ChatTurn turn = chat_turn(in.tokenizer, judged_chat());
  return {begun(in, turn, turn.opening(in.tokenizer, question.instruction + "\n\n")),
          turn.closing(in.tokenizer, "\n\n" + question.ask, answer_prefix(turn, question)), turn.chat};
}

[[noreturn]] void too_short(const TaskInput& in, Index length, Index needed) {
  throw Error(fmt::format("{} at {} tokens", in.document.name, length),
              fmt::format("a length of {} tokens or more, for the question and its answer", needed),
              fmt::format("{}", length), "ask for longer " + option("lengths"));
}

/// Whether the token's first byte is not one inside a character: needles must not cut those apart. Another
/// engine's tokenizer spells a part of a character U+FFFD: it is not known to begin one.
bool begins_character(const Tokenizer& tokenizer, Token token) {
  const std::string text = tokenizer.decode(token);
  return text.empty() ||
         ((static_cast<unsigned char>(text[0]) & 0xc0u) != 0x80u && !text.starts_with(kReplacement));
}

/// The place in [0, n] behind a sentence end nearest to `wanted`, within an eighth of the text.
Index sentence_near(const Tokenizer& tokenizer, const Token* text, Index n, Index wanted) {
  for (Index off = 0; off <= n / 8; ++off)
    for (const Index at : {wanted - off, wanted + off}) {
      if (at == 0 || at == n) return at;
      if (at <= 0 || at >= n) continue;
      const std::string before = tokenizer.decode(text[at - 1]);
      if ((ends_sentence(before) || before.ends_with('\n')) && begins_character(tokenizer, text[at]))
        return at;
    }
  while (wanted < n && !begins_character(tokenizer, text[wanted])) ++wanted;
  return wanted;
}

/// The document's last tokens with the needles, `n` in all.
void append_haystack(const TaskInput& in, const Question& question,
                     const std::vector<std::vector<Token>>& needles, Index n, Prompt& prompt) {
  RW_CHECK(n <= static_cast<Index>(in.document.tokens.size()));
  const Token* text = in.document.tokens.data() + (static_cast<Index>(in.document.tokens.size()) - n);
  std::vector<std::pair<Index, std::size_t>> places;
  for (std::size_t i = 0; i < needles.size(); ++i) {
    const Index wanted = std::llround(question.needles[i].depth * static_cast<double>(n));
    places.emplace_back(sentence_near(in.tokenizer, text, n, wanted), i);
  }
  std::sort(places.begin(), places.end());
  prompt.placed.resize(needles.size());
  Index read = 0;
  for (const auto& [place, i] : places) {
    prompt.tokens.insert(prompt.tokens.end(), text + read, text + place);
    prompt.placed[i] = static_cast<Index>(prompt.tokens.size());
    append(prompt.tokens, needles[i]);
    read = place;
  }
  prompt.tokens.insert(prompt.tokens.end(), text + read, text + n);
}

/// A list is text, and so is all around it: the whole is encoded at once.
Prompt list_prompt(const TaskInput& in, const Question& question) {
  const ChatTurn turn = chat_turn(in.tokenizer, judged_chat());
  const std::string message =
      fmt::format("{}\n\n{}\n\n{}", question.instruction, question.list, question.ask);
  Prompt prompt{.tokens = begun(in, turn, turn.whole(in.tokenizer, message, answer_prefix(turn, question))),
                .chat = turn.chat};
  const Index needed = static_cast<Index>(prompt.tokens.size()) + question.n_predict;
  if (needed > in.length) too_short(in, in.length, needed);
  return prompt;
}

}  // namespace

Dice::Dice(std::string_view task, int seed) : state_(static_cast<std::uint64_t>(seed)) {
  for (const char c : task) state_ = next() ^ static_cast<unsigned char>(c);
}

std::uint64_t Dice::next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Index Dice::below(Index n) {
  RW_CHECK(n > 0);
  // The remainder's bias is n / 2^64: nothing can see it.
  return static_cast<Index>(next() % static_cast<std::uint64_t>(n));
}

std::string draw_key(Dice& dice, std::vector<std::string>& used) {
  const auto pick = [&](std::span<const std::string_view> list) {
    return list[static_cast<std::size_t>(dice.below(static_cast<Index>(list.size())))];
  };
  return draw_new(used, [&] {
    const std::string_view adjective = pick(adjectives());
    return fmt::format("{}-{}", adjective, pick(nouns()));
  });
}

std::string draw_number(Dice& dice, int digits, std::vector<std::string>& used) {
  const auto least = static_cast<Index>(std::llround(std::pow(10, digits - 1)));
  return draw_new(used, [&] { return fmt::format("{}", least + dice.below(9 * least)); });
}

std::string draw_letters(Dice& dice, int n, char first, std::vector<std::string>& used) {
  return draw_new(used, [&] {
    std::string word;
    for (int i = 0; i < n; ++i) word += static_cast<char>(first + dice.below(26));
    return word;
  });
}

std::string listing(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i)
    text += (i == 0 ? "" : i + 1 == items.size() ? " and " : ", ") + items[i];
  return text;
}

namespace {

/// The needles, or the list.
std::vector<std::vector<Token>> middle_of(const TaskInput& in, const Question& question) {
  std::vector<std::vector<Token>> middle;
  for (const Needle& needle : question.needles)
    middle.push_back(in.tokenizer.encode_inside("\n" + needle.text + "\n"));
  if (middle.empty()) middle.push_back(in.tokenizer.encode_inside(question.list));
  return middle;
}

}  // namespace

Room room_of(const TaskInput& in, const Question& question) {
  const Frame frame = frame_of(in, question);
  Room room{.least = question.n_predict, .n_predict = question.n_predict};
  for (const auto& part : {frame.before, frame.after}) room.least += static_cast<Index>(part.size());
  for (const auto& part : middle_of(in, question)) room.least += static_cast<Index>(part.size());
  if (question.needles.empty()) room.least += kJoints;
  return room;
}

Prompt make_prompt(const TaskInput& in, const Question& question) {
  if (question.needles.empty()) return list_prompt(in, question);
  Frame frame = frame_of(in, question);
  const std::vector<std::vector<Token>> middle = middle_of(in, question);
  Index rest = in.length - question.n_predict;
  for (const auto& part : {frame.before, frame.after}) rest -= static_cast<Index>(part.size());
  for (const auto& part : middle) rest -= static_cast<Index>(part.size());
  if (rest < 0) too_short(in, in.length, in.length - rest);
  Prompt prompt{.tokens = std::move(frame.before), .chat = frame.chat};
  append_haystack(in, question, middle, rest, prompt);
  append(prompt.tokens, frame.after);
  return prompt;
}

Index room_for_list(const TaskInput& in, const Question& question) {
  const Frame frame = frame_of(in, question);
  const Index needed =
      static_cast<Index>(frame.before.size()) + static_cast<Index>(frame.after.size()) + question.n_predict;
  if (needed + kJoints > in.length) too_short(in, in.length, needed + kJoints);
  return in.length - needed - kJoints;
}

Index most_that_fit(const TaskInput& in, Index room, Index most,
                    const std::function<std::string(Index)>& text) {
  const auto tokens = [&](Index n) { return static_cast<Index>(in.tokenizer.encode_inside(text(n)).size()); };
  const Index least = tokens(0);
  if (least > room) too_short(in, in.length, in.length + (least - room));
  Index fits = 0, fails = most + 1;
  while (fits + 1 < fails) {
    const Index middle = fits + (fails - fits) / 2;
    (tokens(middle) <= room ? fits : fails) = middle;
  }
  return fits;
}

Record answer(const TaskInput& in, const Question& question, int share, int shares) {
  Prompt prompt = make_prompt(in, question);
  if (in.told > 0) {
    const Index least = question.n_predict + static_cast<Index>(in.document.bos.size()) + 1;
    if (in.told < least) too_short(in, in.told, least);
    keep_end(prompt.tokens, in.document.bos, in.told - question.n_predict);
  }
  const Written written =
      in.model->write(in.spec, in.tokenizer, prompt.tokens, question.n_predict,
                      in.told > 0 ? in.told : std::max(in.bound, in.length), done_of_pass(in, share, shares));
  Record record;
  record.part = question.part;
  record.achieved = static_cast<Index>(prompt.tokens.size() + written.tokens.size());
  record.written = written.text;
  record.expected = listing(question.references);
  record.depth = question.depth;
  record.score = share_found(behind_thoughts(record.written), question.references);
  record.values = {{"chat", prompt.chat ? 1 : 0}, {"prompt", static_cast<double>(prompt.tokens.size())}};
  return record;
}

void keep_end(std::vector<Token>& tokens, const std::vector<Token>& bos, Index n) {
  const Index cut = static_cast<Index>(tokens.size()) - (n - static_cast<Index>(bos.size()));
  if (cut <= static_cast<Index>(bos.size())) return;
  tokens.erase(tokens.begin(), tokens.begin() + cut);
  tokens.insert(tokens.begin(), bos.begin(), bos.end());
}

std::vector<double> even_depths(int n) {
  if (n == 1) return {0.5};
  std::vector<double> depths;
  depths.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) depths.push_back(static_cast<double>(i) / (n - 1));
  return depths;
}

}  // namespace rw
