/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * breakers: is an upstream worth asking (ae_breaker.c); a part of shared.h.
 */


#ifndef _AE_BREAKERS_H_INCLUDED_
#define _AE_BREAKERS_H_INCLUDED_


#include "core/base/base.h"


/*
 * Shared.  A breaker is closed and counts how requests end, over a window that
 * moves in tenths.  It opens when there are enough samples and too many of
 * them failed or were slow.  While it is open nobody passes.  After that it is
 * half open: some pass as probes, each a lease with an owner and a deadline.
 * When that many probes succeeded it closes, when one fails it opens again,
 * for 1.5 times as long, at most ten times the first, each with 0 to +20 %
 * jitter.  Every change of state is one transition that one caller alone gets
 * to know.  A state outlives who made it, and another rule.
 */

typedef enum {
    AE_BREAKER_CLOSED = 0,
    AE_BREAKER_OPEN,
    AE_BREAKER_HALF_OPEN,
    AE_BREAKER_FORCED_OPEN,         /* until it is forced otherwise */
    AE_BREAKER_FORCED_CLOSED        /* lets all pass, counts nothing */
} ae_breaker_state_e;


typedef enum {
    AE_BREAKER_SUCCESS = 0,
    AE_BREAKER_FAILURE,
    AE_BREAKER_SLOW,                /* a success that took too long */
    AE_BREAKER_NONE                 /* no sample; a probe is given back */
} ae_breaker_outcome_e;


typedef enum {
    AE_BREAKER_STAYS = 0,
    AE_BREAKER_TRIPS,
    AE_BREAKER_RESETS
} ae_breaker_change_e;


typedef struct {
    uint32_t                 threshold;     /* failures in a million samples,
                                               1 to 1000000 */
    uint32_t                 slow_threshold;/* slow or failed in a million,
                                               0: slow is no matter */
    uint32_t                 samples;       /* fewer decide nothing, from 1 */
    uint32_t                 half_open;     /* successful probes that close it
                                               and most at once; 0: no probes,
                                               it closes when the open time
                                               is over */
    uint64_t                 window;        /* ns */
    uint64_t                 open;          /* ns, the first time */
    uint64_t                 lease;         /* ns a probe may take before it
                                               is given to another request */
} ae_breaker_rule_t;


/* a request that passed; the caller keeps it for leave */

typedef struct {
    ae_id_t                  id;
    uint64_t                 epoch;         /* of the state it entered in */
    uint64_t                 retry;         /* ns until one might pass; 0
                                               unless declined */
    uint32_t                 probe;         /* its lease, 0: none */
    ae_breaker_state_e       state;         /* after the call */
    ae_breaker_change_e      change;        /* that the call made */
    void                    *place;         /* where it is, for again() */
} ae_breaker_pass_t;


typedef struct ae_breakers_s  ae_breakers_t;

#define AE_BREAKER_PROBES    64             /* most of half_open */

ae_breakers_t *ae_breakers_init(void *mem, size_t size);

/*
 * AE_OK: pass, and leave must be called once for it.  AE_DECLINED: open, or
 * all probes are under way: pass->retry is until its time is over, UINT64_MAX
 * when it is forced open; at most a second when probes are under way, as one
 * of them may end at any moment.  owner: the caller's process slot.  With no
 * room for one more breaker all pass, which is counted; pass->id is zero then.
 *
 * AE_BREAKER_TRIPS is closed -> open and half open -> open, each anew;
 * AE_BREAKER_RESETS is -> closed.  Open -> half open is no change.
 */
int ae_breaker_enter(ae_breakers_t *b, ae_id_t id,
    const ae_breaker_rule_t *rule, uint32_t owner, const ae_now_t *now,
    ae_breaker_pass_t *pass);

/*
 * The same without a search, in the place of an earlier pass: AE_OK, or
 * AE_DECLINED: it is not there any more, or not closed.
 */
int ae_breaker_again(void *place, ae_id_t id, ae_breaker_pass_t *pass)
    ae_often;

/*
 * A sample.  One that entered before the state changed is none, so that a late
 * answer moves nothing; its probe is given back.  pass->state and ->change
 * are set.  A failure or something slow may trip it, a success never does.
 * What failed counts as slow too; where slow_threshold is set, a slow probe
 * has failed.  A probe whose lease went to another request is no sample.
 */
void ae_breaker_leave(ae_breakers_t *b, const ae_breaker_rule_t *rule,
    ae_breaker_pass_t *pass, ae_breaker_outcome_e outcome,
    const ae_now_t *now) ae_often;

/* gives back the probes of a process that is gone */
void ae_breakers_adopt(ae_breakers_t *b, uint32_t owner);

/*
 * FORCED_OPEN, FORCED_CLOSED, or CLOSED: automatic again, from closed; any
 * other is AE_ERROR.  change as in a pass: TRIPS if it was not open, RESETS if
 * it was open or half open.  AE_FULL: no room for it.
 */
int ae_breaker_force(ae_breakers_t *b, ae_id_t id, ae_breaker_state_e state,
    const ae_now_t *now, ae_breaker_change_e *change);

typedef struct {
    ae_breaker_state_e       state;
    uint32_t                 samples;       /* in the window; unless closed,
                                               as it was when that ended */
    uint32_t                 failures;
    uint32_t                 slow;
    uint32_t                 probes;        /* under way */
    uint32_t                 opened;        /* times in a row */
    uint64_t                 retry;         /* ns until half open, if open */
} ae_breaker_stat_t;

/* AE_DECLINED: nothing is known of it, which is closed */
int ae_breaker_stat(ae_breakers_t *b, ae_id_t id, const ae_now_t *now,
    ae_breaker_stat_t *st);

/*
 * What a breaker that is not closed knows, as it can be kept elsewhere, for
 * another area: after a restart, of another size (ae_breaker_carry.c).
 */
typedef struct {
    ae_id_t                  id;
    ae_breaker_state_e       state;         /* not CLOSED */
    uint32_t                 opened;        /* times in a row */
    uint64_t                 left;          /* ns until half open, if open */
    uint64_t                 until;         /* the same by the wall clock */
} ae_breaker_record_t;

/*
 * As ae_limits_dump(): the next ones from *cursor on, 0 at first; how many, at
 * most n; AE_BREAKERS_END in *cursor after the last.
 */
#define AE_BREAKERS_END      UINT64_MAX

size_t ae_breakers_dump(ae_breakers_t *b, uint64_t *cursor,
    ae_breaker_record_t *out, size_t n, const ae_now_t *now);

/*
 * Goes on in the record's state, which nobody is told of as a change; probes
 * that were under way are none.  AE_DECLINED: it is not closed here; AE_FULL:
 * no room; AE_ERROR: it is no record.
 */
int ae_breakers_restore(ae_breakers_t *b, const ae_breaker_record_t *record,
    const ae_now_t *now);

/* breakers that there is room for, that there are, passes for want of room */
typedef struct {
    uint32_t                 entries;
    uint32_t                 used;
    uint64_t                 overflows;
} ae_breakers_stat_t;

void ae_breakers_stat(const ae_breakers_t *b, ae_breakers_stat_t *st);


#endif /* _AE_BREAKERS_H_INCLUDED_ */
