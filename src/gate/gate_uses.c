/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The limits that a request is held against, while they are put together, and
 * what the decision keeps of them for headers, variables and a refund.
 */


#include "gate/gate_private.h"


static void ngx_http_apievents_turn_ends(ngx_event_t *ev) ae_often;


ngx_http_apievents_turn_t  ngx_http_apievents_turn;


void
ngx_http_apievents_uses_start(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u)
{
    u->n = 0;
    u->max = d->conf->gate.uses;
    u->uses = d->uses;
    u->limits = (ngx_http_apievents_limit_t **) &u->uses[u->max];
    u->kinds = (ngx_http_apievents_use_e *) &u->limits[u->max];
    u->zone = ngx_http_apievents_gate_zone(r);

    ngx_http_apievents_now(&u->now);
}


/*
 * What the kernel tells of at once had all come by then, and clocks cost: one
 * reading is for a turn of the event loop, at whose end the event is no longer
 * posted.  Quotas need no better wall clock than nginx has.
 */

void
ngx_http_apievents_turn_begins(void)
{
    ae_now_t         *now;
    ngx_time_t       *tp;
    struct timespec   ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    tp = ngx_timeofday();

    now = &ngx_http_apievents_turn.now;

    now->mono = (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
    now->wall = (uint64_t) tp->sec * 1000000000
                + (uint64_t) tp->msec * 1000000;

    ngx_http_apievents_turn.event.handler = ngx_http_apievents_turn_ends;
    ngx_http_apievents_turn.event.log = ngx_cycle->log;

    ngx_post_event(&ngx_http_apievents_turn.event, &ngx_posted_events);
}


static void
ngx_http_apievents_turn_ends(ngx_event_t *ev)
{
}


/*
 * The first request of a session does not learn, so that keys that come once
 * in a while do not pay for it.
 */

void
ngx_http_apievents_uses_learn(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_uses_t *u)
{
    void                            **by;
    u_char                           *p;
    size_t                            size;
    ngx_http_apievents_held_t        *held;
    ngx_http_apievents_gate_conf_t   *gcf;

    gcf = &d->conf->gate;

    if (d->session == NULL || d->org != NULL || gcf->endpoints || gcf->keyed
        || gcf->dry_runs
        || (d->right != NULL && d->right->nendpoints != 0))
    {
        return;
    }

    by = ngx_http_apievents_held_by(d);

    if (*by != NULL) {
        return;
    }

    if (!d->session->twice && d->session->record == NULL) {
        d->session->twice = 1;
        return;
    }

    size = sizeof(ngx_http_apievents_held_t)
           + u->n * (sizeof(ae_limit_use_t)
                     + sizeof(ngx_http_apievents_limit_t *)
                     + sizeof(ngx_http_apievents_use_e));

    held = d->session->record ? ngx_palloc(ngx_cycle->pool, size)
                              : ae_arena_alloc(d->session->arena, size);
    if (held == NULL) {
        return;
    }

    held->conf = gcf;
    held->n = u->n;

    p = (u_char *) held + sizeof(ngx_http_apievents_held_t);

    held->uses = (ae_limit_use_t *) p;
    p = ngx_cpymem(p, u->uses, u->n * sizeof(ae_limit_use_t));

    held->limits = (ngx_http_apievents_limit_t **) p;
    p = ngx_cpymem(p, u->limits,
                   u->n * sizeof(ngx_http_apievents_limit_t *));

    held->kinds = (ngx_http_apievents_use_e *) p;
    ngx_memcpy(p, u->kinds, u->n * sizeof(ngx_http_apievents_use_e));

    held->items = NULL;

    if (gcf->limit_headers != 0) {
        ngx_http_apievents_uses_keep(d, u);
        ngx_http_apievents_held_items(d, held);
    }

    *by = held;
}


/* NULL when there are too many, which the configuration does not let happen */

ae_limit_use_t *
ngx_http_apievents_uses_add(ngx_http_apievents_uses_t *u,
    ngx_http_apievents_use_e kind)
{
    if (u->n == u->max) {
        return NULL;
    }

    u->kinds[u->n] = kind;
    u->limits[u->n] = NULL;

    return &u->uses[u->n++];
}


void
ngx_http_apievents_uses_put(ngx_http_apievents_uses_t *u,
    ngx_http_apievents_use_e kind, const ae_limit_rule_t *rule, ae_id_t id)
{
    ae_limit_use_t  *use;

    if (rule->max == 0) {
        return;
    }

    use = ngx_http_apievents_uses_add(u, kind);

    if (use == NULL) {
        return;
    }

    use->rule = *rule;
    use->id = id;
}


void
ngx_http_apievents_uses_keep(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_uses_t *u)
{
    d->now = u->now;
    d->nuses = u->n;
    d->kinds = u->kinds;
    d->limits = u->limits;
    d->held = NULL;
    d->asked = u->now.wall;
}


/* what headers and variables tell, now that nothing is charged any more */

void
ngx_http_apievents_uses_renew(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                  i;
    ngx_http_apievents_zone_t  *zone;

    zone = ngx_http_apievents_gate_zone(r);

    for (i = 0; i < d->nuses; i++) {
        ae_limits_peek(zone->limits, &d->uses[i], &d->now);
    }
}


/* the variables show the limit of its kind that has least left */

void
ngx_http_apievents_remaining(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_remaining_t *left)
{
    ngx_uint_t       i;
    ae_limit_use_t  *use;

    ngx_memzero(left, sizeof(ngx_http_apievents_remaining_t));

    for (i = 0; i < d->nuses; i++) {
        use = &d->uses[i];

        if (use->rule.mode != AE_LIMIT_QUOTA) {

            if (!left->has_rate || use->remaining < left->rate) {
                left->has_rate = 1;
                left->rate = use->remaining;
            }

            continue;
        }

        if (left->has_quota && use->remaining >= left->quota) {
            continue;
        }

        left->has_quota = 1;
        left->quota = use->remaining;
        left->reset = 0;

        if (use->reset != UINT64_MAX) {
            left->reset = (d->now.wall + use->reset + 999999999) / 1000000000;
        }
    }
}
