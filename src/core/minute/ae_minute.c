/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A count lies in one word with the number of its period, so that one compare
 * and exchange ends the old period and begins the new one.
 */


#include <string.h>

#include "core/minute/minute.h"


#define AE_MINUTE_PERIOD     ((uint64_t) 10 * 1000000000)
#define AE_MINUTE_PERIODS    6
#define AE_MINUTE_BITS       40
#define AE_MINUTE_MASK       (((uint64_t) 1 << AE_MINUTE_BITS) - 1)


typedef struct {
    uint64_t                 api;           /* 0: free */
    uint64_t                 count[AE_MINUTE_PERIODS][AE_MINUTE_MAX];
} ae_minute_slot_t;

#define AE_MINUTE_SLOTS      (AE_MINUTE_SIZE / sizeof(ae_minute_slot_t))


struct ae_minute_s {
    ae_minute_slot_t         slots[AE_MINUTE_SLOTS];
};


static ae_minute_slot_t *ae_minute_find(ae_minute_t *h, uint64_t api,
    int make);
static uint64_t ae_minute_period(const ae_now_t *now);


void
ae_minute_count(ae_minute_t *h, uint64_t api, const ae_now_t *now,
    ae_minute_e kind, uint64_t n)
{
    uint64_t           period, old, new, *word;
    ae_minute_slot_t  *slot;

    slot = ae_minute_find(h, api, 1);

    if (slot == NULL) {
        return;
    }

    period = ae_minute_period(now);
    word = &slot->count[period % AE_MINUTE_PERIODS][kind];
    old = __atomic_load_n(word, __ATOMIC_RELAXED);

    do {
        new = (old >> AE_MINUTE_BITS == period) ? (old & AE_MINUTE_MASK) : 0;
        new = (new + n < AE_MINUTE_MASK) ? new + n : AE_MINUTE_MASK;
        new |= period << AE_MINUTE_BITS;

    } while (!__atomic_compare_exchange_n(word, &old, new, 1,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}


double
ae_minute_read(const ae_minute_t *h, uint64_t api, const ae_now_t *now,
    uint64_t sums[AE_MINUTE_MAX])
{
    size_t             i, kind;
    double             seconds;
    uint64_t           period, word;
    ae_minute_slot_t  *slot;

    memset(sums, 0, AE_MINUTE_MAX * sizeof(uint64_t));

    period = ae_minute_period(now);
    slot = ae_minute_find((ae_minute_t *) h, api, 0);

    for (i = 0; slot != NULL && i < AE_MINUTE_PERIODS; i++) {

        for (kind = 0; kind < AE_MINUTE_MAX; kind++) {
            word = __atomic_load_n(&slot->count[i][kind], __ATOMIC_RELAXED);

            if (period - (word >> AE_MINUTE_BITS) < AE_MINUTE_PERIODS) {
                sums[kind] += word & AE_MINUTE_MASK;
            }
        }
    }

    seconds = (double) (now->mono % AE_MINUTE_PERIOD) / 1e9
              + (AE_MINUTE_PERIODS - 1) * 10;

    return seconds;
}


static ae_minute_slot_t *
ae_minute_find(ae_minute_t *h, uint64_t api, int make)
{
    size_t     i;
    uint64_t  *name, free;

    api |= 1;

    for (i = 0; i < AE_MINUTE_SLOTS; i++) {
        name = &h->slots[(api / 2 + i) % AE_MINUTE_SLOTS].api;
        free = __atomic_load_n(name, __ATOMIC_RELAXED);

        if (free == api) {
            return &h->slots[(api / 2 + i) % AE_MINUTE_SLOTS];
        }

        if (free != 0) {
            continue;
        }

        if (!make) {
            return NULL;
        }

        if (__atomic_compare_exchange_n(name, &free, api, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)
            || free == api)
        {
            return &h->slots[(api / 2 + i) % AE_MINUTE_SLOTS];
        }
    }

    return NULL;
}


/* from 1, so that a word of zeros is of none that counts */

static uint64_t
ae_minute_period(const ae_now_t *now)
{
    return (now->mono / AE_MINUTE_PERIOD + AE_MINUTE_PERIODS)
           & (((uint64_t) 1 << (64 - AE_MINUTE_BITS)) - 1);
}
