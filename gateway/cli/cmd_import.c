// SPDX-License-Identifier: MIT
/* bittern import ...: what PyBitmessage or notbit kept, given to the gateway record by record. It
 * may be run again: what is there already is left as it is.
 *
 * The order matters. First the marks of all that the other program received, so that none of it
 * arrives a second time when its key is known here and its object still in the network; then keys,
 * then whom one knows, and the mails last, which find their chans' folders. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/str.h"
#include "gateway/cli/import_settings.h"
#include "gateway/cli/keys_file.h"
#include "gateway/cli/messages_dat.h"

enum { SEEN_AT_A_TIME = 5000, HASH_BYTES = 32, MAILS_BETWEEN_WORDS = 500 };

enum counted { COUNT_IDENTITIES, COUNT_CHANS, COUNT_CONTACTS, COUNT_LISTS, COUNT_MAILS, N_COUNTED };

struct import {
    struct cli *cli;
    struct cli_session *session;
    const char *account; /* NULL: the only one */
    size_t n_new[N_COUNTED];
    size_t n_known[N_COUNTED];
    size_t n_refused;
    struct buf seen; /* hashes that were not told yet */
};

/* ---- one record ---- */

static json_t *params_of(const struct import *import)
{
    json_t *params = json_object();
    if (import->account != NULL) {
        json_object_set_new(params, "account", json_string(import->account));
    }
    return params;
}

static void set_text(json_t *params, const char *name, struct bytes text)
{
    struct buf clean = {0};
    utf8_repair(&clean, text);
    json_object_set_new(params, name, json_string(buf_str(&clean)));
    buf_clear(&clean);
}

static void set_base64(json_t *params, const char *name, struct bytes data)
{
    struct buf text = {0};
    base64_encode(&text, data);
    json_object_set_new(params, name, json_string(buf_str(&text)));
    buf_clear_secret(&text);
}

/* Ask; a record that is refused is said and passed over, a gateway that is gone ends it all. */
static bool give(struct import *import, enum counted counted, const char *call, json_t *params,
                 const char *what, struct fault *fault)
{
    struct fault why = {0};
    json_t *answer = cli_session_call(import->session, call, params, &why);
    if (answer != NULL) {
        const json_t *is_new = json_object_get(answer, "is_new");
        size_t *count = json_is_false(is_new) ? import->n_known : import->n_new;
        count[counted]++;
        json_decref(answer);
    } else if (why.code == FAULT_EXISTS) {
        import->n_known[counted]++;
    } else if (why.code == FAULT_CLOSED || why.code == FAULT_IO || why.code == FAULT_NO_SPACE) {
        *fault = why;
        return false;
    } else {
        import->n_refused++;
        fprintf(stderr, "bittern: left out %s: %s\n", what, why.text);
    }
    return true;
}

/* ---- keys ---- */

static bool give_key(struct import *import, const struct keys_file_entry *entry,
                     struct fault *fault)
{
    if (*entry->signing_key == '\0') {
        return true; /* notbit keeps the public keys of others in the same file */
    }
    json_t *params = params_of(import);
    set_text(params, "address", bytes_of_str(entry->address));
    set_text(params, "label", bytes_of_str(entry->label));
    set_text(params, "signing_key", bytes_of_str(entry->signing_key));
    set_text(params, "encryption_key", bytes_of_str(entry->encryption_key));
    set_text(params, "list", bytes_of_str(entry->is_list ? entry->list_name : ""));
    json_object_set_new(params, "chan", json_boolean(entry->is_chan));
    json_object_set_new(params, "enabled", json_boolean(entry->enabled));
    json_object_set_new(params, "acks", json_boolean(entry->acks));
    json_object_set_new(params, "difficulty", json_integer((json_int_t)entry->trials_per_byte));
    json_object_set_new(params, "small_difficulty", json_integer((json_int_t)entry->extra_bytes));
    return give(import, entry->is_chan ? COUNT_CHANS : COUNT_IDENTITIES, "import.key", params,
                entry->address, fault);
}

static bool give_keys(struct import *import, const struct keys_file *file, struct fault *fault)
{
    for (size_t i = 0; i < file->n_entries; i++) {
        if (!give_key(import, &file->entries[i], fault)) {
            return false;
        }
    }
    return true;
}

/* ---- whom one knows ---- */

static bool give_entry(void *context, const struct messages_dat_entry *entry, struct fault *fault)
{
    static const struct {
        enum counted counted;
        const char *call;
        const char *rule;
    } rows[MESSAGES_DAT_N_LISTS] = {
        [MESSAGES_DAT_CONTACTS] = {COUNT_CONTACTS, "contact.add", NULL},
        [MESSAGES_DAT_SUBSCRIPTIONS] = {COUNT_LISTS, "subscription.add", NULL},
        [MESSAGES_DAT_BLACKLIST] = {COUNT_LISTS, "sender.set", "block"},
        [MESSAGES_DAT_WHITELIST] = {COUNT_LISTS, "sender.set", "allow"},
    };
    struct import *import = context;
    if (!entry->enabled) {
        return true;
    }
    json_t *params = params_of(import);
    set_text(params, "address", entry->address);
    set_text(params, "label", entry->label);
    if (rows[entry->list].rule != NULL) {
        json_object_set_new(params, "rule", json_string(rows[entry->list].rule));
    }
    return give(import, rows[entry->list].counted, rows[entry->list].call, params, "an entry",
                fault);
}

/* ---- mails ---- */

static bool tell_seen(struct import *import, struct fault *fault)
{
    json_t *params = params_of(import);
    set_base64(params, "signature_hashes", buf_view(&import->seen));
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
    static const char subscribers[] = "[Broadcast subscribers]";
    struct import *import = context;
    const char *state = mail->is_sent ? state_of(mail->status) : NULL;
    const char *folder = bytes_is_word(mail->folder, "trash") ? "trash"
                         : !mail->is_sent                     ? "inbox"
                         : state != NULL                      ? "sent"
                                                              : "drafts";
    json_t *params = params_of(import);
    json_object_set_new(params, "folder", json_string(folder));
    set_text(params, "from", mail->from);
    set_text(params, "to", mail->to);
    json_object_set_new(params, "broadcast",
                        json_boolean(bytes_equal(mail->to, bytes_of_str(subscribers))));
    set_base64(params, "subject", mail->subject);
    set_base64(params, "text", mail->text);
    set_base64(params, "object_hash", mail->hash);
    json_object_set_new(params, "time", json_integer(mail->sec));
    json_object_set_new(params, "seen", json_boolean(mail->is_sent || mail->is_read));
    if (state != NULL) {
        json_object_set_new(params, "state", json_string(state));
    }
    bool ok = give(import, COUNT_MAILS, "import.mail", params, "a mail", fault);
    size_t n_mails = import->n_new[COUNT_MAILS] + import->n_known[COUNT_MAILS];
    if (n_mails % MAILS_BETWEEN_WORDS == 0 && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r%zu mails", n_mails);
    }
    return ok;
}

static bool give_messages(struct import *import, struct messages_dat *messages, struct fault *fault)
{
    return messages_dat_entries(messages, give_entry, import, fault) &&
           messages_dat_mails(messages, give_mail, import, fault);
}

static bool give_seen(struct import *import, struct messages_dat *messages, struct fault *fault)
{
    return messages_dat_mails(messages, collect_seen, import, fault) &&
           (import->seen.len == 0 || tell_seen(import, fault));
}

/* ---- the commands ---- */

static bool begin(struct import *import, struct cli *cli, const char *command, int *argc,
                  char **argv, const char **out_path)
{
    const struct cli_option options[] = {{"--account", .value = &import->account}};
    import->cli = cli;
    if (!cli_options(command, options, ARRAY_LEN(options), argc, argv)) {
        return false;
    }
    if (*argc != 2) {
        cli_usage(command, "from where?");
        return false;
    }
    *out_path = argv[1];
    return true;
}

static int finish(struct import *import, bool ok, const struct fault *fault)
{
    static const char *const names[N_COUNTED] = {
        [COUNT_IDENTITIES] = "identities", [COUNT_CHANS] = "chans", [COUNT_CONTACTS] = "contacts",
        [COUNT_LISTS] = "lists",           [COUNT_MAILS] = "mails",
    };
    cli_session_close(&import->session);
    buf_clear(&import->seen);
    json_t *result = json_pack("{s:I}", "left_out", (json_int_t)import->n_refused);
    for (size_t i = 0; i < N_COUNTED; i++) {
        json_object_set_new(result, names[i],
                            json_pack("{s:I, s:I}", "new", (json_int_t)import->n_new[i], "known",
                                      (json_int_t)import->n_known[i]));
        if (!import->cli->json && import->n_new[i] + import->n_known[i] != 0) {
            printf("%-11s %zu new, %zu were there\n", names[i], import->n_new[i],
                   import->n_known[i]);
        }
    }
    if (import->cli->json) {
        (void)cli_print_json(json_incref(result));
    }
    json_decref(result);
    if (!ok) {
        return cli_fail(fault);
    }
    return import->n_refused == 0 ? CLI_DONE : CLI_FAILED;
}

int cmd_import_keys(struct cli *cli, int argc, char **argv)
{
    struct import import = {0};
    struct keys_file keys;
    struct fault fault = {0};
    const char *path;
    if (!begin(&import, cli, "import keys", &argc, argv, &path)) {
        return CLI_USAGE;
    }
    if (!keys_file_read(&keys, path, &fault)) {
        return cli_fail(&fault);
    }
    import.session = cli_session_open(cli, &fault);
    bool ok = import.session != NULL && give_keys(&import, &keys, &fault);
    keys_file_clear(&keys);
    return finish(&import, ok, &fault);
}

/* Both files are opened and looked over before anything is taken from either. */
int cmd_import_pybitmessage(struct cli *cli, int argc, char **argv)
{
    struct import import = {0};
    struct keys_file keys = {0};
    struct fault fault = {0};
    const char *folder;
    if (!begin(&import, cli, "import pybitmessage", &argc, argv, &folder)) {
        return CLI_USAGE;
    }
    char *keys_path = xasprintf("%s/keys.dat", folder);
    char *messages_path = xasprintf("%s/messages.dat", folder);
    struct messages_dat *messages = NULL;
    bool ok = keys_file_read(&keys, keys_path, &fault) &&
              (messages = messages_dat_open(messages_path, &fault)) != NULL &&
              (import.session = cli_session_open(cli, &fault)) != NULL;
    ok = ok && give_seen(&import, messages, &fault) && give_keys(&import, &keys, &fault) &&
         give_messages(&import, messages, &fault) &&
         import_settings(cli, import.session, import.account, &keys, &fault);
    messages_dat_close(&messages);
    keys_file_clear(&keys);
    free(keys_path);
    free(messages_path);
    return finish(&import, ok, &fault);
}
