// SPDX-License-Identifier: Apache-2.0
/// A text that was kept in a file goes on as if it had been read here; what is damaged, or another's, is
/// refused.
#include "model/saved_sequence.h"

#include <filesystem>
#include <fstream>

#include "core/hash.h"
#include "core/random.h"
#include "core/registry.h"
#include "model_test_util.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

const std::string kId(64, 'a');

struct Folder {
  Folder() : path(fs::temp_directory_path() / ("ropewalk-saved-" + std::to_string(getpid()))) {
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  fs::path path;
};

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// All logits of `tokens`, read after what the sequence has, in pieces; then of `n_new` written ones.
std::vector<float> logits_of(Sequence& sequence, std::span<const Token> tokens, Index n_new) {
  const Model& model = sequence.model();
  Engine engine(model.shared_from_this());
  std::vector<float> all;
  const LogitsSink sink = [&](Index, Index n_rows, const float* logits) {
    all.insert(all.end(), logits, logits + n_rows * model.config().n_vocab);
  };
  const auto step = [&](std::span<const Token> some, Stage stage) {
    const Index begin = sequence.position();
    const StepInput input{&sequence,
                          some,
                          stage,
                          {.begin = begin, .end = begin + static_cast<Index>(some.size()), .logits = &sink}};
    engine.step({&input, 1});
  };
  step(tokens, Stage::kPrefill);
  for (Index i = 0; i < n_new; ++i) step(tokens.subspan(static_cast<std::size_t>(i), 1), Stage::kDecode);
  return all;
}

void read(Sequence& sequence, std::span<const Token> tokens) {
  Engine engine(sequence.model().shared_from_this());
  const StepInput input{&sequence, tokens};
  engine.step({&input, 1});
}

/// Of every kind: variants with windows, frequencies that grow, heads and layers of their own, no keys
/// dropped.
const std::vector<std::string> kSpecs = {"none",
                                         "yarn:factor=4",
                                         "rerope:window=16",
                                         "self-extend:window=16,group=4",
                                         "dca",
                                         "window:window=300",
                                         "lm-infinite:sink=4,window=64",
                                         "streaming-llm:sink=4,window=280",
                                         "dynamic-ntk:grow=1",
                                         "ms-poe",
                                         "layer-pi"};

class Saved : public testing::TestWithParam<std::pair<const char*, KvType>> {};

TEST_P(Saved, GoesOnWithTheSameBits) {
  const Folder folder;
  const auto [name, kv] = GetParam();
  const TestModel m(golden(std::string("tiny/") + name),
                    make_cpu_backend(kv == KvType::kF32 ? Precision::kF32 : Precision::kBf16, kv));
  const std::vector<Token> tokens = some_tokens(700, m.model.config().n_vocab);
  const auto all = std::span(tokens);
  for (const std::string& spec : kSpecs) {
    SCOPED_TRACE(spec);
    std::optional<Sequence> whole;
    try {
      whole.emplace(m.model, MethodSpec::parse(spec), SequenceOptions{.n = 800});
    } catch (const UsageError&) {
      continue;  // a method that this model's layers do not take
    }
    read(*whole, all.first(600));
    save_sequence(folder.file("kept"), *whole, kId);
    Sequence kept = load_sequence(folder.file("kept"), m.model, kId);
    EXPECT_EQ(kept.position(), 600);
    EXPECT_EQ(kept.cache_bytes(), whole->cache_bytes());
    const std::vector<float> expected = logits_of(*whole, all.subspan(600, 60), 20);
    EXPECT_EQ(logits_of(kept, all.subspan(600, 60), 20), expected);
    // Taken back, to before what a window has passed too, and read again.
    for (const Index position : {590, 300, 0}) {
      kept.truncate(position);
      whole->truncate(position);
      const auto some = all.subspan(static_cast<std::size_t>(position), 40);
      EXPECT_EQ(logits_of(kept, some, 3), logits_of(*whole, some, 3)) << position;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Saved,
                         testing::Values(std::pair{"llama", KvType::kBf16}, std::pair{"llama", KvType::kQ8},
                                         std::pair{"qwen3", KvType::kF32}, std::pair{"gemma3", KvType::kBf16},
                                         std::pair{"smollm3", KvType::kBf16},
                                         std::pair{"qwen3_5", KvType::kBf16}, std::pair{"lfm2", KvType::kF32},
                                         std::pair{"deepseek_v2", KvType::kBf16},
                                         std::pair{"glm4_moe_lite", KvType::kQ8}));

const TestModel& in_bf16() {
  static const TestModel m(golden("tiny/llama"), make_cpu_backend(Precision::kBf16));
  return m;
}

/// A kept text of 300 tokens, with written ones among them.
std::string kept_file(const Folder& folder, const std::string& name = "kept",
                      const std::string& spec = "rerope:window=16") {
  const std::vector<Token> tokens = some_tokens(300, in_bf16().model.config().n_vocab);
  Sequence sequence(in_bf16().model, MethodSpec::parse(spec), {.n = 400});
  logits_of(sequence, std::span(tokens).first(280), 20);
  save_sequence(folder.file(name), sequence, kId);
  return folder.file(name);
}

std::string error_of(const std::string& path, const Model& model = in_bf16().model,
                     const std::string& id = kId) {
  try {
    load_sequence(path, model, id);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(SavedSequence, HeadAndTokensAreReadAlone) {
  const Folder folder;
  const SavedSequence saved = read_saved_head(kept_file(folder));
  EXPECT_EQ(saved.head.model_id, kId);
  EXPECT_EQ(saved.head.method, "rerope:window=16");
  EXPECT_EQ(saved.head.options.n, 400);
  EXPECT_EQ(saved.tokens.size(), 300u);
  EXPECT_EQ(saved.tokens[5], some_tokens(300, in_bf16().model.config().n_vocab)[5]);
}

TEST(SavedSequence, WhatIsAnothersIsRefusedByName) {
  const Folder folder;
  const std::string path = kept_file(folder);
  EXPECT_NE(error_of(path, in_bf16().model, std::string(64, 'b')).find("the model"), std::string::npos);
  const TestModel f32(golden("tiny/llama"), make_cpu_backend(Precision::kF32));
  EXPECT_NE(error_of(path, f32.model).find("the cache cpu f32 f32; found cpu bf16 bf16"), std::string::npos)
      << error_of(path, f32.model);
  write_bytes(folder.file("text"), "It was a dark and stormy night.");
  EXPECT_NE(error_of(folder.file("text")).find("a file of another kind"), std::string::npos);
  EXPECT_NE(error_of(folder.file("none")).find("No such file"), std::string::npos);
}

/// Every byte counts: the checksum is of all.
TEST(SavedSequence, AnyChangedByteIsFound) {
  const Folder folder;
  const std::string good = bytes_of(kept_file(folder));
  Random random(3);
  for (int run = 0; run < 300; ++run) {
    std::string bytes = good;
    const std::size_t at = run < 200 ? static_cast<std::size_t>(run) * 5 % 700 : random.next() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 + random.below(255)));
    write_bytes(folder.file("bad"), bytes);
    EXPECT_NE(error_of(folder.file("bad")), "no error") << at;
  }
  for (const std::size_t n :
       {std::size_t{0}, std::size_t{10}, std::size_t{30}, good.size() / 2, good.size() - 1}) {
    write_bytes(folder.file("bad"), good.substr(0, n));
    EXPECT_NE(error_of(folder.file("bad")), "no error") << n;
  }
  write_bytes(folder.file("bad"), good + "x");
  EXPECT_NE(error_of(folder.file("bad")), "no error");
}

/// A head that lies, with a checksum that is right: numbers are checked before they size anything.
TEST(SavedSequence, AHeadThatLiesIsRefused) {
  const Folder folder;
  for (const char* spec : {"rerope:window=16", "window:window=32"}) {
    const std::string good = bytes_of(kept_file(folder, "kept", spec));
    const std::size_t begin = good.find('{'), end = good.find('}') + 1;
    const JsonInput head = parse_json(good.substr(begin, end - begin), "head");
    const std::vector<std::pair<std::string, JsonInput>> lies = {{"n", -1},
                                                                 {"n", 0},
                                                                 {"n", 299},
                                                                 {"n", std::int64_t{1} << 40},
                                                                 {"n", "many"},
                                                                 {"n", 4e9},
                                                                 {"n", nullptr},
                                                                 {"n_prompt", 0},
                                                                 {"n_prompt", 401},
                                                                 {"n_read", -1},
                                                                 {"n_read", 401},
                                                                 {"n_read", 299},
                                                                 {"n_read", 301},
                                                                 {"n_read", 0},
                                                                 {"kept_from", -1},
                                                                 {"kept_from", 301},
                                                                 {"rewind_to", -1},
                                                                 {"method", "no-such-method"},
                                                                 {"method", "yarn"},
                                                                 {"method", 5},
                                                                 {"fingerprint", ""},
                                                                 {"model_id", ""},
                                                                 {"backend", "cpu f32 f32"}};
    for (const auto& [key, value] : lies) {
      JsonInput changed = head;
      changed[key] = value;
      const std::string text = dump_json(changed);
      std::string bytes = good.substr(0, begin - 8);
      const std::uint64_t n = text.size();
      bytes.append(reinterpret_cast<const char*>(&n), 8);
      bytes += text + good.substr(end, good.size() - 64 - end);
      write_bytes(folder.file("lie"), bytes + sha256(bytes));
      EXPECT_NE(error_of(folder.file("lie")), "no error") << key << " " << dump_json(value);
    }
    for (const Token id : {-1, 1 << 30}) {
      std::string bytes = good.substr(0, good.size() - 64);
      std::memcpy(bytes.data() + end + 4 * 7, &id, 4);
      write_bytes(folder.file("lie"), bytes + sha256(bytes));
      EXPECT_NE(error_of(folder.file("lie")), "no error") << id;
    }
  }
}

/// Keys and values of any bits with a right checksum: numbers that are none, and no more.
TEST(SavedSequence, AnyNumbersAreOnlyNumbers) {
  const Folder folder;
  for (const char* spec : {"rerope:window=16", "lm-infinite:sink=4,window=32"}) {
    std::string bytes = bytes_of(kept_file(folder, "kept", spec));
    bytes.resize(bytes.size() - 64);
    Random random(9);
    for (std::size_t at = bytes.find('}') + 1 + 5 * 300; at < bytes.size(); ++at)
      bytes[at] = static_cast<char>(random.next());
    write_bytes(folder.file("noise"), bytes + sha256(bytes));
    Sequence sequence = load_sequence(folder.file("noise"), in_bf16().model, kId);
    const std::vector<Token> tokens = some_tokens(20, in_bf16().model.config().n_vocab);
    EXPECT_EQ(logits_of(sequence, tokens, 5).size(),
              25u * static_cast<std::size_t>(in_bf16().model.config().n_vocab));
    sequence.truncate(100);
    logits_of(sequence, tokens, 5);
  }
}

TEST(SavedSequence, AFileThatCannotBeWrittenLeavesTheOldOne) {
  const Folder folder;
  const std::string path = kept_file(folder), before = bytes_of(path);
  Sequence sequence(in_bf16().model, MethodSpec::parse("none"), {.n = 10});
  EXPECT_THROW(save_sequence(folder.file("no/such/folder"), sequence, kId), Error);
  EXPECT_EQ(bytes_of(path), before);
}

}  // namespace
}  // namespace rw
