# SPDX-License-Identifier: Apache-2.0
# `ropewalk serve` by its contract, before wrong requests, and before clients that vanish.
if(TARGET ropewalk AND EXISTS ${CMAKE_SOURCE_DIR}/models/short-256.gguf)
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    set(sanitized sanitized)
    set(fewer_requests --requests 400)
    set(fewer_clients --clients 60 --slow-sockets 100 --streams 16 --seconds 3)
  endif()
  add_test(NAME serve COMMAND ${CMAKE_SOURCE_DIR}/tests/server/serve_test.py $<TARGET_FILE:ropewalk>
           ${CMAKE_SOURCE_DIR}/models/short-256.gguf ${sanitized})
  add_test(NAME serve_malformed COMMAND ${CMAKE_SOURCE_DIR}/tests/server/malformed_test.py $<TARGET_FILE:ropewalk>
           ${CMAKE_SOURCE_DIR}/models/short-256.gguf ${sanitized} ${fewer_requests})
  add_test(NAME serve_vanish COMMAND ${CMAKE_SOURCE_DIR}/tests/server/vanish_test.py $<TARGET_FILE:ropewalk>
           ${CMAKE_SOURCE_DIR}/models/short-256.gguf ${sanitized} ${fewer_clients})
  # Where there is no Chromium it is skipped.
  add_test(NAME serve_page COMMAND ${CMAKE_SOURCE_DIR}/tests/server/page_test.py --ropewalk $<TARGET_FILE:ropewalk>
           --model ${CMAKE_SOURCE_DIR}/models/short-256.gguf)
  set_tests_properties(serve_page PROPERTIES LABELS slow RUN_SERIAL TRUE SKIP_RETURN_CODE 77)
  set_tests_properties(serve serve_malformed PROPERTIES LABELS fast)
  set_tests_properties(serve_vanish PROPERTIES LABELS slow RUN_SERIAL TRUE)
endif()
