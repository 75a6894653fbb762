# SPDX-License-Identifier: Apache-2.0
# What tools/check_written.py writes models with.
add_executable(write_for_engines EXCLUDE_FROM_ALL tests/train/write_for_engines.cpp)
target_link_libraries(write_for_engines PRIVATE ${engine} rw_train ${libraries})
