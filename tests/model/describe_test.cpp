// SPDX-License-Identifier: Apache-2.0
/// What docs/models.md says of families is what the readers do.
#include "model/describe.h"

#include <filesystem>
#include <set>

#include "formats/missing.h"
#include "model_test_util.h"

namespace rw {
namespace {

TEST(ModelsDocument, IsCurrent) {
  std::ifstream file(std::filesystem::path(ROPEWALK_SOURCE_DIR) / "docs/models.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == models_markdown()) << "stale: run `ropewalk models --markdown > docs/models.md`";
}

TEST(ModelsDocument, NamesTheTinyModelsOfEachFamilyAndWhereMethodsAct) {
  std::map<std::string, std::set<std::string>> there;
  for (const auto& entry : std::filesystem::directory_iterator(golden("tiny"))) {
    if (!has_reader(entry.path().filename())) continue;
    const auto file = ModelFile::open(tiny(entry.path().filename()));
    const Architecture* family = Registry<Architecture>::find(*file->string("general.architecture"));
    there[family->name].insert(entry.path().filename().string());
    const ModelConfig config = read_config(*file);
    EXPECT_TRUE(family->acts != "all" || config.n_acting_layers() == config.n_layers()) << entry.path();
  }
  for (const Architecture& family : Registry<Architecture>::all()) {
    EXPECT_EQ(there[family.name], std::set<std::string>(family.tiny.begin(), family.tiny.end()))
        << family.name;
    EXPECT_FALSE(family.models.empty()) << family.name;
  }
}

TEST(Missing, NoFamilyThatRunsIsListedAndNoNameTwice) {
  std::set<std::string_view> architectures, model_types;
  for (const Missing& family : all_missing()) {
    for (const std::string_view name : family.names) {
      EXPECT_EQ(Registry<Architecture>::find(name), nullptr) << name << " runs";
      EXPECT_TRUE(architectures.insert(name).second) << name;
    }
    for (const std::string_view name : family.model_types)
      EXPECT_TRUE(model_types.insert(name).second) << name;
  }
}

/// Every name that a person may have at hand finds its family, however it is spelled.
TEST(ModelsText, FindsAFamilyByArchitectureModelTypeAndItsModels) {
  const auto found = [](std::string_view name) {
    std::set<std::string> names;
    const Json json = models_json(name);
    for (const Json& family : json.at("families")) names.insert(family.at("architecture"));
    for (const Json& family : json.at("missing"))
      names.insert("no " + family.at("missing").get<std::string>());
    return names;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(found("gemma3"), Names{"gemma3"});
  EXPECT_EQ(found("gemma3_text"), Names{"gemma3"});
  EXPECT_EQ(found("Phi-3"), Names{"phi3"});
  EXPECT_EQ(found("pythia"), Names{"gptneox"});
  EXPECT_EQ(found("Mixtral"), Names{"llama"});
  EXPECT_EQ(found("grok"), Names{"no its kind of experts"});
  EXPECT_EQ(found("chatglm").size(), 2U) << "runs as GGUF; the folder does not";
  const Json all = models_json();
  for (const Json& family : all.at("families"))
    for (const std::string type : family.at("model_types"))
      EXPECT_TRUE(found(type).count(family.at("architecture"))) << type;
}

TEST(ModelsText, SaysWhetherItRunsAndFitsATerminal) {
  EXPECT_EQ(models_text("gemma2").rfind("gemma2: runs\n    models: Gemma 2\n", 0), 0U);
  EXPECT_NE(models_text("gemma2").find("methods act on: those without a window"), std::string::npos);
  EXPECT_NE(models_text("gemma3n").find("does not run\n    missing: per-layer embeddings"),
            std::string::npos);
  for (const std::string& name : Registry<Architecture>::names()) {
    std::istringstream text(models_text(name));
    for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(ModelsText, RefusesAnUnknownNameAndNamesNearOnes) {
  const auto hint = [](std::string_view name) {
    try {
      models_text(name);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(hint("gemna3").find("did you mean gemma3"), std::string::npos) << hint("gemna3");
  EXPECT_NE(hint("qven2").find("did you mean qwen2"), std::string::npos) << hint("qven2");
  for (const char* name : {"", "-", "nothing of the kind", "\x1b[31m"})
    EXPECT_NE(hint(name).find("`ropewalk models` lists all"), std::string::npos) << hint(name);
  EXPECT_EQ(hint("\x1b[31m").find('\x1b'), std::string::npos);
}

TEST(ModelsTable, FitsATerminal) {
  std::istringstream text(models_table());
  for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 80U) << line;
}

}  // namespace
}  // namespace rw
