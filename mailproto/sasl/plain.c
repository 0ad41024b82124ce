// SPDX-License-Identifier: MIT
/* PLAIN (RFC 4616): authorization identity, NUL, user, NUL, password, in one response. */
#include "base/str.h"
#include "mailproto/sasl/sasl_internal.h"

static enum sasl_result plain_respond(struct sasl *sasl, struct bytes response, struct buf *out)
{
    (void)out;
    size_t first = bytes_find(response, 0);
    struct bytes authorize_as = bytes_slice(response, 0, first);
    struct bytes rest = bytes_slice(response, first + 1, SIZE_MAX);
    size_t second = bytes_find(rest, 0);
    struct bytes user = bytes_slice(rest, 0, second);
    struct bytes password = bytes_slice(rest, second + 1, SIZE_MAX);
    if (sasl->step++ > 0 || first == response.len || second == rest.len ||
        bytes_find(password, 0) != password.len) {
        return SASL_BAD;
    }
    /* Nobody acts for others here. */
    if (authorize_as.len > 0 && !bytes_equal(authorize_as, user)) {
        return SASL_FAILED;
    }
    return sasl_set_user(sasl, user) && sasl_set_password(sasl, password) ? SASL_LOOKUP
                                                                          : SASL_FAILED;
}

const struct sasl_mechanism sasl_plain = {.name = "PLAIN",
                                          .plaintext = true,
                                          .client_first = true,
                                          .respond = plain_respond,
                                          .credential_found = sasl_check_password};
