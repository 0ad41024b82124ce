// SPDX-License-Identifier: MIT
/* Commands that come as mails (gateway/agent/people/command_mail.h): one line each, of the same
 * table as the command line's, but those rows alone that have `by_mail`, and within the account
 * that sent the mail. The answer is text. */
#ifndef BITTERN_GATEWAY_CONTROL_CONTROL_MAIL_H
#define BITTERN_GATEWAY_CONTROL_CONTROL_MAIL_H

#include "base/compiler.h"

struct api;
struct control_mails;

enum { CONTROL_MAIL_MAX_WORDS = 32, CONTROL_MAIL_MAX_LINE_BYTES = 4096 };

/* `api` is borrowed, and its agent told where to bring commands. */
struct control_mails *control_mails_new(const struct api *api) MUST_USE;
void control_mails_free(struct control_mails **mails);

#endif
