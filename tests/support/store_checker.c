// SPDX-License-Identifier: MIT
/* store_checker MAIL.DB: does a mail database hold together (store_check.h)? 0: yes; 1: prints what
 * is wrong. For whole-program tests, when nothing runs on it. */
#include <stdio.h>

#include "base/db.h"
#include "base/fault.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store_check.h"

int main(int argc, char **argv)
{
    struct fault fault = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: store_checker MAIL.DB\n");
        return 2;
    }
    struct db *db = mail_db_open_reader(argv[1], &fault);
    bool is_clean = db && db_quick_check(db, &fault) && store_check(db, &fault);
    if (!is_clean) {
        printf("%s\n", fault.text);
    }
    db_close(&db);
    return is_clean ? 0 : 1;
}
