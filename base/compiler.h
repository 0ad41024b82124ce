// SPDX-License-Identifier: MIT
/* What we ask of the compiler, by name. GCC and Clang both know all of these. */
#ifndef BITTERN_BASE_COMPILER_H
#define BITTERN_BASE_COMPILER_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))
#define NORETURN __attribute__((noreturn))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
