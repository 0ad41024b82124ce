// SPDX-License-Identifier: MIT
/* keys.dat, the file in which PyBitmessage and notbit keep settings and private keys: an INI file
 * in the dialect of Python's ConfigParser (comments with # and ;, values that go on in lines that
 * begin with a space, "%%" for "%"). A section is an address, or [bitmessagesettings].
 *
 * Every text is the owner's own, and still taken as a stranger's: bounded, and judged by the
 * gateway before anything of it is kept. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_KEYS_FILE_H
#define BITTERN_GATEWAY_CLI_MOVING_KEYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "base/mem.h"

enum {
    KEYS_FILE_VERSION = 10, /* settingsversion of the last form */
    KEYS_FILE_MAX_ENTRIES = 100000,
    KEYS_FILE_MAX_LINE_BYTES = 16 * 1024
};

/* notbit writes a "%" as it is. */
enum keys_file_dialect { KEYS_FILE_PYBITMESSAGE, KEYS_FILE_NOTBIT };

/* Texts in the file's arena; "" for what is not there. */
struct keys_file_entry {
    const char *address;
    const char *label;
    const char *signing_key; /* WIF */
    const char *encryption_key;
    const char *public_key; /* of somebody else's section: notbit keeps those, too */
    bool enabled;
    bool is_chan;
    bool acks;
    bool is_list; /* a mailing list, with this name: */
    const char *list_name;
    uint64_t trials_per_byte;
    uint64_t extra_bytes;
};

struct keys_file_setting {
    const char *section;
    const char *name;
    const char *value;
};

/* {0} is a valid empty file. */
struct keys_file {
    struct arena arena;
    struct keys_file_entry *entries;
    size_t n_entries;
    struct keys_file_setting *settings; /* of the sections that are no addresses */
    size_t n_settings;
    size_t entries_capacity;
    size_t settings_capacity;
};

/* Read it all. Difficulties of files before settingsversion 10 are in older units and are
 * converted. FAULT_NOT_FOUND, FAULT_INVALID ("FILE:LINE: ..."), FAULT_LIMIT. */
bool keys_file_read(struct keys_file *out, enum keys_file_dialect dialect, const char *path,
                    struct fault *fault) MUST_USE;
/* The same from a stream, which stays the caller's; `name` is for the fault's words. */
bool keys_file_read_stream(struct keys_file *out, enum keys_file_dialect dialect, FILE *in,
                           const char *name, struct fault *fault) MUST_USE;
/* Wipes the keys. */
void keys_file_clear(struct keys_file *file);

/* The value of a setting, or NULL. */
const char *keys_file_setting(const struct keys_file *file, const char *section, const char *name);
/* As ConfigParser understands it: 1, yes, true, on, in any case. */
bool keys_file_is_true(const char *value);

/* Write entries in the same form. Errors are kept by the stream. */
void keys_file_write(FILE *out, enum keys_file_dialect dialect,
                     const struct keys_file_entry *entries, size_t n_entries);
/* A line "name = value", with "%" doubled. */
void keys_file_write_value(FILE *out, const char *name, const char *value);

#endif
