// SPDX-License-Identifier: MIT
/* The Date header (RFC 5322 section 3.3), read by libetpan behind a guard. */
#ifndef BITTERN_MAILPROTO_MIME_DATE_H
#define BITTERN_MAILPROTO_MIME_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

/* Seconds since 1970 and minutes east of UTC. False, both untouched, when it is no date of the
 * years 1900 to 9999. */
bool date_parse(int64_t *out_sec, int16_t *out_zone_min, struct bytes value) MUST_USE;

#endif
