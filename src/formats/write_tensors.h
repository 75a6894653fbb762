// SPDX-License-Identifier: Apache-2.0
/// What the writers of both containers are given: tensors that are named first and come one by one, so that
/// memory stays small however large the model is.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/types.h"

namespace rw {

struct TensorToWrite {
  std::string name;
  std::string type;          ///< as the container names it: "Q8_0", "BF16"
  std::vector<Index> shape;  ///< outermost first: a matrix is (n_out, n_in)
};

/// Takes the next bytes of a tensor.
using TensorSink = std::function<void(std::span<const std::byte>)>;
/// Gives all bytes of tensor `i`, in order, to the sink. It is called once for each tensor, in order.
using TensorSource = std::function<void(std::size_t i, const TensorSink& sink)>;

class OutputFile;
/// All bytes of tensor `i` behind what the file has. REQUIRES: the source gives n_bytes.
void write_tensor(OutputFile& file, const TensorSource& source, std::size_t i, std::size_t n_bytes);

}  // namespace rw
