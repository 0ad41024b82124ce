// SPDX-License-Identifier: MIT
/* What may befall a database's file while nobody has it open. */
#ifndef BITTERN_TESTS_SUPPORT_DAMAGE_H
#define BITTERN_TESTS_SUPPORT_DAMAGE_H

enum damage {
    DAMAGE_TRUNCATED, /* to half, not at a page's end */
    DAMAGE_ZEROED,
    DAMAGE_FOREIGN, /* another program's database */
    DAMAGE_PAGE,    /* one in its middle is overwritten */
    N_DAMAGES
};

const char *damage_name(enum damage damage);
void damage_file(const char *path, enum damage damage);

#endif
