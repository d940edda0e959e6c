/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The arithmetic of one limit, without memory and locks (ae_limit_rule.c,
 * ae_limit_period.c for those that count a period, ae_limit_quick.h for the
 * simple case).
 */


#ifndef _AE_LIMIT_H_INCLUDED_
#define _AE_LIMIT_H_INCLUDED_


#include "core/shared/shared.h"


/* zeroed: fresh.  The rule is the one that the last charge was made under */

typedef struct {
    uint64_t                 max;
    uint64_t                 period;
    uint64_t                 time;          /* GCRA: when the backlog is gone,
                                               WINDOW: start of this window,
                                               else start of the period */
    uint64_t                 count;         /* GCRA: the time's fraction, in
                                               1/max ns; else requests */
    uint64_t                 previous;      /* WINDOW: requests of the last,
                                               QUOTA, FIXED: start by the other
                                               clock, which names the period */
    uint32_t                 mark;          /* usage that was told */
    unsigned                 mode:8;        /* ae_limit_mode_e plus one */
    unsigned                 align:4;       /* QUOTA: the period is a unit of
                                               the calendar */
    signed                   offset:20;     /* its */
} ae_limit_state_t;


typedef unsigned __int128    ae_wide_t;

/* of a rule's numbers and, in nanoseconds (146 years), of a backlog */

#define AE_LIMIT_MOST        ((uint64_t) 1 << 62)

#define ae_limit_min(a, b)   (((a) < (b)) ? (a) : (b))
#define ae_limit_since(a, b)  (((a) > (b)) ? (a) - (b) : 0)


/* within bounds that no product of the arithmetic overflows */
void ae_limit_bound(ae_limit_rule_t *rule);

/*
 * Brings a state to this moment and rule, which the next three want.  Returns
 * 1 if the result must be kept even if the request is refused.
 */
int ae_limit_adapt(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now);

/* AE_OK, or AE_DECLINED and the state as it was */
int ae_limit_charge(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now);

/* fills remaining and reset, and charged, what a refund asks for */
void ae_limit_report(const ae_limit_state_t *st, ae_limit_use_t *use,
    const ae_now_t *now);

/* ns until a request that was refused could pass, UINT64_MAX for never */
uint64_t ae_limit_retry(const ae_limit_state_t *st,
    const ae_limit_rule_t *rule, const ae_now_t *now);

/* takes one request back; 1 if the state changed */
int ae_limit_refund(ae_limit_state_t *st, const ae_limit_use_t *use,
    const ae_now_t *now);

/* nothing is counted any more: the state may be forgotten */
int ae_limit_fresh(const ae_limit_state_t *st, const ae_now_t *now);


/* the same for QUOTA and FIXED */
void ae_period_start(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now);
int ae_period_fresh(const ae_limit_state_t *st, const ae_now_t *now);
int ae_period_adapt(ae_limit_state_t *st, const ae_limit_rule_t *rule,
    const ae_now_t *now);
void ae_period_report(const ae_limit_state_t *st, ae_limit_use_t *use,
    const ae_now_t *now);
int ae_period_refund(ae_limit_state_t *st, const ae_limit_use_t *use);

/* ns until the period ends, UINT64_MAX for never */
uint64_t ae_period_left(const ae_limit_state_t *st, const ae_now_t *now);


#endif /* _AE_LIMIT_H_INCLUDED_ */
