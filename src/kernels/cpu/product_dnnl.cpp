// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/product_dnnl.h"

#include <map>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>

#include "core/buffer.h"
#include "core/error.h"
#include "core/parallel.h"
#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace {

using dnnl::memory;
constexpr std::size_t kMostCompiled = 64;  // per matrix
constexpr Index kLayoutRows = 512;         // the row count for which oneDNN chooses the layout of the weights

const dnnl::engine& engine() {
  static const dnnl::engine one = [] {
    // Its limit is per process and must be set before its first use.
    const bool bf16 = std::string_view(active().name) == "avx512-bf16";
    const auto set =
        dnnl::set_max_cpu_isa(bf16 ? dnnl::cpu_isa::avx512_core_bf16 : dnnl::cpu_isa::avx512_core);
    RW_CHECK(set == dnnl::status::success);  // with AMX a row's bits would depend on the number of rows
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return one;
}

/// oneDNN compiles a product for one number of rows; copies share it.
struct Compiled {
  dnnl::matmul::primitive_desc description;
  dnnl::matmul primitive;
};

struct DnnlMatrix final : Matrix {
  Precision precision = Precision::kBf16;
  memory weights;  // (n_in, n_out) in the layout oneDNN chose
  mutable std::mutex mutex;
  mutable std::map<std::pair<Index, bool>, Compiled> compiled;

  memory::data_type type() const {
    return precision == Precision::kBf16 ? memory::data_type::bf16 : memory::data_type::f32;
  }
  memory::desc x_desc(Index n_rows) const { return {{n_rows, n_in}, type(), memory::format_tag::ab}; }
  memory::desc y_desc(Index n_rows) const {
    return {{n_rows, n_out}, memory::data_type::f32, memory::format_tag::ab};
  }
  memory::desc bias_desc() const { return {{1, n_out}, memory::data_type::f32, memory::format_tag::ab}; }

  dnnl::matmul::primitive_desc describe(Index n_rows, const memory::desc& w, bool bias) const {
    const auto d = bias ? dnnl::matmul::desc(x_desc(n_rows), w, bias_desc(), y_desc(n_rows))
                        : dnnl::matmul::desc(x_desc(n_rows), w, y_desc(n_rows));
    return {d, engine()};
  }
  Compiled for_rows(Index n_rows, bool bias) const {
    const std::lock_guard lock(mutex);
    auto found = compiled.find({n_rows, bias});
    if (found == compiled.end()) {
      if (compiled.size() >= kMostCompiled) compiled.clear();  // prompts of every length must not fill memory
      const auto description = describe(n_rows, weights.get_desc(), bias);
      found =
          compiled.emplace(std::pair{n_rows, bias}, Compiled{description, dnnl::matmul(description)}).first;
    }
    return found->second;
  }
};

}  // namespace

bool dnnl_serves(Precision precision) {
  const std::string_view isa = active().name;
  return precision == Precision::kBf16 ? isa == "avx512-bf16"
                                       : isa == "amx-bf16" || isa == "avx512-bf16" || isa == "avx512";
}

std::unique_ptr<Matrix> make_dnnl_matrix(Precision precision, Index n_out, Index n_in,
                                         const std::function<void(Index, float*)>& row) {
  auto matrix = std::make_unique<DnnlMatrix>();
  matrix->precision = precision;
  matrix->n_out = n_out, matrix->n_in = n_in;
  const Index element = precision == Precision::kBf16 ? 2 : 4;
  Buffer<std::byte> plain(n_out * n_in * element);  // (n_out, n_in)
  parallel_for((n_out + 63) / 64, [&](Index block, int) {
    std::vector<float> one(static_cast<std::size_t>(n_in));
    for (Index r = block * 64; r < std::min(n_out, block * 64 + 64); ++r) {
      row(r, one.data());
      if (precision == Precision::kBf16)
        active().to_bf16(one.data(), reinterpret_cast<std::uint16_t*>(plain.data()) + r * n_in, n_in);
      else
        std::copy(one.begin(), one.end(), reinterpret_cast<float*>(plain.data()) + r * n_in);
    }
  });
  const memory from({{n_in, n_out}, matrix->type(), memory::format_tag::ba}, engine(), plain.data());
  const memory::desc any({n_in, n_out}, matrix->type(), memory::format_tag::any);
  matrix->weights = memory(matrix->describe(kLayoutRows, any, false).weights_desc(), engine());
  dnnl::stream stream(engine());
  dnnl::reorder(from, matrix->weights).execute(stream, const_cast<memory&>(from), matrix->weights);
  stream.wait();
  matrix->bytes = matrix->weights.get_desc().get_size();
  return matrix;
}

bool is_dnnl_matrix(const Matrix& w) { return dynamic_cast<const DnnlMatrix*>(&w) != nullptr; }

void multiply_dnnl(const float* x, Index n_rows, const Matrix& w, const float* bias, float* y) {
  const auto& m = dynamic_cast<const DnnlMatrix&>(w);
  const Compiled compiled = m.for_rows(n_rows, bias != nullptr);
  const bool bf16 = m.precision == Precision::kBf16;
  Buffer<std::uint16_t> rounded(bf16 ? n_rows * m.n_in : 0);
  if (bf16)
    parallel_for((n_rows + 15) / 16, [&](Index block, int) {
      const Index begin = block * 16 * m.n_in, end = std::min(n_rows, block * 16 + 16) * m.n_in;
      active().to_bf16(x + begin, rounded.data() + begin, end - begin);
    });
  void* input = bf16 ? static_cast<void*>(rounded.data()) : const_cast<float*>(x);
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, memory(m.x_desc(n_rows), engine(), input)},
                                            {DNNL_ARG_WEIGHTS, m.weights},
                                            {DNNL_ARG_DST, memory(m.y_desc(n_rows), engine(), y)}};
  if (bias) arguments.emplace(DNNL_ARG_BIAS, memory(m.bias_desc(), engine(), const_cast<float*>(bias)));
  dnnl::stream stream(engine());
  compiled.primitive.execute(stream, arguments);
  stream.wait();
}

}  // namespace ropewalk::cpu
