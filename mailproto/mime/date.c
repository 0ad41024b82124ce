// SPDX-License-Identifier: MIT
/* The guard: libetpan recurses for each '(' and reads a little beyond its end, so it gets a short
 * copy with few of those and zeros behind it; and what it gives is held to its range, since it lets
 * day 0 and year 2147483647 pass. */
#include "mailproto/mime/date.h"

#include <libetpan/mailimf.h>
#include <string.h>

enum { MAX_DATE_BYTES = 200, PADDING_BYTES = 16, MAX_PARENTHESES = 20 };

/* Days from 1970-01-01 to the first of the month, by the proleptic Gregorian calendar. */
static int64_t days_of(int64_t year, int month)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t y = year - (month <= 2);
    int64_t n_leap_days = y / 4 - y / 100 + y / 400;
    return (year - 1970) * 365 + before[month - 1] + n_leap_days - 477; /* 477 up to 1969 */
}

static int days_in_month(int year, int month)
{
    return (int)(month == 12 ? 31 : days_of(year, month + 1) - days_of(year, month));
}

/* Years of two digits as RFC 5322 section 4.3 reads them. */
static int full_year(int year)
{
    return year < 0 ? 0 : year < 50 ? year + 2000 : year < 1000 ? year + 1900 : year;
}

static bool is_in_range(const struct mailimf_date_time *date, int year)
{
    int zone_hours = date->dt_zone / 100;
    return year >= 1900 && year <= 9999 && date->dt_month >= 1 && date->dt_month <= 12 &&
           date->dt_day >= 1 && date->dt_day <= days_in_month(year, date->dt_month) &&
           date->dt_hour >= 0 && date->dt_hour <= 23 && date->dt_min >= 0 && date->dt_min <= 59 &&
           date->dt_sec >= 0 && date->dt_sec <= 60 && zone_hours >= -24 && zone_hours <= 24;
}

static bool is_safe(struct bytes value)
{
    size_t n_parentheses = 0;
    for (size_t i = 0; i < value.len; i++) {
        n_parentheses += value.data[i] == '(';
    }
    return value.len <= MAX_DATE_BYTES && n_parentheses <= MAX_PARENTHESES;
}

bool date_parse(int64_t *out_sec, int16_t *out_zone_min, struct bytes value)
{
    char copy[MAX_DATE_BYTES + PADDING_BYTES] = {0};
    struct mailimf_date_time *date = NULL;
    size_t used = 0;
    if (value.len == 0 || !is_safe(value)) {
        return false;
    }
    memcpy(copy, value.data, value.len);
    if (mailimf_date_time_parse(copy, value.len, &used, &date) != MAILIMF_NO_ERROR) {
        return false;
    }
    int year = full_year(date->dt_year);
    bool ok = is_in_range(date, year);
    if (ok) {
        int zone_min = date->dt_zone / 100 * 60 + date->dt_zone % 100;
        int64_t days = days_of(year, date->dt_month) + date->dt_day - 1;
        *out_sec =
            days * 86400 + date->dt_hour * 3600 + (date->dt_min - zone_min) * 60 + date->dt_sec;
        *out_zone_min = (int16_t)zone_min;
    }
    mailimf_date_time_free(date);
    return ok;
}
