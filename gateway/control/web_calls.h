// SPDX-License-Identifier: MIT
/* Which calls of the table (api.h) are taken over HTTP, of whom, and why not the others. Whoever is
 * logged in there has shown an account's password, and is not for that the owner of the home. */
#ifndef BITTERN_GATEWAY_CONTROL_WEB_CALLS_H
#define BITTERN_GATEWAY_CONTROL_WEB_CALLS_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum web_reach {
    WEB_CALL_ACCOUNT, /* taken of any login, within its account */
    WEB_CALL_HOME,    /* concerns all accounts: taken where there is one alone */
    WEB_CALL_NOT      /* not taken */
};

struct web_call_row {
    const char *call;
    enum web_reach reach;
    const char *reason; /* why WEB_CALL_NOT, for people; else NULL */
};

/* NULL: it is not in the table, and so not taken. */
const struct web_call_row *web_calls_find(struct bytes call) MUST_USE;

#endif
