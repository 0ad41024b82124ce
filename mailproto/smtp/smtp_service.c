// SPDX-License-Identifier: MIT
/* Questions and answers. An open question stands in a map by its number; the answer finds the
 * session there or nothing. So an answer may come from inside the question, later, or never. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "mailproto/smtp/smtp_internal.h"

struct smtp_limits smtp_limits_default(void)
{
    return (struct smtp_limits){
        .max_command_bytes = 4096,
        .max_auth_bytes = 12288,
        .max_body_line_bytes = 65536,
        .max_message_bytes = 33554432,
        .max_total_bytes = 268435456,
        .max_recipients = 1000,
        .max_mails = 1000,
        .max_commands = 100000,
        .max_errors = 20,
        .max_auth_failures = 5,
        .idle_sec = 300,
        .login_sec = 60,
        .mail_sec = 1800,
    };
}

struct smtp_service *smtp_service_new(const struct smtp_config *config)
{
    struct smtp_service *service = xcalloc(1, sizeof *service);
    service->config = *config;
    service->host_name = xstrdup(config->host_name);
    service->config.host_name = service->host_name;
    return service;
}

void smtp_service_free(struct smtp_service **service)
{
    if (*service == NULL) {
        return;
    }
    map_clear(&(*service)->questions);
    free((*service)->host_name);
    free(*service);
    *service = NULL;
}

uint64_t smtp_ask(struct smtp_session *session, enum smtp_question asked)
{
    assert(session->asked == SMTP_ASKED_NOTHING);
    session->asked = asked;
    session->question = ++session->service->last_question;
    map_put_u64(&session->service->questions, session->question, session);
    return session->question;
}

void smtp_cancel_question(struct smtp_session *session)
{
    const struct smtp_handler *handler = session->service->config.handler;
    if (session->asked == SMTP_ASKED_NOTHING) {
        return;
    }
    session->asked = SMTP_ASKED_NOTHING;
    map_remove_u64(&session->service->questions, session->question);
    if (handler->cancel != NULL) {
        handler->cancel(handler->context, session->question);
    }
}

void smtp_service_answer_each(struct smtp_service *service, uint64_t question,
                              const struct smtp_verdict *verdicts, size_t n_verdicts)
{
    struct smtp_session *session = map_remove_u64(&service->questions, question);
    if (session == NULL) {
        return;
    }
    enum smtp_question asked = session->asked;
    session->asked = SMTP_ASKED_NOTHING;
    assert(n_verdicts >= 1);
    switch (asked) {
    case SMTP_ASKED_SENDER:
        smtp_sender_answered(session, &verdicts[0]);
        break;
    case SMTP_ASKED_RECIPIENT:
        smtp_recipient_answered(session, &verdicts[0]);
        break;
    case SMTP_ASKED_MAIL:
        smtp_mail_answered(session, verdicts, n_verdicts);
        break;
    case SMTP_ASKED_NOTHING:
        assert(false);
    }
    session->waker.wake(session->waker.context);
}

void smtp_service_answer(struct smtp_service *service, uint64_t question,
                         const struct smtp_verdict *verdict)
{
    smtp_service_answer_each(service, question, verdict, 1);
}
