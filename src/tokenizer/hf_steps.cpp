// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/hf_steps.h"

#include "core/error.h"

namespace rw {
namespace {

using Document = HfJson::Document;

class StepReader {
 public:
  StepReader(const HfJson& json, const Document& root) : json_(json), root_(root) {}
  HfSteps read() {
    read_normalizers();
    read_pretokenizers();
    steps_.pretokenizer.name = "tokenizer.json";
    return std::move(steps_);
  }

 private:
  void read_normalizers();
  void read_pretokenizers();
  void read_byte_level(const Document& part);
  void read_split(const Document& part);
  void read_metaspace(const Document& part);
  Cut cut(const Document& part, const char* absent) const;
  void add(std::string_view pattern, Cut how) {
    Regex regex(pattern, json_.place());
    if (steps_.byte_level)
      steps_.pretokenizer.add_behind_bytes(std::move(regex), how);
    else
      steps_.pretokenizer.add(std::move(regex), how);
  }

  const HfJson& json_;
  const Document& root_;
  HfSteps steps_;
};

void StepReader::read_normalizers() {
  for (const Document* part : json_.components(json_.get(root_, "normalizer"), "normalizers")) {
    const std::string type = json_.text(*part, "type");
    if (type == "NFC") {
      steps_.nfc = true;
    } else if (type == "Prepend" && json_.text(*part, "prepend") == kSpaceMark) {
      steps_.marks.prefix = SpaceMarks::Prefix::kAlways;
    } else if (type == "Replace" && json_.get(*part, "pattern") == Document{{"String", " "}} &&
               json_.text(*part, "content") == kSpaceMark) {
      steps_.marks_spaces = true;
    } else {
      json_.refuse("the normalizers NFC, Prepend and Replace of spaces by U+2581", type);
    }
  }
}

/// `absent`: the behaviour where the part names none; null where it must.
Cut StepReader::cut(const Document& part, const char* absent) const {
  const bool none = json_.get(part, "behavior").is_null() && absent != nullptr;
  const std::string behavior = none ? absent : json_.text(part, "behavior");
  const bool invert = json_.flag(part, "invert", false);
  if (behavior == "Isolated") return Cut::kIsolate;
  if (behavior == "Removed") return invert ? Cut::kKeepMatches : Cut::kDropMatches;
  if (invert) json_.refuse("'invert' with behavior Isolated or Removed", behavior);
  if (behavior == "MergedWithPrevious") return Cut::kWithPrevious;
  if (behavior == "MergedWithNext") return Cut::kWithNext;
  if (behavior == "Contiguous") return Cut::kJoinMatches;
  json_.refuse("behavior Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous", behavior);
}

void StepReader::read_split(const Document& part) {
  const Document& pattern = json_.get(part, "pattern");
  const Cut how = cut(part, nullptr);
  const bool is_regex = !json_.get(pattern, "Regex").is_null();
  const std::string literal = json_.text(pattern, is_regex ? "Regex" : "String");
  if (literal.empty()) json_.refuse("Split by a Regex or a String that is not empty", "an empty one");
  if (literal == " " && steps_.marks_spaces) return;  // Gemma's: no space is left to split at
  add(is_regex ? literal : Regex::escaped(literal), how);
}

void StepReader::read_metaspace(const Document& part) {
  if (json_.text(part, "replacement") != kSpaceMark)
    json_.refuse("Metaspace with U+2581", json_.text(part, "replacement"));
  const Document& scheme = json_.get(part, "prepend_scheme");
  const bool prefix = json_.flag(part, "add_prefix_space", true);
  const std::string name = scheme.is_string() ? scheme.get<std::string>() : prefix ? "always" : "never";
  if (name == "always")
    steps_.marks.prefix = SpaceMarks::Prefix::kAlways;
  else if (name == "first")
    steps_.marks.prefix = SpaceMarks::Prefix::kFirst;
  else if (name != "never")
    json_.refuse("prepend_scheme always, first or never", name);
  if (steps_.pretokenizer.steps() > 0) json_.refuse("Metaspace alone", "Metaspace behind another");
  steps_.marks.unless_marked = true;
  steps_.marks.split = json_.flag(part, "split", true);
  steps_.marks_spaces = true;
}

void StepReader::read_byte_level(const Document& part) {
  if (steps_.byte_level) json_.refuse("ByteLevel once", "twice");
  steps_.add_prefix_space = json_.flag(part, "add_prefix_space", true);
  if (steps_.add_prefix_space && steps_.pretokenizer.steps() > 0)
    json_.refuse("ByteLevel without add_prefix_space behind another pre-tokenizer", "one with it");
  if (json_.flag(part, "use_regex", true)) add(kGpt2Pattern, Cut::kIsolate);
  steps_.byte_level = true;
}

void StepReader::read_pretokenizers() {
  for (const Document* part : json_.components(json_.get(root_, "pre_tokenizer"), "pretokenizers")) {
    const std::string type = json_.text(*part, "type");
    if (steps_.marks.split) json_.refuse("Metaspace as the last pre-tokenizer", type + " after it");
    if (type == "ByteLevel") {
      read_byte_level(*part);
    } else if (type == "Split") {
      read_split(*part);
    } else if (type == "Digits") {
      const bool each = json_.flag(*part, "individual_digits", false);
      add(std::string(kNumberPattern) + (each ? "" : "+"), Cut::kIsolate);
    } else if (type == "Punctuation") {
      add(kPunctuationPattern, cut(*part, "Isolated"));
    } else if (type == "Metaspace") {
      read_metaspace(*part);
    } else {
      json_.refuse("the pre-tokenizers ByteLevel, Split, Digits, Punctuation and Metaspace", type);
    }
  }
}

}  // namespace

HfSteps read_hf_steps(const HfJson& json, const Document& root) { return StepReader(json, root).read(); }

}  // namespace rw
