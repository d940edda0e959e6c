/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who raised an event learns from other processes how its first attempts
 * ended.  Nothing is locked: a place is claimed by its deadline, a result by a
 * number, and what a dead owner left is over when its deadline is.
 */


#include <string.h>

#include "core/shared/shared.h"


#define AE_WATCHES           32
#define AE_WATCH_GRACE       1000000000     /* ns, for who still writes */

#define ae_watch_load(p)     __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ae_watch_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)


typedef struct {
    uint32_t                 ready;
    ae_id_t                  event;
    ae_watch_result_t        result;
} ae_watch_place_t;


typedef struct {
    uint64_t                 until;         /* mono, ns, 0: free */
    ae_id_t                  event;         /* h[0] is written last */
    uint32_t                 n;             /* places given */
    ae_watch_place_t         places[AE_WATCH_RESULTS];
} ae_watch_t;


struct ae_watches_s {
    uint64_t                 last;          /* the latest of all deadlines */
    ae_watch_t               watch[AE_WATCHES];
};


_Static_assert(sizeof(struct ae_watches_s) <= AE_WATCHES_SIZE,
               "the watches fit what is kept for them");


ae_watches_t *
ae_watches_init(void *mem)
{
    memset(mem, 0, sizeof(ae_watches_t));

    return mem;
}


int
ae_watch_begin(ae_watches_t *w, ae_id_t event, uint64_t until,
    const ae_now_t *now, uint32_t *slot)
{
    uint32_t     i, k;
    uint64_t     was, last;
    ae_watch_t  *watch;

    for (i = 0; i < AE_WATCHES; i++) {
        watch = &w->watch[i];
        was = ae_watch_load(&watch->until);

        if ((was == 0 || was + AE_WATCH_GRACE < now->mono)
            && __atomic_compare_exchange_n(&watch->until, &was, until, 0,
                                           __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE))
        {
            break;
        }
    }

    if (i == AE_WATCHES) {
        return AE_FULL;
    }

    ae_watch_store(&watch->event.h[0], 0);

    for (k = 0; k < AE_WATCH_RESULTS; k++) {
        ae_watch_store(&watch->places[k].ready, 0);
    }

    ae_watch_store(&watch->n, 0);
    ae_watch_store(&watch->event.h[1], event.h[1]);
    ae_watch_store(&watch->event.h[0], event.h[0]);

    last = ae_watch_load(&w->last);

    while (last < until
           && !__atomic_compare_exchange_n(&w->last, &last, until, 0,
                                           __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE))
    {
        /* void */
    }

    *slot = i;

    return AE_OK;
}


void
ae_watch_tell(ae_watches_t *w, ae_id_t event, const ae_watch_result_t *result,
    const ae_now_t *now)
{
    uint32_t           i, n;
    ae_watch_t        *watch;
    ae_watch_place_t  *place;

    if (ae_watch_load(&w->last) < now->mono) {
        return;
    }

    for (i = 0; i < AE_WATCHES; i++) {
        watch = &w->watch[i];

        if (ae_watch_load(&watch->until) < now->mono
            || ae_watch_load(&watch->event.h[0]) != event.h[0]
            || ae_watch_load(&watch->event.h[1]) != event.h[1])
        {
            continue;
        }

        n = __atomic_fetch_add(&watch->n, 1, __ATOMIC_ACQ_REL);

        if (n >= AE_WATCH_RESULTS) {
            return;
        }

        place = &watch->places[n];
        place->event = event;
        place->result = *result;

        ae_watch_store(&place->ready, 1);

        return;
    }
}


/* a place that was written late is of another event */

size_t
ae_watch_read(const ae_watches_t *w, uint32_t slot,
    ae_watch_result_t results[AE_WATCH_RESULTS])
{
    size_t                   n;
    uint32_t                 i;
    const ae_watch_t        *watch;
    const ae_watch_place_t  *place;

    n = 0;
    watch = &w->watch[slot];

    for (i = 0; i < AE_WATCH_RESULTS; i++) {
        place = &watch->places[i];

        if (ae_watch_load(&place->ready)
            && ae_id_equal(place->event, watch->event))
        {
            results[n++] = place->result;
        }
    }

    return n;
}


void
ae_watch_end(ae_watches_t *w, uint32_t slot)
{
    ae_watch_store(&w->watch[slot].event.h[0], 0);
    ae_watch_store(&w->watch[slot].until, 0);
}
