// SPDX-License-Identifier: Apache-2.0
/// Tensors of a source as the backend's matrices and vectors, and the memory they take.
#pragma once
#include <string>

#include "model/weights.h"

namespace rw {

class Loader {
 public:
  Loader(WeightSource& source, const Backend& backend) : source_(source), backend_(backend) {}

  WeightRows rows(const std::string& name) { return source_.rows(name); }
  std::unique_ptr<Matrix> matrix(const std::string& name) {
    return made_of(source_.rows(name), backend_.precision());
  }
  /// Nothing of these is rounded.
  std::unique_ptr<Matrix> router(const std::string& name) {
    return made_of(source_.rows(name), Precision::kF32);
  }
  /// n matrices that are stacked.
  std::vector<std::unique_ptr<Matrix>> matrices(const std::string& name, Index n) {
    const WeightRows all = source_.rows(name);
    std::vector<std::unique_ptr<Matrix>> made;
    made.reserve(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i)
      made.push_back(made_of(all.part(all.n_out / n * i, all.n_out / n), backend_.precision()));
    return made;
  }
  Vector vector(const std::string& name) { return source_.vector(name); }
  Vector product(const std::string& a, const std::string& b) { return source_.product(a, b); }
  std::unique_ptr<Matrix> made_of(WeightRows rows) { return made_of(std::move(rows), backend_.precision()); }
  std::unique_ptr<Matrix> made_of(WeightRows rows, Precision precision) {
    auto made = backend_.make_matrix(std::move(rows), precision);
    bytes_ += made->bytes + made->file_bytes;
    return made;
  }
  bool rates_are_logs() const { return source_.rates_are_logs(); }
  /// The n numbers of a vector, to be changed.
  std::vector<float> numbers(const std::string& name, Index n) {
    const Vector made = vector(name);
    std::vector<float> copy;
    const float* host = backend_.on_host(made.get(), n, copy);
    return {host, host + n};
  }
  /// Numbers of ours in the backend's memory.
  Vector made_of(std::span<const float> numbers) { return backend_.upload(numbers); }
  std::size_t bytes() const { return bytes_; }

 private:
  WeightSource& source_;
  const Backend& backend_;
  std::size_t bytes_ = 0;
};

}  // namespace rw
