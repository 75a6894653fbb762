# SPDX-License-Identifier: Apache-2.0
# Sessions and the models that transformers ran, once per instruction set that this machine has.
if(TARGET test_model)
  add_isa_runs(model test_model slow)
endif()
# The oracle test reads the real model: it is registered once tools/get_model.sh has fetched it.
if(EXISTS ${CMAKE_SOURCE_DIR}/models/SmolLM2-135M-Instruct.Q4_1.gguf)
  add_executable(test_smollm2_oracle tests/model/smollm2_oracle.cpp)
  target_link_libraries(test_smollm2_oracle PRIVATE ${engine} ${libraries} GTest::gtest GTest::gtest_main)
  target_compile_definitions(test_smollm2_oracle PRIVATE ROPEWALK_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_isa_runs(smollm2_oracle test_smollm2_oracle model)
else()
  message(STATUS "models/SmolLM2-135M-Instruct.Q4_1.gguf is not there: its tests are not registered (tools/get_model.sh)")
endif()
