# SPDX-License-Identifier: Apache-2.0
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  add_compile_definitions(ROPEWALK_SANITIZED)  # for tests: a child cannot be forked, and all is slower
endif()

set(ROPEWALK_TEST_FILES "" CACHE STRING "sources of tests that match are compiled alone (tools/arm.sh); all")

# One executable per tests/<folder>, linked with what that layer may see. Labels: fast, slow, model.
function(add_test_folder folder)
  file(GLOB sources CONFIGURE_DEPENDS tests/${folder}/*_test.cpp)
  if(ROPEWALK_TEST_FILES)
    list(FILTER sources INCLUDE REGEX "${ROPEWALK_TEST_FILES}")
  endif()
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread" AND folder MATCHES "^(kernels|model|judge)$")
    # Of these tools/tsan.sh runs what threads share; other files would take two minutes to instrument.
    foreach(source ${sources})
      file(STRINGS ${source} shared LIMIT_COUNT 1
           REGEX "Thread|WhoComputes|EqualsTheDefinition|Forks|TEST(_P|_F)?\\((Session|Sequence|Engine|Coordinator|MeasurerTest),")
      if(NOT shared)
        list(REMOVE_ITEM sources ${source})
      endif()
    endforeach()
  endif()
  if(NOT sources)
    return()
  endif()
  add_executable(test_${folder} ${sources})
  set_target_properties(test_${folder} PROPERTIES UNITY_BUILD OFF)  # each file may name its helpers as it likes
  target_link_libraries(test_${folder} PRIVATE ${ARGN} ${libraries} GTest::gtest GTest::gtest_main)
  target_compile_definitions(test_${folder} PRIVATE ROPEWALK_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             ROPEWALK_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${folder} COMMAND test_${folder})
  set_tests_properties(${folder} PROPERTIES LABELS fast)
endfunction()

add_test_folder(core rw_core)
add_test_folder(methods rw_core rw_methods)
add_test_folder(quant rw_core rw_quant)
add_test_folder(formats rw_core rw_quant rw_formats)
add_test_folder(tokenizer ${readers})
add_test_folder(chat ${readers})
add_test_folder(kernels rw_core rw_quant rw_methods rw_kernels)
add_test_folder(model ${engine})
add_test_folder(train ${engine} rw_train)
add_test_folder(documents rw_core rw_documents)
add_test_folder(metrics rw_core rw_metrics)
add_test_folder(results ${judged})
add_test_folder(report ${judged} rw_report)
add_test_folder(judge ${everything})
add_test_folder(evaluation ${everything})
add_test_folder(remote ${everything})
add_test_folder(serving ${engine} rw_serving)
add_test_folder(server ${everything} rw_server)
add_test_folder(fuzz_corpus ${everything} rw_server)

include(tests/isa.cmake)
file(GLOB extra CONFIGURE_DEPENDS tests/*/extra.cmake)  # more registrations: per-ISA runs, CLI tests
foreach(file ${extra})
  include(${file})
endforeach()
