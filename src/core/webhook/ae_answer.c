/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <string.h>
#include <strings.h>

#include "core/webhook/ae_field.h"
#include "core/webhook/webhook.h"


#define AE_STATUS_MIN        100
#define AE_STATUS_MAX        599


static int ae_statuses_one(ae_str_t s, ae_statuses_t *statuses);
static int ae_answer_says(ae_str_t control, ae_str_t word);


int
ae_statuses_parse(ae_str_t s, ae_statuses_t *statuses)
{
    ae_str_t        one;
    unsigned char  *comma;

    memset(statuses, 0, sizeof(ae_statuses_t));

    /* the last one has no comma, and there is no empty one */

    do {
        comma = (s.len != 0) ? memchr(s.data, ',', s.len) : NULL;

        one.data = s.data;
        one.len = (comma != NULL) ? (size_t) (comma - s.data) : s.len;

        if (ae_statuses_one(one, statuses) != AE_OK) {
            return AE_ERROR;
        }

        if (comma != NULL) {
            s.len -= one.len + 1;
            s.data = comma + 1;
        }

    } while (comma != NULL);

    return AE_OK;
}


int
ae_statuses_has(const ae_statuses_t *statuses, uint32_t status)
{
    if (status < AE_STATUS_MIN || status > AE_STATUS_MAX) {
        return 0;
    }

    status -= AE_STATUS_MIN;

    return (int) (statuses->set[status / 64] >> status % 64 & 1);
}


ae_answer_e
ae_answer(const ae_statuses_t *success, uint32_t status, int timeout,
    ae_str_t control)
{
    control = ae_field_trim(control);

    if (ae_answer_says(control, ae_str("disable"))) {
        return AE_ANSWER_DISABLE;
    }

    if (ae_answer_says(control, ae_str("abort-message"))) {
        return AE_ANSWER_ABORT;
    }

    /* an answer that did not end in time has not been given, whatever it
     * started with */

    if (timeout) {
        return AE_ANSWER_SLOW;
    }

    if (ae_statuses_has(success, status)) {
        return AE_ANSWER_OK;
    }

    switch (status) {

    case 410:
        return AE_ANSWER_DISABLE;

    case 429:
    case 502:
    case 503:
    case 504:
        return AE_ANSWER_SLOW;

    default:
        return AE_ANSWER_FAILED;
    }
}


/* "204" or "2xx" */

static int
ae_statuses_one(ae_str_t s, ae_statuses_t *statuses)
{
    uint32_t  first, last, i;

    if (s.len != 3 || s.data[0] < '1' || s.data[0] > '5') {
        return AE_ERROR;
    }

    first = (s.data[0] - '0') * 100;
    last = first + 99;

    if (s.data[1] != 'x' || s.data[2] != 'x') {

        if (s.data[1] < '0' || s.data[1] > '9'
            || s.data[2] < '0' || s.data[2] > '9')
        {
            return AE_ERROR;
        }

        first += (s.data[1] - '0') * 10 + (s.data[2] - '0');
        last = first;
    }

    for (i = first - AE_STATUS_MIN; i <= last - AE_STATUS_MIN; i++) {
        statuses->set[i / 64] |= UINT64_C(1) << i % 64;
    }

    return AE_OK;
}


static int
ae_answer_says(ae_str_t control, ae_str_t word)
{
    return control.len == word.len
           && strncasecmp((char *) control.data, (char *) word.data, word.len)
              == 0;
}
