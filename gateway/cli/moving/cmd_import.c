// SPDX-License-Identifier: MIT
/* bittern import pybitmessage and import keys.
 *
 * The order matters. First the marks of all that the other program received, so that none of it
 * arrives a second time when its key is known here and its object still in the network; then keys,
 * then whom one knows, and the mails last, which find their chans' folders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "gateway/cli/moving/import.h"
#include "gateway/cli/moving/keys_file.h"
#include "gateway/cli/moving/messages_dat.h"
#include "gateway/cli/moving/pybitmessage_settings.h"

enum { SEEN_AT_A_TIME = 5000, HASH_BYTES = 32, MAILS_BETWEEN_WORDS = 500 };

/* ---- whom one knows ---- */

/* The address book in one go, which is one transaction however long it is. */
struct book {
    struct import *import;
    struct buf csv;
    size_t n_entries;
};

static void append_quoted(struct buf *out, struct bytes text)
{
    struct buf clean = {0};
    utf8_repair(&clean, text);
    buf_append_str(out, "\"");
    for (const char *c = buf_str(&clean); *c != '\0'; c++) {
        buf_append_str(out, *c == '"' ? "\"" : "");
        buf_append(out, *c == '\n' || *c == '\r' ? " " : c, 1);
    }
    buf_append_str(out, "\"");
    buf_clear(&clean);
}

static bool collect_contact(void *context, const struct messages_dat_entry *entry,
                            struct fault *fault)
{
    struct book *book = context;
    (void)fault;
    if (entry->list != MESSAGES_DAT_CONTACTS) {
        return true;
    }
    append_quoted(&book->csv, entry->address);
    buf_append_str(&book->csv, ",");
    append_quoted(&book->csv, entry->label);
    buf_append_str(&book->csv, "\r\n");
    book->n_entries++;
    return true;
}

/* False in *out_done when one of them is refused: then they go one by one. */
static bool give_book(struct book *book, bool *out_done, struct fault *fault)
{
    struct import *import = book->import;
    struct fault why = {0};
    json_t *params = import_params(import);
    json_object_set_new(params, "data", json_string(buf_str(&book->csv)));
    json_t *answer = cli_session_call(import->session, "contact.import", params, &why);
    size_t n_new = (size_t)json_integer_value(json_object_get(answer, "new"));
    *out_done = answer != NULL;
    json_decref(answer);
    if (*out_done) {
        import->n_new[IMPORT_CONTACTS] += n_new;
        import->n_known[IMPORT_CONTACTS] += book->n_entries - n_new;
    }
    return *out_done || (why.code != FAULT_CLOSED && why.code != FAULT_IO) ||
           fault_set(fault, why.code, "%s", why.text);
}

static bool give_contacts(struct import *import, struct messages_dat *messages, bool *out_done,
                          struct fault *fault)
{
    struct book book = {.import = import};
    buf_append_str(&book.csv, "address,label\r\n");
    bool ok = messages_dat_entries(messages, collect_contact, &book, fault);
    *out_done = book.n_entries == 0;
    ok = ok && (*out_done || give_book(&book, out_done, fault));
    buf_clear(&book.csv);
    return ok;
}

struct entries {
    struct import *import;
    bool has_contacts; /* they are done */
};

static bool give_subscription(struct import *import, const struct messages_dat_entry *entry,
                              struct fault *fault)
{
    if (map_get(&import->subscribed, entry->address) != NULL) {
        import->n_known[IMPORT_LISTS]++;
        return true;
    }
    json_t *params = import_params(import);
    import_set_text(params, "address", entry->address);
    import_set_text(params, "label", entry->label);
    size_t n_refused = import->n_refused;
    if (!import_give(import, IMPORT_LISTS, "subscription.add", params, "a subscription", fault)) {
        return false;
    }
    if (entry->enabled || import->n_refused != n_refused) {
        return true;
    }
    params = import_params(import);
    import_set_text(params, "address", entry->address);
    json_t *answer = cli_session_call(import->session, "subscription.mute", params, fault);
    json_decref(answer);
    return answer != NULL;
}

static bool give_rule(struct import *import, const struct messages_dat_entry *entry,
                      struct fault *fault)
{
    const char *rule = entry->list == MESSAGES_DAT_BLACKLIST ? "block" : "allow";
    char *key =
        xasprintf("%s %.*s", rule, (int)entry->address.len, (const char *)entry->address.data);
    bool is_there = map_get(&import->rules, bytes_of_str(key)) != NULL;
    free(key);
    if (is_there) {
        import->n_known[IMPORT_LISTS]++;
        return true;
    }
    json_t *params = import_params(import);
    import_set_text(params, "address", entry->address);
    json_object_set_new(params, "rule", json_string(rule));
    return import_give(import, IMPORT_LISTS, "sender.set", params, "an entry", fault);
}

static bool give_entry(void *context, const struct messages_dat_entry *entry, struct fault *fault)
{
    const struct entries *entries = context;
    switch (entry->list) {
    case MESSAGES_DAT_CONTACTS:
        return entries->has_contacts ||
               import_give_contact(entries->import, entry->address, entry->label, fault);
    case MESSAGES_DAT_SUBSCRIPTIONS:
        return give_subscription(entries->import, entry, fault);
    default:
        return !entry->enabled || give_rule(entries->import, entry, fault);
    }
}

static bool give_entries(struct import *import, struct messages_dat *messages, struct fault *fault)
{
    struct entries entries = {.import = import};
    return give_contacts(import, messages, &entries.has_contacts, fault) &&
           messages_dat_entries(messages, give_entry, &entries, fault);
}

/* ---- mails ---- */

static bool tell_seen(struct import *import, struct fault *fault)
{
    json_t *params = import_params(import);
    import_set_base64(params, "signature_hashes", buf_view(&import->seen));
    buf_reset(&import->seen);
    json_t *answer = cli_session_call(import->session, "import.seen", params, fault);
    json_decref(answer);
    return answer != NULL;
}

static bool collect_seen(void *context, const struct messages_dat_mail *mail, struct fault *fault)
{
    struct import *import = context;
    if (mail->signature_hash.len == HASH_BYTES) {
        buf_append_bytes(&import->seen, mail->signature_hash);
    }
    return import->seen.len < (size_t)SEEN_AT_A_TIME * HASH_BYTES || tell_seen(import, fault);
}

/* What PyBitmessage's words for a sent mail mean here. One that never left goes to Drafts: nothing
 * is sent because of an import. */
static const struct status_row {
    const char *status;
    const char *state; /* NULL: it never left */
} statuses[] = {
    {"ackreceived", "delivered"},
    {"msgsent", "sent"},
    {"msgsentnoackexpected", "sent"},
    {"broadcastsent", "sent"},
};

static const char *state_of(struct bytes status)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (bytes_is_word(status, statuses[i].status)) {
            return statuses[i].state;
        }
    }
    return NULL;
}

static bool give_mail(void *context, const struct messages_dat_mail *mail, struct fault *fault)
{
    struct import *import = context;
    const char *state = mail->is_sent ? state_of(mail->status) : NULL;
    const char *folder = bytes_is_word(mail->folder, "trash") ? "trash"
                         : !mail->is_sent                     ? "inbox"
                         : state != NULL                      ? "sent"
                                                              : "drafts";
    json_t *params = import_params(import);
    json_object_set_new(params, "folder", json_string(folder));
    import_set_text(params, "from", mail->from);
    import_set_text(params, "to", mail->to);
    json_object_set_new(
        params, "broadcast",
        json_boolean(bytes_equal(mail->to, bytes_of_str(MESSAGES_DAT_SUBSCRIBERS))));
    import_set_base64(params, "subject", mail->subject);
    import_set_base64(params, "text", mail->text);
    import_set_base64(params, "object_hash", mail->hash);
    json_object_set_new(params, "time", json_integer(mail->sec));
    json_object_set_new(params, "seen", json_boolean(mail->is_sent || mail->is_read));
    if (state != NULL) {
        json_object_set_new(params, "state", json_string(state));
    }
    bool ok = import_give(import, IMPORT_MAILS, "import.mail", params, "a mail", fault);
    size_t n_mails = import->n_new[IMPORT_MAILS] + import->n_known[IMPORT_MAILS];
    if (n_mails % MAILS_BETWEEN_WORDS == 0 && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r%zu mails", n_mails);
    }
    return ok;
}

static bool give_messages(struct import *import, struct messages_dat *messages, struct fault *fault)
{
    return give_entries(import, messages, fault) &&
           messages_dat_mails(messages, give_mail, import, fault);
}

static bool give_seen(struct import *import, struct messages_dat *messages, struct fault *fault)
{
    return messages_dat_mails(messages, collect_seen, import, fault) &&
           (import->seen.len == 0 || tell_seen(import, fault));
}

/* ---- the commands ---- */

int cmd_import_keys(struct cli *cli, int argc, char **argv)
{
    struct import import = {0};
    struct keys_file keys;
    struct fault fault = {0};
    if (!import_begin(&import, cli, "import keys", argc, argv, NULL)) {
        return CLI_USAGE;
    }
    if (!keys_file_read(&keys, KEYS_FILE_PYBITMESSAGE, import.source, &fault)) {
        return cli_fail(&fault);
    }
    import.session = cli_session_open(cli, &fault);
    bool ok = import.session != NULL && import_ask_known(&import, &fault) &&
              import_give_keys(&import, &keys, &fault);
    keys_file_clear(&keys);
    return import_finish(&import, ok, &fault);
}

/* Both files are opened and looked over before anything is taken from either. */
int cmd_import_pybitmessage(struct cli *cli, int argc, char **argv)
{
    struct import import = {0};
    struct keys_file keys = {0};
    struct fault fault = {0};
    if (!import_begin(&import, cli, "import pybitmessage", argc, argv, NULL)) {
        return CLI_USAGE;
    }
    char *keys_path = xasprintf("%s/keys.dat", import.source);
    char *messages_path = xasprintf("%s/messages.dat", import.source);
    struct messages_dat *messages = NULL;
    bool ok = keys_file_read(&keys, KEYS_FILE_PYBITMESSAGE, keys_path, &fault) &&
              (messages = messages_dat_open(messages_path, &fault)) != NULL &&
              (import.session = cli_session_open(cli, &fault)) != NULL;
    ok = ok && import_ask_known(&import, &fault) && give_seen(&import, messages, &fault) &&
         import_give_keys(&import, &keys, &fault) && give_messages(&import, messages, &fault) &&
         pybitmessage_settings_take(cli, import.session, import.account, &keys, &fault);
    messages_dat_close(&messages);
    keys_file_clear(&keys);
    free(keys_path);
    free(messages_path);
    return import_finish(&import, ok, &fault);
}
