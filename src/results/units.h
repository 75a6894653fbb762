// SPDX-License-Identifier: Apache-2.0
/// What is repeated: the unit of every interval and test. Of five texts or more it is the text, whose
/// stretches depend on each other, and what is said speaks for texts like these. Of fewer it is the stretch,
/// and then all that is said speaks for these texts and no other.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "results/record.h"

namespace rw {

/// Fewer units (texts, or stretches of few texts) get no verdict: what was seen on them is no evidence. And
/// fewer texts are no sample of texts.
inline constexpr int kEnoughUnits = 5;

/// "novel.txt#3", the third stretch of a file, is of "novel.txt"; any other name is a text of its own.
std::string text_of(const std::string& document);

class Units {
 public:
  Units() = default;
  explicit Units(std::set<std::string> documents) : documents_(std::move(documents)) {
    for (const std::string& document : documents_) texts_.insert(text_of(document));
  }
  std::size_t n_documents() const { return documents_.size(); }
  std::size_t n_texts() const { return texts_.size(); }
  /// Stretches count as their text's mean.
  bool by_text() const { return n_texts() >= static_cast<std::size_t>(kEnoughUnits); }
  std::size_t n() const { return by_text() ? n_texts() : n_documents(); }
  std::string of(const std::string& document) const { return by_text() ? text_of(document) : document; }
  const std::set<std::string>& texts() const { return texts_; }
  /// "8 texts", "1 text", "8 stretches of 1 text", "20 stretches of 5 texts".
  std::string scope() const;
  /// Whom a claim speaks for: "this text", "these 3 texts"; empty where it is texts like these.
  std::string only() const;
  /// Of so many units: "3 texts", "1 stretch".
  std::string count(std::size_t n) const;

 private:
  std::set<std::string> documents_, texts_;
};

/// Of the tail task where it ran, else of all records.
Units units_of(const std::vector<Record>& records);

/// Values of one kind, by document: several of one document count as their mean.
using ByDocument = std::map<std::string, std::vector<double>>;
bool all_finite(const ByDocument& all);  ///< no value is NaN or infinite
/// One value for each unit, in the order of its name: the mean over its documents.
std::vector<double> unit_means(const ByDocument& values, const Units& units);
/// a - b for each unit: paired inside each document that both have, then the mean over the unit's documents.
std::vector<double> paired_difference(const ByDocument& a, const ByDocument& b, const Units& units);

}  // namespace rw
