# SPDX-License-Identifier: MIT
# What we take from others: see docs/dependencies.md. Each becomes an imported target, so that a
# room names what it uses and nothing else.

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(PkgConfig REQUIRED)

pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent_core libevent_extra libevent_openssl)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(SECP256K1 REQUIRED IMPORTED_TARGET libsecp256k1)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(MINIUPNPC REQUIRED IMPORTED_TARGET miniupnpc)

# libetpan's own .pc file links without PIE (-specs=no-pie-link.specs), so it is found by hand.
find_path(ETPAN_INCLUDE_DIR libetpan/libetpan.h REQUIRED)
find_library(ETPAN_LIBRARY etpan REQUIRED)
add_library(etpan UNKNOWN IMPORTED)
set_target_properties(etpan PROPERTIES IMPORTED_LOCATION "${ETPAN_LIBRARY}"
                      INTERFACE_INCLUDE_DIRECTORIES "${ETPAN_INCLUDE_DIR}")

# Optional: OpenCL's headers are enough, its library is loaded where there is one (docs/decisions).
find_path(OPENCL_INCLUDE_DIR CL/cl.h)
