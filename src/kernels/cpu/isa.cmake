# One set of flags per instruction set. -ffp-contract=fast makes a * b + c one instruction where there is one;
# -O3 unrolls the register tiles; vectors of 64 bytes are passed by inlined functions only (-Wno-psabi); GCC 12
# warns of its own intrinsics (-Wno-uninitialized, -Wno-maybe-uninitialized).
set(avx512 "-mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mprefer-vector-width=512")
set(ROPEWALK_KERNELS_O -O3 CACHE STRING "how far kernels are optimized")
set(avx2_vnni "-mavx2 -mfma -mf16c -mavxvnni")
# A sanitizer sees the portable and the AVX2 kernels, which tools/asan.sh and tsan.sh run: the other sets are the same
# templates, and each would take a minute to instrument.
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  string(APPEND avx512 " -fno-sanitize=all")
  string(APPEND avx2_vnni " -fno-sanitize=all")
endif()
set(common "${ROPEWALK_KERNELS_O} -ffp-contract=fast -fno-math-errno -Wno-psabi -Wno-uninitialized")
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  string(APPEND common " -Wno-maybe-uninitialized")
elseif(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  string(APPEND common " -fno-sanitize=pointer-overflow")  # 58 seconds of compiling a set for 9 without it
endif()
# add_isa(NAME [FLAGS]): isa_NAME.cpp is compiled with these flags.
set(isa_sources "")
function(add_isa name)
  set(source ${CMAKE_SOURCE_DIR}/src/kernels/cpu/isa_${name}.cpp)
  string(JOIN " " flags ${common} ${ARGN})
  set_source_files_properties(${source} PROPERTIES COMPILE_FLAGS "${flags}")
  set(isa_sources ${isa_sources} ${source} PARENT_SCOPE)
endfunction()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  add_isa(portable)
  add_isa(amx ${avx512} -mavx512vnni -mavx512bf16 -mamx-tile -mamx-bf16)
  add_isa(avx512_bf16 ${avx512} -mavx512vnni -mavx512bf16)
  add_isa(avx512_vnni ${avx512} -mavx512vnni)
  add_isa(avx512 ${avx512})
  add_isa(avx2_vnni ${avx2_vnni})
  add_isa(avx2 -mavx2 -mfma -mf16c)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  add_isa(portable -ffp-contract=off)  # the bits of x86, which has no multiply-add everywhere
  add_isa(neon)
  add_isa(neon_dotprod -march=armv8.2-a+dotprod)
  add_isa(neon_i8mm -march=armv8.2-a+dotprod+i8mm)
  add_isa(neon_bf16 -march=armv8.2-a+dotprod+i8mm+bf16)
else()
  add_isa(portable)
endif()
# Sets of other processors are not compiled.
file(GLOB others CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/kernels/cpu/isa_*.cpp)
list(REMOVE_ITEM others ${isa_sources})
set_source_files_properties(${others} PROPERTIES HEADER_FILE_ONLY TRUE)
