// SPDX-License-Identifier: MIT
/* An SMTP or LMTP session against any client. The first byte chooses the kind of session and the
 * size of the pieces that arrive. A mail is only ever accepted whole, every reply is a line of at
 * most 512 bytes, and no mail holds a line end that is not CRLF unless it was announced as binary.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "mailproto/sasl/credential.h"
#include "mailproto/sasl/sasl.h"
#include "mailproto/serve/protocol.h"
#include "mailproto/smtp/smtp_session.h"

enum { MAX_REPLY_LINE = 512 };

struct world {
    struct smtp_service *service;
    uint64_t question;
    struct sasl *sasl;
    struct sasl_verdict verdict;
    bool is_judging;
};

static void ask(void *context, uint64_t question, const struct smtp_envelope *envelope)
{
    struct world *world = context;
    FUZZ_CHECK(world->question == 0 && envelope->sender != NULL);
    world->question = question;
}

static void ask_recipient(void *context, uint64_t question, const struct smtp_envelope *envelope,
                          const struct smtp_recipient *recipient)
{
    FUZZ_CHECK(recipient->address[0] != '\0' && envelope->n_recipients < 10);
    ask(context, question, envelope);
}

static void take_mail(void *context, uint64_t question, const struct smtp_envelope *envelope,
                      struct bytes mail)
{
    FUZZ_CHECK(envelope->n_recipients > 0 && mail.len <= 4096);
    for (size_t i = 0; i < mail.len && envelope->body != SMTP_BODY_BINARYMIME; i++) {
        FUZZ_CHECK(mail.data[i] != '\n' || (i > 0 && mail.data[i - 1] == '\r'));
        FUZZ_CHECK(mail.data[i] != '\r' || (i + 1 < mail.len && mail.data[i + 1] == '\n'));
    }
    ask(context, question, envelope);
}

static void cancel(void *context, uint64_t question)
{
    struct world *world = context;
    FUZZ_CHECK(world->question == question);
    world->question = 0;
}

static void *judge(void *context, struct sasl *sasl, struct sasl_verdict verdict)
{
    struct world *world = context;
    FUZZ_CHECK(sasl_user(sasl)[0] != '\0');
    world->sasl = sasl;
    world->verdict = verdict;
    world->is_judging = true;
    return world;
}

static void cancel_judging(void *context, void *handle)
{
    struct world *world = context;
    FUZZ_CHECK(handle == world);
    world->is_judging = false;
}

static int64_t hold_back(void *context, const struct sasl *sasl)
{
    (void)context;
    FUZZ_CHECK(sasl != NULL);
    return 1000;
}

static void wake(void *context)
{
    (void)context;
}

static void check_replies(const struct buf *out)
{
    struct bytes rest = buf_view(out);
    while (rest.len != 0) {
        size_t len = bytes_find(rest, '\n') + 1;
        FUZZ_CHECK(len <= rest.len && len >= 5 && len <= MAX_REPLY_LINE);
        FUZZ_CHECK(rest.data[len - 2] == '\r' && rest.data[0] >= '2' && rest.data[0] <= '5');
        rest = bytes_slice(rest, len, rest.len);
    }
}

/* Answer, look up, send and let time pass until the client's turn comes. */
static void settle(struct world *world, void *session, struct serve_time *now)
{
    static const struct smtp_verdict yes = {250, 2, 0, 0, "yes"};
    for (;;) {
        struct serve_poll poll = smtp_protocol.poll(session);
        if ((poll.wants & SERVE_WANT_OUTPUT) != 0) {
            struct buf out = {0};
            smtp_protocol.output(session, &out, now);
            check_replies(&out);
            buf_clear(&out);
        } else if (world->question != 0) {
            uint64_t question = world->question;
            world->question = 0;
            smtp_service_answer(world->service, question, &yes);
        } else if (world->is_judging) {
            static struct sasl_credential known; /* made once: it costs thousands of hashes */
            if (known.iterations == 0) {
                FUZZ_CHECK(sasl_credential_make(&known, bytes_of_str("secret"), 4096));
            }
            world->is_judging = false;
            struct buf challenge = {0};
            enum sasl_result result = sasl_credential_found(world->sasl, 1, &known, &challenge);
            world->verdict.done(world->verdict.context, result, buf_view(&challenge));
            buf_clear(&challenge);
        } else if ((poll.wants & SERVE_WANT_START_TLS) != 0) {
            smtp_protocol.tls_up(session, now);
        } else if (poll.wants == 0 && poll.deadline_ms != 0) {
            now->mono_ms = poll.deadline_ms;
            smtp_protocol.tick(session, now);
        } else {
            return;
        }
    }
}

static void converse(struct world *world, void *session, struct bytes in, size_t piece_len)
{
    struct serve_time now = {.mono_ms = 1};
    settle(world, session, &now);
    while (in.len != 0 && (smtp_protocol.poll(session).wants & SERVE_WANT_CLOSE) == 0) {
        struct bytes piece = bytes_slice(in, 0, piece_len);
        uint8_t *block = xmemdup(piece.data, piece.len);
        size_t taken = smtp_protocol.feed(session, (struct bytes){block, piece.len}, &now);
        free(block);
        FUZZ_CHECK(taken > 0 && taken <= piece.len);
        in = bytes_slice(in, taken, in.len);
        settle(world, session, &now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct world world = {0};
    struct smtp_handler handler = {&world, ask, ask_recipient, take_mail, cancel};
    struct sasl_judge judging = {judge, cancel_judging, hold_back, &world};
    struct smtp_config config = {.host_name = "localhost",
                                 .is_lmtp = (data[0] & 1) != 0,
                                 .trusts_unix = true,
                                 .limits = smtp_limits_default(),
                                 .handler = &handler,
                                 .judge = &judging};
    struct serve_client client = {.id = "smtp-1",
                                  .address = "unix",
                                  .is_loopback = true,
                                  .is_unix = (data[0] & 2) != 0,
                                  .can_start_tls = true};
    config.limits.max_message_bytes = 4096;
    config.limits.max_recipients = 10;
    world.service = smtp_service_new(&config);
    struct serve_time now = {.mono_ms = 1};
    void *session =
        smtp_protocol.session_new(world.service, &client, (struct serve_waker){wake, NULL}, &now);
    converse(&world, session, (struct bytes){data + 1, size - 1},
             (data[0] & 4) != 0 ? 1 : 1 + (size_t)(data[0] >> 3) * 16);
    smtp_protocol.session_free(session);
    smtp_service_free(&world.service);
    return 0;
}
