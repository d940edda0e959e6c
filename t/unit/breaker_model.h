/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a breaker has to do, as plainly as can be: every sample and every probe
 * is in a list.  It takes from the real one only how long that stays open,
 * which is random, and looks whether it may be so long.
 */


#ifndef _BREAKER_MODEL_H_INCLUDED_
#define _BREAKER_MODEL_H_INCLUDED_


#include "core/shared/shared.h"


#define MODEL_SAMPLES        8192
#define MODEL_TICK           16777216       /* ns, of deadlines */


typedef struct {
    uint64_t                 tenth;         /* which, since the clock began */
    int                      failed;
    int                      slow;
} model_sample_t;


typedef struct {
    int                      held;
    uint32_t                 owner;
    uint64_t                 end;
    uint64_t                 name;
} model_lease_t;


typedef struct {
    ae_breaker_state_e       state;
    uint64_t                 epoch;
    uint64_t                 window;
    uint64_t                 newest;        /* tenth */
    uint64_t                 until;
    uint32_t                 opened;
    uint32_t                 passed;
    uint64_t                 names;
    int                      known;
    int                      samples;
    model_sample_t           sample[MODEL_SAMPLES];
    model_lease_t            lease[AE_BREAKER_PROBES];
} model_t;


/* what a request keeps */

typedef struct {
    uint64_t                 epoch;
    uint64_t                 lease;         /* its name, 0: none */
} model_pass_t;


static inline uint64_t
model_tenth(const model_t *m, uint64_t t)
{
    return t / (m->window / 10);
}


static inline void
model_restart(model_t *m, uint64_t window, uint64_t t)
{
    m->window = window;
    m->samples = 0;
    m->newest = model_tenth(m, t);
}


static inline void
model_know(model_t *m, uint64_t window, uint64_t t)
{
    if (!m->known) {
        m->known = 1;
        model_restart(m, window, t);
    }
}


/* drops what is too old */

static inline void
model_at(model_t *m, uint64_t t)
{
    int       i, n;
    uint64_t  tenth;

    tenth = model_tenth(m, t);

    if (tenth > m->newest) {
        m->newest = tenth;
    }

    n = 0;

    for (i = 0; i < m->samples; i++) {
        if (m->sample[i].tenth + 10 > m->newest) {
            m->sample[n++] = m->sample[i];
        }
    }

    m->samples = n;
}


static inline void
model_sum(const model_t *m, double *all, double *failed, double *slow)
{
    int  i;

    *all = m->samples;
    *failed = 0;
    *slow = 0;

    for (i = 0; i < m->samples; i++) {
        *failed += m->sample[i].failed;
        *slow += m->sample[i].slow;
    }
}


static inline void
model_to(model_t *m, ae_breaker_state_e state)
{
    m->state = state;
    m->epoch++;

    if (state != AE_BREAKER_OPEN && state != AE_BREAKER_HALF_OPEN) {
        m->opened = 0;
    }
}


static inline ae_breaker_change_e
model_close(model_t *m, uint64_t window, uint64_t t)
{
    model_to(m, AE_BREAKER_CLOSED);
    model_restart(m, window, t);

    return AE_BREAKER_RESETS;
}


/* until is set by the caller */

static inline ae_breaker_change_e
model_open(model_t *m)
{
    m->opened++;
    model_to(m, AE_BREAKER_OPEN);

    return AE_BREAKER_TRIPS;
}


/* how long it may be open, within 2 ns */

static inline int
model_open_for(const model_t *m, uint64_t open, uint64_t ns)
{
    double    span;
    uint32_t  i;

    span = open;

    for (i = 1; i < m->opened; i++) {
        span *= 1.5;
    }

    if (span > 10.0 * open) {
        span = 10.0 * open;
    }

    return ns + 2 >= span && ns <= span * 1.2 + 2;
}


static inline int
model_probes(model_t *m, uint64_t t, int drop)
{
    int       i, n;
    uint64_t  over;

    n = 0;

    for (i = 0; i < AE_BREAKER_PROBES; i++) {
        if (!m->lease[i].held) {
            continue;
        }

        /* the first tick that begins after the deadline */

        over = (m->lease[i].end / MODEL_TICK + 1) * MODEL_TICK;

        if (t < over) {
            n++;

        } else if (drop) {
            m->lease[i].held = 0;
        }
    }

    return n;
}


static inline int
model_probe(model_t *m, const ae_breaker_rule_t *rule, uint32_t owner,
    uint64_t t, model_pass_t *pass)
{
    int  i;

    if ((uint32_t) model_probes(m, t, 1) >= rule->half_open) {
        return AE_DECLINED;
    }

    for (i = 0; m->lease[i].held; i++) {
        /* void */
    }

    m->lease[i].held = 1;
    m->lease[i].owner = owner;
    m->lease[i].end = t + rule->lease;
    m->lease[i].name = ++m->names;

    pass->lease = m->names;

    return AE_OK;
}


static inline int
model_enter(model_t *m, const ae_breaker_rule_t *rule, uint32_t owner,
    uint64_t t, model_pass_t *pass, ae_breaker_change_e *change)
{
    int  rc;

    *change = AE_BREAKER_STAYS;
    pass->lease = 0;
    rc = AE_OK;

    model_know(m, rule->window, t);

    if (m->state == AE_BREAKER_OPEN && t >= m->until) {
        if (rule->half_open == 0) {
            *change = model_close(m, rule->window, t);

        } else {
            model_to(m, AE_BREAKER_HALF_OPEN);
            m->passed = 0;
        }
    }

    if (m->state == AE_BREAKER_HALF_OPEN) {
        if (rule->half_open == 0) {
            *change = model_close(m, rule->window, t);

        } else {
            rc = model_probe(m, rule, owner, t, pass);
        }

    } else if (m->state == AE_BREAKER_OPEN
               || m->state == AE_BREAKER_FORCED_OPEN)
    {
        rc = AE_DECLINED;
    }

    pass->epoch = m->epoch;

    return rc;
}


static inline ae_breaker_change_e
model_counted(model_t *m, const ae_breaker_rule_t *rule,
    ae_breaker_outcome_e outcome, uint64_t t)
{
    double           all, failed, slow;
    model_sample_t  *sample;

    if (m->window != rule->window) {
        model_restart(m, rule->window, t);
    }

    model_at(m, t);

    sample = &m->sample[m->samples++];
    sample->tenth = m->newest;
    sample->failed = (outcome == AE_BREAKER_FAILURE);
    sample->slow = (outcome == AE_BREAKER_SLOW && rule->slow_threshold != 0);

    if (!sample->failed && !sample->slow) {
        return AE_BREAKER_STAYS;
    }

    model_sum(m, &all, &failed, &slow);

    if (all < rule->samples) {
        return AE_BREAKER_STAYS;
    }

    if (failed > 0 && failed * 1e6 >= all * rule->threshold) {
        return model_open(m);
    }

    if (rule->slow_threshold != 0
        && (failed + slow) * 1e6 >= all * rule->slow_threshold)
    {
        return model_open(m);
    }

    return AE_BREAKER_STAYS;
}


static inline int
model_probe_end(model_t *m, uint64_t name)
{
    int  i;

    for (i = 0; i < AE_BREAKER_PROBES; i++) {
        if (m->lease[i].held && m->lease[i].name == name) {
            m->lease[i].held = 0;
            return 1;
        }
    }

    return 0;
}


static inline ae_breaker_change_e
model_probed(model_t *m, const ae_breaker_rule_t *rule,
    ae_breaker_outcome_e outcome, uint64_t t)
{
    if (outcome == AE_BREAKER_FAILURE
        || (outcome == AE_BREAKER_SLOW && rule->slow_threshold != 0))
    {
        return model_open(m);
    }

    if (++m->passed >= rule->half_open) {
        return model_close(m, rule->window, t);
    }

    return AE_BREAKER_STAYS;
}


static inline ae_breaker_change_e
model_leave(model_t *m, const ae_breaker_rule_t *rule,
    const model_pass_t *pass, ae_breaker_outcome_e outcome, uint64_t t)
{
    int  held;

    held = model_probe_end(m, pass->lease);

    if (pass->epoch != m->epoch || outcome == AE_BREAKER_NONE) {
        return AE_BREAKER_STAYS;
    }

    if (m->state == AE_BREAKER_CLOSED) {
        return model_counted(m, rule, outcome, t);
    }

    if (m->state == AE_BREAKER_HALF_OPEN && held) {
        return model_probed(m, rule, outcome, t);
    }

    return AE_BREAKER_STAYS;
}


static inline ae_breaker_change_e
model_force(model_t *m, ae_breaker_state_e state, uint64_t t)
{
    int  open, was;

    model_know(m, 10000000000ull, t);

    was = m->state;
    open = (was != AE_BREAKER_CLOSED && was != AE_BREAKER_FORCED_CLOSED);

    if (state == (ae_breaker_state_e) was) {
        return AE_BREAKER_STAYS;
    }

    model_to(m, state);

    if (state == AE_BREAKER_CLOSED) {
        model_restart(m, m->window, t);
    }

    if (state == AE_BREAKER_FORCED_OPEN) {
        return was == AE_BREAKER_OPEN ? AE_BREAKER_STAYS : AE_BREAKER_TRIPS;
    }

    return open ? AE_BREAKER_RESETS : AE_BREAKER_STAYS;
}


static inline void
model_adopt(model_t *m, uint32_t owner)
{
    int  i;

    for (i = 0; i < AE_BREAKER_PROBES; i++) {
        if (m->lease[i].owner == owner) {
            m->lease[i].held = 0;
        }
    }
}


#endif /* _BREAKER_MODEL_H_INCLUDED_ */
