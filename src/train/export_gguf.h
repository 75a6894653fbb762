// SPDX-License-Identifier: Apache-2.0
/// A GGUF that says a method of itself, the rest of it as it was.
#pragma once
#include <string>

#include "train/export_target.h"

namespace rw {

/// Why a GGUF cannot say the method; empty: it can. More than file_settings says of one: a base that follows
/// the length is the base of this length, as in a line for llama.cpp.
std::string why_no_gguf(const MethodSpec& bound, const RopeContext& context, const std::string& architecture);

/// The source with the method in its keys, in place of a scaling of its own: a file at `path`, whole or not
/// at all. All other keys stay byte for byte and in their order, all tensors too; a tensor of frequency
/// factors is added, replaced or taken out where the method needs it. Of a split model one file. Two keys of
/// ropewalk's stand behind the others. Returns what there is to say of it, or nothing. REQUIRES: why_no_gguf
/// is empty, the source is a GGUF. Errors: Error.
std::string write_gguf_saying(const ExportRequest& request, const std::string& path);

/// Whether write_gguf_saying wrote it. A file that cannot be read is none.
bool is_exported_gguf(const std::string& path);

}  // namespace rw
