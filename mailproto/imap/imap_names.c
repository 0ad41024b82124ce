// SPDX-License-Identifier: MIT
/* Arguments that several commands share: mailbox names, flags, sequence sets. */
#include <string.h>

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/seqset.h"
#include "mailproto/imap/utf7.h"

bool imap_uses_utf8(const struct imap_session *session)
{
    return (session->enabled & (IMAP_ENABLED_UTF8 | IMAP_ENABLED_REV2)) != 0;
}

/* Valid UTF-8 without control characters (C1 ones among them), no empty level. */
static bool name_is_valid(struct bytes name)
{
    if (name.len == 0 || name.len > MAILBOX_NAME_MAX_BYTES || !utf8_valid(name) ||
        name.data[0] == '/') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool c1 = c == 0xc2 && i + 1 < name.len && name.data[i + 1] < 0xa0;
        bool empty_level = c == '/' && i + 1 < name.len && name.data[i + 1] == '/';
        if (c < 0x20 || c == 0x7f || c1 || empty_level) {
            return false;
        }
    }
    return true;
}

/* INBOX in capitals, whatever was typed; its children keep what follows. */
static char *canonical(struct arena *arena, struct bytes name)
{
    char *copy = arena_strndup(arena, (const char *)name.data, name.len);
    if (str_starts_with_ci(copy, "INBOX") && (copy[5] == '\0' || copy[5] == '/')) {
        memcpy(copy, "INBOX", 5);
    }
    return copy;
}

const char *imap_mailbox_of_utf8(struct arena *arena, struct bytes name)
{
    return name_is_valid(name) ? canonical(arena, name) : NULL;
}

const char *imap_mailbox_name(struct imap_session *session, struct imap_parser *args,
                              struct bytes text)
{
    struct buf utf8 = {0};
    char *name = NULL;
    buf_init(&utf8, MAILBOX_NAME_MAX_BYTES + 1);
    bool ok = imap_uses_utf8(session) ? buf_append_bytes(&utf8, text) : utf7_decode(&utf8, text);
    if (utf8.len > 1 && utf8.data[utf8.len - 1] == '/') {
        buf_truncate(&utf8, utf8.len - 1); /* "name/" means: will have children */
    }
    if (ok && buf_ok(&utf8) && name_is_valid(buf_view(&utf8))) {
        name = canonical(args->arena, buf_view(&utf8));
    } else {
        args->well_formed = imap_ok(args);
        imap_fail(args, "Bad mailbox name");
    }
    buf_clear(&utf8);
    return name;
}

const char *imap_mailbox_arg(struct imap_session *session, struct imap_parser *args)
{
    struct bytes text = imap_astring(args);
    return imap_ok(args) ? imap_mailbox_name(session, args, text) : NULL;
}

const struct mailbox_entry *imap_entry_find(struct imap_session *session, const char *name)
{
    return mailbox_list_find(session->ops->list(session->account), name);
}

const struct mailbox_entry *imap_entry_or_refuse(struct imap_session *session, const char *name)
{
    const struct mailbox_entry *entry = imap_entry_find(session, name);
    if (entry == NULL || (entry->attributes & MAILBOX_NONEXISTENT) != 0) {
        imap_finish(session, IMAP_STATUS_NO, "NONEXISTENT", "No such mailbox");
        return NULL;
    }
    return entry;
}

/* ---- Flags ---- */

static void add_flag(struct imap_parser *args, struct bytes flag, struct mailbox_flags *out,
                     const char **keywords)
{
    static const struct {
        const char *name;
        uint8_t bit;
    } system_flags[] = {{"\\Answered", MAILBOX_FLAG_ANSWERED},
                        {"\\Flagged", MAILBOX_FLAG_FLAGGED},
                        {"\\Deleted", MAILBOX_FLAG_DELETED},
                        {"\\Seen", MAILBOX_FLAG_SEEN},
                        {"\\Draft", MAILBOX_FLAG_DRAFT}};
    for (size_t i = 0; i < ARRAY_LEN(system_flags); i++) {
        if (bytes_is_word(flag, system_flags[i].name)) {
            out->flags |= system_flags[i].bit;
            return;
        }
    }
    if (flag.len == 0 || flag.data[0] == '\\') {
        imap_fail(args, bytes_is_word(flag, "\\Recent") ? "\\Recent can't be set"
                                                        : "Unknown system flag");
        return;
    }
    if (flag.len > MAILBOX_KEYWORD_MAX_BYTES || out->n_keywords == MAILBOX_MAX_KEYWORDS) {
        imap_fail(args, "Too many keywords, or too long a one");
        return;
    }
    for (size_t i = 0; i < out->n_keywords; i++) {
        if (bytes_is_word(flag, keywords[i])) {
            return;
        }
    }
    keywords[out->n_keywords++] = arena_strndup(args->arena, (const char *)flag.data, flag.len);
}

void imap_flag_list(struct imap_session *session, struct imap_parser *args, bool bare,
                    struct mailbox_flags *out)
{
    (void)session;
    const char **keywords = arena_alloc(args->arena, MAILBOX_MAX_KEYWORDS * sizeof(*keywords));
    bool in_list = imap_accept(args, '(');
    *out = (struct mailbox_flags){.keywords = keywords};
    if (!in_list && !bare) {
        imap_fail(args, "A list of flags is missing");
    }
    if (in_list && imap_accept(args, ')')) {
        return;
    }
    do {
        add_flag(args, imap_flag(args), out, keywords);
    } while (imap_ok(args) && imap_accept(args, ' '));
    if (in_list) {
        imap_expect(args, ')');
    }
}

/* ---- Sequence sets ---- */

/* "$": those of the saved result that are still there. */
static void add_saved(struct imap_session *session, struct uid_set *out)
{
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (uid_set_next(&session->selected.saved, &walk, &uid)) {
        if (mailbox_view_seq_of(session->selected.told, uid) != 0) {
            uid_set_add(out, uid);
        }
    }
}

void imap_set_arg(struct imap_session *session, struct imap_parser *args, struct uid_set *out)
{
    struct bytes text = imap_sequence_text(args);
    const struct mailbox_view *view = session->selected.told;
    if (!imap_ok(args)) {
        return;
    }
    if (bytes_equal(text, bytes_of_str("$"))) {
        add_saved(session, out);
        return;
    }
    enum seqset_result result = session->command.is_uid ? seqset_of_uids(out, text, view)
                                                        : seqset_of_numbers(out, text, view);
    if (result == SEQSET_OUT_OF_RANGE) {
        imap_fail(args, "There is no message with that number");
    } else if (result != SEQSET_OK) {
        imap_fail(args, "Bad sequence set");
    }
}
