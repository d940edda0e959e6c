/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A closed breaker is asked and counts a success without its lock: the word
 * that tells its state is one load, a sample one compare and exchange of a
 * bucket that says which moment it is of.  Everything else is done under the
 * lock of the breaker's shard, in an order in which each single store leaves a
 * whole state, for a process may be killed between any two of them.
 *
 * Without the lock an entry may become another breaker's at any moment.  It
 * is that of the id if it is so after what was wanted was read; a bucket's
 * serial differs from one breaker to the next, so that a sample that comes
 * just then is lost.
 */


#include <string.h>

#include "core/shared/ae_breaker.h"


#define AE_BREAKERS_SHARD    256            /* entries of one, at least */
#define AE_BREAKERS_SHARDS   16
#define AE_BREAKERS_SWEEP    32             /* entries looked at */


static int ae_breaker_decline(ae_breaker_pass_t *pass, uint64_t retry);
static int ae_breaker_ask(ae_breakers_t *b, const ae_breaker_rule_t *rule,
    uint32_t owner, const ae_now_t *now, ae_breaker_pass_t *pass);
static int ae_breaker_ask_locked(ae_breaker_t *st,
    const ae_breaker_rule_t *rule, uint32_t owner, const ae_now_t *now,
    ae_breaker_pass_t *pass);
static int ae_breaker_leave_closed(const ae_breaker_rule_t *rule,
    ae_breaker_pass_t *pass, ae_breaker_outcome_e outcome,
    const ae_now_t *now);
static void ae_breaker_sample(ae_breaker_t *st, const ae_breaker_rule_t *rule,
    ae_breaker_pass_t *pass, ae_breaker_outcome_e outcome,
    const ae_now_t *now);
static void ae_breaker_probed(ae_breaker_t *st, const ae_breaker_rule_t *rule,
    ae_breaker_pass_t *pass, ae_breaker_outcome_e outcome,
    const ae_now_t *now);
static int ae_breakers_reclaim(void *data, void *ctx);


typedef struct {
    ae_breakers_shard_t     *sh;
    const ae_now_t          *now;
} ae_breakers_sweep_t;


ae_breakers_t *
ae_breakers_init(void *mem, size_t size)
{
    size_t          offset;
    uint32_t        n, shards;
    ae_table_t     *table;
    ae_breakers_t  *b;

    b = mem;

    for (shards = AE_BREAKERS_SHARDS; shards != 0; shards /= 2) {
        offset = sizeof(ae_breakers_t) + shards * sizeof(ae_breakers_shard_t);
        offset = (offset + 63) & ~(size_t) 63;

        if (size < offset) {
            continue;
        }

        n = ae_table_fit(size - offset, shards, sizeof(ae_breaker_t));

        if (n / shards >= AE_BREAKERS_SHARD || shards == 1) {
            break;
        }
    }

    if (shards == 0) {
        return NULL;
    }

    table = ae_table_init((char *) mem + offset, size - offset, shards,
                          sizeof(ae_breaker_t));
    if (table == NULL) {
        return NULL;
    }

    b->shards = shards;
    b->entries = n;
    b->table_offset = offset;

    while (shards-- > 0) {
        ae_breakers_shard(b, shards)->epoch = 1;
    }

    return b;
}


int
ae_breaker_enter(ae_breakers_t *b, ae_id_t id, const ae_breaker_rule_t *rule,
    uint32_t owner, const ae_now_t *now, ae_breaker_pass_t *pass)
{
    uint64_t       word, until;
    ae_breaker_t  *st;

    pass->id = id;
    pass->retry = 0;
    pass->probe = 0;
    pass->change = AE_BREAKER_STAYS;

    st = ae_table_peek(ae_breakers_table(b), id);

    if (st == NULL) {
        return ae_breaker_ask(b, rule, owner, now, pass);
    }

    pass->place = st;
    word = ae_breaker_get(&st->word);
    until = ae_breaker_get(&st->until);

    if (word == 0
        || !ae_table_holds(st, id)
        || ae_breaker_get(&st->word) != word)
    {
        return ae_breaker_ask(b, rule, owner, now, pass);
    }

    pass->epoch = ae_breaker_epoch(word);
    pass->state = ae_breaker_state(word);

    switch (pass->state) {

    case AE_BREAKER_CLOSED:
    case AE_BREAKER_FORCED_CLOSED:
        return AE_OK;

    case AE_BREAKER_FORCED_OPEN:
        return ae_breaker_decline(pass, UINT64_MAX);

    case AE_BREAKER_OPEN:
        if (now->mono < until) {
            return ae_breaker_decline(pass, until - now->mono);
        }

        break;

    case AE_BREAKER_HALF_OPEN:
        break;
    }

    return ae_breaker_ask(b, rule, owner, now, pass);
}


int
ae_breaker_again(void *place, ae_id_t id, ae_breaker_pass_t *pass)
{
    uint64_t       word;
    ae_breaker_t  *st;

    st = place;
    word = ae_breaker_get(&st->word);

    if (word == 0
        || ae_breaker_state(word) != AE_BREAKER_CLOSED
        || !ae_table_holds(st, id)
        || ae_breaker_get(&st->word) != word)
    {
        return AE_DECLINED;
    }

    pass->id = id;
    pass->epoch = ae_breaker_epoch(word);
    pass->retry = 0;
    pass->probe = 0;
    pass->state = AE_BREAKER_CLOSED;
    pass->change = AE_BREAKER_STAYS;
    pass->place = st;

    return AE_OK;
}


static int
ae_breaker_decline(ae_breaker_pass_t *pass, uint64_t retry)
{
    pass->retry = retry;

    return AE_DECLINED;
}


static int
ae_breaker_ask(ae_breakers_t *b, const ae_breaker_rule_t *rule,
    uint32_t owner, const ae_now_t *now, ae_breaker_pass_t *pass)
{
    int            rc;
    uint32_t       shard;
    ae_breaker_t  *st;

    shard = ae_table_shard(ae_breakers_table(b), pass->id);

    ae_table_lock(ae_breakers_table(b), shard);

    st = ae_breaker_make(b, pass->id, rule->window, now);

    pass->place = st;

    if (st == NULL) {
        pass->id = (ae_id_t) { { 0, 0 } };
        pass->epoch = 0;
        pass->state = AE_BREAKER_CLOSED;
        rc = AE_OK;

        __atomic_fetch_add(&ae_breakers_shard(b, shard)->overflows, 1,
                           __ATOMIC_RELAXED);

    } else {
        rc = ae_breaker_ask_locked(st, rule, owner, now, pass);
        pass->epoch = ae_breaker_epoch(st->word);
        pass->state = ae_breaker_state(st->word);
    }

    ae_table_unlock(ae_breakers_table(b), shard);

    return rc;
}


static int
ae_breaker_ask_locked(ae_breaker_t *st, const ae_breaker_rule_t *rule,
    uint32_t owner, const ae_now_t *now, ae_breaker_pass_t *pass)
{
    uint64_t  retry;

    switch (ae_breaker_state(st->word)) {

    case AE_BREAKER_CLOSED:
    case AE_BREAKER_FORCED_CLOSED:
        return AE_OK;

    case AE_BREAKER_FORCED_OPEN:
        return ae_breaker_decline(pass, UINT64_MAX);

    case AE_BREAKER_OPEN:
        if (now->mono < st->until) {
            return ae_breaker_decline(pass, st->until - now->mono);
        }

        if (rule->half_open != 0) {
            ae_breaker_half_open(st);
        }

        break;

    case AE_BREAKER_HALF_OPEN:
        break;
    }

    if (rule->half_open == 0) {
        pass->change = ae_breaker_reset(st, rule->window, now);
        return AE_OK;
    }

    pass->probe = ae_breaker_probe(st, rule, owner, now, &retry);

    return pass->probe ? AE_OK : ae_breaker_decline(pass, retry);
}


void
ae_breaker_leave(ae_breakers_t *b, const ae_breaker_rule_t *rule,
    ae_breaker_pass_t *pass, ae_breaker_outcome_e outcome,
    const ae_now_t *now)
{
    uint32_t       shard;
    ae_breaker_t  *st;

    pass->change = AE_BREAKER_STAYS;

    if ((pass->id.h[0] | pass->id.h[1]) == 0) {
        pass->state = AE_BREAKER_CLOSED;
        return;
    }

    if (outcome == AE_BREAKER_SLOW && rule->slow_threshold == 0) {
        outcome = AE_BREAKER_SUCCESS;
    }

    if (ae_breaker_leave_closed(rule, pass, outcome, now)) {
        return;
    }

    shard = ae_table_shard(ae_breakers_table(b), pass->id);

    ae_table_lock(ae_breakers_table(b), shard);

    st = ae_table_find(ae_breakers_table(b), pass->id);

    if (st == NULL
        && outcome != AE_BREAKER_NONE
        && ae_breakers_shard(b, shard)->epoch == pass->epoch)
    {
        st = ae_breaker_make(b, pass->id, rule->window, now);
    }

    if (st == NULL) {
        pass->state = AE_BREAKER_CLOSED;

    } else {
        ae_breaker_sample(st, rule, pass, outcome, now);

        pass->state = ae_breaker_state(st->word);
    }

    ae_table_unlock(ae_breakers_table(b), shard);
}


/* 1: done, no lock was needed */

static int
ae_breaker_leave_closed(const ae_breaker_rule_t *rule,
    ae_breaker_pass_t *pass, ae_breaker_outcome_e outcome,
    const ae_now_t *now)
{
    uint32_t       serial;
    uint64_t       end, word, n, *count;
    ae_breaker_t  *st;

    st = pass->place;

    /* in this order: a bucket of a later epoch is told by the word */

    end = ae_breaker_get(&st->end);
    serial = ae_breaker_get(&st->serial);
    count = &st->count[serial % AE_BREAKER_BUCKETS];
    n = ae_breaker_get(count);
    word = ae_breaker_get(&st->word);

    if (word == 0 || !ae_table_holds(st, pass->id)) {
        return 0;
    }

    pass->state = ae_breaker_state(word);

    if (pass->probe != 0) {
        return 0;
    }

    if (ae_breaker_epoch(word) != pass->epoch
        || outcome == AE_BREAKER_NONE
        || pass->state != AE_BREAKER_CLOSED)
    {
        return 1;
    }

    if (outcome != AE_BREAKER_SUCCESS
        || now->mono >= end
        || ae_breaker_get(&st->window) != rule->window)
    {
        return 0;
    }

    while (n >> 32 == serial && (uint32_t) n != UINT32_MAX) {

        if (__atomic_compare_exchange_n(count, &n, n + 1, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
        {
            return 1;
        }
    }

    return 0;
}


static void
ae_breaker_sample(ae_breaker_t *st, const ae_breaker_rule_t *rule,
    ae_breaker_pass_t *pass, ae_breaker_outcome_e outcome,
    const ae_now_t *now)
{
    int                 held;
    ae_breaker_sum_t    sum;
    ae_breaker_state_e  state;

    /* of whatever epoch: it is not under way any more */

    held = pass->probe != 0 && ae_breaker_probe_end(st, pass->probe);
    state = ae_breaker_state(st->word);

    if (ae_breaker_epoch(st->word) != pass->epoch
        || outcome == AE_BREAKER_NONE)
    {
        return;
    }

    if (state == AE_BREAKER_HALF_OPEN && held) {
        ae_breaker_probed(st, rule, pass, outcome, now);
    }

    if (state != AE_BREAKER_CLOSED) {
        return;
    }

    if (st->end == 0 || st->window != rule->window) {
        ae_breaker_window(st, rule->window, now);

    } else {
        ae_breaker_window_move(st, now);
    }

    ae_breaker_count(st, outcome);

    if (outcome == AE_BREAKER_SUCCESS) {
        return;
    }

    ae_breaker_sum(st, &sum);

    if (ae_breaker_bad(&sum, rule)) {
        pass->change = ae_breaker_trip(st, rule, now);
    }
}


static void
ae_breaker_probed(ae_breaker_t *st, const ae_breaker_rule_t *rule,
    ae_breaker_pass_t *pass, ae_breaker_outcome_e outcome,
    const ae_now_t *now)
{
    if (outcome != AE_BREAKER_SUCCESS) {
        pass->change = ae_breaker_trip(st, rule, now);
        return;
    }

    ae_breaker_set(&st->passed, st->passed + 1);

    if (st->passed >= rule->half_open) {
        pass->change = ae_breaker_reset(st, rule->window, now);
    }
}


ae_breaker_t *
ae_breaker_make(ae_breakers_t *b, ae_id_t id, uint64_t window,
    const ae_now_t *now)
{
    uint32_t              shard;
    ae_table_t           *table;
    ae_breaker_t         *st;
    ae_breakers_sweep_t   sweep;

    table = ae_breakers_table(b);
    st = ae_table_find(table, id);

    if (st != NULL) {
        return st;
    }

    shard = ae_table_shard(table, id);
    st = ae_table_insert(table, id);

    sweep.sh = ae_breakers_shard(b, shard);
    sweep.now = now;

    if (st == NULL
        && ae_table_sweep(table, shard, AE_BREAKERS_SWEEP,
                          ae_breakers_reclaim, &sweep) != 0)
    {
        st = ae_table_insert(table, id);
    }

    if (st == NULL) {
        return NULL;
    }

    st->random = id.h[0] ^ id.h[1];
    st->serial = (uint32_t) (id.h[0] ^ id.h[0] >> 32);
    ae_breaker_window(st, window, now);

    ae_breaker_set(&st->word, ae_breaker_word(sweep.sh->epoch, 0,
                                              AE_BREAKER_CLOSED));
    ae_table_publish(table, st);

    return st;
}


/*
 * A breaker that comes back goes on in an epoch that is not before its last
 * one: what entered while it was last closed still counts, if nothing else
 * that was removed had changed more often, and nothing older ever does.
 */

static int
ae_breakers_reclaim(void *data, void *ctx)
{
    ae_breaker_t         *st = data;
    ae_breakers_sweep_t  *sweep = ctx;

    if (ae_breaker_state(st->word) != AE_BREAKER_CLOSED
        || !ae_breaker_idle(st, sweep->now))
    {
        return 0;
    }

    if (sweep->sh->epoch < ae_breaker_epoch(st->word)) {
        ae_breaker_set(&sweep->sh->epoch, ae_breaker_epoch(st->word));
    }

    return 1;
}
