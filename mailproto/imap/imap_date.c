// SPDX-License-Identifier: MIT
/* Days are counted in the proleptic Gregorian calendar, by the arithmetic of years that begin in
 * March (so that the leap day comes last). No libc time functions: those look at the system's zone.
 */
#include "mailproto/imap/imap_date.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

enum { DAY_SEC = 86400, DAYS_OF_400_YEARS = 146097, DAYS_FROM_YEAR_0_TO_1970 = 719468 };

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct civil_date {
    int64_t year;
    unsigned month; /* 1 .. 12 */
    unsigned day;
};

static int64_t day_of_date(struct civil_date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = (date.month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_OF_400_YEARS + day_of_era - DAYS_FROM_YEAR_0_TO_1970;
}

static struct civil_date date_of_day(int64_t day)
{
    day += DAYS_FROM_YEAR_0_TO_1970;
    int64_t era = (day >= 0 ? day : day - (DAYS_OF_400_YEARS - 1)) / DAYS_OF_400_YEARS;
    int64_t day_of_era = day - era * DAYS_OF_400_YEARS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    struct civil_date date = {
        .year = year_of_era + era * 400,
        .month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9),
        .day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
    if (date.month <= 2) {
        date.year++;
    }
    return date;
}

/* Rounded down, also before 1970. */
static int64_t divide_down(int64_t number, int64_t by)
{
    return number / by - (number % by < 0 ? 1 : 0);
}

/* Exactly `n_digits` digits off the front. */
static unsigned take_digits(struct reader *in, size_t n_digits, unsigned max)
{
    uint64_t value = 0;
    if (!parse_u64(reader_bytes(in, n_digits), max, &value)) {
        reader_fail(in);
    }
    return (unsigned)value;
}

static void take_char(struct reader *in, char c)
{
    if (reader_u8(in) != (uint8_t)c) {
        reader_fail(in);
    }
}

static unsigned take_month(struct reader *in)
{
    struct bytes name = reader_bytes(in, 3);
    for (unsigned month = 1; month <= 12; month++) {
        if (bytes_equal_ci(name, (struct bytes){(const uint8_t *)months + (month - 1) * 3, 3})) {
            return month;
        }
    }
    reader_fail(in);
    return 1;
}

/* "17-Jul-1996"; the day has one or two digits, or a space and one. */
static int64_t take_date(struct reader *in)
{
    struct civil_date date = {0};
    bool padded = in->rest.len > 0 && in->rest.data[0] == ' ';
    if (padded) {
        (void)reader_u8(in);
    }
    bool one_digit = padded || (in->rest.len > 1 && in->rest.data[1] == '-');
    date.day = take_digits(in, one_digit ? 1 : 2, 31);
    take_char(in, '-');
    date.month = take_month(in);
    take_char(in, '-');
    date.year = take_digits(in, 4, 9999);
    int64_t day = day_of_date(date);
    struct civil_date back = date_of_day(day);
    if (date.year == 0 || date.day == 0 || back.day != date.day || back.month != date.month) {
        reader_fail(in);
    }
    return day;
}

bool imap_date_time_parse(struct bytes text, int64_t *out_sec, int16_t *out_zone_min)
{
    struct reader in = reader_of(text);
    int64_t sec = take_date(&in) * DAY_SEC;
    take_char(&in, ' ');
    sec += (int64_t)take_digits(&in, 2, 23) * 3600;
    take_char(&in, ':');
    sec += (int64_t)take_digits(&in, 2, 59) * 60;
    take_char(&in, ':');
    sec += take_digits(&in, 2, 60);
    take_char(&in, ' ');
    uint8_t sign = reader_u8(&in);
    int zone_min = (int)take_digits(&in, 2, 99) * 60;
    zone_min += (int)take_digits(&in, 2, 59);
    if ((sign != '+' && sign != '-') || !reader_at_end(&in)) {
        return false;
    }
    zone_min = sign == '-' ? -zone_min : zone_min;
    *out_sec = sec - (int64_t)zone_min * 60;
    *out_zone_min = (int16_t)zone_min;
    return true;
}

void imap_date_time_print(struct buf *out, int64_t sec, int16_t zone_min)
{
    int64_t local = sec + (int64_t)zone_min * 60;
    int64_t day = divide_down(local, DAY_SEC);
    int64_t rest = local - day * DAY_SEC;
    struct civil_date date = date_of_day(day);
    int64_t year = date.year < 0 ? 0 : date.year > 9999 ? 9999 : date.year;
    int zone = zone_min < 0 ? -zone_min : zone_min;
    buf_printf(out, "\"%2u-%.3s-%04d %02d:%02d:%02d %c%02d%02d\"", date.day,
               months + (date.month - 1) * 3, (int)year, (int)(rest / 3600), (int)(rest / 60 % 60),
               (int)(rest % 60), zone_min < 0 ? '-' : '+', zone / 60, zone % 60);
}

bool imap_date_parse(struct bytes text, int64_t *out_day)
{
    struct reader in = reader_of(text);
    int64_t day = take_date(&in);
    if (!reader_at_end(&in)) {
        return false;
    }
    *out_day = day;
    return true;
}

int64_t imap_day_of(int64_t sec, int16_t zone_min)
{
    return divide_down(sec + (int64_t)zone_min * 60, DAY_SEC);
}
