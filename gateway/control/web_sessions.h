// SPDX-License-Identifier: MIT
/* Who is logged in on the web page. In memory alone: a restart logs all out. Pure: the time is
 * told.
 *
 * A session is shown by two random keys of 128 bits. The cookie's is kept by the browser, where no
 * script reads it; but a browser sends cookies to every port of a host, and so to whatever else is
 * served on this machine. So there is the token, too, which the page keeps for itself and sends in
 * a field that no other site's form or image can send. Either alone opens nothing.
 *
 * Of an account's sessions above WEB_MAX_SESSIONS_OF_ACCOUNT, and of all above WEB_MAX_SESSIONS,
 * the one that was used longest ago ends. */
#ifndef BITTERN_GATEWAY_CONTROL_WEB_SESSIONS_H
#define BITTERN_GATEWAY_CONTROL_WEB_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "mailproto/sasl/credential.h"

enum {
    WEB_KEY_BYTES = 16,
    WEB_KEY_TEXT_BYTES = 2 * WEB_KEY_BYTES + 1, /* in hexadecimal, with the NUL */
    WEB_MAX_SESSIONS = 64,
    WEB_MAX_SESSIONS_OF_ACCOUNT = 8,
    WEB_SESSION_IDLE_MS = 60 * 60 * 1000, /* without a question of the page */
    WEB_SESSION_MAX_MS = 24 * 60 * 60 * 1000
};

struct web_session {
    int64_t account_id;
    char *account;                      /* its name */
    uint8_t stored_key[SASL_KEY_BYTES]; /* of the password that opened it: it ends with that */
};

struct web_sessions;

struct web_sessions *web_sessions_new(void) MUST_USE;
void web_sessions_free(struct web_sessions **sessions);

/* All is copied. */
void web_sessions_open(struct web_sessions *sessions, int64_t now_ms, int64_t account_id,
                       const char *account, const uint8_t stored_key[SASL_KEY_BYTES],
                       char out_cookie[WEB_KEY_TEXT_BYTES], char out_token[WEB_KEY_TEXT_BYTES]);
/* The session of both keys, which counts as used; or NULL. Borrowed until the next call. */
const struct web_session *web_sessions_find(struct web_sessions *sessions, int64_t now_ms,
                                            struct bytes cookie, struct bytes token) MUST_USE;
/* Nothing happens when there is none. */
void web_sessions_end(struct web_sessions *sessions, struct bytes cookie, struct bytes token);

#endif
