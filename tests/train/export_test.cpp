// SPDX-License-Identifier: Apache-2.0
/// What `export --to` writes: the method as our own reader finds it there, and the rest as it was. That other
/// engines read it is seen by running them: tools/check_export.
#include "methods/export.h"

#include "formats/write_gguf.h"
#include "train/export_gguf.h"
#include "train/write_settings.h"
#include "written_model.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

class ExportTo : public InOwnFolder {
 protected:
  struct Asked {
    std::unique_ptr<ModelFile> file;
    RopeContext context;
    MethodSpec bound;
    std::string architecture;
    Method method;
  };
  static Asked ask(const fs::path& model, const std::string& method, Index n = 256) {
    auto file = ModelFile::open(model.string());
    const ModelConfig config = read_config(*file);
    const RopeContext context = config.rope_context(config.acting_layer(), n);
    const Method bound = Method::bind(MethodSpec::parse(method), context);
    return {std::move(file), context, MethodSpec::parse(bound.text()), config.architecture, bound};
  }
  static std::string why_not(const ExportTarget& target, const Asked& asked) {
    return target.why_not(asked.bound, asked.context, asked.architecture);
  }
  static Exported write(const ExportTarget& target, const Asked& asked, const std::string& out) {
    require_out(target, *asked.file, out);
    return target.write({*asked.file, asked.bound, asked.context, asked.architecture, out});
  }
  /// "none" over the written model is what was asked for over the source.
  static void expect_said(const Asked& asked, const std::string& written) {
    const auto file = ModelFile::open(written);
    const ModelConfig config = read_config(*file);
    const Index n = asked.context.n;
    const Method own = Method::bind(MethodSpec::parse("none"), config.rope_context(config.acting_layer(), n));
    const Pointwise wanted = asked.method.pointwise(), found = own.pointwise();
    ASSERT_EQ(wanted.theta.size(), found.theta.size());
    for (std::size_t m = 0; m < wanted.theta.size(); ++m)
      EXPECT_NEAR(wanted.theta[m], found.theta[m], 1e-6 * wanted.theta[m] + 1e-30) << written << " " << m;
    EXPECT_NEAR(wanted.rotary_gain, found.rotary_gain, 1e-6) << written;
  }
  /// The same, or nothing where the method does not bind to this model.
  static std::optional<Asked> ask_or_not(const fs::path& model, const std::string& method) {
    try {
      return ask(model, method);
    } catch (const UsageError&) {
      return std::nullopt;
    }
  }
  template <class Call>
  static void refuse(const Call& call, const std::string& expected) {
    try {
      call();
      ADD_FAILURE() << "done, where expected: " << expected;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(expected), std::string::npos) << e.what();
    }
  }
};

const ExportTarget& target(const char* name) { return Registry<ExportTarget>::get(name, "target"); }

/// Every published method, with a value where it needs one.
std::vector<std::string> published() {
  std::vector<std::string> all;
  for (const MethodInfo& info : Registry<MethodInfo>::all())
    all.push_back(info.name == "base" ? "base:value=50000" : info.name);
  return all;
}

bool is_frequencies(const std::string& name) {
  return name == "rope_freqs.weight" || name.starts_with("rope_factors_");
}

/// The keys that an export does not touch, in their order.
std::vector<std::pair<std::string, std::string>> other_keys(const std::string& path) {
  std::vector<std::pair<std::string, std::string>> keys;
  for (GgufKey& key : read_gguf_keys(path)) {
    const bool touched = key.name.find(".rope.scal") != std::string::npos ||
                         key.name.ends_with(".rope.freq_base") || key.name.ends_with(".context_length") ||
                         key.name.starts_with("ropewalk.export.");
    if (!touched) keys.emplace_back(std::move(key.name), std::move(key.value));
  }
  return keys;
}

std::string bytes_of(const TensorInfo& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()};
}

/// All that is no scaling of RoPE's is the same, byte for byte and in its order.
void expect_rest_equal(const ModelFile& source, const std::string& written) {
  EXPECT_EQ(other_keys(source.path()), other_keys(written)) << written;
  const auto again = ModelFile::open(written);
  std::vector<TensorInfo> before = source.stored_tensors(), after = again->stored_tensors();
  const auto unwanted = [](const TensorInfo& tensor) { return is_frequencies(tensor.name); };
  std::erase_if(before, unwanted), std::erase_if(after, unwanted);
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].name, after[i].name);
    EXPECT_EQ(before[i].type, after[i].type);
    EXPECT_EQ(before[i].shape, after[i].shape);
    EXPECT_TRUE(bytes_of(before[i]) == bytes_of(after[i])) << written << " " << before[i].name;
  }
}

std::vector<fs::path> tiny_ggufs() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(tiny_models()))
    if (fs::exists(entry.path() / "model.gguf")) paths.push_back(entry.path() / "model.gguf");
  return paths;
}

TEST_F(ExportTo, AGgufSaysEveryMethodThatItCanAndIsElseAsItWas) {
  int written = 0, refused = 0;
  for (const std::string& method : published()) {
    const auto asked = ask_or_not(tiny_models() / "llama/model.gguf", method);
    if (!asked || !why_not(target("gguf"), *asked).empty()) {
      ++refused;
      continue;
    }
    const std::string out = path(fmt::format("{}.gguf", ++written));
    write(target("gguf"), *asked, out);
    expect_rest_equal(*asked->file, out);
    expect_said(*asked, out);
    EXPECT_TRUE(is_exported_gguf(out));
    EXPECT_EQ(ModelFile::open(out)->integer("llama.context_length"), 256);
    EXPECT_EQ(ModelFile::open(out)->string("ropewalk.export.method"), asked->bound.text());
  }
  EXPECT_GE(written, 9);  // none, base, ntk, pi, yarn, llama3, ntk-by-parts, ntk-mixed, dynamic-ntk
  EXPECT_GE(refused, 15);
}

TEST_F(ExportTo, DataThatNoTensorJoinsAreTheSourceToTheByte) {
  const fs::path source = tiny_models() / "llama/model.gguf";
  const Asked asked = ask(source, "yarn:factor=4");
  const std::string out = path("out.gguf");
  write(target("gguf"), asked, out);
  const std::string before = contents_of(source), after = contents_of(out);
  const std::string first = bytes_of(asked.file->stored_tensors().front());
  const std::size_t begin = before.find(first), again = after.find(first);
  ASSERT_NE(again, std::string::npos);
  EXPECT_TRUE(before.substr(begin) == after.substr(again));
}

TEST_F(ExportTo, OfEveryGgufAScalingOfItsOwnStaysOrIsReplaced) {
  int n = 0;
  for (const fs::path& source : tiny_ggufs())
    for (const char* method :
         {"none", "yarn:factor=4,replace=1", "pi:factor=4,replace=1", "ntk:factor=4,replace=1",
          "llama3:factor=4,replace=1", "dynamic-ntk:factor=2,replace=1", "longrope:replace=1"}) {
      const auto asked = ask_or_not(source, method);
      if (!asked) continue;  // it has no lists
      if (!why_not(target("gguf"), *asked).empty()) continue;
      const std::string out = path(fmt::format("{}.gguf", ++n));
      write(target("gguf"), *asked, out);
      expect_rest_equal(*asked->file, out);
      expect_said(*asked, out);
      fs::remove(out);
    }
  EXPECT_GT(n, 60);
}

TEST_F(ExportTo, ASplitModelBecomesOneFile) {
  const Asked whole = ask(tiny_models() / "llama/model.gguf", "none");
  const std::vector<TensorInfo> tensors = whole.file->stored_tensors();
  const std::size_t half = tensors.size() / 2;
  for (std::uint32_t part = 0; part < 2; ++part) {
    std::vector<GgufKey> keys;
    if (part == 0) keys = read_gguf_keys(whole.file->path());
    keys.push_back(GgufKey::u32("split.no", part));
    keys.push_back(GgufKey::u32("split.count", 2));
    keys.push_back(GgufKey::u32("split.tensors.count", static_cast<std::uint32_t>(tensors.size())));
    std::vector<TensorToWrite> here;
    const std::size_t begin = part == 0 ? 0 : half, end = part == 0 ? half : tensors.size();
    for (std::size_t i = begin; i < end; ++i)
      here.push_back({tensors[i].name, tensors[i].type, tensors[i].shape});
    write_gguf(path(fmt::format("m-{:05}-of-00002.gguf", part + 1)), keys, here,
               [&](std::size_t i, const TensorSink& sink) { sink(tensors[begin + i].bytes); });
  }
  for (const char* named : {"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}) {
    const Asked asked = ask(path(named), "yarn:factor=4");
    const std::string out = path("joined.gguf");
    write(target("gguf"), asked, out);
    expect_rest_equal(*asked.file, out);
    expect_said(asked, out);
    EXPECT_FALSE(ModelFile::open(out)->integer("split.count"));
    refuse([&] { write(target("gguf"), asked, path("m-00002-of-00002.gguf")); },
           "holds nothing of the model");
  }
}

TEST_F(ExportTo, AFolderSaysEveryMethodThatItCanAndIsElseAsItWas) {
  int written = 0, refused = 0;
  const fs::path source = tiny_models() / "llama";
  const JsonInput before = JsonInput::parse(contents_of(source / "config.json"));
  for (const std::string& method : published()) {
    const auto asked = ask_or_not(source, method);
    if (!asked || !why_not(target("hf"), *asked).empty()) {
      ++refused;
      continue;
    }
    const fs::path out = path(std::to_string(++written));
    const Exported exported = write(target("hf"), *asked, out.string());
    EXPECT_NE(exported.note.find("left out: model.gguf"), std::string::npos) << exported.note;
    for (const auto& entry : fs::directory_iterator(source)) {
      const fs::path name = entry.path().filename();
      if (name == "model.gguf") {
        EXPECT_FALSE(fs::exists(out / name));
      } else if (name != "config.json") {
        EXPECT_TRUE(contents_of(entry.path()) == contents_of(out / name)) << name;
      }
    }
    JsonInput after = JsonInput::parse(contents_of(out / "config.json"));
    const JsonInput rope = after.at("rope_parameters");
    EXPECT_EQ(after.at("rope_scaling"), rope["rope_type"] == "default" ? JsonInput(nullptr) : rope) << method;
    EXPECT_EQ(after.at("rope_theta"), rope["rope_theta"]);
    EXPECT_EQ(after.at("max_position_embeddings"), rope["rope_type"] == "dynamic" ? 64 : 256) << method;
    if (rope.contains("original_max_position_embeddings")) {
      EXPECT_EQ(after.at("original_max_position_embeddings"), rope["original_max_position_embeddings"]);
    }
    JsonInput rest = before;
    for (const char* key : {"rope_parameters", "rope_scaling", "rope_theta", "max_position_embeddings",
                            "original_max_position_embeddings"})
      after.erase(key), rest.erase(key);
    EXPECT_EQ(after, rest) << method;
    expect_said(*asked, out.string());
  }
  EXPECT_GE(written, 12);
  EXPECT_GE(refused, 15);
}

TEST_F(ExportTo, OfEveryFamilysFolder) {
  int n = 0;
  for (const auto& entry : fs::directory_iterator(tiny_models()))
    for (const char* method : {"none", "yarn:factor=4,replace=1"}) {
      if (!fs::exists(entry.path() / "config.json")) continue;
      const Asked asked = ask(entry.path(), method);
      if (!why_not(target("hf"), asked).empty()) continue;
      const std::string out = path(std::to_string(++n));
      write(target("hf"), asked, out);
      expect_said(asked, out);
      fs::remove_all(out);
    }
  EXPECT_GT(n, 50);
}

TEST_F(ExportTo, KeysGoWhereTheLanguageModelHasThem) {
  FileSettings settings;
  settings.config = {{"rope_theta", 5.0}, {"rope_parameters", {{"rope_theta", 5.0}}}};
  const JsonInput text = JsonInput::parse(
      config_saying(R"({"text_config": {"rope_theta": 1.0, "a": [1e30, 7]}, "b": null})", "place", settings));
  EXPECT_EQ(text["text_config"]["rope_theta"], 5.0);
  EXPECT_EQ(text["text_config"]["a"], JsonInput::parse("[1e30, 7]"));
  EXPECT_FALSE(text.contains("rope_theta"));
  EXPECT_TRUE(text["b"].is_null());
  const JsonInput pythia =
      JsonInput::parse(config_saying(R"({"rotary_emb_base": 1, "rotary_pct": 0.25})", "place", settings));
  EXPECT_EQ(pythia["rotary_emb_base"], 5.0);
  EXPECT_EQ(pythia["rotary_pct"], 0.25);
  refuse([&] { config_saying("[", "place", settings); }, "place");
}

TEST_F(ExportTo, OllamaHasAModelfileBesideTheFile) {
  const Asked asked = ask(tiny_models() / "llama/model.gguf", "yarn:factor=4", 200);
  const std::string out = path("My model (long)");
  const Exported exported = write(target("ollama"), asked, out);
  const std::string text = contents_of(out + "/Modelfile");
  EXPECT_NE(text.find("\nFROM ./model.gguf\nPARAMETER num_ctx 200\n"), std::string::npos) << text;
  EXPECT_EQ(exported.next,
            (std::vector<std::string>{"ollama", "create", "My-model-long", "-f", out + "/Modelfile"}));
  expect_rest_equal(*asked.file, out + "/model.gguf");
  expect_said(asked, out);
  EXPECT_EQ(ModelFile::open(out)->integer("llama.context_length"), 200);  // it never gives more
}

TEST_F(ExportTo, WhatIsThereStaysUnlessAnExportWroteIt) {
  const Asked gguf = ask(tiny_models() / "llama/model.gguf", "yarn:factor=4");
  const Asked folder = ask(tiny_models() / "llama", "yarn:factor=4");
  const std::string file = path("a.gguf"), out = path("out");
  for (int time = 0; time < 2; ++time) write(target("gguf"), gguf, file);  // its own
  fs::copy_file(tiny_models() / "llama/model.gguf", path("theirs.gguf"));
  const std::string before = contents_of(path("theirs.gguf"));
  refuse([&] { write(target("gguf"), gguf, path("theirs.gguf")); }, "something else, which stays");
  EXPECT_TRUE(contents_of(path("theirs.gguf")) == before);
  for (const char* name : {"hf", "ollama"}) {
    const Asked& asked = std::string_view(name) == "hf" ? folder : gguf;
    const std::string to = out + name;
    fs::create_directory(to);                                             // empty
    for (int time = 0; time < 2; ++time) write(target(name), asked, to);  // its own
    std::ofstream(to + "/notes.txt") << "mine";
    refuse([&] { write(target(name), asked, to); }, "something else, which stays");
    EXPECT_EQ(contents_of(to + "/notes.txt"), "mine");
    fs::remove(to + "/notes.txt");
    std::ofstream(to + "/ropewalk-export.json") << "[]";
    refuse([&] { write(target(name), asked, to); }, "something else, which stays");
  }
  std::ofstream(path("text")) << "mine";
  refuse([&] { write(target("hf"), folder, path("text")); }, "something else, which stays");
  EXPECT_EQ(contents_of(path("text")), "mine");
}

TEST_F(ExportTo, TheModelItselfIsNeverWrittenOver) {
  fs::copy(tiny_models() / "llama", path("model"));
  fs::create_symlink(path("model"), path("link"));
  const Asked folder = ask(path("model"), "yarn:factor=4"),
              gguf = ask(path("model/model.gguf"), "yarn:factor=4");
  for (const char* name : {"model", "model/", "link", "."})
    refuse([&] { write(target("hf"), folder, path(name)); }, "found");
  refuse([&] { write(target("gguf"), gguf, path("model/model.gguf")); }, "holds nothing of the model");
  refuse([&] { write(target("gguf"), gguf, path("link/model.gguf")); }, "holds nothing of the model");
  refuse([&] { write(target("gguf"), gguf, path("other")); }, "ends in .gguf");
  refuse([&] { write(target("ollama"), gguf, path("other.gguf")); }, "a folder");
  // A folder that an export wrote, and that holds what is read now.
  write(target("ollama"), gguf, path("out"));
  const Asked again = ask(path("out"), "yarn:factor=4,replace=1");
  refuse([&] { write(target("ollama"), again, path("out")); }, "holds nothing of the model");
  EXPECT_TRUE(fs::exists(path("model/model.gguf")));
  EXPECT_TRUE(contents_of(path("model/model.safetensors")) ==
              contents_of(tiny_models() / "llama/model.safetensors"));
}

TEST_F(ExportTo, ALinkOutOfTheFolderIsNotFollowed) {
  fs::copy(tiny_models() / "llama", path("model"));
  std::ofstream(path("secret.txt")) << "secret";
  fs::create_symlink(path("secret.txt"), path("model/readme.txt"));
  refuse([&] { write(target("hf"), ask(path("model"), "yarn:factor=4"), path("out")); }, "a link out of it");
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST(ExportTargets, ATargetIsAFile) {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(ROPEWALK_SOURCE_DIR) / "src/train/export"))
    files += entry.path().extension() == ".cpp";
  EXPECT_EQ(Registry<ExportTarget>::all().size(), files);
}

}  // namespace
}  // namespace rw
