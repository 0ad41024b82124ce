// SPDX-License-Identifier: MIT
/* Dates as IMAP writes them (RFC 9051 section 9: date, date-time), and the civil calendar behind.
 */
#ifndef BITTERN_MAILPROTO_IMAP_IMAP_DATE_H
#define BITTERN_MAILPROTO_IMAP_IMAP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

/* "17-Jul-1996 02:44:25 -0700", also with a leading space for a day of one digit. Years 1 to 9999.
 */
bool imap_date_time_parse(struct bytes text, int64_t *out_sec, int16_t *out_zone_min) MUST_USE;
/* Append it, in quotes, with two characters for the day. */
void imap_date_time_print(struct buf *out, int64_t sec, int16_t zone_min);
/* "1-Feb-1994" to its number of days since 1970. */
bool imap_date_parse(struct bytes text, int64_t *out_day) MUST_USE;
/* The day, as the clock of that zone shows it, of a moment. */
int64_t imap_day_of(int64_t sec, int16_t zone_min) MUST_USE;

#endif
