// SPDX-License-Identifier: MIT
/* The small words of IMAP's grammar (RFC 9051 section 9), read off one whole command.
 *
 * A command arrives here complete: its line or lines joined, literals standing in it as they came
 * ("{5}\r\nhello"), without the last CRLF. The parser is a sticky cursor: after the first thing
 * that does not fit, all reads give nothing and imap_ok is false, so a handler reads its arguments
 * one after the other and judges once, before it acts.
 *
 * Texts borrow from the command where they stand there as they are, else from the arena. */
#ifndef BITTERN_MAILPROTO_IMAP_IMAP_TOKEN_H
#define BITTERN_MAILPROTO_IMAP_IMAP_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct arena;

struct imap_parser {
    struct bytes rest;
    struct arena *arena;
    bool failed;
    const char *error; /* why, in words for the client; NULL: a plain syntax error */
    const char *code;  /* the response code that says so, or NULL */
    bool well_formed;  /* the grammar was kept, only the meaning is wrong: NO, not BAD */
};

bool imap_ok(const struct imap_parser *parser) MUST_USE;
/* Fail with words of the caller's (a static string); the first ones stay. */
void imap_fail(struct imap_parser *parser, const char *error);
/* All was read and nothing failed. */
bool imap_at_end(const struct imap_parser *parser) MUST_USE;

/* The next byte, 0 at the end; nothing is taken. */
char imap_peek(const struct imap_parser *parser) MUST_USE;
/* Take `c` if it is next. */
bool imap_accept(struct imap_parser *parser, char c);
void imap_expect(struct imap_parser *parser, char c);
/* One space. */
void imap_space(struct imap_parser *parser);
/* Nothing may follow. */
void imap_end(struct imap_parser *parser);
/* Take `word` (and nothing that would make it a longer atom) if it is next, in any case. */
bool imap_accept_word(struct imap_parser *parser, const char *word);

/* 1*ATOM-CHAR; ']' belongs to it. */
struct bytes imap_atom(struct imap_parser *parser);
/* Letters, digits, '-', '.', '=': a keyword of the grammar ("HEADER.FIELDS", "SUBJECT", "RETURN").
 */
struct bytes imap_word(struct imap_parser *parser);
/* A quoted string or a literal. */
struct bytes imap_string(struct imap_parser *parser);
/* An atom (with ']') or a string. */
struct bytes imap_astring(struct imap_parser *parser);
/* A string, or NIL: then data is NULL. */
struct bytes imap_nstring(struct imap_parser *parser);
/* A mailbox name with the wildcards of LIST. */
struct bytes imap_list_mailbox(struct imap_parser *parser);
/* A flag: '\' and an atom, or an atom. With its backslash. */
struct bytes imap_flag(struct imap_parser *parser);
/* The bytes of a sequence set: digits, ':', ',', '*', or "$". */
struct bytes imap_sequence_text(struct imap_parser *parser);
uint32_t imap_number(struct imap_parser *parser);
/* 1 or more. */
uint32_t imap_nz_number(struct imap_parser *parser);
/* 0 to 2^63 - 1 (modseq, sizes). */
uint64_t imap_number64(struct imap_parser *parser);

/* RFC 9051 ATOM-CHAR: any character but those with a meaning, and 8-bit ones. */
bool imap_is_atom_char(uint8_t c) MUST_USE;
bool imap_is_astring_char(uint8_t c) MUST_USE;
/* A tag: astring characters but '+'. */
bool imap_is_tag_char(uint8_t c) MUST_USE;

/* Does a line (without CRLF) end in a literal's announcement? "{n}", "{n+}", "~{n}". False too when
 * the number does not fit into 64 bits: *out_len is UINT64_MAX and the result true then. */
struct imap_literal {
    uint64_t len;
    bool sync;   /* the client waits to be asked */
    bool binary; /* literal8 */
};
bool imap_line_ends_in_literal(struct bytes line, struct imap_literal *out) MUST_USE;

#endif
