// SPDX-License-Identifier: MIT
/* The head of an HTTP/1.1 request, taken apart (RFC 9112). No I/O.
 *
 * Only what a browser, curl, Prometheus or an XML-RPC client sends is understood, and that
 * strictly: lines end in CR LF, no folded lines, no spaces before a colon, one Host, a
 * Content-Length of digits at most once, no transfer codings. Two readers of one request (a proxy
 * and we) so never disagree on where it ends. */
#ifndef BITTERN_BASE_HTTP_REQUEST_H
#define BITTERN_BASE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

enum {
    HTTP_MAX_HEAD_BYTES = 8192, /* request line and fields, with the empty line */
    HTTP_MAX_FIELDS = 64
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

enum http_status {
    HTTP_OK = 200,
    HTTP_NO_CONTENT = 204,
    HTTP_SEE_OTHER = 303,
    HTTP_BAD_REQUEST = 400,
    HTTP_UNAUTHORIZED = 401,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_CONFLICT = 409,
    HTTP_TOO_LARGE = 413,
    HTTP_UNSUPPORTED_TYPE = 415,
    HTTP_MISDIRECTED = 421,
    HTTP_TOO_MANY = 429,
    HTTP_HEAD_TOO_LARGE = 431,
    HTTP_INTERNAL_ERROR = 500,
    HTTP_NOT_IMPLEMENTED = 501,
    HTTP_UNAVAILABLE = 503,
    HTTP_BAD_VERSION = 505
};

struct http_field {
    struct bytes name;
    struct bytes value; /* without the spaces around it */
};

/* All bytes borrow from the input that was parsed. */
struct http_request {
    enum http_method method;
    struct bytes path;  /* begins with '/'; not percent-decoded */
    struct bytes query; /* behind the '?'; empty */
    struct bytes host;  /* as sent: NAME, NAME:PORT, [IPV6]:PORT */
    struct http_field fields[HTTP_MAX_FIELDS];
    size_t n_fields;
    uint64_t content_len; /* 0 when none was said */
    struct bytes body;    /* filled in by the server: content_len bytes */
    bool keep_alive;
    bool expects_continue;
};

/* Take one head from the front of `in`.
 * PARSE_DONE: *out is filled (but for `body`), *out_used bytes are the head.
 * PARSE_MORE: it is not complete yet.
 * PARSE_BAD:  *out_status is what to answer before closing. */
enum parse_result http_request_parse(struct http_request *out, size_t *out_used, struct bytes in,
                                     enum http_status *out_status) MUST_USE;

/* The value of the first field of that name (any case); empty when there is none. */
struct bytes http_field(const struct http_request *request, const char *name) MUST_USE;
bool http_has_field(const struct http_request *request, const char *name) MUST_USE;

/* The value of the first cookie of that name (RFC 6265 section 4.2: "a=1; b=2"); empty when there
 * is none. */
struct bytes http_cookie(const struct http_request *request, const char *name) MUST_USE;
/* Name and password of basic authentication (RFC 7617); false when there is none, or it is broken.
 * They borrow from `text`, which the caller clears with buf_clear_secret, in both cases. */
bool http_basic_login(const struct http_request *request, struct buf *text, struct bytes *out_user,
                      struct bytes *out_password) MUST_USE;

/* Whether a `host` names this machine in a way that no foreign web page can bring about: an IP
 * address, "localhost", or one of `names` (comma separated; NULL or "": none). A page of a stranger
 * whose name was made to resolve to us (DNS rebinding) sends its own name, and fails. */
bool http_host_is_ours(struct bytes host, const char *names) MUST_USE;

/* "Not Found". Static storage. */
const char *http_status_text(enum http_status status) MUST_USE;

#endif
