// SPDX-License-Identifier: Apache-2.0
#include "methods/tuned_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/checked.h"
#include "core/error.h"
#include "core/option.h"
#include "core/output_file.h"

namespace rw {
namespace {

constexpr std::uintmax_t kMostBytes = 4u << 20;
constexpr Index kMostTokens = Index{1} << 31;

[[noreturn]] void refuse(const std::string& path, std::string_view expected, std::string_view found) {
  throw Error(path, expected, found,
              "move it away, then " + option("tune with keep", "run ropewalk tune") + ", or name a " +
                  option("method"));
}

std::string wrote_by_tune() { return "what " + option("tune", "`ropewalk tune`") + " wrote"; }

std::string read_whole(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code none;
  if (!fs::is_regular_file(path, none)) refuse(path, wrote_by_tune(), "no regular file");
  if (fs::file_size(path, none) > kMostBytes)
    refuse(path, wrote_by_tune() + ", of 4 MiB at most", "a larger file");
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (!in) refuse(path, wrote_by_tune(), "a file that cannot be read, or is empty");
  return bytes.str();
}

/// Fields of one object of the file, checked.
class Fields {
 public:
  Fields(const std::string& path, const Json& object) : path_(path), object_(object) {}
  const Json& at(const char* key) const {
    if (!object_.is_object() || !object_.contains(key))
      refuse(path_, fmt::format("{}, with \"{}\"", wrote_by_tune(), key), "a file without it");
    return object_.at(key);
  }
  std::string text(const char* key) const {
    if (!at(key).is_string()) refuse(path_, fmt::format("a text as \"{}\"", key), dump_json(at(key)));
    return at(key).get<std::string>();
  }
  Index tokens(const char* key) const {
    if (!at(key).is_number_unsigned())
      refuse(path_, fmt::format("a number of tokens as \"{}\"", key), dump_json(at(key)));
    return Checked(at(key).get<std::uint64_t>(), path_).in(1, kMostTokens);
  }

 private:
  const std::string& path_;
  const Json& object_;
};

TunedSetting read_setting(const std::string& path, const Json& object) {
  const Fields fields(path, object);
  TunedSetting setting{fields.tokens("length"), fields.text("method"), object};
  try {
    MethodSpec::parse(setting.method);
  } catch (const UsageError& error) {
    throw Error(path, error);
  }
  setting.evidence.erase("length"), setting.evidence.erase("method");
  return setting;
}

}  // namespace

const TunedSetting* TunedFile::at(Index length) const {
  for (const TunedSetting& setting : settings)
    if (setting.length == length) return &setting;
  return nullptr;
}

void TunedFile::put(TunedSetting setting) {
  const auto at =
      std::lower_bound(settings.begin(), settings.end(), setting.length,
                       [](const TunedSetting& other, Index length) { return other.length < length; });
  if (at != settings.end() && at->length == setting.length)
    *at = std::move(setting);
  else
    settings.insert(at, std::move(setting));
}

std::string tuned_path(const std::string& model_path) {
  std::string path = model_path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path + ".ropewalk.json";
}

std::optional<TunedFile> read_tuned(const std::string& path) {
  std::error_code none;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, none))) return {};
  const std::string text = read_whole(path);
  parse_json(text, path, kMostBytes);  // the checks; what is kept and written again keeps its order
  const Json json = Json::parse(text);
  const Fields fields(path, json);
  TunedFile file{fields.text("ropewalk"), fields.text("model"), fields.text("model_id"),
                 fields.tokens("n_ctx_train")};
  if (!fields.at("settings").is_array()) refuse(path, "a list as \"settings\"", "another value");
  for (const Json& object : fields.at("settings")) file.put(read_setting(path, object));
  return file;
}

void write_tuned(const std::string& path, const TunedFile& file) {
  Json settings = Json::array();
  for (const TunedSetting& setting : file.settings) {
    Json object{{"length", setting.length}, {"method", setting.method}};
    if (setting.evidence.is_object()) object.update(setting.evidence);
    settings.push_back(std::move(object));
  }
  const Json json{{"ropewalk", file.version},
                  {"model", file.model},
                  {"model_id", file.model_id},
                  {"n_ctx_train", file.n_ctx_train},
                  {"settings", std::move(settings)}};
  OutputFile out(path);
  out.write(dump_json(json, 1) + "\n");
  out.commit();
}

}  // namespace rw
