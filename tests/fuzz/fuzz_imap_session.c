// SPDX-License-Identifier: MIT
/* A whole IMAP dialogue of a stranger's making, against a store in memory with a few mails. The
 * first byte says whether the client is logged in, has INBOX selected, and in what pieces the rest
 * comes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "mailproto/imap/imap_session.h"
#include "mailproto/serve/protocol.h"
#include "tests/support/memory_mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MODE_LOGGED_IN = 1, MODE_SELECTED = 2, MODE_READS_WAIT = 4, MODE_PIECES = 8 };

struct dialogue {
    struct mail_store *store;
    void *session;
    struct serve_time now;
    size_t n_output;
};

static void wake(void *context)
{
    (void)context;
}

static void settle(struct dialogue *dialogue)
{
    bool moved = true;
    while (moved) {
        struct buf out = {0};
        moved = memory_mail_run(dialogue->store) > 0;
        if ((imap_protocol.poll(dialogue->session).wants & SERVE_WANT_OUTPUT) != 0) {
            imap_protocol.output(dialogue->session, &out, &dialogue->now);
            moved = true;
        }
        dialogue->n_output += out.len;
        buf_clear(&out);
    }
}

/* In exact-size blocks, so that the sanitizer sees a byte too far. */
static void say(struct dialogue *dialogue, const uint8_t *data, size_t size, size_t piece)
{
    while (size > 0) {
        settle(dialogue);
        if ((imap_protocol.poll(dialogue->session).wants & SERVE_WANT_INPUT) == 0) {
            dialogue->now.mono_ms += 20000; /* a refused login waits */
            imap_protocol.tick(dialogue->session, &dialogue->now);
            settle(dialogue);
            if ((imap_protocol.poll(dialogue->session).wants & SERVE_WANT_INPUT) == 0) {
                return;
            }
        }
        size_t len = size < piece ? size : piece;
        uint8_t *block = xmemdup(data, len);
        size_t used =
            imap_protocol.feed(dialogue->session, (struct bytes){block, len}, &dialogue->now);
        free(block);
        data += used;
        size -= used;
    }
    settle(dialogue);
}

static void say_text(struct dialogue *dialogue, const char *text)
{
    say(dialogue, (const uint8_t *)text, strlen(text), SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    log_init(STDERR_FILENO, LOG_LEVEL_ERROR, "fuzz");
    unsigned mode = data[0];
    struct dialogue dialogue = {.now = {.mono_ms = 1, .wall_sec = 1000000000}};
    struct serve_client client = {
        .id = "imap-1", .address = "127.0.0.1", .is_loopback = true, .can_start_tls = true};
    dialogue.store = memory_mail_new(&(struct memory_mail_config){
        .quick_login = true, .reads_wait = (mode & MODE_READS_WAIT) != 0});
    memory_mail_deliver(dialogue.store, "INBOX", "Subject: one\r\n\r\nbody\r\n");
    memory_mail_deliver(dialogue.store, "INBOX", "From: a@b\r\nSubject: two\r\n\r\nbody two\r\n");
    memory_mail_deliver(dialogue.store, "INBOX", "no header at all");
    struct imap_service *service =
        imap_service_new(&(struct imap_config){.ops = memory_mail_ops(),
                                               .store = dialogue.store,
                                               .judge = memory_mail_judge(dialogue.store),
                                               .limits = imap_limits_default()});
    dialogue.session = imap_protocol.session_new(service, &client, (struct serve_waker){wake, NULL},
                                                 &dialogue.now);
    if ((mode & (MODE_LOGGED_IN | MODE_SELECTED)) != 0) {
        say_text(&dialogue, "x LOGIN alice secret\r\n");
    }
    if ((mode & MODE_SELECTED) != 0) {
        say_text(&dialogue, "y SELECT INBOX\r\n");
    }
    say(&dialogue, data + 1, size - 1, (mode & MODE_PIECES) != 0 ? 3 : SIZE_MAX);

    imap_protocol.session_free(dialogue.session);
    memory_mail_free(&dialogue.store);
    imap_service_free(&service);
    return 0;
}
