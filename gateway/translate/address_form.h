// SPDX-License-Identifier: MIT
/* How an address is written in a mail, both ways.
 *
 * We write BM-...@bm.alt (RFC 9476 reserves .alt for names outside the DNS: a mail sent through the
 * wrong account goes nowhere). We read that, the domains that older gateways used, a bare BM-...,
 * the label of an identity or contact, broadcast@bm.alt, and a lifetime behind a plus:
 * BM-...+ttl=2d@bm.alt.
 *
 * Three steps, never mixed: parse (syntax), resolve (whom it names; folded case is forgiven for
 * known addresses), check (can we send there). What a repair finds is resolved and checked anew. */
#ifndef BITTERN_GATEWAY_TRANSLATE_ADDRESS_FORM_H
#define BITTERN_GATEWAY_TRANSLATE_ADDRESS_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/address.h"

enum {
    ADDRESS_FORM_MAX_BYTES = 320,  /* local part 64, '@', domain 255 (RFC 5321 section 4.5.3.1) */
    ADDRESS_FORM_NAME_BYTES = 256, /* a label or address inside, with its NUL */
    ADDRESS_MAIL_BYTES = ADDRESS_TEXT_BYTES + 8,
    ADDRESS_FORM_MIN_TTL_SEC = 3600,
    ADDRESS_FORM_MAX_TTL_SEC = 2419200 /* 28 days: the network's bound */
};

#define ADDRESS_FORM_DOMAIN "bm.alt"

enum address_form_kind {
    ADDRESS_FORM_ADDRESS,  /* name begins with BM- in some case */
    ADDRESS_FORM_LABEL,    /* name is an identity's or contact's */
    ADDRESS_FORM_BROADCAST /* to all who subscribe to the sender */
};

struct address_form {
    enum address_form_kind kind;
    char name[ADDRESS_FORM_NAME_BYTES]; /* unquoted, without domain and lifetime */
    int64_t ttl_sec;                    /* 0: none given */
};

/* Parse what a client wrote between its angle brackets. FAULT_INVALID: not an address, a domain
 * that is not ours, a lifetime out of bounds; FAULT_UNSUPPORTED: a Namecoin name. The text is for
 * the user. */
bool address_form_parse(struct address_form *out, struct bytes typed, struct fault *fault) MUST_USE;

/* "3600", "90m", "36h", "2d", "1w", within the bounds above. */
bool address_form_parse_ttl(int64_t *out_sec, struct bytes text, struct fault *fault) MUST_USE;

/* Whom we know: asked by address_form_resolve. */
struct address_book {
    /* The known address whose text is alike but for case. */
    bool (*find_alike)(void *context, struct bytes text, struct address *out);
    /* The address with that label, without regard to case; *out_n gets how many have it. */
    bool (*find_label)(void *context, const char *label, struct address *out, size_t *out_n);
    /* The label of an address, or NULL. Borrowed until the next call. */
    const char *(*label_of)(void *context, const struct address *address);
    void *context;
};

enum address_form_result {
    ADDRESS_FORM_FOUND,
    ADDRESS_FORM_FOLDED, /* unknown, and its case was lost: only a search can tell
                            (address_repair.h) */
    ADDRESS_FORM_REFUSED /* the fault says why, and what was probably meant */
};

/* Whom a form of kind ADDRESS or LABEL names. */
enum address_form_result address_form_resolve(struct address *out, const struct address_form *form,
                                              const struct address_book *book,
                                              struct fault *fault) MUST_USE;

/* Can we send to it? Versions 2 to 4, stream 1. */
bool address_form_check(const struct address *address, struct fault *fault) MUST_USE;

/* "BM-...@bm.alt". */
void address_form_mail(char out[ADDRESS_MAIL_BYTES], const struct address *address);

#endif
