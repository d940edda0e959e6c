/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What most requests meet: a counter that was last charged under the same
 * rule, in a period that has not ended, by a clock that went on, with numbers
 * whose products fit 64 bits, and that is not used up.  The results are those
 * of ae_limit_rule.c and ae_limit_period.c, which know all other cases.
 */


#include "core/shared/ae_limit.h"


static int ae_limit_same(const ae_limit_state_t *st,
    const ae_limit_rule_t *rule);
static int ae_gcra_quick(const ae_limit_state_t *st, ae_limit_use_t *use,
    uint64_t now, ae_limit_move_t *to);
static int ae_window_quick(const ae_limit_state_t *st, ae_limit_use_t *use,
    uint64_t now, ae_limit_move_t *to);
static int ae_period_quick(const ae_limit_state_t *st, ae_limit_use_t *use,
    uint64_t now, ae_limit_move_t *to);


int
ae_limit_quick(const ae_limit_state_t *st, ae_limit_use_t *use,
    const ae_now_t *now, ae_limit_move_t *to)
{
    if (!ae_limit_same(st, &use->rule)) {
        return AE_DECLINED;
    }

    switch (use->rule.mode) {

    case AE_LIMIT_GCRA:
        return ae_gcra_quick(st, use, now->mono, to);

    case AE_LIMIT_WINDOW:
        return ae_window_quick(st, use, now->mono, to);

    default: /* AE_LIMIT_QUOTA, AE_LIMIT_FIXED */
        return ae_period_quick(st, use, now->wall, to);
    }
}


/* a state's rule is within bounds, so one like it is too, but for its burst */

static int
ae_limit_same(const ae_limit_state_t *st, const ae_limit_rule_t *rule)
{
    return st->mode == (unsigned) rule->mode + 1
           && st->max == rule->max
           && st->align == (unsigned) rule->align
           && st->offset == rule->offset
           && (st->period == rule->period || st->align != AE_ALIGN_NONE);
}


static int
ae_gcra_quick(const ae_limit_state_t *st, ae_limit_use_t *use, uint64_t now,
    ae_limit_move_t *to)
{
    uint64_t  backlog, tolerance, whole;

    if (__builtin_mul_overflow(use->rule.burst, st->period, &tolerance)
        || tolerance > AE_LIMIT_MOST)
    {
        return AE_DECLINED;
    }

    to->time = now;
    to->count = 0;
    backlog = 0;

    if (st->time >= now) {
        to->time = st->time;
        to->count = st->count;

        if (__builtin_mul_overflow(st->time - now, st->max, &backlog)
            || __builtin_add_overflow(backlog, st->count, &backlog)
            || backlog > tolerance)
        {
            return AE_DECLINED;
        }
    }

    whole = st->period / st->max;

    to->time += whole;
    to->count += st->period - whole * st->max;

    if (to->count >= st->max) {
        to->count -= st->max;
        to->time++;
    }

    /* both are at most AE_LIMIT_MOST */

    backlog += st->period;

    use->remaining = (backlog <= tolerance)
                     ? (tolerance - backlog) / st->period + 1 : 0;
    use->reset = to->time - now + (to->count != 0);
    use->charged = now;

    return AE_OK;
}


static int
ae_window_quick(const ae_limit_state_t *st, ae_limit_use_t *use, uint64_t now,
    ae_limit_move_t *to)
{
    uint64_t  passed, past, room;

    passed = ae_limit_since(now, st->time);

    if (passed >= st->period || st->count >= st->max
        || (st->count == 0 && st->previous == 0))
    {
        return AE_DECLINED;
    }

    use->remaining = st->max - st->count - 1;

    if (st->previous != 0) {

        if (__builtin_mul_overflow(st->previous, st->period - passed, &past)
            || __builtin_mul_overflow(use->remaining, st->period, &room)
            || past > room)
        {
            return AE_DECLINED;
        }

        use->remaining = (room - past) / st->period;
    }

    to->time = st->time;
    to->count = st->count + 1;

    use->reset = st->time + 2 * st->period - now;
    use->charged = st->time;

    return AE_OK;
}


static int
ae_period_quick(const ae_limit_state_t *st, ae_limit_use_t *use, uint64_t now,
    ae_limit_move_t *to)
{
    if (now < st->time || st->count == 0 || st->count >= st->max) {
        return AE_DECLINED;
    }

    use->reset = UINT64_MAX;

    if (st->period != 0) {

        if (now - st->time >= st->period) {
            return AE_DECLINED;
        }

        use->reset = st->time + st->period - now;
    }

    to->time = st->time;
    to->count = st->count + 1;

    use->remaining = st->max - to->count;
    use->charged = st->previous;

    return AE_OK;
}
