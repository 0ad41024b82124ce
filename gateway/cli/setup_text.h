// SPDX-License-Identifier: MIT
/* Ready configurations for mail programs, filled from the answer of the call `setup.info`. */
#ifndef BITTERN_GATEWAY_CLI_SETUP_TEXT_H
#define BITTERN_GATEWAY_CLI_SETUP_TEXT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/compiler.h"

struct setup_program {
    const char *name;
    const char *template; /* @host@ and the like are replaced */
    bool is_xml;          /* what replaces them is written as XML's text; else ... */
    const char *escaped;  /* these characters of it get a backslash; NULL: none */
};

extern const struct setup_program setup_programs[];
extern const size_t setup_programs_len;

/* NULL when there is none of that name. */
const struct setup_program *setup_program_find(const char *name) MUST_USE;
/* `info`: host, imap_port, imap_tls_port, smtp_port, smtp_tls_port, account, address (the mail
 * address), label, fingerprint, home, account_url (the account as a URL has it), uuid, uuid_mail. A
 * member that is not there becomes an empty text. */
void setup_text(struct buf *out, const struct setup_program *program, const json_t *info);

#endif
