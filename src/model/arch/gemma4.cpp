// SPDX-License-Identifier: Apache-2.0
/// Gemma 4: Gemma 3's norms (stored as they are), values normalised too; layers that see far have heads of
/// 512 of which a quarter turns, and in the larger models no W_v; the last layers of the small ones read the
/// keys of earlier ones, and each layer has embeddings of its own; 26B has experts beside its dense parts.
#include "model/read_common.h"
#include "model/read_scaling.h"

namespace rw::arch::gemma4 {
namespace {

/// The last `n` layers read the keys and values of the last layer before them that has the same window.
void share_keys(const ModelFile& file, Index n, ModelConfig& c) {
  const int first = c.n_layers() - static_cast<int>(n);
  for (int l = first; l < c.n_layers(); ++l) {
    LayerSpec& layer = c.layers[static_cast<std::size_t>(l)];
    int source = first - 1;
    while (source >= 0 &&
           c.layers[static_cast<std::size_t>(source)].attention.window != layer.attention.window)
      --source;
    if (source < 0)
      throw Error(file.path(), "a layer with keys of its own for each kind of layer that shares them",
                  fmt::format("none for layer {}", l), "shared_kv_layers is too large");
    if (c.layers[static_cast<std::size_t>(source)].attention.k_width() != layer.attention.k_width())
      throw Error(file.path(), fmt::format("layer {} as wide as layer {}, whose keys it reads", l, source),
                  "another width", "the file's numbers disagree");
    layer.kv_of = source;
    layer.attention.value_is_key = c.layers[static_cast<std::size_t>(source)].attention.value_is_key;
    if (layer.attention != c.layers[static_cast<std::size_t>(source)].attention)
      throw Error(file.path(),
                  fmt::format("layer {} with the attention of layer {}, whose keys it reads", l, source),
                  "another", "this engine shares keys between equal layers");
  }
}

void read_experts_apart(const Keys& keys, LayerSpec& layer) {
  if (layer.ffn.experts.n_experts == 0) return;
  layer.ffn.d_ff = keys.integer("feed_forward_length", 1, 1 << 22);
  layer.ffn.apart = true;
  // GGUFs of NVFP4 have it in the scales of the weights (formats/nvfp4_scales.cpp).
  const TensorInfo* down = keys.file.find_tensor(fmt::format("blk.{}.ffn_down_exps.weight", keys.layer));
  const bool folded = keys.file.container().starts_with("GGUF") && down != nullptr && !down->relaid.empty();
  layer.ffn.experts.scaled = !folded || keys.has_tensor("ffn_down_exps.scale");
}

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.activation = Activation::kGeluTanh,
                                           .post_norm = true,
                                           .sizes_by_window = true,
                                           .proportional = true,
                                           .local_base = 10000,
                                           .embedding_by_root = true,
                                           .qk_norm = true,
                                           .experts = true});
  const Keys keys{file, c.architecture, 0, c.n_layers(), c.n_blocks};
  for (int l = 0; l < c.n_layers(); ++l) {
    LayerSpec& layer = c.layers[static_cast<std::size_t>(l)];
    const Keys here = keys.of_layer(l);
    if (!layer.pre_norm) file.tensor("blk.0.attn_norm.weight");  // says what is missing
    layer.attention.scale = 1;
    layer.attention.value_norm = true;
    // A folder says it, a GGUF shows it.
    layer.attention.value_is_key =
        layer.attention.window == 0 &&
        file.boolean("ropewalk.value_is_key").value_or(!here.has_tensor("attn_v.weight"));
    if (layer.attention.value_is_key && layer.attention.value_dim > 0)
      throw Error(file.path(), "values as wide as the keys that they are",
                  fmt::format("{} and {}", layer.attention.value_dim, layer.attention.head_dim));
    if (layer.attention.window == 0) read_turning_pairs(file, layer.attention.rope);
    layer.output_scale = here.has_tensor("layer_output_scale.weight");
    read_experts_apart(here, layer);
  }
  c.per_layer_width = keys.integer("embedding_length_per_layer_input", 0, 1 << 16, 0);
  const Index shared = keys.integer("attention.shared_kv_layers", 0, c.n_layers() - 1, 0);
  share_keys(file, shared, c);
  return c;
}

const Register<Architecture> registered{
    {.name = "gemma4",
     .models = "Gemma 4: E2B, E4B, 12B, 26B-A4B and 31B (the text part)",
     .acts = "those without a window: one in five or six",
     .scaling = "none; layers without a window turn a quarter of their dims, under every method",
     .tiny = {"gemma4_e2b", "gemma4_31b", "gemma4_26b"},
     .read = read}};

}  // namespace
}  // namespace rw::arch::gemma4
