// SPDX-License-Identifier: Apache-2.0
/// Google Benchmark cases: every operation of every instruction set that this machine has, one thread,
/// operands in cache unless said. Names are operation/instruction set/...; run some with
/// --benchmark_filter=attention.
///   build/release/bench_kernels --benchmark_filter='attention_bf16/.*/64'
#include "cases.h"

int main(int argc, char** argv) {
  using namespace rw::cpu;
  for (const Isa* const* next = kInstructionSets; *next != nullptr; ++next) {
    const Isa& isa = **next;
    if (!isa.supported()) continue;
    register_attention(isa);
    register_products(isa);
    register_rows(isa);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
