// SPDX-License-Identifier: MIT
/* Maildirs: a folder with tmp, new and cur, a file for each mail, its flags behind the file's name
 * ("NAME:2,FS"), lines that end with LF. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_MAILDIR_H
#define BITTERN_GATEWAY_CLI_MOVING_MAILDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/cli/moving/mail_flags.h"

struct buf;
struct export_folder;

enum { MAILDIR_MAX_MAIL_BYTES = 64 * 1024 * 1024 };

/* Append a mail with the line ends of a file. */
void maildir_to_lf(struct buf *out, struct bytes mail);

struct maildir_mail {
    struct mail_flags flags;
    int64_t sec;   /* when it came: in the file's name, and the file's own time */
    size_t number; /* tells it from all others of the export */
};
/* A mail into the Maildir `place` inside an export's folder, which is made where it is not there.
 * What has no flag stands in new. */
bool maildir_write(const struct export_folder *folder, const char *place,
                   const struct maildir_mail *mail, struct bytes content,
                   struct fault *fault) MUST_USE;

/* Visit all mails of a Maildir in the order of their names; `content` is borrowed. What is no plain
 * file is passed over, one that can't be read or is too long is said and passed over. False when
 * the folder can't be read, or `each` says so. A Maildir has cur or new: FAULT_NOT_FOUND else. */
bool maildir_read(const char *folder,
                  bool (*each)(void *context, const struct maildir_mail *mail, struct bytes content,
                               struct fault *fault),
                  void *context, struct fault *fault) MUST_USE;
/* What stands behind the colon of a file's name, and its time: `otherwise` where it names none. */
void maildir_parse_name(struct maildir_mail *out, const char *name, int64_t otherwise_sec);

#endif
