// SPDX-License-Identifier: MIT
#include "mailproto/smtp/smtp_params.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mailproto/smtp/smtp_session.h"

struct target {
    struct smtp_envelope *envelope;
    struct smtp_recipient *recipient;
    struct arena *arena;
};

/* ---- values ---- */

/* xtext (RFC 3461 section 4): printable but '+' and '=', and +XX in capital hex. NULL when it is
 * none, holds a control character, or is longer than `max_len`. */
static const char *decode_xtext(struct arena *arena, struct bytes in, size_t max_len)
{
    char *out = arena_alloc(arena, in.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t byte = in.data[i];
        if (byte == '+') {
            struct bytes digits = bytes_slice(in, i + 1, 2);
            if (!hex_decode(&byte, 1, digits) ||
                ascii_upper((char)digits.data[0]) != digits.data[0] ||
                ascii_upper((char)digits.data[1]) != digits.data[1]) {
                return NULL;
            }
            i += 2;
        } else if (byte == '=') {
            return NULL;
        }
        if (byte < ' ' || byte == 0x7f) {
            return NULL;
        }
        out[len++] = (char)byte;
    }
    return len == 0 || len > max_len ? NULL : out;
}

static bool take_size(struct target *to, struct bytes value)
{
    /* RFC 1870 section 3: up to 20 digits; what does not fit is more than we take in any case. */
    if (value.len == 0 || value.len > 20) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!ascii_is_digit((char)value.data[i])) {
            return false;
        }
    }
    if (!parse_u64(value, UINT64_MAX, &to->envelope->declared_size)) {
        to->envelope->declared_size = UINT64_MAX;
    }
    return true;
}

static bool take_body(struct target *to, struct bytes value)
{
    static const char *const words[] = {"7BIT", "8BITMIME", "BINARYMIME"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (bytes_is_word(value, words[i])) {
            to->envelope->body = (enum smtp_body_kind)i;
            return true;
        }
    }
    return false;
}

static bool take_smtputf8(struct target *to, struct bytes value)
{
    to->envelope->smtputf8 = true;
    return value.data == NULL;
}

static bool take_ret(struct target *to, struct bytes value)
{
    bool is_full = bytes_is_word(value, "FULL");
    to->envelope->ret = is_full ? SMTP_RETURN_FULL : SMTP_RETURN_HEADERS;
    return is_full || bytes_is_word(value, "HDRS");
}

static bool take_envid(struct target *to, struct bytes value)
{
    to->envelope->envid = decode_xtext(to->arena, value, SMTP_MAX_ENVID_BYTES);
    return to->envelope->envid != NULL;
}

/* BY=-120;NT: seconds, and by-mode with or without trace. */
static bool take_by(struct target *to, struct bytes value)
{
    size_t semicolon = bytes_find(value, ';');
    struct bytes digits = bytes_slice(value, 0, semicolon);
    struct bytes mode = bytes_slice(value, semicolon + 1, value.len);
    bool is_negative = digits.len != 0 && digits.data[0] == '-';
    if (is_negative) {
        digits = bytes_slice(digits, 1, digits.len);
    }
    uint64_t seconds = 0;
    if (digits.len > 9 || !parse_u64(digits, SMTP_MAX_BY_SEC, &seconds) || mode.len == 0 ||
        mode.len > 2 || (mode.len == 2 && ascii_upper((char)mode.data[1]) != 'T')) {
        return false;
    }
    char letter = ascii_upper((char)mode.data[0]);
    struct smtp_envelope *envelope = to->envelope;
    envelope->has_deliver_by = true;
    envelope->deliver_by_sec = is_negative ? -(int64_t)seconds : (int64_t)seconds;
    envelope->deliver_by_return = letter == 'R';
    envelope->deliver_by_trace = mode.len == 2;
    /* Section 4: with R the time must lie ahead. */
    return letter == 'N' || (letter == 'R' && envelope->deliver_by_sec > 0);
}

/* AUTH=<> or xtext: who first submitted it. Nothing here depends on it. */
static bool take_auth(struct target *to, struct bytes value)
{
    return bytes_is_word(value, "<>") ||
           decode_xtext(to->arena, value, SMTP_MAX_ORCPT_BYTES) != NULL;
}

static bool take_notify(struct target *to, struct bytes value)
{
    static const struct {
        const char *word;
        unsigned flag;
    } words[] = {{"NEVER", SMTP_NOTIFY_NEVER},
                 {"SUCCESS", SMTP_NOTIFY_SUCCESS},
                 {"FAILURE", SMTP_NOTIFY_FAILURE},
                 {"DELAY", SMTP_NOTIFY_DELAY}};
    unsigned notify = 0;
    while (value.data != NULL) {
        size_t comma = bytes_find(value, ',');
        struct bytes word = bytes_slice(value, 0, comma);
        unsigned flag = 0;
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            flag |= bytes_is_word(word, words[i].word) ? words[i].flag : 0;
        }
        if (flag == 0 || (notify & flag) != 0) {
            return false;
        }
        notify |= flag;
        if (comma == value.len) {
            break;
        }
        value = bytes_slice(value, comma + 1, value.len);
        if (value.len == 0) {
            return false;
        }
    }
    to->recipient->notify = notify;
    return notify != 0 && ((notify & SMTP_NOTIFY_NEVER) == 0 || notify == SMTP_NOTIFY_NEVER);
}

/* ORCPT=type;xtext */
static bool take_orcpt(struct target *to, struct bytes value)
{
    size_t semicolon = bytes_find(value, ';');
    if (semicolon == 0 || semicolon >= value.len) {
        return false;
    }
    to->recipient->original = decode_xtext(to->arena, value, SMTP_MAX_ORCPT_BYTES);
    return to->recipient->original != NULL;
}

/* ---- tables ---- */

struct param {
    const char *keyword;
    bool (*take)(struct target *to, struct bytes value);
};

static const struct param MAIL_PARAMS[] = {
    {"SIZE", take_size},   {"BODY", take_body}, {"SMTPUTF8", take_smtputf8}, {"RET", take_ret},
    {"ENVID", take_envid}, {"BY", take_by},     {"AUTH", take_auth},
};

static const struct param RCPT_PARAMS[] = {
    {"NOTIFY", take_notify},
    {"ORCPT", take_orcpt},
};

static enum smtp_params_result take_one(struct target *to, unsigned *seen,
                                        const struct param *params, size_t n_params,
                                        struct bytes word)
{
    size_t equals = bytes_find(word, '=');
    struct bytes keyword = bytes_slice(word, 0, equals);
    struct bytes value = {0};
    if (equals != word.len) {
        value = (struct bytes){word.data + equals + 1, word.len - equals - 1};
    }
    for (size_t i = 0; i < n_params; i++) {
        if (bytes_is_word(keyword, params[i].keyword)) {
            bool is_again = (*seen & 1u << i) != 0;
            *seen |= 1u << i;
            return !is_again && params[i].take(to, value) ? SMTP_PARAMS_OK : SMTP_PARAMS_BAD;
        }
    }
    return keyword.len == 0 ? SMTP_PARAMS_BAD : SMTP_PARAMS_UNKNOWN;
}

static enum smtp_params_result take_all(struct target *to, const struct param *params,
                                        size_t n_params, struct bytes in)
{
    unsigned seen = 0;
    if (in.len != 0 && in.data[0] != ' ') {
        return SMTP_PARAMS_BAD;
    }
    while (in.len != 0) {
        in = bytes_slice(in, 1, in.len);
        size_t end = bytes_find(in, ' ');
        struct bytes word = bytes_slice(in, 0, end);
        in = bytes_slice(in, end, in.len);
        if (word.len == 0) {
            continue; /* several spaces, or one at the end */
        }
        enum smtp_params_result result = take_one(to, &seen, params, n_params, word);
        if (result != SMTP_PARAMS_OK) {
            return result;
        }
    }
    return SMTP_PARAMS_OK;
}

enum smtp_params_result smtp_params_of_mail(struct smtp_envelope *envelope, struct bytes in,
                                            struct arena *arena)
{
    struct target to = {.envelope = envelope, .arena = arena};
    return take_all(&to, MAIL_PARAMS, ARRAY_LEN(MAIL_PARAMS), in);
}

enum smtp_params_result smtp_params_of_rcpt(struct smtp_recipient *recipient, struct bytes in,
                                            struct arena *arena)
{
    struct target to = {.recipient = recipient, .arena = arena};
    return take_all(&to, RCPT_PARAMS, ARRAY_LEN(RCPT_PARAMS), in);
}
