# The library: what include/ropewalk/ shows, shared and static, with all that finds it again.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(library_objects "")
foreach(layer ${library_layers})
  list(APPEND library_objects $<TARGET_OBJECTS:rw_${layer}>)
endforeach()

add_library(ropewalk_shared SHARED ${library_objects})
set_target_properties(ropewalk_shared PROPERTIES OUTPUT_NAME ropewalk VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} EXPORT_NAME ropewalk LINKER_LANGUAGE CXX)
target_link_libraries(ropewalk_shared PRIVATE ${libraries})
target_include_directories(ropewalk_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(ropewalk_shared INTERFACE cxx_std_20)
# Nothing but ROPEWALK_API is seen from outside; nothing is left to be found at run time.
target_link_options(ropewalk_shared PRIVATE -Wl,--no-undefined -Wl,--exclude-libs,ALL
                    -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/library.map)
set_target_properties(ropewalk_shared PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/library.map)

# The static library is one object: methods, families and formats register themselves, and a linker that takes from an
# archive what is named would leave them out. What is hidden is made local in it, so that a program may have names,
# also fmt's, of its own.
set(archive ${CMAKE_BINARY_DIR}/libropewalk.a)
add_custom_command(
  OUTPUT ${archive}
  COMMAND ${CMAKE_LINKER} -r --force-group-allocation -o ${CMAKE_BINARY_DIR}/ropewalk_all.o ${library_objects}
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${CMAKE_BINARY_DIR}/ropewalk_all.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
  COMMAND ${CMAKE_AR} crs ${archive} ${CMAKE_BINARY_DIR}/ropewalk_all.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${CMAKE_BINARY_DIR}/ropewalk_all.o
  DEPENDS ${library_objects}
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(ropewalk_static ALL DEPENDS ${archive})

install(TARGETS ropewalk RUNTIME COMPONENT ropewalk)
install(TARGETS ropewalk_shared EXPORT ropewalkTargets COMPONENT ropewalk)
install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ropewalk)
install(DIRECTORY include/ropewalk DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT ropewalk)
set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/ropewalk)
install(EXPORT ropewalkTargets NAMESPACE ropewalk:: DESTINATION ${config_folder} COMPONENT ropewalk)
configure_package_config_file(cmake/ropewalkConfig.cmake.in ${CMAKE_BINARY_DIR}/ropewalkConfig.cmake
                              INSTALL_DESTINATION ${config_folder} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/ropewalkConfigVersion.cmake COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH prefix_from_pc /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/ropewalk.pc.in ${CMAKE_BINARY_DIR}/ropewalk.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/ropewalkConfig.cmake ${CMAKE_BINARY_DIR}/ropewalkConfigVersion.cmake
        DESTINATION ${config_folder} COMPONENT ropewalk)
install(FILES ${CMAKE_BINARY_DIR}/ropewalk.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT ropewalk)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT ropewalk)

# cpack: a Debian package.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ropewalk)
set(CPACK_PACKAGE_CONTACT "the ropewalk developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "language models past their trained length, without training")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
