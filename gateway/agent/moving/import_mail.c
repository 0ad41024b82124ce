// SPDX-License-Identifier: MIT
#include "gateway/agent/moving/import_mail.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/agent/incoming/arrival_plan.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/accounts.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/messages.h"
#include "gateway/translate/old_mail.h"
#include "mailproto/imap/mailbox.h"

/* Either kind of import under way. */
struct import {
    struct agent *agent;
    struct agent_done done;
    struct fault fault;
    struct deferred refusal;
    int64_t account_id;

    struct buf mail;
    struct decoder_answer *analysis;
    char message_id[MESSAGE_ID_BYTES];
    char *folder; /* NULL: the one with `use` */
    unsigned use;
    enum import_folder letter_folder;
    const char *keyword;
    uint8_t flags;
    int64_t sec;
    bool is_new;

    struct buf marks; /* SEEN_MARK_BYTES each */
};

static void end_import(struct import *import, const struct fault *fault)
{
    if (!import->agent->closing) {
        import->done.call(import->done.context, fault, "", import->is_new ? 1 : 0);
    }
    deferred_cancel(&import->refusal);
    buf_clear(&import->mail);
    buf_clear(&import->marks);
    decoder_answer_free(&import->analysis);
    free(import->folder);
    free(import);
}

static void refused(void *context)
{
    struct import *import = context;
    end_import(import, &import->fault);
}

/* The named account, or the only one. */
static bool find_account(struct agent *agent, const char *name, int64_t *out, struct fault *fault)
{
    struct arena arena = {0};
    struct account *accounts;
    size_t n_accounts;
    if (name != NULL) {
        return accounts_find(agent_reader(agent), out, name, fault);
    }
    bool ok = accounts_list(agent_reader(agent), &accounts, &n_accounts, &arena, fault);
    if (ok && n_accounts == 1) {
        *out = accounts[0].id;
    } else if (ok) {
        ok = fault_set(fault, FAULT_INVALID, "into which account?");
    }
    arena_clear(&arena);
    return ok;
}

/* NULL when it was refused, which is answered in the loop. */
static struct import *begin_import(struct agent *agent, const char *account, struct agent_done done)
{
    struct import *import = xcalloc(1, sizeof *import);
    import->agent = agent;
    import->done = done;
    deferred_init(&import->refusal, agent->parts.loop, refused, import);
    if (!find_account(agent, account, &import->account_id, &import->fault)) {
        deferred_arm(&import->refusal);
        return NULL;
    }
    return import;
}

static void stored(void *job, const struct fault *fault)
{
    end_import(job, fault);
}

/* ---- a mail ---- */

static bool find_folder(struct mail_txn *txn, int64_t *out, const struct import *import,
                        struct fault *fault)
{
    return import->folder != NULL
               ? folders_ensure(txn, out, import->account_id, import->folder, fault)
               : folders_ensure_use(txn, out, import->account_id, import->use, fault);
}

static bool run_mail(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct import *import = job;
    struct message_place place;
    int64_t mailbox_id;
    struct fault why = {0};
    if (messages_find(mail_txn_db(txn), &place, import->account_id, 0, import->message_id, &why)) {
        return true;
    }
    if (why.code != FAULT_NOT_FOUND) {
        return fault_set(fault, why.code, "%s", why.text);
    }
    import->is_new = true;
    const struct message_new message = {
        .content = buf_view(&import->mail),
        .analysis = &import->analysis->analysis,
        .flags = import->flags,
        .keywords = &import->keyword,
        .n_keywords = import->keyword != NULL,
        .internal_sec = import->sec,
        .origin = MESSAGE_BY_SERVER,
    };
    return find_folder(txn, &mailbox_id, import, fault) &&
           messages_add(txn, &place, mailbox_id, &message, fault);
}

static void analysed(void *context, struct decoder_answer *answer)
{
    struct import *import = context;
    import->analysis = answer;
    if (answer->outcome == DECODER_CLOSED) {
        fault_set(&import->fault, FAULT_CLOSED, "the decoder is gone");
        end_import(import, &import->fault);
        return;
    }
    agent_write(import->agent, run_mail, stored, import);
}

static const struct address *decode(struct address *out, const char *text)
{
    return text != NULL && address_decode(out, bytes_of_str(text)) == ADDRESS_OK ? out : NULL;
}

/* Chans and subscriptions have folders of their own. */
static char *folder_of_list(const struct keyring *keyring, int64_t account_id,
                            const struct old_mail *mail)
{
    const struct own_key *chan =
        mail->kind == ARRIVED_CHAN ? keyring_of_account(keyring, account_id, mail->to) : NULL;
    if (chan != NULL) {
        return arrival_folder(FOLDER_NAME_CHANS, chan->label, chan->text);
    }
    for (size_t i = 0; mail->kind == ARRIVED_BROADCAST && i < keyring->n_subscriptions; i++) {
        const struct known_address *known = &keyring->subscriptions[i];
        if (known->account_id == account_id && mail->from != NULL &&
            address_equal(&known->address, mail->from)) {
            return arrival_folder(FOLDER_NAME_SUBSCRIPTIONS, known->label, known->text);
        }
    }
    return xstrdup(FOLDER_NAME_INBOX);
}

static enum arrived_kind kind_of(const struct keyring *keyring, int64_t account_id,
                                 const struct agent_import_mail *mail, const struct address *to)
{
    const struct own_key *own = to != NULL ? keyring_of_account(keyring, account_id, to) : NULL;
    return mail->is_broadcast                          ? ARRIVED_BROADCAST
           : own != NULL && own->kind == IDENTITY_CHAN ? ARRIVED_CHAN
                                                       : ARRIVED_MESSAGE;
}

static void write_mail(struct import *import, const struct agent_import_mail *mail)
{
    static const unsigned uses[IMPORT_N_FOLDERS] = {
        [IMPORT_SENT] = MAILBOX_USE_SENT,
        [IMPORT_DRAFTS] = MAILBOX_USE_DRAFTS,
        [IMPORT_TRASH] = MAILBOX_USE_TRASH,
    };
    const struct keyring *keyring = &import->agent->keyring;
    struct address from;
    struct address to;
    struct old_mail old = {
        .is_sent = mail->folder == IMPORT_SENT || mail->folder == IMPORT_DRAFTS,
        .from = decode(&from, mail->from),
        .to = decode(&to, mail->to),
        .from_label = "",
        .to_label = "",
        .subject = mail->subject,
        .text = mail->text,
        .sec = mail->sec,
        .hash = mail->object_hash.len == INVENTORY_HASH_BYTES ? mail->object_hash.data : NULL,
    };
    old.kind = kind_of(keyring, import->account_id, mail, old.to);
    if (old.from != NULL) {
        old.from_label = keyring_label(keyring, import->account_id, old.from);
    }
    if (old.to != NULL) {
        old.to_label = keyring_label(keyring, import->account_id, old.to);
    }
    old_mail_message_id(import->message_id, &old);
    old_mail_write(&import->mail, &old);
    import->use = uses[mail->folder];
    if (mail->folder == IMPORT_INBOX) {
        import->folder = folder_of_list(keyring, import->account_id, &old);
    }
}

static uint8_t import_flags(enum import_folder folder, uint8_t flags)
{
    flags &= MAILBOX_FLAG_SEEN | MAILBOX_FLAG_ANSWERED | MAILBOX_FLAG_FLAGGED;
    return (uint8_t)(flags | (folder == IMPORT_DRAFTS ? MAILBOX_FLAG_DRAFT : 0));
}

/* The mail is made and analysed, then stored. */
static void store_mail(struct import *import, const struct agent_import_mail *mail)
{
    import->sec = mail->sec;
    write_mail(import, mail);
    (void)decoder_client_analyse(import->agent->parts.owner_decoder, buf_view(&import->mail),
                                 mail->sec, (struct decoder_done){analysed, import});
}

void agent_import_mail(struct agent *agent, const struct agent_import_mail *mail,
                       struct agent_done done)
{
    struct import *import = begin_import(agent, mail->account, done);
    enum outgoing_state state;
    if (import == NULL) {
        return;
    }
    if (mail->state != NULL && outgoing_state_parse(&state, mail->state)) {
        import->keyword = outgoing_state_keyword(state);
    }
    import->flags = import_flags(mail->folder, mail->flags);
    store_mail(import, mail);
}

/* ---- a mail of a program that kept mails ---- */

/* The address in "BM-...@anything"; "" when it is none. */
static void address_text(char out[ADDRESS_TEXT_BYTES], const struct mail_addresses *list)
{
    struct address address;
    out[0] = '\0';
    if (list->n_items > 0 && address_decode(&address, list->items[0].mailbox) == ADDRESS_OK) {
        address_encode(out, &address);
    }
}

static void letter_taken_apart(void *context, struct decoder_answer *taken)
{
    struct import *import = context;
    const struct outgoing_mail *letter = &taken->outgoing;
    char from[ADDRESS_TEXT_BYTES];
    char to[ADDRESS_TEXT_BYTES];
    if (taken->outcome != DECODER_DONE || import->agent->closing) {
        fault_set(&import->fault, taken->outcome == DECODER_CLOSED ? FAULT_CLOSED : FAULT_INVALID,
                  "%s",
                  taken->outcome == DECODER_REFUSED ? taken->fault.text
                                                    : "the mail could not be taken apart");
        end_import(import, &import->fault);
        decoder_answer_free(&taken);
        return;
    }
    address_text(from, &letter->from);
    address_text(to, &letter->to);
    const struct agent_import_mail mail = {
        .folder = import->letter_folder,
        .from = from,
        .to = to,
        .subject = letter->subject,
        .text = letter->text,
        .sec = import->sec,
    };
    store_mail(import, &mail);
    decoder_answer_free(&taken);
}

void agent_import_letter(struct agent *agent, const struct agent_import_letter *letter,
                         struct agent_done done)
{
    struct import *import = begin_import(agent, letter->account, done);
    if (import == NULL) {
        return;
    }
    import->sec = letter->sec;
    import->flags = import_flags(letter->folder, letter->flags);
    import->letter_folder = letter->folder;
    (void)decoder_client_outgoing(agent->parts.owner_decoder, letter->mail,
                                  (struct decoder_done){letter_taken_apart, import});
}

/* ---- marks of what arrived there ---- */

static bool run_marks(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct import *import = job;
    struct reader reader = reader_of(buf_view(&import->marks));
    bool is_new;
    bool ok = true;
    while (ok && reader_left(&reader) > 0) {
        struct bytes mark = reader_bytes(&reader, SEEN_MARK_BYTES);
        ok = arrival_remember(txn, &is_new, mark.data, SEEN_SIGNATURE, fault);
    }
    return ok;
}

void agent_import_seen(struct agent *agent, const char *account, struct bytes signature_hashes,
                       struct agent_done done)
{
    struct import *import = begin_import(agent, account, done);
    if (import == NULL) {
        return;
    }
    size_t n_hashes = signature_hashes.len / SIGHASH_BYTES;
    if (n_hashes > AGENT_MAX_IMPORT_MARKS || signature_hashes.len % SIGHASH_BYTES != 0) {
        fault_set(&import->fault, FAULT_LIMIT, "hashes of %d bytes, at most %d at a time",
                  SIGHASH_BYTES, AGENT_MAX_IMPORT_MARKS);
        deferred_arm(&import->refusal);
        return;
    }
    for (size_t i = 0; i < n_hashes; i++) {
        uint8_t mark[SEEN_MARK_BYTES];
        arrival_signature_mark(mark, import->account_id, signature_hashes.data + i * SIGHASH_BYTES);
        write_bytes(&import->marks, (struct bytes){mark, sizeof mark});
    }
    agent_write(agent, run_marks, stored, import);
}
