// SPDX-License-Identifier: MIT
/* The page: files that were compiled in. They hold nothing of anybody, and are given without a
 * login; what they show they ask for below /api/.
 *
 * The policy lets a browser load what lies here and nothing else, run no script that stands in a
 * page, and turn no text into markup (trusted types). */
#include "gateway/control/page/app_js.h"
#include "gateway/control/page/book_js.h"
#include "gateway/control/page/call_js.h"
#include "gateway/control/page/chans_js.h"
#include "gateway/control/page/dom_js.h"
#include "gateway/control/page/icon_svg.h"
#include "gateway/control/page/identities_js.h"
#include "gateway/control/page/index_html.h"
#include "gateway/control/page/overview_js.h"
#include "gateway/control/page/programs_js.h"
#include "gateway/control/page/queue_js.h"
#include "gateway/control/page/safety_js.h"
#include "gateway/control/page/senders_js.h"
#include "gateway/control/page/style_css.h"
#include "gateway/control/web_internal.h"

#define HTML "text/html; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define TEXT_OF(array)                                                                             \
    {                                                                                              \
        (const uint8_t *)(array), sizeof(array) - 1                                                \
    }

static const struct {
    const char *path;
    const char *content_type;
    struct bytes text;
} files[] = {
    {"/", HTML, TEXT_OF(page_index_html)},
    {"/page/style.css", "text/css; charset=utf-8", TEXT_OF(page_style_css)},
    {"/page/icon.svg", "image/svg+xml", TEXT_OF(page_icon_svg)},
    {"/page/app.js", SCRIPT, TEXT_OF(page_app_js)},
    {"/page/book.js", SCRIPT, TEXT_OF(page_book_js)},
    {"/page/call.js", SCRIPT, TEXT_OF(page_call_js)},
    {"/page/chans.js", SCRIPT, TEXT_OF(page_chans_js)},
    {"/page/dom.js", SCRIPT, TEXT_OF(page_dom_js)},
    {"/page/identities.js", SCRIPT, TEXT_OF(page_identities_js)},
    {"/page/overview.js", SCRIPT, TEXT_OF(page_overview_js)},
    {"/page/programs.js", SCRIPT, TEXT_OF(page_programs_js)},
    {"/page/queue.js", SCRIPT, TEXT_OF(page_queue_js)},
    {"/page/safety.js", SCRIPT, TEXT_OF(page_safety_js)},
    {"/page/senders.js", SCRIPT, TEXT_OF(page_senders_js)},
};

static const struct {
    const char *name;
    const char *value;
} fields[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"X-Frame-Options", "DENY"},
};

void web_serve_page(void *context, struct http_exchange *exchange,
                    const struct http_request *request)
{
    const struct web *web = context;
    if (!web->parts.settings->page) {
        http_answer_text(exchange, HTTP_NOT_FOUND, "[http] page is off");
        return;
    }
    if (!http_is_local(exchange)) {
        http_answer_text(exchange, HTTP_FORBIDDEN,
                         "This page takes a password, and has no TLS: it is shown on the machine "
                         "itself alone. From elsewhere use ssh -L, or a proxy with TLS.");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (bytes_equal(request->path, bytes_of_str(files[i].path))) {
            for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
                http_set_field(exchange, fields[k].name, fields[k].value);
            }
            http_answer(exchange, HTTP_OK, files[i].content_type, files[i].text);
            return;
        }
    }
    http_answer_text(exchange, HTTP_NOT_FOUND, "there is no such page");
}
