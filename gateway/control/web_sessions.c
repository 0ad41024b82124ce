// SPDX-License-Identifier: MIT
#include "gateway/control/web_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "crypto/random.h"

struct entry {
    struct web_session session; /* .account NULL: free */
    uint8_t cookie[WEB_KEY_BYTES];
    uint8_t token[WEB_KEY_BYTES];
    int64_t opened_ms;
    int64_t used_ms;
};

struct web_sessions {
    struct entry entries[WEB_MAX_SESSIONS];
};

static void clear(struct entry *entry)
{
    free(entry->session.account);
    mem_wipe(entry, sizeof *entry);
}

static void drop_expired(struct web_sessions *sessions, int64_t now_ms)
{
    for (size_t i = 0; i < ARRAY_LEN(sessions->entries); i++) {
        struct entry *entry = &sessions->entries[i];
        if (entry->session.account != NULL && (now_ms - entry->used_ms >= WEB_SESSION_IDLE_MS ||
                                               now_ms - entry->opened_ms >= WEB_SESSION_MAX_MS)) {
            clear(entry);
        }
    }
}

/* All are looked at, so that the time tells nothing. */
static struct entry *find(struct web_sessions *sessions, struct bytes cookie, struct bytes token)
{
    uint8_t keys[2 * WEB_KEY_BYTES];
    struct entry *found = NULL;
    if (!hex_decode(keys, WEB_KEY_BYTES, cookie) ||
        !hex_decode(keys + WEB_KEY_BYTES, WEB_KEY_BYTES, token)) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(sessions->entries); i++) {
        struct entry *entry = &sessions->entries[i];
        bool is_cookie = mem_equal_ct(entry->cookie, keys, WEB_KEY_BYTES);
        bool is_token = mem_equal_ct(entry->token, keys + WEB_KEY_BYTES, WEB_KEY_BYTES);
        if (is_cookie && is_token && entry->session.account != NULL) {
            found = entry;
        }
    }
    return found;
}

/* The one that was used longest ago, of one account or (0) of all; a free one is older than any. */
static struct entry *oldest(struct web_sessions *sessions, int64_t account_id)
{
    struct entry *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(sessions->entries); i++) {
        struct entry *entry = &sessions->entries[i];
        if (account_id == 0 && entry->session.account == NULL) {
            return entry;
        }
        bool fits = account_id == 0 || entry->session.account_id == account_id;
        if (fits && (found == NULL || entry->used_ms < found->used_ms)) {
            found = entry;
        }
    }
    return found;
}

static size_t count(const struct web_sessions *sessions, int64_t account_id)
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(sessions->entries); i++) {
        n += sessions->entries[i].session.account_id == account_id ? 1 : 0;
    }
    return n;
}

void web_sessions_open(struct web_sessions *sessions, int64_t now_ms, int64_t account_id,
                       const char *account, const uint8_t stored_key[SASL_KEY_BYTES],
                       char out_cookie[WEB_KEY_TEXT_BYTES], char out_token[WEB_KEY_TEXT_BYTES])
{
    drop_expired(sessions, now_ms);
    bool is_full = count(sessions, account_id) >= WEB_MAX_SESSIONS_OF_ACCOUNT;
    struct entry *entry = oldest(sessions, is_full ? account_id : 0);
    clear(entry);
    entry->session.account_id = account_id;
    entry->session.account = xstrdup(account);
    memcpy(entry->session.stored_key, stored_key, SASL_KEY_BYTES);
    random_bytes(entry->cookie, WEB_KEY_BYTES);
    random_bytes(entry->token, WEB_KEY_BYTES);
    entry->opened_ms = now_ms;
    entry->used_ms = now_ms;
    hex_encode(out_cookie, (struct bytes){entry->cookie, WEB_KEY_BYTES});
    hex_encode(out_token, (struct bytes){entry->token, WEB_KEY_BYTES});
}

const struct web_session *web_sessions_find(struct web_sessions *sessions, int64_t now_ms,
                                            struct bytes cookie, struct bytes token)
{
    drop_expired(sessions, now_ms);
    struct entry *entry = find(sessions, cookie, token);
    if (entry == NULL) {
        return NULL;
    }
    entry->used_ms = now_ms;
    return &entry->session;
}

void web_sessions_end(struct web_sessions *sessions, struct bytes cookie, struct bytes token)
{
    struct entry *entry = find(sessions, cookie, token);
    if (entry != NULL) {
        clear(entry);
    }
}

struct web_sessions *web_sessions_new(void)
{
    return xcalloc(1, sizeof(struct web_sessions));
}

void web_sessions_free(struct web_sessions **sessions)
{
    if (*sessions == NULL) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN((*sessions)->entries); i++) {
        clear(&(*sessions)->entries[i]);
    }
    free(*sessions);
    *sessions = NULL;
}
