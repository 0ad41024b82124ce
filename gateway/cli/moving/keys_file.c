// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/keys_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/str.h"

enum {
    OLD_TRIALS_UNIT = 320, /* before version 10: the network's least was 320 and 14000 */
    OLD_EXTRA_UNIT = 14000,
    LEAST_DEMAND = 1000
};

struct parse {
    struct keys_file *file;
    enum keys_file_dialect dialect;
    const char *section;           /* "" before the first */
    struct keys_file_entry *entry; /* the section is an address */
    const char **value;            /* that a line with a space in front goes on; NULL: none */
    const char *ignored;           /* where it goes when nobody wants it */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without white space at either end. */
static char *trim(char *text)
{
    while (is_space(*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && is_space(text[len - 1])) {
        len--;
    }
    text[len] = '\0';
    return text;
}

/* "%%" was written for "%". */
static const char *unescape(struct parse *parse, const char *text)
{
    char *out = arena_strdup(&parse->file->arena, text);
    size_t len = 0;
    if (parse->dialect == KEYS_FILE_NOTBIT) {
        return out;
    }
    for (const char *c = text; *c != '\0'; c++) {
        out[len++] = *c;
        c += c[0] == '%' && c[1] == '%';
    }
    out[len] = '\0';
    return out;
}

/* ---- sections ---- */

static bool begin_section(struct parse *parse, char *name, struct fault *fault)
{
    struct keys_file *file = parse->file;
    parse->section = arena_strdup(&file->arena, name);
    parse->entry = NULL;
    parse->value = NULL;
    if (!str_starts_with(name, "BM-")) {
        return true;
    }
    if (file->n_entries == KEYS_FILE_MAX_ENTRIES) {
        return fault_set(fault, FAULT_LIMIT, "more than %d addresses", KEYS_FILE_MAX_ENTRIES);
    }
    file->entries =
        array_grow(file->entries, file->n_entries, &file->entries_capacity, sizeof *file->entries);
    parse->entry = &file->entries[file->n_entries++];
    *parse->entry = (struct keys_file_entry){
        .address = parse->section,
        .label = "",
        .signing_key = "",
        .encryption_key = "",
        .public_key = "",
        .list_name = "",
        .enabled = true,
        .acks = true,
        .trials_per_byte = LEAST_DEMAND,
        .extra_bytes = LEAST_DEMAND,
    };
    return true;
}

/* ---- values ---- */

bool keys_file_is_true(const char *value)
{
    static const char *const words[] = {"1", "yes", "true", "on"};
    for (size_t i = 0; value != NULL && i < ARRAY_LEN(words); i++) {
        if (str_equal_ci(value, words[i])) {
            return true;
        }
    }
    return false;
}

static void take_number(uint64_t *out, const char *value)
{
    uint64_t number;
    if (parse_u64(bytes_of_str(value), INT64_MAX, &number)) {
        *out = number;
    }
}

/* A key of an address's section. Texts may go on in the next line. */
static void take_of_entry(struct parse *parse, const char *name, const char *value)
{
    struct keys_file_entry *entry = parse->entry;
    const struct {
        const char *name;
        const char **text;
        bool *flag;
        bool *negated;
        uint64_t *number;
    } rows[] = {
        {"label", .text = &entry->label},
        {"privsigningkey", .text = &entry->signing_key},
        {"privencryptionkey", .text = &entry->encryption_key},
        {"pubsigningkey", .text = &entry->public_key},
        {"mailinglistname", .text = &entry->list_name},
        {"enabled", .flag = &entry->enabled},
        {"chan", .flag = &entry->is_chan},
        {"mailinglist", .flag = &entry->is_list},
        {"dontsendack", .negated = &entry->acks},
        {"noncetrialsperbyte", .number = &entry->trials_per_byte},
        {"payloadlengthextrabytes", .number = &entry->extra_bytes},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!str_equal_ci(name, rows[i].name)) {
            continue;
        }
        if (rows[i].text != NULL) {
            *rows[i].text = unescape(parse, value);
            parse->value = rows[i].text;
        } else if (rows[i].flag != NULL) {
            *rows[i].flag = keys_file_is_true(value);
        } else if (rows[i].negated != NULL) {
            *rows[i].negated = !keys_file_is_true(value);
        } else {
            take_number(rows[i].number, value);
        }
    }
}

static bool take_value(struct parse *parse, const char *name, const char *value,
                       struct fault *fault)
{
    struct keys_file *file = parse->file;
    parse->ignored = "";
    parse->value = &parse->ignored;
    if (parse->entry != NULL) {
        take_of_entry(parse, name, value);
        return true;
    }
    if (file->n_settings == KEYS_FILE_MAX_ENTRIES) {
        return fault_set(fault, FAULT_LIMIT, "more than %d settings", KEYS_FILE_MAX_ENTRIES);
    }
    file->settings = array_grow(file->settings, file->n_settings, &file->settings_capacity,
                                sizeof *file->settings);
    struct keys_file_setting *setting = &file->settings[file->n_settings++];
    *setting = (struct keys_file_setting){parse->section, arena_strdup(&file->arena, name),
                                          unescape(parse, value)};
    parse->value = &setting->value;
    return true;
}

/* ---- lines ---- */

static bool take_line(struct parse *parse, char *line, struct fault *fault)
{
    bool goes_on = (*line == ' ' || *line == '\t') && parse->value != NULL;
    char *text = trim(line);
    if (*text == '\0' || *text == '#' || *text == ';') {
        return true;
    }
    if (goes_on) {
        *parse->value = arena_printf(&parse->file->arena, "%s\n%s", *parse->value, text);
        return true;
    }
    if (*text == '[') {
        char *end = strrchr(text, ']');
        if (end == NULL) {
            return fault_set(fault, FAULT_INVALID, "a section's name ends with ]");
        }
        *end = '\0';
        return begin_section(parse, text + 1, fault);
    }
    char *sign = text + strcspn(text, "=:");
    if (*sign == '\0') {
        return fault_set(fault, FAULT_INVALID, "neither [section] nor key = value");
    }
    *sign = '\0';
    return take_value(parse, trim(text), trim(sign + 1), fault);
}

static bool read_lines(struct parse *parse, FILE *in, const char *path, struct fault *fault)
{
    char *line = xmalloc(KEYS_FILE_MAX_LINE_BYTES);
    unsigned number = 0;
    bool ok = true;
    while (ok && fgets(line, KEYS_FILE_MAX_LINE_BYTES, in) != NULL) {
        size_t len = strlen(line);
        number++;
        ok = (len > 0 && line[len - 1] == '\n') || feof(in) != 0 ||
             fault_set(fault, FAULT_LIMIT, "the line is longer than %d bytes, or has a NUL",
                       KEYS_FILE_MAX_LINE_BYTES - 2);
        ok = ok && take_line(parse, line, fault);
    }
    mem_wipe(line, KEYS_FILE_MAX_LINE_BYTES);
    free(line);
    return ok ? ferror(in) == 0 || fault_set(fault, FAULT_IO, "read %s", path)
              : fault_wrap(fault, "%s:%u", path, number);
}

/* ---- older files ---- */

/* As the reference converts them: the factor over the least, of which up to 2 meant 1. */
static uint64_t converted(uint64_t value, uint64_t unit, bool is_trials)
{
    uint64_t factor = value / unit;
    if (is_trials && factor <= 2) {
        factor = 1;
    }
    return (factor < 1 ? 1 : factor) * LEAST_DEMAND;
}

static void convert_old_demands(struct keys_file *file)
{
    const char *text = keys_file_setting(file, "bitmessagesettings", "settingsversion");
    uint64_t version = KEYS_FILE_VERSION;
    if (text == NULL || !parse_u64(bytes_of_str(text), UINT32_MAX, &version) ||
        version >= KEYS_FILE_VERSION) {
        return;
    }
    for (size_t i = 0; i < file->n_entries; i++) {
        struct keys_file_entry *entry = &file->entries[i];
        entry->trials_per_byte = converted(entry->trials_per_byte, OLD_TRIALS_UNIT, true);
        entry->extra_bytes = converted(entry->extra_bytes, OLD_EXTRA_UNIT, false);
    }
}

/* ---- the file ---- */

bool keys_file_read_stream(struct keys_file *out, enum keys_file_dialect dialect, FILE *in,
                           const char *name, struct fault *fault)
{
    *out = (struct keys_file){0};
    struct parse parse = {.file = out, .dialect = dialect, .section = ""};
    bool ok = read_lines(&parse, in, name, fault);
    if (ok) {
        convert_old_demands(out);
    } else {
        keys_file_clear(out);
    }
    return ok;
}

bool keys_file_read(struct keys_file *out, enum keys_file_dialect dialect, const char *path,
                    struct fault *fault)
{
    *out = (struct keys_file){0};
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return fault_set_errno(fault, errno, "open %s", path);
    }
    bool ok = keys_file_read_stream(out, dialect, in, path, fault);
    fclose(in);
    return ok;
}

void keys_file_clear(struct keys_file *file)
{
    for (size_t i = 0; i < file->n_entries; i++) {
        const struct keys_file_entry *entry = &file->entries[i];
        mem_wipe((void *)(uintptr_t)entry->signing_key, strlen(entry->signing_key));
        mem_wipe((void *)(uintptr_t)entry->encryption_key, strlen(entry->encryption_key));
    }
    free(file->entries);
    free(file->settings);
    arena_clear(&file->arena);
    *file = (struct keys_file){0};
}

const char *keys_file_setting(const struct keys_file *file, const char *section, const char *name)
{
    for (size_t i = 0; i < file->n_settings; i++) {
        const struct keys_file_setting *setting = &file->settings[i];
        if (strcmp(setting->section, section) == 0 && str_equal_ci(setting->name, name)) {
            return setting->value;
        }
    }
    return NULL;
}

/* ---- writing ---- */

static void write_text(FILE *out, enum keys_file_dialect dialect, const char *name,
                       const char *value)
{
    fprintf(out, "%s = ", name);
    for (; *value != '\0'; value++) {
        if (*value == '%' && dialect == KEYS_FILE_PYBITMESSAGE) {
            fputc('%', out);
        }
        fputc(*value == '\n' || *value == '\r' ? ' ' : *value, out);
    }
    fputc('\n', out);
}

void keys_file_write_value(FILE *out, const char *name, const char *value)
{
    write_text(out, KEYS_FILE_PYBITMESSAGE, name, value);
}

void keys_file_write(FILE *out, enum keys_file_dialect dialect,
                     const struct keys_file_entry *entries, size_t n_entries)
{
    for (size_t i = 0; i < n_entries; i++) {
        const struct keys_file_entry *entry = &entries[i];
        fprintf(out, "[%s]\n", entry->address);
        write_text(out, dialect, "label", entry->label);
        fprintf(out, "enabled = %s\ndecoy = false\n", entry->enabled ? "true" : "false");
        if (entry->is_chan) {
            fputs("chan = true\n", out);
        }
        if (!entry->acks) {
            fputs("dontsendack = true\n", out);
        }
        if (entry->is_list) {
            fputs("mailinglist = true\n", out);
            write_text(out, dialect, "mailinglistname", entry->list_name);
        }
        fprintf(out, "noncetrialsperbyte = %" PRIu64 "\npayloadlengthextrabytes = %" PRIu64 "\n",
                entry->trials_per_byte, entry->extra_bytes);
        fprintf(out, "privsigningkey = %s\nprivencryptionkey = %s\n\n", entry->signing_key,
                entry->encryption_key);
    }
}
