// SPDX-License-Identifier: MIT
/* LOGIN (an expired draft, draft-murchison-sasl-login): the server asks for the user, then for the
 * password. Some clients give the user as initial response. */
#include "base/buf.h"
#include "mailproto/sasl/sasl_internal.h"

enum login_step { LOGIN_START, LOGIN_USER, LOGIN_PASSWORD, LOGIN_END };

static enum sasl_result take_user(struct sasl *sasl, struct bytes user, struct buf *out)
{
    if (!sasl_set_user(sasl, user)) {
        return SASL_FAILED;
    }
    sasl->step = LOGIN_PASSWORD;
    buf_append_str(out, "Password:");
    return SASL_CHALLENGE;
}

static enum sasl_result login_respond(struct sasl *sasl, struct bytes response, struct buf *out)
{
    switch (sasl->step) {
    case LOGIN_START:
        if (response.data != NULL) {
            return take_user(sasl, response, out);
        }
        sasl->step = LOGIN_USER;
        buf_append_str(out, "Username:");
        return SASL_CHALLENGE;
    case LOGIN_USER:
        return take_user(sasl, response, out);
    case LOGIN_PASSWORD:
        sasl->step = LOGIN_END;
        return sasl_set_password(sasl, response) ? SASL_LOOKUP : SASL_FAILED;
    default:
        return SASL_BAD;
    }
}

const struct sasl_mechanism sasl_login = {.name = "LOGIN",
                                          .plaintext = true,
                                          .client_first = false,
                                          .respond = login_respond,
                                          .credential_found = sasl_check_password};
