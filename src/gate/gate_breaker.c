/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Circuit breakers.  A request enters those that match it behind its limits
 * and leaves them in the log phase, with the outcome of its last attempt at an
 * upstream; a request that made none leaves no sample.  A breaker that is a
 * dry run is entered only by what the one that is none lets pass.
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_breakers_enter(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d) ae_rare;
static ngx_http_apievents_breaker_t *ngx_http_apievents_breaker_next(
    ngx_http_request_t *r, ngx_http_apievents_decision_t *d,
    ngx_uint_t dry_run, ngx_uint_t *i);
static ngx_int_t ngx_http_apievents_breaker_trials(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static int ngx_http_apievents_breaker_enter(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_breaker_t *b,
    ae_breaker_pass_t *pass);
static void ngx_http_apievents_breaker_leave(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_breaker_t *b,
    ae_breaker_pass_t *pass) ae_often;
static void ngx_http_apievents_breaker_leave_all(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d) ae_often;
static ae_breaker_outcome_e ngx_http_apievents_breaker_outcome(
    ngx_http_request_t *r, ngx_http_apievents_decision_t *d,
    ngx_http_apievents_breaker_t *b) ae_often;
static ngx_http_upstream_state_t *ngx_http_apievents_breaker_attempt(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_apievents_breaker_unresolved(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_apievents_breaker_failure(
    ngx_http_apievents_breaker_t *b, ngx_uint_t status);
static void ngx_http_apievents_breaker_finalize(ngx_http_request_t *r,
    ngx_int_t rc) ae_often;


/* as in Tyk; a refusal of its own raises nothing */

const ngx_http_apievents_refusal_t  ngx_http_apievents_breaker_is_open = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    AE_EVENT_CUSTOM,
    ngx_string("Service temporarily unavailable."),
    ngx_null_string,
    ngx_null_string,
    0,
    0
};


/* one breaker for all requests, which is closed and where it was, as a rule */

ngx_int_t
ngx_http_apievents_step_breaker(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_http_apievents_entry_t      *entry;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = &d->conf->gate;
    entry = gcf->breaker_entries;

    if (gcf->breaker == NULL || entry->place == NULL || d->entered || d->tried
        || r->uri.len == 0 || r->uri.data[0] != '/'
        || ae_breaker_again(entry->place, entry->id, &d->pass) != AE_OK)
    {
        return ngx_http_apievents_breakers_enter(r, d);
    }

    d->breakers = ngx_http_apievents_gate_zone(r)->breakers;
    d->breaker = gcf->breaker;
    d->state = AE_BREAKER_CLOSED;
    d->entered = 1;

    return (gcf->timeouts != NULL) ? ngx_http_apievents_timeout_start(r, d)
                                   : NGX_OK;
}


static ngx_int_t
ngx_http_apievents_breakers_enter(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    int                            rc;
    ngx_uint_t                     i;
    ngx_http_apievents_breaker_t  *b;

    if (d->conf->gate.breakers == NULL || d->entered || d->tried) {
        return ngx_http_apievents_timeout_start(r, d);
    }

    i = 0;
    b = ngx_http_apievents_breaker_next(r, d, 0, &i);

    if (b != NULL) {
        rc = ngx_http_apievents_breaker_enter(r, d, b, &d->pass);

        d->breaker = b;
        d->state = d->pass.state;

        if (rc == AE_DECLINED) {
            ngx_http_apievents_refund(r, d);
            ngx_http_apievents_uses_renew(r, d);

            return ngx_http_apievents_refuse(d,
                                        &ngx_http_apievents_breaker_is_open);
        }

        d->entered = 1;
    }

    if (d->conf->gate.trials
        && ngx_http_apievents_breaker_trials(r, d) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return (d->conf->gate.timeouts != NULL)
           ? ngx_http_apievents_timeout_start(r, d) : NGX_OK;
}


/* the first from *i on that matches, which becomes the place behind it */

static ngx_http_apievents_breaker_t *
ngx_http_apievents_breaker_next(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_uint_t dry_run, ngx_uint_t *i)
{
    ngx_array_t                   *breakers;
    ngx_http_apievents_breaker_t  *b;

    breakers = d->conf->gate.breakers;
    b = breakers->elts;

    while (*i < breakers->nelts) {
        b = (ngx_http_apievents_breaker_t *) breakers->elts + (*i)++;

        if (b->dry_run == dry_run
            && ngx_http_apievents_is_version(d, &b->version)
            && ngx_http_apievents_path_match(r, d, &b->path))
        {
            return b;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_apievents_breaker_trials(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    int                            rc;
    ngx_uint_t                     i;
    ae_breaker_pass_t              pass;
    ngx_http_apievents_trial_t    *trial;
    ngx_http_apievents_breaker_t  *b;

    i = 0;

    for ( ;; ) {
        b = ngx_http_apievents_breaker_next(r, d, 1, &i);

        if (b == NULL) {
            return NGX_OK;
        }

        if (d->trials == NULL) {
            d->trials = ngx_array_create(r->pool, 1,
                                         sizeof(ngx_http_apievents_trial_t));
            if (d->trials == NULL) {
                return NGX_ERROR;
            }
        }

        /* memory first: what entered must leave */

        trial = ngx_array_push(d->trials);
        if (trial == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_http_apievents_breaker_enter(r, d, b, &pass);

        if (!d->tried) {
            d->tried = 1;
            d->trial = pass.state;
        }

        trial->breaker = b;
        trial->pass = pass;

        /* a request that it would have refused is no sample */

        if (rc == AE_DECLINED) {
            d->trials->nelts--;
        }
    }
}


static int
ngx_http_apievents_breaker_enter(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_breaker_t *b,
    ae_breaker_pass_t *pass)
{
    int                              rc;
    ngx_int_t                        slot;
    ngx_http_apievents_zone_t       *zone;
    ngx_http_apievents_entry_t      *entry;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);
    zone = mcf->store.zone;

    d->breakers = zone->breakers;

    entry = &d->conf->gate.breaker_entries[b
                                          - (ngx_http_apievents_breaker_t *)
                                            d->conf->gate.breakers->elts];

    if (entry->place != NULL
        && ae_breaker_again(entry->place, entry->id, pass) == AE_OK)
    {
        return AE_OK;
    }

    if (entry->id.h[0] == 0 && entry->id.h[1] == 0) {
        entry->id = ngx_http_apievents_breaker_id(zone, &d->conf->gate, b);
    }

    /*
     * A probe of a worker without a slot comes back by its deadline only.  The
     * time is that of the limits, just before.
     */

    slot = ngx_http_apievents_slot();

    rc = ae_breaker_enter(zone->breakers, entry->id, &b->rule,
                          slot == NGX_ERROR ? UINT32_MAX : (uint32_t) slot,
                          &d->now, pass);

    entry->place = pass->place;

    if (pass->change != AE_BREAKER_STAYS) {
        ngx_http_apievents_raise_breaker(r, d, b, pass->change);
    }

    return rc;
}


/* levels hand a breaker down, so it is another one in each API */

ae_id_t
ngx_http_apievents_breaker_id(ngx_http_apievents_zone_t *zone,
    const ngx_http_apievents_gate_conf_t *gcf,
    const ngx_http_apievents_breaker_t *b)
{
    ae_str_t  parts[6];

    parts[0] = ae_str("breaker");
    parts[1] = (ae_str_t) { gcf->api.len, gcf->api.data };
    parts[2] = (ae_str_t) { 1, (u_char *) "\0" };
    parts[3] = (ae_str_t) { gcf->org.len, gcf->org.data };
    parts[4] = parts[2];
    parts[5] = (ae_str_t) { b->text.len, b->text.data };

    return ae_hash(zone->secret, parts, 6);
}


void
ngx_http_apievents_breaker_sample(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    /* none that asked no upstream, and probes alone are given back */

    if (d->trials == NULL && d->pass.probe == 0 && r->upstream == NULL
        && r->upstream_states == NULL && !d->timed_out)
    {
        d->entered = 0;
        return;
    }

    ngx_http_apievents_breaker_leave_all(r, d);
}


/* requests without a log phase, such as one that found no memory */

void
ngx_http_apievents_breaker_forget(ngx_http_apievents_decision_t *d)
{
    ngx_http_apievents_breaker_leave_all(NULL, d);
}


/* without a request there is no sample */

static void
ngx_http_apievents_breaker_leave_all(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                   i;
    ngx_http_apievents_trial_t  *trial;

    if (d->entered) {
        d->entered = 0;
        ngx_http_apievents_breaker_leave(r, d, d->breaker, &d->pass);
    }

    if (d->trials == NULL) {
        return;
    }

    trial = d->trials->elts;

    for (i = 0; i < d->trials->nelts; i++) {
        ngx_http_apievents_breaker_leave(r, d, trial[i].breaker,
                                         &trial[i].pass);
    }

    d->trials->nelts = 0;
}


static void
ngx_http_apievents_breaker_leave(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_breaker_t *b,
    ae_breaker_pass_t *pass)
{
    ae_now_t              now;
    ae_breaker_outcome_e  outcome;

    outcome = (r == NULL) ? AE_BREAKER_NONE
                          : ngx_http_apievents_breaker_outcome(r, d, b);

    /* the clock is read for a sample; often nothing is to be done */

    if (outcome == AE_BREAKER_NONE) {

        if (pass->probe != 0) {
            ae_breaker_leave(d->breakers, &b->rule, pass, outcome, &d->now);
        }

        return;
    }

    ngx_http_apievents_now(&now);

    ae_breaker_leave(d->breakers, &b->rule, pass, outcome, &now);

    if (pass->change != AE_BREAKER_STAYS) {
        ngx_http_apievents_raise_breaker(r, d, b, pass->change);
    }
}


static ae_breaker_outcome_e
ngx_http_apievents_breaker_outcome(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_breaker_t *b)
{
    ngx_http_upstream_state_t  *state;

    if (d->timed_out) {
        return AE_BREAKER_FAILURE;
    }

    if (r->headers_out.status == NGX_HTTP_CLIENT_CLOSED_REQUEST) {
        return AE_BREAKER_NONE;
    }

    state = ngx_http_apievents_breaker_attempt(r);

    if (state == NULL) {
        return ngx_http_apievents_breaker_unresolved(r) ? AE_BREAKER_FAILURE
                                                        : AE_BREAKER_NONE;
    }

    if (state->status == NGX_HTTP_SWITCHING_PROTOCOLS) {
        return AE_BREAKER_NONE;
    }

    /*
     * Without a header the status is nginx's word for an error or a timeout;
     * none is there when it was nginx or the client that gave up.
     */

    if (state->header_time == (ngx_msec_t) -1) {
        return (state->status == NGX_HTTP_BAD_GATEWAY
                || state->status == NGX_HTTP_GATEWAY_TIME_OUT)
               ? AE_BREAKER_FAILURE : AE_BREAKER_NONE;
    }

    if (d->truncated || ngx_http_apievents_breaker_failure(b, state->status)) {
        return AE_BREAKER_FAILURE;
    }

    return (b->slow != 0 && state->header_time >= b->slow)
           ? AE_BREAKER_SLOW : AE_BREAKER_SUCCESS;
}


/* nginx puts an empty one between those of two locations */

static ngx_http_upstream_state_t *
ngx_http_apievents_breaker_attempt(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (r->upstream_states == NULL) {
        return NULL;
    }

    state = r->upstream_states->elts;

    for (i = r->upstream_states->nelts; i > 0; i--) {
        if (state[i - 1].peer != NULL) {
            return &state[i - 1];
        }
    }

    return NULL;
}


/* a name that leads nowhere is as good as a refused connection */

static ngx_uint_t
ngx_http_apievents_breaker_unresolved(ngx_http_request_t *r)
{
    ngx_uint_t  status;

    if (r->upstream == NULL || r->upstream->resolved == NULL) {
        return 0;
    }

#if (NGX_HTTP_CACHE)

    if (r->cached) {
        return 0;
    }

#endif

    status = r->err_status ? r->err_status : r->headers_out.status;

    return status == NGX_HTTP_BAD_GATEWAY
           || status == NGX_HTTP_GATEWAY_TIME_OUT;
}


static ngx_uint_t
ngx_http_apievents_breaker_failure(ngx_http_apievents_breaker_t *b,
    ngx_uint_t status)
{
    ngx_uint_t                   i;
    ngx_http_apievents_range_t  *range;

    range = b->statuses->elts;

    for (i = 0; i < b->statuses->nelts; i++) {
        if (status >= range[i].from && status <= range[i].to) {
            return 1;
        }
    }

    return 0;
}


/*
 * Nothing in the request tells afterwards that an upstream broke off within
 * its body, only what its protocol's module is told.
 */

void
ngx_http_apievents_breaker_watch(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u->cleanup == NULL
        || u->finalize_request == ngx_http_apievents_breaker_finalize
        || (!d->entered && d->trials == NULL))
    {
        return;
    }

    /* what may go on for days must not keep a probe */

    if (r->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS) {
        ngx_http_apievents_breaker_forget(d);
        return;
    }

    d->finalize = u->finalize_request;
    u->finalize_request = ngx_http_apievents_breaker_finalize;
}


static void
ngx_http_apievents_breaker_finalize(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_apievents_decision_t  *d;

    d = ngx_http_apievents_decision(r);

    d->truncated = (rc == NGX_HTTP_BAD_GATEWAY
                    || rc == NGX_HTTP_GATEWAY_TIME_OUT);

    d->finalize(r, rc);
}
