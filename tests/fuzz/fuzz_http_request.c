// SPDX-License-Identifier: MIT
/* A request's head: the pieces lie in the head, and where it ends does not depend on what follows.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "base/http_request.h"
#include "base/mem.h"

static bool lies_in(struct bytes piece, struct bytes whole)
{
    return piece.len == 0 ||
           (piece.data >= whole.data && piece.data + piece.len <= whole.data + whole.len);
}

static void check_who_asks(const struct http_request *request, struct bytes head)
{
    struct buf text = {0};
    struct bytes user;
    struct bytes password;
    FUZZ_CHECK(lies_in(http_cookie(request, "a"), head));
    if (http_basic_login(request, &text, &user, &password)) {
        FUZZ_CHECK(user.len + 1 + password.len == text.len && bytes_find(user, ':') == user.len);
    }
    buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request request;
    size_t used = 0;
    enum http_status status = HTTP_OK;
    struct bytes in = {data, size};
    enum parse_result result = http_request_parse(&request, &used, in, &status);
    if (result == PARSE_BAD) {
        FUZZ_CHECK(status >= HTTP_BAD_REQUEST && strcmp(http_status_text(status), "Unknown") != 0);
    }
    if (result != PARSE_DONE) {
        return 0;
    }
    struct bytes head = bytes_slice(in, 0, used);
    FUZZ_CHECK(used <= HTTP_MAX_HEAD_BYTES && used <= size);
    FUZZ_CHECK(request.path.len > 0 && lies_in(request.path, head));
    FUZZ_CHECK(lies_in(request.query, head) && lies_in(request.host, head));
    FUZZ_CHECK(request.n_fields > 0 && request.n_fields <= HTTP_MAX_FIELDS);
    FUZZ_CHECK(!http_host_is_ours(request.host, NULL) || http_host_is_ours(request.host, "other"));
    check_who_asks(&request, head);
    uint8_t *alone = xmemdup(head.data, head.len);
    struct http_request again;
    size_t used_again;
    FUZZ_CHECK(http_request_parse(&again, &used_again, (struct bytes){alone, head.len}, &status) ==
               PARSE_DONE);
    FUZZ_CHECK(used_again == used && again.content_len == request.content_len);
    free(alone);
    return 0;
}
