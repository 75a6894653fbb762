// SPDX-License-Identifier: Apache-2.0
/// Models whose weights are more than what they may take of the memory: the same bits, and less memory.
#include "model/weight_pager.h"

#include <sys/mman.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "formats/mapped_file.h"
#include "formats/write_gguf.h"
#include "formats/write_safetensors.h"
#include "model/memory.h"
#include "model/weight_outlook.h"
#include "model_test_util.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const Backend> backend_with(std::size_t weight_memory, bool reference = false) {
  auto context = std::make_shared<Context>();
  context->set_weight_memory(weight_memory);
  if (reference) return make_reference_backend(std::move(context));
  return make_cpu_backend(std::move(context), Precision::kBf16, KvType::kBf16);
}

/// Rows that were read, in chunks, and rows that were written.
std::vector<float> logits_of(const Model& model) {
  const std::vector<Token> tokens = some_tokens(70, model.config().n_vocab);
  std::vector<float> logits;
  const LogitsSink sink = [&](Index, Index n_rows, const float* rows) {
    logits.insert(logits.end(), rows, rows + n_rows * model.config().n_vocab);
  };
  const bool encoder = model.config().encoder;
  Session session(model, MethodSpec::parse("none"),
                  {.n = encoder ? 70 : 80, .chunk = encoder ? 80 : 32, .every_row = true});
  session.run(tokens, 0, static_cast<Index>(tokens.size()), sink);
  for (int i = 0; i < 10 && !encoder; ++i) session.write(tokens[static_cast<std::size_t>(i)], sink);
  return logits;
}

/// Room for nothing, for half, and for all but one byte: bits are those of a model that fits.
void expect_same_bits(const std::string& path, bool reference = false) {
  const TestModel whole(path, backend_with(SIZE_MAX, reference));
  const std::size_t bytes = whole.model.pager().weights().bytes;
  ASSERT_GT(bytes, 0u) << path;
  ASSERT_TRUE(whole.model.pager().plan().fits());
  const std::vector<float> expected = logits_of(whole.model);
  for (const std::size_t room : {std::size_t{1}, bytes / 2, bytes - 1}) {
    const TestModel paged(path, backend_with(room, reference));
    ASSERT_FALSE(paged.model.pager().plan().fits());
    EXPECT_EQ(logits_of(paged.model), expected) << path << " in " << room << " of " << bytes;
  }
}

/// A folder of the test's own, whose files nobody else has mapped.
class Paged : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  /// A copy that the disk has: pages that are yet to be written cannot be dropped.
  std::string copy(const std::string& from) const {
    const fs::path to = folder_ / fs::path(from).filename();
    fs::copy_file(from, to);
    sync();
    return to.string();
  }
  std::string own() const { return copy(std::string(ROPEWALK_SOURCE_DIR) + "/models/short-256.gguf"); }
  /// Whether files lie on a disk, so that memory and file are two things.
  bool on_disk() const {
    struct statfs info {};
    return ::statfs(folder_.c_str(), &info) == 0 && info.f_type != 0x01021994 && info.f_type != 0x858458f6;
  }
  const fs::path folder_ = fs::temp_directory_path() / ("ropewalk_paged_test_" + std::to_string(::getpid()));
};

/// Whole pages of it that are in memory, and all that it has.
std::pair<std::size_t, std::size_t> resident(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t skip = (page - reinterpret_cast<std::uintptr_t>(bytes.data()) % page) % page;
  if (bytes.size() < skip + page) return {0, 0};
  std::vector<unsigned char> in((bytes.size() - skip) / page);
  EXPECT_EQ(::mincore(const_cast<std::byte*>(bytes.data()) + skip, in.size() * page, in.data()), 0);
  return {
      static_cast<std::size_t>(std::count_if(in.begin(), in.end(), [](unsigned char c) { return c & 1; })),
      in.size()};
}

class PagedFamily : public testing::TestWithParam<std::string> {};

TEST_P(PagedFamily, HasTheSameBits) { expect_same_bits(tiny(GetParam())); }

/// Dense, tied, latents, per-layer embeddings, experts of every kind, hybrids, packed formats, an encoder.
INSTANTIATE_TEST_SUITE_P(Families, PagedFamily,
                         testing::Values("llama", "llama_tied", "llama_by_layer", "gemma3", "gemma4_e2b",
                                         "gemma4_26b", "minicpm3", "deepseek_v2", "mixtral", "qwen3_moe",
                                         "qwen2_moe", "gpt_oss", "glm4_moe", "granite_hybrid_moe",
                                         "qwen3_5_moe", "qwen3_next", "lfm2", "lfm2_moe", "nemotron_h",
                                         "phi3", "roformer"),
                         [](const auto& one) { return one.param; });

TEST_F(Paged, TheDefinitionHasTheSameBits) {
  expect_same_bits(tiny("llama"), true);
  expect_same_bits(tiny("mixtral"), true);
}

/// What streams is out of memory behind its layer, what is kept is there.
TEST_F(Paged, WhatStreamsIsForgotten) {
  if (!on_disk()) GTEST_SKIP() << "files lie in memory here";
  const std::string path = own();
  expect_same_bits(path);
  const TestModel probe(path, backend_with(SIZE_MAX));
  const MappedWeights& weights = probe.model.pager().weights();
  const std::size_t all = weights.bytes, layer = weights.units[0].dense_bytes;
  for (const MappedFile* file : probe.model.file().mapped()) file->drop(file->bytes());
  const TestModel paged(path, backend_with(all - layer));
  const SinglePages one_by_one(paged.model.file().mapped()[0]->bytes());  // else neighbours come along
  const WeightPlan plan = paged.model.pager().plan();
  logits_of(paged.model);
  std::size_t n_streaming = 0, n_kept = 0;
  std::size_t next = 0;  // is read ahead of the next pass
  while (!plan.streams_dense[next]) ++next;
  for (std::size_t u = 0; u < weights.units.size(); ++u)
    for (const MappedPart& part : paged.model.pager().weights().units[u].dense) {
      const auto [here, pages] = resident(part.bytes);
      if (plan.streams_dense[u]) {
        n_streaming += u != next ? pages : 0;
        EXPECT_LE(here, u != next ? pages / 8 : pages) << u;
      } else {
        n_kept += pages;
        EXPECT_EQ(here, pages) << u;
      }
    }
  EXPECT_GT(n_kept, 0u);
  EXPECT_GT(n_streaming, 0u);
}

/// Two sessions at once forget under each other's hands.
TEST_F(Paged, SeveralThreadsHaveTheSameBits) {
  const std::string path = own();
  const std::vector<float> expected = logits_of(TestModel(path, backend_with(SIZE_MAX)).model);
  const TestModel paged(path, backend_with(400000));
  std::vector<std::vector<float>> found(4);
  std::vector<std::thread> threads;
  for (auto& one : found) threads.emplace_back([&] { one = logits_of(paged.model); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : found) EXPECT_EQ(one, expected);
}

std::vector<TensorToWrite> described(std::span<const TensorInfo> tensors) {
  std::vector<TensorToWrite> list;
  for (const TensorInfo& tensor : tensors) list.push_back({tensor.name, tensor.type, tensor.shape});
  return list;
}

/// Tensors [begin, end) of `all`, to be written.
TensorSource source_of(std::span<const TensorInfo> tensors) {
  return [tensors](std::size_t i, const TensorSink& sink) {
    tensors[i].for_each_piece([&](std::span<const std::byte> piece) { sink(piece); });
  };
}

TEST_F(Paged, PartsOfASplitGguf) {
  const std::string whole = own();
  const auto file = ModelFile::open(whole);
  const std::vector<TensorInfo> tensors = file->stored_tensors();
  constexpr std::uint32_t kParts = 3;
  const std::size_t each = tensors.size() / kParts + 1;
  const auto part_path = [&](std::uint32_t i) {
    return (folder_ / fmt::format("m-{:05}-of-{:05}.gguf", i + 1, kParts)).string();
  };
  for (std::uint32_t i = 0; i < kParts; ++i) {
    std::vector<GgufKey> keys;
    if (i == 0) keys = read_gguf_keys(whole);
    for (const auto& [name, value] : {std::pair("split.no", i), std::pair("split.count", kParts)})
      keys.push_back(GgufKey::u32(name, value));
    const auto some = std::span(tensors).subspan(i * each, std::min(each, tensors.size() - i * each));
    write_gguf(part_path(i), keys, described(some), source_of(some));
  }
  EXPECT_EQ(ModelFile::open(part_path(1))->mapped().size(), kParts);
  expect_same_bits(part_path(0));
  EXPECT_EQ(logits_of(TestModel(part_path(0), backend_with(1)).model),
            logits_of(TestModel(whole, backend_with(SIZE_MAX)).model));
}

TEST_F(Paged, ShardsOfAFolder) {
  const std::string from = tiny("mixtral");
  fs::copy(from, folder_, fs::copy_options::recursive);
  fs::remove(folder_ / "model.safetensors");
  const auto file = ModelFile::open(from);
  std::vector<TensorInfo> shards[2];
  Json map = Json::object();
  for (const TensorInfo& tensor : file->stored_tensors()) {
    const std::size_t shard = map.size() % 2;
    shards[shard].push_back(tensor);
    map[tensor.name] = fmt::format("s{}.safetensors", shard);
  }
  for (int shard = 0; shard < 2; ++shard)
    write_safetensors((folder_ / fmt::format("s{}.safetensors", shard)).string(), described(shards[shard]),
                      source_of(shards[shard]));
  std::ofstream(folder_ / "model.safetensors.index.json") << dump_json(Json{{"weight_map", map}});
  EXPECT_EQ(ModelFile::open(folder_.string())->mapped().size(), 2u);
  expect_same_bits(folder_.string());
  EXPECT_EQ(logits_of(TestModel(folder_.string(), backend_with(1)).model),
            logits_of(TestModel(from, backend_with(SIZE_MAX)).model));
}

TEST_F(Paged, SaysWhatItReads) {
  const std::string path = own();
  const TestModel whole(path, backend_with(SIZE_MAX));
  EXPECT_EQ(words_of(whole.model.outlook()), "");
  const Json fits = json_of(whole.model.outlook());
  EXPECT_EQ(fits["bytes"], whole.model.pager().weights().bytes);
  EXPECT_FALSE(fits.contains("disk"));
  const TestModel paged(path, backend_with(1000000));
  const WeightOutlook& outlook = paged.model.outlook();
  EXPECT_GT(outlook.speeds.disk, 1e5);
  EXPECT_GT(outlook.speeds.written, 1e6);
  EXPECT_TRUE(std::isfinite(outlook.speeds.chunk));
  const Json j = json_of(outlook);
  EXPECT_EQ(j["room"], 1000000);
  EXPECT_EQ(j["read_for_token"].get<double>(), outlook.plan.written_bytes);
  EXPECT_EQ(j["read_for_chunk"].get<double>(), outlook.plan.chunk_bytes);
  EXPECT_EQ(j["disk"].get<double>(), outlook.speeds.disk);
  EXPECT_DOUBLE_EQ(j["written"].get<double>(), 1 / outlook.times.written);
  EXPECT_DOUBLE_EQ(j["read"].get<double>(), 1024 / outlook.times.chunk);
  const std::string words = words_of(outlook);
  EXPECT_NE(words.find("memory for them 1 MB"), std::string::npos) << words;
  EXPECT_NE(words.find("are read from the disk for each token written"), std::string::npos) << words;
  EXPECT_EQ(&outlook, &paged.model.outlook());  // measured once
}

#ifndef ROPEWALK_SANITIZED
/// Sums of the mappings of this file, in KiB: all pages in memory, and those pages divided by who has them.
std::pair<std::size_t, std::size_t> rss_and_pss(const std::string& path) {
  std::ifstream in("/proc/self/smaps");
  std::size_t rss = 0, pss = 0;
  bool ours = false;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string key;
    std::size_t number = 0;
    words >> key;
    if (key.find('-') != std::string::npos && key.back() != ':') ours = line.ends_with(path);
    if (ours && key == "Rss:" && words >> number) rss += number;
    if (ours && key == "Pss:" && words >> number) pss += number;
  }
  return {rss, pss};
}

/// Two processes that run one file take its pages once.
TEST_F(Paged, ProcessesShareWhatTheyMap) {
  if (std::ifstream smaps("/proc/self/smaps"); !smaps) GTEST_SKIP() << "/proc/self/smaps cannot be read";
  const std::string path = own();
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  char byte = 0;
  if (child == 0) {
    ::close(done[1]);
    const TestModel model(path, backend_with(SIZE_MAX));
    const bool ran = !logits_of(model.model).empty() && ::write(ready[1], &byte, 1) == 1;
    static_cast<void>(::read(done[0], &byte, 1));  // until the parent has looked
    ::_exit(ran ? 0 : 1);
  }
  const TestModel model(path, backend_with(SIZE_MAX));
  logits_of(model.model);
  const auto [rss, alone] = rss_and_pss(path);
  ::close(ready[1]);
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  const auto [rss_of_two, pss] = rss_and_pss(path);
  ::close(done[1]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_GT(rss, 1000u);  // of 2.3 MB
  EXPECT_GE(alone, pss);
  EXPECT_LT(static_cast<double>(pss), 0.6 * static_cast<double>(rss_of_two));
  for (const int end : {ready[0], done[0]}) ::close(end);
}
#endif

}  // namespace
}  // namespace rw
