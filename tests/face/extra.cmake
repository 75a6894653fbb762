if(TARGET ropewalk_shared AND EXISTS ${CMAKE_SOURCE_DIR}/models/short-256.gguf)
  add_test(NAME library_installed COMMAND ${CMAKE_SOURCE_DIR}/tests/face/install_test.sh ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
  set_tests_properties(library_installed PROPERTIES LABELS fast)
endif()
