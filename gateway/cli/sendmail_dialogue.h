// SPDX-License-Identifier: MIT
/* sendmail -bs: an SMTP dialogue on standard input and output, spoken by the gateway. */
#ifndef BITTERN_GATEWAY_CLI_SENDMAIL_DIALOGUE_H
#define BITTERN_GATEWAY_CLI_SENDMAIL_DIALOGUE_H

#include "base/compiler.h"

/* Carries bytes between the terminal's ends and HOME/submit.sock until one of them ends. An exit
 * code of sysexits.h; where no gateway runs a 421 is said. */
int sendmail_dialogue(const char *home) MUST_USE;

#endif
