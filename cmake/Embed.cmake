# SPDX-License-Identifier: MIT
# A text file as an array of a header, which is made when the build is configured, and again when the
# text changes. Its lines `#include "path/from/the/root"` are replaced by those files, so that who
# compiles the text later needs no files.

function(embed_read out file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${file}")
    file(READ "${CMAKE_SOURCE_DIR}/${file}" text)
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

# bittern_embed(crypto/gpu/trials_source.h gpu_trials_source crypto/gpu/trials.cl)
# The header goes to <build>/generated, which is to be a folder for includes.
function(bittern_embed header symbol file)
    embed_read(text "${file}")
    string(REGEX MATCHALL "#include \"[^\"]+\"" lines "${text}")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "#include \"(.*)\"" "\\1" included "${line}")
        embed_read(part "${included}")
        string(REPLACE "${line}" "${part}" text "${text}")
    endforeach()
    string(HEX "${text}" hex)
    string(REGEX REPLACE "(..)" "0x\\1," array "${hex}")
    string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "    \\1\n"
        array "${array}")
    file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/generated/${header}" @ONLY CONTENT
"/* Made of @file@. */
static const char @symbol@[] = {
@array@
0};
")
endfunction()
