// SPDX-License-Identifier: MIT
#include "mailproto/mime/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_NAME_BYTES = 40, STEP_BYTES = 4096 };

static const char REPLACEMENT[] = "\xef\xbf\xbd";
static const iconv_t NO_ICONV = (iconv_t)-1;

/* Names that mails use and iconv does not know, or knows as less than what is meant. */
static const struct {
    const char *name;
    const char *iconv_name;
} ALIASES[] = {
    {"iso-8859-1", "CP1252"},       {"latin1", "CP1252"},         {"iso8859-1", "CP1252"},
    {"gb2312", "GB18030"},          {"gbk", "GB18030"},           {"x-gbk", "GB18030"},
    {"ks_c_5601-1987", "CP949"},    {"euc-kr", "CP949"},          {"x-sjis", "CP932"},
    {"shift_jis", "CP932"},         {"shift-jis", "CP932"},       {"x-euc-jp", "EUC-JP"},
    {"unicode-1-1-utf-7", "UTF-7"}, {"iso-8859-8-i", "CP1255"},   {"iso-8859-8-e", "CP1255"},
    {"iso-8859-9", "CP1254"},       {"x-mac-roman", "MACINTOSH"}, {"cp-850", "CP850"},
    {"tis-620", "CP874"},           {"windows-874", "CP874"},     {"x-unknown", "CP1252"},
};

static const char *const PRELOADED[] = {
    "CP1252",        "UTF-16",        "UTF-16LE",    "UTF-16BE",     "UTF-32",      "UTF-7",
    "ISO-8859-2",    "ISO-8859-3",    "ISO-8859-4",  "ISO-8859-5",   "ISO-8859-6",  "ISO-8859-7",
    "ISO-8859-8",    "ISO-8859-10",   "ISO-8859-11", "ISO-8859-13",  "ISO-8859-14", "ISO-8859-15",
    "ISO-8859-16",   "CP1250",        "CP1251",      "CP1253",       "CP1254",      "CP1255",
    "CP1256",        "CP1257",        "CP1258",      "CP437",        "CP850",       "CP852",
    "CP855",         "CP858",         "CP862",       "CP866",        "CP874",       "KOI8-R",
    "KOI8-U",        "KOI8-T",        "MACINTOSH",   "MAC-CYRILLIC", "GB18030",     "HZ",
    "BIG5",          "BIG5-HKSCS",    "EUC-TW",      "EUC-JP",       "CP932",       "ISO-2022-JP",
    "ISO-2022-JP-2", "ISO-2022-JP-3", "EUC-KR",      "CP949",        "ISO-2022-KR", "ISO-2022-CN",
    "TCVN",          "VISCII",        "GEORGIAN-PS", "ARMSCII-8",    "PT154",       "TSCII",
};

struct charset_modules {
    iconv_t kept[ARRAY_LEN(PRELOADED)]; /* a module stays as long as a descriptor is open */
};

struct charset_modules *charset_modules_load(void)
{
    struct charset_modules *modules = xcalloc(1, sizeof *modules);
    for (size_t i = 0; i < ARRAY_LEN(PRELOADED); i++) {
        modules->kept[i] = iconv_open("UTF-8", PRELOADED[i]);
    }
    return modules;
}

void charset_modules_free(struct charset_modules **modules)
{
    if (*modules == NULL) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(PRELOADED); i++) {
        if ((*modules)->kept[i] != NO_ICONV) {
            iconv_close((*modules)->kept[i]);
        }
    }
    free(*modules);
    *modules = NULL;
}

static bool name_is_safe(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = (char)name.data[i];
        if (!ascii_is_alpha(c) && !ascii_is_digit(c) && strchr("-_.:+", c) == NULL) {
            return false; /* no slash: iconv would take a suffix or a path of its own */
        }
    }
    return name.len != 0 && name.len <= MAX_NAME_BYTES;
}

static iconv_t open_charset(struct bytes name)
{
    char text[MAX_NAME_BYTES + 1] = {0};
    if (!name_is_safe(name)) {
        return NO_ICONV;
    }
    memcpy(text, name.data, name.len);
    for (size_t i = 0; i < ARRAY_LEN(ALIASES); i++) {
        if (str_equal_ci(text, ALIASES[i].name)) {
            return iconv_open("UTF-8", ALIASES[i].iconv_name);
        }
    }
    return iconv_open("UTF-8", text);
}

static void convert(struct buf *out, iconv_t cd, struct bytes text)
{
    char piece[STEP_BYTES];
    /* iconv's argument is not const, but it writes nothing there. */
    union {
        const uint8_t *from;
        char *to;
    } in = {.from = text.data};
    size_t in_left = text.len;

    while (in_left != 0) {
        char *next = piece;
        size_t room = sizeof piece;
        size_t result = iconv(cd, &in.to, &in_left, &next, &room);
        buf_append(out, piece, sizeof piece - room);
        if (result == (size_t)-1 && errno == E2BIG) {
            continue;
        }
        if (result == (size_t)-1) { /* EILSEQ; EINVAL at a cut sequence */
            buf_append_str(out, REPLACEMENT);
            in.to++;
            in_left--;
            iconv(cd, NULL, NULL, NULL, NULL);
        }
    }
    char *next = piece;
    size_t room = sizeof piece;
    iconv(cd, NULL, NULL, &next, &room);
    buf_append(out, piece, sizeof piece - room);
}

static void convert_by_guess(struct buf *out, struct bytes text)
{
    iconv_t cd = utf8_valid(text) ? NO_ICONV : iconv_open("UTF-8", "CP1252");
    if (cd == NO_ICONV) {
        utf8_repair(out, text);
    } else {
        convert(out, cd, text);
        iconv_close(cd);
    }
}

bool charset_to_utf8(struct buf *out, struct bytes charset, struct bytes text)
{
    if (bytes_is_word(charset, "utf-8") || bytes_is_word(charset, "utf8")) {
        utf8_repair(out, text);
        return true;
    }
    if (charset.len == 0 || bytes_is_word(charset, "us-ascii")) {
        convert_by_guess(out, text);
        return true;
    }
    iconv_t cd = open_charset(charset);
    if (cd == NO_ICONV) {
        convert_by_guess(out, text);
        return utf8_valid(text);
    }
    struct buf converted;
    buf_init(&converted, out->max_len);
    convert(&converted, cd, text);
    iconv_close(cd);
    utf8_repair(out, buf_view(&converted));
    buf_clear(&converted);
    return true;
}
