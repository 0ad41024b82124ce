// SPDX-License-Identifier: MIT
/* Any character set that iconv knows, to well-formed UTF-8.
 *
 * iconv loads a module for each set when it is first asked for. A process without files must have
 * asked before: charset_modules_load keeps the common ones there. */
#ifndef BITTERN_MAILPROTO_MIME_CHARSET_H
#define BITTERN_MAILPROTO_MIME_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

struct charset_modules;

struct charset_modules *charset_modules_load(void) MUST_USE;
void charset_modules_free(struct charset_modules **modules);

/* Append `text` as UTF-8; what can't be converted becomes U+FFFD. Without a name, with "us-ascii"
 * and with a name that iconv does not know, the bytes are taken for UTF-8 where they are that, else
 * for windows-1252. False when that was a guess against an unknown name. */
bool charset_to_utf8(struct buf *out, struct bytes charset, struct bytes text);

#endif
