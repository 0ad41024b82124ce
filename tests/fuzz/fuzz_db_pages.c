// SPDX-License-Identifier: MIT
/* A broken SQLite file with its log. The input: the file's length in pages, the file, the log. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/db_pages.h"
#include "base/mem.h"

enum { MAX_PAGES = 64 };

static void write_file(const char *path, struct bytes content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, content.data, content.len) == (ssize_t)content.len);
    close(fd);
}

/* Every byte that a value points at is there to be read. */
static unsigned touch(const struct db_row *row)
{
    unsigned sum = 0;
    FUZZ_CHECK(row->n_columns <= DB_PAGES_MAX_COLUMNS);
    for (size_t i = 0; i < row->n_columns; i++) {
        for (size_t j = 0; j < row->columns[i].bytes.len; j++) {
            sum += row->columns[i].bytes.data[j];
        }
    }
    return sum;
}

static void walk(struct db_pages *pages)
{
    struct db_page page;
    struct db_row row;
    unsigned sum = db_pages_version(pages);
    uint32_t n_pages = db_pages_count(pages);
    FUZZ_CHECK(!db_pages_load(pages, &page, 0) && !db_pages_load(pages, &page, n_pages + 1));
    for (uint32_t number = 1; number <= n_pages; number++) {
        if (!db_pages_load(pages, &page, number)) {
            continue;
        }
        for (size_t i = 0; i <= page.n_cells; i++) {
            sum += db_page_child(&page, i);
            FUZZ_CHECK(!db_pages_row(pages, &page, i, &row) || i < page.n_cells);
            sum += i < page.n_cells && db_pages_row(pages, &page, i, &row) ? touch(&row) : 0;
        }
    }
    static volatile unsigned kept;
    kept = sum;
    (void)kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    if (size == 0 || size > (size_t)MAX_PAGES * DB_PAGES_BYTES) {
        return 0;
    }
    struct bytes input = {data + 1, size - 1};
    size_t file_len = (size_t)data[0] * DB_PAGES_BYTES;
    (void)snprintf(path, sizeof path, "/dev/shm/bittern-fuzz-%d", (int)getpid());
    char *wal = xasprintf("%s-wal", path);
    write_file(path, bytes_slice(input, 0, file_len));
    write_file(wal, bytes_slice(input, file_len, input.len));
    struct db_pages *pages = db_pages_open(path, NULL);
    FUZZ_CHECK(pages != NULL);
    walk(pages);
    db_pages_close(&pages);
    unlink(path);
    unlink(wal);
    free(wal);
    return 0;
}
