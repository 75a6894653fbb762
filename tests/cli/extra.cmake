# Every command tried as a person would; needs nothing but the binary and the tiny models.
if(TARGET ropewalk)
  add_test(NAME cli COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/cli_test.sh $<TARGET_FILE:ropewalk> ${CMAKE_SOURCE_DIR})
  set_tests_properties(cli PROPERTIES LABELS fast)
endif()
