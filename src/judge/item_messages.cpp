// SPDX-License-Identifier: Apache-2.0
#include "judge/item_messages.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "results/lines.h"

namespace rw {
namespace {

[[noreturn]] void fail_message(const std::string& place, const std::string& found) {
  throw Error(place, "a message about an item", found, "the same program on each machine");
}

}  // namespace

MessageBytes message_bytes(const std::string& kind, const Json& fields, std::string_view rest) {
  Json head{{"kind", kind}};
  head.update(fields);
  std::string text = dump_json(head) + "\n";
  text += rest;
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

ItemMessage read_message(int from, std::span<const std::byte> bytes) {
  ItemMessage message;
  message.place = fmt::format("a message of rank {}", from);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) fail_message(message.place, counted(bytes.size(), "byte") + " of none");
  message.head = parse_json(text.substr(0, end), message.place);
  if (!message.head.is_object()) fail_message(message.place, "no object");
  message.kind = text_of(message, "kind");
  message.rest = text.substr(end + 1);
  return message;
}

std::uint64_t number_of(const ItemMessage& message, const char* key, std::uint64_t most) {
  const auto found = message.head.find(key);
  if (found == message.head.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > most)
    fail_message(message.place, fmt::format("no {} from 0 to {}", key, most));
  return found->get<std::uint64_t>();
}

std::string text_of(const ItemMessage& message, const char* key) {
  const auto found = message.head.find(key);
  if (found == message.head.end() || !found->is_string())
    fail_message(message.place, fmt::format("no {}", key));
  return found->get<std::string>();
}

MessageBytes order_message(const ItemOrder& order) {
  const Item& item = order.item;
  const PlanOptions& plan = order.plan;
  return message_bytes(kOrder, {{"id", order.id},
                                {"task", item.task},
                                {"method", item.method},
                                {"length", item.length},
                                {"told", item.told},
                                {"seed", item.seed},
                                {"bytes", item.bytes},
                                {"document", order.document},
                                {"other", order.other},
                                {"tail", plan.tail},
                                {"n_predict", plan.n_predict},
                                {"stride", plan.stride},
                                {"n_depths", plan.n_depths}});
}

ItemOrder order_from(const ItemMessage& message) {
  const auto tokens = [&](const char* key) {
    return static_cast<Index>(number_of(message, key, kMostTokens));
  };
  const auto count = [&](const char* key) { return static_cast<int>(number_of(message, key, 1000000)); };
  ItemOrder order;
  order.id = number_of(message, "id", Checked::kMax);
  order.item.task = text_of(message, "task"), order.item.method = text_of(message, "method");
  order.item.length = tokens("length"), order.item.told = tokens("told"), order.item.seed = count("seed");
  order.item.bytes = number_of(message, "bytes", Checked::kMax);
  order.document = text_of(message, "document"), order.other = text_of(message, "other");
  order.plan.tail = tokens("tail"), order.plan.n_predict = tokens("n_predict");
  order.plan.stride = tokens("stride"), order.plan.n_depths = count("n_depths");
  return order;
}

MessageBytes document_message(const Document& document) {
  RW_CHECK(!document.asked);  // a file's questions are not told
  std::vector<Token> all = document.bos;
  all.insert(all.end(), document.tokens.begin(), document.tokens.end());
  return message_bytes(
      kDocument, {{"name", document.name}, {"text_id", document.text_id}, {"n_bos", document.bos.size()}},
      {reinterpret_cast<const char*>(all.data()), all.size() * sizeof(Token)});
}

Document document_from(const ItemMessage& message, Index n_vocab) {
  const Checked n(Checked(message.rest.size(), message.place).divided_by(sizeof(Token)));
  std::vector<Token> all(n.size());
  copy_bytes(all.data(), message.rest.data(), message.rest.size());
  if (std::any_of(all.begin(), all.end(), [&](Token token) { return token < 0 || token >= n_vocab; }))
    fail_message(message.place, "tokens that the vocabulary has not");
  const auto n_bos = static_cast<std::ptrdiff_t>(number_of(message, "n_bos", all.size()));
  Document document = identify(
      {text_of(message, "name"), {all.begin() + n_bos, all.end()}, {all.begin(), all.begin() + n_bos}});
  if (document.text_id != text_of(message, "text_id"))
    fail_message(message.place, "a text of another SHA-256");
  return document;
}

MessageBytes records_message(std::uint64_t id, const std::vector<Record>& records) {
  Json names = Json::array();
  for (const Record& record : records) {
    names.push_back(Json::array());
    for (const auto& [name, value] : record.values) names.back().push_back(name);
  }
  return message_bytes(kRecords, {{"id", id}, {"values", names}}, lines_of(std::to_string(id), records, {}));
}

namespace {

/// The values by these names, in their order. Errors: Error unless there are just these.
void put_in_order(Record& record, const JsonInput& names, const std::string& place) {
  std::vector<std::pair<std::string, double>> values;
  for (const JsonInput& name : names)
    if (const std::optional<double> value =
            name.is_string() ? value_of(record, name.get<std::string>()) : std::nullopt)
      values.emplace_back(name.get<std::string>(), *value);
  if (values.size() != record.values.size() || values.size() != names.size())
    fail_message(place, "values of other names");
  record.values = std::move(values);
}

}  // namespace

std::vector<Record> records_from(const ItemMessage& message, std::uint64_t id) {
  ResultLines lines = read_lines(message.place, message.rest);
  if (lines.groups.size() != 1 || lines.groups[0].key != std::to_string(id) || lines.n_cut > 0)
    fail_message(message.place, fmt::format("no records of item {}", id));
  std::vector<Record>& records = lines.groups[0].records;
  const auto names = message.head.find("values");
  if (names == message.head.end() || !names->is_array() || names->size() != records.size())
    fail_message(message.place, "no names of values");
  for (std::size_t i = 0; i < records.size(); ++i) put_in_order(records[i], (*names)[i], message.place);
  return std::move(records);
}

}  // namespace rw
