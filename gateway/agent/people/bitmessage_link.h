// SPDX-License-Identifier: MIT
/* Links "bitmessage:BM-...?label=Alice": what a QR code shows and a web page may hold.
 *
 * PyBitmessage writes them with a label alone; other parameters (subject, body) are read over. The
 * address may lack its BM-. Reading bounds all, and judges the form only: whether the address is
 * one is for address_decode to say. */
#ifndef BITTERN_GATEWAY_AGENT_PEOPLE_BITMESSAGE_LINK_H
#define BITTERN_GATEWAY_AGENT_PEOPLE_BITMESSAGE_LINK_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/address.h"

enum { LINK_MAX_BYTES = 2048, LINK_LABEL_BYTES = 201 };

struct buf;

struct bitmessage_link {
    char address[ADDRESS_TEXT_BYTES]; /* with its BM- */
    char label[LINK_LABEL_BYTES];     /* UTF-8 on one line; "": none */
};

/* Begins with "bitmessage:", in any case. */
bool bitmessage_link_looks_like(const char *text) MUST_USE;
/* FAULT_INVALID: not such a link, longer than LINK_MAX_BYTES, or its label is not text of at most
 * LINK_LABEL_BYTES - 1 bytes. */
bool bitmessage_link_parse(struct bitmessage_link *out, struct bytes text,
                           struct fault *fault) MUST_USE;
/* Append the link; `label` may be "". */
void bitmessage_link_write(struct buf *out, const char *address, const char *label);

#endif
