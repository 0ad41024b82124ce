// SPDX-License-Identifier: MIT
/* All mails of the gateway, one after the other, for whoever writes them into another form. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_EXPORT_WALK_H
#define BITTERN_GATEWAY_CLI_MOVING_EXPORT_WALK_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/cli/cli.h"

struct export_walk {
    struct cli_session *session;
    const char *call;    /* "export.mail" or "export.message": what each mail is given as */
    const char *account; /* NULL: of all */
    /* A mail, with the row of its mailbox; those of a mailbox follow each other. False ends it. */
    bool (*each)(void *context, const json_t *mailbox, const json_t *mail, struct fault *fault);
    void *context;
};
bool export_walk_run(const struct export_walk *walk, struct fault *fault) MUST_USE;

/* Of a mail. */
bool export_has_flag(const json_t *mail, const char *name) MUST_USE;
/* Append a member that is base64; one that is not there is empty. */
bool export_take_base64(struct buf *out, const json_t *object, const char *name,
                        struct fault *fault) MUST_USE;
/* The mailbox's place below an export's folder, ACCOUNT/LEVEL/NAME and `suffix`; the caller's. A
 * level that would mean something else to a file system or a Maildir is changed. */
char *export_place(const json_t *mailbox, const char *suffix) MUST_USE;

#endif
