// SPDX-License-Identifier: Apache-2.0
/// The weight types that model files hold, whether this engine computes with them or not: a file that cannot
/// be run can still be looked at, and says which type stands in the way.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/types.h"

namespace rw {

/// A type's name and layout. block_bytes is 0 where the layout is not known here: the size of such a tensor
/// is not checked.
struct StoredType {
  std::string name;
  Index block_size = 1, block_bytes = 0;
};

/// Of a GGUF type id: ggml's, and those of ik_llama.cpp from 133 on. "ggml type 77" where nobody's is known.
StoredType gguf_type(std::uint32_t ggml_type);
/// The id of what gguf_type names; nullopt for other names.
std::optional<std::uint32_t> gguf_type_id(std::string_view name);
/// Of a safetensors dtype; the name itself with block_bytes 0 where it is not known.
StoredType safetensors_type(std::string_view dtype);

}  // namespace rw
