// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/submission_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gateway/agent/outgoing/submit_job.h"
#include "gateway/agent/people/command_mail.h"
#include "gateway/store/accounts.h"
#include "gateway/translate/mail_write.h"

/* ---- answers ---- */

static struct smtp_verdict verdict_of(uint16_t code, uint16_t subject, uint16_t detail,
                                      const char *words)
{
    return (struct smtp_verdict){
        .code = code,
        .status_class = (uint8_t)(code / 100),
        .status_subject = subject,
        .status_detail = detail,
        .words = words,
    };
}

/* Words for one line of a reply. */
void submission_answer(struct door *door, uint64_t question, uint16_t code, uint16_t subject,
                       uint16_t detail, const char *words)
{
    struct buf clean = {0};
    (void)mail_clean_line(&clean, bytes_of_str(words));
    const struct smtp_verdict verdict = verdict_of(code, subject, detail, buf_str(&clean));
    smtp_service_answer(door->service, question, &verdict);
    buf_clear(&clean);
}

static struct smtp_verdict verdict_of_fault(const struct fault *fault)
{
    static const struct {
        enum fault_code code;
        uint16_t reply;
        uint16_t subject;
        uint16_t detail;
    } rows[] = {
        {FAULT_DENIED, 550, 7, 1},  {FAULT_LIMIT, 552, 3, 4},     {FAULT_UNSUPPORTED, 554, 6, 1},
        {FAULT_INVALID, 554, 6, 0}, {FAULT_NOT_FOUND, 550, 1, 1}, {FAULT_NO_SPACE, 452, 3, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].code == fault->code) {
            return verdict_of(rows[i].reply, rows[i].subject, rows[i].detail, fault->text);
        }
    }
    return verdict_of(451, 3, 0, "the mail could not be stored just now: try again later");
}

/* ---- whose session ---- */

/* Who logged in; 0: may send as anybody's identity (a trusted socket, the site's mail server). */
static int64_t login_of(const struct submission *submission, const struct smtp_envelope *envelope)
{
    const char *relay = submission->agent->parts.settings->smtp.lmtp_account;
    int64_t relay_id = 0;
    bool is_relay = envelope->account_id != 0 && envelope->is_lmtp && relay[0] != '\0' &&
                    accounts_find(agent_reader(submission->agent), &relay_id, relay, NULL) &&
                    relay_id == envelope->account_id;
    return is_relay ? 0 : envelope->account_id;
}

/* The account of a session: who logged in, else the sender's identity decides. */
static bool account_of(struct submission *submission, int64_t *out, int64_t login,
                       const struct address *sender)
{
    const struct keyring *keyring = &submission->agent->keyring;
    if (login != 0) {
        *out = login;
        return true;
    }
    const struct own_key *own = sender == NULL ? NULL : keyring_by_address(keyring, sender);
    if (own == NULL || !own->enabled) {
        return false;
    }
    *out = own->account_id;
    return true;
}

/* The identities that an account may send as, in words. */
static void list_identities(struct buf *out, const struct keyring *keyring, int64_t account_id)
{
    size_t n_listed = 0;
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if (!own->enabled || own->account_id != account_id) {
            continue;
        }
        if (n_listed == 5) {
            buf_append_str(out, " and others");
            return;
        }
        buf_printf(out, "%s%s@" ADDRESS_FORM_DOMAIN, n_listed == 0 ? "" : ", ", own->text);
        n_listed++;
    }
    if (n_listed == 0) {
        buf_append_str(out, "none yet: bittern identity new");
    }
}

/* The identity that a written sender names: of the account, or (no login) of anybody. */
static const struct own_key *find_sender(struct submission *submission,
                                         const struct smtp_envelope *envelope,
                                         int64_t *out_account_id)
{
    const struct keyring *keyring = &submission->agent->keyring;
    struct recipient named;
    int64_t login = login_of(submission, envelope);
    int64_t account_id = login;
    *out_account_id = login;
    if (recipient_resolve(&named, keyring, account_id, bytes_of_str(envelope->sender), NULL) !=
            ADDRESS_FORM_FOUND ||
        named.kind == OUTGOING_TO_SUBSCRIBERS ||
        !account_of(submission, &account_id, login, &named.address)) {
        return NULL;
    }
    *out_account_id = account_id;
    return keyring_of_account(keyring, account_id, &named.address);
}

static void check_sender(void *context, uint64_t question, const struct smtp_envelope *envelope)
{
    struct door *door = context;
    int64_t account_id = 0;
    if (find_sender(door->submission, envelope, &account_id) != NULL) {
        submission_answer(door, question, 250, 1, 0, "sender accepted");
        return;
    }
    struct buf words = {0};
    buf_append_str(&words, "this sender is not one of your identities");
    if (account_id != 0) {
        buf_append_str(&words, ", which are: ");
        list_identities(&words, &door->submission->agent->keyring, account_id);
    }
    submission_answer(door, question, 550, 7, 1, buf_str(&words));
    buf_clear(&words);
}

/* ---- recipients ---- */

void submission_question_free(struct question *question)
{
    (void)map_remove_u64(&question->door->open, question->number);
    address_case_search_free(&question->search);
    free(question->typed);
    for (size_t i = 0; i < question->n_verdicts; i++) {
        free((void *)(uintptr_t)question->verdicts[i].words);
    }
    free(question->verdicts);
    free(question);
}

/* Commands come by SMTP with a login, and by no other way. */
static bool takes_commands(const struct door *door, const struct smtp_envelope *envelope)
{
    const struct agent *agent = door->submission->agent;
    return door == &door->submission->doors[AGENT_DOOR_SMTP] && envelope->account_id != 0 &&
           agent->parts.settings->mail.commands && agent->commands.run != NULL;
}

static void check_recipient(void *context, uint64_t question, const struct smtp_envelope *envelope,
                            const struct smtp_recipient *recipient)
{
    struct door *door = context;
    struct recipient resolved;
    struct fault fault = {0};
    int64_t account_id = 0;
    if (find_sender(door->submission, envelope, &account_id) == NULL) {
        submission_answer(door, question, 550, 7, 1, "this sender is not one of your identities");
        return;
    }
    if (command_mail_is_for(recipient->address)) {
        if (takes_commands(door, envelope)) {
            submission_answer(door, question, 250, 1, 5, "a command: the answer comes as a mail");
        } else {
            submission_answer(door, question, 550, 7, 1,
                              "commands are taken from those alone who log in");
        }
        return;
    }
    switch (
        submission_resolve(door->submission, &resolved, account_id, recipient->address, &fault)) {
    case ADDRESS_FORM_FOUND:
        submission_answer(door, question, 250, 1, 5, "recipient accepted");
        break;
    case ADDRESS_FORM_FOLDED:
        submission_start_finding(door, question, account_id, recipient->address);
        break;
    case ADDRESS_FORM_REFUSED:
        submission_answer(door, question, 550, 1, 1, fault.text);
        break;
    }
}

/* ---- the mail ---- */

/* LMTP: those who were refused by themselves hear why, the others what became of the mail. */
static void answer_each(struct question *question, const struct smtp_verdict *of_mail)
{
    struct smtp_verdict *verdicts = xcalloc(question->n_verdicts, sizeof(*verdicts));
    struct buf clean = {0};
    (void)mail_clean_line(&clean, bytes_of_str(of_mail->words));
    for (size_t i = 0; i < question->n_verdicts; i++) {
        verdicts[i] = question->verdicts[i].code != 0 ? question->verdicts[i] : *of_mail;
        verdicts[i].words = question->verdicts[i].code != 0 ? verdicts[i].words : buf_str(&clean);
    }
    smtp_service_answer_each(question->door->service, question->number, verdicts,
                             question->n_verdicts);
    buf_clear(&clean);
    free(verdicts);
}

static void submitted(void *context, const struct fault *fault, const char *work)
{
    struct question *question = context;
    struct buf accepted = {0};
    if (question->door->submission->agent->closing) {
        return;
    }
    buf_printf(&accepted, "accepted%s%s; follow it in the folder Outbox",
               work[0] == '\0' ? "" : ": ", work);
    const struct smtp_verdict verdict =
        fault == NULL ? verdict_of(250, 6, 0, buf_str(&accepted)) : verdict_of_fault(fault);
    if (!question->cancelled && question->n_verdicts > 0) {
        answer_each(question, &verdict);
    } else if (!question->cancelled) {
        submission_answer(question->door, question->number, verdict.code, verdict.status_subject,
                          verdict.status_detail, verdict.words);
    }
    buf_clear(&accepted);
    submission_question_free(question);
}

static int64_t lifetime_of(const struct smtp_envelope *envelope)
{
    if (!envelope->has_deliver_by || envelope->deliver_by_sec <= 0) {
        return 0;
    }
    int64_t sec = envelope->deliver_by_sec;
    return sec < ADDRESS_FORM_MIN_TTL_SEC   ? ADDRESS_FORM_MIN_TTL_SEC
           : sec > ADDRESS_FORM_MAX_TTL_SEC ? ADDRESS_FORM_MAX_TTL_SEC
                                            : sec;
}

static struct smtp_verdict verdict_kept(const struct fault *fault)
{
    struct buf clean = {0};
    struct smtp_verdict verdict = verdict_of_fault(fault);
    (void)mail_clean_line(&clean, bytes_of_str(verdict.words));
    verdict.words = xstrdup(buf_str(&clean));
    buf_clear(&clean);
    return verdict;
}

/* Whom each recipient names, again: much may have changed since RCPT. By SMTP the mail goes to all
 * or to none; by LMTP each has his own answer. Returns how many are good. */
static size_t resolve_all(struct question *question, struct submit_recipient *out,
                          const struct smtp_envelope *envelope, int64_t account_id,
                          struct fault *fault)
{
    size_t n_good = 0;
    for (size_t i = 0; i < envelope->n_recipients; i++) {
        const struct smtp_recipient *recipient = &envelope->recipients[i];
        struct submit_recipient *next = &out[n_good];
        struct fault why = {0};
        *next =
            (struct submit_recipient){.notify = recipient->notify, .original = recipient->original};
        if (submission_resolve(question->door->submission, &next->to, account_id,
                               recipient->address, &why) == ADDRESS_FORM_FOUND) {
            n_good++;
            continue;
        }
        if (why.code == FAULT_NONE) {
            (void)fault_set(&why, FAULT_BUSY, "a recipient is no longer known");
        }
        if (question->n_verdicts > 0) {
            question->verdicts[i] = verdict_kept(&why);
        }
        *fault = why;
    }
    return question->n_verdicts > 0 || n_good == envelope->n_recipients ? n_good : 0;
}

static struct question *question_of_mail(struct door *door, uint64_t number,
                                         const struct smtp_envelope *envelope)
{
    struct question *question = xcalloc(1, sizeof(*question));
    question->door = door;
    question->number = number;
    if (envelope->is_lmtp) {
        question->n_verdicts = envelope->n_recipients;
        question->verdicts = xcalloc(envelope->n_recipients, sizeof(*question->verdicts));
    }
    (void)map_put_u64(&door->open, number, question);
    return question;
}

/* One of the recipients is for commands? */
static bool has_command(const struct smtp_envelope *envelope)
{
    for (size_t i = 0; i < envelope->n_recipients; i++) {
        if (command_mail_is_for(envelope->recipients[i].address)) {
            return true;
        }
    }
    return false;
}

static void accept_command(struct door *door, uint64_t number, const struct smtp_envelope *envelope,
                           struct bytes mail)
{
    if (!takes_commands(door, envelope) || envelope->n_recipients != 1) {
        submission_answer(door, number, 554, 6, 0, "a command goes to bittern@bm.alt alone");
        return;
    }
    struct question *question = xcalloc(1, sizeof(*question));
    question->door = door;
    question->number = number;
    (void)map_put_u64(&door->open, number, question);
    command_mail_start(door->submission->agent, envelope->account_id, envelope->sender, mail,
                       (struct submit_done){submitted, question});
}

static void accept_mail(void *context, uint64_t number, const struct smtp_envelope *envelope,
                        struct bytes mail)
{
    struct door *door = context;
    struct submission *submission = door->submission;
    struct fault fault = {0};
    int64_t account_id = 0;
    size_t n_recipients = 0;
    if (!envelope->is_lmtp && has_command(envelope)) {
        accept_command(door, number, envelope, mail);
        return;
    }
    const struct own_key *sender = find_sender(submission, envelope, &account_id);
    struct submit_recipient *recipients = xcalloc(envelope->n_recipients + 1, sizeof(*recipients));
    struct question *question = question_of_mail(door, number, envelope);
    if (sender == NULL) {
        (void)fault_set(&fault, FAULT_DENIED, "this sender is not one of your identities");
    } else {
        n_recipients = resolve_all(question, recipients, envelope, account_id, &fault);
    }
    if (n_recipients == 0) {
        submitted(question, &fault, "");
        free(recipients);
        return;
    }
    const struct submit_request request = {
        .account_id = account_id,
        .sender = &sender->address,
        .recipients = recipients,
        .n_recipients = n_recipients,
        .mail = mail,
        .ttl_sec = lifetime_of(envelope),
        .envelope_id = envelope->envid,
        .return_full = envelope->ret == SMTP_RETURN_FULL,
    };
    submit_job_start(submission->agent, &request, (struct submit_done){submitted, question});
    free(recipients);
}

static void cancel(void *context, uint64_t number)
{
    struct door *door = context;
    struct question *question = map_get_u64(&door->open, number);
    if (question != NULL) {
        question->cancelled = true;
        if (question->search != NULL) {
            address_case_search_cancel(question->search);
        }
    }
}

struct submission *submission_new(struct agent *agent)
{
    struct submission *submission = xcalloc(1, sizeof(*submission));
    submission->agent = agent;
    for (size_t i = 0; i < AGENT_N_DOORS; i++) {
        struct door *door = &submission->doors[i];
        door->submission = submission;
        door->handler =
            (struct smtp_handler){door, check_sender, check_recipient, accept_mail, cancel};
    }
    return submission;
}

void submission_free(struct submission **submission_in)
{
    struct submission *submission = *submission_in;
    *submission_in = NULL;
    if (submission == NULL) {
        return;
    }
    for (size_t i = 0; i < AGENT_N_DOORS; i++) {
        size_t cursor = 0;
        struct question *question;
        while ((question = map_next(&submission->doors[i].open, &cursor, NULL)) != NULL) {
            submission_question_free(question);
        }
        map_clear(&submission->doors[i].open);
    }
    size_t cursor = 0;
    void *found;
    while ((found = map_next(&submission->found, &cursor, NULL)) != NULL) {
        free(found);
    }
    map_clear(&submission->found);
    free(submission);
}

const struct smtp_handler *submission_handler(struct submission *submission, enum agent_door door)
{
    return &submission->doors[door].handler;
}

void submission_set_service(struct submission *submission, enum agent_door door,
                            struct smtp_service *service)
{
    submission->doors[door].service = service;
}
