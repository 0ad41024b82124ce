// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "config/paths.h"
#include "config/spool_file.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/reports.h"
#include "gateway/store/accounts.h"

enum { SPOOL_MAX_PASSED = 64 };

struct spool {
    struct agent *agent;
    char *folder;
    struct timer timer;
    char name[SPOOL_NAME_BYTES]; /* of the mail under way; "": none */
    /* Of this round: could not be taken just now, so they wait for the next. */
    char passed[SPOOL_MAX_PASSED][SPOOL_NAME_BYTES];
    size_t n_passed;
};

static void take_next(struct spool *spool);

/* ---- files ---- */

static char *path_of(const struct spool *spool, const char *name, const char *suffix)
{
    return xasprintf("%s/%s%s", spool->folder, name, suffix);
}

static bool read_file(struct buf *out, const char *path, struct fault *fault)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && fstat(fd, &info) == 0;
    if (!ok) {
        fault_set_errno(fault, errno, "open %s", path);
    } else if (!S_ISREG(info.st_mode) || info.st_size > SPOOL_MAX_FILE_BYTES) {
        ok = fault_set(fault, FAULT_CORRUPT, "%s is too large for a spooled mail", path);
    }
    while (ok) {
        enum { PIECE_BYTES = 65536 };
        (void)buf_reserve(out, PIECE_BYTES);
        ssize_t got = read(fd, out->data + out->len, PIECE_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            ok = got == 0 || fault_set_errno(fault, errno, "read %s", path);
            break;
        }
        out->len += (size_t)got;
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static bool was_passed(const struct spool *spool, const char *file_name)
{
    for (size_t i = 0; i < spool->n_passed; i++) {
        if (strncmp(spool->passed[i], file_name, SPOOL_NAME_BYTES - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Some mail that waits; false: none. */
static bool find_next(struct spool *spool)
{
    DIR *folder = opendir(spool->folder);
    const struct dirent *entry;
    bool found = false;
    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        found = spool_name_is_good(entry->d_name) && !was_passed(spool, entry->d_name);
        if (found) {
            memcpy(spool->name, entry->d_name, SPOOL_NAME_BYTES - 1);
            spool->name[SPOOL_NAME_BYTES - 1] = '\0';
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found;
}

/* What can't be read is set aside: nobody's mail is thrown away. */
static void set_aside(struct spool *spool, const struct fault *fault)
{
    char *path = path_of(spool, spool->name, PATHS_SPOOL_SUFFIX);
    char *aside = path_of(spool, spool->name, PATHS_SPOOL_BAD_SUFFIX);
    log_error("agent", "spooled mail set aside file=%s reason=\"%s\"", aside, fault->text);
    (void)rename(path, aside);
    free(path);
    free(aside);
}

/* ---- one mail ---- */

static void round_ends(struct spool *spool)
{
    spool->name[0] = '\0';
    spool->n_passed = 0;
    timer_arm(&spool->timer, SPOOL_LOOK_MS);
}

static void pass(struct spool *spool)
{
    if (spool->n_passed == SPOOL_MAX_PASSED) {
        round_ends(spool);
        return;
    }
    memcpy(spool->passed[spool->n_passed++], spool->name, SPOOL_NAME_BYTES);
    take_next(spool);
}

/* It is in the queue, or its refusal in INBOX: committed. */
static void remove_taken(struct spool *spool)
{
    char *path = path_of(spool, spool->name, PATHS_SPOOL_SUFFIX);
    if (unlink(path) != 0) {
        log_warn("agent", "spooled mail not removed file=%s errno=%d", path, errno);
        free(path);
        pass(spool);
        return;
    }
    free(path);
    take_next(spool);
}

static void refusal_told(void *context, const struct fault *fault)
{
    struct spool *spool = context;
    if (spool->agent->closing) {
        return;
    }
    if (fault == NULL) {
        remove_taken(spool);
    } else {
        pass(spool);
    }
}

static bool is_for_good(enum fault_code code)
{
    return code == FAULT_INVALID || code == FAULT_LIMIT || code == FAULT_NOT_FOUND ||
           code == FAULT_DENIED || code == FAULT_UNSUPPORTED;
}

/* Whose INBOX a refusal goes to: the account that was named, else the sender's, else the first. */
static int64_t account_of(struct agent *agent, const struct spool_file *file)
{
    struct arena arena = {0};
    struct account *accounts = NULL;
    size_t n_accounts = 0;
    int64_t id = 0;
    const struct own_key *own =
        file->sender == NULL ? NULL : keyring_find(&agent->keyring, file->sender, NULL);
    bool named =
        file->account != NULL && accounts_find(agent_reader(agent), &id, file->account, NULL);
    if (!named && own != NULL) {
        id = own->account_id;
    } else if (!named && accounts_list(agent_reader(agent), &accounts, &n_accounts, &arena, NULL) &&
               n_accounts > 0) {
        id = accounts[0].id;
    }
    arena_clear(&arena);
    return id;
}

static void refuse(struct spool *spool, const struct spool_file *file, const struct fault *fault)
{
    const struct reports_refusal refusal = {
        .account_id = account_of(spool->agent, file),
        .recipient = file->n_recipients > 0 ? file->recipients[0] : "",
        .reason = fault->text,
        .mail = file->mail,
        .once = spool->name,
    };
    log_warn("agent", "spooled mail refused file=%s%s", spool->name, PATHS_SPOOL_SUFFIX);
    if (refusal.account_id == 0) {
        pass(spool); /* nobody to tell: it waits for an account */
        return;
    }
    reports_refuse(spool->agent->reports, &refusal, (struct reports_done){refusal_told, spool});
}

static bool load(struct spool *spool, struct buf *content, struct spool_file *out,
                 struct arena *arena)
{
    struct fault fault = {0};
    char *path = path_of(spool, spool->name, PATHS_SPOOL_SUFFIX);
    bool ok =
        read_file(content, path, &fault) && spool_file_read(out, buf_view(content), arena, &fault);
    if (!ok && (fault.code == FAULT_CORRUPT || fault.code == FAULT_LIMIT)) {
        set_aside(spool, &fault);
    }
    free(path);
    return ok;
}

static void answered(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct spool *spool = context;
    (void)text;
    (void)id;
    if (spool->agent->closing) {
        return;
    }
    if (fault == NULL) {
        log_info("agent", "spooled mail accepted");
        remove_taken(spool);
        return;
    }
    struct arena arena = {0};
    struct buf content = {0};
    struct spool_file file;
    if (!is_for_good(fault->code) || !load(spool, &content, &file, &arena)) {
        pass(spool);
    } else {
        refuse(spool, &file, fault);
    }
    buf_clear(&content);
    arena_clear(&arena);
}

static void submit(struct spool *spool, const struct spool_file *file)
{
    const struct agent_submission submission = {
        .account = file->account,
        .sender = file->sender,
        .full_name = file->full_name,
        .recipients = file->recipients,
        .n_recipients = file->n_recipients,
        .recipients_of_mail = file->recipients_of_mail,
        .notify = file->notify,
        .return_full = file->return_full,
        .envelope_id = file->envelope_id,
        .mail = file->mail,
        .once = spool->name,
    };
    agent_submit(spool->agent, &submission, (struct agent_done){answered, spool});
}

static void take_next(struct spool *spool)
{
    struct arena arena = {0};
    struct buf content = {0};
    struct spool_file file;
    if (!find_next(spool)) {
        round_ends(spool);
    } else if (load(spool, &content, &file, &arena)) {
        submit(spool, &file);
    } else {
        pass(spool);
    }
    buf_clear(&content);
    arena_clear(&arena);
}

/* ---- life ---- */

static void look(void *context)
{
    take_next(context);
}

struct spool *spool_new(struct agent *agent, const char *folder)
{
    struct spool *spool = xcalloc(1, sizeof(*spool));
    spool->agent = agent;
    spool->folder = paths_in(folder, PATHS_SPOOL);
    timer_init(&spool->timer, agent->parts.loop, look, spool);
    timer_arm(&spool->timer, 0);
    return spool;
}

void spool_stop(struct spool *spool)
{
    timer_cancel(&spool->timer);
}

void spool_free(struct spool **spool_in)
{
    struct spool *spool = *spool_in;
    *spool_in = NULL;
    if (spool != NULL) {
        free(spool->folder);
        free(spool);
    }
}
