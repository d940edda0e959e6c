/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the end of an attempt means: for its delivery, for the endpoint, and
 * for those who want to know.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_UNTRIED  (100 * (uint64_t) 1000000)    /* ns */


static void ngx_http_apievents_settle(ngx_http_apievents_attempt_t *a,
    const ae_now_t *now);
static void ngx_http_apievents_watch_attempt(
    ngx_http_apievents_attempt_t *a, ae_outcome_e outcome,
    const ae_now_t *now);
static ae_outcome_e ngx_http_apievents_next(ngx_http_apievents_attempt_t *a,
    const ae_now_t *now);
static ngx_uint_t ngx_http_apievents_give_back(ae_lease_t *lease,
    ae_outcome_e outcome, uint64_t due, const ae_now_t *now);
static void ngx_http_apievents_heal(ngx_http_apievents_attempt_t *a,
    ae_outcome_e outcome, const ae_now_t *now);
static void ngx_http_apievents_changed(ngx_http_apievents_attempt_t *a,
    ae_health_change_e change);
static void ngx_http_apievents_log_failure(ngx_http_apievents_attempt_t *a,
    const ae_now_t *now);


void
ngx_http_apievents_outcome(ngx_http_apievents_attempt_t *a)
{
    ae_now_t    now;
    ngx_uint_t  i;

    ae_now(&now);

    a->duration = now.mono - a->begin.mono;

    ngx_http_apievents_pace_done(a, &now);

    /* what one of them cannot be sent for says nothing of the others */

    if (a->unsent) {
        ngx_http_apievents_batch_untried(a);
    }

    ngx_http_apievents_batch_result(a);
    ngx_http_apievents_settle(a, &now);

    for (i = 0; i < a->nmates; i++) {
        ngx_http_apievents_settle(&a->mates[i], &now);
    }
}


static void
ngx_http_apievents_settle(ngx_http_apievents_attempt_t *a,
    const ae_now_t *now)
{
    ae_outcome_e  outcome;

    outcome = ngx_http_apievents_next(a, now);

    if (outcome != AE_DELIVERED && !a->told) {
        ngx_http_apievents_log_failure(a, now);
    }

    if (!ngx_http_apievents_give_back(&a->lease, outcome, a->next, now)) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "a delivery to %V \"%V\" ended that was given to "
                      "another worker", &a->endpoint->kind,
                      &a->endpoint->label);
        return;
    }

    ngx_http_apievents_attempt_history(a, outcome, now);

    if (a->endpoint->pool != NULL && a->lease.attempt == 1) {
        ngx_http_apievents_watch_attempt(a, outcome, now);
    }

    /* any may have been disabled by hand */

    if (a->endpoint->health || outcome == AE_DELIVERED) {
        ngx_http_apievents_heal(a, outcome, now);
    }
}


static void
ngx_http_apievents_watch_attempt(ngx_http_apievents_attempt_t *a,
    ae_outcome_e outcome, const ae_now_t *now)
{
    ngx_str_t          why;
    ae_watch_result_t  r;

    ngx_memzero(&r, sizeof(ae_watch_result_t));
    ngx_str_null(&why);

    r.duration = a->duration;
    r.status = (uint32_t) a->status;
    r.failed = (outcome != AE_DELIVERED);

    if (r.failed) {
        why = ngx_http_apievents_why(a);
    }

    ngx_http_apievents_watch_tell(a->endpoint, a->event.id, &r, &why, now);
}


void
ngx_http_apievents_watch_tell(ngx_http_apievents_endpoint_t *ep,
    ae_id_t event, ae_watch_result_t *r, ngx_str_t *why, const ae_now_t *now)
{
    size_t                           len;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    r->endpoint = ep->identity;
    len = ngx_min(why->len, sizeof(r->error) - 1);

    if (len != 0) {
        ngx_memcpy(r->error, why->data, len);
    }

    ae_watch_tell(mcf->store.zone->watches, event, r, now);
    ngx_http_apievents_watch_look();
}


/* sets a->next to when the next attempt is due */

static ae_outcome_e
ngx_http_apievents_next(ngx_http_apievents_attempt_t *a, const ae_now_t *now)
{
    uint64_t  delay, after, draw;

    if (a->meaning == AE_ANSWER_OK
        || (a->meaning == AE_ANSWER_DISABLE && a->taken))
    {
        return AE_DELIVERED;
    }

    if (a->meaning == AE_ANSWER_ABORT || a->meaning == AE_ANSWER_DISABLE
        || ngx_http_apievents_closing(a->endpoint))
    {
        return AE_DEAD;
    }

    if (ae_retry_after(*(ae_str_t *) &a->retry_after, now, &after) != AE_OK) {
        after = 0;
    }

    draw = (uint64_t) ngx_random() << 33 ^ (uint64_t) ngx_random() << 2;

    delay = ae_retry_delay(a->lease.attempt, a->endpoint->attempts,
                           a->meaning == AE_ANSWER_SLOW,
                           a->meaning == AE_ANSWER_SLOW ? after : 0, draw);

    if (delay == UINT64_MAX) {
        return AE_DEAD;
    }

    a->next = now->mono + delay;

    return AE_RETRY;
}


ngx_uint_t
ngx_http_apievents_closing(ngx_http_apievents_endpoint_t *ep)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    return ep->pool != NULL
           && ae_queue_closing(mcf->store.zone->queue, ep->shared);
}


/* 0: the lease is not this worker's any more */

static ngx_uint_t
ngx_http_apievents_give_back(ae_lease_t *lease, ae_outcome_e outcome,
    uint64_t due, const ae_now_t *now)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    return ae_queue_done(mcf->store.zone->queue, lease, outcome, due, now)
           == AE_OK;
}


/* no memory or connection now: the same delivery is due again, it was not
 * attempted */

void
ngx_http_apievents_untried(ae_lease_t *lease)
{
    ae_now_t  now;

    ae_now(&now);

    (void) ngx_http_apievents_give_back(lease, AE_UNTRIED,
                                        now.mono + NGX_HTTP_APIEVENTS_UNTRIED,
                                        &now);
}


/* the record goes with the lease */

void
ngx_http_apievents_refused(ngx_http_apievents_endpoint_t *ep,
    ae_lease_t *lease)
{
    u_char    *record;
    ae_now_t   now;

    ae_now(&now);

    record = ngx_http_apievents_refused_read(lease);

    if (ngx_http_apievents_give_back(lease, AE_DEAD, 0, &now)
        && record != NULL)
    {
        ngx_http_apievents_refused_history(ep, lease, record, &now);
    }

    if (record != NULL) {
        ngx_free(record);
    }
}


/*
 * What went wrong before anything was sent says nothing of the endpoint; and
 * one that tells to leave a delivery alone answers.
 */

static void
ngx_http_apievents_heal(ngx_http_apievents_attempt_t *a, ae_outcome_e outcome,
    const ae_now_t *now)
{
    uint32_t                         shared;
    ae_queue_t                      *q;
    ngx_http_apievents_main_conf_t  *mcf;

    static const ae_attempt_e  attempt[] = {
        [AE_ANSWER_OK] = AE_ATTEMPT_OK,
        [AE_ANSWER_FAILED] = AE_ATTEMPT_FAILED,
        [AE_ANSWER_SLOW] = AE_ATTEMPT_SLOW,
        [AE_ANSWER_ABORT] = AE_ATTEMPT_OK,
        [AE_ANSWER_DISABLE] = AE_ATTEMPT_DISABLE
    };

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    q = mcf->store.zone->queue;
    shared = a->endpoint->shared;

    if (!a->unsent) {
        ngx_http_apievents_changed(a, ae_queue_health(q, shared,
                                                      attempt[a->meaning],
                                                      now));
    }

    if (outcome != AE_DEAD) {
        return;
    }

    if (a->meaning != AE_ANSWER_ABORT) {
        (void) ae_queue_health(q, shared, AE_ATTEMPT_DEAD, now);
    }

    /* that it is disabled was told, for all of its deliveries */

    if (!ae_queue_disabled(q, shared)) {
        ngx_http_apievents_tell_dead(a);
    }
}


static void
ngx_http_apievents_changed(ngx_http_apievents_attempt_t *a,
    ae_health_change_e change)
{
    ngx_http_apievents_endpoint_t  *ep;

    ep = a->endpoint;

    switch (change) {

    case AE_HEALTH_DISABLED:
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%V \"%V\" is disabled: %s", &ep->kind, &ep->label,
                      a->meaning == AE_ANSWER_DISABLE
                      ? "it asked for that"
                      : "nothing but failed for 5 days");

        ngx_http_apievents_tell_disabled(a);
        break;

    case AE_HEALTH_RECOVERED:
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%V \"%V\" takes deliveries again", &ep->kind,
                      &ep->label);

        ngx_http_apievents_tell_recovered(a);
        break;

    default: /* AE_HEALTH_STAYS */
        break;
    }
}


static void
ngx_http_apievents_log_failure(ngx_http_apievents_attempt_t *a,
    const ae_now_t *now)
{
    u_char     id[AE_EVENT_ID_LEN], next[64];
    ngx_str_t  why;

    ae_event_id(id, a->event.id);

    next[0] = '\0';

    if (a->next != 0) {
        *ngx_snprintf(next, sizeof(next) - 1, ", attempt %uD, the next in "
                      "%uLs", a->lease.attempt,
                      (a->next - now->mono + 999999999) / 1000000000)
            = '\0';
    }

    why = ngx_http_apievents_why(a);

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "delivery of %*s to %V \"%V\" failed: %V%s",
                  (size_t) AE_EVENT_ID_LEN, id, &a->endpoint->kind,
                  &a->endpoint->label, &why, next);
}


ngx_str_t
ngx_http_apievents_why(ngx_http_apievents_attempt_t *a)
{
    ngx_str_t  why;

    if (a->status == 0 || a->error.len != 0) {
        return a->error;
    }

    why.data = a->status_text;
    why.len = ngx_snprintf(a->status_text, sizeof(a->status_text),
                           "status %ui", a->status)
              - a->status_text;

    return why;
}
