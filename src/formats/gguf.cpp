// SPDX-License-Identifier: Apache-2.0
#include "formats/gguf.h"

#include <algorithm>
#include <cstring>

#include "core/checked.h"
#include "core/option.h"
#include "formats/assumed_pre.h"
#include "formats/gguf_split.h"
#include "formats/mapped_file.h"
#include "formats/write_gguf.h"
#include "quant/stored_type.h"

namespace rw {
namespace {

constexpr std::uint64_t kMaxString = 16u << 20;
constexpr int kMaxDepth = 4;  // of arrays in arrays
// What a key and a tensor take beside their text: a map node each, the tensor's two records and its shape.
constexpr std::uint64_t kKeyBytes = 144, kTensorBytes = 416;

/// Reads numbers and strings off the front of the bytes. Every read is checked against what is left.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& place)
      : all_(bytes), left_(bytes), place_(place) {}

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }
  std::string string() {
    const auto length = number<std::uint64_t>();
    if (length > kMaxString) fail("a string of at most 16 MiB", fmt::format("{} bytes", length));
    const auto* text = reinterpret_cast<const char*>(take(length));
    if (length > 15) charge(length + 17);  // shorter ones live inside the std::string
    return {text, static_cast<std::size_t>(length)};
  }
  /// A count of things of at least `least` bytes each: it cannot need more bytes than are left.
  std::size_t count(std::uint64_t n, std::uint64_t least, const char* what) {
    if (n > left_.size() / least)
      fail(fmt::format("at most {} {}, by the file's size", left_.size() / least, what),
           fmt::format("{}", n));
    return static_cast<std::size_t>(n);
  }
  /// Counts memory that what was read will take. The whole must stay below 16 MiB + 4 x the file: the 16 MiB
  /// are for the reader itself and the allocator, so the budget starts at half of them.
  void charge(std::uint64_t bytes) {
    charged_ += bytes;  // each call is bounded by the file's size times a small number: it cannot wrap
    if (charged_ > (8u << 20) + 3 * all_.size())
      fail("metadata that takes at most four times the file's size in memory", "more");
  }
  std::size_t position() const { return all_.size() - left_.size(); }
  std::size_t left() const { return left_.size(); }
  [[noreturn]] void fail(std::string_view expected, std::string_view found) const {
    throw Error(place_, expected, found, "the file is damaged, cut short or hostile");
  }

 private:
  const std::byte* take(std::uint64_t n) {
    if (n > left_.size())
      fail(fmt::format("{} more bytes at {}", n, position()), fmt::format("{}", left_.size()));
    const std::byte* at = left_.data();
    left_ = left_.subspan(static_cast<std::size_t>(n));
    return at;
  }
  std::span<const std::byte> all_, left_;
  std::uint64_t charged_ = 0;
  const std::string& place_;
};

bool is_integer(std::uint32_t type) { return type <= kGgufI32 || type == kGgufU64 || type == kGgufI64; }
bool is_float(std::uint32_t type) { return type == kGgufF32 || type == kGgufF64; }

std::int64_t read_integer(Reader& in, std::uint32_t type) {
  switch (type) {
    case kGgufU8:
      return in.number<std::uint8_t>();
    case kGgufI8:
      return in.number<std::int8_t>();
    case kGgufU16:
      return in.number<std::uint16_t>();
    case kGgufI16:
      return in.number<std::int16_t>();
    case kGgufU32:
      return in.number<std::uint32_t>();
    case kGgufI32:
      return in.number<std::int32_t>();
    case kGgufI64:
      return in.number<std::int64_t>();
    default: {
      const auto value = in.number<std::uint64_t>();
      if (value >> 63) in.fail("a number below 2^63", fmt::format("{}", value));
      return static_cast<std::int64_t>(value);
    }
  }
}

double read_float(Reader& in, std::uint32_t type) {
  return type == kGgufF32 ? static_cast<double>(in.number<float>()) : in.number<double>();
}

bool read_bool(Reader& in) {
  const auto value = in.number<std::uint8_t>();
  if (value > 1) in.fail("0 or 1", fmt::format("{}", value));
  return value == 1;
}

std::uint64_t least_bytes(std::uint32_t type) {
  constexpr std::uint64_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
  return kBytes[type];
}

MetaValue read_array(Reader& in, int depth = 0) {
  const auto type = in.number<std::uint32_t>();
  if (type > kGgufF64) in.fail("an array of types from 0 to 12", fmt::format("element type {}", type));
  const std::size_t n = in.count(in.number<std::uint64_t>(), least_bytes(type), "array elements");
  if (type == kGgufArray) {
    if (depth == kMaxDepth) in.fail(fmt::format("arrays up to {} deep", kMaxDepth), "deeper ones");
    for (std::size_t i = 0; i < n; ++i) read_array(in, depth + 1);
    return NestedList{n};
  }
  if (type == kGgufString) {
    in.charge(n * sizeof(std::string));
    std::vector<std::string> list;
    list.reserve(n);
    for (std::size_t i = 0; i < n; ++i) list.push_back(in.string());
    return list;
  }
  if (is_float(type)) {
    in.charge(n * sizeof(double));
    std::vector<double> list;
    list.reserve(n);
    for (std::size_t i = 0; i < n; ++i) list.push_back(read_float(in, type));
    return list;
  }
  in.charge(n * sizeof(std::int64_t));
  std::vector<std::int64_t> list;
  list.reserve(n);
  for (std::size_t i = 0; i < n; ++i)
    list.push_back(type == kGgufBool ? read_bool(in) : read_integer(in, type));
  return list;
}

MetaValue read_value(Reader& in) {
  const auto type = in.number<std::uint32_t>();
  if (type == kGgufString) return in.string();
  if (type == kGgufBool) return read_bool(in);
  if (type == kGgufArray) return read_array(in);
  if (is_float(type)) return read_float(in, type);
  if (is_integer(type)) return read_integer(in, type);
  in.fail("a value type from 0 to 12", fmt::format("{}", type));
}

struct PendingTensor {
  TensorInfo info;
  std::uint64_t offset = 0;
  std::size_t size = 0;
};

/// Errors: Error for more weights than can be counted, and where blocks do not divide its rows.
void set_type(PendingTensor& t, std::uint32_t type, const std::string& place) {
  t.info.format = find_weight_format(type);
  const StoredType stored = gguf_type(type);
  t.info.type = stored.name;
  Checked n(1, place);
  for (const Index extent : t.info.shape) n = n * static_cast<std::uint64_t>(extent);
  if (stored.block_bytes == 0) return;  // nobody knows where it ends
  const auto block = static_cast<std::uint64_t>(stored.block_size);
  Checked(static_cast<std::uint64_t>(t.info.shape.back()), place).divided_by(block);
  t.size = (n.divided_by(block) * static_cast<std::uint64_t>(stored.block_bytes)).size();
}

/// Id 42 is Q2_0, whose blocks are of 64 weights in llama.cpp and of 128, which take less, in the fork that
/// it comes from: of that, where tensors would reach into those behind them. (Where the file ends says
/// nothing: it may be cut short.)
void tell_q2_0(std::vector<PendingTensor>& pending, const std::string& path) {
  std::vector<std::uint64_t> begins;
  begins.reserve(pending.size());
  for (const PendingTensor& t : pending) begins.push_back(t.offset);
  std::sort(begins.begin(), begins.end());
  const auto is_q2_0 = [](const PendingTensor& t) { return t.info.type == "Q2_0"; };
  const auto reaches = [&](const PendingTensor& t) {
    const auto next = std::upper_bound(begins.begin(), begins.end(), t.offset);
    return is_q2_0(t) && next != begins.end() && t.size > *next - t.offset;
  };
  const auto fits = [&](const PendingTensor& t) { return !is_q2_0(t) || t.info.shape.back() % 128 == 0; };
  if (std::none_of(pending.begin(), pending.end(), reaches) ||
      !std::all_of(pending.begin(), pending.end(), fits))
    return;
  constexpr std::uint32_t kPq2_0 = 142;
  for (PendingTensor& t : pending)
    if (is_q2_0(t)) set_type(t, kPq2_0, fmt::format("{}: tensor {}", path, t.info.name));
}

PendingTensor read_tensor(Reader& in, const std::string& path) {
  PendingTensor t;
  t.info.name = in.string();
  const std::string place = fmt::format("{}: tensor {}", path, t.info.name);
  const auto n_dims = in.number<std::uint32_t>();
  if (n_dims < 1 || n_dims > 4) throw Error(place, "1 to 4 dimensions", fmt::format("{}", n_dims));
  for (std::uint32_t d = 0; d < n_dims; ++d) {
    const auto extent = in.number<std::uint64_t>();
    if (extent == 0) throw Error(place, "dimensions above 0", "0");
    t.info.shape.insert(t.info.shape.begin(), Checked(extent, place).index());
  }
  set_type(t, in.number<std::uint32_t>(), place);
  t.offset = in.number<std::uint64_t>();
  return t;
}

/// What other files start with, for the message.
const char* kind_of(std::uint32_t magic) {
  if (magic == 0x67676a74u || magic == 0x67676d66u || magic == 0x67676d6cu)  // ggjt, ggmf, ggml
    return "a GGML file from before GGUF, which newer converters write";
  if (magic == 0x04034b50u) return "a zip archive (PyTorch's format)";
  return "other bytes";
}

/// Whether a file begins as a text does: somebody's words, given where a model stands.
bool begins_as_text(std::span<const std::byte> bytes) {
  bytes = bytes.first(std::min<std::size_t>(bytes.size(), 512));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.size() >= 4 && !text.starts_with("GGUF") &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= ' ' || (c >= 8 && c <= 13); });
}

/// Architectures whose q and k llama.cpp rotates in interleaved pairs: its converter permutes those of
/// Llama's kind to them, Cohere, GLM-4 and ERNIE 4.5 are trained so. With sections (images), GLM-4 is
/// half-split.
bool stores_interleaved_pairs(const ModelFile& file) {
  const std::string arch = file.string("general.architecture").value_or("");
  constexpr const char* kInterleaved[] = {
      "arcee",         "chatglm",   "baichuan",     "cohere2", "command-r", "deci",
      "deepseek2",     "ernie4_5",  "ernie4_5-moe", "glm4",    "granite",   "granitemoe",
      "granitehybrid", "internlm2", "llama",        "minicpm", "mistral3",  "smollm3"};
  const bool listed = std::any_of(std::begin(kInterleaved), std::end(kInterleaved),
                                  [&](const char* name) { return arch == name; });
  return listed && !(arch == "glm4" && file.integers("glm4.rope.dimension_sections"));
}

/// Up to the two counts. The version.
std::uint32_t read_header(Reader& in) {
  if (in.left() < 4) in.fail("a GGUF file or a Hugging Face folder", fmt::format("{} bytes", in.left()));
  if (const auto magic = in.number<std::uint32_t>(); magic != 0x46554747u)
    in.fail("a GGUF file (it starts with \"GGUF\") or a Hugging Face folder", kind_of(magic));
  const auto version = in.number<std::uint32_t>();
  if (version == 0x02000000u || version == 0x03000000u)
    in.fail("a little-endian GGUF file", "a big-endian one");
  if (version != 2 && version != 3) in.fail("GGUF version 2 or 3", fmt::format("version {}", version));
  return version;
}

class Gguf final : public ModelFile {
 public:
  Gguf(std::span<const std::byte> bytes, const std::string& path, std::unique_ptr<MappedFile> mapping)
      : mapping_(std::move(mapping)) {
    path_ = path;
    if (mapping_) files_ = {path}, mapped_ = {mapping_.get()};
    if (begins_as_text(bytes))
      throw Error(
          path_, "a model: a GGUF file or a Hugging Face folder", "a text",
          option(
              "give the model's file, texts elsewhere",
              "MODEL stands first; texts go behind --text or -f, `ropewalk tokenize` counts their tokens"));
    Reader in(bytes, path_);
    const std::uint32_t version = read_header(in);
    container_ = fmt::format("GGUF v{}", version);
    const auto declared_tensors = in.number<std::uint64_t>(), declared_keys = in.number<std::uint64_t>();
    const std::size_t n_keys = in.count(declared_keys, 13, "keys");
    for (std::size_t i = 0; i < n_keys; ++i) {
      in.charge(kKeyBytes);
      std::string key = in.string();
      in.charge(key.size() > 15 ? key.size() + 17 : 0);  // the map's copy
      if (!metadata_.emplace(key, read_value(in)).second) in.fail("each key once", "'" + key + "' twice");
    }
    const std::size_t n_tensors = in.count(declared_tensors, 32, "tensors");
    in.charge(n_tensors * kTensorBytes);
    std::vector<PendingTensor> pending;
    pending.reserve(n_tensors);
    tensors_.reserve(n_tensors);
    for (std::size_t i = 0; i < n_tensors; ++i) pending.push_back(read_tensor(in, path_));
    const auto n_numbered = static_cast<std::size_t>(std::count_if(
        pending.begin(), pending.end(), [](const PendingTensor& t) { return is_numbered(t.info.name); }));
    if (n_numbered > 0) in.charge((n_tensors + 2 * n_numbered) * kTensorBytes);  // join_stacks
    place_tensors(in, bytes, pending);
    interleaved_qk_ = stores_interleaved_pairs(*this);
    if (integer("split.count").value_or(1) == 1)
      take_scales(), join_stacks(), split_fused(false);  // else the whole set's are
  }

 private:
  void place_tensors(const Reader& in, std::span<const std::byte> bytes,
                     std::vector<PendingTensor>& pending) {
    const std::int64_t alignment = integer("general.alignment").value_or(32);
    if (alignment < 8 || alignment > (1 << 20) || (alignment & (alignment - 1)) != 0)
      in.fail("general.alignment a power of two from 8 to 2^20", fmt::format("{}", alignment));
    const auto step = static_cast<std::uint64_t>(alignment);
    const std::size_t data = (in.position() + step - 1) / step * step;
    tell_q2_0(pending, path_);
    for (PendingTensor& t : pending) {
      const std::string place = fmt::format("{}: tensor {}", path_, t.info.name);
      if (t.offset % step != 0)
        throw Error(place, fmt::format("an offset that is a multiple of {}", step),
                    fmt::format("{}", t.offset));
      const std::size_t end = (Checked(t.offset, place) + data + t.size).size();
      if (end > bytes.size())
        throw Error(place, fmt::format("a file of at least {} bytes", end), fmt::format("{}", bytes.size()),
                    "the file is cut short");
      t.info.bytes = bytes.subspan(end - t.size, t.size);
      if (!tensor_index_.emplace(t.info.name, tensors_.size()).second)
        throw Error(place, "each tensor once", "two");
      tensors_.push_back(std::move(t.info));
    }
  }
  std::unique_ptr<MappedFile> mapping_;
};

}  // namespace

std::unique_ptr<ModelFile> parse_gguf(std::span<const std::byte> bytes, const std::string& path) {
  return std::make_unique<Gguf>(bytes, path, nullptr);
}

namespace {

/// What a user said of a file (formats/assumed_pre.h) is written with it.
void add_assumed_pre(std::vector<GgufKey>& keys) {
  const auto says = [&](const char* name, const char* value) {
    return std::any_of(keys.begin(), keys.end(), [&](const GgufKey& key) {
      return key.name == name && (value == nullptr || key.value == GgufKey::string(name, value).value);
    });
  };
  constexpr const char* kPre = "tokenizer.ggml.pre";
  if (assumed_pre().empty() || !says("tokenizer.ggml.model", "gpt2")) return;
  if (!says(kPre, nullptr) || says(kPre, "default")) set_gguf_key(keys, GgufKey::string(kPre, assumed_pre()));
}

}  // namespace

std::vector<GgufKey> read_gguf_keys(const std::string& path) {
  const MappedFile file(path);
  Reader in(file.bytes(), path);
  read_header(in);
  in.number<std::uint64_t>();  // tensors
  const std::size_t n = in.count(in.number<std::uint64_t>(), 13, "keys");
  std::vector<GgufKey> keys;
  for (std::size_t i = 0; i < n; ++i) {
    in.charge(kKeyBytes);
    std::string name = in.string();
    const std::size_t begin = in.position();
    read_value(in);
    const auto* value = reinterpret_cast<const char*>(file.bytes().data()) + begin;
    if (!name.starts_with("split.")) keys.push_back({std::move(name), {value, in.position() - begin}});
  }
  add_assumed_pre(keys);
  return keys;
}

std::unique_ptr<ModelFile> open_gguf(const std::string& path) {
  const OpenGguf open_one = [](const std::string& name) -> std::unique_ptr<ModelFile> {
    auto mapping = std::make_unique<MappedFile>(name);
    const auto bytes = mapping->bytes();
    return std::make_unique<Gguf>(bytes, name, std::move(mapping));
  };
  return join_gguf_split(open_one(path), path, open_one);
}

}  // namespace rw
