// SPDX-License-Identifier: MIT
/* The table of all settings: for this room alone. */
#ifndef BITTERN_CONFIG_SETTINGS_TABLE_H
#define BITTERN_CONFIG_SETTINGS_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_BOOL,      /* bool: yes, no */
    SETTING_PORT,      /* uint16_t: 0 to 65535 */
    SETTING_U32,       /* uint32_t within min..max */
    SETTING_U64,       /* uint64_t within min..max */
    SETTING_BYTES,     /* uint64_t: a number with KiB, MiB or GiB behind it, or bytes */
    SETTING_SECONDS,   /* int64_t: a number with s, m, h or d behind it, or seconds */
    SETTING_U32_SEC,   /* uint32_t, written as SETTING_SECONDS */
    SETTING_HEX32,     /* uint32_t: eight hex digits */
    SETTING_OCTAL,     /* uint32_t: a file mode such as 0660 */
    SETTING_TEXT,      /* char * */
    SETTING_ENDPOINT,  /* char *: HOST:PORT or empty */
    SETTING_ENDPOINTS, /* char *: HOST:PORT, ... or empty */
    SETTING_CHOICE     /* an enum (unsigned): one of `choices`, in the enum's order */
};

struct setting_row {
    const char *name; /* "section.key"; rows of one section stand together */
    enum setting_type type;
    size_t offset; /* in struct settings */
    uint64_t min;
    uint64_t max;
    const char *const *choices; /* NULL-terminated, for SETTING_CHOICE */
    const char *initial;        /* the default, as text */
    const char *help;           /* one line */
};

extern const struct setting_row settings_table[];
extern const size_t settings_table_len;

#endif
