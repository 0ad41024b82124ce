// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/cli/moving/export_folder.h"

void maildir_to_lf(struct buf *out, struct bytes mail)
{
    for (size_t i = 0; i < mail.len; i++) {
        if (mail.data[i] != '\r' || i + 1 == mail.len || mail.data[i + 1] != '\n') {
            buf_append_byte(out, mail.data[i]);
        }
    }
}

/* ---- names ---- */

static const struct flag_row {
    char letter; /* in the order of the alphabet, as they are written */
    size_t offset;
} flag_rows[] = {
    {'D', offsetof(struct mail_flags, draft)},    {'F', offsetof(struct mail_flags, flagged)},
    {'R', offsetof(struct mail_flags, answered)}, {'S', offsetof(struct mail_flags, seen)},
    {'T', offsetof(struct mail_flags, deleted)},
};

static bool *flag_at(struct mail_flags *flags, const struct flag_row *row)
{
    return (bool *)((char *)flags + row->offset);
}

static void write_letters(char out[ARRAY_LEN(flag_rows) + 1], struct mail_flags flags)
{
    for (size_t i = 0; i < ARRAY_LEN(flag_rows); i++) {
        if (*flag_at(&flags, &flag_rows[i])) {
            *out++ = flag_rows[i].letter;
        }
    }
    *out = '\0';
}

void maildir_parse_name(struct maildir_mail *out, const char *name, int64_t otherwise_sec)
{
    static const char mark[] = ":2,";
    const char *letters = strstr(name, mark);
    uint64_t sec = 0;
    size_t n_digits = strcspn(name, ".");
    *out = (struct maildir_mail){.sec = otherwise_sec};
    if (parse_u64(bytes_slice(bytes_of_str(name), 0, n_digits), UINT32_MAX, &sec) && sec > 0) {
        out->sec = (int64_t)sec;
    }
    for (size_t i = 0; letters != NULL && i < ARRAY_LEN(flag_rows); i++) {
        *flag_at(&out->flags, &flag_rows[i]) =
            strchr(letters + strlen(mark), flag_rows[i].letter) != NULL;
    }
}

/* ---- writing ---- */

static bool put(FILE *file, const char *name, struct bytes content, int64_t sec,
                struct fault *fault)
{
    struct buf text = {0};
    const struct timespec times[2] = {{.tv_sec = (time_t)sec}, {.tv_sec = (time_t)sec}};
    maildir_to_lf(&text, content);
    (void)fwrite(text.data, 1, text.len, file);
    buf_clear(&text);
    (void)fflush(file);
    (void)futimens(fileno(file), times);
    return export_file_close(file, name, fault);
}

bool maildir_write(const struct export_folder *folder, const char *place,
                   const struct maildir_mail *mail, struct bytes content, struct fault *fault)
{
    char letters[ARRAY_LEN(flag_rows) + 1];
    write_letters(letters, mail->flags);
    bool is_new = letters[0] == '\0';
    char *name = xasprintf("%s/%s/%lld.N%zu.bittern%s%s", place, is_new ? "new" : "cur",
                           (long long)mail->sec, mail->number, is_new ? "" : ":2,", letters);
    static const char *const parts[] = {"/tmp/", "/new/", "/cur/"};
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(parts) && ok; i++) {
        char *part = xasprintf("%s%s", place, parts[i]);
        ok = export_folder_make(folder, part, fault);
        free(part);
    }
    FILE *file = ok ? export_folder_file(folder, name, fault) : NULL;
    ok = file != NULL && put(file, name, content, mail->sec, fault);
    free(name);
    return ok;
}

/* ---- reading ---- */

struct reading {
    bool (*each)(void *context, const struct maildir_mail *mail, struct bytes content,
                 struct fault *fault);
    void *context;
};

/* The whole of a plain file; false when it is none, or was said to be unreadable. */
static bool read_file(struct buf *out, int folder, const char *name, int64_t *out_sec)
{
    struct stat status;
    struct fault why = {0};
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool is_file = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    size_t got = 0;
    bool ok = is_file;
    if (is_file && (status.st_size > MAILDIR_MAX_MAIL_BYTES ||
                    !buf_reserve(out, (size_t)status.st_size + 1))) {
        ok = fault_set(&why, FAULT_LIMIT, "it is longer than %d bytes", MAILDIR_MAX_MAIL_BYTES);
    }
    ok = ok && file_read_up_to(fd, out->data, (size_t)status.st_size, &got, &why);
    if (ok) {
        out->len = got;
        *out_sec = status.st_mtime;
    } else if (is_file) {
        fprintf(stderr, "bittern: left out %s: %s\n", name, why.text);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* False in *out_found when there is no such folder. */
static bool read_part(const struct reading *reading, const char *folder, const char *part,
                      bool *out_found, struct fault *fault)
{
    struct dirent **entries = NULL;
    char *path = xasprintf("%s/%s", folder, part);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int n_entries = fd >= 0 ? scandirat(fd, ".", &entries, is_shown, alphasort) : 0;
    bool ok = n_entries >= 0 || fault_set_errno(fault, errno, "read %s", path);
    *out_found = *out_found || fd >= 0;
    for (int i = 0; i < n_entries; i++) {
        struct buf content = {0};
        struct maildir_mail mail;
        int64_t sec;
        if (ok && read_file(&content, fd, entries[i]->d_name, &sec)) {
            maildir_parse_name(&mail, entries[i]->d_name, sec);
            ok = reading->each(reading->context, &mail, buf_view(&content), fault);
        }
        buf_clear(&content);
        free(entries[i]);
    }
    free(entries);
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return ok;
}

bool maildir_read(const char *folder,
                  bool (*each)(void *context, const struct maildir_mail *mail, struct bytes content,
                               struct fault *fault),
                  void *context, struct fault *fault)
{
    const struct reading reading = {each, context};
    bool found = false;
    return read_part(&reading, folder, "cur", &found, fault) &&
           read_part(&reading, folder, "new", &found, fault) &&
           (found || fault_set(fault, FAULT_NOT_FOUND, "%s is no Maildir", folder));
}
