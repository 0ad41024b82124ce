// SPDX-License-Identifier: MIT
#include "gateway/backup/salvage_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/db.h"

/* ---- The model. ---- */

static enum db_value_kind kind_of(const char *type)
{
    return strcmp(type, "INTEGER") == 0 ? DB_VALUE_INTEGER
           : strcmp(type, "TEXT") == 0  ? DB_VALUE_TEXT
                                        : DB_VALUE_BLOB;
}

/* A row: name, type, not null, has a default, is the rowid. */
static bool read_columns(struct salvage_table *table, struct arena *arena, struct db_stmt *stmt,
                         struct fault *fault)
{
    struct salvage_column columns[DB_PAGES_MAX_COLUMNS];
    enum db_step step;
    db_bind_text(stmt, 1, table->name);
    while ((step = db_step(stmt, fault)) == DB_ROW && table->n_columns < ARRAY_LEN(columns)) {
        columns[table->n_columns++] = (struct salvage_column){
            .name = arena_strdup(arena, db_column_text(stmt, 0)),
            .kind = kind_of(db_column_text(stmt, 1)),
            .may_be_null = db_column_i64(stmt, 2) == 0,
            .is_rowid = db_column_i64(stmt, 4) != 0,
        };
        if (db_column_i64(stmt, 2) != 0 && db_column_i64(stmt, 3) == 0) {
            table->n_required = table->n_columns;
        }
    }
    db_reset(stmt);
    table->columns = arena_memdup(arena, columns, table->n_columns * sizeof *columns);
    return step == DB_DONE;
}

static const char table_columns_sql[] =
    "SELECT c.name, c.type, c.\"notnull\" OR c.pk, c.dflt_value IS NOT NULL,"
    " NOT t.wr AND c.pk AND c.type = 'INTEGER'"
    " FROM pragma_table_list(?1) t, pragma_table_xinfo(?1) c"
    " ORDER BY CASE WHEN t.wr AND c.pk THEN c.pk ELSE 1000 + c.cid END";
/* The key's columns, with those of the table's own key or rowid behind them. */
static const char index_columns_sql[] =
    "SELECT coalesce(c.name, ''), coalesce(c.type, 'INTEGER'), 0, 0, 0"
    " FROM pragma_index_xinfo(?1) i LEFT JOIN pragma_table_xinfo("
    "(SELECT tbl_name FROM sqlite_schema WHERE name = ?1)) c ON c.cid = i.cid ORDER BY i.seqno";

static bool read_model(struct salvage_map *map, struct db *model, struct fault *fault)
{
    struct salvage_table tables[SALVAGE_MAX_TABLES];
    struct db_stmt *stmt =
        db_prepare(model,
                   "SELECT s.name, s.type = 'index', s.rootpage, coalesce((SELECT wr FROM"
                   " pragma_table_list(s.name)), 0) FROM sqlite_schema s WHERE s.rootpage > 0",
                   fault);
    enum db_step step = DB_FAILED;
    while (stmt != NULL && (step = db_step(stmt, fault)) == DB_ROW &&
           map->n_tables < ARRAY_LEN(tables)) {
        tables[map->n_tables++] = (struct salvage_table){
            .name = arena_strdup(&map->arena, db_column_text(stmt, 0)),
            .is_index = db_column_i64(stmt, 1) != 0,
            .root = (uint32_t)db_column_i64(stmt, 2),
            .without_rowid = db_column_i64(stmt, 3) != 0,
        };
    }
    bool ok = step == DB_DONE;
    for (size_t i = 0; ok && i < map->n_tables; i++) {
        stmt = db_prepare(model, tables[i].is_index ? index_columns_sql : table_columns_sql, fault);
        ok = stmt != NULL && read_columns(&tables[i], &map->arena, stmt, fault);
    }
    map->tables = arena_memdup(&map->arena, tables, map->n_tables * sizeof *tables);
    return ok;
}

/* ---- Shapes. ---- */

static bool value_fits(const struct salvage_column *column, const struct db_value *value)
{
    if (value->kind == DB_VALUE_NULL) {
        return column->may_be_null || column->is_rowid;
    }
    return !column->is_rowid && (column->kind == value->kind ||
                                 (column->kind == DB_VALUE_BLOB && value->kind != DB_VALUE_REAL));
}

bool salvage_row_fits(const struct salvage_table *table, const struct db_row *row)
{
    if (row->n_columns > table->n_columns || row->n_columns < table->n_required ||
        (table->is_index && row->n_columns != table->n_columns)) {
        return false;
    }
    for (size_t i = 0; i < row->n_columns; i++) {
        if (!value_fits(&table->columns[i], &row->columns[i])) {
            return false;
        }
    }
    return true;
}

static bool kind_fits(const struct salvage_table *table, enum db_page_kind kind)
{
    return table->is_index || table->without_rowid
               ? kind == DB_PAGE_INDEX_LEAF || kind == DB_PAGE_INDEX_INNER
               : kind == DB_PAGE_TABLE_LEAF || kind == DB_PAGE_TABLE_INNER;
}

/* No row of the page that can be read contradicts; how many agree. */
static bool page_fits(struct db_pages *pages, const struct db_page *page,
                      const struct salvage_table *table, size_t *out_n_agree)
{
    struct db_row row;
    *out_n_agree = 0;
    if (!kind_fits(table, page->kind)) {
        return false;
    }
    for (size_t i = 0; i < page->n_cells && page->kind != DB_PAGE_TABLE_INNER; i++) {
        if (db_pages_row(pages, page, i, &row)) {
            if (!salvage_row_fits(table, &row)) {
                return false;
            }
            ++*out_n_agree;
        }
    }
    return true;
}

/* ---- Trees. ---- */

struct stack {
    uint32_t *numbers;
    size_t n;
    size_t capacity;
};

static void push(struct stack *stack, uint32_t number)
{
    stack->numbers = array_grow(stack->numbers, stack->n, &stack->capacity, sizeof(uint32_t));
    stack->numbers[stack->n++] = number;
}

/* Each page is looked at once, so a broken number can't lead round in a circle. A page of another
 * table, to which one may lead, is left to its own tree. */
static void own_tree(struct salvage_map *map, struct db_pages *pages, uint8_t index)
{
    struct db_page page;
    const struct salvage_table *table = &map->tables[index];
    struct stack stack = {0};
    push(&stack, table->root);
    while (stack.n > 0) {
        uint32_t number = stack.numbers[--stack.n];
        size_t n_agree;
        if (number <= map->n_pages && map->owners[number] == index) {
            continue;
        }
        if (!db_pages_load(pages, &page, number) || map->owners[number] != SALVAGE_NO_TABLE ||
            !page_fits(pages, &page, table, &n_agree)) {
            map->n_broken++;
            continue;
        }
        map->owners[number] = index;
        bool is_inner = page.kind == DB_PAGE_TABLE_INNER || page.kind == DB_PAGE_INDEX_INNER;
        for (size_t i = 0; is_inner && i <= page.n_cells; i++) {
            push(&stack, db_page_child(&page, i));
        }
    }
    free(stack.numbers);
}

/* ---- Roots. ---- */

/* The list of tables is a table itself: its rows are type, name, table's name, root, SQL. */
static bool is_list_row(const struct db_row *row)
{
    const struct db_value *v = row->columns;
    return row->n_columns == 5 && v[0].kind == DB_VALUE_TEXT && v[1].kind == DB_VALUE_TEXT &&
           v[2].kind == DB_VALUE_TEXT && v[3].kind == DB_VALUE_INTEGER &&
           (v[4].kind == DB_VALUE_TEXT || v[4].kind == DB_VALUE_NULL);
}

static void take_root(struct salvage_map *map, const struct db_row *row, bool *found)
{
    for (size_t i = 0; i < map->n_tables; i++) {
        int64_t root = row->columns[3].number;
        if (!found[i] && root > 1 && root <= map->n_pages &&
            bytes_equal(row->columns[1].bytes, bytes_of_str(map->tables[i].name))) {
            map->tables[i].root = (uint32_t)root;
            found[i] = true;
        }
    }
}

/* Its pages are looked for everywhere: the first page, from which they hang, may be the broken one.
 * Its rows are like no other table's. */
static void find_roots(struct salvage_map *map, struct db_pages *pages)
{
    struct db_page page;
    struct db_row row;
    bool found[SALVAGE_MAX_TABLES] = {0};
    for (uint32_t number = 1; number <= map->n_pages; number++) {
        if (!db_pages_load(pages, &page, number) || page.kind != DB_PAGE_TABLE_LEAF) {
            continue;
        }
        for (size_t i = 0; i < page.n_cells; i++) {
            if (db_pages_row(pages, &page, i, &row) && is_list_row(&row)) {
                take_root(map, &row, found);
            }
        }
    }
}

/* ---- Pages that no tree leads to. ---- */

/* Three tables have rows of a number and a blob. The numbers of pieces are far above those of the
 * bodies that they belong to; what the others hold can be done without. */
static bool is_piece(struct db_pages *pages, const struct db_page *page)
{
    struct db_row row;
    return page->kind == DB_PAGE_TABLE_LEAF && db_pages_row(pages, page, 0, &row) &&
           row.n_columns == 2 && row.columns[1].kind == DB_VALUE_BLOB && row.rowid >= 1024;
}

static uint8_t guess(const struct salvage_map *map, struct db_pages *pages,
                     const struct db_page *page)
{
    uint8_t chosen = SALVAGE_NO_TABLE;
    size_t n_fitting = 0;
    for (size_t i = 0; i < map->n_tables; i++) {
        size_t n_agree;
        if (page_fits(pages, page, &map->tables[i], &n_agree) && n_agree > 0) {
            bool is_pieces = strcmp(map->tables[i].name, "body_piece") == 0;
            if (is_pieces && is_piece(pages, page)) {
                return (uint8_t)i;
            }
            n_fitting++;
            chosen = (uint8_t)i;
        }
    }
    return n_fitting == 1 && !map->tables[chosen].is_index ? chosen : SALVAGE_NO_TABLE;
}

static void own_lost(struct salvage_map *map, struct db_pages *pages)
{
    struct db_page page;
    for (uint32_t number = 2; number <= map->n_pages; number++) {
        if (map->owners[number] == SALVAGE_NO_TABLE && db_pages_load(pages, &page, number) &&
            page.kind != DB_PAGE_OTHER) {
            map->owners[number] = guess(map, pages, &page);
        }
    }
}

/* ---- All of it. ---- */

bool salvage_map_make(struct salvage_map *out, struct db_pages *pages, struct db *model,
                      struct fault *fault)
{
    *out = (struct salvage_map){.n_pages = db_pages_count(pages)};
    out->owners = xmalloc((size_t)out->n_pages + 1);
    memset(out->owners, SALVAGE_NO_TABLE, (size_t)out->n_pages + 1);
    if (!read_model(out, model, fault)) {
        salvage_map_clear(out);
        return false;
    }
    find_roots(out, pages);
    for (size_t i = 0; i < out->n_tables; i++) {
        own_tree(out, pages, (uint8_t)i);
    }
    own_lost(out, pages);
    return true;
}

void salvage_map_clear(struct salvage_map *map)
{
    free(map->owners);
    arena_clear(&map->arena);
    *map = (struct salvage_map){0};
}

const struct salvage_table *salvage_map_find(const struct salvage_map *map, const char *name)
{
    for (size_t i = 0; i < map->n_tables; i++) {
        if (strcmp(map->tables[i].name, name) == 0) {
            return &map->tables[i];
        }
    }
    return NULL;
}
