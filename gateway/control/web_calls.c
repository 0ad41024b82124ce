// SPDX-License-Identifier: MIT
#include "gateway/control/web_calls.h"

#define ACCOUNTS "accounts and their passwords are kept on the command line"
#define KEYS "keys are handed out on the command line alone"
#define FILES "files are read and written on the command line"

static const struct web_call_row rows[] = {
    {"status", WEB_CALL_ACCOUNT, NULL},
    {"identity.new", WEB_CALL_ACCOUNT, NULL},
    {"identity.list", WEB_CALL_ACCOUNT, NULL},
    {"identity.show", WEB_CALL_ACCOUNT, NULL},
    {"identity.qr", WEB_CALL_ACCOUNT, NULL},
    {"identity.rename", WEB_CALL_ACCOUNT, NULL},
    {"identity.set", WEB_CALL_ACCOUNT, NULL},
    {"identity.enable", WEB_CALL_ACCOUNT, NULL},
    {"identity.delete", WEB_CALL_ACCOUNT, NULL},
    {"identity.move", WEB_CALL_NOT, ACCOUNTS},
    {"chan.join", WEB_CALL_ACCOUNT, NULL},
    {"chan.list", WEB_CALL_ACCOUNT, NULL},
    {"chan.leave", WEB_CALL_ACCOUNT, NULL},
    {"contact.add", WEB_CALL_ACCOUNT, NULL},
    {"contact.list", WEB_CALL_ACCOUNT, NULL},
    {"contact.remove", WEB_CALL_ACCOUNT, NULL},
    {"contact.ttl", WEB_CALL_ACCOUNT, NULL},
    {"contact.import", WEB_CALL_ACCOUNT, NULL},
    {"contact.export", WEB_CALL_ACCOUNT, NULL},
    {"subscription.add", WEB_CALL_ACCOUNT, NULL},
    {"subscription.list", WEB_CALL_ACCOUNT, NULL},
    {"subscription.mute", WEB_CALL_ACCOUNT, NULL},
    {"subscription.remove", WEB_CALL_ACCOUNT, NULL},
    {"name.look_up", WEB_CALL_ACCOUNT, NULL},
    {"sender.set", WEB_CALL_ACCOUNT, NULL},
    {"sender.list", WEB_CALL_ACCOUNT, NULL},
    {"sender.mode", WEB_CALL_ACCOUNT, NULL},
    {"account.list", WEB_CALL_ACCOUNT, NULL},
    {"account.new", WEB_CALL_NOT, ACCOUNTS},
    {"account.passwd", WEB_CALL_NOT, ACCOUNTS},
    {"account.quota", WEB_CALL_NOT, ACCOUNTS},
    {"account.delete", WEB_CALL_NOT, ACCOUNTS},
    {"queue.list", WEB_CALL_ACCOUNT, NULL},
    {"queue.show", WEB_CALL_ACCOUNT, NULL},
    {"queue.retry", WEB_CALL_ACCOUNT, NULL},
    {"queue.cancel", WEB_CALL_ACCOUNT, NULL},
    {"mail.submit", WEB_CALL_ACCOUNT, NULL},
    {"import.seen", WEB_CALL_NOT, FILES},
    {"import.key", WEB_CALL_NOT, FILES},
    {"import.mail", WEB_CALL_NOT, FILES},
    {"import.letter", WEB_CALL_NOT, FILES},
    {"export.keys", WEB_CALL_NOT, KEYS},
    {"export.mailboxes", WEB_CALL_NOT, FILES},
    {"export.mail", WEB_CALL_NOT, FILES},
    {"export.message", WEB_CALL_NOT, FILES},
    {"backup.make", WEB_CALL_HOME, NULL},
    {"recovery_key.new", WEB_CALL_NOT, KEYS},
    {"recovery_key.show", WEB_CALL_HOME, NULL},
    {"restore.prepare", WEB_CALL_NOT, FILES},
    {"setup.info", WEB_CALL_ACCOUNT, NULL},
    {"setup.first_password", WEB_CALL_NOT, ACCOUNTS},
    {"lock.status", WEB_CALL_ACCOUNT, NULL},
    {"lock.unlock", WEB_CALL_ACCOUNT, NULL}, /* shows the passphrase */
    {"lock.lock", WEB_CALL_HOME, NULL},
    {"lock.set", WEB_CALL_HOME, NULL},
    {"lock.remove", WEB_CALL_HOME, NULL},
};

const struct web_call_row *web_calls_find(struct bytes call)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (bytes_equal(call, bytes_of_str(rows[i].call))) {
            return &rows[i];
        }
    }
    return NULL;
}
