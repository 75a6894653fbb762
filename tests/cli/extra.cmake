# Every command tried as a person would; needs nothing but the binary and the tiny models.
if(TARGET ropewalk)
  add_test(NAME cli COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/cli_test.sh $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
  set_tests_properties(cli PROPERTIES LABELS fast)
  if(EXISTS ${CMAKE_SOURCE_DIR}/models/SmolLM2-135M-Instruct.Q4_1.gguf)
    add_test(NAME cli_model COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/cli_test.sh $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR} model)
    set_tests_properties(cli_model PROPERTIES LABELS model)
  endif()
endif()
