// SPDX-License-Identifier: MIT
/* check_store MAIL.DB: hold a mail database to its rules, also while it is in use. Exit code 1 and
 * a line on stderr when one is broken. */
#include <stdio.h>

#include "base/db.h"
#include "base/fault.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store_check.h"

int main(int argc, char **argv)
{
    struct fault fault = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: check_store MAIL.DB\n");
        return 2;
    }
    struct db *db = mail_db_open_reader(argv[1], &fault);
    bool ok = db != NULL && db_quick_check(db, &fault) && store_check(db, &fault);
    db_close(&db);
    if (!ok) {
        fprintf(stderr, "%s: %s\n", argv[1], fault.text);
    }
    return ok ? 0 : 1;
}
