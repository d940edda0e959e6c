/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * GCRA is the generic cell rate algorithm of ITU-T I.371 (virtual scheduling).
 * One request costs period/max nanoseconds; the fraction is kept, in 1/max of
 * a nanosecond, so that it neither drifts nor rounds.
 *
 * WINDOW estimates the requests of the last period as
 *
 *     previous * (1 - elapsed / period) + count
 *
 * over windows that start at the first use.  Each of them lets max requests
 * pass at most, and a period spans two, so that
 *
 *   - fewer than 2 * max requests pass in any period (max + max * e / period
 *     where it ends e after the start of a window), and (n + 1) * max in n;
 *   - nobody is refused of whom fewer than max passed in the last two periods.
 *
 * QUOTA and FIXED count in periods, see ae_limit_period.c.
 *
 * When a counter meets another rule than before, what was counted stays: the
 * backlog of GCRA in requests, of the others the number.  Another mode starts
 * afresh.  What the old rule had let expire stays forgotten.  Another period:
 *
 *   WINDOW  a longer one goes on from the window's start; with a shorter one
 *           all that the old rule still counts counts as passed just now.
 *
 * So no moment gives more than the rule that is asked gives alone, and two
 * rules that take turns, as old and new processes do in a reload, give no more
 * than one of them does.
 */


#include <string.h>

#include "core/shared/ae_limit.h"


/* of an offset, in seconds; no place on earth has more */

#define AE_LIMIT_OFFSET      (24 * 3600)


static void ae_limit_start(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now);
static int ae_gcra_adapt(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    uint64_t now);
static ae_wide_t ae_gcra_backlog(const ae_limit_state_t *st, uint64_t now);
static void ae_gcra_set(ae_limit_state_t *st, ae_wide_t backlog, uint64_t now);
static ae_wide_t ae_gcra_tolerance(const ae_limit_rule_t *rule);
static int ae_gcra_charge(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    uint64_t now);
static int ae_gcra_refund(ae_limit_state_t *st, const ae_limit_use_t *use,
    uint64_t now);
static void ae_gcra_report(const ae_limit_state_t *st, ae_limit_use_t *use,
    uint64_t now);
static int ae_window_adapt(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    uint64_t now);
static void ae_window_roll(ae_limit_state_t *st, uint64_t now);
static ae_wide_t ae_window_estimate(const ae_limit_state_t *st, uint64_t now);
static int ae_window_charge(ae_limit_state_t *st, uint64_t now);
static int ae_window_refund(ae_limit_state_t *st, const ae_limit_use_t *use);
static void ae_window_report(const ae_limit_state_t *st, ae_limit_use_t *use,
    uint64_t now);
static uint64_t ae_window_retry(const ae_limit_state_t *st, uint64_t now);


void
ae_limit_bound(ae_limit_rule_t *rule)
{
    rule->max = ae_limit_min(rule->max, AE_LIMIT_MOST);
    rule->burst = ae_limit_min(rule->burst, AE_LIMIT_MOST);
    rule->period = ae_limit_min(rule->period, AE_LIMIT_MOST);

    /* only a quota can do without one, or follow the calendar */

    if (rule->mode != AE_LIMIT_QUOTA) {
        rule->align = AE_ALIGN_NONE;

        if (rule->period == 0) {
            rule->period = 1;
        }
    }

    if (rule->align == AE_ALIGN_NONE) {
        rule->offset = 0;
        return;
    }

    rule->offset = ae_limit_min(rule->offset, AE_LIMIT_OFFSET);

    if (rule->offset < -AE_LIMIT_OFFSET) {
        rule->offset = -AE_LIMIT_OFFSET;
    }
}


int
ae_limit_adapt(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now)
{
    int  changed;

    /* refuses without looking; what was counted waits for another rule */

    if (rule->max == 0) {
        return 0;
    }

    if (st->mode != (unsigned) rule->mode + 1 || ae_limit_fresh(st, now)) {
        ae_limit_start(st, rule, now);
        return 0;
    }

    switch (rule->mode) {

    case AE_LIMIT_GCRA:
        changed = ae_gcra_adapt(st, rule, now->mono);
        st->period = rule->period;
        break;

    case AE_LIMIT_WINDOW:
        changed = ae_window_adapt(st, rule, now->mono);
        st->period = rule->period;
        break;

    default: /* AE_LIMIT_QUOTA, AE_LIMIT_FIXED */
        changed = ae_period_adapt(st, rule, now);
        break;
    }

    st->max = rule->max;

    return changed;
}


int
ae_limit_charge(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now)
{
    if (rule->max == 0) {
        return AE_DECLINED;
    }

    switch (rule->mode) {

    case AE_LIMIT_GCRA:
        return ae_gcra_charge(st, rule, now->mono);

    case AE_LIMIT_WINDOW:
        return ae_window_charge(st, now->mono);

    default: /* AE_LIMIT_QUOTA, AE_LIMIT_FIXED */

        if (st->count >= st->max) {
            return AE_DECLINED;
        }

        st->count++;

        return AE_OK;
    }
}


void
ae_limit_report(const ae_limit_state_t *st, ae_limit_use_t *use,
    const ae_now_t *now)
{
    use->remaining = 0;
    use->reset = 0;
    use->charged = 0;

    if (use->rule.max == 0) {
        return;
    }

    switch (use->rule.mode) {

    case AE_LIMIT_GCRA:
        ae_gcra_report(st, use, now->mono);
        break;

    case AE_LIMIT_WINDOW:
        ae_window_report(st, use, now->mono);
        break;

    default: /* AE_LIMIT_QUOTA, AE_LIMIT_FIXED */
        ae_period_report(st, use, now);
        break;
    }
}


uint64_t
ae_limit_retry(const ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now)
{
    ae_wide_t  over;

    if (rule->max == 0) {
        return UINT64_MAX;
    }

    switch (rule->mode) {

    case AE_LIMIT_GCRA:
        over = ae_gcra_backlog(st, now->mono) - ae_gcra_tolerance(rule);
        return (over + st->max - 1) / st->max;

    case AE_LIMIT_WINDOW:
        return ae_window_retry(st, now->mono);

    default: /* AE_LIMIT_QUOTA, AE_LIMIT_FIXED */
        return ae_period_left(st, now);
    }
}


int
ae_limit_refund(ae_limit_state_t *st, const ae_limit_use_t *use,
    const ae_now_t *now)
{
    if (st->mode != (unsigned) use->rule.mode + 1) {
        return 0;
    }

    switch (use->rule.mode) {

    case AE_LIMIT_GCRA:
        return ae_gcra_refund(st, use, now->mono);

    case AE_LIMIT_WINDOW:
        return ae_window_refund(st, use);

    default: /* AE_LIMIT_QUOTA, AE_LIMIT_FIXED */
        return ae_period_refund(st, use);
    }
}


int
ae_limit_fresh(const ae_limit_state_t *st, const ae_now_t *now)
{
    uint64_t  passed;

    switch (st->mode) {

    case 0:
        return 1;

    case AE_LIMIT_GCRA + 1:
        return st->time < now->mono
               || (st->time == now->mono && st->count == 0);

    case AE_LIMIT_WINDOW + 1:
        passed = ae_limit_since(now->mono, st->time);

        return (st->count == 0 && st->previous == 0)
               || (st->count == 0 && passed >= st->period)
               || passed >= 2 * st->period;

    case AE_LIMIT_QUOTA + 1:
    case AE_LIMIT_FIXED + 1:
        return ae_period_fresh(st, now);

    default:
        return 0;
    }
}


static void
ae_limit_start(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now)
{
    memset(st, 0, sizeof(ae_limit_state_t));

    st->mode = rule->mode + 1;
    st->max = rule->max;
    st->period = rule->period;

    if (rule->mode == AE_LIMIT_QUOTA || rule->mode == AE_LIMIT_FIXED) {
        ae_period_start(st, rule, now);
        return;
    }

    st->time = now->mono;
}


/*
 * The backlog is counted in requests, rounded up: of the new rule's cost each.
 * It is never cut, lest two rules that take turns give it away.
 */

static int
ae_gcra_adapt(ae_limit_state_t *st, const ae_limit_rule_t *rule, uint64_t now)
{
    ae_wide_t  backlog, most, part, requests;

    if (st->max == rule->max && st->period == rule->period) {
        return 0;
    }

    backlog = ae_gcra_backlog(st, now);
    requests = backlog / st->period;
    part = backlog % st->period * rule->period;

    most = (ae_wide_t) AE_LIMIT_MOST * rule->max;

    if (requests >= most / rule->period) {
        backlog = most;

    } else {
        backlog = requests * rule->period
                  + (part + st->period - 1) / st->period;
    }

    st->max = rule->max;
    ae_gcra_set(st, backlog, now);

    return 1;
}


/* what was charged and has not passed yet, in 1/max of a nanosecond */

static ae_wide_t
ae_gcra_backlog(const ae_limit_state_t *st, uint64_t now)
{
    if (st->time < now) {
        return 0;
    }

    return (ae_wide_t) (st->time - now) * st->max + st->count;
}


static void
ae_gcra_set(ae_limit_state_t *st, ae_wide_t backlog, uint64_t now)
{
    st->time = now + backlog / st->max;
    st->count = backlog % st->max;
}


/* the backlog that a request may meet */

static ae_wide_t
ae_gcra_tolerance(const ae_limit_rule_t *rule)
{
    ae_wide_t  burst, most;

    burst = (ae_wide_t) rule->burst * rule->period;
    most = (ae_wide_t) AE_LIMIT_MOST * rule->max;

    return ae_limit_min(burst, most);
}


static int
ae_gcra_charge(ae_limit_state_t *st, const ae_limit_rule_t *rule, uint64_t now)
{
    if (ae_gcra_backlog(st, now) > ae_gcra_tolerance(rule)) {
        return AE_DECLINED;
    }

    if (st->time < now) {
        st->time = now;
        st->count = 0;
    }

    st->time += rule->period / rule->max;
    st->count += rule->period % rule->max;

    if (st->count >= rule->max) {
        st->count -= rule->max;
        st->time++;
    }

    return AE_OK;
}


/*
 * The backlog has been passing since the charge.  How much of it was this
 * request's is not known, so it is taken as the first that passed.
 */

static int
ae_gcra_refund(ae_limit_state_t *st, const ae_limit_use_t *use, uint64_t now)
{
    ae_wide_t        backlog, passed;
    ae_limit_rule_t  rule;

    rule = use->rule;
    ae_limit_bound(&rule);

    if (st->max != rule.max || st->period != rule.period) {
        return 0;
    }

    backlog = ae_gcra_backlog(st, now);
    passed = (ae_wide_t) ae_limit_since(now, use->charged) * st->max;

    if (backlog == 0 || passed >= st->period) {
        return 0;
    }

    backlog -= ae_limit_min(backlog, st->period - passed);
    ae_gcra_set(st, backlog, now);

    return 1;
}


static void
ae_gcra_report(const ae_limit_state_t *st, ae_limit_use_t *use, uint64_t now)
{
    ae_wide_t  backlog, tolerance;

    backlog = ae_gcra_backlog(st, now);
    tolerance = ae_gcra_tolerance(&use->rule);

    if (backlog <= tolerance) {
        use->remaining = (tolerance - backlog) / st->period + 1;
    }

    if (backlog != 0) {
        use->reset = st->time - now + (st->count != 0);
    }

    use->charged = now;
}


static int
ae_window_adapt(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    uint64_t now)
{
    ae_wide_t  estimate;

    ae_window_roll(st, now);

    if (rule->period >= st->period) {
        return rule->period != st->period;
    }

    estimate = ae_window_estimate(st, now);

    st->count = (estimate + st->period - 1) / st->period;
    st->previous = 0;
    st->time = now;

    return 1;
}


static void
ae_window_roll(ae_limit_state_t *st, uint64_t now)
{
    if (ae_limit_since(now, st->time) < st->period) {
        return;
    }

    /* a state that is not fresh is not older than two windows */

    st->previous = st->count;
    st->count = 0;
    st->time += st->period;
}


/* the requests of the last period, times the period */

static ae_wide_t
ae_window_estimate(const ae_limit_state_t *st, uint64_t now)
{
    uint64_t  left;

    left = st->period - ae_limit_since(now, st->time);

    return (ae_wide_t) st->previous * left
           + (ae_wide_t) st->count * st->period;
}


static int
ae_window_charge(ae_limit_state_t *st, uint64_t now)
{
    ae_wide_t  estimate;

    estimate = ae_window_estimate(st, now) + st->period;

    if (estimate > (ae_wide_t) st->max * st->period) {
        return AE_DECLINED;
    }

    st->count++;

    return AE_OK;
}


static int
ae_window_refund(ae_limit_state_t *st, const ae_limit_use_t *use)
{
    if (use->charged == st->time && st->count != 0) {
        st->count--;
        return 1;
    }

    if (use->charged + st->period == st->time && st->previous != 0) {
        st->previous--;
        return 1;
    }

    return 0;
}


static void
ae_window_report(const ae_limit_state_t *st, ae_limit_use_t *use, uint64_t now)
{
    uint64_t   end;
    ae_wide_t  estimate, most;

    estimate = ae_window_estimate(st, now);
    most = (ae_wide_t) st->max * st->period;
    end = st->time + st->period;

    if (estimate < most) {
        use->remaining = (most - estimate) / st->period;
    }

    if (st->count != 0) {
        use->reset = end + st->period - now;

    } else if (st->previous != 0) {
        use->reset = end - now;
    }

    use->charged = st->time;
}


/* solves the estimate for its time, in this window or in the next */

static uint64_t
ae_window_retry(const ae_limit_state_t *st, uint64_t now)
{
    uint64_t   at;
    ae_wide_t  left;

    if (st->count < st->max && st->previous != 0) {
        left = (ae_wide_t) (st->max - st->count - 1) * st->period
               / st->previous;
        at = st->time + st->period;

    } else {
        left = (ae_wide_t) (st->max - 1) * st->period
               / (st->count ? st->count : 1);
        at = st->time + 2 * st->period;
    }

    at -= ae_limit_min(left, st->period);

    return ae_limit_since(at, now);
}
