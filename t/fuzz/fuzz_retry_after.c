/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The fields of an answer that a receiver may write anything into: Retry-After
 * and webhook-delivery.  Blanks around them mean nothing, the case of the
 * latter neither; whatever is asked for, a delay stays between one and two
 * times the schedule's.  Statuses are of the operator, and are read here too.
 */


#include <stdlib.h>
#include <string.h>

#include "core/webhook/webhook.h"


/* 2026-11-22 18:40:00 */
#define FUZZ_NOW  UINT64_C(1795372800000000000)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_after(ae_str_t s, ae_str_t padded);
static void fuzz_control(ae_str_t s, ae_str_t padded);
static void fuzz_statuses(ae_str_t s);
static void fuzz_expect(int condition);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ae_str_t        s, padded;
    unsigned char  *copy;

    /* exact, so that a read behind it is seen, and once more with blanks */

    s.len = size;
    s.data = malloc((size != 0) ? size : 1);
    copy = malloc(size + 2);

    if (s.data == NULL || copy == NULL) {
        abort();
    }

    if (size != 0) {
        memcpy(s.data, data, size);
        memcpy(copy + 1, data, size);
    }

    copy[0] = '\t';
    copy[size + 1] = ' ';

    padded.len = size + 2;
    padded.data = copy;

    fuzz_after(s, padded);
    fuzz_control(s, padded);
    fuzz_statuses(s);

    free(s.data);
    free(copy);

    return 0;
}


static void
fuzz_after(ae_str_t s, ae_str_t padded)
{
    int       rc;
    uint32_t  attempt;
    uint64_t  ns, again, least, delay;
    ae_now_t  now;

    now.mono = 0;
    now.wall = FUZZ_NOW;

    ns = 0;
    again = 0;

    rc = ae_retry_after(s, &now, &ns);
    fuzz_expect(rc == AE_OK || rc == AE_ERROR);
    fuzz_expect(ae_retry_after(padded, &now, &again) == rc && again == ns);

    for (attempt = 1; attempt < AE_RETRY_MAX; attempt++) {
        least = ae_retry_delay(attempt, AE_RETRY_MAX, 1, 0, ns);
        delay = ae_retry_delay(attempt, AE_RETRY_MAX, 1, ns, ns);

        fuzz_expect(least >= AE_RETRY_SLOW);
        fuzz_expect(delay >= least && delay <= 2 * least);
        fuzz_expect(delay == ns || ns < least || ns > 2 * least);
    }
}


static void
fuzz_control(ae_str_t s, ae_str_t padded)
{
    size_t         i;
    ae_answer_e    answer;
    ae_statuses_t  ok;

    fuzz_expect(ae_statuses_parse(ae_str("2xx"), &ok) == AE_OK);

    answer = ae_answer(&ok, 204, 0, s);
    fuzz_expect(answer == AE_ANSWER_OK || answer == AE_ANSWER_ABORT
                || answer == AE_ANSWER_DISABLE);

    for (i = 0; i < padded.len; i++) {

        if (padded.data[i] >= 'a' && padded.data[i] <= 'z') {
            padded.data[i] -= 'a' - 'A';
        }
    }

    fuzz_expect(ae_answer(&ok, 204, 0, padded) == answer);

    fuzz_expect(ae_answer(&ok, 500, 0, s)
                == ((answer == AE_ANSWER_OK) ? AE_ANSWER_FAILED : answer));
}


static void
fuzz_statuses(ae_str_t s)
{
    int            any;
    uint32_t       i;
    ae_statuses_t  statuses;

    if (ae_statuses_parse(s, &statuses) != AE_OK) {
        return;
    }

    any = 0;

    for (i = 0; i < 1000; i++) {
        any |= ae_statuses_has(&statuses, i);
        fuzz_expect((i >= 100 && i <= 599) || !ae_statuses_has(&statuses, i));
    }

    fuzz_expect(any);
}


static void
fuzz_expect(int condition)
{
    if (!condition) {
        abort();
    }
}
