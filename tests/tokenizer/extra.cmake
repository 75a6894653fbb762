# SPDX-License-Identifier: Apache-2.0
# The real vocabulary, where the model has been fetched.
set(smollm2 ${CMAKE_SOURCE_DIR}/models/SmolLM2-135M-Instruct.Q4_1.gguf)
if(EXISTS ${smollm2})
  add_executable(test_tokenizer_model tests/tokenizer/smollm2_model.cpp)
  target_link_libraries(test_tokenizer_model PRIVATE ${readers} ${libraries} GTest::gtest GTest::gtest_main)
  target_compile_definitions(test_tokenizer_model PRIVATE ROPEWALK_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             ROPEWALK_MODEL="${smollm2}")
  add_test(NAME tokenizer_model COMMAND test_tokenizer_model)
  set_tests_properties(tokenizer_model PROPERTIES LABELS model)
endif()
