// SPDX-License-Identifier: Apache-2.0
/// What docs/models.md says of families is what the readers do.
#include "model/describe.h"

#include <filesystem>
#include <set>

#include "formats/missing.h"
#include "model_test_util.h"

namespace ropewalk {
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
    if (!has_reader(entry.path())) continue;
    const auto file = ModelFile::open(entry.path());
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

TEST(ModelsTable, FitsATerminal) {
  std::istringstream text(models_table());
  for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 80U) << line;
}

}  // namespace
}  // namespace ropewalk
