// SPDX-License-Identifier: MIT
/* The flags of a mail that the forms of files know. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_MAIL_FLAGS_H
#define BITTERN_GATEWAY_CLI_MOVING_MAIL_FLAGS_H

#include <stdbool.h>

struct mail_flags {
    bool seen;
    bool answered;
    bool flagged;
    bool deleted;
    bool draft;
};

#endif
