// SPDX-License-Identifier: MIT
/* The parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (1652, 3030), SMTPUTF8 (6531), RET, ENVID,
 * NOTIFY, ORCPT (3461), BY (2852), AUTH (4954; read and dropped). Each at most once. */
#ifndef BITTERN_MAILPROTO_SMTP_SMTP_PARAMS_H
#define BITTERN_MAILPROTO_SMTP_SMTP_PARAMS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct arena;
struct smtp_envelope;
struct smtp_recipient;

enum {
    SMTP_MAX_ENVID_BYTES = 100, /* RFC 3461 section 4.4 */
    SMTP_MAX_ORCPT_BYTES = 500, /* section 4.2 */
    SMTP_MAX_BY_SEC = 999999999 /* RFC 2852 section 4 */
};

enum smtp_params_result {
    SMTP_PARAMS_OK,
    SMTP_PARAMS_UNKNOWN, /* 555 5.5.4 */
    SMTP_PARAMS_BAD      /* 501 5.5.4 */
};

/* `in` is what follows the path: nothing, or parameters with a space before each. Decoded texts are
 * put into `arena`. */
enum smtp_params_result smtp_params_of_mail(struct smtp_envelope *envelope, struct bytes in,
                                            struct arena *arena) MUST_USE;
enum smtp_params_result smtp_params_of_rcpt(struct smtp_recipient *recipient, struct bytes in,
                                            struct arena *arena) MUST_USE;

#endif
