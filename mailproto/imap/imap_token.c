// SPDX-License-Identifier: MIT
#include "mailproto/imap/imap_token.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

bool imap_ok(const struct imap_parser *parser)
{
    return !parser->failed;
}

void imap_fail(struct imap_parser *parser, const char *error)
{
    if (!parser->failed) {
        parser->failed = true;
        parser->error = error;
    }
    parser->rest = (struct bytes){0};
}

bool imap_at_end(const struct imap_parser *parser)
{
    return !parser->failed && parser->rest.len == 0;
}

char imap_peek(const struct imap_parser *parser)
{
    return parser->rest.len > 0 ? (char)parser->rest.data[0] : '\0';
}

/* Take the first `len` bytes (<= rest.len). */
static struct bytes take(struct imap_parser *parser, size_t len)
{
    struct bytes taken = bytes_slice(parser->rest, 0, len);
    parser->rest = bytes_slice(parser->rest, len, SIZE_MAX);
    return taken;
}

bool imap_accept(struct imap_parser *parser, char c)
{
    if (parser->rest.len == 0 || parser->rest.data[0] != (uint8_t)c) {
        return false;
    }
    (void)take(parser, 1);
    return true;
}

void imap_expect(struct imap_parser *parser, char c)
{
    if (!imap_accept(parser, c)) {
        imap_fail(parser, NULL);
    }
}

void imap_space(struct imap_parser *parser)
{
    imap_expect(parser, ' ');
}

void imap_end(struct imap_parser *parser)
{
    if (parser->rest.len > 0) {
        imap_fail(parser, "Too many arguments");
    }
}

bool imap_is_atom_char(uint8_t c)
{
    return c > 0x20 && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

bool imap_is_astring_char(uint8_t c)
{
    return imap_is_atom_char(c) || c == ']';
}

bool imap_is_tag_char(uint8_t c)
{
    return imap_is_astring_char(c) && c != '+';
}

static bool is_list_char(uint8_t c)
{
    return imap_is_astring_char(c) || c == '%' || c == '*';
}

static bool is_word_char(uint8_t c)
{
    return ascii_is_alpha((char)c) || ascii_is_digit((char)c) || c == '-' || c == '.' || c == '=';
}

static bool is_sequence_char(uint8_t c)
{
    return ascii_is_digit((char)c) || c == ':' || c == ',' || c == '*' || c == '$';
}

static struct bytes take_while(struct imap_parser *parser, bool (*belongs)(uint8_t c))
{
    size_t len = 0;
    while (len < parser->rest.len && belongs(parser->rest.data[len])) {
        len++;
    }
    if (len == 0) {
        imap_fail(parser, NULL);
    }
    return take(parser, len);
}

bool imap_accept_word(struct imap_parser *parser, const char *word)
{
    size_t len = strlen(word);
    struct bytes head = bytes_slice(parser->rest, 0, len);
    if (!bytes_is_word(head, word) ||
        (parser->rest.len > len && imap_is_atom_char(parser->rest.data[len]) &&
         parser->rest.data[len] != '[')) {
        return false;
    }
    (void)take(parser, len);
    return true;
}

struct bytes imap_atom(struct imap_parser *parser)
{
    return take_while(parser, imap_is_astring_char);
}

struct bytes imap_word(struct imap_parser *parser)
{
    return take_while(parser, is_word_char);
}

struct bytes imap_sequence_text(struct imap_parser *parser)
{
    return take_while(parser, is_sequence_char);
}

/* After the opening quote. CR, LF and NUL can't stand in it; 8-bit text has to be UTF-8. */
static struct bytes quoted(struct imap_parser *parser)
{
    size_t end = 0;
    bool has_escape = false;
    while (end < parser->rest.len && parser->rest.data[end] != '"') {
        uint8_t c = parser->rest.data[end];
        if (c == '\\') {
            has_escape = true;
            end++;
            if (end < parser->rest.len && strchr("\"\\", parser->rest.data[end]) == NULL) {
                break;
            }
        } else if (c == '\r' || c == '\n' || c == '\0') {
            break;
        }
        end++;
    }
    if (end >= parser->rest.len || parser->rest.data[end] != '"') {
        imap_fail(parser, "Bad quoted string");
        return (struct bytes){0};
    }
    struct bytes text = take(parser, end);
    (void)take(parser, 1);
    if (!utf8_valid(text)) {
        imap_fail(parser, "Not UTF-8");
        return (struct bytes){0};
    }
    if (!has_escape) {
        return text;
    }
    uint8_t *plain = arena_alloc(parser->arena, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\\') {
            i++;
        }
        plain[len++] = text.data[i];
    }
    return (struct bytes){plain, len};
}

/* At the '{' of a literal that stands in the command whole. */
static struct bytes literal(struct imap_parser *parser)
{
    struct imap_literal announced;
    size_t line_len = bytes_find(parser->rest, '\r');
    struct bytes line = take(parser, line_len);
    bool alone = bytes_find(bytes_slice(line, 1, SIZE_MAX), '{') + 1 >= line.len;
    if (!alone || !imap_line_ends_in_literal(line, &announced) || parser->rest.len < 2 ||
        announced.len > parser->rest.len - 2) {
        imap_fail(parser, "Bad literal");
        return (struct bytes){0};
    }
    (void)take(parser, 2);
    return take(parser, (size_t)announced.len);
}

struct bytes imap_string(struct imap_parser *parser)
{
    struct bytes text = {0};
    if (imap_accept(parser, '"')) {
        text = quoted(parser);
    } else if (imap_peek(parser) == '{') {
        text = literal(parser);
    } else if (imap_accept(parser, '~') && imap_peek(parser) == '{') {
        text = literal(parser);
    } else {
        imap_fail(parser, NULL);
    }
    if (text.data == NULL) {
        text = bytes_of_str("");
    }
    return text;
}

struct bytes imap_astring(struct imap_parser *parser)
{
    char c = imap_peek(parser);
    if (c == '"' || c == '{') {
        return imap_string(parser);
    }
    return imap_atom(parser);
}

struct bytes imap_nstring(struct imap_parser *parser)
{
    if (imap_accept_word(parser, "NIL")) {
        return (struct bytes){0};
    }
    return imap_string(parser);
}

struct bytes imap_list_mailbox(struct imap_parser *parser)
{
    char c = imap_peek(parser);
    if (c == '"' || c == '{') {
        return imap_string(parser);
    }
    return take_while(parser, is_list_char);
}

struct bytes imap_flag(struct imap_parser *parser)
{
    struct bytes whole = parser->rest;
    size_t backslash = imap_accept(parser, '\\') ? 1 : 0;
    struct bytes name = take_while(parser, imap_is_atom_char);
    return bytes_slice(whole, 0, backslash + name.len);
}

uint64_t imap_number64(struct imap_parser *parser)
{
    size_t len = 0;
    while (len < parser->rest.len && ascii_is_digit((char)parser->rest.data[len])) {
        len++;
    }
    uint64_t number = 0;
    if (!parse_u64(take(parser, len), INT64_MAX, &number)) {
        imap_fail(parser, "Bad number");
    }
    return number;
}

uint32_t imap_number(struct imap_parser *parser)
{
    uint64_t number = imap_number64(parser);
    if (number > UINT32_MAX) {
        imap_fail(parser, "Bad number");
        return 0;
    }
    return (uint32_t)number;
}

uint32_t imap_nz_number(struct imap_parser *parser)
{
    uint32_t number = imap_number(parser);
    if (number == 0) {
        imap_fail(parser, "Bad number");
    }
    return number;
}

bool imap_line_ends_in_literal(struct bytes line, struct imap_literal *out)
{
    struct imap_literal found = {.sync = true};
    size_t end = line.len;
    if (end < 3 || line.data[--end] != '}') {
        return false;
    }
    if (line.data[end - 1] == '+') {
        found.sync = false;
        end--;
    }
    size_t start = end;
    while (start > 0 && ascii_is_digit((char)line.data[start - 1])) {
        start--;
    }
    if (start == end || start == 0 || line.data[start - 1] != '{') {
        return false;
    }
    if (!parse_u64(bytes_slice(line, start, end - start), INT64_MAX, &found.len)) {
        found.len = UINT64_MAX;
    }
    found.binary = start >= 2 && line.data[start - 2] == '~';
    *out = found;
    return true;
}
