# SPDX-License-Identifier: Apache-2.0
# The kernel tests once per instruction set that this machine has.
if(TARGET test_kernels)
  add_isa_runs(kernels test_kernels slow)
endif()
if(TARGET test_kernels AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  # The set avx2-vnni with AVX-512's encoding of its one instruction (register_dots_test.cpp).
  target_sources(test_kernels PRIVATE tests/kernels/vnni_in_evex.cpp)
  string(REPLACE -mavxvnni "-mavx512vl -mavx512vnni" in_evex "${avx2_vnni}")
  set_source_files_properties(tests/kernels/vnni_in_evex.cpp PROPERTIES COMPILE_FLAGS "${common} ${in_evex}")
endif()
