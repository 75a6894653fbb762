// SPDX-License-Identifier: Apache-2.0
/// tokenizer.json of a Hugging Face folder. Only what changes ids is read, and what is not implemented is
/// refused by name: an approximate tokenizer would give wrong results silently.
#include <algorithm>
#include <filesystem>

#include "tokenizer/hf_json.h"
#include "tokenizer/hf_settings.h"
#include "tokenizer/hf_steps.h"
#include "tokenizer/hf_vocabulary.h"
#include "tokenizer/hf_wordpiece.h"
#include "tokenizer/piece_tokenizer.h"
#include "tokenizer/sentencepiece_model.h"

namespace ropewalk {
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
  void read_post_processor(PieceTokenizer& tokenizer) const;

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

/// BOS is added where the template for one text begins with a special token.
void Reader::read_post_processor(PieceTokenizer& tokenizer) const {
  for (const Document* part : json_.components(json_.get(root_, "post_processor"), "processors")) {
    if (json_.text(*part, "type") != "TemplateProcessing") continue;
    const Document& single = json_.get(*part, "single");
    if (!single.is_array() || single.empty()) continue;
    const Document& special = json_.get(single[0], "SpecialToken");
    if (special.is_null()) continue;
    const Token bos = tokenizer.vocabulary().find(json_.text(special, "id"));
    if (bos < 0) json_.refuse("a BOS token of the vocabulary", json_.text(special, "id"));
    tokenizer.bos = bos;
    tokenizer.add_bos = true;
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
  read_post_processor(*result);
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
  if (!is_wordpiece(root)) return Reader(root, place).read();
  return read_hf_wordpiece(HfJson(place), root, settings);
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

std::unique_ptr<Tokenizer> open_hf_tokenizer(const ModelFile& file) {
  const fs::path folder(file.path());
  const HfSettings settings = read_hf_settings(folder);
  const auto text_of = [](const fs::path& path) { return read_text_within(path, kMaxTokenizerBytes); };
  const fs::path json = folder / "tokenizer.json", model = folder / "tokenizer.model",
                 lines = folder / "vocab.txt";
  std::error_code error;
  if (!fs::exists(json, error) && fs::exists(model, error))
    return with_settings(make_sentencepiece(read_sentencepiece_model(text_of(model), model.string()),
                                            settings, model.string()),
                         settings);
  if (!fs::exists(json, error) && fs::exists(lines, error))
    return with_settings(read_wordpiece_lines(text_of(lines), settings), settings);
  return with_settings(read_json(text_of(json), settings, json.string()), settings);
}

}  // namespace ropewalk
