// SPDX-License-Identifier: MIT
/* The rows of a SQLite file, read from its bytes without SQLite: for a file that is broken.
 *
 * SQLite gives up a tree at the first page that makes no sense. Here each page is judged by itself,
 * and a row is read wherever its own bytes are whole (sqlite.org/fileformat2.html, sections 1.6, 2
 * and 4). The log beside the file (PATH-wal) is taken into account as far as it is valid, as SQLite
 * would. Nothing is ever written.
 *
 * Of files as base/db makes them alone: pages of DB_PAGES_BYTES without a reserved part. The file's
 * own header is not needed. Every byte may be wrong: counts, offsets and lengths are held against
 * the page, chains of pages against the file's size. */
#ifndef BITTERN_BASE_DB_PAGES_H
#define BITTERN_BASE_DB_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

enum {
    DB_PAGES_BYTES = 4096,
    DB_PAGES_MAX_COLUMNS = 64,
    DB_PAGES_MAX_ROW_BYTES = 512 * 1024 * 1024 /* SQLite's own bound, as base/db sets it */
};

struct db_pages;

/* FAULT_NOT_FOUND, FAULT_IO. */
struct db_pages *db_pages_open(const char *path, struct fault *fault) MUST_USE;
void db_pages_close(struct db_pages **pages);
/* Pages are numbered from 1 to this. */
uint32_t db_pages_count(const struct db_pages *pages) MUST_USE;
/* user_version, as the header has it: a broken header may say anything. */
uint32_t db_pages_version(struct db_pages *pages) MUST_USE;

enum db_page_kind {
    DB_PAGE_OTHER = 0, /* none of a tree, or broken */
    DB_PAGE_INDEX_INNER = 2,
    DB_PAGE_TABLE_INNER = 5,
    DB_PAGE_INDEX_LEAF = 10, /* also of a table WITHOUT ROWID */
    DB_PAGE_TABLE_LEAF = 13
};

struct db_page {
    enum db_page_kind kind;
    uint32_t number;
    size_t n_cells; /* at most what the page can hold */
    uint8_t bytes[DB_PAGES_BYTES];
};

/* Load page `number`. False when it is not in the file or can't be read: *out is of no use then. */
bool db_pages_load(struct db_pages *pages, struct db_page *out, uint32_t number) MUST_USE;
/* Of an inner page, from 0 to n_cells; the last one is the right-most. 0: none. */
uint32_t db_page_child(const struct db_page *page, size_t index) MUST_USE;

enum db_value_kind { DB_VALUE_NULL, DB_VALUE_INTEGER, DB_VALUE_REAL, DB_VALUE_TEXT, DB_VALUE_BLOB };

struct db_value {
    enum db_value_kind kind;
    int64_t number;     /* of an integer */
    struct bytes bytes; /* of a text or blob */
};

struct db_row {
    int64_t rowid; /* 0 in an index */
    size_t n_columns;
    struct db_value columns[DB_PAGES_MAX_COLUMNS];
};

/* Cell `index` of a page that holds rows (all kinds but DB_PAGE_TABLE_INNER). The values are
 * borrowed until the next call. False when the cell or a page it goes on in makes no sense. */
bool db_pages_row(struct db_pages *pages, const struct db_page *page, size_t index,
                  struct db_row *out) MUST_USE;

#endif
