// SPDX-License-Identifier: MIT
/* The mbox form, in its unambiguous variety ("mboxrd"): each mail behind a line "From ", lines that
 * begin with any number of '>' and "From " get one '>' more, lines end with LF, and an empty line
 * follows. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_MBOX_H
#define BITTERN_GATEWAY_CLI_MOVING_MBOX_H

#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"
#include "gateway/cli/moving/mail_flags.h"

/* The flags become the fields Status and X-Status, which tell them mutt and others. Errors are kept
 * by the stream (ferror). Fields Status and X-Status that the mail has itself are
 * left out. */
void mbox_write(FILE *out, struct bytes mail, int64_t sec, const struct mail_flags *flags);

#endif
