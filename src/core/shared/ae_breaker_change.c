/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Transitions.  Each prepares what means nothing in the state that is left,
 * then stores the word.
 */


#include "core/shared/ae_breaker.h"


#define AE_BREAKER_GROWTH    7              /* 1.5^6 is above 10 */


void
ae_breaker_mark(ae_breaker_t *st, uint32_t opened, ae_breaker_state_e state)
{
    uint64_t  epoch;

    epoch = ae_breaker_epoch(st->word) + 1;

    ae_breaker_set(&st->word, ae_breaker_word(epoch, opened, state));
}


ae_breaker_change_e
ae_breaker_trip(ae_breaker_t *st, const ae_breaker_rule_t *rule,
    const ae_now_t *now)
{
    uint32_t  opened;
    uint64_t  span, random;

    opened = ae_breaker_opened(st->word);

    if (opened < AE_BREAKER_OPENED) {
        opened++;
    }

    random = st->random;
    span = ae_breaker_span(rule->open, opened, &random);

    ae_breaker_set(&st->random, random);
    ae_breaker_set(&st->until, now->mono + span);
    ae_breaker_mark(st, opened, AE_BREAKER_OPEN);

    return AE_BREAKER_TRIPS;
}


/* probes of the last time that are still under way keep their leases */

void
ae_breaker_half_open(ae_breaker_t *st)
{
    ae_breaker_set(&st->passed, 0);
    ae_breaker_mark(st, ae_breaker_opened(st->word), AE_BREAKER_HALF_OPEN);
}


ae_breaker_change_e
ae_breaker_reset(ae_breaker_t *st, uint64_t window, const ae_now_t *now)
{
    ae_breaker_window(st, window, now);
    ae_breaker_mark(st, 0, AE_BREAKER_CLOSED);

    return AE_BREAKER_RESETS;
}


uint64_t
ae_breaker_span(uint64_t open, uint32_t opened, uint64_t *random)
{
    uint32_t  i;
    uint64_t  span, most, z;

    if (open > UINT64_MAX / 64) {
        open = UINT64_MAX / 64;
    }

    span = open;
    most = open * 10;

    for (i = 1; i < opened && i < AE_BREAKER_GROWTH; i++) {
        span += span / 2;
    }

    if (span > most) {
        span = most;
    }

    /* splitmix64 */

    *random += 0x9e3779b97f4a7c15;

    z = *random;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z ^= z >> 31;

    /* a part of a fifth, in 1/1024 */

    return span + span / 5 / 1024 * (z >> 54) + span / 5 % 1024 * (z >> 54)
                                                / 1024;
}
