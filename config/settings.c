// SPDX-License-Identifier: MIT
/* Settings as values: defaults, text to value, value to text. What the file looks like is
 * settings_parse.c's affair. */
#include "config/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/settings_table.h"

struct unit {
    const char *suffix;
    uint64_t factor;
};

static const struct unit byte_units[] = {
    {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {"", 1}};
static const struct unit time_units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"", 1}};

static void *field_of(struct settings *settings, const struct setting_row *row)
{
    return (char *)settings + row->offset;
}

static const void *field_of_const(const struct settings *settings, const struct setting_row *row)
{
    return (const char *)settings + row->offset;
}

static bool is_text(enum setting_type type)
{
    return type == SETTING_TEXT || type == SETTING_ENDPOINT || type == SETTING_ENDPOINTS;
}

static bool parse_with_units(const char *text, const struct unit *units, size_t n_units,
                             uint64_t *out)
{
    for (size_t i = 0; i < n_units; i++) {
        size_t suffix_len = strlen(units[i].suffix);
        if (!str_ends_with_ci(text, units[i].suffix)) {
            continue;
        }
        struct bytes digits = bytes_of_str(text);
        digits.len -= suffix_len;
        uint64_t value;
        if (parse_u64(digits, UINT64_MAX / units[i].factor, &value)) {
            *out = value * units[i].factor;
            return true;
        }
    }
    return false;
}

static bool parse_octal(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '7') {
            return false;
        }
        value = value * 8 + (uint64_t)(text[i] - '0');
    }
    *out = value;
    return len > 0 && len <= 4;
}

static bool parse_hex32(const char *text, uint64_t *out)
{
    uint8_t bytes[4];
    if (!hex_decode(bytes, sizeof bytes, bytes_of_str(text))) {
        return false;
    }
    *out = load_be32(bytes);
    return true;
}

static bool parse_bool(const char *text, uint64_t *out)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true}, {"true", true},   {"on", true},   {"1", true},
                 {"no", false}, {"false", false}, {"off", false}, {"0", false}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_equal_ci(text, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

static bool parse_choice(const struct setting_row *row, const char *text, uint64_t *out)
{
    for (size_t i = 0; row->choices[i] != NULL; i++) {
        if (str_equal_ci(text, row->choices[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* The number that the text stands for; its range is judged by the caller. */
static bool parse_number(const struct setting_row *row, const char *text, uint64_t *out)
{
    switch (row->type) {
    case SETTING_BOOL:
        return parse_bool(text, out);
    case SETTING_CHOICE:
        return parse_choice(row, text, out);
    case SETTING_BYTES:
        return parse_with_units(text, byte_units, ARRAY_LEN(byte_units), out);
    case SETTING_SECONDS:
    case SETTING_U32_SEC:
        return parse_with_units(text, time_units, ARRAY_LEN(time_units), out);
    case SETTING_HEX32:
        return parse_hex32(text, out);
    case SETTING_OCTAL:
        return parse_octal(text, out);
    default:
        return parse_u64(bytes_of_str(text), UINT64_MAX, out);
    }
}

/* HOST:PORT, where an IPv6 host stands in brackets. */
static bool is_endpoint(struct bytes text)
{
    size_t colon = text.len;
    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    uint64_t port;
    if (colon < 2 || !parse_u64(bytes_slice(text, colon, text.len), UINT16_MAX, &port)) {
        return false;
    }
    struct bytes host = bytes_slice(text, 0, colon - 1);
    if (host.data[0] == '[') {
        return host.len > 2 && host.data[host.len - 1] == ']';
    }
    return bytes_find(host, ':') == host.len && bytes_find(host, ' ') == host.len;
}

static bool is_endpoint_list(struct bytes text)
{
    while (text.len != 0) {
        size_t comma = bytes_find(text, ',');
        struct bytes one = bytes_slice(text, 0, comma);
        while (one.len != 0 && one.data[0] == ' ') {
            one = bytes_slice(one, 1, one.len);
        }
        while (one.len != 0 && one.data[one.len - 1] == ' ') {
            one.len--;
        }
        if (!is_endpoint(one)) {
            return false;
        }
        text = bytes_slice(text, comma + 1, text.len);
    }
    return true;
}

static bool text_is_valid(enum setting_type type, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            return false;
        }
    }
    struct bytes bytes = bytes_of_str(text);
    if (type == SETTING_TEXT || bytes.len == 0) {
        return true;
    }
    return type == SETTING_ENDPOINT ? is_endpoint(bytes) : is_endpoint_list(bytes);
}

static void store_number(struct settings *settings, const struct setting_row *row, uint64_t value)
{
    void *field = field_of(settings, row);
    switch (row->type) {
    case SETTING_BOOL:
        *(bool *)field = value != 0;
        break;
    case SETTING_PORT:
        *(uint16_t *)field = (uint16_t)value;
        break;
    case SETTING_U64:
    case SETTING_BYTES:
        *(uint64_t *)field = value;
        break;
    case SETTING_SECONDS:
        *(int64_t *)field = (int64_t)value;
        break;
    default: /* the 32-bit kinds and enums */
        *(uint32_t *)field = (uint32_t)value;
        break;
    }
}

static uint64_t load_number(const struct settings *settings, const struct setting_row *row)
{
    const void *field = field_of_const(settings, row);
    switch (row->type) {
    case SETTING_BOOL:
        return *(const bool *)field;
    case SETTING_PORT:
        return *(const uint16_t *)field;
    case SETTING_U64:
    case SETTING_BYTES:
        return *(const uint64_t *)field;
    case SETTING_SECONDS:
        return (uint64_t) * (const int64_t *)field;
    default:
        return *(const uint32_t *)field;
    }
}

/* What a value of this kind looks like, for an error's end. */
static void describe_expected(struct buf *out, const struct setting_row *row)
{
    switch (row->type) {
    case SETTING_BOOL:
        buf_append_str(out, "yes or no");
        break;
    case SETTING_PORT:
        buf_append_str(out, "a port (0 to 65535)");
        break;
    case SETTING_BYTES:
        buf_printf(out, "a size from %llu to %llu bytes, such as 64KiB, 32MiB or 2GiB",
                   (unsigned long long)row->min, (unsigned long long)row->max);
        break;
    case SETTING_SECONDS:
    case SETTING_U32_SEC:
        buf_printf(out, "a time from %llu to %llu seconds, such as 90s, 10m, 2h or 4d",
                   (unsigned long long)row->min, (unsigned long long)row->max);
        break;
    case SETTING_HEX32:
        buf_append_str(out, "eight hex digits");
        break;
    case SETTING_OCTAL:
        buf_append_str(out, "a file mode such as 0660");
        break;
    case SETTING_TEXT:
        buf_append_str(out, "text without control characters");
        break;
    case SETTING_ENDPOINT:
        buf_append_str(out, "HOST:PORT");
        break;
    case SETTING_ENDPOINTS:
        buf_append_str(out, "HOST:PORT, HOST:PORT ...");
        break;
    case SETTING_CHOICE:
        for (size_t i = 0; row->choices[i] != NULL; i++) {
            buf_printf(out, "%s%s", i != 0 ? ", " : "one of: ", row->choices[i]);
        }
        break;
    default:
        buf_printf(out, "a number from %llu to %llu", (unsigned long long)row->min,
                   (unsigned long long)row->max);
        break;
    }
}

static bool refuse_value(const struct setting_row *row, const char *value, struct fault *fault)
{
    struct buf expected = {0};
    describe_expected(&expected, row);
    const char *dot = strchr(row->name, '.');
    fault_set(fault, FAULT_INVALID, "[%.*s] %s: '%.64s' is not %s", (int)(dot - row->name),
              row->name, dot + 1, value, buf_str(&expected));
    buf_clear(&expected);
    return false;
}

static bool set_row(struct settings *settings, const struct setting_row *row, const char *value,
                    struct fault *fault)
{
    if (is_text(row->type)) {
        if (!text_is_valid(row->type, value)) {
            return refuse_value(row, value, fault);
        }
        char **field = field_of(settings, row);
        char *copy = xstrdup(value);
        free(*field);
        *field = copy;
        return true;
    }
    uint64_t number;
    bool has_range = row->type != SETTING_BOOL && row->type != SETTING_CHOICE;
    if (!parse_number(row, value, &number) ||
        (has_range && (number < row->min || number > row->max))) {
        return refuse_value(row, value, fault);
    }
    store_number(settings, row, number);
    return true;
}

static const struct setting_row *find_row(const char *name)
{
    for (size_t i = 0; i < settings_table_len; i++) {
        if (str_equal_ci(name, settings_table[i].name)) {
            return &settings_table[i];
        }
    }
    return NULL;
}

static bool refuse_name(const char *name, struct fault *fault)
{
    const char *dot = strchr(name, '.');
    int section_len = dot != NULL ? (int)(dot - name) : (int)strlen(name);
    struct buf keys = {0};
    for (size_t i = 0; i < settings_table_len; i++) {
        const char *row = settings_table[i].name;
        if (strncasecmp(row, name, (size_t)section_len) == 0 && row[section_len] == '.') {
            buf_printf(&keys, " %s", row + section_len + 1);
        }
    }
    if (keys.len == 0) {
        fault_set(fault, FAULT_INVALID,
                  "[%.*s]: no such section; there are: node network agent pow mail smtp imap log",
                  section_len, name);
    } else {
        fault_set(fault, FAULT_INVALID, "[%.*s] %s: no such key; there are:%s", section_len, name,
                  dot != NULL ? dot + 1 : "", buf_str(&keys));
    }
    buf_clear(&keys);
    return false;
}

bool settings_set(struct settings *settings, const char *name, const char *value,
                  struct fault *fault)
{
    const struct setting_row *row = find_row(name);
    return row != NULL ? set_row(settings, row, value, fault) : refuse_name(name, fault);
}

bool settings_set_line(struct settings *settings, const char *line, struct fault *fault)
{
    const char *equals = strchr(line, '=');
    if (equals == NULL) {
        return fault_set(fault, FAULT_INVALID, "'%.64s' is not section.key=value", line);
    }
    char *name = xstrndup(line, (size_t)(equals - line));
    bool ok = settings_set(settings, name, equals + 1, fault);
    free(name);
    return ok;
}

void settings_init(struct settings *settings)
{
    *settings = (struct settings){0};
    for (size_t i = 0; i < settings_table_len; i++) {
        struct fault fault = {0};
        if (!set_row(settings, &settings_table[i], settings_table[i].initial, &fault)) {
            abort(); /* a default that its own row refuses: a bug in the table */
        }
    }
}

void settings_clear(struct settings *settings)
{
    for (size_t i = 0; i < settings_table_len; i++) {
        if (is_text(settings_table[i].type)) {
            char **field = field_of(settings, &settings_table[i]);
            free(*field);
        }
    }
    *settings = (struct settings){0};
}

static void print_value(struct buf *out, const struct settings *settings,
                        const struct setting_row *row)
{
    if (is_text(row->type)) {
        buf_append_str(out, *(char *const *)field_of_const(settings, row));
        return;
    }
    uint64_t number = load_number(settings, row);
    switch (row->type) {
    case SETTING_BOOL:
        buf_append_str(out, number != 0 ? "yes" : "no");
        break;
    case SETTING_CHOICE:
        buf_append_str(out, row->choices[number]);
        break;
    case SETTING_HEX32:
        buf_printf(out, "%08x", (unsigned)number);
        break;
    case SETTING_OCTAL:
        buf_printf(out, "%04o", (unsigned)number);
        break;
    default:
        buf_printf(out, "%llu", (unsigned long long)number);
        break;
    }
}

void settings_to_lines(struct buf *out, const struct settings *settings)
{
    for (size_t i = 0; i < settings_table_len; i++) {
        buf_printf(out, "%s=", settings_table[i].name);
        print_value(out, settings, &settings_table[i]);
        buf_append_byte(out, '\n');
    }
}

bool settings_from_lines(struct settings *settings, struct bytes lines, struct fault *fault)
{
    while (lines.len != 0) {
        size_t end = bytes_find(lines, '\n');
        char *line = xstrndup((const char *)lines.data, end);
        bool ok = settings_set_line(settings, line, fault);
        free(line);
        if (!ok) {
            return false;
        }
        lines = bytes_slice(lines, end + 1, lines.len);
    }
    return true;
}

/* A file's text: sections, and each row as `write_row` has it. */
static void print_sections(struct buf *out, const struct settings *settings,
                           void (*write_row)(struct buf *, const struct settings *,
                                             const struct setting_row *, const char *key))
{
    const char *section = "";
    size_t section_len = 0;
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting_row *row = &settings_table[i];
        const char *dot = strchr(row->name, '.');
        size_t len = (size_t)(dot - row->name);
        if (len != section_len || strncmp(section, row->name, len) != 0) {
            section = row->name;
            section_len = len;
            buf_printf(out, "%s[%.*s]\n", i != 0 ? "\n" : "", (int)len, row->name);
        }
        write_row(out, settings, row, dot + 1);
    }
}

static void write_value_row(struct buf *out, const struct settings *settings,
                            const struct setting_row *row, const char *key)
{
    buf_printf(out, "%s = ", key);
    print_value(out, settings, row);
    buf_append_byte(out, '\n');
}

void settings_print(struct buf *out, const struct settings *settings)
{
    print_sections(out, settings, write_value_row);
}

static void write_template_row(struct buf *out, const struct settings *settings,
                               const struct setting_row *row, const char *key)
{
    (void)settings;
    buf_printf(out, "# %s\n#%s = %s\n", row->help, key, row->initial);
}

void settings_print_template(struct buf *out)
{
    buf_append_str(
        out,
        "# Settings of Bittern; see bittern.conf(5). A line that begins with # shows a\n"
        "# default: take the # away to change it. `bittern config check` reads this file.\n\n");
    print_sections(out, NULL, write_template_row);
}

const char *settings_name(size_t index)
{
    return index < settings_table_len ? settings_table[index].name : NULL;
}
