// SPDX-License-Identifier: MIT
#include "base/db_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

enum {
    HEADER_BYTES = 100, /* before the tree on page 1 */
    LEAF_HEAD_BYTES = 8,
    INNER_HEAD_BYTES = 12,
    CELL_MIN_BYTES = 4,
    MAX_LOCAL_TABLE = DB_PAGES_BYTES - 35,
    MAX_LOCAL_INDEX = (DB_PAGES_BYTES - 12) * 64 / 255 - 23,
    MIN_LOCAL = (DB_PAGES_BYTES - 12) * 32 / 255 - 23,
    OVERFLOW_BYTES = DB_PAGES_BYTES - 4,
    VERSION_OFFSET = 60,
    WAL_HEADER_BYTES = 32,
    WAL_FRAME_BYTES = 24
};

struct db_pages {
    int fd;
    int wal_fd; /* -1: none */
    uint32_t n_pages;
    uint32_t *frames; /* by page number: the frame of the log that has it newest, from 1; 0: none */
    struct buf payload;
};

static uint16_t load_be16(const uint8_t in[2])
{
    return (uint16_t)(in[0] << 8 | in[1]);
}

static bool read_at(int fd, void *out, size_t len, uint64_t offset)
{
    uint8_t *next = out;
    while (len > 0) {
        ssize_t got = pread(fd, next, len, (off_t)offset);
        if (got <= 0) {
            if (got < 0 && errno == EINTR) {
                continue;
            }
            return false;
        }
        next += got;
        len -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

/* ---- The log (section 4). ---- */

struct wal_sum {
    bool big_endian;
    uint32_t a;
    uint32_t b;
};

static uint32_t wal_word(const struct wal_sum *sum, const uint8_t in[4])
{
    uint32_t word = load_be32(in);
    return sum->big_endian ? word : __builtin_bswap32(word);
}

/* `len` is a multiple of 8. */
static void wal_add(struct wal_sum *sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        sum->a += wal_word(sum, data + i) + sum->b;
        sum->b += wal_word(sum, data + i + 4) + sum->a;
    }
}

static bool wal_begin(int fd, struct wal_sum *sum, uint8_t salt[8])
{
    uint8_t head[WAL_HEADER_BYTES];
    if (!read_at(fd, head, sizeof head, 0) || (load_be32(head) & ~1U) != 0x377f0682 ||
        load_be32(head + 8) != DB_PAGES_BYTES) {
        return false;
    }
    *sum = (struct wal_sum){.big_endian = (load_be32(head) & 1) != 0};
    wal_add(sum, head, 24);
    memcpy(salt, head + 16, 8);
    return sum->a == load_be32(head + 24) && sum->b == load_be32(head + 28);
}

/* The frame's number and, where it ends a commit, the pages that the file has then (else 0). */
static bool wal_next(int fd, uint32_t frame, struct wal_sum *sum, const uint8_t salt[8],
                     uint32_t *out_page, uint32_t *out_n_pages)
{
    uint8_t bytes[WAL_FRAME_BYTES + DB_PAGES_BYTES];
    if (!read_at(fd, bytes, sizeof bytes,
                 WAL_HEADER_BYTES + (frame - 1) * (uint64_t)sizeof bytes) ||
        memcmp(bytes + 8, salt, 8) != 0) {
        return false;
    }
    wal_add(sum, bytes, 8);
    wal_add(sum, bytes + WAL_FRAME_BYTES, DB_PAGES_BYTES);
    *out_page = load_be32(bytes);
    *out_n_pages = load_be32(bytes + 4);
    return sum->a == load_be32(bytes + 16) && sum->b == load_be32(bytes + 20) && *out_page != 0;
}

/* The pages of the frames after `first`, up to `last`, are the newest. */
static void wal_take(struct db_pages *pages, const uint32_t *numbers, uint32_t first, uint32_t last,
                     uint32_t n_pages)
{
    if (n_pages > pages->n_pages) {
        pages->frames = xreallocarray(pages->frames, (size_t)n_pages + 1, sizeof *pages->frames);
        memset(pages->frames + pages->n_pages + 1, 0,
               (n_pages - pages->n_pages) * sizeof *pages->frames);
        pages->n_pages = n_pages;
    }
    for (uint32_t frame = first + 1; frame <= last; frame++) {
        uint32_t number = numbers[frame - 1];
        if (number <= pages->n_pages) {
            pages->frames[number] = frame;
        }
    }
}

static void read_wal(struct db_pages *pages)
{
    struct wal_sum sum;
    uint8_t salt[8];
    if (pages->wal_fd < 0 || !wal_begin(pages->wal_fd, &sum, salt)) {
        return;
    }
    uint32_t *numbers = NULL;
    size_t capacity = 0;
    uint32_t frame = 0;
    uint32_t committed = 0;
    uint32_t number;
    uint32_t n_pages;
    while (wal_next(pages->wal_fd, frame + 1, &sum, salt, &number, &n_pages)) {
        numbers = array_grow(numbers, frame, &capacity, sizeof *numbers);
        numbers[frame++] = number;
        /* A commit can't make the file longer than what is in the file and in the log. */
        if (n_pages != 0 && n_pages <= (uint64_t)pages->n_pages + frame) {
            wal_take(pages, numbers, committed, frame, n_pages);
            committed = frame;
        }
    }
    free(numbers);
}

/* ---- Opening. ---- */

struct db_pages *db_pages_open(const char *path, struct fault *fault)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &stat) != 0) {
        fault_set_errno(fault, errno, "open %s", path);
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    struct db_pages *pages = xcalloc(1, sizeof *pages);
    char *wal = xasprintf("%s-wal", path);
    uint64_t n_pages = ((uint64_t)stat.st_size + DB_PAGES_BYTES - 1) / DB_PAGES_BYTES;
    pages->fd = fd;
    pages->wal_fd = open(wal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    pages->n_pages = n_pages < UINT32_MAX - 1 ? (uint32_t)n_pages : UINT32_MAX - 1;
    pages->frames = xcalloc((size_t)pages->n_pages + 1, sizeof *pages->frames);
    buf_init(&pages->payload, 0);
    free(wal);
    read_wal(pages);
    return pages;
}

void db_pages_close(struct db_pages **pages)
{
    if (*pages == NULL) {
        return;
    }
    close((*pages)->fd);
    if ((*pages)->wal_fd >= 0) {
        close((*pages)->wal_fd);
    }
    free((*pages)->frames);
    buf_clear_secret(&(*pages)->payload);
    free(*pages);
    *pages = NULL;
}

uint32_t db_pages_count(const struct db_pages *pages)
{
    return pages->n_pages;
}

static bool read_page(struct db_pages *pages, uint8_t out[DB_PAGES_BYTES], uint32_t number)
{
    if (number == 0 || number > pages->n_pages) {
        return false;
    }
    uint32_t frame = pages->frames[number];
    if (frame == 0) {
        return read_at(pages->fd, out, DB_PAGES_BYTES, (number - 1) * (uint64_t)DB_PAGES_BYTES);
    }
    uint64_t before = (frame - 1) * (uint64_t)(WAL_FRAME_BYTES + DB_PAGES_BYTES);
    return read_at(pages->wal_fd, out, DB_PAGES_BYTES, WAL_HEADER_BYTES + before + WAL_FRAME_BYTES);
}

uint32_t db_pages_version(struct db_pages *pages)
{
    uint8_t page[DB_PAGES_BYTES];
    return read_page(pages, page, 1) ? load_be32(page + VERSION_OFFSET) : 0;
}

/* ---- Pages (section 1.6). ---- */

static bool is_inner(const struct db_page *page)
{
    return page->kind == DB_PAGE_INDEX_INNER || page->kind == DB_PAGE_TABLE_INNER;
}

static size_t head_offset(const struct db_page *page)
{
    return page->number == 1 ? HEADER_BYTES : 0;
}

static size_t cells_offset(const struct db_page *page)
{
    return head_offset(page) + (is_inner(page) ? INNER_HEAD_BYTES : LEAF_HEAD_BYTES);
}

bool db_pages_load(struct db_pages *pages, struct db_page *out, uint32_t number)
{
    if (!read_page(pages, out->bytes, number)) {
        return false;
    }
    out->number = number;
    const uint8_t *head = out->bytes + head_offset(out);
    switch (head[0]) {
    case DB_PAGE_INDEX_INNER:
    case DB_PAGE_TABLE_INNER:
    case DB_PAGE_INDEX_LEAF:
    case DB_PAGE_TABLE_LEAF:
        out->kind = (enum db_page_kind)head[0];
        out->n_cells = load_be16(head + 3);
        break;
    default:
        out->kind = DB_PAGE_OTHER;
        out->n_cells = 0;
        break;
    }
    size_t most = (DB_PAGES_BYTES - cells_offset(out)) / (2 + CELL_MIN_BYTES);
    out->n_cells = out->n_cells < most ? out->n_cells : most;
    return true;
}

/* Empty when the offset makes no sense. */
static struct bytes cell_at(const struct db_page *page, size_t index)
{
    if (index >= page->n_cells) {
        return (struct bytes){0};
    }
    size_t first = cells_offset(page);
    size_t offset = load_be16(page->bytes + first + 2 * index);
    return offset >= first + 2 * page->n_cells && offset <= DB_PAGES_BYTES - CELL_MIN_BYTES
               ? (struct bytes){page->bytes + offset, DB_PAGES_BYTES - offset}
               : (struct bytes){0};
}

uint32_t db_page_child(const struct db_page *page, size_t index)
{
    if (!is_inner(page)) {
        return 0;
    }
    if (index == page->n_cells) {
        return load_be32(page->bytes + head_offset(page) + LEAF_HEAD_BYTES);
    }
    struct bytes cell = cell_at(page, index);
    return cell.len != 0 ? load_be32(cell.data) : 0;
}

/* ---- Rows (section 2). ---- */

/* Big-endian groups of seven bits; a ninth byte has eight. */
static uint64_t read_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        uint8_t byte = reader_u8(reader);
        value = value << 7 | (byte & 0x7f);
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    return value << 8 | reader_u8(reader);
}

static int64_t read_integer(struct reader *reader, size_t len)
{
    struct bytes in = reader_bytes(reader, len);
    uint64_t value = in.len != 0 && (in.data[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < in.len; i++) {
        value = value << 8 | in.data[i];
    }
    return (int64_t)value;
}

static void read_value(struct db_value *out, uint64_t type, struct reader *body)
{
    static const uint8_t integer_bytes[] = {0, 1, 2, 3, 4, 6, 8};
    *out = (struct db_value){.kind = DB_VALUE_INTEGER};
    if (type == 0) {
        out->kind = DB_VALUE_NULL;
    } else if (type < ARRAY_LEN(integer_bytes)) {
        out->number = read_integer(body, integer_bytes[type]);
    } else if (type == 7) {
        out->kind = DB_VALUE_REAL;
        (void)reader_u64(body);
    } else if (type == 8 || type == 9) {
        out->number = (int64_t)type - 8;
    } else if (type >= 12) {
        out->kind = type % 2 == 0 ? DB_VALUE_BLOB : DB_VALUE_TEXT;
        out->bytes = reader_bytes(body, (type - 12) / 2);
    } else {
        reader_fail(body);
    }
}

static bool read_record(struct db_row *out, struct bytes payload)
{
    struct reader head = reader_of(payload);
    uint64_t head_len = read_varint(&head);
    size_t size_len = payload.len - reader_left(&head);
    if (!reader_ok(&head) || head_len < size_len || head_len > payload.len) {
        return false;
    }
    head = reader_of(bytes_slice(payload, size_len, (size_t)head_len - size_len));
    struct reader body = reader_of(bytes_slice(payload, (size_t)head_len, payload.len));
    out->n_columns = 0;
    while (reader_left(&head) > 0) {
        if (out->n_columns == DB_PAGES_MAX_COLUMNS) {
            return false;
        }
        uint64_t type = read_varint(&head);
        read_value(&out->columns[out->n_columns++], type, &body);
        if (!reader_ok(&head) || !reader_ok(&body)) {
            return false;
        }
    }
    return reader_at_end(&body);
}

/* The rest of a payload stands in a chain of pages: a number, and what fits. */
static bool read_overflow(struct db_pages *pages, uint32_t number, size_t left)
{
    uint8_t page[DB_PAGES_BYTES];
    while (left > 0) {
        if (!read_page(pages, page, number)) {
            return false;
        }
        size_t n = left < OVERFLOW_BYTES ? left : OVERFLOW_BYTES;
        buf_append(&pages->payload, page + 4, n);
        left -= n;
        number = load_be32(page);
    }
    return true;
}

static bool read_payload(struct db_pages *pages, struct reader *cell, uint64_t len,
                         size_t max_local)
{
    if (len > DB_PAGES_MAX_ROW_BYTES || len > (uint64_t)pages->n_pages * DB_PAGES_BYTES) {
        return false;
    }
    size_t local = (size_t)len;
    if (local > max_local) {
        size_t filling = MIN_LOCAL + (local - MIN_LOCAL) % OVERFLOW_BYTES; /* no page half empty */
        local = filling <= max_local ? filling : MIN_LOCAL;
    }
    struct bytes here = reader_bytes(cell, local);
    uint32_t next = local < len ? reader_u32(cell) : 0;
    buf_reset(&pages->payload);
    return reader_ok(cell) && buf_append_bytes(&pages->payload, here) &&
           read_overflow(pages, next, (size_t)len - local);
}

bool db_pages_row(struct db_pages *pages, const struct db_page *page, size_t index,
                  struct db_row *out)
{
    struct reader cell = reader_of(cell_at(page, index));
    bool has_rowid = page->kind == DB_PAGE_TABLE_LEAF;
    if (page->kind == DB_PAGE_OTHER || page->kind == DB_PAGE_TABLE_INNER) {
        return false;
    }
    if (page->kind == DB_PAGE_INDEX_INNER) {
        (void)reader_u32(&cell);
    }
    uint64_t len = read_varint(&cell);
    out->rowid = has_rowid ? (int64_t)read_varint(&cell) : 0;
    return reader_ok(&cell) &&
           read_payload(pages, &cell, len, has_rowid ? MAX_LOCAL_TABLE : MAX_LOCAL_INDEX) &&
           read_record(out, buf_view(&pages->payload));
}
