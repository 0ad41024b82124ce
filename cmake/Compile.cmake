# SPDX-License-Identifier: MIT
# How every C file of ours is compiled. Third-party headers come in as SYSTEM and are not warned of.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

# An assert is our own bug and stays on in a release.
foreach(type IN ITEMS RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()
string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")

add_compile_definitions(_GNU_SOURCE BITTERN_VERSION="${PROJECT_VERSION}")
if(BITTERN_TEST_CLOCK)
    add_compile_definitions(BITTERN_TEST_CLOCK)
endif()

add_compile_options(
    -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes
    -Wformat=2 -Wundef -Wvla -Wcast-qual -Wpointer-arith -Wimplicit-fallthrough
    "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
if(BITTERN_WERROR)
    add_compile_options(-Werror)
endif()

if(BITTERN_SANITIZE)
    # -O1: twice as fast as none, as quick to build, and each line still has its frame
    add_compile_options(-O1 -fsanitize=${BITTERN_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer -fno-optimize-sibling-calls)
    add_link_options(-fsanitize=${BITTERN_SANITIZE})
    add_compile_definitions(BITTERN_SANITIZED)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong)
    add_link_options(LINKER:-z,relro,-z,now -pie)
endif()
if(BITTERN_LIBFUZZER)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
