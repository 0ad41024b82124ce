// SPDX-License-Identifier: MIT
/* A mail into a Maildir: written in tmp/ and synced, linked into new/, the folder synced. The
 * file's name is the mail's mark, so what a crash repeats is found to be there, also when a mail
 * program has moved it to cur/ and put its flags behind. */
#include "gateway/cli/deliver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "gateway/cli/moving/maildir.h"

static int complain(const char *what, const char *path)
{
    int why = errno;
    fprintf(stderr, "deliver: %s %s: %s\n", what, path, strerror(why));
    return why == ENOSPC || why == EDQUOT || why == EIO || why == EAGAIN ? EX_TEMPFAIL
                                                                         : EX_CANTCREAT;
}

/* {account} stands for the account, whose name has no slash and does not begin with a dot. */
static void write_folder(struct buf *out, const char *pattern, const char *account)
{
    static const char HOLE[] = "{account}";
    const char *hole;
    while ((hole = strstr(pattern, HOLE)) != NULL) {
        buf_append(out, pattern, (size_t)(hole - pattern));
        buf_append_str(out, account);
        pattern = hole + strlen(HOLE);
    }
    buf_append_str(out, pattern);
}

static bool make_folders(const char *folder)
{
    static const char *const parts[] = {"", "/tmp", "/new", "/cur"};
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(parts) && ok; i++) {
        char *path = xasprintf("%s%s", folder, parts[i]);
        ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        free(path);
    }
    return ok;
}

/* Is there a file with that name, flags behind it not counted? */
static bool holds(const char *folder, const char *part, const char *name)
{
    char *path = xasprintf("%s/%s", folder, part);
    DIR *listing = opendir(path);
    const struct dirent *entry;
    size_t len = strlen(name);
    bool found = false;
    while (listing != NULL && !found && (entry = readdir(listing)) != NULL) {
        found = strncmp(entry->d_name, name, len) == 0 &&
                (entry->d_name[len] == '\0' || entry->d_name[len] == ':');
    }
    if (listing != NULL) {
        closedir(listing);
    }
    free(path);
    return found;
}

static bool sync_folder(const char *folder, const char *part)
{
    char *path = xasprintf("%s/%s", folder, part);
    bool ok = file_sync_folder(path, NULL);
    free(path);
    return ok;
}

static int put(const char *folder, const char *name, struct bytes content)
{
    char *temporary = xasprintf("%s/tmp/%s", folder, name);
    char *path = xasprintf("%s/new/%s", folder, name);
    int code = EX_OK;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || !file_write_synced(fd, content, NULL)) {
        code = complain("write", temporary);
    } else if ((link(temporary, path) != 0 && errno != EEXIST) || !sync_folder(folder, "new")) {
        code = complain("link", path);
    }
    if (fd >= 0) {
        close(fd);
        (void)unlink(temporary);
    }
    free(path);
    free(temporary);
    return code;
}

/* What a kill between link and unlink left. */
static void remove_temporary(const char *folder, const char *name)
{
    char *temporary = xasprintf("%s/tmp/%s", folder, name);
    (void)unlink(temporary);
    free(temporary);
}

int deliver_into_maildir(const struct deliver_target *target, const char *account, const char *mark,
                         struct bytes mail)
{
    struct buf folder = {0};
    struct buf content = {0};
    char *name = xasprintf("%s.bittern", mark);
    int code = EX_OK;
    write_folder(&folder, target->place, account);
    if (strchr(account, '/') != NULL || strchr(mark, '/') != NULL) {
        fprintf(stderr, "deliver: a slash in a name\n");
        code = EX_USAGE;
    } else if (!make_folders(buf_str(&folder))) {
        code = complain("make the folder", buf_str(&folder));
    } else if (holds(buf_str(&folder), "new", name) || holds(buf_str(&folder), "cur", name)) {
        remove_temporary(buf_str(&folder), name);
    } else {
        maildir_to_lf(&content, mail);
        code = put(buf_str(&folder), name, buf_view(&content));
    }
    free(name);
    buf_clear(&content);
    buf_clear(&folder);
    return code;
}
