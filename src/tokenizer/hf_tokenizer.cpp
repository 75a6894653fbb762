// SPDX-License-Identifier: Apache-2.0
/// tokenizer.json of a Hugging Face folder. Only what changes ids is read, and what is not implemented is
/// refused by name: an approximate tokenizer would give wrong results silently.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tokenizer/hf_settings.h"
#include "tokenizer/piece_tokenizer.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;
/// Not core's Json: its objects look keys up one after the other, quadratic for a vocabulary.
using Document = nlohmann::json;

constexpr std::size_t kMaxTokenizerBytes = std::size_t{100} << 20;
constexpr int kMaxDepth = 32;

Document parse(std::string_view text, std::string_view place) {
  const auto limit_depth = [&](int depth, Document::parse_event_t, Document&) {
    if (depth > kMaxDepth)
      throw Error(place, fmt::format("JSON nested at most {} deep", kMaxDepth), "a deeper one");
    return true;
  };
  try {
    Document document = Document::parse(text.begin(), text.end(), limit_depth);
    if (!document.is_object()) throw Error(place, "a JSON object", document.type_name());
    return document;
  } catch (const Document::exception& e) {
    throw Error(place, "JSON", e.what());
  }
}

/// Reads one tokenizer.json; a member function for each of its parts.
class Reader {
 public:
  Reader(const Document& root, std::string_view place) : root_(root), place_(place) {}
  std::unique_ptr<PieceTokenizer> read();

 private:
  std::unique_ptr<PieceTokenizer> make();
  void check_model() const;
  [[noreturn]] void refuse(std::string_view expected, std::string_view found) const {
    throw Error(place_, expected, found, "this tokenizer.json needs what is not implemented, or is damaged");
  }
  /// Member of an object, null when absent.
  const Document& get(const Document& object, const char* key) const {
    static const Document null;
    if (!object.is_object()) refuse(fmt::format("an object with '{}'", key), object.type_name());
    const auto it = object.find(key);
    return it == object.end() ? null : *it;
  }
  std::string text(const Document& object, const char* key) const {
    const Document& value = get(object, key);
    if (!value.is_string()) refuse(fmt::format("a string '{}'", key), value.type_name());
    return value.get<std::string>();
  }
  bool flag(const Document& object, const char* key, bool absent) const {
    const Document& value = get(object, key);
    if (value.is_null()) return absent;
    if (!value.is_boolean()) refuse(fmt::format("true or false for '{}'", key), value.type_name());
    return value.get<bool>();
  }
  Index id(const Document& value) const {
    if (!value.is_number_integer()) refuse("token ids", value.type_name());
    const auto number = value.get<std::int64_t>();
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{1} << 31)
      refuse("token ids", "too great");
    if (number < 0 || number >= max_id_)
      refuse(fmt::format("token ids from 0 to {}", max_id_ - 1), std::to_string(number));
    return number;
  }
  /// A component and, for a Sequence, its members under `list`.
  std::vector<const Document*> components(const Document& part, const char* list) const {
    if (part.is_null()) return {};
    if (text(part, "type") != "Sequence") return {&part};
    std::vector<const Document*> members;
    const Document& array = get(part, list);
    if (!array.is_array()) refuse(fmt::format("an array '{}'", list), array.type_name());
    for (const Document& member : array) {
      if (text(member, "type") == "Sequence") refuse("a flat Sequence", "a Sequence in a Sequence");
      members.push_back(&member);
    }
    return members;
  }

  void read_vocabulary();
  void read_merges();
  void read_normalizers();
  void read_pretokenizers();
  void read_split(const Document& part);
  void read_metaspace(const Document& part);
  void read_post_processor(PieceTokenizer& tokenizer) const;

  const Document& root_;
  std::string place_;
  Index max_id_ = 0;
  Vocabulary vocabulary_;
  SpecialSplitter specials_;
  Merges merges_;
  Pretokenizer pretokenizer_;
  SpaceMarks marks_;
  bool nfc_ = false, byte_level_ = false, add_prefix_space_ = false, byte_fallback_ = false;
  bool marks_spaces_ = false;
};

void Reader::read_vocabulary() {
  const Document& model = get(root_, "model");
  const Document& vocab = get(model, "vocab");
  const Document& added = get(root_, "added_tokens");
  if (!vocab.is_object() || vocab.empty()) refuse("a 'vocab' object that is not empty", vocab.type_name());
  if (!added.is_null() && !added.is_array()) refuse("an array 'added_tokens'", added.type_name());
  // Holes are allowed (some tables are padded), but not so many that a small file asks for much memory.
  max_id_ = static_cast<Index>(vocab.size() + added.size()) * 2 + 4096;
  Index n_vocab = 0;
  for (const auto& [piece, value] : vocab.items()) n_vocab = std::max(n_vocab, id(value) + 1);
  for (const Document& token : added) n_vocab = std::max(n_vocab, id(get(token, "id")) + 1);
  std::vector<std::string> pieces(static_cast<std::size_t>(n_vocab));
  std::vector<PieceKind> kinds(pieces.size(), PieceKind::kUnused);
  for (const auto& [piece, value] : vocab.items()) {
    const auto at = static_cast<std::size_t>(id(value));
    if (kinds[at] != PieceKind::kUnused) refuse("each id once", fmt::format("{} twice", at));
    pieces[at] = piece;
    kinds[at] = byte_fallback_ && parse_byte_piece(piece) ? PieceKind::kByte : PieceKind::kNormal;
  }
  std::vector<SpecialToken> specials;
  for (const Document& token : added) {
    const auto at = static_cast<std::size_t>(id(get(token, "id")));
    const bool control = flag(token, "special", false);
    if (flag(token, "single_word", false))
      refuse("added tokens without 'single_word'", text(token, "content"));
    pieces[at] = text(token, "content");
    kinds[at] = control ? PieceKind::kControl : PieceKind::kUserDefined;
    specials.push_back({pieces[at], static_cast<Token>(at), control, flag(token, "lstrip", false),
                        flag(token, "rstrip", false)});
  }
  vocabulary_ = Vocabulary(std::move(pieces), std::move(kinds));
  specials_ = SpecialSplitter(std::move(specials));
}

void Reader::read_merges() {
  const Document& merges = get(get(root_, "model"), "merges");
  if (!merges.is_array()) refuse("an array 'merges'", merges.type_name());
  for (const Document& rule : merges) {
    if (rule.is_string()) {
      merges_.add(vocabulary_, rule.get_ref<const std::string&>());
    } else if (rule.is_array() && rule.size() == 2 && rule[0].is_string() && rule[1].is_string()) {
      merges_.add(vocabulary_, rule[0].get_ref<const std::string&>(), rule[1].get_ref<const std::string&>());
    } else {
      refuse("merge rules \"a b\" or [\"a\", \"b\"]", rule.type_name());
    }
  }
}

void Reader::read_normalizers() {
  for (const Document* part : components(get(root_, "normalizer"), "normalizers")) {
    const std::string type = text(*part, "type");
    if (type == "NFC") {
      nfc_ = true;
    } else if (type == "Prepend" && text(*part, "prepend") == kSpaceMark) {
      marks_.prefix = SpaceMarks::Prefix::kAlways;
    } else if (type == "Replace" && get(*part, "pattern") == Document{{"String", " "}} &&
               text(*part, "content") == kSpaceMark) {
      marks_spaces_ = true;
    } else {
      refuse("the normalizers NFC, Prepend and Replace of spaces by U+2581", type);
    }
  }
}

void Reader::read_split(const Document& part) {
  const Document& pattern = get(part, "pattern");
  const std::string behavior = text(part, "behavior");
  const bool invert = flag(part, "invert", false);
  if (get(pattern, "Regex").is_null())
    refuse("Split by a Regex", pattern.dump(-1, ' ', false, Document::error_handler_t::replace));
  if (behavior != "Isolated" && !(behavior == "Removed" && invert))
    refuse("Split with behavior Isolated (or Removed with invert)", behavior);
  pretokenizer_.add(Regex(text(pattern, "Regex"), place_), behavior == "Removed");
}

void Reader::read_metaspace(const Document& part) {
  if (text(part, "replacement") != kSpaceMark) refuse("Metaspace with U+2581", text(part, "replacement"));
  const Document& scheme = get(part, "prepend_scheme");
  const bool prefix = flag(part, "add_prefix_space", true);
  const std::string name = scheme.is_string() ? scheme.get<std::string>() : prefix ? "always" : "never";
  if (name == "always")
    marks_.prefix = SpaceMarks::Prefix::kAlways;
  else if (name == "first")
    marks_.prefix = SpaceMarks::Prefix::kFirst;
  else if (name != "never")
    refuse("prepend_scheme always, first or never", name);
  marks_.unless_marked = true;
  marks_.split = flag(part, "split", true);
  marks_spaces_ = true;
}

void Reader::read_pretokenizers() {
  for (const Document* part : components(get(root_, "pre_tokenizer"), "pretokenizers")) {
    const std::string type = text(*part, "type");
    if (byte_level_ || marks_.split)
      refuse("ByteLevel or Metaspace as the last pre-tokenizer", type + " after it");
    if (type == "ByteLevel") {
      byte_level_ = true;
      add_prefix_space_ = flag(*part, "add_prefix_space", true);
      if (flag(*part, "use_regex", true)) pretokenizer_.add(Regex(kGpt2Pattern, place_));
    } else if (type == "Split") {
      read_split(*part);
    } else if (type == "Digits") {
      pretokenizer_.add(Regex(flag(*part, "individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)", place_));
    } else if (type == "Metaspace") {
      read_metaspace(*part);
    } else {
      refuse("the pre-tokenizers ByteLevel, Split, Digits and Metaspace", type);
    }
  }
  pretokenizer_.name = "tokenizer.json";
}

/// BOS is added where the template for one text begins with a special token.
void Reader::read_post_processor(PieceTokenizer& tokenizer) const {
  for (const Document* part : components(get(root_, "post_processor"), "processors")) {
    if (text(*part, "type") != "TemplateProcessing") continue;
    const Document& single = get(*part, "single");
    if (!single.is_array() || single.empty()) continue;
    const Document& special = get(single[0], "SpecialToken");
    if (special.is_null()) continue;
    const Token bos = tokenizer.vocabulary().find(text(special, "id"));
    if (bos < 0) refuse("a BOS token of the vocabulary", text(special, "id"));
    tokenizer.bos = bos;
    tokenizer.add_bos = true;
  }
}

void Reader::check_model() const {
  const Document& model = get(root_, "model");
  const Document& type = get(model, "type");
  if (!(type.is_null() || type == "BPE") || !get(model, "merges").is_array())
    refuse("a BPE model", type.is_string() ? type.get<std::string>() : type.type_name());
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const Document& value = get(model, key);
        value.is_string() && !value.get_ref<const std::string&>().empty())
      refuse(fmt::format("no '{}'", key), value.get<std::string>());
  if (const Document& dropout = get(model, "dropout"); dropout.is_number() && dropout.get<double>() != 0)
    refuse("no dropout", dropout.dump());
}

std::unique_ptr<PieceTokenizer> Reader::read() {
  check_model();
  byte_fallback_ = flag(get(root_, "model"), "byte_fallback", false);
  read_vocabulary();
  read_merges();
  read_normalizers();
  read_pretokenizers();
  std::unique_ptr<PieceTokenizer> result = make();
  read_post_processor(*result);
  return result;
}

/// The tokenizer of the parts read, which move into it.
std::unique_ptr<PieceTokenizer> Reader::make() {
  const Document& model = get(root_, "model");
  const Document& unknown_token = get(model, "unk_token");
  const Token unknown =
      unknown_token.is_string() ? vocabulary_.find(unknown_token.get_ref<const std::string&>()) : -1;
  const bool whole_words = flag(model, "ignore_merges", false);
  if (byte_level_) {
    if (marks_spaces_ || marks_.prefix != SpaceMarks::Prefix::kNever)
      refuse("ByteLevel or U+2581, not both", "both");
    pretokenizer_.whole_words = whole_words;
    auto result = std::make_unique<ByteBpeTokenizer>(std::move(vocabulary_), std::move(specials_),
                                                     std::move(merges_), std::move(pretokenizer_), unknown);
    result->nfc = nfc_;
    result->add_prefix_space = add_prefix_space_;
    return result;
  }
  if (!marks_spaces_ || nfc_ || pretokenizer_.steps() > 0)
    refuse("ByteLevel, or spaces replaced by U+2581 without NFC and Split", "neither");
  auto result = std::make_unique<CharacterBpeTokenizer>(std::move(vocabulary_), std::move(specials_),
                                                        std::move(merges_), marks_, unknown, byte_fallback_,
                                                        flag(model, "fuse_unk", false));
  result->whole_words = whole_words;
  return result;
}

std::unique_ptr<Tokenizer> make_tokenizer(std::string_view tokenizer_json, const HfSettings& settings,
                                          std::string_view place) {
  const Document root = parse(tokenizer_json, place);
  std::unique_ptr<PieceTokenizer> result = Reader(root, place).read();
  const auto id_of = [&](const char* name) -> std::optional<Token> {
    const std::string* text = settings.special_text(name);
    const Token id = text ? result->vocabulary().find(*text) : -1;
    return id < 0 ? std::nullopt : std::optional<Token>(id);
  };
  if (const auto bos = id_of("bos_token")) result->bos = bos;
  result->eos = id_of("eos_token");
  for (const Token id : settings.end_ids) {
    if (!result->vocabulary().contains(id)) continue;
    if (!result->eos) result->eos = id;
    result->end_tokens.push_back(id);
  }
  result->add_bos = settings.add_bos.value_or(result->add_bos);
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
  return make_tokenizer(tokenizer_json, parse_hf_settings(config), place);
}

std::unique_ptr<Tokenizer> open_hf_tokenizer(const ModelFile& file) {
  const fs::path folder(file.path()), path = folder / "tokenizer.json";
  return make_tokenizer(read_text_within(path, kMaxTokenizerBytes), read_hf_settings(folder), path.string());
}

}  // namespace ropewalk
