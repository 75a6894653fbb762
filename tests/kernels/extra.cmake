# SPDX-License-Identifier: Apache-2.0
# The kernel tests once per instruction set that this machine has; oneDNN's limit is per process: one each.
# Threads that wait passively do not starve the other tests of a small machine.
if(TARGET test_kernels)
  file(READ /proc/cpuinfo cpuinfo)
  foreach(pair "portable:." "avx2:avx2" "avx512:avx512bw" "avx512-bf16:avx512_bf16")
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 isa)
    list(GET pair 1 flag)
    if(isa STREQUAL "portable" OR cpuinfo MATCHES ${flag})
      add_test(NAME kernels_${isa} COMMAND test_kernels)
      set_tests_properties(kernels_${isa} PROPERTIES LABELS slow ENVIRONMENT "ROPEWALK_ISA=${isa};OMP_WAIT_POLICY=passive")
    else()
      message(STATUS "kernels_${isa}: not on this machine")
    endif()
  endforeach()
endif()
