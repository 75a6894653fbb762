// SPDX-License-Identifier: Apache-2.0
#include "train/export_gguf.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/progress.h"
#include "methods/file_settings.h"
#include "methods/told.h"
#include "train/write_settings.h"

namespace rw {
namespace {

constexpr const char *kMethodKey = "ropewalk.export.method", *kLengthKey = "ropewalk.export.length";

struct Said {
  FileSettings settings = {};
  bool keeps = false;  ///< the scaling that the file has of its own stays as it stands
  std::string note = {};
};

/// A base that follows the length, at this length.
MethodSpec at_this_length(const Told& told, const RopeContext& c) {
  std::string spec = fmt::format("base:value={}", told.rope["rope_theta"].get<double>());
  if (!c.own_scaling.empty() || !c.rope_freqs.empty()) spec += ",replace=1";
  return MethodSpec::parse(Method::bind(MethodSpec::parse(spec), c).text());
}

Said said_in_gguf(const MethodSpec& bound, const RopeContext& c, const std::string& architecture) {
  Said said;
  said.settings.no_gguf = why_no_engine(bound, c, architecture);
  if (!said.settings.no_gguf.empty()) return said;
  const Told told = tell(bound, c);
  if (told.growth) {
    said.settings = file_settings(at_this_length(told, c), c, architecture);
    said.note = told.note;
    return said;
  }
  said.keeps = bound.parts[0].name == "none" || bound.parts[0].name == "longrope";
  if (!said.keeps)
    said.settings = file_settings(bound, c, architecture);
  else if (!c.own_scaling.empty() || !c.rope_freqs.empty())
    said.note = "the scaling that the file has of its own stays";
  return said;
}

/// What a reader would work out from context_length, where the file leaves it out: it would change with it.
void spell_out(const ExportRequest& request, const std::string& arch, std::vector<GgufKey>& keys) {
  const auto has = [&](const std::string& name) {
    return std::any_of(keys.begin(), keys.end(), [&](const GgufKey& key) { return key.name == name; });
  };
  const Json rope = tell(request.method, request.context).rope;
  const std::string scaling = arch + ".rope.scaling.", type = rope["rope_type"];
  const bool lists = request.context.own_scaling.starts_with("longrope");
  const auto add_real = [&](const char* name, const char* from) {
    if (!has(scaling + name)) set_gguf_key(keys, GgufKey::f32(scaling + name, rope[from].get<float>()));
  };
  if ((type == "linear" || type == "yarn") && has(scaling + "type")) add_real("factor", "factor");
  if (lists) add_real("attn_factor", "attention_factor");
  if ((lists || type == "yarn") && !has(scaling + "original_context_length"))
    set_gguf_key(keys, GgufKey::u32(scaling + "original_context_length",
                                    rope["original_max_position_embeddings"].get<std::uint32_t>()));
}

std::vector<GgufKey> keys_saying(const Said& said, const ExportRequest& request) {
  std::vector<GgufKey> keys = read_gguf_keys(request.source.path());
  const std::string arch = request.source.string("general.architecture").value_or("");
  if (said.keeps) {
    spell_out(request, arch, keys);
    set_gguf_key(
        keys, GgufKey::u32(arch + ".context_length", static_cast<std::uint32_t>(longest(request.context))));
  } else {
    set_gguf_settings(said.settings, arch, keys);
  }
  set_gguf_key(keys, GgufKey::string(kMethodKey, request.method.text()));
  set_gguf_key(keys, GgufKey::u32(kLengthKey, static_cast<std::uint32_t>(request.context.n)));
  return keys;
}

bool names_frequencies(const std::string& name) {
  return name == "rope_freqs.weight" || name.starts_with("rope_factors_");
}

}  // namespace

std::string why_no_gguf(const MethodSpec& bound, const RopeContext& context,
                        const std::string& architecture) {
  return said_in_gguf(bound, context, architecture).settings.no_gguf;
}

std::string write_gguf_saying(const ExportRequest& request, const std::string& path) {
  const Said said = said_in_gguf(request.method, request.context, request.architecture);
  RW_CHECK(said.settings.no_gguf.empty());
  std::vector<TensorInfo> stored = request.source.stored_tensors();
  if (!said.keeps) std::erase_if(stored, [](const TensorInfo& t) { return names_frequencies(t.name); });
  std::vector<TensorToWrite> tensors;
  std::size_t n_bytes = 0, n_done = 0;
  for (const TensorInfo& tensor : stored) {
    if (tensor.bytes.empty())
      throw Error(fmt::format("{}: tensor {}", request.source.path(), tensor.name),
                  "a type whose size is known, to copy it", tensor.type,
                  "a newer ropewalk may know it; --to llama.cpp needs no copy");
    tensors.push_back({tensor.name, tensor.type, tensor.shape});
    n_bytes += tensor.bytes.size();
  }
  constexpr std::size_t kLong = std::size_t{1} << 30;  // seconds
  std::optional<Progress> progress;
  if (n_bytes > kLong) progress.emplace("copying", static_cast<double>(n_bytes));
  write_gguf_with_freqs(
      path, keys_saying(said, request), tensors,
      [&](std::size_t i, const TensorSink& sink) {
        sink(stored[i].bytes);
        n_done += stored[i].bytes.size();
        if (progress) progress->update(static_cast<double>(n_done));
      },
      said.settings.rope_freqs);
  return said.note;
}

bool is_exported_gguf(const std::string& path) {
  try {
    const std::vector<GgufKey> keys = read_gguf_keys(path);
    return std::any_of(keys.begin(), keys.end(), [](const GgufKey& key) { return key.name == kMethodKey; });
  } catch (const Error&) {
    return false;
  }
}

}  // namespace rw
