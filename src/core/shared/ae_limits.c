/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Limits and sequences share one table.  A state is changed as a whole: what
 * it was is kept in its shard until the new one is complete, and whoever next
 * locks the shard of a process that died on the way puts it back.
 *
 * An entry is given up when it is as good as a new one, a sequence's also when
 * it was not asked for since the last round of the sweep.  When there is still
 * no room, the shard has one state a mode that all ids without an entry share.
 * Later one of these ids may get its own entry.  It starts with what the
 * shared state holds by then, lest it be allowed twice; a small filter tells
 * such an id from those that are new.
 */


#include <string.h>

#include "core/shared/ae_limits.h"


#define AE_LIMITS_SHARDS     64
#define AE_LIMITS_SHARDS_MAX 1024
#define AE_LIMITS_SHARD_MIN  (16 * 1024)        /* bytes */
#define AE_LIMITS_SHARD_MAX  (512 * 1024)

#define AE_LIMITS_SWEEP      32                 /* entries looked at */

/* an entry's mode: its count is the last number, mark says it was asked */

#define AE_LIMITS_SEQUENCE   UINT8_MAX

/* keeps the sequence of an id apart from its limit */

#define AE_LIMITS_SALT       0x5e90e7ce5e90e7ce

/*
 * Keeps stores in the order they are written in, for who looks after this
 * process was killed between them.
 */

#define ae_limits_step()     __atomic_signal_fence(__ATOMIC_SEQ_CST)


typedef struct {
    ae_limits_shard_t       *sh;
    ae_limit_state_t       **keep;
    size_t                   n;
    const ae_now_t          *now;
} ae_limits_sweep_t;


static uint32_t ae_limits_shards(size_t size);
static int ae_limits_reclaim(void *data, void *ctx);


ae_limits_t *
ae_limits_init(void *mem, size_t size)
{
    size_t        offset;
    uint32_t      shards;
    ae_table_t   *table;
    ae_limits_t  *limits;

    limits = mem;
    shards = ae_limits_shards(size);
    offset = sizeof(ae_limits_t) + shards * sizeof(ae_limits_shard_t);

    if (size < offset) {
        return NULL;
    }

    table = ae_table_init((char *) mem + offset, size - offset, shards,
                          sizeof(ae_limit_state_t));
    if (table == NULL) {
        return NULL;
    }

    limits->shards = shards;
    limits->table_offset = offset;
    limits->entries = ae_table_fit(size - offset, shards,
                                   sizeof(ae_limit_state_t));

    return limits;
}


void
ae_limits_peek(ae_limits_t *limits, ae_limit_use_t *use, const ae_now_t *now)
{
    uint32_t            shard;
    ae_limit_state_t    state, *stored;
    ae_limits_shard_t  *sh;

    ae_limit_bound(&use->rule);

    shard = ae_table_shard(ae_limits_table(limits), use->id);
    sh = ae_limits_lock(limits, shard);

    stored = ae_table_find(ae_limits_table(limits), use->id);

    if (stored == NULL && ae_limits_filtered(sh, use->id)) {
        stored = &sh->shared[use->rule.mode];
    }

    memset(&state, 0, sizeof(ae_limit_state_t));

    if (stored != NULL) {
        state = *stored;
    }

    ae_limits_unlock(limits, shard);

    ae_limit_adapt(&state, &use->rule, now);
    ae_limit_report(&state, use, now);

    use->overflow = 0;
    use->retry = (use->remaining != 0) ? 0
                                       : ae_limit_retry(&state, &use->rule,
                                                        now);
}


void
ae_limits_reset(ae_limits_t *limits, ae_id_t id)
{
    void        *data;
    uint32_t     shard;
    ae_table_t  *table;

    table = ae_limits_table(limits);
    shard = ae_table_shard(table, id);

    ae_limits_lock(limits, shard);

    data = ae_table_find(table, id);

    if (data != NULL) {
        ae_table_remove(table, data);
    }

    ae_limits_unlock(limits, shard);
}


/*
 * With as many counters as keys none is in the processor's cache.  This looks
 * without the lock, so it may find anything: what is fetched for nothing does
 * no harm.
 */

void
ae_limits_fetch(const ae_limits_t *limits, ae_id_t id)
{
    char        *entry;
    uint32_t     i, n, shard, link, tag;
    ae_slots_t  *slots;
    ae_table_t  *table;

    table = ae_limits_table(limits);
    shard = ae_table_place(table, id);
    slots = ae_table_bucket(table, shard, id);
    tag = ae_slots_tag(id, table->mask) & ~AE_SLOTS_BESIDE;

    __builtin_prefetch(ae_table_shard_at(table, shard));
    __builtin_prefetch(&ae_limits_shard(limits, shard)->undo);

    for (i = 0, n = 0; i < AE_SLOTS_CHAIN && n < 2; i++) {
        link = __atomic_load_n(&slots->word[i], __ATOMIC_RELAXED)
               & ~AE_SLOTS_BESIDE;
        link = ae_slots_link(link, tag, table->mask);

        if (link != 0) {
            entry = (char *) ae_table_entry(table, shard, link);
            __builtin_prefetch(entry);
            __builtin_prefetch(entry + AE_LIMITS_ALIGN);
            n++;
        }
    }
}


uint32_t
ae_limit_usage(const ae_limit_use_t *use)
{
    uint64_t  used;

    if (use->rule.max == 0 || use->remaining == 0) {
        return AE_LIMIT_WHOLE;
    }

    used = ae_limit_since(use->rule.max, use->remaining);

    return (ae_wide_t) used * AE_LIMIT_WHOLE / use->rule.max;
}


uint32_t
ae_limits_reach(ae_limits_t *limits, const ae_limit_use_t *use)
{
    uint32_t            mark, shard, usage;
    ae_limit_state_t    state, *stored;
    ae_limits_shard_t  *sh;

    mark = AE_LIMIT_REACHED;
    usage = ae_limit_usage(use);

    shard = ae_table_shard(ae_limits_table(limits), use->id);
    sh = ae_limits_lock(limits, shard);

    stored = use->overflow ? &sh->shared[use->rule.mode]
                           : ae_table_find(ae_limits_table(limits), use->id);

    if (stored != NULL && stored->mode == (unsigned) use->rule.mode + 1
        && stored->previous == use->charged && stored->count != 0)
    {
        mark = stored->mark;

        if (usage > mark) {
            state = *stored;
            state.mark = usage;
            ae_limits_store(limits, sh, stored, &state);
        }
    }

    ae_limits_unlock(limits, shard);

    return mark;
}


uint64_t
ae_limits_sequence(ae_limits_t *limits, ae_id_t id)
{
    uint32_t            shard;
    uint64_t            number;
    ae_limit_state_t   *stored;
    ae_limits_shard_t  *sh;

    id.h[0] ^= AE_LIMITS_SALT;

    shard = ae_table_shard(ae_limits_table(limits), id);
    sh = ae_limits_lock(limits, shard);

    stored = ae_table_find(ae_limits_table(limits), id);

    if (stored != NULL) {
        number = ++stored->count;
        stored->mark = 1;
        goto done;
    }

    stored = ae_limits_make(limits, id, NULL, 0, &sh->seen);
    number = sh->floor + 1;

    if (stored == NULL) {
        sh->floor = number;
        goto done;
    }

    stored->mode = AE_LIMITS_SEQUENCE;
    stored->count = number;
    stored->mark = 1;
    ae_table_publish(ae_limits_table(limits), stored);

done:

    ae_limits_unlock(limits, shard);

    return number;
}


void
ae_limits_stat(const ae_limits_t *limits, ae_limits_stat_t *st)
{
    uint32_t            i;
    ae_limits_shard_t  *sh;

    st->entries = limits->entries;
    st->used = ae_table_used(ae_limits_table(limits));
    st->overflows = 0;

    for (i = 0; i < limits->shards; i++) {
        sh = ae_limits_shard(limits, i);
        st->overflows += __atomic_load_n(&sh->overflows, __ATOMIC_RELAXED);
    }
}


static uint32_t
ae_limits_shards(size_t size)
{
    uint32_t  shards;

    shards = AE_LIMITS_SHARDS;

    while (shards > 1 && size / shards < AE_LIMITS_SHARD_MIN) {
        shards /= 2;
    }

    while (shards < AE_LIMITS_SHARDS_MAX
           && size / shards > AE_LIMITS_SHARD_MAX)
    {
        shards *= 2;
    }

    return shards;
}


void
ae_limits_undo(ae_limits_t *limits, ae_limits_shard_t *sh)
{
    ae_limit_state_t  *stored;

    stored = (ae_limit_state_t *) ((char *) limits + sh->undo);
    *stored = sh->old;

    ae_limits_step();
    sh->undo = 0;
}


void
ae_limits_store(ae_limits_t *limits, ae_limits_shard_t *sh,
    ae_limit_state_t *stored, const ae_limit_state_t *state)
{
    sh->old = *stored;

    ae_limits_step();
    sh->undo = (char *) stored - (char *) limits;

    ae_limits_step();
    *stored = *state;

    ae_limits_step();
    sh->undo = 0;

    ae_limits_step();
}


ae_limit_state_t *
ae_limits_make(ae_limits_t *limits, ae_id_t id, ae_limit_state_t **keep,
    size_t n, const ae_now_t *now)
{
    void              *data;
    uint32_t           shard;
    ae_table_t        *table;
    ae_limits_sweep_t  sweep;

    table = ae_limits_table(limits);
    data = ae_table_insert(table, id);

    if (data != NULL) {
        return data;
    }

    shard = ae_table_shard(table, id);

    sweep.sh = ae_limits_shard(limits, shard);
    sweep.keep = keep;
    sweep.n = n;
    sweep.now = now;

    if (ae_table_sweep(table, shard, AE_LIMITS_SWEEP, ae_limits_reclaim,
                       &sweep)
        == 0)
    {
        return NULL;
    }

    return ae_table_insert(table, id);
}


static int
ae_limits_reclaim(void *data, void *ctx)
{
    ae_limits_sweep_t *sweep = ctx;

    size_t             i;
    ae_limit_state_t  *st;

    st = data;

    if (st->mode == AE_LIMITS_SEQUENCE) {

        if (st->mark) {
            st->mark = 0;
            return 0;
        }

        if (sweep->sh->floor < st->count) {
            sweep->sh->floor = st->count;
        }

        return 1;
    }

    for (i = 0; i < sweep->n; i++) {
        if (sweep->keep[i] == st) {
            return 0;
        }
    }

    return ae_limit_fresh(st, sweep->now);
}


int
ae_limits_filtered(const ae_limits_shard_t *sh, ae_id_t id)
{
    uint64_t  a, b;

    a = sh->filter[id.h[0] / 64 % AE_LIMITS_FILTER] >> (id.h[0] % 64);
    b = sh->filter[id.h[1] / 64 % AE_LIMITS_FILTER] >> (id.h[1] % 64);

    return (a & b & 1);
}


void
ae_limits_filter(ae_limits_shard_t *sh, ae_id_t id)
{
    sh->filtered = 1;

    sh->filter[id.h[0] / 64 % AE_LIMITS_FILTER] |= (uint64_t) 1
                                                   << (id.h[0] % 64);
    sh->filter[id.h[1] / 64 % AE_LIMITS_FILTER] |= (uint64_t) 1
                                                   << (id.h[1] % 64);
    ae_limits_step();
}


/* no id has anything in the shared states any more */

void
ae_limits_unfilter(ae_limits_shard_t *sh, const ae_now_t *now)
{
    size_t  i;

    for (i = 0; i < AE_LIMIT_MODES; i++) {
        if (!ae_limit_fresh(&sh->shared[i], now)) {
            return;
        }
    }

    memset(sh->filter, 0, sizeof(sh->filter));

    ae_limits_step();
    sh->filtered = 0;
}
