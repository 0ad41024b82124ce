# SPDX-License-Identifier: MIT
# Holds every #include to the floors of the house: cmake -DROOT=<tree> -P check_includes.cmake
#
# Each room has a .may_include. A line names what the room may include; its own headers it always may:
#   base/                 headers of the room base
#   <libc>                any header of the C library and POSIX
#   <libc-pure>           those of it that touch neither sockets, clock, files nor threads
#   <openssl/             headers whose name begins so
#   db.c: <sqlite3.h      the same, for one file alone
# `#` starts a comment. What is included and not named is printed as file:line and fails the check.
cmake_policy(VERSION 3.25)

set(libc_pure assert ctype errno inttypes limits math stdalign stdarg stdatomic stdbool stddef stdint
    stdio stdlib stdnoreturn string strings float endian)
set(libc_more arpa/inet byteswap dirent elf fcntl fnmatch getopt grp iconv ifaddrs langinfo libgen malloc
    link linux/[a-z0-9_]+ locale net/if netdb netinet/[a-z]+ poll pthread pwd regex sched semaphore
    setjmp signal spawn sys/[a-z]+ sysexits syslog termios time unistd wchar argp cpuid immintrin
    arm_neon dlfcn execinfo ftw glob)
list(JOIN libc_pure "|" libc_pure_re)
list(JOIN libc_more "|" libc_more_re)

# True when the include matches one of the room's rules.
function(is_allowed out include file rules)
    set(${out} FALSE PARENT_SCOPE)
    foreach(rule IN LISTS rules)
        if(rule MATCHES "^([^:]+): *(.*)$")
            if(NOT CMAKE_MATCH_1 STREQUAL file)
                continue()
            endif()
            set(rule "${CMAKE_MATCH_2}")
        endif()
        if(rule STREQUAL "<libc>")
            set(matches FALSE)
            if(include MATCHES "^<(${libc_pure_re}|${libc_more_re})\\.h>$")
                set(matches TRUE)
            endif()
        elseif(rule STREQUAL "<libc-pure>")
            set(matches FALSE)
            if(include MATCHES "^<(${libc_pure_re})\\.h>$")
                set(matches TRUE)
            endif()
        else()
            string(FIND "${include}" "${rule}" position)
            set(matches FALSE)
            if(position EQUAL 0)
                set(matches TRUE)
            endif()
        endif()
        if(matches)
            set(${out} TRUE PARENT_SCOPE)
            return()
        endif()
    endforeach()
endfunction()

function(read_rules out path)
    file(STRINGS "${path}" lines)
    set(rules "")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "#.*$" "" line "${line}")
        string(STRIP "${line}" line)
        if(NOT line STREQUAL "")
            list(APPEND rules "${line}")
        endif()
    endforeach()
    set(${out} "${rules}" PARENT_SCOPE)
endfunction()

# Prints the breaches of one file; adds their number to `breaches`.
macro(check_file room path rules)
    get_filename_component(file "${path}" NAME)
    file(STRINGS "${path}" numbered REGEX "^[ \t]*#[ \t]*include")
    foreach(line IN LISTS numbered)
        string(REGEX MATCH "[<\"][^>\"]+[>\"]" include "${line}")
        string(REGEX REPLACE "^\"(.*)\"$" "\\1" include "${include}")
        string(REGEX MATCH "^<[^>]+" bare "${include}")
        set(allowed FALSE)
        if(NOT bare AND include MATCHES "^${room}/[^/]+$")
            set(allowed TRUE)
        endif()
        if(NOT allowed)
            is_allowed(allowed "${include}" "${file}" "${rules}")
        endif()
        if(NOT allowed)
            line_number(number "${path}" "${line}")
            message("${room}/${file}:${number}: ${room} may not include ${include}")
            math(EXPR breaches "${breaches} + 1")
        endif()
    endforeach()
endmacro()

# The number of the first line equal to `text`.
function(line_number out path text)
    file(READ "${path}" content)
    string(FIND "\n${content}" "\n${text}" position)
    string(SUBSTRING "\n${content}" 0 ${position} before)
    string(REGEX MATCHALL "\n" newlines "${before}")
    list(LENGTH newlines number)
    math(EXPR number "${number} + 1")
    set(${out} ${number} PARENT_SCOPE)
endfunction()

set(breaches 0)
set(n_files 0)
file(GLOB_RECURSE sources RELATIVE "${ROOT}"
     "${ROOT}/base/*.[ch]" "${ROOT}/config/*.[ch]" "${ROOT}/crypto/*.[ch]" "${ROOT}/node/*.[ch]"
     "${ROOT}/mailproto/*.[ch]" "${ROOT}/gateway/*.[ch]")
foreach(source IN LISTS sources)
    get_filename_component(room "${source}" DIRECTORY)
    if(NOT EXISTS "${ROOT}/${room}/.may_include")
        message("${source}:1: ${room} has no .may_include")
        math(EXPR breaches "${breaches} + 1")
        continue()
    endif()
    read_rules(rules "${ROOT}/${room}/.may_include")
    check_file("${room}" "${ROOT}/${source}" "${rules}")
    math(EXPR n_files "${n_files} + 1")
endforeach()

if(n_files EQUAL 0)
    message(FATAL_ERROR "no sources under ${ROOT}")
elseif(breaches GREATER 0)
    message(FATAL_ERROR "${breaches} includes against the floors")
endif()
message("${n_files} files keep to their floors")
