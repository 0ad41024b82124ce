// SPDX-License-Identifier: MIT
#include "gateway/compat/xmlrpc_write.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

static void write_value(struct buf *out, const json_t *value);

static const char *escape_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#13;"; /* a bare one would be read as a line end */
    default:
        return c < 0x20 && c != '\t' && c != '\n' ? "\xef\xbf\xbd" : NULL;
    }
}

/* U+FFFE and U+FFFF, too, are no characters of XML (section 2.2). */
static bool is_noncharacter(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xef\xbf", 2) == 0 && (unsigned char)text[2] >= 0xbe;
}

static void write_text(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char *escape = escape_of((unsigned char)text[i]);
        if (is_noncharacter(text + i, len - i)) {
            buf_append_str(out, "\xef\xbf\xbd");
            i += 2;
        } else if (escape != NULL) {
            buf_append_str(out, escape);
        } else {
            buf_append_byte(out, (uint8_t)text[i]);
        }
    }
}

static void write_struct(struct buf *out, const json_t *object)
{
    const char *key;
    json_t *value;
    buf_append_str(out, "<struct>\n");
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        buf_append_str(out, "<member>\n<name>");
        write_text(out, key, strlen(key));
        buf_append_str(out, "</name>\n");
        write_value(out, value);
        buf_append_str(out, "</member>\n");
    }
    buf_append_str(out, "</struct>");
}

static void write_array(struct buf *out, const json_t *array)
{
    buf_append_str(out, "<array><data>\n");
    for (size_t i = 0; i < json_array_size(array); i++) {
        write_value(out, json_array_get(array, i));
    }
    buf_append_str(out, "</data></array>");
}

static void write_integer(struct buf *out, json_int_t value)
{
    const char *name = value >= INT32_MIN && value <= INT32_MAX ? "int" : "i8";
    buf_printf(out, "<%s>%lld</%s>", name, (long long)value, name);
}

static void write_value(struct buf *out, const json_t *value)
{
    buf_append_str(out, "<value>");
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_struct(out, value);
        break;
    case JSON_ARRAY:
        write_array(out, value);
        break;
    case JSON_STRING:
        buf_append_str(out, "<string>");
        write_text(out, json_string_value(value), json_string_length(value));
        buf_append_str(out, "</string>");
        break;
    case JSON_INTEGER:
        write_integer(out, json_integer_value(value));
        break;
    case JSON_REAL:
        buf_printf(out, "<double>%.17g</double>", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_printf(out, "<boolean>%d</boolean>", json_is_true(value));
        break;
    case JSON_NULL:
        buf_append_str(out, "<nil/>");
        break;
    }
    buf_append_str(out, "</value>\n");
}

void xmlrpc_write_result(struct buf *out, const json_t *result)
{
    buf_append_str(out, "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n");
    write_value(out, result);
    buf_append_str(out, "</param>\n</params>\n</methodResponse>\n");
}

void xmlrpc_write_fault(struct buf *out, int code, const char *text)
{
    json_t *fault = json_pack("{s:i, s:s}", "faultCode", code, "faultString", text);
    buf_append_str(out, "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n");
    write_value(out, fault);
    buf_append_str(out, "</fault>\n</methodResponse>\n");
    json_decref(fault);
}
