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
set_source_files_properties(src/kernels/cpu/isa_amx.cpp PROPERTIES COMPILE_FLAGS "${common} ${avx512} -mavx512vnni -mavx512bf16 -mamx-tile -mamx-bf16")
set_source_files_properties(src/kernels/cpu/isa_avx512_bf16.cpp PROPERTIES COMPILE_FLAGS "${common} ${avx512} -mavx512vnni -mavx512bf16")
set_source_files_properties(src/kernels/cpu/isa_avx512_vnni.cpp PROPERTIES COMPILE_FLAGS "${common} ${avx512} -mavx512vnni")
set_source_files_properties(src/kernels/cpu/isa_avx512.cpp PROPERTIES COMPILE_FLAGS "${common} ${avx512}")
set_source_files_properties(src/kernels/cpu/isa_avx2_vnni.cpp PROPERTIES COMPILE_FLAGS "${common} ${avx2_vnni}")
set_source_files_properties(src/kernels/cpu/isa_avx2.cpp PROPERTIES COMPILE_FLAGS "${common} -mavx2 -mfma -mf16c")
set_source_files_properties(src/kernels/cpu/isa_portable.cpp PROPERTIES COMPILE_FLAGS "${common}")
