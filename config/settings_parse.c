// SPDX-License-Identifier: MIT
/* bittern.conf: an INI file, read with inih.
 *
 * inih reports no column and lets some things pass: lines that are too long, sections without keys,
 * an unclosed bracket (whose keys would fall into the section before). So the lines go through a
 * reader of ours that counts them and looks at the section heads, and the first error refuses the
 * whole file. */
#include <ini.h>

#include "config/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* inih cuts at 200 unless told otherwise at its build; ours must lie below. */
enum { SETTINGS_LINE_MAX = 198 };

struct parse {
    FILE *file;
    struct settings *settings;
    struct fault *fault;
    int line;
    bool failed;
};

static bool section_is_known(const char *section, size_t len)
{
    const char *name;
    for (size_t i = 0; (name = settings_name(i)) != NULL; i++) {
        if (strncasecmp(name, section, len) == 0 && name[len] == '.') {
            return true;
        }
    }
    return false;
}

static bool refuse(struct parse *parse, const char *why)
{
    if (!parse->failed) {
        fault_set(parse->fault, FAULT_INVALID, "%d: %s", parse->line, why);
        parse->failed = true;
    }
    return false;
}

static bool section_head_is_valid(struct parse *parse, const char *line)
{
    line += strspn(line, " \t");
    if (*line != '[') {
        return true;
    }
    const char *end = strchr(line, ']');
    if (end == NULL) {
        return refuse(parse, "a section's name ends with ]");
    }
    if (!section_is_known(line + 1, (size_t)(end - line - 1))) {
        return refuse(parse,
                      "no such section; there are: node network agent pow mail smtp imap log");
    }
    return true;
}

/* fgets for inih: counts, and ends the file at the first line that may not be. */
static char *read_line(char *out, int size, void *stream)
{
    struct parse *parse = stream;
    if (parse->failed || fgets(out, size, parse->file) == NULL) {
        return NULL;
    }
    parse->line++;
    size_t len = strlen(out);
    if (len > SETTINGS_LINE_MAX || (len != 0 && out[len - 1] != '\n' && !feof(parse->file))) {
        refuse(parse, "the line is longer than 198 bytes");
        return NULL;
    }
    return section_head_is_valid(parse, out) ? out : NULL;
}

static int take_value(void *user, const char *section, const char *key, const char *value)
{
    struct parse *parse = user;
    char *name = xasprintf("%s.%s", section, key);
    struct fault why = {0};
    bool ok = settings_set(parse->settings, name, value, &why);
    if (!ok) {
        refuse(parse, why.text);
    }
    free(name);
    return ok;
}

bool settings_read(struct settings *settings, const char *path, struct fault *fault)
{
    struct parse parse = {.file = fopen(path, "re"), .settings = settings, .fault = fault};
    if (parse.file == NULL) {
        return fault_set_errno(fault, errno, "open %s", path);
    }
    int error_line = ini_parse_stream(read_line, &parse, take_value, &parse);
    bool io_failed = ferror(parse.file) != 0;
    fclose(parse.file);
    if (parse.failed) {
        struct fault inner = *fault;
        return fault_set(fault, FAULT_INVALID, "%s:%s", path, inner.text);
    }
    if (io_failed) {
        return fault_set(fault, FAULT_IO, "read %s", path);
    }
    if (error_line != 0) {
        return fault_set(fault, FAULT_INVALID, "%s:%d: neither [section] nor key = value", path,
                         error_line);
    }
    return true;
}
