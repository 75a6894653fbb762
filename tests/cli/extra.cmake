# Every command tried as a person would; needs nothing but the binary and the tiny models.
if(TARGET ropewalk)
  add_test(NAME cli COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/cli_test.sh $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
  add_test(NAME export_cli COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/export_test.sh $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
  add_test(NAME streams COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/streams_test.sh $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    set(sanitized sanitized)
  endif()
  add_test(NAME chat_cli COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/chat_test.py $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR} ${sanitized})
  add_test(NAME train_kinds COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/train_kinds_test.py $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
  find_program(QEMU_X86_64 qemu-x86_64)  # qemu-user
  if(QEMU_X86_64 AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$" AND NOT sanitized)
    # An x86-64 processor without AVX.
    add_test(NAME without_avx COMMAND ${QEMU_X86_64} -cpu Nehalem $<TARGET_FILE:ropewalk> logits
             ${CMAKE_SOURCE_DIR}/tests/golden/tiny/llama --tokens ${CMAKE_SOURCE_DIR}/tests/cli/three_tokens.txt --nll)
    set_tests_properties(without_avx PROPERTIES LABELS fast PASS_REGULAR_EXPRESSION "cpu portable bf16, read 3 tokens"
                         FAIL_REGULAR_EXPRESSION "expected;llegal instruction")
  endif()
  set_tests_properties(cli streams export_cli chat_cli train_kinds PROPERTIES LABELS fast)
  if(EXISTS ${CMAKE_SOURCE_DIR}/models/short-256.gguf)
    add_test(NAME cli_model COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/cli_test.sh $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR} model)
    add_test(NAME unbounded COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/unbounded_test.py $<TARGET_FILE:ropewalk>
             ${CMAKE_SOURCE_DIR}/models/short-256.gguf ${sanitized})
    add_test(NAME kill COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/kill_test.py $<TARGET_FILE:ropewalk>
             ${CMAKE_SOURCE_DIR}/models/short-256.gguf ${CMAKE_SOURCE_DIR}/data/persuasion.txt)
    add_test(NAME train_cli COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/train_test.py $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
    add_test(NAME train_stop COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/train_stop_test.py $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
    add_test(NAME train_keeps COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/train_keeps_test.py $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
    add_test(NAME recorded_results COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/recorded_results_test.py $<TARGET_FILE:ropewalk>
             ${CMAKE_SOURCE_DIR})
    add_test(NAME retrain COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/retrain_test.py $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
    add_test(NAME finetune COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/finetune_test.py $<TARGET_FILE:ropewalk>
             ${CMAKE_SOURCE_DIR}/models/short-256.gguf ${CMAKE_SOURCE_DIR})
    add_test(NAME finetune_told COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/finetune_told_test.py $<TARGET_FILE:ropewalk>
             ${CMAKE_SOURCE_DIR}/models/short-256.gguf ${CMAKE_SOURCE_DIR})
    set_tests_properties(cli_model kill train_cli train_stop train_keeps recorded_results retrain finetune finetune_told
                         PROPERTIES LABELS model)
    set_tests_properties(unbounded PROPERTIES LABELS fast)
    set_tests_properties(retrain PROPERTIES SKIP_RETURN_CODE 77)
    if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")  # Open MPI's own leaks would be told
      add_test(NAME mpi COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/mpi_test.py $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
      set_tests_properties(mpi PROPERTIES LABELS model SKIP_RETURN_CODE 77)
    endif()
  endif()
endif()
