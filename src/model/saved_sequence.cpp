// SPDX-License-Identifier: Apache-2.0
#include "model/saved_sequence.h"

#include <array>

#include "core/bytes.h"
#include "core/checked.h"
#include "core/hash.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/option.h"
#include "core/output_file.h"
#include "model/sequence_state.h"

namespace rw {
namespace {

constexpr std::string_view kMagic = "ropewalk sequence 1\n";
constexpr std::size_t kMostHeadBytes = 1 << 16, kDigits = 64;

std::string backend_of(const Model& model) {
  const Backend& backend = model.backend();
  const KvType kv = backend.kv_type();
  const std::string name = backend.name();
  return fmt::format("{} {} {}", name.substr(0, name.find(' ')),
                     backend.precision() == Precision::kBf16 ? "bf16" : "f32",
                     kv == KvType::kBf16  ? "bf16"
                     : kv == KvType::kF32 ? "f32"
                                          : "q8");
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The variants that a class's keys have, whatever their positions.
KeyPlan key_plan_of(const LayerClass& plans) {
  return plans.method.grows() ? plans.method.raw_keys(0, 1) : plans.method.lower_keys(0, 1);
}

/// A file read in order, all of it into one hash.
class Reader {
 public:
  explicit Reader(const std::string& path) : file_(path) {}
  void operator()(std::span<std::byte> bytes) {
    take(bytes);
    hash_.add(std::span<const std::byte>(bytes));
  }
  template <class T>
  void numbers(std::vector<T>& to) {
    (*this)(std::as_writable_bytes(std::span(to)));
  }
  /// The end: a hash of all before, and nothing behind it.
  void require_end() {
    const std::string expected = hash_.text();
    std::string found(kDigits, '\0');
    take(std::as_writable_bytes(std::span(found)));
    std::string more;
    if (found != expected || (file_.read(more, 1) && !more.empty()))
      throw Error(file_.path(), "a kept text as it was written", "another checksum, or more behind it");
  }
  const std::string& path() const { return file_.path(); }
  std::size_t size() const { return file_.size(); }

 private:
  void take(std::span<std::byte> bytes) {
    constexpr std::size_t kStep = std::size_t{1} << 20;
    while (!bytes.empty()) {
      buffer_.clear();
      if (!file_.read(buffer_, std::min(kStep, bytes.size())) || buffer_.empty())
        throw Error(file_.path(), "a kept text as it was written", "its end too early");
      copy_bytes(bytes.data(), buffer_.data(), buffer_.size());
      bytes = bytes.subspan(buffer_.size());
    }
  }
  InputFile file_;
  Sha256 hash_;
  std::string buffer_;
};

/// A whole number of the head from `least` to `most`.
Index number(const JsonInput& head, const char* key, Index least, Index most, const std::string& path) {
  const auto found = head.find(key);
  if (found == head.end() || !found->is_number_integer() || found->get<Index>() < least ||
      found->get<Index>() > most)
    throw Error(path, fmt::format("{}: a whole number from {} to {}", key, least, most),
                found == head.end() ? "none" : dump_json(*found));
  return found->get<Index>();
}

std::string text(const JsonInput& head, const char* key, const std::string& path) {
  const auto found = head.find(key);
  if (found == head.end() || !found->is_string()) throw Error(path, fmt::format("{}: a text", key), "none");
  return found->get<std::string>();
}

SavedHead parse_head(const JsonInput& json, const std::string& path) {
  SavedHead head;
  head.model_id = text(json, "model_id", path), head.method = text(json, "method", path);
  head.fingerprint = text(json, "fingerprint", path), head.backend = text(json, "backend", path);
  head.options.n = number(json, "n", 1, kMostTokens, path);
  head.options.n_prompt = number(json, "n_prompt", 1, head.options.n, path);
  head.options.rewind_to = number(json, "rewind_to", 0, kForever, path);
  head.n_read = number(json, "n_read", 0, head.options.n, path);
  head.kept_from = number(json, "kept_from", 0, head.n_read, path);
  if (const auto found = json.find("kept_states"); found != json.end()) {
    if (!found->is_array() || found->size() > RecurrentStates::kMostKept)
      throw Error(path, fmt::format("kept_states: up to {} positions", RecurrentStates::kMostKept), "more");
    for (const JsonInput& position : *found) {
      const Index before = head.kept_states.empty() ? 0 : head.kept_states.back();
      if (!position.is_number_integer() || position.get<Index>() <= before ||
          position.get<Index>() > head.n_read)
        throw Error(path, "kept_states: positions that rise", dump_json(position).substr(0, 40));
      head.kept_states.push_back(position.get<Index>());
    }
  }
  return head;
}

/// What stands before the keys.
SavedSequence read_begin(Reader& reader, std::vector<char>& written) {
  std::string magic(kMagic.size(), '\0');
  reader(std::as_writable_bytes(std::span(magic)));
  if (magic != kMagic)
    throw Error(reader.path(), "a text that was kept" + option("", " by generate --cache"),
                "a file of another kind, or of another version");
  std::array<std::uint64_t, 1> n_head{};
  reader(std::as_writable_bytes(std::span(n_head)));
  if (n_head[0] > kMostHeadBytes)
    throw Error(reader.path(), fmt::format("a head of {} bytes at most", kMostHeadBytes),
                fmt::format("{}", n_head[0]));
  std::string head(n_head[0], '\0');
  reader(std::as_writable_bytes(std::span(head)));
  SavedSequence saved;
  saved.head = parse_head(parse_json(head, reader.path(), kMostHeadBytes), reader.path());
  const auto n = static_cast<std::size_t>(saved.head.n_read);
  if (reader.size() > 0 && reader.size() < n * (sizeof(Token) + 1))
    throw Error(reader.path(), fmt::format("{} ids", n), fmt::format("{} bytes", reader.size()));
  saved.tokens.resize(n), written.resize(n);
  reader.numbers(saved.tokens), reader.numbers(written);
  return saved;
}

void put_states(const Sequence::State& state, const ByteSink& put) {
  const RecurrentStates& states = state.states;
  std::vector<float> copy;
  const auto put_floats = [&](const float* floats) {
    const float* host = state.model->backend().on_host(floats, states.n_floats(), copy);
    put(std::as_bytes(std::span(host, static_cast<std::size_t>(states.n_floats()))));
  };
  for (const RecurrentStates::Kept& kept : states.kept()) put_floats(kept.floats.get());
  if (states.any()) put_floats(states.all());
}

void read_states(Reader& reader, const std::vector<Index>& kept, Sequence::State& state) {
  const Backend& backend = state.model->backend();
  if (!state.states.any() && !kept.empty())
    throw Error(reader.path(), "no kept_states, of a model without states", "some");
  std::vector<float> floats(static_cast<std::size_t>(state.states.n_floats()));
  for (const Index position : kept) {
    reader.numbers(floats);
    state.states.load_kept(backend, position, floats);
  }
  if (!state.states.any()) return;
  reader.numbers(floats);
  state.states.load_now(backend, floats);
}

void require_same(const std::string& path, const char* what, const std::string& here,
                  const std::string& found) {
  if (here != found)
    throw Error(path, fmt::format("a text kept with {} {}", what, here), found,
                "keep it anew in another file");
}

}  // namespace

bool is_saved_sequence(std::string_view first_bytes) { return first_bytes.starts_with(kMagic); }

void save_sequence(const std::string& path, const Sequence& sequence, const std::string& model_id) {
  const Sequence::State& state = sequence.state();
  state.require_room(0);
  RW_CHECK(state.n_read == static_cast<Index>(state.tokens.size()));
  Json head = {{"kept", "a text read by ropewalk"},
               {"model_id", model_id},
               {"method", state.spec.text()},
               {"fingerprint", state.acting().method.fingerprint(state.options.n)},
               {"backend", backend_of(*state.model)},
               {"n", state.options.n},
               {"n_prompt", state.options.n_prompt},
               {"rewind_to", state.options.rewind_to},
               {"n_read", state.n_read},
               {"kept_from", state.kept_from}};
  for (const RecurrentStates::Kept& kept : state.states.kept()) head["kept_states"].push_back(kept.position);
  OutputFile file(path);
  Sha256 hash;
  const ByteSink put = [&](std::span<const std::byte> bytes) {
    hash.add(bytes);
    file.write(as_text(bytes));
  };
  const auto put_text = [&](std::string_view bytes) { put(std::as_bytes(std::span(bytes))); };
  const std::string text = dump_json(head);
  const std::array<std::uint64_t, 1> n_head{text.size()};
  put_text(kMagic);
  put(std::as_bytes(std::span(n_head)));
  put_text(text);
  put(std::as_bytes(std::span(state.tokens)));
  const std::vector<char> written(state.written.begin(), state.written.end());
  put(std::as_bytes(std::span(written)));
  state.for_each_kv([&](const HeadGroup& group) { state.model->backend().save(*group.kv, put); });
  put_states(state, put);
  file.write(hash.text());
  file.commit();
}

SavedSequence read_saved_head(const std::string& path) {
  Reader reader(path);
  std::vector<char> written;
  return read_begin(reader, written);
}

Sequence load_sequence(const std::string& path, const Model& model, const std::string& model_id,
                       Index chunk) {
  Reader reader(path);
  std::vector<char> written;
  SavedSequence saved = read_begin(reader, written);
  const SavedHead& head = saved.head;
  require_same(path, "the model", model_id, head.model_id);
  require_same(path, "the cache", backend_of(model), head.backend);
  for (const Token id : saved.tokens)
    if (id < 0 || id >= model.config().n_vocab)
      throw Error(path, fmt::format("ids below {}", model.config().n_vocab), fmt::format("{}", id));
  Sequence sequence(model, MethodSpec::parse(head.method), head.options, chunk);
  Sequence::State& state = sequence.state();
  require_same(path, "the method", state.acting().method.fingerprint(head.options.n), head.fingerprint);
  state.for_each_kv([&](const HeadGroup& group) {
    LayerClass& plans = state.classes[group.plans];
    plans.keys = key_plan_of(plans);
    model.backend().load(*group.kv, head.n_read, plans.keys, plans.drops() ? head.kept_from : 0,
                         [&](std::span<std::byte> bytes) { reader(bytes); });
  });
  read_states(reader, head.kept_states, state);
  reader.require_end();
  state.tokens.assign(saved.tokens.begin(), saved.tokens.end());
  state.written.assign(written.begin(), written.end());
  state.n_read = head.n_read;
  state.kept_from = head.kept_from;
  state.promise_rest();
  return sequence;
}

}  // namespace rw
