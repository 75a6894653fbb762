# The Python module: the library's classes by nanobind, linked with the objects themselves, so that a wheel needs no
# libropewalk beside it. `pip install .` comes here through scikit-build-core.
find_package(Python 3.9 REQUIRED COMPONENTS Interpreter Development.Module OPTIONAL_COMPONENTS Development.SABIModule)
execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir OUTPUT_STRIP_TRAILING_WHITESPACE
                OUTPUT_VARIABLE nanobind_ROOT)
find_package(nanobind CONFIG REQUIRED)

file(GLOB module_sources CONFIGURE_DEPENDS python/src/*.cpp)
nanobind_add_module(ropewalk_python STABLE_ABI NB_DOMAIN ropewalk NOMINSIZE NB_SUPPRESS_WARNINGS ${module_sources})
set_target_properties(ropewalk_python PROPERTIES OUTPUT_NAME _core UNITY_BUILD OFF
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python/ropewalk)
foreach(target nanobind nanobind-abi3 nanobind-static nanobind-static-abi3)
  foreach(name ${target} ${target}-ropewalk)
    if(TARGET ${name})
      target_compile_options(${name} PRIVATE -w)  # its warnings are not ours
      set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
    endif()
  endforeach()
endforeach()
foreach(layer ${library_layers})
  target_sources(ropewalk_python PRIVATE $<TARGET_OBJECTS:rw_${layer}>)
endforeach()
target_link_libraries(ropewalk_python PRIVATE ${libraries})
target_link_options(ropewalk_python PRIVATE -Wl,--no-undefined-version -Wl,--exclude-libs,ALL)

# A package that can be imported from the build folder: PYTHONPATH=build/release/python
file(GLOB_RECURSE package_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/python python/ropewalk/*.py python/ropewalk/py.typed)
foreach(file ${package_files})
  configure_file(python/${file} ${CMAKE_BINARY_DIR}/python/${file} COPYONLY)
endforeach()
if(ROPEWALK_STUB_PYTHON)
  set(Python_EXECUTABLE ${ROPEWALK_STUB_PYTHON})  # one that can import a module of another processor (tools/arm_wheel.sh)
endif()
nanobind_add_stub(ropewalk_python_stub MODULE ropewalk._core OUTPUT ${CMAKE_BINARY_DIR}/python/ropewalk/_core.pyi
                  PYTHON_PATH ${CMAKE_BINARY_DIR}/python DEPENDS ropewalk_python)

install(TARGETS ropewalk_python LIBRARY DESTINATION ropewalk COMPONENT python)
install(FILES ${CMAKE_BINARY_DIR}/python/ropewalk/_core.pyi DESTINATION ropewalk COMPONENT python)
