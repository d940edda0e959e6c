/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <string.h>

#include "core/shared/ae_limit_quick.h"
#include "core/shared/ae_limits.h"


/* more uses than that are not looked at for the simple case */

#define AE_LIMITS_QUICK      8


/* a state that a call works at; uses of the same id share it */

typedef struct {
    ae_limit_state_t         state;
    ae_limit_state_t        *stored;
    uint32_t                 shard;
    unsigned                 made:1;        /* entry, not published yet */
    unsigned                 keep:1;        /* even if refused */
} ae_limits_slot_t;


typedef struct {
    ae_limits_t             *limits;
    const ae_now_t          *now;
    ae_limit_use_t          *uses;
    size_t                   n;

    size_t                   slots;
    const uint32_t          *shards;                   /* by use */
    ae_limit_state_t        *stored[AE_LIMIT_USES];    /* of each slot */
    ae_limits_slot_t        *slot_of[AE_LIMIT_USES];   /* by use */
    ae_limits_slot_t         slot[AE_LIMIT_USES];
} ae_limits_call_t;


static size_t ae_limits_shards(const ae_table_t *table,
    const ae_limit_use_t *uses, size_t n, uint32_t *shards, uint32_t *locks);
static size_t ae_limits_add(uint32_t *locks, size_t n, uint32_t shard);
static int ae_limits_quick(ae_limits_t *limits, ae_limit_use_t *uses, size_t n,
    const ae_now_t *now, const uint32_t *shards);
static void ae_limits_move(ae_limits_t *limits, ae_limit_state_t *stored,
    const ae_limit_move_t *to, uint32_t shard) ae_rare;
static int ae_limits_whole(ae_limits_t *limits, ae_limit_use_t *uses, size_t n,
    const ae_now_t *now, const uint32_t *shards, size_t *refused) ae_rare;
static ae_limits_slot_t *ae_limits_slot(ae_limits_call_t *call, size_t i);
static void ae_limits_slot_find(ae_limits_call_t *call, ae_limits_slot_t *slot,
    ae_limit_use_t *use);
static size_t ae_limits_charge(ae_limits_call_t *call);
static void ae_limits_commit(ae_limits_call_t *call);
static void ae_limits_rollback(ae_limits_call_t *call);
static void ae_limits_slot_store(ae_limits_call_t *call,
    ae_limits_slot_t *slot);


int
ae_limits_take(ae_limits_t *limits, ae_limit_use_t *uses, size_t n,
    const ae_now_t *now, size_t *refused)
{
    int          rc;
    size_t       i, locked;
    uint32_t     shards[AE_LIMIT_USES], locks[AE_LIMIT_USES];
    ae_table_t  *table;

    if (n > AE_LIMIT_USES) {
        return AE_ERROR;
    }

    table = ae_limits_table(limits);
    locked = ae_limits_shards(table, uses, n, shards, locks);

    for (i = 0; i < locked; i++) {
        ae_limits_lock(limits, locks[i]);
    }

    rc = ae_limits_quick(limits, uses, n, now, shards);

    if (rc != AE_OK) {
        rc = ae_limits_whole(limits, uses, n, now, shards, refused);
    }

    for (i = 0; i < locked; i++) {
        ae_table_leave(table, locks[i]);
    }

    return rc;
}


static int
ae_limits_whole(ae_limits_t *limits, ae_limit_use_t *uses, size_t n,
    const ae_now_t *now, const uint32_t *shards, size_t *refused)
{
    size_t            i;
    ae_limits_call_t  call;

    call.limits = limits;
    call.now = now;
    call.uses = uses;
    call.n = n;
    call.shards = shards;
    call.slots = 0;

    for (i = 0; i < n; i++) {
        ae_limit_bound(&uses[i].rule);
        call.slot_of[i] = ae_limits_slot(&call, i);
    }

    i = ae_limits_charge(&call);

    if (i == n) {
        ae_limits_commit(&call);
        return AE_OK;
    }

    ae_limits_rollback(&call);
    *refused = i;

    return AE_DECLINED;
}


void
ae_limits_refund(ae_limits_t *limits, const ae_limit_use_t *uses, size_t n,
    const ae_now_t *now)
{
    size_t              i;
    uint32_t            shard;
    ae_limit_state_t    state, *stored;
    ae_limits_shard_t  *sh;

    for (i = 0; i < n; i++) {
        shard = ae_table_shard(ae_limits_table(limits), uses[i].id);
        sh = ae_limits_lock(limits, shard);

        if (uses[i].overflow) {
            stored = &sh->shared[uses[i].rule.mode];

        } else {
            stored = ae_table_find(ae_limits_table(limits), uses[i].id);
        }

        if (stored != NULL) {
            state = *stored;

            if (ae_limit_refund(&state, &uses[i], now)) {
                ae_limits_store(limits, sh, stored, &state);
            }
        }

        ae_limits_unlock(limits, shard);
    }
}


/*
 * The shard of each use, and each shard once and in ascending order, so that
 * no two calls wait in turn.
 */

static size_t
ae_limits_shards(const ae_table_t *table, const ae_limit_use_t *uses, size_t n,
    uint32_t *shards, uint32_t *locks)
{
    size_t    i, locked;
    uint32_t  shard, last;

    locked = 0;
    last = UINT32_MAX;

    for (i = 0; i < n; i++) {
        shard = ae_table_place(table, uses[i].id);
        shards[i] = shard;

        /* a key's limits lie together */

        if (shard != last) {
            locked = ae_limits_add(locks, locked, shard);
        }

        last = shard;
    }

    return locked;
}


static size_t
ae_limits_add(uint32_t *locks, size_t n, uint32_t shard)
{
    size_t    i;
    uint32_t  other;

    for (i = 0; i < n; i++) {
        other = locks[i];

        if (other == shard) {
            return n;
        }

        if (other > shard) {
            locks[i] = shard;
            shard = other;
        }
    }

    locks[n] = shard;

    return n + 1;
}


/* AE_OK: all passed, each in the simple way, and are charged; or none is */

static int
ae_limits_quick(ae_limits_t *limits, ae_limit_use_t *uses, size_t n,
    const ae_now_t *now, const uint32_t *shards)
{
    size_t             i, k;
    ae_table_t        *table;
    ae_limit_move_t    to[AE_LIMITS_QUICK];
    ae_limit_state_t  *stored[AE_LIMITS_QUICK];

    if (n > AE_LIMITS_QUICK) {
        return AE_DECLINED;
    }

    table = ae_limits_table(limits);

    for (i = 0; i < n; i++) {
        stored[i] = ae_table_look(table, shards[i], uses[i].id);

        if (stored[i] == NULL
            || ae_limit_quick(stored[i], &uses[i], now, &to[i]) != AE_OK)
        {
            return AE_DECLINED;
        }

        /* a limit that is named twice is charged twice */

        for (k = 0; k < i; k++) {
            if (stored[k] == stored[i]) {
                return AE_DECLINED;
            }
        }

        uses[i].retry = 0;
        uses[i].overflow = 0;
    }

    /* one store needs nothing to undo it by */

    for (i = 0; i < n; i++) {

        if (stored[i]->time == to[i].time) {
            __atomic_store_n(&stored[i]->count, to[i].count, __ATOMIC_RELAXED);

        } else if (stored[i]->count == to[i].count) {
            __atomic_store_n(&stored[i]->time, to[i].time, __ATOMIC_RELAXED);

        } else {
            ae_limits_move(limits, stored[i], &to[i], shards[i]);
        }
    }

    return AE_OK;
}


static void
ae_limits_move(ae_limits_t *limits, ae_limit_state_t *stored,
    const ae_limit_move_t *to, uint32_t shard)
{
    ae_limit_state_t  state;

    state = *stored;
    state.time = to->time;
    state.count = to->count;

    ae_limits_store(limits, ae_limits_shard(limits, shard), stored, &state);
}


static ae_limits_slot_t *
ae_limits_slot(ae_limits_call_t *call, size_t i)
{
    size_t             k;
    ae_limit_use_t    *use;
    ae_limits_slot_t  *slot;

    use = &call->uses[i];

    /* an entry that was made for an earlier use cannot be found yet */

    for (k = 0; k < i; k++) {
        if (ae_id_equal(call->uses[k].id, use->id)
            && !call->uses[k].overflow)
        {
            use->overflow = 0;
            return call->slot_of[k];
        }
    }

    slot = &call->slot[call->slots];

    slot->shard = call->shards[i];

    ae_limits_slot_find(call, slot, use);

    for (k = 0; use->overflow && k < call->slots; k++) {
        if (call->stored[k] == slot->stored) {
            return &call->slot[k];
        }
    }

    slot->state = *slot->stored;
    call->stored[call->slots++] = slot->stored;

    return slot;
}


static void
ae_limits_slot_find(ae_limits_call_t *call, ae_limits_slot_t *slot,
    ae_limit_use_t *use)
{
    ae_limits_shard_t  *sh;

    use->overflow = 0;

    slot->made = 0;
    slot->keep = 0;
    slot->stored = ae_table_find(ae_limits_table(call->limits), use->id);

    if (slot->stored != NULL) {
        return;
    }

    sh = ae_limits_shard(call->limits, slot->shard);

    if (sh->filtered) {
        ae_limits_unfilter(sh, call->now);
    }

    slot->stored = ae_limits_make(call->limits, use->id, call->stored,
                                  call->slots, call->now);

    if (slot->stored == NULL) {
        slot->stored = &sh->shared[use->rule.mode];
        use->overflow = 1;
        return;
    }

    sh->seen = *call->now;
    slot->made = 1;

    if (ae_limits_filtered(sh, use->id)) {
        *slot->stored = sh->shared[use->rule.mode];
    }
}


/* the first use that is refused, n if none is; the states are charged */

static size_t
ae_limits_charge(ae_limits_call_t *call)
{
    size_t             i, refused;
    ae_limit_use_t    *use;
    ae_limits_slot_t  *slot;

    refused = call->n;

    for (i = 0; i < call->n; i++) {
        use = &call->uses[i];
        slot = call->slot_of[i];

        if (ae_limit_adapt(&slot->state, &use->rule, call->now)) {
            slot->keep = 1;
        }

        if (ae_limit_charge(&slot->state, &use->rule, call->now) == AE_OK) {
            ae_limit_report(&slot->state, use, call->now);
            use->retry = 0;
            continue;
        }

        use->retry = ae_limit_retry(&slot->state, &use->rule, call->now);

        if (refused == call->n) {
            refused = i;
        }
    }

    return refused;
}


static void
ae_limits_commit(ae_limits_call_t *call)
{
    size_t              i;
    ae_limits_shard_t  *sh;

    for (i = 0; i < call->n; i++) {
        if (call->uses[i].overflow) {
            sh = ae_limits_shard(call->limits, call->slot_of[i]->shard);
            ae_limits_filter(sh, call->uses[i].id);

            __atomic_store_n(&sh->overflows, sh->overflows + 1,
                             __ATOMIC_RELAXED);
        }
    }

    for (i = 0; i < call->slots; i++) {
        ae_limits_slot_store(call, &call->slot[i]);
    }
}


/*
 * Nothing is charged, so all uses tell what is left without this request.  A
 * start that moved is kept, or it would move again with every refusal.
 */

static void
ae_limits_rollback(ae_limits_call_t *call)
{
    size_t             i;
    ae_limit_use_t    *use;
    ae_limits_slot_t  *slot;

    for (i = 0; i < call->slots; i++) {
        call->slot[i].state = *call->slot[i].stored;
    }

    for (i = 0; i < call->n; i++) {
        use = &call->uses[i];
        slot = call->slot_of[i];

        ae_limit_adapt(&slot->state, &use->rule, call->now);
        ae_limit_report(&slot->state, use, call->now);
    }

    for (i = 0; i < call->slots; i++) {
        slot = &call->slot[i];

        if (slot->keep) {
            ae_limits_slot_store(call, slot);

        } else if (slot->made) {
            ae_table_remove(ae_limits_table(call->limits), slot->stored);
        }
    }
}


static void
ae_limits_slot_store(ae_limits_call_t *call, ae_limits_slot_t *slot)
{
    ae_limits_shard_t  *sh;

    if (slot->made) {
        *slot->stored = slot->state;
        ae_table_publish(ae_limits_table(call->limits), slot->stored);
        return;
    }

    sh = ae_limits_shard(call->limits, slot->shard);
    ae_limits_store(call->limits, sh, slot->stored, &slot->state);
}
