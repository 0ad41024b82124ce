// SPDX-License-Identifier: MIT
#include "tests/gateway/backup/salvage_steps.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/file.h"
#include "base/mem.h"
#include "gateway/backup/salvage.h"
#include "gateway/store/mail_db.h"

/* ---- the database ---- */

void salvage_run_sql(const char *path, const char *sql)
{
    struct fault fault = {0};
    struct db *db = mail_db_open(path, &fault);
    if (db == NULL || !db_exec(db, sql, &fault)) {
        fail_msg("%s", fault.text);
    }
    db_close(&db);
}

void salvage_identity_of(struct identity_keys *out, char text[ADDRESS_TEXT_BYTES], int number)
{
    struct private_key keys[2];
    char words[2][16];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(words[i], sizeof words[i], "key %d", number);
        assert_true(private_key_from_passphrase(&keys[i], bytes_of_str(words[i]), (uint64_t)i));
    }
    identity_keys_derive(out, &keys[0], &keys[1]);
    struct address address = address_of_keys(4, 1, &out->signing_public, &out->encryption_public);
    address_encode(text, &address);
}

void salvage_add_identity(struct db *db, int number)
{
    struct fault fault = {0};
    struct identity_keys keys;
    char text[ADDRESS_TEXT_BYTES];
    salvage_identity_of(&keys, text, number);
    struct db_stmt *stmt = db_prepare(
        db,
        "INSERT INTO identity (account_id, kind, address, label, signing_key, encryption_key,"
        " behaviour, trials_per_byte, extra_bytes, created_sec) SELECT id, 0, ?1, 'me', ?2, ?3, 1,"
        " 1000, 1000, 5 FROM account LIMIT 1",
        &fault);
    assert_non_null(stmt);
    db_bind_text(stmt, 1, text);
    db_bind_bytes(stmt, 2, (struct bytes){keys.signing.scalar, PRIVATE_KEY_BYTES});
    db_bind_bytes(stmt, 3, (struct bytes){keys.encryption.scalar, PRIVATE_KEY_BYTES});
    assert_true(db_run(stmt, &fault));
    stmt = db_prepare(db, "INSERT INTO login_alias SELECT ?1, id FROM account LIMIT 1", &fault);
    db_bind_text(stmt, 1, text);
    assert_true(db_run(stmt, &fault));
}

/* ---- its bytes ---- */

struct buf salvage_read_file(const char *path)
{
    struct fault fault = {0};
    struct buf out = {0};
    static uint8_t piece[1 << 16];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    assert_true(fd >= 0);
    do {
        assert_true(file_read_up_to(fd, piece, sizeof piece, &n, &fault));
        buf_append(&out, piece, n);
    } while (n > 0);
    close(fd);
    return out;
}

void salvage_write_file(const char *path, const struct buf *content)
{
    struct fault fault = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_true(file_write_all(fd, buf_view(content), &fault));
    close(fd);
}

/* ---- salvaging ---- */

struct buf salvage_report;

long salvage_reported(const char *name)
{
    char *line = xasprintf("%s=", name);
    const char *found = strstr(buf_str(&salvage_report), line);
    long value = found != NULL ? atol(found + strlen(line)) : -1;
    free(line);
    return value;
}

enum fault_code salvage_run(struct fixture *fixture, const struct buf *broken)
{
    struct fault fault = {0};
    char *wal = xasprintf("%s-wal", fixture->path);
    unlink(wal);
    free(wal);
    salvage_write_file(fixture->path, broken);
    buf_clear(&salvage_report);
    if (!salvage_prepare(fixture->folder, &salvage_report, &fault)) {
        return fault.code;
    }
    if (!salvage_finish(fixture->folder, clock_now_sec(), &salvage_report, &fault)) {
        fail_msg("%s", fault.text);
    }
    return FAULT_NONE;
}

int64_t salvage_number(struct fixture *fixture, const char *sql)
{
    struct fault fault = {0};
    struct db *db = mail_db_open_reader(fixture->path, &fault);
    struct db_stmt *stmt = db != NULL ? db_prepare(db, sql, &fault) : NULL;
    if (stmt == NULL || db_step(stmt, &fault) != DB_ROW) {
        fail_msg("%s", fault.text);
    }
    int64_t value = db_column_i64(stmt, 0);
    db_reset(stmt);
    db_close(&db);
    return value;
}
