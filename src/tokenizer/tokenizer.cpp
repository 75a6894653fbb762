// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "core/option.h"
#include "tokenizer/piece_tokenizer.h"
#include "tokenizer/unigram_tokenizer.h"
#include "tokenizer/wordpiece.h"

namespace rw {
namespace {

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";

/// An id from the metadata: nullopt when absent (some writers say -1 or 2^32 - 1 for that).
std::optional<Token> token_id(const ModelFile& file, std::string_view key, Index n_vocab) {
  const std::optional<std::int64_t> id = file.integer(key);
  if (!id || *id == -1 || *id == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  if (*id < 0 || *id >= n_vocab)
    throw Error(key, fmt::format("a token id from 0 to {}", n_vocab - 1), std::to_string(*id));
  return static_cast<Token>(*id);
}

/// `marked`: special tokens are spelled with U+2581 for spaces, as the other pieces of such a file are.
Vocabulary read_vocabulary(const ModelFile& file, bool marked = false) {
  const std::vector<std::string>* tokens = file.strings(kTokens);
  if (tokens == nullptr)
    throw Error(kTokens, "an array of strings", "nothing", "the file carries no vocabulary");
  std::vector<PieceKind> kinds;
  if (const std::vector<std::int64_t>* types = file.integers("tokenizer.ggml.token_type")) {
    if (types->size() != tokens->size())
      throw Error("tokenizer.ggml.token_type", fmt::format("{} numbers, one for each token", tokens->size()),
                  std::to_string(types->size()));
    kinds.reserve(types->size());
    for (std::int64_t type : *types) {
      // Undefined (0) is what some converters write for tokens that fill up the table.
      if (type < 0 || type > 6)
        throw Error("tokenizer.ggml.token_type", "types from 0 to 6", std::to_string(type));
      kinds.push_back(type == 0 ? PieceKind::kUnused : static_cast<PieceKind>(type));
    }
  }
  std::vector<std::string> pieces = *tokens;
  for (std::size_t i = 0; marked && i < kinds.size(); ++i)
    if (kinds[i] == PieceKind::kControl || kinds[i] == PieceKind::kUserDefined)
      pieces[i] = mark_spaces(pieces[i]);
  return Vocabulary(std::move(pieces), std::move(kinds));
}

std::vector<float> read_scores(const ModelFile& file, std::size_t n_vocab) {
  constexpr std::string_view kScores = "tokenizer.ggml.scores";
  const std::vector<double>* scores = file.numbers(kScores);
  if (scores == nullptr || scores->size() != n_vocab)
    throw Error(kScores, fmt::format("{} numbers, one for each token", n_vocab),
                scores == nullptr ? "nothing" : std::to_string(scores->size()));
  return {scores->begin(), scores->end()};
}

Merges read_merges(const ModelFile& file, const Vocabulary& vocabulary) {
  const std::vector<std::string>* rules = file.strings("tokenizer.ggml.merges");
  if (rules == nullptr) throw Error("tokenizer.ggml.merges", "an array of strings", "nothing");
  Merges merges;
  for (const std::string& rule : *rules) merges.add(vocabulary, rule);
  return merges;
}

/// BPE whose pieces are text, not GPT-2's spelling of bytes: Gemma 4. Its models cut no words.
std::unique_ptr<PieceTokenizer> open_text_bpe(const ModelFile& file) {
  Vocabulary vocabulary = read_vocabulary(file);
  Merges merges = read_merges(file, vocabulary);
  const Token unknown = token_id(file, "tokenizer.ggml.unknown_token_id", vocabulary.size()).value_or(-1);
  SpecialSplitter specials = SpecialSplitter::of(vocabulary);
  return std::make_unique<CharacterBpeTokenizer>(std::move(vocabulary), std::move(specials),
                                                 std::move(merges), Pretokenizer(), SpaceMarks(), unknown,
                                                 /*byte_fallback=*/true, /*fuse_unknown=*/true);
}

/// The names of pre-tokenizers that say so of a 'gpt2'.
constexpr std::string_view kTextBpe[] = {"gemma4", "granite-embed-multi-311m", "sarvam-moe"};

std::unique_ptr<PieceTokenizer> open_bpe(const ModelFile& file) {
  const std::optional<std::string> pre = file.string("tokenizer.ggml.pre");
  if (!pre || *pre == "default")
    throw Error(
        "tokenizer.ggml.pre", fmt::format("one of {}", Pretokenizer::known()),
        pre ? "'default', which names none" : "nothing",
        option("convert the model again with a newer converter",
               "--pre NAME says it, where you know the model's family (gpt-2, llama-bpe ...); or convert the "
               "model again with a newer converter; a wrong one gives wrong token ids"));
  if (std::find(std::begin(kTextBpe), std::end(kTextBpe), *pre) != std::end(kTextBpe))
    return open_text_bpe(file);
  Pretokenizer pretokenizer = Pretokenizer::named(*pre);
  Vocabulary vocabulary = read_vocabulary(file);
  Merges merges = read_merges(file, vocabulary);
  const Token unknown = token_id(file, "tokenizer.ggml.unknown_token_id", vocabulary.size()).value_or(-1);
  const bool bos_by_default = pretokenizer.add_bos, nfc = pretokenizer.nfc;
  SpecialSplitter specials = SpecialSplitter::of(vocabulary);
  auto result = std::make_unique<ByteBpeTokenizer>(std::move(vocabulary), std::move(specials),
                                                   std::move(merges), std::move(pretokenizer), unknown);
  result->add_bos = bos_by_default;
  result->nfc = nfc;
  return result;
}

/// Phi-3's control tokens swallow the white space behind them, but for three; a GGUF does not say so.
SpecialSplitter spm_specials(const ModelFile& file, const Vocabulary& vocabulary) {
  std::vector<SpecialToken> tokens = SpecialSplitter::tokens_of(vocabulary);
  if (file.string("general.architecture") == "phi3")
    for (SpecialToken& token : tokens)
      token.strip_right =
          token.control && token.text != "<s>" && token.text != "<unk>" && token.text != "<|endoftext|>";
  return SpecialSplitter(std::move(tokens));
}

std::unique_ptr<PieceTokenizer> open_spm(const ModelFile& file) {
  if (file.boolean("tokenizer.ggml.remove_extra_whitespaces").value_or(false))
    throw Error("tokenizer.ggml.remove_extra_whitespaces", "false", "true",
                "SentencePiece that drops spaces is not implemented");
  Vocabulary vocabulary = read_vocabulary(file, true);
  std::vector<float> scores = read_scores(file, static_cast<std::size_t>(vocabulary.size()));
  const auto spelled = [&](std::string_view piece) {
    const Token id = vocabulary.find(piece);
    return id < 0 ? std::nullopt : std::optional<Token>(id);
  };
  const auto unknown = token_id(file, "tokenizer.ggml.unknown_token_id", vocabulary.size());
  const Token unknown_id = unknown.value_or(spelled("<unk>").value_or(-1));
  const auto bos = spelled("<s>"), eos = spelled("</s>");
  SpecialSplitter specials = spm_specials(file, vocabulary);
  auto result = std::make_unique<SpmTokenizer>(
      std::move(vocabulary), std::move(specials), std::move(scores), unknown_id,
      file.boolean("tokenizer.ggml.add_space_prefix").value_or(true));
  result->bos = bos;
  result->eos = eos;
  result->add_bos = true;
  return result;
}

/// BERT's WordPiece: first pieces are spelled "\u2581un", others "able" there.
std::unique_ptr<PieceTokenizer> open_wordpiece(const ModelFile& file) {
  Vocabulary vocabulary = read_vocabulary(file);
  const auto named = [&](std::string_view key, std::string_view usual) {
    const std::optional<Token> id = token_id(file, key, vocabulary.size());
    const Token spelled = vocabulary.find(usual);
    return id || spelled < 0 ? id : std::optional<Token>(spelled);
  };
  WordPieces pieces{std::string(kSpaceMark), "",
                    named("tokenizer.ggml.unknown_token_id", "[UNK]").value_or(-1)};
  BertText text;
  text.lowercase = file.boolean("tokenizer.ggml.normalizer.lowercase").value_or(true);
  text.strip_accents = file.boolean("tokenizer.ggml.normalizer.strip_accents").value_or(text.lowercase);
  // The key of [CLS] has been "cls", and that of [SEP] is written so.
  const auto bos = named("tokenizer.ggml.cls_token_id", "[CLS]");
  const auto eos = named("tokenizer.ggml.seperator_token_id", "[SEP]");
  const auto mask = named("tokenizer.ggml.mask_token_id", "[MASK]");
  SpecialSplitter specials = SpecialSplitter::of(vocabulary);
  auto result = std::make_unique<WordPieceTokenizer>(std::move(vocabulary), std::move(specials),
                                                     std::move(pieces), text);
  result->bos = bos, result->eos = eos, result->mask = mask;
  result->add_bos = bos.has_value(), result->add_eos = eos.has_value();
  return result;
}

/// The bytes of an array of i8 or u8; empty where there is none.
std::string read_blob(const ModelFile& file, std::string_view key) {
  std::string blob;
  if (const std::vector<std::int64_t>* bytes = file.integers(key))
    for (const std::int64_t byte : *bytes) {
      if (byte < -128 || byte > 255) throw Error(key, "bytes", std::to_string(byte));
      blob.push_back(static_cast<char>(byte));
    }
  return blob;
}

/// Unigram: T5, XLM-RoBERTa.
std::unique_ptr<PieceTokenizer> open_unigram(const ModelFile& file) {
  constexpr std::string_view kCharsmap = "tokenizer.ggml.precompiled_charsmap";
  if (file.boolean("tokenizer.ggml.treat_whitespace_as_suffix").value_or(false))
    throw Error("tokenizer.ggml.treat_whitespace_as_suffix", "false", "true", "this is not implemented");
  Vocabulary vocabulary = read_vocabulary(file);
  const std::vector<float> scores = read_scores(file, static_cast<std::size_t>(vocabulary.size()));
  const std::optional<Token> unknown = token_id(file, "tokenizer.ggml.unknown_token_id", vocabulary.size());
  UnigramOptions options;
  options.unknown = unknown.value_or(vocabulary.find("<unk>"));
  UnigramText text;
  text.by_sentencepiece = true;
  text.rules.add_prefix = file.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
  text.rules.drop_spaces = file.boolean("tokenizer.ggml.remove_extra_whitespaces").value_or(true);
  if (const std::string blob = read_blob(file, kCharsmap); !blob.empty())
    text.rules.charsmap = std::make_shared<const Charsmap>(blob, kCharsmap);
  text.rules.kept = user_defined(vocabulary);
  std::vector<SpecialToken> control = SpecialSplitter::tokens_of(vocabulary);
  std::erase_if(control, [](const SpecialToken& token) { return !token.control; });
  SpecialSplitter specials(std::move(control));
  auto result = std::make_unique<UnigramTokenizer>(std::move(vocabulary), std::move(specials),
                                                   std::vector<double>(scores.begin(), scores.end()), options,
                                                   std::move(text));
  result->mask = token_id(file, "tokenizer.ggml.mask_token_id", result->n_vocab());
  result->add_eos = file.boolean("tokenizer.ggml.add_eos_token").value_or(true);
  return result;
}

std::unique_ptr<PieceTokenizer> open_kind(const ModelFile& file, std::string_view model) {
  if (model == "gpt2") return open_bpe(file);
  if (model == "llama") return open_spm(file);
  if (model == "bert") return open_wordpiece(file);
  if (model == "gemma4") return open_text_bpe(file);
  if (model == "t5") return open_unigram(file);
  throw Error(
      "tokenizer.ggml.model",
      "'gpt2' (byte-level BPE), 'llama' (SentencePiece BPE), 'gemma4' (BPE of text), 't5' (Unigram) or "
      "'bert' (WordPiece)",
      fmt::format("'{}'", model), "this kind of tokenizer is not implemented");
}

}  // namespace

std::vector<Token> Tokenizer::encode_parts(std::span<const TextPart> parts, bool) const {
  std::vector<Token> ids;
  for (const TextPart& part : parts) {
    const std::vector<Token> more = encode(part.text, part.special);
    ids.insert(ids.end(), more.begin(), more.end());
  }
  return ids;
}

std::unique_ptr<Tokenizer> Tokenizer::open(const ModelFile& file) {
  const std::optional<std::string> model = file.string("tokenizer.ggml.model");
  if (!model) {
    if (file.container() == "safetensors") return open_hf_tokenizer(file);
    throw Error("tokenizer.ggml.model", "'gpt2', 'llama', 'gemma4', 't5' or 'bert'", "nothing",
                "the file carries no tokenizer");
  }
  std::unique_ptr<PieceTokenizer> result = open_kind(file, *model);
  const auto read_id = [&](std::string_view key, std::optional<Token>& id) {
    if (const auto value = token_id(file, key, result->n_vocab())) id = value;
  };
  read_id("tokenizer.ggml.bos_token_id", result->bos);
  read_id("tokenizer.ggml.eos_token_id", result->eos);
  read_id("tokenizer.ggml.eot_token_id", result->eot);
  std::optional<Token> eom;
  read_id("tokenizer.ggml.eom_token_id", eom);
  if (eom) result->end_tokens.push_back(*eom);
  result->add_bos = file.boolean("tokenizer.ggml.add_bos_token").value_or(result->add_bos);
  if (*model == "gemma4") result->add_bos = true;  // files that say otherwise are wrong
  result->chat_template = file.string("tokenizer.chat_template").value_or("");
  result->chat_template_place = "tokenizer.chat_template";
  result->finish();
  const auto name_text = [&](const char* name, std::optional<Token> id) {
    if (id) result->special_texts.emplace_back(name, result->vocabulary().piece(*id));
  };
  name_text("bos_token", result->bos), name_text("eos_token", result->eos);
  name_text("unk_token", token_id(file, "tokenizer.ggml.unknown_token_id", result->n_vocab()));
  name_text("pad_token", token_id(file, "tokenizer.ggml.padding_token_id", result->n_vocab()));
  name_text("mask_token", result->mask);
  return result;
}

}  // namespace rw
