// SPDX-License-Identifier: MIT
#include "base/http_request.h"

#include <string.h>

#include "base/buf.h"
#include "base/netaddr.h"
#include "base/str.h"

/* ---- words */

static const struct status_row {
    enum http_status status;
    const char *text;
} status_rows[] = {
    {HTTP_OK, "OK"},
    {HTTP_NO_CONTENT, "No Content"},
    {HTTP_SEE_OTHER, "See Other"},
    {HTTP_BAD_REQUEST, "Bad Request"},
    {HTTP_UNAUTHORIZED, "Unauthorized"},
    {HTTP_FORBIDDEN, "Forbidden"},
    {HTTP_NOT_FOUND, "Not Found"},
    {HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed"},
    {HTTP_CONFLICT, "Conflict"},
    {HTTP_TOO_LARGE, "Content Too Large"},
    {HTTP_UNSUPPORTED_TYPE, "Unsupported Media Type"},
    {HTTP_MISDIRECTED, "Misdirected Request"},
    {HTTP_TOO_MANY, "Too Many Requests"},
    {HTTP_HEAD_TOO_LARGE, "Request Header Fields Too Large"},
    {HTTP_INTERNAL_ERROR, "Internal Server Error"},
    {HTTP_NOT_IMPLEMENTED, "Not Implemented"},
    {HTTP_UNAVAILABLE, "Service Unavailable"},
    {HTTP_BAD_VERSION, "HTTP Version Not Supported"},
};

const char *http_status_text(enum http_status status)
{
    for (size_t i = 0; i < ARRAY_LEN(status_rows); i++) {
        if (status_rows[i].status == status) {
            return status_rows[i].text;
        }
    }
    return "Unknown";
}

/* RFC 9110 section 5.6.2, tchar. */
static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (!ascii_is_alpha(c) && !ascii_is_digit(c) &&
            (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

/* Printable ASCII without spaces. */
static bool is_visible(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* RFC 9110 section 5.5: no control characters but the tab. */
static bool is_field_value(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((text.data[i] < ' ' && text.data[i] != '\t') || text.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static struct bytes trim(struct bytes text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = bytes_slice(text, 1, text.len);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

static enum http_method method_of(struct bytes word)
{
    static const struct {
        const char *word;
        enum http_method method;
    } rows[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_HEAD}, {"POST", HTTP_POST}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (bytes_equal(word, bytes_of_str(rows[i].word))) {
            return rows[i].method;
        }
    }
    return HTTP_OTHER;
}

/* ---- lines */

/* The next line without its end; false at a CR or LF that stands alone. */
static bool take_line(struct bytes *rest, struct bytes *out)
{
    size_t len = bytes_find(*rest, '\r');
    if (len + 1 >= rest->len || rest->data[len + 1] != '\n') {
        return false;
    }
    *out = bytes_slice(*rest, 0, len);
    *rest = bytes_slice(*rest, len + 2, rest->len);
    return bytes_find(*out, '\n') == out->len;
}

static struct bytes take_word(struct bytes *line)
{
    size_t len = bytes_find(*line, ' ');
    struct bytes word = bytes_slice(*line, 0, len);
    *line = len < line->len ? bytes_slice(*line, len + 1, line->len) : (struct bytes){0};
    return word;
}

static enum http_status parse_request_line(struct http_request *out, struct bytes line)
{
    struct bytes method = take_word(&line);
    struct bytes target = take_word(&line);
    if (!is_token(method) || !is_visible(target) || target.len == 0 || target.data[0] != '/') {
        return HTTP_BAD_REQUEST;
    }
    if (!bytes_equal(line, bytes_of_str("HTTP/1.1"))) {
        return bytes_starts_with(line, bytes_of_str("HTTP/")) && is_visible(line)
                   ? HTTP_BAD_VERSION
                   : HTTP_BAD_REQUEST;
    }
    size_t path_len = bytes_find(target, '?');
    out->method = method_of(method);
    out->path = bytes_slice(target, 0, path_len);
    out->query =
        path_len < target.len ? bytes_slice(target, path_len + 1, target.len) : (struct bytes){0};
    return HTTP_OK;
}

static enum http_status parse_field(struct http_request *out, struct bytes line)
{
    size_t colon = bytes_find(line, ':');
    struct http_field field = {bytes_slice(line, 0, colon), {0}};
    if (colon == line.len || !is_token(field.name)) {
        return HTTP_BAD_REQUEST;
    }
    field.value = trim(bytes_slice(line, colon + 1, line.len));
    if (!is_field_value(field.value)) {
        return HTTP_BAD_REQUEST;
    }
    if (out->n_fields == HTTP_MAX_FIELDS) {
        return HTTP_HEAD_TOO_LARGE;
    }
    out->fields[out->n_fields++] = field;
    return HTTP_OK;
}

/* ---- fields */

static size_t count_fields(const struct http_request *request, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < request->n_fields; i++) {
        n += bytes_is_word(request->fields[i].name, name);
    }
    return n;
}

struct bytes http_field(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_fields; i++) {
        if (bytes_is_word(request->fields[i].name, name)) {
            return request->fields[i].value;
        }
    }
    return (struct bytes){0};
}

bool http_has_field(const struct http_request *request, const char *name)
{
    return count_fields(request, name) > 0;
}

/* What the fields say together: where the body ends, and whom it is for. */
static enum http_status judge_fields(struct http_request *out)
{
    size_t n_lengths = count_fields(out, "Content-Length");
    if (count_fields(out, "Host") != 1 || n_lengths > 1) {
        return HTTP_BAD_REQUEST;
    }
    if (http_has_field(out, "Transfer-Encoding")) {
        return HTTP_NOT_IMPLEMENTED;
    }
    if (n_lengths == 1 &&
        !parse_u64(http_field(out, "Content-Length"), INT64_MAX, &out->content_len)) {
        return HTTP_BAD_REQUEST;
    }
    out->host = http_field(out, "Host");
    out->keep_alive = !bytes_is_word(http_field(out, "Connection"), "close");
    out->expects_continue = bytes_is_word(http_field(out, "Expect"), "100-continue");
    return HTTP_OK;
}

/* ---- the head */

/* How long the head is, with its empty line; 0: its end is not there yet. */
static size_t head_len(struct bytes in)
{
    static const char end[] = "\r\n\r\n";
    const uint8_t *found = in.len == 0 ? NULL : memmem(in.data, in.len, end, sizeof end - 1);
    return found == NULL ? 0 : (size_t)(found - in.data) + sizeof end - 1;
}

enum parse_result http_request_parse(struct http_request *out, size_t *out_used, struct bytes in,
                                     enum http_status *out_status)
{
    size_t len = head_len(bytes_slice(in, 0, HTTP_MAX_HEAD_BYTES));
    if (len == 0 && in.len < HTTP_MAX_HEAD_BYTES) {
        return PARSE_MORE;
    }
    if (len == 0) {
        *out_status = HTTP_HEAD_TOO_LARGE;
        return PARSE_BAD;
    }
    struct http_request request = {0};
    struct bytes rest = bytes_slice(in, 0, len);
    struct bytes line = {0};
    *out_status = take_line(&rest, &line) ? parse_request_line(&request, line) : HTTP_BAD_REQUEST;
    while (*out_status == HTTP_OK) {
        if (!take_line(&rest, &line)) {
            *out_status = HTTP_BAD_REQUEST;
        } else if (line.len == 0) {
            break;
        } else {
            *out_status = parse_field(&request, line);
        }
    }
    if (*out_status == HTTP_OK) {
        *out_status = judge_fields(&request);
    }
    if (*out_status != HTTP_OK) {
        return PARSE_BAD;
    }
    *out = request;
    *out_used = len;
    return PARSE_DONE;
}

/* ---- who asks */

struct bytes http_cookie(const struct http_request *request, const char *name)
{
    struct bytes rest = http_field(request, "Cookie");
    while (rest.len > 0) {
        size_t end = bytes_find(rest, ';');
        struct bytes pair = trim(bytes_slice(rest, 0, end));
        size_t equals = bytes_find(pair, '=');
        if (equals < pair.len && bytes_equal(bytes_slice(pair, 0, equals), bytes_of_str(name))) {
            return bytes_slice(pair, equals + 1, pair.len);
        }
        rest = bytes_slice(rest, end + 1, rest.len);
    }
    return (struct bytes){0};
}

bool http_basic_login(const struct http_request *request, struct buf *text, struct bytes *out_user,
                      struct bytes *out_password)
{
    const struct bytes scheme = bytes_of_str("Basic ");
    struct bytes field = http_field(request, "Authorization");
    if (!bytes_equal_ci(bytes_slice(field, 0, scheme.len), scheme) ||
        !base64_decode(text, bytes_slice(field, scheme.len, field.len))) {
        return false;
    }
    struct bytes pair = buf_view(text);
    size_t colon = bytes_find(pair, ':');
    *out_user = bytes_slice(pair, 0, colon);
    *out_password = bytes_slice(pair, colon + 1, pair.len);
    return colon < pair.len;
}

/* ---- whom it is for */

/* The name without a port; empty when the port is none. */
static struct bytes without_port(struct bytes host)
{
    bool has_bracket = host.len > 0 && host.data[0] == '[';
    size_t name_len = has_bracket ? bytes_find(host, ']') + 1 : bytes_find(host, ':');
    uint64_t port;
    if (name_len >= host.len) {
        return name_len == host.len ? host : (struct bytes){0};
    }
    if (host.data[name_len] != ':' ||
        !parse_u64(bytes_slice(host, name_len + 1, host.len), UINT16_MAX, &port)) {
        return (struct bytes){0};
    }
    return bytes_slice(host, 0, name_len);
}

static bool is_address(struct bytes name)
{
    char text[NETADDR_TEXT_BYTES];
    uint8_t ip[16];
    if (name.len >= 2 && name.data[0] == '[') {
        name = bytes_slice(name, 1, name.len - 2);
    }
    if (name.len == 0 || name.len >= sizeof text) {
        return false;
    }
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    return netaddr_parse_ip(ip, text);
}

bool http_host_is_ours(struct bytes host, const char *names)
{
    struct bytes name = without_port(host);
    if (name.len == 0) {
        return false;
    }
    if (bytes_is_word(name, "localhost") || is_address(name)) {
        return true;
    }
    struct bytes rest = bytes_of_str(names == NULL ? "" : names);
    while (rest.len > 0) {
        size_t comma = bytes_find(rest, ',');
        if (bytes_equal_ci(trim(bytes_slice(rest, 0, comma)), name)) {
            return true;
        }
        rest = comma < rest.len ? bytes_slice(rest, comma + 1, rest.len) : (struct bytes){0};
    }
    return false;
}
