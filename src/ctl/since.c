/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Parses the time of --since. */

#include "ctl/since.h"

#include "base/parse.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#define MINUTE (UINT64_C(60) * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const struct {
        const char *names; /* each between spaces */
        uint64_t usec;
} units[] = {
        { " s sec second seconds ", USEC_PER_SEC },
        { " m min minute minutes ", MINUTE },
        { " h hr hour hours ", HOUR },
        { " d day days ", DAY },
        { " w week weeks ", 7 * DAY },
};

/* The microseconds of a unit. 0 if there is no such unit. */
static uint64_t unit_usec(const char *name, size_t length)
{
        char word[16];

        if (length == 0 || length > sizeof(word) - 3)
                return 0;
        snprintf(word, sizeof(word), " %.*s ", (int) length, name);
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strstr(units[i].names, word))
                        return units[i].usec;
        return 0;
}

/* Parses "1h30min" or "2 days", of `length` characters. */
static int parse_span(const char *text, size_t length, uint64_t *ret_usec)
{
        const char *end = text + length;
        uint64_t sum_usec = 0;

        while (text < end) {
                uint64_t number = 0, usec;
                size_t letters = 0;

                if (!isdigit((unsigned char) *text))
                        return -EINVAL;
                for (; text < end && isdigit((unsigned char) *text); text++)
                        number = MIN(number * 10 + (uint64_t) (*text - '0'), UINT32_MAX);
                while (text < end && *text == ' ')
                        text++;
                while (text + letters < end && isalpha((unsigned char) text[letters]))
                        letters++;
                usec = unit_usec(text, letters);
                if (usec == 0)
                        return -EINVAL;
                /* With UINT32_MAX weeks, this goes far beyond 1970 and not beyond 64 bits. */
                sum_usec = MIN(sum_usec + number * usec, UINT64_MAX / 4);
                text += letters;
                while (text < end && *text == ' ')
                        text++;
        }
        *ret_usec = sum_usec;
        return length > 0 ? 0 : -EINVAL;
}

/* Parses "-1h" and "1h ago". */
static int parse_ago(const char *text, uint64_t now_usec, uint64_t *ret_usec)
{
        size_t length = strlen(text);
        uint64_t span_usec;
        int r;

        if (*text == '-')
                r = parse_span(text + 1, length - 1, &span_usec);
        else if (length > 4 && strcmp(text + length - 4, " ago") == 0)
                r = parse_span(text, length - 4, &span_usec);
        else
                return -EINVAL;
        if (r < 0)
                return r;
        *ret_usec = now_usec > span_usec ? now_usec - span_usec : 0;
        return 0;
}

/* Parses the time of a day, "12:30" or "12:30:15". Returns the rest of the text, or NULL. */
static const char *parse_clock(const char *text, struct tm *tm)
{
        const char *rest;

        if (!isdigit((unsigned char) *text))
                return NULL;
        tm->tm_sec = 0;
        rest = strptime(text, "%H:%M:%S", tm);
        if (rest && tm->tm_sec > 59)
                return NULL;
        if (rest)
                return rest;
        tm->tm_sec = 0;
        return strptime(text, "%H:%M", tm);
}

/* Parses a date, a time, or both. Returns the rest of the text, or NULL. */
static const char *parse_date_and_clock(const char *text, struct tm *tm)
{
        struct tm day = *tm;
        const char *rest = isdigit((unsigned char) *text) ? strptime(text, "%Y-%m-%d", &day) : NULL;

        if (!rest)
                return parse_clock(text, tm);
        *tm = day;
        return (*rest == ' ' || *rest == 'T') && isdigit((unsigned char) rest[1]) ?
                       parse_clock(rest + 1, tm) :
                       rest;
}

/* Converts a time of the zone that follows it: none or the name of the local one, "UTC", "Z", or "+0100". */
static int convert(struct tm *tm, const char *zone, time_t *ret)
{
        struct tm offset = {};
        const char *rest = *zone == '+' || *zone == '-' ? strptime(zone, "%z", &offset) : NULL;
        int day = tm->tm_mday;

        tm->tm_isdst = -1;
        if (rest && *rest == 0)
                *ret = timegm(tm) - offset.tm_gmtoff;
        else if (strcmp(zone, "Z") == 0 || strcmp(zone, " UTC") == 0)
                *ret = timegm(tm);
        else
                *ret = mktime(tm);
        /* A day such as February 30 has become another. */
        if (tm->tm_mday != day)
                return -EINVAL;
        if (*zone && !rest && strcmp(zone, "Z") != 0 && strcmp(zone, " UTC") != 0 &&
            (*zone != ' ' || strcmp(zone + 1, tm->tm_zone) != 0))
                return -EINVAL;
        return rest && *rest ? -EINVAL : 0;
}

/* Parses "[Tue ]2026-12-01[ 12:30[:15]][ UTC]" and "12:30[:15]". */
static int parse_calendar(const char *text, const struct tm *today, uint64_t *ret_usec)
{
        struct tm tm = *today, weekday = {};
        const char *rest = isalpha((unsigned char) *text) ? strptime(text, "%a", &weekday) : NULL;
        time_t seconds;

        if (rest && *rest != ' ')
                return -EINVAL;
        text = parse_date_and_clock(rest ? rest + 1 : text, &tm);
        if (!text || convert(&tm, text, &seconds) < 0 || (rest && tm.tm_wday != weekday.tm_wday))
                return -EINVAL;
        *ret_usec = seconds > 0 ? (uint64_t) seconds * USEC_PER_SEC : 0;
        return 0;
}

int since_parse(const char *text, uint64_t now_usec, uint64_t *ret_usec)
{
        time_t now = (time_t) (now_usec / USEC_PER_SEC), seconds;
        uint32_t number;
        struct tm tm;

        if (!localtime_r(&now, &tm))
                return -EINVAL;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_isdst = -1;
        if (strcmp(text, "now") == 0) {
                *ret_usec = now_usec;
                return 0;
        }
        if (strcmp(text, "today") == 0 || strcmp(text, "yesterday") == 0) {
                tm.tm_mday -= *text == 'y';
                seconds = mktime(&tm);
                *ret_usec = seconds > 0 ? (uint64_t) seconds * USEC_PER_SEC : 0;
                return 0;
        }
        if (*text == '@') {
                if (parse_u32(text + 1, &number) < 0)
                        return -EINVAL;
                *ret_usec = number * USEC_PER_SEC;
                return 0;
        }
        if (parse_ago(text, now_usec, ret_usec) == 0)
                return 0;
        return parse_calendar(text, &tm, ret_usec);
}
