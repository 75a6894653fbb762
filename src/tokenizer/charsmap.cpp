// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/charsmap.h"

#include "core/error.h"
#include "core/utf8.h"
#include "tokenizer/regex.h"

namespace rw {
namespace {

std::uint32_t read_unit(std::string_view bytes) {
  std::uint32_t unit = 0;
  for (std::size_t i = 0; i < 4; ++i) unit |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return unit;
}

// The parts of a unit of the double array.
std::uint32_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
std::uint32_t label_of(std::uint32_t unit) { return unit & ((1u << 31) | 0xffu); }
bool has_leaf(std::uint32_t unit) { return ((unit >> 8) & 1u) != 0; }
std::uint32_t value_of(std::uint32_t unit) { return unit & ~(1u << 31); }

}  // namespace

Charsmap::Charsmap(std::string_view blob, std::string_view place) {
  const std::size_t size = blob.size() < 4 ? 0 : read_unit(blob);
  if (size == 0 || size % 4 != 0 || size > blob.size() - 4)
    throw Error(place, "a precompiled_charsmap: the size of its table, the table, strings",
                fmt::format("a table of {} bytes in {}", size, blob.size()), "the file is damaged");
  units_.reserve(size / 4);
  for (std::size_t at = 4; at < size + 4; at += 4) units_.push_back(read_unit(blob.substr(at, 4)));
  strings_ = blob.substr(size + 4);
}

std::optional<Charsmap::Match> Charsmap::find(std::string_view text, bool longest) const {
  std::optional<Match> found;
  std::uint32_t node = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size() && text[i] != '\0'; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size() || label_of(units_[node]) != byte) break;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (node >= units_.size()) break;
    if (!has_leaf(unit)) continue;
    const std::size_t at = value_of(units_[node]);
    if (at > strings_.size()) break;  // a damaged map: as if it had no such text
    const std::size_t end = std::min(strings_.find('\0', at), strings_.size());
    found = Match{i + 1, std::string_view(strings_).substr(at, end - at)};
    if (!longest) break;
  }
  return found;
}

std::string normalize_clusters(std::string_view text, const Charsmap& map) {
  constexpr std::size_t kWholeBelow = 6;
  static const Regex cluster(R"(\X)", "grapheme clusters");
  std::vector<std::string_view> clusters;
  Regex::Scratch scratch;
  cluster.split(text, Cut::kIsolate, scratch, clusters);
  std::string result;
  result.reserve(text.size());
  for (const std::string_view whole : clusters) {
    if (whole.size() < kWholeBelow)
      if (const auto match = map.shortest(whole)) {
        result += match->replacement;
        continue;
      }
    for (std::size_t i = 0, size; i < whole.size(); i += size) {
      size = utf8_length(whole, i);
      const std::string_view character = whole.substr(i, size);
      const auto match = map.shortest(character);
      result += match ? match->replacement : character;
    }
  }
  return result;
}

}  // namespace rw
