/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/base.h"


#define AE_TIME_SEC       1000000000ULL
#define AE_TIME_DATE_LEN  (sizeof("2024-01-01T23:59:59") - 1)


static size_t ae_time_format(unsigned char *dst, uint64_t wall_ns, char sep,
    const char *zone);
static unsigned char *ae_time_digits(unsigned char *p, unsigned n,
    unsigned width);
static int ae_time_date(ae_str_t s, uint64_t *sec);
static size_t ae_time_fraction(ae_str_t s, uint64_t *ns);
static int ae_time_number(const unsigned char *p, size_t len, int *n);


void
ae_now(ae_now_t *now)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    now->mono = (uint64_t) ts.tv_sec * AE_TIME_SEC + (uint64_t) ts.tv_nsec;

    clock_gettime(CLOCK_REALTIME, &ts);
    now->wall = (uint64_t) ts.tv_sec * AE_TIME_SEC + (uint64_t) ts.tv_nsec;
}


size_t
ae_time_go(unsigned char *dst, uint64_t wall_ns)
{
    return ae_time_format(dst, wall_ns, ' ', " +0000 UTC");
}


size_t
ae_time_rfc3339(unsigned char *dst, uint64_t wall_ns)
{
    return ae_time_format(dst, wall_ns, 'T', "Z");
}


int
ae_time_parse(ae_str_t s, uint64_t *wall_ns)
{
    char        sep;
    uint64_t    sec, ns;
    ae_str_t    rest, zone;

    if (ae_time_date(s, &sec) != AE_OK) {
        return AE_ERROR;
    }

    sep = (char) s.data[10];

    if (sep == ' ') {
        zone = ae_str(" +0000 UTC");

    } else if (sep == 'T') {
        zone = ae_str("Z");

    } else {
        return AE_ERROR;
    }

    rest.data = s.data + AE_TIME_DATE_LEN;
    rest.len = s.len - AE_TIME_DATE_LEN;

    ns = 0;

    if (rest.len != 0 && rest.data[0] == '.') {
        rest.len = s.len - AE_TIME_DATE_LEN - ae_time_fraction(rest, &ns);
        rest.data = s.data + s.len - rest.len;
    }

    if (rest.len != zone.len || memcmp(rest.data, zone.data, zone.len) != 0) {
        return AE_ERROR;
    }

    if (sec > (UINT64_MAX - ns) / AE_TIME_SEC) {
        return AE_ERROR;
    }

    *wall_ns = sec * AE_TIME_SEC + ns;

    return AE_OK;
}


static size_t
ae_time_format(unsigned char *dst, uint64_t wall_ns, char sep,
    const char *zone)
{
    size_t          len;
    time_t          sec;
    unsigned        ns;
    struct tm       tm;
    unsigned char  *p;

    sec = (time_t) (wall_ns / AE_TIME_SEC);
    ns = (unsigned) (wall_ns % AE_TIME_SEC);

    gmtime_r(&sec, &tm);

    p = ae_time_digits(dst, (unsigned) tm.tm_year + 1900, 4);
    *p++ = '-';
    p = ae_time_digits(p, (unsigned) tm.tm_mon + 1, 2);
    *p++ = '-';
    p = ae_time_digits(p, (unsigned) tm.tm_mday, 2);
    *p++ = (unsigned char) sep;
    p = ae_time_digits(p, (unsigned) tm.tm_hour, 2);
    *p++ = ':';
    p = ae_time_digits(p, (unsigned) tm.tm_min, 2);
    *p++ = ':';
    p = ae_time_digits(p, (unsigned) tm.tm_sec, 2);

    if (ns != 0) {
        *p++ = '.';
        p = ae_time_digits(p, ns, 9);

        while (p[-1] == '0') {
            p--;
        }
    }

    len = strlen(zone);
    memcpy(p, zone, len);

    return (size_t) (p + len - dst);
}


static unsigned char *
ae_time_digits(unsigned char *p, unsigned n, unsigned width)
{
    unsigned  i;

    for (i = width; i > 0; i--) {
        p[i - 1] = (unsigned char) ('0' + n % 10);
        n /= 10;
    }

    return p + width;
}


/* seconds since 1970 of "YYYY-MM-DD?HH:MM:SS" at the start of s */

static int
ae_time_date(ae_str_t s, uint64_t *sec)
{
    time_t      t;
    struct tm   tm, back;

    if (s.len < AE_TIME_DATE_LEN
        || s.data[4] != '-' || s.data[7] != '-'
        || s.data[13] != ':' || s.data[16] != ':')
    {
        return AE_ERROR;
    }

    memset(&tm, 0, sizeof(struct tm));

    if (ae_time_number(s.data, 4, &tm.tm_year) != AE_OK
        || ae_time_number(s.data + 5, 2, &tm.tm_mon) != AE_OK
        || ae_time_number(s.data + 8, 2, &tm.tm_mday) != AE_OK
        || ae_time_number(s.data + 11, 2, &tm.tm_hour) != AE_OK
        || ae_time_number(s.data + 14, 2, &tm.tm_min) != AE_OK
        || ae_time_number(s.data + 17, 2, &tm.tm_sec) != AE_OK)
    {
        return AE_ERROR;
    }

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    back = tm;

    /* timegm() accepts the 31st of June and makes it July: compare */

    t = timegm(&back);

    if (t < 0
        || back.tm_year != tm.tm_year || back.tm_mon != tm.tm_mon
        || back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour
        || back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec)
    {
        return AE_ERROR;
    }

    *sec = (uint64_t) t;

    return AE_OK;
}


/* returns how many bytes "." and one to nine digits took; 0: not that */

static size_t
ae_time_fraction(ae_str_t s, uint64_t *ns)
{
    size_t    i;
    uint64_t  n, unit;

    n = 0;
    unit = AE_TIME_SEC;

    for (i = 1; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {

        if (i > 9) {
            return 0;
        }

        unit /= 10;
        n += (uint64_t) (s.data[i] - '0') * unit;
    }

    if (i == 1) {
        return 0;
    }

    *ns = n;

    return i;
}


static int
ae_time_number(const unsigned char *p, size_t len, int *n)
{
    size_t  i;

    *n = 0;

    for (i = 0; i < len; i++) {

        if (p[i] < '0' || p[i] > '9') {
            return AE_ERROR;
        }

        *n = *n * 10 + (p[i] - '0');
    }

    return AE_OK;
}
