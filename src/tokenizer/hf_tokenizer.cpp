// SPDX-License-Identifier: Apache-2.0
/// tokenizer.json, or what stands for it, of a Hugging Face folder. Only what changes ids is read, and what
/// is not implemented is refused by name: an approximate tokenizer would give wrong results silently.
#include <algorithm>
#include <filesystem>

#include "tokenizer/hf_json.h"
#include "tokenizer/hf_settings.h"
#include "tokenizer/hf_steps.h"
#include "tokenizer/hf_tekken.h"
#include "tokenizer/hf_template.h"
#include "tokenizer/hf_unigram.h"
#include "tokenizer/hf_vocabulary.h"
#include "tokenizer/hf_wordpiece.h"
#include "tokenizer/piece_tokenizer.h"
#include "tokenizer/sentencepiece_model.h"

namespace rw {
namespace {

namespace fs = std::filesystem;
using Document = HfJson::Document;

constexpr std::size_t kMaxTokenizerBytes = std::size_t{100} << 20;

/// Reads the BPE model of one tokenizer.json; a member function for each of its parts.
class Reader {
 public:
  Reader(const Document& root, std::string_view place) : root_(root), json_(place) {}
  std::unique_ptr<PieceTokenizer> read();

 private:
  std::unique_ptr<PieceTokenizer> make(HfSteps steps);
  void check_model() const;
  void read_merges();

  const Document& root_;
  HfJson json_;
  Vocabulary vocabulary_;
  SpecialSplitter specials_;
  Merges merges_;
  bool byte_fallback_ = false;
};

void Reader::read_merges() {
  const Document& merges = json_.get(json_.get(root_, "model"), "merges");
  if (!merges.is_array()) json_.refuse("an array 'merges'", merges.type_name());
  for (const Document& rule : merges) {
    if (rule.is_string()) {
      merges_.add(vocabulary_, rule.get_ref<const std::string&>());
    } else if (rule.is_array() && rule.size() == 2 && rule[0].is_string() && rule[1].is_string()) {
      merges_.add(vocabulary_, rule[0].get_ref<const std::string&>(), rule[1].get_ref<const std::string&>());
    } else {
      json_.refuse("merge rules \"a b\" or [\"a\", \"b\"]", rule.type_name());
    }
  }
}

void Reader::check_model() const {
  const Document& model = json_.get(root_, "model");
  const Document& type = json_.get(model, "type");
  if (!(type.is_null() || type == "BPE") || !json_.get(model, "merges").is_array())
    json_.refuse("a BPE model", type.is_string() ? type.get<std::string>() : type.type_name());
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const Document& value = json_.get(model, key);
        value.is_string() && !value.get_ref<const std::string&>().empty())
      json_.refuse(fmt::format("no '{}'", key), value.get<std::string>());
  if (const Document& dropout = json_.get(model, "dropout");
      dropout.is_number() && dropout.get<double>() != 0)
    json_.refuse("no dropout", dropout.dump());
}

std::unique_ptr<PieceTokenizer> Reader::read() {
  check_model();
  byte_fallback_ = json_.flag(json_.get(root_, "model"), "byte_fallback", false);
  HfVocabulary read = read_hf_vocabulary(json_, root_, byte_fallback_);
  vocabulary_ = std::move(read.vocabulary);
  specials_ = std::move(read.specials);
  read_merges();
  std::unique_ptr<PieceTokenizer> result = make(read_hf_steps(json_, root_));
  read_hf_template(json_, root_, /*may_end=*/false, *result);
  return result;
}

/// The tokenizer of the parts read, which move into it.
std::unique_ptr<PieceTokenizer> Reader::make(HfSteps steps) {
  const Document& model = json_.get(root_, "model");
  const Document& unknown_token = json_.get(model, "unk_token");
  const Token unknown =
      unknown_token.is_string() ? vocabulary_.find(unknown_token.get_ref<const std::string&>()) : -1;
  steps.pretokenizer.whole_words = json_.flag(model, "ignore_merges", false);
  if (steps.byte_level) {
    if (steps.marks_spaces || steps.marks.prefix != SpaceMarks::Prefix::kNever)
      json_.refuse("ByteLevel or U+2581, not both", "both");
    auto result =
        std::make_unique<ByteBpeTokenizer>(std::move(vocabulary_), std::move(specials_), std::move(merges_),
                                           std::move(steps.pretokenizer), unknown);
    result->nfc = steps.nfc;
    result->add_prefix_space = steps.add_prefix_space;
    return result;
  }
  if (!steps.marks_spaces) json_.refuse("ByteLevel, or spaces replaced by U+2581", "neither");
  auto result = std::make_unique<CharacterBpeTokenizer>(
      std::move(vocabulary_), std::move(specials_), std::move(merges_), std::move(steps.pretokenizer),
      steps.marks, unknown, byte_fallback_, json_.flag(model, "fuse_unk", false));
  result->nfc = steps.nfc;
  return result;
}

std::unique_ptr<PieceTokenizer> read_json(std::string_view tokenizer_json, const HfSettings& settings,
                                          std::string_view place) {
  const Document root = HfJson::parse(tokenizer_json, place);
  if (is_wordpiece(root)) return read_hf_wordpiece(HfJson(place), root, settings);
  if (is_unigram(root)) return read_hf_unigram(HfJson(place), root);
  return Reader(root, place).read();
}

/// What stands beside the vocabulary. An encoder has no other begin and end than [CLS] and [SEP].
std::unique_ptr<Tokenizer> with_settings(std::unique_ptr<PieceTokenizer> result, const HfSettings& settings) {
  const auto id_of = [&](const char* name) -> std::optional<Token> {
    const std::string* text = settings.special_text(name);
    const Token id = text ? result->vocabulary().find(*text) : -1;
    return id < 0 ? std::nullopt : std::optional<Token>(id);
  };
  if (dynamic_cast<const WordPieceTokenizer*>(result.get()) != nullptr) {
    set_bert_tokens(*result, settings);
  } else {
    if (const auto bos = id_of("bos_token")) result->bos = bos;
    if (const auto eos = id_of("eos_token")) result->eos = eos;
    result->mask = id_of("mask_token");
    result->add_bos = settings.add_bos.value_or(result->add_bos);
  }
  for (const Token id : settings.end_ids) {
    if (!result->vocabulary().contains(id)) continue;
    if (!result->eos) result->eos = id;
    result->end_tokens.push_back(id);
  }
  result->special_texts = settings.special_texts;
  result->chat_template = settings.chat_template;
  result->chat_template_place = settings.chat_template_place;
  result->chat_template_problem = settings.chat_template_problem;
  result->finish();
  return result;
}

}  // namespace

std::unique_ptr<Tokenizer> parse_hf_tokenizer(std::string_view tokenizer_json, std::string_view config,
                                              std::string_view place) {
  const HfSettings settings = parse_hf_settings(config);
  return with_settings(read_json(tokenizer_json, settings, place), settings);
}

std::unique_ptr<Tokenizer> open_hf_tokenizer(const ModelFile& file) { return open_hf_tokenizer(file.path()); }

std::unique_ptr<Tokenizer> open_hf_tokenizer(const std::string& path_of_folder) {
  const fs::path folder(path_of_folder);
  const HfSettings settings = read_hf_settings(folder);
  const auto read = [&](const fs::path& path) -> std::unique_ptr<PieceTokenizer> {
    const std::string text = read_text_within(path, kMaxTokenizerBytes), place = path.string();
    if (path.filename() == "tekken.json") return read_tekken(text, place);
    if (path.extension() == ".json") return read_json(text, settings, place);
    if (path.extension() == ".txt") return read_wordpiece_lines(text, settings);
    return make_sentencepiece(read_sentencepiece_model(text, place), settings, place);
  };
  for (const char* name : {"tokenizer.json", "tekken.json", "tokenizer.model", "spiece.model", "vocab.txt"}) {
    const fs::path path = folder / name;
    if (std::error_code error; !fs::exists(path, error)) continue;
    std::unique_ptr<PieceTokenizer> result;
    try {
      result = read(path);
    } catch (const Error& e) {  // of a part, which knows no file
      if (std::string_view(e.what()).starts_with(path.string())) throw;
      throw Error(path.string(), e);
    }
    return with_settings(std::move(result), settings);
  }
  throw Error(folder.string(), "tokenizer.json, tekken.json, tokenizer.model, spiece.model or vocab.txt",
              "none of them", "the folder is incomplete: fetch its tokenizer too");
}

}  // namespace rw
