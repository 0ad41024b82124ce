// SPDX-License-Identifier: MIT
/* `[mail] deliver`: where arriving mail is handed out. What the setting says, and the program that
 * the supervisor runs for each mail: the one that the setting names, or ourselves, as `bittern
 * deliver`, for LMTP and Maildirs. */
#ifndef BITTERN_GATEWAY_CLI_DELIVER_H
#define BITTERN_GATEWAY_CLI_DELIVER_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "base/mem.h"

enum deliver_kind { DELIVER_LMTP_SOCKET, DELIVER_LMTP_PORT, DELIVER_MAILDIR, DELIVER_PROGRAM };

enum {
    DELIVER_MAX_WORDS = 16, /* of a program, its path counted */
    DELIVER_MAX_MAIL_BYTES = 64 * 1024 * 1024,
    DELIVER_TIMEOUT_SEC = 120 /* for each answer of an LMTP server */
};

struct deliver_target {
    enum deliver_kind kind;
    const char *place; /* socket, folder or path */
    const char *host;
    const char *port;
    const char *words[DELIVER_MAX_WORDS + 1]; /* of a program */
    size_t n_words;
};

/* Read the setting; its texts go into `arena`. FAULT_INVALID with what is wrong about it. */
bool deliver_target_parse(struct deliver_target *out, const char *setting, struct arena *arena,
                          struct fault *fault) MUST_USE;

/* Both return an exit code of sysexits.h and say on standard error what was wrong. */
int deliver_by_lmtp(const struct deliver_target *target, const char *recipient,
                    struct bytes mail) MUST_USE;
/* `account` stands for {account} in the folder, `mark` is the file's name: a mail that is there
 * under it is not put there again. */
int deliver_into_maildir(const struct deliver_target *target, const char *account, const char *mark,
                         struct bytes mail) MUST_USE;

#endif
