/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Breakers out of one area and into another, where the first does not live as
 * long as what they know.  The monotonic clock may be another one there, so
 * the wall clock tells how much of the open time is left, but never more than
 * there was.
 */


#include "core/shared/ae_breaker.h"


#define AE_BREAKERS_LOOKS    64             /* entries a call looks at */

/* largest time of a record, far from where sums overflow */
#define AE_BREAKERS_MOST     ((uint64_t) 1 << 62)

#define ae_breaker_min(a, b)  (((a) < (b)) ? (a) : (b))


static void ae_breaker_record(ae_breaker_record_t *record,
    const ae_breaker_t *st, const ae_now_t *now);
static int ae_breaker_valid(const ae_breaker_record_t *record);
static uint64_t ae_breaker_rest(const ae_breaker_record_t *record,
    const ae_now_t *now);


size_t
ae_breakers_dump(ae_breakers_t *b, uint64_t *cursor, ae_breaker_record_t *out,
    size_t n, const ae_now_t *now)
{
    size_t         found;
    uint32_t       i, end, shard, entries;
    ae_breaker_t  *st;

    found = 0;
    entries = b->entries / b->shards;

    shard = *cursor >> 32;
    i = (uint32_t) *cursor;

    if (shard >= b->shards) {
        *cursor = AE_BREAKERS_END;
        return 0;
    }

    end = ae_breaker_min(i + AE_BREAKERS_LOOKS, entries);

    ae_table_lock(ae_breakers_table(b), shard);

    for ( /* void */ ; i < end && found < n; i++) {
        st = ae_table_at(ae_breakers_table(b), shard, i);

        if (st != NULL && ae_breaker_state(st->word) != AE_BREAKER_CLOSED) {
            ae_breaker_record(&out[found], st, now);
            out[found++].id = ae_table_id(st);
        }
    }

    ae_table_unlock(ae_breakers_table(b), shard);

    if (i < entries) {
        *cursor = (uint64_t) shard << 32 | i;

    } else if (shard + 1 < b->shards) {
        *cursor = (uint64_t) (shard + 1) << 32;

    } else {
        *cursor = AE_BREAKERS_END;
    }

    return found;
}


static void
ae_breaker_record(ae_breaker_record_t *record, const ae_breaker_t *st,
    const ae_now_t *now)
{
    record->state = ae_breaker_state(st->word);
    record->opened = ae_breaker_opened(st->word);
    record->left = 0;
    record->until = 0;

    if (record->state == AE_BREAKER_OPEN) {

        if (st->until > now->mono) {
            record->left = st->until - now->mono;
        }

        record->until = now->wall + record->left;
    }
}


int
ae_breakers_restore(ae_breakers_t *b, const ae_breaker_record_t *record,
    const ae_now_t *now)
{
    int            rc;
    uint32_t       shard;
    ae_breaker_t  *st;

    if (!ae_breaker_valid(record)) {
        return AE_ERROR;
    }

    shard = ae_table_shard(ae_breakers_table(b), record->id);

    ae_table_lock(ae_breakers_table(b), shard);

    st = ae_breaker_make(b, record->id, AE_BREAKER_WINDOW, now);

    if (st == NULL) {
        rc = AE_FULL;

    } else if (ae_breaker_state(st->word) != AE_BREAKER_CLOSED) {
        rc = AE_DECLINED;

    } else {
        rc = AE_OK;

        ae_breaker_set(&st->until, now->mono + ae_breaker_rest(record, now));
        ae_breaker_set(&st->passed, 0);
        ae_breaker_mark(st, record->opened, record->state);
    }

    ae_table_unlock(ae_breakers_table(b), shard);

    return rc;
}


/* it may come from a file that anything happened to */

static int
ae_breaker_valid(const ae_breaker_record_t *record)
{
    if (record->opened > AE_BREAKER_OPENED
        || record->left > AE_BREAKERS_MOST
        || record->until > AE_BREAKERS_MOST)
    {
        return 0;
    }

    switch (record->state) {

    case AE_BREAKER_OPEN:
    case AE_BREAKER_HALF_OPEN:
        return record->opened != 0;

    case AE_BREAKER_FORCED_OPEN:
    case AE_BREAKER_FORCED_CLOSED:
        return record->opened == 0;

    default:
        return 0;
    }
}


static uint64_t
ae_breaker_rest(const ae_breaker_record_t *record, const ae_now_t *now)
{
    uint64_t  rest;

    rest = (record->until > now->wall) ? record->until - now->wall : 0;

    return ae_breaker_min(rest, record->left);
}
