// SPDX-License-Identifier: Apache-2.0
/// How it was made, so that it can be made again.
#pragma once
#include "results/report_data.h"

namespace rw {

struct Origin {
  std::vector<std::string> commands;  ///< each that wrote some of the records, first seen first
  std::vector<std::string> texts;     ///< "novel.txt, 8 stretches"
  std::string dates;                  ///< "2026-11-26", "2026-11-26 to 2026-11-28"; empty: not known
  std::string machine;                ///< version, instruction set, precision, cache, threads
  std::string layers;                 ///< "methods act on 2 of 30 layers"; empty: not known
};
Origin origin_of(const ReportData& data);

}  // namespace rw
