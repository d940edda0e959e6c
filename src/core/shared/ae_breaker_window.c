/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The window: ten buckets, each of a tenth of it, that begin at multiples of
 * that tenth.  The newest one and the nine before it count.  Time does not go
 * back: what happens before the newest bucket, by the clock of a process that
 * is late, is counted in it.
 */


#include "core/shared/ae_breaker.h"


static uint64_t ae_breaker_tenth(uint64_t window);
static void ae_breaker_bucket(ae_breaker_t *st, uint32_t serial);
static void ae_breaker_add(uint32_t *n);


static uint64_t
ae_breaker_tenth(uint64_t window)
{
    return (window < AE_BREAKER_BUCKETS) ? 1 : window / AE_BREAKER_BUCKETS;
}


/*
 * Until the end is stored nobody counts without the lock, and whoever has the
 * lock next begins anew.
 */

void
ae_breaker_window(ae_breaker_t *st, uint64_t window, const ae_now_t *now)
{
    uint64_t  tenth;

    tenth = ae_breaker_tenth(window);

    ae_breaker_set(&st->end, 0);

    /* no bucket is as new as this one, which leaves none of them to count */

    ae_breaker_bucket(st, st->serial + 2 * AE_BREAKER_BUCKETS);

    ae_breaker_set(&st->window, window);
    ae_breaker_set(&st->end, now->mono / tenth * tenth + tenth);
}


void
ae_breaker_window_move(ae_breaker_t *st, const ae_now_t *now)
{
    uint64_t  n, tenth;

    if (now->mono < st->end) {
        return;
    }

    tenth = ae_breaker_tenth(st->window);
    n = (now->mono - st->end) / tenth + 1;

    ae_breaker_bucket(st, st->serial + ((n < AE_BREAKER_BUCKETS)
                                        ? n : AE_BREAKER_BUCKETS));

    ae_breaker_set(&st->end, now->mono / tenth * tenth + tenth);
}


/* the bucket is of a time that does not count any more; so it may be cleared
 * piece by piece */

static void
ae_breaker_bucket(ae_breaker_t *st, uint32_t serial)
{
    uint32_t  i;

    i = serial % AE_BREAKER_BUCKETS;

    ae_breaker_set(&st->failures[i], 0);
    ae_breaker_set(&st->slow[i], 0);
    ae_breaker_set(&st->count[i], (uint64_t) serial << 32);
    ae_breaker_set(&st->serial, serial);
}


/* the sample first, so that there are never more failures than samples */

void
ae_breaker_count(ae_breaker_t *st, ae_breaker_outcome_e outcome)
{
    uint32_t  i;
    uint64_t  n;

    i = st->serial % AE_BREAKER_BUCKETS;
    n = ae_breaker_get(&st->count[i]);

    do {
        if ((uint32_t) n == UINT32_MAX) {
            return;
        }

    } while (!__atomic_compare_exchange_n(&st->count[i], &n, n + 1, 0,
                                          __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));

    if (outcome == AE_BREAKER_FAILURE) {
        ae_breaker_add(&st->failures[i]);

    } else if (outcome == AE_BREAKER_SLOW) {
        ae_breaker_add(&st->slow[i]);
    }
}


static void
ae_breaker_add(uint32_t *n)
{
    ae_breaker_set(n, *n + 1);
}


void
ae_breaker_sum(const ae_breaker_t *st, ae_breaker_sum_t *sum)
{
    uint32_t  i;
    uint64_t  n;

    sum->samples = 0;
    sum->failures = 0;
    sum->slow = 0;

    if (st->end == 0) {
        return;
    }

    for (i = 0; i < AE_BREAKER_BUCKETS; i++) {
        n = ae_breaker_get(&st->count[i]);

        if (st->serial - (uint32_t) (n >> 32) >= AE_BREAKER_BUCKETS) {
            continue;
        }

        sum->samples += (uint32_t) n;
        sum->failures += st->failures[i];
        sum->slow += st->slow[i];
    }
}


int
ae_breaker_bad(const ae_breaker_sum_t *sum, const ae_breaker_rule_t *rule)
{
    if (sum->samples == 0 || sum->samples < rule->samples) {
        return 0;
    }

    if (sum->failures != 0
        && sum->failures * 1000000 >= sum->samples * rule->threshold)
    {
        return 1;
    }

    return rule->slow_threshold != 0
           && (sum->failures + sum->slow) * 1000000
              >= sum->samples * rule->slow_threshold;
}


int
ae_breaker_idle(const ae_breaker_t *st, const ae_now_t *now)
{
    uint64_t  tenth;

    tenth = ae_breaker_tenth(st->window);

    return now->mono >= st->end
           && now->mono >= st->leased
           && (now->mono - st->end) / tenth >= AE_BREAKER_BUCKETS - 1;
}
