// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "formats/tensor_name.h"

namespace rw::cli {
namespace {

/// "0-4, 6": the layers of class c.
std::string layers_of(const std::vector<std::size_t>& classes, std::size_t c) {
  std::string text;
  for (std::size_t begin = 0; begin < classes.size(); ++begin) {
    if (classes[begin] != c) continue;
    std::size_t last = begin;
    while (last + 1 < classes.size() && classes[last + 1] == c) ++last;
    text += text.empty() ? "" : ", ";
    text += last == begin ? fmt::format("{}", begin) : fmt::format("{}-{}", begin, last);
    begin = last;
  }
  return text;
}

/// Of each layer: classes of equal attention, parted by d_ff and by what stands in attention's place, counted
/// from 0 as they come.
std::vector<std::size_t> classes_of(const ModelConfig& config) {
  std::vector<std::size_t> classes = config.attention_classes();
  std::vector<std::tuple<std::size_t, Index, RecurrenceKind>> found;
  for (std::size_t layer = 0; layer < classes.size(); ++layer) {
    // What recurs, and what does neither, has equal attention: none.
    const LayerSpec& spec = config.layers[layer];
    const std::tuple key(classes[layer], spec.ffn.d_ff, spec.recurrence.kind);
    const auto at = std::find(found.begin(), found.end(), key);
    classes[layer] = static_cast<std::size_t>(at - found.begin());
    if (at == found.end()) found.push_back(key);
  }
  return classes;
}

}  // namespace

std::string layers_there(const ModelFile& file) {
  constexpr Index kMost = 1 << 16;  // a name may hold any number
  std::vector<std::size_t> there;
  for (const TensorInfo& tensor : file.tensors()) {
    const std::optional<NameInLayer> in = name_in_layer(tensor.name);
    if (!in || in->layer >= kMost) continue;
    const auto layer = static_cast<std::size_t>(in->layer);
    there.resize(std::max(there.size(), layer + 1));
    there[layer] = 1;
  }
  return layers_of(there, 1);
}

Json sizes_of(const ModelConfig& config, Index (*size)(const LayerSpec& layer)) {
  std::set<Index> sizes;
  for (const LayerSpec& layer : config.layers) sizes.insert(size(layer));
  if (sizes.size() > 1) sizes.erase(0);
  return sizes.size() == 1 ? Json(*sizes.begin()) : Json(sizes);
}

std::vector<std::string> differing_sizes(const Json& classes) {
  std::vector<std::string> names;
  for (const char* size : {"n_heads", "n_kv_heads", "head_dim", "d_ff"}) {
    std::set<Index> found;
    for (const Json& one : classes)
      if (one.contains(size)) found.insert(one.at(size).get<Index>());
    found.erase(0);  // has none
    if (found.size() > 1) names.emplace_back(size);
  }
  return names;
}

std::string own_scaling_of(const RopeSpec& rope) {
  if (!rope.own_scaling.empty()) return rope.own_scaling;
  return rope.divisors.empty() ? "none" : "rope_freqs";
}

Json experts_of(const ModelConfig& config) {
  const auto mixed = [](const LayerSpec& layer) { return layer.ffn.experts.n_experts > 0; };
  const auto first = std::find_if(config.layers.begin(), config.layers.end(), mixed);
  if (first == config.layers.end()) return Json::object();
  const ExpertsSpec& e = first->ffn.experts;
  return {{"n_experts", e.n_experts},
          {"n_used", e.n_used},
          {"d_ff", e.d_ff},
          {"shared_d_ff", first->ffn.d_ff},
          {"gating", e.gating == Gating::kSoftmax ? "softmax" : "sigmoid"},
          {"layers", std::count_if(config.layers.begin(), config.layers.end(), mixed)}};
}

std::string experts_line(const Json& e) {
  const Index shared = e.at("shared_d_ff");
  return fmt::format(
      "{} of {}, of d_ff {}, for each row by a {}{}, in {} layers", e.at("n_used").get<Index>(),
      e.at("n_experts").get<Index>(), e.at("d_ff").get<Index>(), e.at("gating").get<std::string>(),
      shared > 0 ? fmt::format(", and one of {} for all", shared) : "", e.at("layers").get<Index>());
}

/// What stands in attention's place: for people, and for tables.
const char* kind_of(const LayerSpec& layer) {
  if (layer.attends()) return "attention";
  switch (layer.recurrence.kind) {
    case RecurrenceKind::kDeltaRule:
      return "gated delta net";
    case RecurrenceKind::kStateSpace:
      return "Mamba-2";
    case RecurrenceKind::kShortConvolution:
      return "short convolution";
    case RecurrenceKind::kNone:
      break;
  }
  return "feed-forward alone";
}

Json layer_classes(const ModelConfig& config) {
  const std::vector<std::size_t> classes = classes_of(config);
  Json result = Json::array();
  for (std::size_t layer = 0; layer < classes.size(); ++layer) {
    if (classes[layer] != result.size()) continue;  // not the first of its class
    const AttentionSpec& a = config.layers[layer].attention;
    if (!config.layers[layer].attends()) {
      result.push_back({{"layers", layers_of(classes, classes[layer])},
                        {"kind", kind_of(config.layers[layer])},
                        {"state_bytes", 4 * config.layers[layer].recurrence.state_size()},
                        {"d_ff", config.layers[layer].ffn.d_ff},
                        {"methods_act", false}});
      continue;
    }
    result.push_back({{"layers", layers_of(classes, classes[layer])},
                      {"kind", "attention"},
                      {"n_heads", a.n_heads},
                      {"n_kv_heads", a.n_kv_heads},
                      {"head_dim", a.head_dim},
                      {"d_ff", config.layers[layer].ffn.d_ff},
                      {"sliding_window", a.window},
                      {"rope_base", a.rope.base},
                      {"rotary_dim", a.rope.rotary_dim},
                      {"own_scaling", own_scaling_of(a.rope)},
                      {"methods_act", acts_on(config.layers[layer])}});
  }
  return result;
}

std::string layer_class_line(const Json& c, const std::vector<std::string>& sizes) {
  std::string line = c.at("layers").get<std::string>() + ": ";
  if (!c.contains("n_heads")) {
    line += c.at("kind").get<std::string>();
    if (const Index bytes = c.at("state_bytes"); bytes > 0)
      line += fmt::format(", a state of {:.1f} KB", static_cast<double>(bytes) / 1000);
    return line + "; methods do not act";
  }
  const Index window = c.at("sliding_window");
  for (const std::string& size : sizes) line += fmt::format("{} {}, ", size, c.at(size).get<Index>());
  line += window > 0 ? fmt::format("a window of {}", window) : "all tokens before";
  if (c.at("rotary_dim") == 0)
    line += ", no positions";
  else
    line += fmt::format(", base {}, own scaling {}", c.at("rope_base").get<double>(),
                        c.at("own_scaling").get<std::string>());
  return line + (c.at("methods_act").get<bool>() ? "; methods act" : "; methods do not act");
}

}  // namespace rw::cli
