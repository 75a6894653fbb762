# SPDX-License-Identifier: Apache-2.0
# add_isa_runs(NAME TARGET LABELS [ARGUMENTS...]): a test NAME_<isa> for each instruction set that this machine
# has. tools/isa_coverage.sh says which ones no test ran on.
file(READ /proc/cpuinfo cpuinfo)
set(portable_flags "")
set(avx2_flags avx2 fma f16c)
set(avx2-vnni_flags ${avx2_flags} avx_vnni)
set(avx512_flags f16c avx512f avx512bw avx512vl avx512dq)
set(avx512-bf16_flags ${avx512_flags} avx512_vnni avx512_bf16)
set(amx-bf16_flags ${avx512_flags} avx512_vnni avx512_bf16 amx_tile amx_bf16)
set(instruction_sets portable avx2 avx2-vnni avx512 avx512-bf16 amx-bf16)
set(instruction_sets_here "")
foreach(isa ${instruction_sets})
  set(here TRUE)
  foreach(flag ${${isa}_flags})
    if(NOT cpuinfo MATCHES " ${flag} ")
      set(here FALSE)
    endif()
  endforeach()
  if(here)
    list(APPEND instruction_sets_here ${isa})
  else()
    message(STATUS "tests of ${isa}: not on this machine")
  endif()
endforeach()

function(add_isa_runs name target labels)
  foreach(isa ${instruction_sets_here})
    add_test(NAME ${name}_${isa} COMMAND ${target} ${ARGN})
    # Skipped, and said so, where the system does not let a process use what the processor has (AMX).
    set_tests_properties(${name}_${isa} PROPERTIES SKIP_REGULAR_EXPRESSION "an instruction set of this machine"
                         LABELS "${labels}" ENVIRONMENT ROPEWALK_ISA=${isa})
  endforeach()
endfunction()
