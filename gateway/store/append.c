// SPDX-License-Identifier: MIT
/* Messages on their way in.
 *
 *     append_begin -> append_message, append_data ... -> append_commit
 *                          a message is whole: the decoder analyses it, one at a time,
 *                          while the next one comes in
 *                     all are analysed: one job writes all of them, or none
 *
 * Until then they lie in memory; STORE_APPEND_MAX_BYTES bounds all of them together. Whatever the
 * decoder says of a message, it is stored byte for byte as it came: one that can't be taken apart
 * is shown as plain text. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/analysis.h"
#include "gateway/store/client_messages.h"
#include "gateway/store/messages.h"
#include "gateway/store/store_internal.h"

enum { APPEND_RETRY_MS = 200 };

struct incoming {
    uint8_t flags;
    char **keywords;
    size_t n_keywords;
    int64_t internal_sec;
    int16_t internal_zone_min;
    uint64_t size;
    bool is_open; /* `size` is a bound; what has come counts */
    struct buf content;
    struct decoder_answer *answer; /* holds `analysis`; NULL when it was made here */
    struct arena arena;
    struct mail_analysis analysis;
};

/* Begins as an appender and ends as a call. */
struct mailbox_append {
    struct mailbox_call call;
    struct mail_store *store;
    int64_t mailbox_id;
    struct incoming **messages;
    size_t n_messages;
    size_t capacity;
    uint64_t n_bytes; /* announced; counted in store->append_bytes */
    bool is_useless;  /* a bound was passed: nothing more is taken */

    size_t n_analysed;
    uint64_t decoder_job; /* 0: none under way */
    bool is_analysing;
    struct timer retry;

    bool is_committing;
    bool is_writing; /* with the writer: it can't be stopped any more */
    uint32_t uid_validity;
    uint32_t *uids;

    int64_t replaced_mailbox_id; /* 0: nothing is replaced */
    uint32_t replaced_uid;
    struct uid_set expunged;
    uint64_t modseq;
};

static bool is_whole(const struct incoming *message)
{
    return !message->is_open && message->content.len == message->size;
}

static void incoming_free(struct incoming *message)
{
    names_free(message->keywords, message->n_keywords);
    buf_clear(&message->content);
    decoder_answer_free(&message->answer);
    arena_clear(&message->arena);
    free(message);
}

static void append_clear(struct mailbox_append *append)
{
    if (append->decoder_job != 0) {
        decoder_client_cancel(append->store->config.decoder, append->decoder_job);
    }
    timer_cancel(&append->retry);
    for (size_t i = 0; i < append->n_messages; i++) {
        incoming_free(append->messages[i]);
    }
    free(append->messages);
    free(append->uids);
    uid_set_clear(&append->expunged);
    append->store->append_bytes -= append->n_bytes;
}

static void append_free_call(struct mailbox_call *call)
{
    append_clear((struct mailbox_append *)call);
}

/* Nobody waits for it any more, and nothing is written yet. */
static void append_cancelled(struct mailbox_call *call)
{
    struct mailbox_append *append = (struct mailbox_append *)call;
    if (append->is_committing && !append->is_writing) {
        call_free(call);
    }
}

/* ---- Analysing ---- */

static void analyse_next(void *context);

static void analysed(void *context, struct decoder_answer *answer)
{
    struct mailbox_append *append = context;
    append->decoder_job = 0;
    if (answer->outcome == DECODER_REFUSED && answer->fault.code == FAULT_BUSY) {
        decoder_answer_free(&answer);
        timer_arm(&append->retry, APPEND_RETRY_MS);
        return;
    }
    struct incoming *message = append->messages[append->n_analysed++];
    message->answer = answer;
    message->analysis = answer->analysis;
    append->is_analysing = false;
    analyse_next(append);
}

/* Analyse the next message that is whole; commit when all are analysed and no more will come. */
static void analyse_next(void *context)
{
    struct mailbox_append *append = context;
    struct decoder_client *decoder = append->store->config.decoder;
    while (append->n_analysed < append->n_messages) {
        struct incoming *message = append->messages[append->n_analysed];
        if (!is_whole(message)) {
            return;
        }
        if (decoder) {
            append->is_analysing = true;
            append->decoder_job =
                decoder_client_analyse(decoder, buf_view(&message->content), message->internal_sec,
                                       (struct decoder_done){analysed, append});
            return;
        }
        analysis_of_opaque(&message->analysis, buf_view(&message->content), message->internal_sec,
                           &message->arena);
        append->n_analysed++;
    }
    if (append->is_committing) {
        append->is_writing = true;
        call_write(&append->call);
    }
}

/* ---- Taking messages in ---- */

struct mailbox_append *store_append_begin(struct mailbox_account *account, const char *name,
                                          struct mailbox_ready ready, struct fault *fault)
{
    (void)ready; /* everything is taken at once */
    struct mail_store *store = account->state->store;
    int64_t mailbox_id;
    if (!folders_find(store->reader, &mailbox_id, account->state->id, name, fault)) {
        return NULL;
    }
    if (strcmp(name, FOLDER_NAME_OUTBOX) == 0) {
        fault_set(fault, FAULT_DENIED,
                  "mails come into Outbox by being sent, not by being put there");
        return NULL;
    }
    struct mailbox_append *append = xcalloc(1, sizeof(*append));
    append->store = store;
    append->mailbox_id = mailbox_id;
    timer_init(&append->retry, store->config.loop, analyse_next, append);
    return append;
}

/* False: the bound that it passes is in `fault`. */
static bool check_bounds(const struct mailbox_append *append, uint64_t size, struct fault *fault)
{
    if (size > MAILBOX_APPEND_MAX_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "a message has at most %d bytes",
                         MAILBOX_APPEND_MAX_BYTES);
    }
    if (append->n_messages >= MAILBOX_APPEND_MAX_MESSAGES) {
        return fault_set(fault, FAULT_LIMIT, "at most %d messages at once",
                         MAILBOX_APPEND_MAX_MESSAGES);
    }
    if (size > STORE_APPEND_MAX_BYTES - append->store->append_bytes) {
        return fault_set(fault, FAULT_BUSY, "too much is on its way in; try again later");
    }
    return true;
}

bool store_append_message(struct mailbox_append *append, const struct mailbox_new_message *new,
                          struct fault *fault)
{
    uint64_t announced = new->size_is_open ? 0 : new->size;
    if (append->is_useless || !check_bounds(append, announced, fault)) {
        append->is_useless = true;
        return false;
    }
    struct incoming *message = xcalloc(1, sizeof(*message));
    *message = (struct incoming){
        .flags = new->flags.flags,
        .keywords = names_copy(new->flags.keywords, new->flags.n_keywords),
        .n_keywords = new->flags.n_keywords,
        .internal_sec = new->internal_sec,
        .internal_zone_min = new->internal_zone_min,
        .size = new->size,
        .is_open = new->size_is_open,
    };
    buf_init(&message->content, new->size);
    append->messages = array_grow(append->messages, append->n_messages, &append->capacity,
                                  sizeof(struct incoming *));
    append->messages[append->n_messages++] = message;
    append->n_bytes += announced;
    append->store->append_bytes += announced;
    return true;
}

enum mailbox_push store_append_data(struct mailbox_append *append, struct bytes data,
                                    struct fault *fault)
{
    if (append->is_useless || append->n_messages == 0) {
        fault_set(fault, FAULT_INVALID, "no message was announced");
        return MAILBOX_PUSH_FAILED;
    }
    struct incoming *message = append->messages[append->n_messages - 1];
    if (data.len > message->size - message->content.len) {
        append->is_useless = true;
        if (message->is_open) {
            fault_set(fault, FAULT_LIMIT, "a message has at most %d bytes",
                      MAILBOX_APPEND_MAX_BYTES);
        } else {
            fault_set(fault, FAULT_INVALID, "more bytes than were announced");
        }
        return MAILBOX_PUSH_FAILED;
    }
    if (message->is_open) {
        if (data.len > STORE_APPEND_MAX_BYTES - append->store->append_bytes) {
            append->is_useless = true;
            fault_set(fault, FAULT_BUSY, "too much is on its way in; try again later");
            return MAILBOX_PUSH_FAILED;
        }
        append->n_bytes += data.len;
        append->store->append_bytes += data.len;
    }
    if (!buf_try_reserve(&message->content, data.len)) {
        append->is_useless = true;
        fault_set(fault, FAULT_BUSY, "there is no memory for this message now; try again later");
        return MAILBOX_PUSH_FAILED;
    }
    bool fits = buf_append_bytes(&message->content, data);
    if (fits && is_whole(message) && !append->is_analysing && !timer_is_armed(&append->retry)) {
        analyse_next(append);
    }
    return fits ? MAILBOX_PUSH_OK : MAILBOX_PUSH_FAILED;
}

enum mailbox_push store_append_end(struct mailbox_append *append, struct fault *fault)
{
    if (append->is_useless || append->n_messages == 0) {
        fault_set(fault, FAULT_INVALID, "no message was announced");
        return MAILBOX_PUSH_FAILED;
    }
    struct incoming *message = append->messages[append->n_messages - 1];
    message->is_open = false;
    message->size = message->content.len;
    if (!append->is_analysing && !timer_is_armed(&append->retry)) {
        analyse_next(append);
    }
    return MAILBOX_PUSH_OK;
}

void store_append_abort(struct mailbox_append **pointer)
{
    struct mailbox_append *append = *pointer;
    if (append) {
        *pointer = NULL;
        append_clear(append);
        free(append);
    }
}

/* ---- Committing ---- */

static bool add_message(struct mail_txn *txn, struct touched_mailbox *mailbox,
                        const struct incoming *message, uint32_t *out_uid, struct fault *fault)
{
    const struct message_new new = {
        .content = buf_view(&message->content),
        .analysis = &message->analysis,
        .flags = message->flags,
        .keywords = (const char *const *)message->keywords,
        .n_keywords = message->n_keywords,
        .internal_sec = message->internal_sec,
        .internal_zone_min = message->internal_zone_min,
        .origin = MESSAGE_BY_CLIENT,
    };
    struct message_place place;
    bool merged = false;
    if (!messages_merge_own_copy(txn, mailbox, &new, &place, &merged, fault) ||
        (!merged && !messages_add(txn, &place, mailbox->id, &new, fault))) {
        return false;
    }
    *out_uid = place.uid;
    return true;
}

/* First, so that its room counts for what replaces it. */
static bool take_replaced_out(struct mail_txn *txn, struct mailbox_append *append,
                              struct fault *fault)
{
    struct touched_mailbox *from = mail_txn_mailbox(txn, append->replaced_mailbox_id, fault);
    if (!from || !messages_expunge_one(txn, from, append->replaced_uid, fault)) {
        return false;
    }
    uid_set_add(&append->expunged, append->replaced_uid);
    append->modseq = from->modseq;
    return true;
}

static bool append_run(struct mail_txn *txn, struct mailbox_call *call, struct fault *fault)
{
    struct mailbox_append *append = (struct mailbox_append *)call;
    if (append->replaced_mailbox_id != 0 && !take_replaced_out(txn, append, fault)) {
        return false;
    }
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, append->mailbox_id, fault);
    if (!mailbox || !messages_check_target(mailbox, fault)) {
        return false;
    }
    append->uid_validity = mailbox->uid_validity;
    for (size_t i = 0; i < append->n_messages; i++) {
        if (!add_message(txn, mailbox, append->messages[i], &append->uids[i], fault)) {
            return false;
        }
    }
    return true;
}

static void append_fill(struct mailbox_call *call, struct mailbox_answer *answer)
{
    struct mailbox_append *append = (struct mailbox_append *)call;
    answer->uid_validity = append->uid_validity;
    answer->to_uids = append->uids;
    answer->n_uids = append->n_messages;
    answer->expunged = &append->expunged;
    answer->modseq = append->modseq;
}

struct mailbox_call *store_append_commit(struct mailbox_append **pointer, struct mailbox_done done)
{
    struct mailbox_append *append = *pointer;
    *pointer = NULL;
    call_init(&append->call, append->store, done);
    append->call.run = append_run;
    append->call.fill = append_fill;
    append->call.free_call = append_free_call;
    append->call.cancelled = append_cancelled;
    append->uids = xcalloc(append->n_messages + 1, sizeof(*append->uids));
    bool all_whole = !append->is_useless;
    for (size_t i = 0; i < append->n_messages; i++) {
        all_whole = all_whole && is_whole(append->messages[i]);
    }
    if (!all_whole) {
        fault_set(&append->call.fault, FAULT_INVALID, "a message is not complete");
        call_answer_later(&append->call);
        return &append->call;
    }
    append->is_committing = true;
    if (!append->is_analysing && !timer_is_armed(&append->retry)) {
        analyse_next(append);
    }
    return &append->call;
}

struct mailbox_call *store_append_replace(struct mailbox_append **pointer, struct mailbox *from,
                                          uint32_t uid, struct mailbox_done done)
{
    (*pointer)->replaced_mailbox_id = from->shared->id;
    (*pointer)->replaced_uid = uid;
    return store_append_commit(pointer, done);
}
