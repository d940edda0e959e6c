/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Counters out of one area and into another, where the first does not live as
 * long as they do.
 */


#include <string.h>

#include "core/shared/ae_limits.h"


#define AE_LIMITS_LOOKS      256            /* entries a call looks at */

/* largest number of a record; its products do not overflow */
#define AE_LIMITS_MOST       ((uint64_t) 1 << 62)

#define AE_LIMITS_OFFSET     (24 * 3600)


static int ae_limits_carried(const ae_limit_state_t *st, const ae_now_t *now);
static void ae_limits_record(ae_limit_record_t *record,
    const ae_limit_state_t *st);
static int ae_limits_valid(const ae_limit_record_t *record);
static void ae_limits_unrecord(ae_limit_state_t *st,
    const ae_limit_record_t *record, const ae_now_t *now);
static void ae_limits_add(ae_limit_state_t *st,
    const ae_limit_state_t *stored);


size_t
ae_limits_dump(ae_limits_t *limits, uint64_t *cursor, ae_limit_record_t *out,
    size_t n, const ae_now_t *now)
{
    size_t             found;
    uint32_t           i, end, shard, entries;
    ae_table_t        *table;
    ae_limit_state_t  *st;

    found = 0;

    table = ae_limits_table(limits);
    entries = limits->entries / limits->shards;

    shard = *cursor >> 32;
    i = (uint32_t) *cursor;

    if (shard >= limits->shards) {
        *cursor = AE_LIMITS_END;
        return 0;
    }

    end = ae_limit_min(i + AE_LIMITS_LOOKS, entries);

    (void) ae_limits_lock(limits, shard);

    for ( /* void */ ; i < end && found < n; i++) {
        st = ae_table_at(table, shard, i);

        if (st != NULL && ae_limits_carried(st, now)) {
            ae_limits_record(&out[found], st);
            out[found++].id = ae_table_id(st);
        }
    }

    ae_limits_unlock(limits, shard);

    if (i < entries) {
        *cursor = (uint64_t) shard << 32 | i;

    } else if (shard + 1 < limits->shards) {
        *cursor = (uint64_t) (shard + 1) << 32;

    } else {
        *cursor = AE_LIMITS_END;
    }

    return found;
}


static int
ae_limits_carried(const ae_limit_state_t *st, const ae_now_t *now)
{
    return (st->mode == AE_LIMIT_QUOTA + 1 || st->mode == AE_LIMIT_FIXED + 1)
           && !ae_limit_fresh(st, now);
}


static void
ae_limits_record(ae_limit_record_t *record, const ae_limit_state_t *st)
{
    record->mode = st->mode - 1;
    record->align = st->align;
    record->offset = st->offset;
    record->mark = st->mark;
    record->max = st->max;
    record->period = st->period;
    record->start = st->time;
    record->count = st->count;
}


int
ae_limits_restore(ae_limits_t *limits, const ae_limit_record_t *record,
    const ae_now_t *now)
{
    int                 rc;
    uint32_t            shard;
    ae_limit_state_t    state, *stored;
    ae_limits_shard_t  *sh;

    if (!ae_limits_valid(record)) {
        return AE_ERROR;
    }

    ae_limits_unrecord(&state, record, now);

    if (ae_limit_fresh(&state, now)) {
        return AE_DECLINED;
    }

    rc = AE_OK;

    shard = ae_table_shard(ae_limits_table(limits), record->id);
    sh = ae_limits_lock(limits, shard);

    stored = ae_table_find(ae_limits_table(limits), record->id);

    if (stored != NULL) {

        if (stored->mode == state.mode && !ae_limit_fresh(stored, now)) {
            ae_limits_add(&state, stored);
        }

        ae_limits_store(limits, sh, stored, &state);
        goto done;
    }

    stored = ae_limits_make(limits, record->id, NULL, 0, now);

    if (stored == NULL) {
        rc = AE_FULL;
        goto done;
    }

    *stored = state;
    ae_table_publish(ae_limits_table(limits), stored);

done:

    ae_limits_unlock(limits, shard);

    return rc;
}


/* it may come from a file that anything happened to */

static int
ae_limits_valid(const ae_limit_record_t *record)
{
    if (record->max > AE_LIMITS_MOST || record->period > AE_LIMITS_MOST
        || record->count > AE_LIMITS_MOST || record->start > AE_LIMITS_MOST
        || record->mark > AE_LIMIT_WHOLE)
    {
        return 0;
    }

    if (record->mode == AE_LIMIT_FIXED) {
        return record->align == AE_ALIGN_NONE && record->offset == 0
               && record->period != 0;
    }

    return record->mode == AE_LIMIT_QUOTA
           && record->align <= AE_ALIGN_MONTH
           && (record->align == AE_ALIGN_NONE || record->period != 0)
           && record->offset <= AE_LIMITS_OFFSET
           && record->offset >= -AE_LIMITS_OFFSET;
}


/* by the monotonic clock the period starts now, the other run's is unknown */

static void
ae_limits_unrecord(ae_limit_state_t *st, const ae_limit_record_t *record,
    const ae_now_t *now)
{
    memset(st, 0, sizeof(ae_limit_state_t));

    st->mode = record->mode + 1;
    st->align = record->align;
    st->offset = record->offset;
    st->mark = record->mark;
    st->max = record->max;
    st->period = record->period;
    st->time = record->start;
    st->count = record->count;
    st->previous = now->mono;
}


/* what was charged here can still be given back */

static void
ae_limits_add(ae_limit_state_t *st, const ae_limit_state_t *stored)
{
    st->count = ae_limit_min(st->count + stored->count, AE_LIMITS_MOST);
    st->previous = stored->previous;

    if (st->mark < stored->mark) {
        st->mark = stored->mark;
    }
}
