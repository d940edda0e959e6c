/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The shared part of breakers: what ae_breaker.c (a request comes and goes),
 * ae_breaker_window.c (samples), ae_breaker_probe.c (leases),
 * ae_breaker_change.c (transitions), ae_breaker_admin.c (from outside of a
 * request) and ae_breaker_carry.c (into another area) work at.
 */


#ifndef _AE_BREAKER_H_INCLUDED_
#define _AE_BREAKER_H_INCLUDED_


#include "core/shared/shared.h"


#define AE_BREAKER_BUCKETS   10

/* of a breaker that no request has asked for yet, until one does */
#define AE_BREAKER_WINDOW    10000000000

/* keeps stores in the order they are written in, see ae_breaker.c */

#define ae_breaker_step()    __atomic_signal_fence(__ATOMIC_SEQ_CST)

#define ae_breaker_get(p)    __atomic_load_n(p, __ATOMIC_ACQUIRE)

#define ae_breaker_set(p, v)                                                  \
    do {                                                                      \
        ae_breaker_step();                                                    \
        __atomic_store_n(p, v, __ATOMIC_RELEASE);                             \
        ae_breaker_step();                                                    \
    } while (0)


/*
 * The word holds what a transition changes, so that one store makes it: the
 * epoch, from bit 16, the times it opened in a row, from bit 3, and the state.
 * It is never 0.
 */

#define ae_breaker_state(w)  ((ae_breaker_state_e) ((w) & 7))
#define ae_breaker_opened(w) ((uint32_t) ((w) >> 3) & AE_BREAKER_OPENED)
#define ae_breaker_epoch(w)  ((w) >> 16)

#define AE_BREAKER_OPENED    0x1fff         /* most that is counted */

#define ae_breaker_word(epoch, opened, state)                                 \
    ((uint64_t) (epoch) << 16 | (uint64_t) (opened) << 3 | (state))


typedef struct {
    uint64_t                 word;

    /* of the newest bucket; end 0: the window has to be made */

    uint64_t                 end;           /* mono */
    uint64_t                 window;        /* ns, as in the rule */
    uint32_t                 serial;

    uint32_t                 passed;        /* probes that succeeded */
    uint64_t                 until;         /* mono, OPEN */
    uint64_t                 leased;        /* mono, then no lease holds */
    uint64_t                 random;

    /* of each bucket: its serial, from bit 32, and its samples */

    uint64_t                 count[AE_BREAKER_BUCKETS];
    uint32_t                 failures[AE_BREAKER_BUCKETS];
    uint32_t                 slow[AE_BREAKER_BUCKETS];

    uint32_t                 lease[AE_BREAKER_PROBES];
    uint16_t                 name[AE_BREAKER_PROBES];
} ae_breaker_t;


typedef struct {
    uint64_t                 samples;
    uint64_t                 failures;
    uint64_t                 slow;
} ae_breaker_sum_t;


/* guarded by the lock of the table's shard of the same number */

typedef struct {
    uint64_t                 epoch;         /* highest of removed ones */
    uint64_t                 overflows;
} ae_breakers_shard_t;


struct ae_breakers_s {
    uint32_t                 shards;
    uint32_t                 entries;
    size_t                   table_offset;
} __attribute__((aligned(64)));


static inline ae_table_t *
ae_breakers_table(const ae_breakers_t *b)
{
    return (ae_table_t *) ((char *) b + b->table_offset);
}


static inline ae_breakers_shard_t *
ae_breakers_shard(const ae_breakers_t *b, uint32_t shard)
{
    return (ae_breakers_shard_t *) (b + 1) + shard;
}


/* of a locked shard; NULL: no room; window: to judge what is in use */
ae_breaker_t *ae_breaker_make(ae_breakers_t *b, ae_id_t id, uint64_t window,
    const ae_now_t *now);

/* ---- all below want the breaker's shard locked ---- */

/* an empty window; or only its newest bucket moved to now */
void ae_breaker_window(ae_breaker_t *st, uint64_t window,
    const ae_now_t *now);
void ae_breaker_window_move(ae_breaker_t *st, const ae_now_t *now);

void ae_breaker_count(ae_breaker_t *st, ae_breaker_outcome_e outcome);
void ae_breaker_sum(const ae_breaker_t *st, ae_breaker_sum_t *sum);
int ae_breaker_bad(const ae_breaker_sum_t *sum,
    const ae_breaker_rule_t *rule);

/* all samples are older than the window, all leases have ended */
int ae_breaker_idle(const ae_breaker_t *st, const ae_now_t *now);

/* a lease, 0: there is none to have, *retry is ns until one might be */
uint32_t ae_breaker_probe(ae_breaker_t *st, const ae_breaker_rule_t *rule,
    uint32_t owner, const ae_now_t *now, uint64_t *retry);

/* 1: it was a lease that still holds, which is given back */
int ae_breaker_probe_end(ae_breaker_t *st, uint32_t probe);
uint32_t ae_breaker_probes(const ae_breaker_t *st, const ae_now_t *now);
void ae_breaker_probe_adopt(ae_breaker_t *st, uint32_t owner);

ae_breaker_change_e ae_breaker_trip(ae_breaker_t *st,
    const ae_breaker_rule_t *rule, const ae_now_t *now);
void ae_breaker_half_open(ae_breaker_t *st);
ae_breaker_change_e ae_breaker_reset(ae_breaker_t *st, uint64_t window,
    const ae_now_t *now);
void ae_breaker_mark(ae_breaker_t *st, uint32_t opened,
    ae_breaker_state_e state);

/* ns that it stays open, the opened-th time in a row; moves *random on */
uint64_t ae_breaker_span(uint64_t open, uint32_t opened, uint64_t *random);


#endif /* _AE_BREAKER_H_INCLUDED_ */
