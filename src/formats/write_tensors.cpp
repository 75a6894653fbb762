// SPDX-License-Identifier: Apache-2.0
#include "formats/write_tensors.h"

#include "core/error.h"
#include "core/output_file.h"

namespace rw {

void write_tensor(OutputFile& file, const TensorSource& source, std::size_t i, std::size_t n_bytes) {
  std::size_t written = 0;
  source(i, [&](std::span<const std::byte> bytes) {
    written += bytes.size();
    RW_CHECK(written <= n_bytes);
    file.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
  RW_CHECK(written == n_bytes);
}

}  // namespace rw
