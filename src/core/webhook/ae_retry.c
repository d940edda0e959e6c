/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <string.h>
#include <time.h>

#include "core/webhook/ae_field.h"
#include "core/webhook/webhook.h"


#define AE_RETRY_SEC         UINT64_C(1000000000)

/* RFC 9110: a year of two digits is at most that far ahead */
#define AE_RETRY_CENTURY     50


static int ae_retry_seconds(ae_str_t s, uint64_t *ns);
static int ae_retry_date(ae_str_t s, const ae_now_t *now, uint64_t *ns);
static int ae_retry_match(const char *format, ae_str_t s, int year,
    struct tm *tm);
static int ae_retry_field(char field, ae_str_t *s, int year, struct tm *tm);
static int ae_retry_clock(ae_str_t *s, struct tm *tm);
static int ae_retry_word(ae_str_t *s, const char *words, size_t width);
static int ae_retry_digits(ae_str_t *s, size_t len);
static int ae_retry_year(int digits, int year);
static int ae_retry_time(const struct tm *tm, int64_t *sec);
static int ae_retry_digit(ae_str_t s);


static const uint32_t  ae_retry_schedule[AE_RETRY_MAX] = {
    0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600,
    20 * 3600, 24 * 3600
};

/* RFC 9110, 5.6.7: what is sent, and two that are obsolete */

static const char  *ae_retry_dates[] = {
    "%a, %d %b %Y %T GMT",
    "%A, %d-%b-%y %T GMT",
    "%a %b %e %T %Y"
};


int
ae_retry_parse(ae_str_t s, uint32_t *attempts)
{
    uint32_t  n;
    ae_str_t  spec, off;

    spec = ae_str("spec");
    off = ae_str("off");

    if (s.len == spec.len && memcmp(s.data, spec.data, s.len) == 0) {
        *attempts = AE_RETRY_MAX;
        return AE_OK;
    }

    if (s.len == off.len && memcmp(s.data, off.data, s.len) == 0) {
        *attempts = 1;
        return AE_OK;
    }

    /* no sign and no zero in front */

    if (s.len == 0 || s.len > 2 || s.data[0] == '0') {
        return AE_ERROR;
    }

    n = 0;

    while (s.len != 0) {

        if (!ae_retry_digit(s)) {
            return AE_ERROR;
        }

        n = n * 10 + (s.data[0] - '0');
        s.data++;
        s.len--;
    }

    if (n > AE_RETRY_MAX) {
        return AE_ERROR;
    }

    *attempts = n;

    return AE_OK;
}


uint64_t
ae_retry_delay(uint32_t attempt, uint32_t attempts, int slow, uint64_t after,
    uint64_t random)
{
    uint64_t  delay, fifth;

    if (attempt >= attempts || attempt >= AE_RETRY_MAX) {
        return UINT64_MAX;
    }

    delay = ae_retry_schedule[attempt] * AE_RETRY_SEC;

    /* of 2^64 random numbers no remainder is noticeably likelier */

    fifth = delay / 5;
    delay = delay - fifth + random % (2 * fifth + 1);

    if (slow && delay < AE_RETRY_SLOW) {
        delay = AE_RETRY_SLOW;
    }

    /* a receiver may ask for patience, but cannot stop the queue */

    if (after > delay) {
        delay = (after > 2 * delay) ? 2 * delay : after;
    }

    return delay;
}


int
ae_retry_after(ae_str_t s, const ae_now_t *now, uint64_t *ns)
{
    s = ae_field_trim(s);

    if (ae_retry_digit(s)) {
        return ae_retry_seconds(s, ns);
    }

    return ae_retry_date(s, now, ns);
}


static int
ae_retry_seconds(ae_str_t s, uint64_t *ns)
{
    uint64_t  n, unit, digit;

    n = 0;

    /* too many are as good as for ever: they stay UINT64_MAX */

    for ( /* void */ ; ae_retry_digit(s); s.data++, s.len--) {
        digit = (s.data[0] - '0') * AE_RETRY_SEC;
        n = (n > (UINT64_MAX - digit) / 10) ? UINT64_MAX : n * 10 + digit;
    }

    if (s.len != 0 && s.data[0] == '.') {
        s.data++;
        s.len--;

        if (!ae_retry_digit(s)) {
            return AE_ERROR;
        }

        unit = AE_RETRY_SEC;

        for ( /* void */ ; ae_retry_digit(s); s.data++, s.len--) {
            unit /= 10;
            digit = (s.data[0] - '0') * unit;
            n = (n > UINT64_MAX - digit) ? UINT64_MAX : n + digit;
        }
    }

    if (s.len != 0) {
        return AE_ERROR;
    }

    *ns = n;

    return AE_OK;
}


static int
ae_retry_date(ae_str_t s, const ae_now_t *now, uint64_t *ns)
{
    size_t     i;
    time_t     today;
    int64_t    sec;
    uint64_t   wall;
    struct tm  tm;

    today = (time_t) (now->wall / AE_RETRY_SEC);
    gmtime_r(&today, &tm);

    for (i = 0; i < sizeof(ae_retry_dates) / sizeof(char *); i++) {

        if (ae_retry_match(ae_retry_dates[i], s, tm.tm_year + 1900, &tm)
            == AE_OK)
        {
            break;
        }
    }

    if (i == sizeof(ae_retry_dates) / sizeof(char *)
        || ae_retry_time(&tm, &sec) != AE_OK)
    {
        return AE_ERROR;
    }

    if (sec < 0) {
        wall = 0;

    } else if ((uint64_t) sec > UINT64_MAX / AE_RETRY_SEC) {
        wall = UINT64_MAX;

    } else {
        wall = (uint64_t) sec * AE_RETRY_SEC;
    }

    *ns = (wall > now->wall) ? wall - now->wall : 0;

    return AE_OK;
}


/* tm is changed only by a format that matches */

static int
ae_retry_match(const char *format, ae_str_t s, int year, struct tm *tm)
{
    const char  *p;
    struct tm    parsed;

    memset(&parsed, 0, sizeof(struct tm));

    for (p = format; *p != '\0'; p++) {

        if (*p == '%') {
            p++;

            if (ae_retry_field(*p, &s, year, &parsed) != AE_OK) {
                return AE_ERROR;
            }

            continue;
        }

        if (s.len == 0 || s.data[0] != (unsigned char) *p) {
            return AE_ERROR;
        }

        s.data++;
        s.len--;
    }

    if (s.len != 0) {
        return AE_ERROR;
    }

    *tm = parsed;

    return AE_OK;
}


/* cuts it off; the names' case matters (RFC 9110, 5.6.7) */

static int
ae_retry_field(char field, ae_str_t *s, int year, struct tm *tm)
{
    int  n;

    switch (field) {

    case 'a':
        n = ae_retry_word(s, "Sun Mon Tue Wed Thu Fri Sat ", 4);
        break;

    case 'A':
        n = ae_retry_word(s, "Sunday    Monday    Tuesday   Wednesday "
                          "Thursday  Friday    Saturday  ", 10);
        break;

    case 'b':
        n = ae_retry_word(s, "Jan Feb Mar Apr May Jun "
                          "Jul Aug Sep Oct Nov Dec ", 4);
        tm->tm_mon = n;
        break;

    case 'e':

        /* "6" has a blank in front */

        if (s->len != 0 && s->data[0] == ' ') {
            s->data++;
            s->len--;
            n = ae_retry_digits(s, 1);

        } else {
            n = ae_retry_digits(s, 2);
        }

        tm->tm_mday = n;
        break;

    case 'd':
        n = ae_retry_digits(s, 2);
        tm->tm_mday = n;
        break;

    case 'Y':
        n = ae_retry_digits(s, 4);
        tm->tm_year = n - 1900;
        break;

    case 'y':
        n = ae_retry_digits(s, 2);
        tm->tm_year = ae_retry_year(n, year) - 1900;
        break;

    default: /* 'T' */
        n = ae_retry_clock(s, tm);
        break;
    }

    return (n < 0) ? AE_ERROR : AE_OK;
}


/* "08:49:37" */

static int
ae_retry_clock(ae_str_t *s, struct tm *tm)
{
    if (s->len < 8 || s->data[2] != ':' || s->data[5] != ':') {
        return -1;
    }

    tm->tm_hour = ae_retry_digits(s, 2);
    s->data++;
    s->len--;

    tm->tm_min = ae_retry_digits(s, 2);
    s->data++;
    s->len--;

    tm->tm_sec = ae_retry_digits(s, 2);

    /* a -1 among them is a time that does not exist, as 25 is */

    return 0;
}


/* which of the words of that width, padded, s starts with; -1: none */

static int
ae_retry_word(ae_str_t *s, const char *words, size_t width)
{
    int     i;
    size_t  len;

    for (i = 0; *words != '\0'; i++, words += width) {
        len = strcspn(words, " ");

        if (s->len >= len && memcmp(s->data, words, len) == 0) {
            s->data += len;
            s->len -= len;
            return i;
        }
    }

    return -1;
}


/* exactly that many, -1: there are fewer */

static int
ae_retry_digits(ae_str_t *s, size_t len)
{
    int  n;

    n = 0;

    for ( /* void */ ; len != 0; len--) {

        if (!ae_retry_digit(*s)) {
            return -1;
        }

        n = n * 10 + (s->data[0] - '0');
        s->data++;
        s->len--;
    }

    return n;
}


/* the nearest year of those digits, seen from this one */

static int
ae_retry_year(int digits, int year)
{
    int  n;

    n = year - year % 100 + digits;

    if (n - year > AE_RETRY_CENTURY) {
        return n - 100;
    }

    if (year - n >= AE_RETRY_CENTURY) {
        return n + 100;
    }

    return n;
}


/* what it says must exist; a leap second does: the start of the next minute */

static int
ae_retry_time(const struct tm *tm, int64_t *sec)
{
    int        leap;
    struct tm  want, back;

    want = *tm;
    leap = (want.tm_sec == 60);

    if (leap) {
        want.tm_sec = 59;
    }

    back = want;
    *sec = (int64_t) timegm(&back) + leap;

    if (back.tm_year != want.tm_year || back.tm_mon != want.tm_mon
        || back.tm_mday != want.tm_mday || back.tm_hour != want.tm_hour
        || back.tm_min != want.tm_min || back.tm_sec != want.tm_sec)
    {
        return AE_ERROR;
    }

    return AE_OK;
}


static int
ae_retry_digit(ae_str_t s)
{
    return s.len != 0 && s.data[0] >= '0' && s.data[0] <= '9';
}
