// SPDX-License-Identifier: Apache-2.0
/// A model with a method said in its files, weights as they stand: what `ropewalk export --to` writes.
/// Engines that take a command line instead are methods/export.h's.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/output_folder.h"
#include "core/registry.h"
#include "formats/model_file.h"
#include "methods/method.h"

namespace rw {

struct ExportRequest {
  const ModelFile& source;
  MethodSpec method;  ///< a method's full text (Method::text())
  RopeContext context;
  std::string architecture;
  std::string out;  ///< a file that ends in .gguf, or a folder
};

struct Exported {
  std::vector<std::string> files;  ///< by their paths
  std::vector<std::string> next;   ///< what a shell runs on them, as words; empty: nothing
  std::string note;                ///< what else there is to say of it
};

/// One file per target, in train/export/.
struct ExportTarget {
  std::string name;  ///< what --to calls it
  std::vector<std::string> aliases = {};
  std::string reader;      ///< who reads it: "llama.cpp"
  std::string makes;       ///< for --help
  bool from_gguf = false;  ///< made of a GGUF; else of a folder of Hugging Face
  bool folder = false;     ///< writes a folder; else a file that ends in .gguf
  /// Why its reader cannot be told the method; empty: it can.
  std::function<std::string(const MethodSpec& bound, const RopeContext& context,
                            const std::string& architecture)>
      why_not;
  /// REQUIRES: why_not is empty, the source is of its container, and require_out was called. Errors: Error
  /// where it cannot be written, and then nothing new is left.
  std::function<Exported(const ExportRequest&)> write;
};

/// Errors: UsageError where `out` has not the ending, or is the source, one of its files or a folder that
/// holds them; Error where something is there by that name that no export wrote, or the disk has not the
/// room.
void require_out(const ExportTarget& target, const ModelFile& source, const std::string& out);

/// The file in a written folder that lists what is in it, so that the next export may replace the folder.
inline constexpr std::string_view kExportList = "ropewalk-export.json";
/// Writes it. `files`: the names of the others.
void write_export_list(const OutputFolder& folder, const ExportRequest& request,
                       std::vector<std::string> files);

}  // namespace rw
