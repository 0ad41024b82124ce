// SPDX-License-Identifier: MIT
/* bittern deliver: hands the mail on standard input to an LMTP server or into a Maildir, as the
 * supervisor has it done for `[mail] deliver`; by hand it tries such a setting out. Exit codes are
 * those of sysexits.h: 75 means that it may be tried again. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "gateway/cli/deliver.h"

enum { READ_PIECE_BYTES = 65536 };

static int complain(int code, const char *why)
{
    fprintf(stderr, "deliver: %s\n", why);
    return code;
}

static bool read_all(struct buf *out)
{
    for (;;) {
        if (!buf_reserve(out, READ_PIECE_BYTES)) {
            return false;
        }
        ssize_t got = read(STDIN_FILENO, out->data + out->len, READ_PIECE_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0;
        }
        out->len += (size_t)got;
    }
}

static int deliver(const struct deliver_target *target, const char *account, const char *domain,
                   struct bytes mail)
{
    const char *mark = getenv("BITTERN_MARK");
    char *by_hand = xasprintf("%lld.P%d", (long long)time(NULL), (int)getpid());
    char *recipient = xasprintf("%s%s%s", account, domain[0] != '\0' ? "@" : "", domain);
    int code = target->kind == DELIVER_MAILDIR
                   ? deliver_into_maildir(target, account, mark != NULL ? mark : by_hand, mail)
                   : deliver_by_lmtp(target, recipient, mail);
    free(recipient);
    free(by_hand);
    return code;
}

int cmd_deliver(struct cli *cli, int argc, char **argv)
{
    (void)cli;
    const char *domain = "";
    const char *account = getenv("BITTERN_ACCOUNT");
    const struct cli_option options[] = {{"--domain", NULL, &domain},
                                         {"--account", NULL, &account}};
    struct deliver_target target;
    struct arena arena = {0};
    struct fault fault = {0};
    struct buf mail;
    int code;
    if (!cli_options("deliver", options, ARRAY_LEN(options), &argc, argv) || argc != 2) {
        return cli_usage("deliver", "it takes one place");
    }
    buf_init(&mail, DELIVER_MAX_MAIL_BYTES);
    if (!deliver_target_parse(&target, argv[1], &arena, &fault)) {
        code = complain(EX_USAGE, fault.text);
    } else if (target.kind == DELIVER_PROGRAM) {
        code = complain(EX_USAGE, "programs are run by `bittern run` alone");
    } else if (account == NULL || account[0] == '\0') {
        code = complain(EX_USAGE, "for whom? --account NAME");
    } else if (!read_all(&mail)) {
        code = complain(EX_IOERR, "the mail can't be read, or is larger than 64 MiB");
    } else {
        code = deliver(&target, account, domain, buf_view(&mail));
    }
    buf_clear(&mail);
    arena_clear(&arena);
    return code;
}
