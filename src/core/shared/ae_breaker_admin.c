/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Breakers from outside of a request.
 */


#include "core/shared/ae_breaker.h"


static ae_breaker_change_e ae_breaker_forced(ae_breaker_t *st,
    ae_breaker_state_e state, const ae_now_t *now);
static int ae_breaker_adopt(void *data, void *ctx);
static uint32_t ae_breaker_clip(uint64_t n);


int
ae_breaker_force(ae_breakers_t *b, ae_id_t id, ae_breaker_state_e state,
    const ae_now_t *now, ae_breaker_change_e *change)
{
    int            rc;
    uint32_t       shard;
    ae_breaker_t  *st;

    *change = AE_BREAKER_STAYS;

    if (state == AE_BREAKER_OPEN || state == AE_BREAKER_HALF_OPEN) {
        return AE_ERROR;
    }

    rc = AE_OK;
    shard = ae_table_shard(ae_breakers_table(b), id);

    ae_table_lock(ae_breakers_table(b), shard);

    st = ae_breaker_make(b, id, AE_BREAKER_WINDOW, now);

    if (st == NULL) {
        rc = AE_FULL;

    } else if (ae_breaker_state(st->word) != state) {
        *change = ae_breaker_forced(st, state, now);
    }

    ae_table_unlock(ae_breakers_table(b), shard);

    return rc;
}


static ae_breaker_change_e
ae_breaker_forced(ae_breaker_t *st, ae_breaker_state_e state,
    const ae_now_t *now)
{
    ae_breaker_state_e  was;

    was = ae_breaker_state(st->word);

    if (state == AE_BREAKER_FORCED_OPEN) {
        ae_breaker_mark(st, 0, state);

        return (was == AE_BREAKER_OPEN) ? AE_BREAKER_STAYS : AE_BREAKER_TRIPS;
    }

    if (state == AE_BREAKER_FORCED_CLOSED) {
        ae_breaker_mark(st, 0, state);

    } else {
        (void) ae_breaker_reset(st, st->window, now);
    }

    return (was == AE_BREAKER_CLOSED || was == AE_BREAKER_FORCED_CLOSED)
           ? AE_BREAKER_STAYS : AE_BREAKER_RESETS;
}


int
ae_breaker_stat(ae_breakers_t *b, ae_id_t id, const ae_now_t *now,
    ae_breaker_stat_t *stat)
{
    uint32_t           shard;
    ae_breaker_t      *st;
    ae_breaker_sum_t   sum;

    shard = ae_table_shard(ae_breakers_table(b), id);

    ae_table_lock(ae_breakers_table(b), shard);

    st = ae_table_find(ae_breakers_table(b), id);

    if (st == NULL) {
        ae_table_unlock(ae_breakers_table(b), shard);
        return AE_DECLINED;
    }

    *stat = (ae_breaker_stat_t) { 0 };

    stat->state = ae_breaker_state(st->word);
    stat->opened = ae_breaker_opened(st->word);
    stat->probes = ae_breaker_probes(st, now);

    if (stat->state == AE_BREAKER_CLOSED && st->end != 0) {
        ae_breaker_window_move(st, now);
    }

    if (stat->state == AE_BREAKER_OPEN && now->mono < st->until) {
        stat->retry = st->until - now->mono;
    }

    ae_breaker_sum(st, &sum);

    ae_table_unlock(ae_breakers_table(b), shard);

    stat->samples = ae_breaker_clip(sum.samples);
    stat->failures = ae_breaker_clip(sum.failures);
    stat->slow = ae_breaker_clip(sum.slow);

    return AE_OK;
}


static uint32_t
ae_breaker_clip(uint64_t n)
{
    return (n < UINT32_MAX) ? n : UINT32_MAX;
}


void
ae_breakers_adopt(ae_breakers_t *b, uint32_t owner)
{
    uint32_t  shard;

    for (shard = 0; shard < b->shards; shard++) {
        ae_table_lock(ae_breakers_table(b), shard);

        (void) ae_table_sweep(ae_breakers_table(b), shard, b->entries,
                              ae_breaker_adopt, &owner);

        ae_table_unlock(ae_breakers_table(b), shard);
    }
}


/* keeps the entry */

static int
ae_breaker_adopt(void *data, void *ctx)
{
    uint32_t      *owner = ctx;
    ae_breaker_t  *st = data;

    ae_breaker_probe_adopt(st, *owner);

    return 0;
}


void
ae_breakers_stat(const ae_breakers_t *b, ae_breakers_stat_t *st)
{
    uint32_t  i;

    st->entries = b->entries;
    st->used = ae_table_used(ae_breakers_table(b));
    st->overflows = 0;

    for (i = 0; i < b->shards; i++) {
        st->overflows += __atomic_load_n(&ae_breakers_shard(b, i)->overflows,
                                         __ATOMIC_RELAXED);
    }
}
