# The page that the report test wrote, in a real browser; skipped where there is none.
find_package(Python3 QUIET COMPONENTS Interpreter)
if(Python3_FOUND AND TARGET test_report)
  add_test(NAME report_browser COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/tools/check_report.py
                                       ${CMAKE_BINARY_DIR}/report_made_up.html)
  set_tests_properties(report_browser PROPERTIES LABELS slow RUN_SERIAL TRUE DEPENDS report SKIP_RETURN_CODE 77)
endif()
