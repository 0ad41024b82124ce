# SPDX-License-Identifier: MIT
# A room is one folder and one static library. `node/wire` becomes the target room_node_wire.

function(bittern_target_of out room)
    string(REPLACE "/" "_" name "${room}")
    set(${out} "room_${name}" PARENT_SCOPE)
endfunction()

# bittern_room(node/wire SOURCES frame.c ... [ROOMS base crypto] [LIBS OpenSSL::Crypto])
# ROOMS are what it uses of ours, LIBS what it uses of others. Paths in SOURCES are of the folder.
function(bittern_room room)
    cmake_parse_arguments(arg "" "" "SOURCES;ROOMS;LIBS" ${ARGN})
    bittern_target_of(target ${room})
    add_library(${target} STATIC ${arg_SOURCES})
    target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}")
    foreach(below IN LISTS arg_ROOMS)
        bittern_target_of(below_target ${below})
        target_link_libraries(${target} PUBLIC ${below_target})
    endforeach()
    target_link_libraries(${target} PRIVATE ${arg_LIBS})
endfunction()

# bittern_program(bittern-node SOURCES node_main.c ROOMS node/p2p [LIBS ...])
function(bittern_program name)
    cmake_parse_arguments(arg "" "" "SOURCES;ROOMS;LIBS" ${ARGN})
    add_executable(${name} ${arg_SOURCES})
    target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
    foreach(room IN LISTS arg_ROOMS)
        bittern_target_of(target ${room})
        target_link_libraries(${name} PRIVATE ${target})
    endforeach()
    target_link_libraries(${name} PRIVATE ${arg_LIBS})
endfunction()

# Add the rooms of a floor that have a CMakeLists.txt, in the order given.
function(bittern_floor)
    foreach(room IN LISTS ARGN)
        add_subdirectory(${room})
    endforeach()
endfunction()
