// SPDX-License-Identifier: Apache-2.0
/// What ranks tell each other about items: a line of JSON, its kind first, and bytes behind it. What comes
/// from another machine is read as a file from there would be.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "judge/measurer.h"

namespace rw {

using MessageBytes = std::vector<std::byte>;

/// One of them as it came.
struct ItemMessage {
  std::string kind;
  JsonInput head;
  std::string rest;
  std::string place;  ///< whose it is, for errors
};

/// All that measuring an item takes beside the model and its documents, which are told by their text_id.
struct ItemOrder {
  std::uint64_t id = 0;         ///< another one for each item of each plan
  Item item = {};               ///< task, method, length, seed, told, bytes
  PlanOptions plan = {};        ///< tail, n_predict, stride, n_depths
  std::string document, other;  ///< other: empty where there is none
};

MessageBytes message_bytes(const std::string& kind, const Json& fields = Json::object(),
                           std::string_view rest = {});
/// Errors: Error where it is no message.
ItemMessage read_message(int from, std::span<const std::byte> bytes);

inline constexpr const char *kOrder = "order", *kDocument = "document", *kRecords = "records";
MessageBytes order_message(const ItemOrder& order);
MessageBytes document_message(const Document& document);
/// Errors: Error for fields that are missing or out of bounds; a text that is not what its SHA-256 says, or
/// has ids that the vocabulary has not.
ItemOrder order_from(const ItemMessage& message);
Document document_from(const ItemMessage& message, Index n_vocab);

/// What was measured: lines of results (results/lines.h), with the order of their values, which these have
/// not.
MessageBytes records_message(std::uint64_t id, const std::vector<Record>& records);
/// Errors: Error where these are not the records of item `id`, or were changed.
std::vector<Record> records_from(const ItemMessage& message, std::uint64_t id);

/// A whole number of a message. Errors: Error where there is none from 0 to `most`.
std::uint64_t number_of(const ItemMessage& message, const char* key, std::uint64_t most);
/// Errors: Error where there is no text.
std::string text_of(const ItemMessage& message, const char* key);

}  // namespace rw
