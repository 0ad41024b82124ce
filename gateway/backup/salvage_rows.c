// SPDX-License-Identifier: MIT
#include "gateway/backup/salvage_rows.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/db.h"
#include "base/db_pages.h"
#include "base/mem.h"
#include "crypto/address.h"
#include "crypto/key.h"
#include "gateway/agent/keys/lock_db.h"
#include "gateway/backup/salvage_map.h"

/* No table counts so far in a thousand years: such a number is damage, and as the highest one given
 * out it would leave no room above it. Pieces are numbered 1024 a body. */
#define ID_MAX (INT64_C(1) << 40)
#define PIECE_ID_MAX (ID_MAX * 1024)

struct copy {
    struct db *to;
    struct db_pages *pages;
    const struct salvage_map *map;
    struct salvage_losses *losses;
};

/* ---- What a row must say beyond its shape. ---- */

/* A text that everybody takes for an address. */
static const struct {
    const char *table;
    const char *column;
} address_columns[] = {
    {"contact", "address"},      {"broadcast_subscription", "address"},
    {"sender_rule", "address"},  {"chan_rule", "address"},
    {"pubkey", "address"},       {"outgoing", "recipient"},
    {"outgoing_mail", "sender"},
};

static struct db_value *value_of(const struct salvage_table *table, struct db_row *row,
                                 const char *column)
{
    for (size_t i = 0; i < row->n_columns; i++) {
        if (strcmp(table->columns[i].name, column) == 0) {
            return &row->columns[i];
        }
    }
    return NULL;
}

static bool addresses_are_sound(const struct salvage_table *table, struct db_row *row)
{
    for (size_t i = 0; i < ARRAY_LEN(address_columns); i++) {
        const struct db_value *value = strcmp(address_columns[i].table, table->name) == 0
                                           ? value_of(table, row, address_columns[i].column)
                                           : NULL;
        struct address address;
        if (value != NULL && address_decode(&address, value->bytes) != ADDRESS_OK) {
            return false;
        }
    }
    return true;
}

/* An identity's row, as far as it concerns its keys. */
struct key_row {
    struct address named;
    bool is_named; /* its address can be read */
    int64_t lock_id;
    struct bytes signing;
    struct bytes encryption;
    struct bytes public_keys;
};

enum key_state { KEY_SOUND, KEY_NAMELESS, KEY_DAMAGED };

/* Keys and address prove each other. An address that can't be read is worked out from the keys. */
static enum key_state judge_address(const struct key_row *row, const struct public_key *signing,
                                    const struct public_key *encryption,
                                    char out_text[ADDRESS_TEXT_BYTES])
{
    struct address made =
        address_of_keys(row->is_named ? row->named.version : ADDRESS_MAX_VERSION,
                        row->is_named ? row->named.stream : 1, signing, encryption);
    address_encode(out_text, &made);
    return !row->is_named                      ? KEY_NAMELESS
           : address_equal(&made, &row->named) ? KEY_SOUND
                                               : KEY_DAMAGED;
}

static enum key_state judge_clear(const struct key_row *row, char out_text[ADDRESS_TEXT_BYTES])
{
    struct private_key private_keys[2] = {0};
    struct identity_keys keys = {0};
    enum key_state state = KEY_DAMAGED;
    if (private_key_parse(&private_keys[0], row->signing) &&
        private_key_parse(&private_keys[1], row->encryption)) {
        identity_keys_derive(&keys, &private_keys[0], &private_keys[1]);
        state = judge_address(row, &keys.signing_public, &keys.encryption_public, out_text);
    }
    mem_wipe(private_keys, sizeof private_keys);
    identity_keys_wipe(&keys);
    return state;
}

/* Sealed, or in clear and of that public half. */
static bool is_half(struct bytes stored, const struct public_key *expected)
{
    struct private_key key = {0};
    struct public_key derived;
    bool is_sealed = stored.len == LOCK_SEALED_BYTES;
    bool is_clear = !is_sealed && private_key_parse(&key, stored);
    if (is_clear) {
        public_key_derive(&derived, &key);
    }
    private_key_wipe(&key);
    return is_sealed || (is_clear && public_key_equal(&derived, expected));
}

/* What is sealed shows itself when it is opened; its public halves stand beside it. */
static enum key_state judge_sealed(const struct key_row *row, char out_text[ADDRESS_TEXT_BYTES])
{
    struct public_key halves[2];
    bool is_whole =
        row->public_keys.len == LOCK_PUBLIC_KEYS_BYTES &&
        public_key_parse(&halves[0], bytes_slice(row->public_keys, 0, PUBLIC_KEY_BYTES)) &&
        public_key_parse(&halves[1],
                         bytes_slice(row->public_keys, PUBLIC_KEY_BYTES, LOCK_PUBLIC_KEYS_BYTES)) &&
        is_half(row->signing, &halves[0]) && is_half(row->encryption, &halves[1]);
    return is_whole ? judge_address(row, &halves[0], &halves[1], out_text) : KEY_DAMAGED;
}

static struct bytes bytes_in(const struct salvage_table *table, struct db_row *row,
                             const char *column)
{
    const struct db_value *value = value_of(table, row, column);
    return value != NULL ? value->bytes : (struct bytes){0};
}

/* `text` takes the place of an address that can't be read. A row that no start would take is left
 * out. */
static bool keys_are_sound(struct copy *copy, const struct salvage_table *table, struct db_row *row,
                           char text[ADDRESS_TEXT_BYTES])
{
    struct db_value *name = value_of(table, row, "address");
    const struct db_value *lock = value_of(table, row, "lock_id"); /* a later column */
    if (strcmp(table->name, "identity") != 0 || name == NULL) {
        return true;
    }
    struct key_row keys = {
        .lock_id = lock != NULL ? lock->number : 0,
        .signing = bytes_in(table, row, "signing_key"),
        .encryption = bytes_in(table, row, "encryption_key"),
        .public_keys = bytes_in(table, row, "public_keys"),
    };
    keys.is_named = address_decode(&keys.named, name->bytes) == ADDRESS_OK;
    switch (keys.lock_id == 0 ? judge_clear(&keys, text) : judge_sealed(&keys, text)) {
    case KEY_SOUND:
        return true;
    case KEY_NAMELESS:
        name->bytes = bytes_of_str(text);
        return true;
    case KEY_DAMAGED:
        break;
    }
    copy->losses->n_damaged_keys++;
    return false;
}

/* ---- Writing a row. ---- */

/* Columns that came later than the row have their default. */
static void write_insert(struct buf *out, const struct salvage_table *table, size_t n_columns)
{
    buf_reset(out);
    buf_printf(out, "INSERT OR IGNORE INTO \"%s\" (", table->name);
    for (size_t i = 0; i < n_columns; i++) {
        buf_printf(out, "%s\"%s\"", i > 0 ? ", " : "", table->columns[i].name);
    }
    buf_append_str(out, ") VALUES (");
    for (size_t i = 0; i < n_columns; i++) {
        buf_printf(out, "%s?%zu", i > 0 ? ", " : "", i + 1);
    }
    buf_append_byte(out, ')');
}

static void bind_value(struct db_stmt *stmt, int index, const struct db_value *value)
{
    switch (value->kind) {
    case DB_VALUE_INTEGER:
        db_bind_i64(stmt, index, value->number);
        break;
    case DB_VALUE_TEXT:
        db_bind_text_bytes(stmt, index, value->bytes);
        break;
    case DB_VALUE_BLOB:
        db_bind_bytes(stmt, index, value->bytes);
        break;
    case DB_VALUE_NULL:
    case DB_VALUE_REAL: /* no column of ours */
        db_bind_null(stmt, index);
        break;
    }
}

/* A constraint that the row breaks makes it a lost one; anything else stops all. */
static bool insert(struct copy *copy, const struct salvage_table *table, const struct db_row *row,
                   struct buf *sql, struct fault *fault)
{
    struct fault why = {0};
    write_insert(sql, table, row->n_columns);
    struct db_stmt *stmt = db_prepare(copy->to, buf_str(sql), fault);
    if (stmt == NULL) {
        return false;
    }
    for (size_t i = 0; i < row->n_columns; i++) {
        if (table->columns[i].is_rowid) {
            db_bind_i64(stmt, (int)i + 1, row->rowid);
        } else {
            bind_value(stmt, (int)i + 1, &row->columns[i]);
        }
    }
    if (!db_run(stmt, &why) && why.code != FAULT_INVALID && why.code != FAULT_EXISTS) {
        return fault_set(fault, why.code, "%s", why.text);
    }
    copy->losses->n_rows += why.code != FAULT_NONE || db_changes(copy->to) == 0;
    return true;
}

static bool copy_row(struct copy *copy, const struct salvage_table *table, struct db_row *row,
                     struct buf *sql, struct fault *fault)
{
    char text[ADDRESS_TEXT_BYTES];
    bool is_piece = strcmp(table->name, "body_piece") == 0;
    if (!salvage_row_fits(table, row) || row->rowid < 0 ||
        row->rowid > (is_piece ? PIECE_ID_MAX : ID_MAX) || !addresses_are_sound(table, row)) {
        copy->losses->n_rows++;
        return true;
    }
    return !keys_are_sound(copy, table, row, text) || insert(copy, table, row, sql, fault);
}

/* ---- Tables. ---- */

static bool copy_page(struct copy *copy, const struct salvage_table *table,
                      const struct db_page *page, struct buf *sql, struct fault *fault)
{
    struct db_row row;
    for (size_t i = 0; i < page->n_cells && page->kind != DB_PAGE_TABLE_INNER; i++) {
        if (!db_pages_row(copy->pages, page, i, &row)) {
            copy->losses->n_rows++;
        } else if (!copy_row(copy, table, &row, sql, fault)) {
            return false;
        }
    }
    return true;
}

static bool copy_table(struct copy *copy, const struct salvage_table *table, struct fault *fault)
{
    size_t index = (size_t)(table - copy->map->tables);
    struct buf sql = {0};
    struct db_page page;
    bool ok = db_begin(copy->to, fault);
    for (uint32_t number = 1; ok && number <= copy->map->n_pages; number++) {
        ok = copy->map->owners[number] != index || !db_pages_load(copy->pages, &page, number) ||
             copy_page(copy, table, &page, &sql, fault);
    }
    buf_clear(&sql);
    if (!ok) {
        db_rollback(copy->to);
    }
    return ok && db_commit(copy->to, fault);
}

/* What can't be fetched again comes first, and what others refer to before those. */
static const char *const first_tables[] = {
    "key_lock",      "identity", "account", "login_alias", "contact", "broadcast_subscription",
    "outgoing_mail",
};

static bool is_first(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(first_tables); i++) {
        if (strcmp(first_tables[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The new keys' walks were made by triggers. If all walks can be read, they stand as they were;
 * else each key is tried on everything once more. */
static bool copy_walks(struct copy *copy, const struct salvage_table *table, struct fault *fault)
{
    int64_t n_before = copy->losses->n_rows;
    return db_exec(copy->to, "DELETE FROM key_walk", fault) && copy_table(copy, table, fault) &&
           ((copy->losses->n_rows == n_before && copy->map->n_broken == 0) ||
            (db_exec(copy->to, "DELETE FROM key_walk", fault) &&
             db_exec(copy->to,
                     "INSERT INTO key_walk (own_id) SELECT id FROM identity WHERE enabled;"
                     "INSERT OR IGNORE INTO key_walk (sender) SELECT address FROM"
                     " broadcast_subscription WHERE enabled",
                     fault)));
}

/* Numbers that were given out do not come again. */
static bool copy_counts(struct copy *copy, const struct salvage_table *table, struct fault *fault)
{
    size_t index = (size_t)(table - copy->map->tables);
    struct db_page page;
    struct db_row row;
    for (uint32_t number = 1; number <= copy->map->n_pages; number++) {
        bool is_ours = copy->map->owners[number] == index;
        if (!is_ours || !db_pages_load(copy->pages, &page, number)) {
            continue;
        }
        for (size_t i = 0; i < page.n_cells && page.kind == DB_PAGE_TABLE_LEAF; i++) {
            struct db_stmt *stmt = db_prepare(
                copy->to, "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", fault);
            if (stmt == NULL) {
                return false;
            }
            bool is_read = db_pages_row(copy->pages, &page, i, &row) && row.n_columns == 2 &&
                           row.columns[1].number <= ID_MAX;
            db_bind_text_bytes(stmt, 1, is_read ? row.columns[0].bytes : (struct bytes){0});
            db_bind_i64(stmt, 2, is_read ? row.columns[1].number : 0);
            if (!db_run(stmt, fault)) {
                return false;
            }
        }
    }
    return true;
}

/* The counts come last: a table's first row makes its count's. */
bool salvage_rows_copy(struct db *to, struct db_pages *pages, const struct salvage_map *map,
                       struct salvage_losses *out, struct fault *fault)
{
    const struct salvage_table *counts = salvage_map_find(map, "sqlite_sequence");
    const struct salvage_table *walks = salvage_map_find(map, "key_walk");
    struct copy copy = {.to = to, .pages = pages, .map = map, .losses = out};
    bool ok = true;
    for (size_t i = 0; ok && i < ARRAY_LEN(first_tables); i++) {
        const struct salvage_table *table = salvage_map_find(map, first_tables[i]);
        ok = table == NULL || copy_table(&copy, table, fault);
    }
    for (size_t i = 0; ok && i < map->n_tables; i++) {
        const struct salvage_table *table = &map->tables[i];
        bool is_special =
            table->is_index || is_first(table->name) || table == walks || table == counts;
        ok = is_special || copy_table(&copy, table, fault);
    }
    return ok && (walks == NULL || copy_walks(&copy, walks, fault)) &&
           (counts == NULL || copy_counts(&copy, counts, fault));
}
