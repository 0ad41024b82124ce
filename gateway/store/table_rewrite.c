// SPDX-License-Identifier: MIT
#include "gateway/store/table_rewrite.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/mem.h"

/* What makes the table and what hangs on it, in that order. */
struct shape {
    struct arena arena;
    const char **statements;
    size_t n_statements;
    size_t capacity;
};

static bool read_shape(struct shape *out, struct db *db, const char *table, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT sql FROM main.sqlite_schema WHERE tbl_name = ?1 AND sql IS NOT NULL"
                   " ORDER BY type != 'table', rowid",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, table);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        out->statements = array_grow(out->statements, out->n_statements, &out->capacity,
                                     sizeof(*out->statements));
        out->statements[out->n_statements++] = arena_strdup(&out->arena, db_column_text(stmt, 0));
    }
    return step == DB_DONE && (out->n_statements > 0 ||
                               fault_set(fault, FAULT_INTERNAL, "there is no table %s", table));
}

static bool read_sequence(int64_t *out, struct db *db, const char *table, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT seq FROM main.sqlite_sequence WHERE name = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, table);
    enum db_step step = db_step(stmt, fault);
    *out = step == DB_ROW ? db_column_i64(stmt, 0) : 0;
    db_reset(stmt);
    return step != DB_FAILED;
}

static bool write_sequence(struct db *db, const char *table, int64_t sequence, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "UPDATE main.sqlite_sequence SET seq = ?2 WHERE name = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, table);
    db_bind_i64(stmt, 2, sequence);
    return db_run(stmt, fault);
}

static bool run(struct db *db, struct fault *fault, const char *format, const char *table)
{
    struct buf sql = {0};
    const char *rest = format;
    for (const char *at = format; *at != '\0'; at++) {
        if (*at == '@') {
            buf_append(&sql, rest, (size_t)(at - rest));
            buf_append_str(&sql, table);
            rest = at + 1;
        }
    }
    buf_append_str(&sql, rest);
    bool ok = db_exec(db, buf_str(&sql), fault);
    buf_clear(&sql);
    return ok;
}

/* The copy is in memory (temp_store). */
static bool make_anew(struct db *db, const char *table, const struct shape *shape, int64_t sequence,
                      struct fault *fault)
{
    bool ok = run(db, fault, "CREATE TEMP TABLE moved AS SELECT * FROM main.@; DROP TABLE main.@",
                  table) &&
              db_exec(db, shape->statements[0], fault) &&
              run(db, fault, "INSERT INTO main.@ SELECT * FROM temp.moved; DROP TABLE temp.moved",
                  table) &&
              write_sequence(db, table, sequence, fault);
    for (size_t i = 1; ok && i < shape->n_statements; i++) {
        ok = db_exec(db, shape->statements[i], fault);
    }
    return ok;
}

bool table_rewrite(struct db *db, const char *table, struct fault *fault)
{
    struct shape shape = {0};
    int64_t sequence = 0;
    bool ok = read_shape(&shape, db, table, fault) && read_sequence(&sequence, db, table, fault) &&
              make_anew(db, table, &shape, sequence, fault);
    free(shape.statements);
    arena_clear(&shape.arena);
    return ok || fault_wrap(fault, "write the table %s anew", table);
}
