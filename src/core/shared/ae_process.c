/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Slots for processes, each with a ring.
 *
 * The owner holds the slot's lock for its whole life, so the kernel tells of
 * its death.  The state only says what to expect of a slot whose lock can be
 * had; it is written under that lock.  A process that dies while it takes over
 * a slot leaves it as it found it: the lock says again that an owner died.
 */


#include <sched.h>

#include "core/shared/shared.h"


#define AE_PROCESS_FREE      0              /* nothing in it */
#define AE_PROCESS_USED      1
#define AE_PROCESS_LEFT      2              /* no owner, may have records */

/* looks at a slot that somebody else is just looking at */
#define AE_PROCESS_TRIES     16

#define ae_process_align(n)  (((n) + 63) & ~(size_t) 63)


typedef struct {
    ae_lock_t                life;
    uint32_t                 state;
} ae_process_t;


struct ae_processes_s {
    uint32_t                 slots;
    size_t                   stride;        /* bytes from slot to slot */

    _Alignas(64) unsigned char  data[];
};


static size_t ae_process_head(void);
static ae_process_t *ae_process_at(const ae_processes_t *ps, uint32_t slot);
static uint32_t ae_process_state(const ae_process_t *p);
static void ae_process_set(ae_process_t *p, uint32_t state);
static int ae_process_drained(ae_ring_t *ring);
static int ae_process_take(ae_processes_t *ps, uint32_t slot, int orphan);


static size_t
ae_process_head(void)
{
    return ae_process_align(sizeof(ae_process_t));
}


static ae_process_t *
ae_process_at(const ae_processes_t *ps, uint32_t slot)
{
    return (ae_process_t *) (ps->data + slot * ps->stride);
}


static uint32_t
ae_process_state(const ae_process_t *p)
{
    return __atomic_load_n(&p->state, __ATOMIC_ACQUIRE);
}


static void
ae_process_set(ae_process_t *p, uint32_t state)
{
    __atomic_store_n(&p->state, state, __ATOMIC_RELEASE);
}


size_t
ae_processes_size(uint32_t slots, size_t ring_size)
{
    return sizeof(ae_processes_t)
           + slots * (ae_process_head() + ae_process_align(ring_size));
}


ae_processes_t *
ae_processes_init(void *mem, uint32_t slots, size_t ring_size)
{
    uint32_t         i;
    ae_process_t    *p;
    ae_processes_t  *ps;

    ps = mem;
    ps->stride = ae_process_head() + ae_process_align(ring_size);

    for (i = 0; i < slots; i++) {
        p = ae_process_at(ps, i);
        p->state = AE_PROCESS_FREE;

        if (ae_lock_init(&p->life) != AE_OK
            || ae_ring_init((unsigned char *) p + ae_process_head(), ring_size)
               == NULL)
        {
            return NULL;
        }
    }

    ps->slots = slots;

    return ps;
}


ae_ring_t *
ae_process_ring(ae_processes_t *ps, uint32_t slot)
{
    return (ae_ring_t *) ((unsigned char *) ae_process_at(ps, slot)
                          + ae_process_head());
}


uint32_t
ae_processes_count(const ae_processes_t *ps)
{
    return ps->slots;
}


static int
ae_process_drained(ae_ring_t *ring)
{
    ae_ring_stat_t  st;

    st = (ae_ring_stat_t) { 0 };
    ae_ring_stat(ring, &st);

    return st.waiting == 0;
}


/*
 * AE_OK: the slot is the caller's.  AE_AGAIN: somebody has its lock, maybe for
 * a moment.  AE_DECLINED: it is free, but only an orphan is wanted.
 */

static int
ae_process_take(ae_processes_t *ps, uint32_t slot, int orphan)
{
    int            rc;
    ae_process_t  *p;

    p = ae_process_at(ps, slot);

    rc = ae_trylock(&p->life);

    if (rc == AE_AGAIN) {
        return AE_AGAIN;
    }

    if (rc == AE_RECOVER) {
        ae_lock_repaired(&p->life);
    }

    if (ae_process_state(p) != AE_PROCESS_FREE) {
        ae_ring_recover(ae_process_ring(ps, slot));

    } else if (orphan) {
        ae_unlock(&p->life);
        return AE_DECLINED;
    }

    ae_process_set(p, AE_PROCESS_USED);

    return AE_OK;
}


int
ae_process_claim(ae_processes_t *ps, uint32_t *slot)
{
    int       busy;
    uint32_t  i, n;

    for (n = 0; n < AE_PROCESS_TRIES; n++) {
        busy = 0;

        for (i = 0; i < ps->slots; i++) {
            if (ae_process_state(ae_process_at(ps, i)) == AE_PROCESS_FREE
                && ae_process_take(ps, i, 0) == AE_OK)
            {
                *slot = i;
                return AE_OK;
            }
        }

        /* none is empty: one whose owner died will do */

        for (i = 0; i < ps->slots; i++) {
            if (ae_process_take(ps, i, 0) == AE_OK) {
                *slot = i;
                return AE_OK;
            }

            busy |= ae_process_state(ae_process_at(ps, i)) != AE_PROCESS_USED;
        }

        if (!busy) {
            break;
        }

        sched_yield();
    }

    return AE_FULL;
}


void
ae_process_release(ae_processes_t *ps, uint32_t slot)
{
    ae_process_t  *p;

    p = ae_process_at(ps, slot);

    ae_process_set(p, ae_process_drained(ae_process_ring(ps, slot))
                      ? AE_PROCESS_FREE : AE_PROCESS_LEFT);
    ae_unlock(&p->life);
}


int
ae_process_adopt(ae_processes_t *ps, uint32_t *slot)
{
    uint32_t  i;

    for (i = 0; i < ps->slots; i++) {
        if (ae_process_state(ae_process_at(ps, i)) != AE_PROCESS_FREE
            && ae_process_take(ps, i, 1) == AE_OK)
        {
            *slot = i;
            return AE_OK;
        }
    }

    return AE_AGAIN;
}


void
ae_processes_stat(const ae_processes_t *ps, ae_ring_stat_t *st)
{
    uint32_t        i;
    const uint8_t  *p;

    for (i = 0; i < ps->slots; i++) {
        p = (const uint8_t *) ae_process_at(ps, i) + ae_process_head();
        ae_ring_stat((const ae_ring_t *) p, st);
    }
}


uint32_t
ae_processes_alive(ae_processes_t *ps)
{
    int            rc;
    uint32_t       i, n;
    ae_process_t  *p;

    n = 0;

    for (i = 0; i < ps->slots; i++) {
        p = ae_process_at(ps, i);

        if (ae_process_state(p) != AE_PROCESS_USED) {
            continue;
        }

        rc = ae_trylock(&p->life);

        if (rc == AE_AGAIN) {
            n++;
            continue;
        }

        if (rc == AE_RECOVER) {

            /* the lock forgets that the owner died, the state must not */

            ae_process_set(p, AE_PROCESS_LEFT);
            ae_lock_repaired(&p->life);
        }

        ae_unlock(&p->life);
    }

    return n;
}
