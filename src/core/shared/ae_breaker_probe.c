/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Leases of probes: one word each, so that one store gives or takes one.  It
 * holds the owner plus one, in 12 bits, and the deadline, in 20 bits of ticks
 * of 2^24 ns (17 ms).  These come round after 4.9 hours, of which a lease may
 * take a quarter; when the last one has ended, by the clock in full, all have,
 * so that none is ever taken for one of the next round.  A lease outlives the
 * state that it was given in, as the request does.
 */


#include "core/shared/ae_breaker.h"


#define AE_PROBE_TICK        24             /* bits of ns */
#define AE_PROBE_BITS        20
#define AE_PROBE_MASK        ((1u << AE_PROBE_BITS) - 1)
#define AE_PROBE_OWNERS      0xfff
#define AE_PROBE_LEASE       ((uint64_t) 1 << (AE_PROBE_TICK                  \
                                               + AE_PROBE_BITS - 2))

/* a probe may end at any moment, so waiting long is no use */
#define AE_PROBE_RETRY       1000000000

/*
 * What a request keeps: which lease, from 1, and its name, the number of its
 * place's leases, since that place may be another's by then.
 */

#define AE_PROBE_INDEX       8


static uint32_t ae_breaker_tick(uint64_t mono);
static uint64_t ae_breaker_left(const ae_breaker_t *st, uint32_t lease,
    const ae_now_t *now);
static uint32_t ae_breaker_owner(uint32_t owner);


uint32_t
ae_breaker_probe(ae_breaker_t *st, const ae_breaker_rule_t *rule,
    uint32_t owner, const ae_now_t *now, uint64_t *retry)
{
    uint32_t  i, n, most, place, tick;
    uint64_t  left, soonest, end;

    n = 0;
    place = AE_BREAKER_PROBES;
    soonest = AE_PROBE_RETRY;

    most = rule->half_open < AE_BREAKER_PROBES ? rule->half_open
                                               : AE_BREAKER_PROBES;

    for (i = 0; i < AE_BREAKER_PROBES; i++) {
        left = 0;

        if (st->lease[i] != 0) {
            left = ae_breaker_left(st, st->lease[i], now);

            if (left == 0) {
                ae_breaker_set(&st->lease[i], 0);
            }
        }

        if (left == 0) {
            place = (place < i) ? place : i;
            continue;
        }

        n++;
        soonest = (left < soonest) ? left : soonest;
    }

    if (n >= most) {
        *retry = soonest;
        return 0;
    }

    end = now->mono + (rule->lease < AE_PROBE_LEASE ? rule->lease
                                                    : AE_PROBE_LEASE);
    tick = ae_breaker_tick(end);

    if (st->leased < end) {
        ae_breaker_set(&st->leased, end);
    }

    ae_breaker_set(&st->name[place], st->name[place] + 1);
    ae_breaker_set(&st->lease[place],
                   ae_breaker_owner(owner) << AE_PROBE_BITS | tick);

    return (uint32_t) st->name[place] << AE_PROBE_INDEX | (place + 1);
}


int
ae_breaker_probe_end(ae_breaker_t *st, uint32_t probe)
{
    uint32_t  place;

    place = (probe & ((1 << AE_PROBE_INDEX) - 1)) - 1;

    if (place >= AE_BREAKER_PROBES
        || st->lease[place] == 0
        || st->name[place] != probe >> AE_PROBE_INDEX)
    {
        return 0;
    }

    ae_breaker_set(&st->lease[place], 0);

    return 1;
}


uint32_t
ae_breaker_probes(const ae_breaker_t *st, const ae_now_t *now)
{
    uint32_t  i, n;

    n = 0;

    if (now->mono >> AE_PROBE_TICK > st->leased >> AE_PROBE_TICK) {
        return 0;
    }

    for (i = 0; i < AE_BREAKER_PROBES; i++) {
        if (st->lease[i] != 0 && ae_breaker_left(st, st->lease[i], now) != 0)
        {
            n++;
        }
    }

    return n;
}


void
ae_breaker_probe_adopt(ae_breaker_t *st, uint32_t owner)
{
    uint32_t  i;

    if (ae_breaker_owner(owner) == AE_PROBE_OWNERS) {
        return;
    }

    for (i = 0; i < AE_BREAKER_PROBES; i++) {
        if (st->lease[i] >> AE_PROBE_BITS == ae_breaker_owner(owner)) {
            ae_breaker_set(&st->lease[i], 0);
        }
    }
}


/* the tick by which that moment is over */

static uint32_t
ae_breaker_tick(uint64_t mono)
{
    return ((mono >> AE_PROBE_TICK) + 1) & AE_PROBE_MASK;
}


/* ns, 0: it has ended */

static uint64_t
ae_breaker_left(const ae_breaker_t *st, uint32_t lease, const ae_now_t *now)
{
    uint32_t  ticks;
    uint64_t  past;

    past = now->mono & (((uint64_t) 1 << AE_PROBE_TICK) - 1);

    if (now->mono >> AE_PROBE_TICK > st->leased >> AE_PROBE_TICK) {
        return 0;
    }

    ticks = (lease - (uint32_t) (now->mono >> AE_PROBE_TICK)) & AE_PROBE_MASK;

    if (ticks > AE_PROBE_MASK / 2) {
        return 0;
    }

    return ((uint64_t) ticks << AE_PROBE_TICK) - (ticks != 0 ? past : 0);
}


/* 0 stands for none, so one too high is nobody's and ends by its deadline */

static uint32_t
ae_breaker_owner(uint32_t owner)
{
    return (owner < AE_PROBE_OWNERS - 1) ? owner + 1 : AE_PROBE_OWNERS;
}
