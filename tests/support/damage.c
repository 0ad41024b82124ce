// SPDX-License-Identifier: MIT
#include "tests/support/damage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/db.h"
#include "tests/support/vectors.h"

enum { PAGE_BYTES = 4096 };

const char *damage_name(enum damage damage)
{
    static const char *const names[N_DAMAGES] = {"truncated", "zeroed", "foreign", "page"};
    return names[damage];
}

static void overwrite(const char *path, off_t from, off_t to, uint8_t with)
{
    uint8_t junk[PAGE_BYTES];
    int fd = open(path, O_RDWR);
    memset(junk, with, sizeof junk);
    for (off_t at = from; at < to; at += PAGE_BYTES) {
        assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
    }
    close(fd);
}

static void put_foreign(const char *path)
{
    static const struct db_options options;
    struct fault fault = {0};
    unlink(path);
    struct db *db = db_open(path, &options, &fault);
    assert_non_null(db);
    assert_true(db_exec(db, "CREATE TABLE song (title); INSERT INTO song VALUES ('x')", &fault));
    db_close(&db);
}

void damage_file(const char *path, enum damage damage)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    off_t middle = info.st_size / 2 / PAGE_BYTES * PAGE_BYTES;
    assert_true(middle >= 2 * PAGE_BYTES);
    switch (damage) {
    case DAMAGE_TRUNCATED:
        assert_int_equal(truncate(path, middle + 100), 0);
        break;
    case DAMAGE_ZEROED:
        overwrite(path, 0, info.st_size, 0);
        break;
    case DAMAGE_FOREIGN:
        put_foreign(path);
        break;
    default:
        overwrite(path, middle, middle + 1, 0xee);
        break;
    }
}
