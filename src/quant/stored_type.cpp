// SPDX-License-Identifier: Apache-2.0
#include "quant/stored_type.h"

#include <fmt/format.h>

namespace rw {
namespace {

struct GgufType {
  std::uint32_t id;
  const char* name;
  Index block_size, block_bytes;
};

// ggml.h and the `gguf` package 0.19 (GGML_QUANT_SIZES); 133 on: ik_llama.cpp's ggml.h, some of whose rows
// have a scale of their own in front, so that a row's size is not a number of blocks. It gave 36 another
// meaning.
constexpr GgufType kGguf[] = {
    {0, "F32", 1, 4},
    {1, "F16", 1, 2},
    {2, "Q4_0", 32, 18},
    {3, "Q4_1", 32, 20},
    {4, "Q4_2", 16, 0},
    {5, "Q4_3", 16, 0},
    {6, "Q5_0", 32, 22},
    {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},
    {9, "Q8_1", 32, 40},
    {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},
    {12, "Q4_K", 256, 144},
    {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},
    {15, "Q8_K", 256, 292},
    {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98},
    {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},
    {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136},
    {24, "I8", 1, 1},
    {25, "I16", 1, 2},
    {26, "I32", 1, 4},
    {27, "I64", 1, 8},
    {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},
    {31, "Q4_0_4_4", 32, 18},
    {32, "Q4_0_4_8", 32, 18},
    {33, "Q4_0_8_8", 32, 18},
    {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},
    {36, "IQ4_NL_4_4 or I2_S", 1, 0},
    {37, "IQ4_NL_4_8", 32, 0},
    {38, "IQ4_NL_8_8", 32, 0},
    {39, "MXFP4", 32, 17},
    {40, "NVFP4", 64, 36},
    {41, "Q1_0", 128, 18},
    {42, "Q2_0", 64, 18},
    {133, "Q6_0", 32, 0},
    {134, "IQ1_BN", 64, 0},
    {135, "IQ2_BN", 64, 0},
    {137, "IQ2_K", 256, 0},
    {138, "IQ3_K", 256, 0},
    {139, "IQ4_K", 256, 0},
    {140, "IQ5_K", 256, 0},
    {141, "IQ6_K", 256, 0},
    {142, "PQ2_0", 128, 34},  // PrismML's fork; of ik_llama.cpp once IQ2_TN and IQ1_TN
    {143, "PTQ1_0", 128, 28},
    {144, "IQ4_KS", 256, 0},
    {145, "IQ2_KS", 256, 0},
    {146, "IQ4_KSS", 256, 0},
    {152, "IQ5_KS", 256, 0},
    {153, "IQ2_KT", 256, 0},
    {154, "IQ3_KT", 256, 0},
    {155, "IQ4_KT", 256, 0},
    {156, "IQ3_KS", 256, 0},
    {157, "IQ2_KL", 256, 0},
    {158, "IQ1_KT", 256, 0},
};

struct Dtype {
  std::string_view name;
  Index bytes;
};

// safetensors/src/tensor.rs; F4 and the F6 kinds share bytes between weights.
constexpr Dtype kSafetensors[] = {{"BOOL", 1},    {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
                                  {"F8_E8M0", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},     {"BF16", 2},
                                  {"I32", 4},     {"U32", 4}, {"F32", 4}, {"F64", 8},     {"I64", 8},
                                  {"U64", 8},     {"C64", 8}};

}  // namespace

StoredType gguf_type(std::uint32_t ggml_type) {
  for (const GgufType& type : kGguf)
    if (type.id == ggml_type) return {type.name, type.block_size, type.block_bytes};
  return {fmt::format("ggml type {}", ggml_type), 1, 0};
}

std::optional<std::uint32_t> gguf_type_id(std::string_view name) {
  for (const GgufType& type : kGguf)
    if (type.name == name) return type.id;
  return {};
}

StoredType safetensors_type(std::string_view dtype) {
  for (const Dtype& type : kSafetensors)
    if (type.name == dtype) return {std::string(dtype), 1, type.bytes};
  return {std::string(dtype.substr(0, 40)), 1, 0};
}

}  // namespace rw
