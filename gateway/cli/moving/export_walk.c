// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/export_walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static bool walk_mailbox(const struct export_walk *walk, const json_t *mailbox, struct fault *fault)
{
    json_t *id = json_object_get(mailbox, "id");
    json_int_t uid = 0;
    for (;;) {
        json_t *mail = cli_session_call(walk->session, walk->call,
                                        json_pack("{s:O, s:I}", "id", id, "after", uid), fault);
        bool is_end = json_object_size(mail) == 0;
        bool ok = mail != NULL && (is_end || walk->each(walk->context, mailbox, mail, fault));
        uid = json_integer_value(json_object_get(mail, "uid"));
        json_decref(mail);
        if (!ok || is_end) {
            return ok;
        }
    }
}

bool export_walk_run(const struct export_walk *walk, struct fault *fault)
{
    json_t *rows = cli_session_call(walk->session, "export.mailboxes", NULL, fault);
    bool ok = rows != NULL;
    size_t i;
    json_t *mailbox;
    json_array_foreach(rows, i, mailbox)
    {
        bool is_meant =
            walk->account == NULL || str_equal_ci(walk->account, cli_text(mailbox, "account"));
        ok = ok && (!is_meant || json_integer_value(json_object_get(mailbox, "messages")) == 0 ||
                    walk_mailbox(walk, mailbox, fault));
    }
    json_decref(rows);
    return ok;
}

bool export_has_flag(const json_t *mail, const char *name)
{
    size_t i;
    json_t *flag;
    json_array_foreach(json_object_get(mail, "flags"), i, flag)
    {
        if (strcmp(json_string_value(flag), name) == 0) {
            return true;
        }
    }
    return false;
}

bool export_take_base64(struct buf *out, const json_t *object, const char *name,
                        struct fault *fault)
{
    return base64_decode(out, bytes_of_str(cli_text(object, name))) ||
           fault_set(fault, FAULT_INVALID, "the gateway's answer has no %s", name);
}

/* What stands for a level of a name: not hidden, not the folder itself or the one above, and none
 * of a Maildir's own three. */
static void write_level(struct buf *out, struct bytes level)
{
    static const char *const own[] = {"cur", "new", "tmp"};
    bool is_own = false;
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        is_own = is_own || bytes_equal(level, bytes_of_str(own[i]));
    }
    if (is_own) {
        buf_append_str(out, "_");
    }
    if (level.len > 0 && level.data[0] == '.') {
        buf_append_str(out, "_");
        level = bytes_slice(level, 1, level.len);
    }
    buf_append_bytes(out, level);
}

char *export_place(const json_t *mailbox, const char *suffix)
{
    struct buf out = {0};
    struct bytes rest = bytes_of_str(cli_text(mailbox, "name"));
    write_level(&out, bytes_of_str(cli_text(mailbox, "account")));
    while (rest.len > 0) {
        size_t end = bytes_find(rest, '/');
        buf_append_str(&out, "/");
        write_level(&out, bytes_slice(rest, 0, end));
        rest = bytes_slice(rest, end + 1, rest.len);
    }
    buf_append_str(&out, suffix);
    char *place = xstrdup(buf_str(&out));
    buf_clear(&out);
    return place;
}
