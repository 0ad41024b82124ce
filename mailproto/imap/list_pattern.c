// SPDX-License-Identifier: MIT
#include "mailproto/imap/list_pattern.h"

/* Without recursion: the last star seen is tried one byte further each time, and a '%' that can't
 * go on falls back to it. */
bool list_pattern_matches(const char *pattern, const char *name, size_t name_len, size_t *work)
{
    const char *end = name + name_len;
    const char *star = NULL;
    const char *star_name = NULL;
    const char *percent = NULL;
    const char *percent_name = NULL;
    while (name < end || *pattern != '\0') {
        ++*work;
        if (*pattern == '*') {
            star = ++pattern;
            star_name = name;
            percent = NULL;
        } else if (*pattern == '%') {
            percent = ++pattern;
            percent_name = name;
        } else if (name < end && *pattern == *name) {
            pattern++;
            name++;
        } else if (percent != NULL && percent_name < end && *percent_name != '/') {
            name = ++percent_name;
            pattern = percent;
        } else if (star != NULL && star_name < end) {
            name = ++star_name;
            pattern = star;
            percent = NULL;
        } else {
            return false;
        }
    }
    return true;
}
