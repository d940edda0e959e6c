/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * When an endpoint may get its next delivery: its rate, over all workers, and
 * its breaker.  What has to wait stays in the queue and uses up no attempt.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


/* what may go beyond the pace that a rate gives: a timer is not that exact */
#define NGX_HTTP_APIEVENTS_PACE_SLACK   10000000           /* ns */

/* nobody tells when another worker's probe ends, or a force */
#define NGX_HTTP_APIEVENTS_PACE_LOOK    1000000000         /* ns */

#define NGX_HTTP_APIEVENTS_PACE_MAX     1000000000         /* of a rate */


static ngx_int_t ngx_http_apievents_pace_rate(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_pace_parse(ngx_str_t *value,
    ae_limit_rule_t *rule);
static ngx_int_t ngx_http_apievents_pace_breaker(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ae_id_t ngx_http_apievents_pace_id(ngx_http_apievents_endpoint_t *ep,
    const char *what);
static ngx_int_t ngx_http_apievents_pace_charge(
    ngx_http_apievents_endpoint_t *ep, ngx_http_apievents_pace_t *pace,
    const ae_now_t *now);
static void ngx_http_apievents_pace_wait(ngx_http_apievents_endpoint_t *ep,
    uint64_t ns, const ae_now_t *now);
static void ngx_http_apievents_pace_timer(uint64_t ns);
static void ngx_http_apievents_pace_woken(ngx_event_t *ev);
static void ngx_http_apievents_pace_leave(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_pace_t *pace, ae_breaker_outcome_e outcome,
    const ae_now_t *now);
static void ngx_http_apievents_pace_told(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_pace_t *pace);


/*
 * Half of twenty that fail within a minute are enough to leave it alone for
 * half a minute, and each probe that fails for longer.
 */

static const ae_breaker_rule_t  ngx_http_apievents_pace_rule = {
    500000,                             /* threshold */
    0,
    20,                                 /* samples */
    1,                                  /* half_open */
    (uint64_t) 60 * 1000000000,         /* window */
    (uint64_t) 30 * 1000000000,         /* open */
    0
};


ngx_int_t
ngx_http_apievents_pace_params(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    if (ngx_http_apievents_pace_rate(cf, ep, params) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_pace_breaker(cf, ep, params);
}


static ngx_int_t
ngx_http_apievents_pace_rate(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t  *value;

    value = ngx_http_apievents_param(params, "rate");

    if (value == NULL) {
        return NGX_OK;
    }

    if (ngx_http_apievents_pace_parse(value, &ep->rate) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"rate=%V\", a number above 0 and "
                           "\"r/s\", \"r/m\", \"r/h\", \"r/d\" or \"/TIME\" "
                           "is expected, such as \"100r/s\" or \"5/10s\"",
                           value);
        return NGX_ERROR;
    }

    ngx_http_apievents_setting(ep, value);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_pace_parse(ngx_str_t *value, ae_limit_rule_t *rule)
{
    u_char     *p, *last;
    ngx_int_t   n, ms;
    ngx_str_t   time;

    last = value->data + value->len;

    for (p = value->data; p < last && *p >= '0' && *p <= '9'; p++) {
        /* void */
    }

    n = ngx_atoi(value->data, p - value->data);

    if (n < 1 || n > NGX_HTTP_APIEVENTS_PACE_MAX) {
        return NGX_ERROR;
    }

    if (last - p == 3 && p[0] == 'r' && p[1] == '/') {
        ms = (p[2] == 's') ? 1000
             : (p[2] == 'm') ? 60 * 1000
             : (p[2] == 'h') ? 3600 * 1000
             : (p[2] == 'd') ? 24 * 3600 * 1000 : NGX_ERROR;

    } else if (last - p > 1 && p[0] == '/') {
        time.data = p + 1;
        time.len = last - p - 1;

        ms = ngx_parse_time(&time, 0);

    } else {
        return NGX_ERROR;
    }

    if (ms < 1 || ms / 1000 > NGX_MAX_INT32_VALUE) {
        return NGX_ERROR;
    }

    rule->mode = AE_LIMIT_GCRA;
    rule->max = n;
    rule->period = (uint64_t) ms * 1000000;
    rule->burst = rule->max * NGX_HTTP_APIEVENTS_PACE_SLACK / rule->period;

    return NGX_OK;
}


/* what is attempted once is not kept back either, unless that is asked for */

static ngx_int_t
ngx_http_apievents_pace_breaker(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t  *value;

    value = ngx_http_apievents_param(params, "breaker");

    if (value == NULL) {
        ep->breaker = (ep->attempts > 1);

    } else {
        ep->breaker = (ngx_strcmp(value->data, "on") == 0);

        if (!ep->breaker && ngx_strcmp(value->data, "off") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"breaker=%V\", \"on\" or \"off\" is "
                               "expected", value);
            return NGX_ERROR;
        }

        ngx_http_apievents_setting(ep, value);
    }

    /* an attempt is over by then, unless its worker died */

    ep->breaker_rule = ngx_http_apievents_pace_rule;
    ep->breaker_rule.lease = (uint64_t) ep->timeout * 1000000
                             + (uint64_t) 5 * 1000000000;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_pace_enter(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_pace_t *pace, const ae_now_t *now)
{
    int                              rc;
    ngx_http_apievents_main_conf_t  *mcf;

    pace->passed = 0;
    pace->charged = 0;

    if (!ep->breaker && ep->rate.max == 0) {
        return NGX_OK;
    }

    if (ep->paused > now->mono) {
        ngx_http_apievents_pace_timer(ep->paused - now->mono);
        return NGX_AGAIN;
    }

    if (ep->breaker) {
        mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

        rc = ae_breaker_enter(mcf->store.zone->breakers,
                              ngx_http_apievents_pace_id(ep, "breaker"),
                              &ep->breaker_rule, mcf->event.worker->slot, now,
                              &pace->pass);

        ngx_http_apievents_pace_told(ep, pace);

        if (rc != AE_OK) {
            ngx_http_apievents_pace_wait(ep, pace->pass.retry, now);
            return NGX_AGAIN;
        }

        pace->passed = 1;
    }

    return ngx_http_apievents_pace_charge(ep, pace, now);
}


static ae_id_t
ngx_http_apievents_pace_id(ngx_http_apievents_endpoint_t *ep,
    const char *what)
{
    ae_str_t                         parts[2];
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    parts[0].data = (u_char *) &ep->receiver;
    parts[0].len = sizeof(ae_id_t);
    parts[1].data = (u_char *) what;
    parts[1].len = ngx_strlen(what);

    return ae_hash(mcf->store.zone->secret, parts, 2);
}


static ngx_int_t
ngx_http_apievents_pace_charge(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_pace_t *pace, const ae_now_t *now)
{
    size_t                           refused;
    ngx_http_apievents_main_conf_t  *mcf;

    if (ep->rate.max == 0) {
        return NGX_OK;
    }

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ngx_memzero(&pace->use, sizeof(ae_limit_use_t));

    pace->use.id = ngx_http_apievents_pace_id(ep, "rate");
    pace->use.rule = ep->rate;

    if (ae_limits_take(mcf->store.zone->limits, &pace->use, 1, now, &refused)
        == AE_OK)
    {
        pace->charged = 1;
        return NGX_OK;
    }

    ngx_http_apievents_pace_leave(ep, pace, AE_BREAKER_NONE, now);
    ngx_http_apievents_pace_wait(ep, pace->use.retry, now);

    return NGX_AGAIN;
}


static void
ngx_http_apievents_pace_wait(ngx_http_apievents_endpoint_t *ep, uint64_t ns,
    const ae_now_t *now)
{
    ns = ngx_min(ns, (uint64_t) NGX_HTTP_APIEVENTS_PACE_LOOK);

    ep->paused = now->mono + ns;

    ngx_http_apievents_pace_timer(ns);
}


/* the sweep comes too seldom for a rate */

static void
ngx_http_apievents_pace_timer(uint64_t ns)
{
    ngx_msec_t                            ms;
    ngx_http_apievents_deliver_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
        ->deliver.worker;

    ms = (ngx_msec_t) ((ns + 999999) / 1000000);

    if (w->pace.timer_set
        && (ngx_msec_int_t) (w->pace.timer.key - ngx_current_msec)
           <= (ngx_msec_int_t) ms)
    {
        return;
    }

    w->pace.handler = ngx_http_apievents_pace_woken;
    w->pace.data = &w->dummy;
    w->pace.cancelable = 1;

    ngx_add_timer(&w->pace, ms);
}


static void
ngx_http_apievents_pace_woken(ngx_event_t *ev)
{
    ngx_http_apievents_deliver_kick();
}


void
ngx_http_apievents_pace_back(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_pace_t *pace)
{
    ae_now_t                         now;
    ngx_http_apievents_main_conf_t  *mcf;

    if (!pace->passed && !pace->charged) {
        return;
    }

    ae_now(&now);

    if (pace->charged) {
        mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
        ae_limits_refund(mcf->store.zone->limits, &pace->use, 1, &now);
        pace->charged = 0;
    }

    ngx_http_apievents_pace_leave(ep, pace, AE_BREAKER_NONE, &now);
}


/* one that refuses what it got is there; it would refuse that again */

void
ngx_http_apievents_pace_done(ngx_http_apievents_attempt_t *a,
    const ae_now_t *now)
{
    ae_breaker_outcome_e  outcome;

    if (a->unsent) {
        outcome = AE_BREAKER_NONE;

    } else if (a->meaning == AE_ANSWER_OK || a->meaning == AE_ANSWER_ABORT) {
        outcome = AE_BREAKER_SUCCESS;

    } else {
        outcome = (a->status == 0 || a->status == 429 || a->status >= 500)
                  ? AE_BREAKER_FAILURE : AE_BREAKER_SUCCESS;
    }

    ngx_http_apievents_pace_leave(a->endpoint, &a->pace, outcome, now);
}


static void
ngx_http_apievents_pace_leave(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_pace_t *pace, ae_breaker_outcome_e outcome,
    const ae_now_t *now)
{
    ngx_http_apievents_main_conf_t  *mcf;

    if (!pace->passed) {
        return;
    }

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    pace->passed = 0;

    ae_breaker_leave(mcf->store.zone->breakers, &ep->breaker_rule,
                     &pace->pass, outcome, now);

    ngx_http_apievents_pace_told(ep, pace);
}


static void
ngx_http_apievents_pace_told(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_pace_t *pace)
{
    switch (pace->pass.change) {

    case AE_BREAKER_TRIPS:
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%V \"%V\" fails too often, it is left alone for a "
                      "while", &ep->kind, &ep->label);
        break;

    case AE_BREAKER_RESETS:
        ep->paused = 0;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%V \"%V\" answers again", &ep->kind, &ep->label);
        break;

    default: /* AE_BREAKER_STAYS */
        break;
    }
}
