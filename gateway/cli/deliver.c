// SPDX-License-Identifier: MIT
#include "gateway/cli/deliver.h"

#include <string.h>
#include <unistd.h>

#include "base/str.h"

/* "HOST:PORT", the host in brackets where it has colons. */
static bool parse_lmtp(struct deliver_target *target, const char *text, struct arena *arena,
                       struct fault *fault)
{
    if (text[0] == '/') {
        target->kind = DELIVER_LMTP_SOCKET;
        target->place = arena_strdup(arena, text);
        return true;
    }
    const char *colon = strrchr(text, ':');
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - text);
    uint64_t port = 0;
    if (host_len == 0 || !parse_u64(bytes_of_str(colon + 1), UINT16_MAX, &port) || port == 0) {
        return fault_set(fault, FAULT_INVALID,
                         "[mail] deliver: after lmtp: comes a socket's path or HOST:PORT");
    }
    bool has_brackets = text[0] == '[' && text[host_len - 1] == ']';
    target->kind = DELIVER_LMTP_PORT;
    target->host = has_brackets ? arena_strndup(arena, text + 1, host_len - 2)
                                : arena_strndup(arena, text, host_len);
    target->port = arena_strdup(arena, colon + 1);
    return true;
}

static bool parse_maildir(struct deliver_target *target, const char *text, struct arena *arena,
                          struct fault *fault)
{
    target->kind = DELIVER_MAILDIR;
    target->place = arena_strdup(arena, text);
    return text[0] == '/' ||
           fault_set(fault, FAULT_INVALID, "[mail] deliver: a Maildir's path begins with a slash");
}

static bool parse_program(struct deliver_target *target, const char *text, struct arena *arena,
                          struct fault *fault)
{
    char *rest = arena_strdup(arena, text);
    char *word;
    target->kind = DELIVER_PROGRAM;
    while ((word = strsep(&rest, " ")) != NULL) {
        if (*word != '\0' && target->n_words == DELIVER_MAX_WORDS) {
            return fault_set(fault, FAULT_INVALID, "[mail] deliver: a program has %d words at most",
                             (int)DELIVER_MAX_WORDS);
        }
        if (*word != '\0') {
            target->words[target->n_words++] = word;
        }
    }
    target->place = target->words[0];
    if (target->place == NULL || target->place[0] != '/') {
        return fault_set(fault, FAULT_INVALID,
                         "[mail] deliver: a program's path begins with a slash");
    }
    return access(target->place, X_OK) == 0 ||
           fault_set(fault, FAULT_INVALID, "[mail] deliver: %s can't be run", target->place);
}

bool deliver_target_parse(struct deliver_target *out, const char *setting, struct arena *arena,
                          struct fault *fault)
{
    static const struct {
        const char *prefix;
        bool (*parse)(struct deliver_target *target, const char *text, struct arena *arena,
                      struct fault *fault);
    } rows[] = {{"lmtp:", parse_lmtp}, {"maildir:", parse_maildir}, {"program:", parse_program}};
    *out = (struct deliver_target){0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_starts_with(setting, rows[i].prefix)) {
            return rows[i].parse(out, setting + strlen(rows[i].prefix), arena, fault);
        }
    }
    return fault_set(fault, FAULT_INVALID,
                     "[mail] deliver: it is lmtp:PLACE, maildir:FOLDER or program:/PATH");
}
