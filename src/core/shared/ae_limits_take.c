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

    size_t                   locked;
    size_t                   slots;
    uint32_t                 shard[AE_LIMIT_USES];     /* ascending */
    uint32_t                 shard_of[AE_LIMIT_USES];  /* by use */
    ae_limit_state_t        *stored[AE_LIMIT_USES];    /* of each slot */
    ae_limits_slot_t        *slot_of[AE_LIMIT_USES];   /* by use */
    ae_limits_slot_t         slot[AE_LIMIT_USES];
} ae_limits_call_t;


static void ae_limits_call_lock(ae_limits_call_t *call);
static void ae_limits_call_unlock(ae_limits_call_t *call);
static void ae_limits_call_add(ae_limits_call_t *call, uint32_t shard);
static int ae_limits_quick(ae_limits_call_t *call) ae_rare;
static void ae_limits_move(ae_limits_call_t *call, size_t i,
    const ae_limit_move_t *to);
static void ae_limits_move_both(ae_limits_call_t *call, size_t i,
    const ae_limit_move_t *to) ae_rare;
static int ae_limits_whole(ae_limits_call_t *call, size_t *refused) ae_rare;
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
    int               rc;
    ae_limits_call_t  call;

    if (n > AE_LIMIT_USES) {
        return AE_ERROR;
    }

    call.limits = limits;
    call.now = now;
    call.uses = uses;
    call.n = n;

    ae_limits_call_lock(&call);

    rc = ae_limits_quick(&call);

    if (rc != AE_OK) {
        rc = ae_limits_whole(&call, refused);
    }

    ae_limits_call_unlock(&call);

    return rc;
}


static int
ae_limits_whole(ae_limits_call_t *call, size_t *refused)
{
    size_t  i;

    call->slots = 0;

    for (i = 0; i < call->n; i++) {
        ae_limit_bound(&call->uses[i].rule);
        call->slot_of[i] = ae_limits_slot(call, i);
    }

    i = ae_limits_charge(call);

    if (i == call->n) {
        ae_limits_commit(call);
        return AE_OK;
    }

    ae_limits_rollback(call);
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


/* each shard once and in ascending order, so that no two calls wait in turn */

static void
ae_limits_call_lock(ae_limits_call_t *call)
{
    size_t        i, n;
    uint32_t      shard;
    ae_table_t   *table;
    ae_limits_t  *limits;

    limits = call->limits;
    table = ae_limits_table(limits);
    n = call->n;

    call->locked = 0;

    for (i = 0; i < n; i++) {
        shard = ae_table_place(table, call->uses[i].id);
        call->shard_of[i] = shard;

        /* a key's limits lie together */

        if (i == 0 || shard != call->shard_of[i - 1]) {
            ae_limits_call_add(call, shard);
        }
    }

    n = call->locked;

    for (i = 0; i < n; i++) {
        ae_limits_lock(limits, call->shard[i]);
    }
}


static void
ae_limits_call_add(ae_limits_call_t *call, uint32_t shard)
{
    size_t    i;
    uint32_t  other;

    for (i = 0; i < call->locked; i++) {
        other = call->shard[i];

        if (other == shard) {
            return;
        }

        if (other > shard) {
            call->shard[i] = shard;
            shard = other;
        }
    }

    call->shard[i] = shard;
    call->locked++;
}


static void
ae_limits_call_unlock(ae_limits_call_t *call)
{
    size_t       i, n;
    ae_table_t  *table;

    table = ae_limits_table(call->limits);
    n = call->locked;

    for (i = 0; i < n; i++) {
        ae_table_leave(table, call->shard[i]);
    }
}


/* AE_OK: all passed, each in the simple way, and are charged; or none is */

static int
ae_limits_quick(ae_limits_call_t *call)
{
    size_t             i, k, n;
    ae_table_t        *table;
    const ae_now_t    *now;
    ae_limit_use_t    *use;
    ae_limit_move_t    to[AE_LIMITS_QUICK];
    ae_limit_state_t  *stored;

    n = call->n;
    now = call->now;
    use = call->uses;
    table = ae_limits_table(call->limits);

    if (n > AE_LIMITS_QUICK) {
        return AE_DECLINED;
    }

    for (i = 0; i < n; i++, use++) {
        stored = ae_table_look(table, call->shard_of[i], use->id);

        if (stored == NULL
            || ae_limit_quick(stored, use, now, &to[i]) != AE_OK)
        {
            return AE_DECLINED;
        }

        for (k = 0; k < i; k++) {
            if (call->stored[k] == stored) {
                return AE_DECLINED;
            }
        }

        use->retry = 0;
        use->overflow = 0;
        call->stored[i] = stored;
    }

    for (i = 0; i < n; i++) {
        ae_limits_move(call, i, &to[i]);
    }

    return AE_OK;
}


/* one store needs nothing to undo it by */

static void
ae_limits_move(ae_limits_call_t *call, size_t i, const ae_limit_move_t *to)
{
    ae_limit_state_t  *stored;

    stored = call->stored[i];

    if (stored->time == to->time) {
        __atomic_store_n(&stored->count, to->count, __ATOMIC_RELAXED);

    } else if (stored->count == to->count) {
        __atomic_store_n(&stored->time, to->time, __ATOMIC_RELAXED);

    } else {
        ae_limits_move_both(call, i, to);
    }
}


static void
ae_limits_move_both(ae_limits_call_t *call, size_t i,
    const ae_limit_move_t *to)
{
    ae_limit_state_t  state;

    state = *call->stored[i];
    state.time = to->time;
    state.count = to->count;

    ae_limits_store(call->limits,
                    ae_limits_shard(call->limits, call->shard_of[i]),
                    call->stored[i], &state);
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

    slot->shard = call->shard_of[i];

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
