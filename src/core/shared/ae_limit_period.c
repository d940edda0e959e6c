/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * QUOTA and FIXED: at most max requests in a period, by the wall clock, so
 * that a period goes on over a restart.
 *
 * A plain QUOTA's period starts at the first use and is renewed by the first
 * use after it.  Where the clock steps back behind the start, the period
 * starts anew from there with what was used of it: no allowance comes twice,
 * and it ends one period from then at the latest.
 *
 * The periods of FIXED and of an aligned QUOTA have their places: multiples of
 * the period since 1970 UTC, or the calendar's hour, day, week or month of an
 * offset.  Where the clock steps back behind the period that is counted, that
 * one goes on, and the allowance of the one before is not given again.  When
 * it was counted for a period's time by the monotonic clock and the wall clock
 * still is behind it, the period that the wall clock tells takes its place and
 * starts afresh.  So a clock that had been ahead by years locks nobody out for
 * years, and between two allowances either the wall clock went on to a later
 * period or a whole period passed.
 *
 * A process whose time is older than the start by both clocks saw no step.
 *
 * A refund counts where the period is the one that was charged.  What is left
 * is whole again, and a refused request could pass, when the period ends;
 * where nothing is counted it is whole now.
 *
 * With another rule what was counted stays:
 *
 *   plain    a longer period runs from the old start; with a shorter one
 *            (never is the longest) the old end stands, or one new period
 *            from now where that is earlier.  What an aligned one counted
 *            runs from that one's start.
 *   aligned, FIXED
 *            it counts in the present period of the rule that asks, and ends
 *            with that.
 */


#include <string.h>
#include <time.h>

#include "core/shared/ae_limit.h"


#define AE_PERIOD_SEC        1000000000ull
#define AE_PERIOD_HOUR       3600
#define AE_PERIOD_DAY        (24 * AE_PERIOD_HOUR)
#define AE_PERIOD_WEEK       (7 * AE_PERIOD_DAY)

/* 1970 began on a Thursday */
#define AE_PERIOD_MONDAY     (3 * AE_PERIOD_DAY)


static int ae_period_placed(const ae_limit_state_t *st);
static void ae_period_place(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    uint64_t wall);
static void ae_period_unit(int64_t local, ae_limit_align_e align,
    int64_t *start, int64_t *end);
static void ae_period_month(int64_t local, int64_t *start, int64_t *end);
static int ae_period_plain(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now);


void
ae_period_start(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now)
{
    st->previous = now->mono;

    if (rule->mode == AE_LIMIT_FIXED || rule->align != AE_ALIGN_NONE) {
        ae_period_place(st, rule, now->wall);
        return;
    }

    st->time = now->wall;
}


/* does the period have a place, that is, not start with the first use */

static int
ae_period_placed(const ae_limit_state_t *st)
{
    return st->mode == AE_LIMIT_FIXED + 1 || st->align != AE_ALIGN_NONE;
}


/* puts the state into the period of this moment */

static void
ae_period_place(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    uint64_t wall)
{
    int64_t  start, end, local;

    st->align = rule->align;
    st->offset = rule->offset;

    if (rule->align == AE_ALIGN_NONE) {
        st->time = wall - wall % rule->period;
        st->period = rule->period;
        return;
    }

    local = (int64_t) (wall / AE_PERIOD_SEC) + rule->offset;

    ae_period_unit(local, rule->align, &start, &end);

    start -= rule->offset;
    end -= rule->offset;

    /* time is not counted before 1970 */

    if (start < 0) {
        start = 0;
    }

    st->time = start * AE_PERIOD_SEC;
    st->period = (end - start) * AE_PERIOD_SEC;
}


static void
ae_period_unit(int64_t local, ae_limit_align_e align, int64_t *start,
    int64_t *end)
{
    int64_t  unit, first, into;

    if (align == AE_ALIGN_MONTH) {
        ae_period_month(local, start, end);
        return;
    }

    unit = (align == AE_ALIGN_HOUR) ? AE_PERIOD_HOUR
           : (align == AE_ALIGN_DAY) ? AE_PERIOD_DAY : AE_PERIOD_WEEK;

    first = (align == AE_ALIGN_WEEK) ? AE_PERIOD_MONDAY : 0;

    into = (local + first) % unit;

    if (into < 0) {
        into += unit;
    }

    *start = local - into;
    *end = *start + unit;
}


static void
ae_period_month(int64_t local, int64_t *start, int64_t *end)
{
    time_t     t;
    struct tm  tm;

    t = local;
    gmtime_r(&t, &tm);

    tm.tm_mday = 1;
    tm.tm_hour = 0;
    tm.tm_min = 0;
    tm.tm_sec = 0;

    *start = timegm(&tm);

    /* December's next is January of the next year, which timegm() knows */

    tm.tm_mday = 1;
    tm.tm_mon++;

    *end = timegm(&tm);
}


int
ae_period_fresh(const ae_limit_state_t *st, const ae_now_t *now)
{
    if (st->count == 0) {
        return 1;
    }

    if (st->period == 0) {
        return 0;
    }

    if (now->wall >= st->time) {
        return now->wall - st->time >= st->period;
    }

    return ae_period_placed(st)
           && ae_limit_since(now->mono, st->previous) >= st->period;
}


int
ae_period_adapt(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now)
{
    if (rule->mode == AE_LIMIT_QUOTA && rule->align == AE_ALIGN_NONE) {
        return ae_period_plain(st, rule, now);
    }

    if (st->align == (unsigned) rule->align && st->offset == rule->offset
        && (rule->mode == AE_LIMIT_QUOTA || st->period == rule->period))
    {
        return 0;
    }

    ae_period_place(st, rule, now->wall);

    return 1;
}


static int
ae_period_plain(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now)
{
    int       changed;
    uint64_t  end;

    changed = (st->align != AE_ALIGN_NONE);

    st->align = AE_ALIGN_NONE;
    st->offset = 0;

    if (now->wall < st->time && now->mono >= st->previous) {
        st->time = now->wall;
        st->previous = now->mono;
        changed = 1;
    }

    if (rule->period == st->period) {
        return changed;
    }

    if (rule->period != 0 && (st->period == 0 || rule->period < st->period)) {
        end = now->wall + rule->period;

        if (st->period != 0) {
            end = ae_limit_min(end, st->time + st->period);
        }

        st->time = end - rule->period;
    }

    st->period = rule->period;

    return 1;
}


void
ae_period_report(const ae_limit_state_t *st, ae_limit_use_t *use,
    const ae_now_t *now)
{
    use->remaining = ae_limit_since(st->max, st->count);
    use->reset = (st->count == 0) ? 0 : ae_period_left(st, now);
    use->charged = st->previous;
}


uint64_t
ae_period_left(const ae_limit_state_t *st, const ae_now_t *now)
{
    uint64_t  left, rest;

    if (st->period == 0) {
        return UINT64_MAX;
    }

    left = ae_limit_since(st->time + st->period, now->wall);

    if (now->wall >= st->time || !ae_period_placed(st)) {
        return left;
    }

    /* behind it: does its time end before the wall clock has come there */

    rest = ae_limit_since(st->previous + st->period, now->mono);

    return (rest < st->time - now->wall) ? rest : left;
}


int
ae_period_refund(ae_limit_state_t *st, const ae_limit_use_t *use)
{
    if (use->charged != st->previous || st->count == 0) {
        return 0;
    }

    st->count--;

    return 1;
}
