// SPDX-License-Identifier: MIT
/* A mail that waits for the gateway: how `bittern sendmail` leaves it while nothing runs, and how
 * the gateway reads it when it starts.
 *
 *     bittern-spool 1
 *     account me
 *     sender BM-...
 *     recipient alice@bm.alt
 *     headers yes
 *     <an empty line>
 *     the mail, line ends as they came
 *
 * The file lies in HOME/gateway/spool under a random name and PATHS_SPOOL_SUFFIX. It is written
 * under another name, synced and renamed, so a file with the suffix is whole. The name is the
 * mail's mark: a mail that was taken once under a name is never taken again. */
#ifndef BITTERN_CONFIG_SPOOL_FILE_H
#define BITTERN_CONFIG_SPOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct arena;
struct buf;

enum {
    SPOOL_MAX_RECIPIENTS = 1000,
    SPOOL_MAX_MAIL_BYTES = 64 * 1024 * 1024,
    SPOOL_MAX_FILE_BYTES = SPOOL_MAX_MAIL_BYTES + 1024 * 1024,
    SPOOL_NAME_BYTES = 33 /* 32 hex digits and the NUL */
};

/* Texts are in one line; NULL where nothing was said. */
struct spool_file {
    const char *account;
    const char *sender;
    const char *full_name; /* -F: for a From that is added */
    const char *const *recipients;
    size_t n_recipients;
    bool recipients_of_mail; /* also To, Cc and Bcc */
    unsigned notify;         /* SMTP_NOTIFY_*; 0: not said */
    bool return_full;
    const char *envelope_id;
    struct bytes mail;
};

void spool_file_write(struct buf *out, const struct spool_file *file);
/* Texts and array go into `arena`; the mail borrows from `in`. FAULT_CORRUPT, FAULT_LIMIT. */
bool spool_file_read(struct spool_file *out, struct bytes in, struct arena *arena,
                     struct fault *fault) MUST_USE;

/* Is it 32 lower-case hex digits with PATHS_SPOOL_SUFFIX behind? */
bool spool_name_is_good(const char *file_name) MUST_USE;

#endif
