/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What most requests meet: a counter that was last charged under the same
 * rule, in a period that has not ended, by a clock that went on, with numbers
 * whose products fit 64 bits, and that is not used up.  The results are those
 * of ae_limit_rule.c and ae_limit_period.c, which know all other cases.
 */


#ifndef _AE_LIMIT_QUICK_H_INCLUDED_
#define _AE_LIMIT_QUICK_H_INCLUDED_


#include "core/shared/ae_limit.h"


/* what a charge alone changes */

typedef struct {
    uint64_t                 time;
    uint64_t                 count;
} ae_limit_move_t;


/*
 * Of a state's rule the bounds were seen to, so one like it is within them,
 * but for its burst.  Only a quota's can follow the calendar.
 */

static inline int
ae_period_same(const ae_limit_state_t *st, const ae_limit_rule_t *rule)
{
    if (rule->align == AE_ALIGN_NONE) {
        return st->period == rule->period && st->align == AE_ALIGN_NONE;
    }

    return st->align == (unsigned) rule->align && st->offset == rule->offset;
}


static inline int
ae_gcra_quick(const ae_limit_state_t *st, ae_limit_use_t *use, uint64_t now,
    ae_limit_move_t *to)
{
    uint64_t  backlog, part, tolerance, whole;

    if (st->period != use->rule.period
        || __builtin_mul_overflow(use->rule.burst, st->period, &tolerance)
        || tolerance > AE_LIMIT_MOST)
    {
        return AE_DECLINED;
    }

    whole = st->period / st->max;
    part = st->period - whole * st->max;

    use->charged = now;

    if (st->time < now) {
        to->time = now + whole;
        to->count = part;

        use->remaining = use->rule.burst;
        use->reset = whole + (part != 0);

        return AE_OK;
    }

    if (__builtin_mul_overflow(st->time - now, st->max, &backlog)
        || __builtin_add_overflow(backlog, st->count, &backlog)
        || backlog > tolerance)
    {
        return AE_DECLINED;
    }

    to->time = st->time + whole;
    to->count = st->count + part;

    if (to->count >= st->max) {
        to->count -= st->max;
        to->time++;
    }

    /* both are at most AE_LIMIT_MOST */

    backlog += st->period;

    use->remaining = (backlog <= tolerance)
                     ? (tolerance - backlog) / st->period + 1 : 0;
    use->reset = to->time - now + (to->count != 0);

    return AE_OK;
}


static inline int
ae_window_quick(const ae_limit_state_t *st, ae_limit_use_t *use, uint64_t now,
    ae_limit_move_t *to)
{
    uint64_t  passed, past, room;

    passed = ae_limit_since(now, st->time);

    if (st->period != use->rule.period
        || passed >= st->period || st->count >= st->max
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


static inline int
ae_period_quick(const ae_limit_state_t *st, ae_limit_use_t *use, uint64_t now,
    ae_limit_move_t *to)
{
    if (!ae_period_same(st, &use->rule)
        || now < st->time || st->count == 0 || st->count >= st->max)
    {
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


/*
 * Adapt, charge and report in one, where that is simple: AE_OK, the request
 * passes when *to is stored, and the use is filled but for what memory knows.
 * AE_DECLINED says nothing.
 */

static inline int
ae_limit_quick(const ae_limit_state_t *st, ae_limit_use_t *use,
    const ae_now_t *now, ae_limit_move_t *to)
{
    if (st->mode != (unsigned) use->rule.mode + 1 || st->max != use->rule.max)
    {
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


#endif /* _AE_LIMIT_QUICK_H_INCLUDED_ */
