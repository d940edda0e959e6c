/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_monitor: TriggerExceeded when a quota is used up to a threshold.
 *
 * Only a request that passed is looked at, when nobody can refuse it any more.
 * The counter remembers how much of its period was looked at, so that of all
 * workers one alone meets each threshold, and once a period.
 */


#include "gate/gate_private.h"


/* of a list in a session; thresholds are some, not a table */
#define NGX_HTTP_APIEVENTS_TRIGGERS  64

/* in millionths, as of a quota's usage */
#define NGX_HTTP_APIEVENTS_PERCENT   (AE_LIMIT_WHOLE / 100)

/* RFC 5321: a path has 256 octets, brackets included */
#define NGX_HTTP_APIEVENTS_EMAIL_MAX  254


typedef struct {
    ngx_uint_t                   n;
    uint32_t                     limit[NGX_HTTP_APIEVENTS_TRIGGERS];
} ngx_http_apievents_triggers_t;


static ngx_int_t ngx_http_apievents_monitor_param(ngx_conf_t *cf,
    ngx_http_apievents_monitor_t *monitor, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_monitor_flag(ngx_str_t *value,
    ngx_uint_t *flag);
static ngx_int_t ngx_http_apievents_monitor_limits(
    ngx_http_apievents_monitor_t *monitor, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_monitor_handler(ngx_conf_t *cf,
    ngx_http_apievents_monitor_t *monitor, ngx_uint_t first);

static void ngx_http_apievents_watch_quota(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_uint_t i);
static void ngx_http_apievents_triggers(
    ngx_http_apievents_monitor_t *monitor,
    ngx_http_apievents_session_t *session,
    ngx_http_apievents_triggers_t *t);
static ngx_uint_t ngx_http_apievents_own_triggers(
    ngx_http_apievents_session_t *session,
    ngx_http_apievents_triggers_t *t);
static uint32_t ngx_http_apievents_next_trigger(
    ngx_http_apievents_triggers_t *t, uint32_t above);
static void ngx_http_apievents_raise_trigger(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_uint_t i, uint32_t limit);
static ngx_str_t ngx_http_apievents_trigger_email(ngx_http_request_t *r,
    ngx_http_apievents_session_t *session);
static ngx_int_t ngx_http_apievents_trigger_meta(ngx_http_request_t *r,
    ngx_http_apievents_raise_t *e, ngx_str_t *email, ngx_uint_t limit,
    ngx_uint_t usage);
static void ngx_http_apievents_put_member(ae_buf_t *b, const char *name,
    ngx_str_t *value);


char *
ngx_http_apievents_api_monitor(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_apievents_monitor_t  *monitor;

    if (lcf->gate.monitor != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->gate.monitor = NULL;
        return NGX_CONF_OK;
    }

    monitor = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_monitor_t));
    if (monitor == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&monitor->limits, cf->pool, 4, sizeof(uint32_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    lcf->gate.monitor = monitor;

    for (i = 1; i < cf->args->nelts; i++) {

        /* the handler's word, and what is behind it is its own */

        if (ngx_strchr(value[i].data, '=') == NULL) {

            if (ngx_http_apievents_monitor_handler(cf, monitor, i) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

            break;
        }

        if (ngx_http_apievents_monitor_param(cf, monitor, &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (!monitor->keys && !monitor->orgs) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"api_monitor\" monitors nothing, expected "
                           "keys=on or orgs=on");
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_monitor_param(ngx_conf_t *cf,
    ngx_http_apievents_monitor_t *monitor, ngx_str_t *arg)
{
    ngx_int_t    rc;
    ngx_str_t    value;
    const char  *expected;

    value.data = (u_char *) ngx_strchr(arg->data, '=') + 1;
    value.len = arg->data + arg->len - value.data;

    if (ngx_strncmp(arg->data, "limits=", 7) == 0) {
        rc = ngx_http_apievents_monitor_limits(monitor, &value);
        expected = "limits= with percentages above 0 up to 100, such as "
                   "limits=100,80,50";

    } else if (ngx_strncmp(arg->data, "keys=", 5) == 0) {
        rc = ngx_http_apievents_monitor_flag(&value, &monitor->keys);
        expected = "keys=on or keys=off";

    } else if (ngx_strncmp(arg->data, "orgs=", 5) == 0) {
        rc = ngx_http_apievents_monitor_flag(&value, &monitor->orgs);
        expected = "orgs=on or orgs=off";

    } else {
        rc = NGX_ERROR;
        expected = "limits=PERCENT,..., keys=on, orgs=on, then a handler with "
                   "its parameters, or \"off\" alone";
    }

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"api_monitor\", "
                           "expected %s", arg, expected);
    }

    return rc;
}


static ngx_int_t
ngx_http_apievents_monitor_flag(ngx_str_t *value, ngx_uint_t *flag)
{
    *flag = (ngx_strcmp(value->data, "on") == 0);

    return (*flag || ngx_strcmp(value->data, "off") == 0) ? NGX_OK
                                                          : NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_monitor_limits(ngx_http_apievents_monitor_t *monitor,
    ngx_str_t *value)
{
    u_char     *p, *last, *end;
    uint32_t   *limit;
    ngx_int_t   n;

    last = value->data + value->len;

    for (p = value->data; p <= last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        n = ngx_atofp(p, end - p, 4);

        if (n == NGX_ERROR || n == 0 || n > AE_LIMIT_WHOLE
            || monitor->limits.nelts == NGX_HTTP_APIEVENTS_TRIGGERS)
        {
            return NGX_ERROR;
        }

        limit = ngx_array_push(&monitor->limits);
        if (limit == NULL) {
            return NGX_ERROR;
        }

        *limit = n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_monitor_handler(ngx_conf_t *cf,
    ngx_http_apievents_monitor_t *monitor, ngx_uint_t first)
{
    ngx_str_t                      *value;
    ngx_msec_t                      cooldown;
    ngx_http_apievents_handler_t   *h;
    ngx_http_apievents_endpoint_t  *ep;

    value = cf->args->elts;

    ep = ngx_http_apievents_endpoint(cf, &value[first],
                                     cf->args->nelts - first, &cooldown);
    if (ep == NULL) {
        return NGX_ERROR;
    }

    h = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_handler_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->type = AE_TRIGGER_EXCEEDED;
    ngx_str_set(&h->name, "TriggerExceeded");
    h->endpoint = ep->index;
    h->cooldown = cooldown;

    monitor->handler = h;

    return NGX_OK;
}


void
ngx_http_apievents_watch_quotas(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                     i;
    ngx_http_apievents_monitor_t  *monitor;

    monitor = d->conf->gate.monitor;

    if (monitor == NULL || d->watched || d->ncharged == 0) {
        return;
    }

    d->watched = 1;

    if (ngx_http_apievents_hops(r) >= NGX_HTTP_APIEVENTS_HOPS) {
        return;
    }

    for (i = 0; i < d->nuses; i++) {

        if (d->uses[i].rule.mode != AE_LIMIT_QUOTA) {
            continue;
        }

        if ((d->kinds[i] == NGX_HTTP_APIEVENTS_USE_KEY && monitor->keys)
            || (d->kinds[i] == NGX_HTTP_APIEVENTS_USE_ORG && monitor->orgs))
        {
            ngx_http_apievents_watch_quota(r, d, i);
        }
    }
}


static void
ngx_http_apievents_watch_quota(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_uint_t i)
{
    uint32_t                        usage, limit, seen;
    ngx_http_apievents_zone_t      *zone;
    ngx_http_apievents_triggers_t   t;

    ngx_http_apievents_triggers(d->conf->gate.monitor,
                                d->kinds[i] == NGX_HTTP_APIEVENTS_USE_ORG
                                ? d->org : d->session,
                                &t);

    usage = ae_limit_usage(&d->uses[i]);

    if (ngx_http_apievents_next_trigger(&t, 0) > usage) {
        return;
    }

    zone = ngx_http_apievents_gate_zone(r);
    seen = ae_limits_reach(zone->limits, &d->uses[i]);

    if (seen == AE_LIMIT_REACHED) {
        return;
    }

    for ( ;; ) {
        limit = ngx_http_apievents_next_trigger(&t, seen);

        if (limit > usage) {
            return;
        }

        ngx_http_apievents_raise_trigger(r, d, i, limit);
        seen = limit;
    }
}


/* the session's own, or else the directive's */

static void
ngx_http_apievents_triggers(ngx_http_apievents_monitor_t *monitor,
    ngx_http_apievents_session_t *session, ngx_http_apievents_triggers_t *t)
{
    t->n = 0;

    if (session != NULL && ngx_http_apievents_own_triggers(session, t)) {
        return;
    }

    t->n = monitor->limits.nelts;
    ngx_memcpy(t->limit, monitor->limits.elts, t->n * sizeof(uint32_t));
}


static ngx_uint_t
ngx_http_apievents_own_triggers(ngx_http_apievents_session_t *session,
    ngx_http_apievents_triggers_t *t)
{
    double       n;
    ae_value_t  *v;

    v = ae_value_get(session->document, "monitor");

    if (v == NULL || v->type != AE_MAP) {
        return 0;
    }

    v = ae_value_get(v, "trigger_limits");

    if (v == NULL || v->type != AE_ARRAY || v->count == 0) {
        return 0;
    }

    for (v = v->first; v != NULL; v = v->next) {

        if (v->type != AE_NUMBER || v->number <= 0 || v->number > 100
            || t->n == NGX_HTTP_APIEVENTS_TRIGGERS)
        {
            continue;
        }

        /* rounded up: what is short of it has not reached it; the nearest
         * double of 33.3 is a little above, which is no more of it */

        n = v->number * NGX_HTTP_APIEVENTS_PERCENT;
        t->limit[t->n] = (uint32_t) n;

        if (n - t->limit[t->n] > 0.001) {
            t->limit[t->n]++;
        }

        t->n++;
    }

    return 1;
}


/* the least that is above; in whatever order they stand */

static uint32_t
ngx_http_apievents_next_trigger(ngx_http_apievents_triggers_t *t,
    uint32_t above)
{
    uint32_t    least;
    ngx_uint_t  i;

    least = AE_LIMIT_REACHED;

    for (i = 0; i < t->n; i++) {
        if (t->limit[i] > above && t->limit[i] < least) {
            least = t->limit[i];
        }
    }

    return least;
}


/* as in Tyk; there is no request in it */

static void
ngx_http_apievents_raise_trigger(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_uint_t i, uint32_t limit)
{
    ngx_str_t                   email;
    ngx_http_apievents_raise_t  e;

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    e.type = AE_TRIGGER_EXCEEDED;
    e.route = d->conf->handlers.route;
    e.depth = ngx_http_apievents_hops(r);
    e.api = d->conf->gate.api;
    e.org = d->conf->gate.org;
    ngx_str_set(&e.message, "Quota trigger reached");

    if (d->kinds[i] == NGX_HTTP_APIEVENTS_USE_ORG) {
        email = ngx_http_apievents_trigger_email(r, d->org);
        ngx_http_apievents_event_org_key(r, &e);
        ngx_str_null(&e.key);

    } else {
        email = ngx_http_apievents_trigger_email(r, d->session);
        ngx_http_apievents_event_key(r, d, &e);
    }

    if (ngx_http_apievents_trigger_meta(r, &e, &email,
                                limit / NGX_HTTP_APIEVENTS_PERCENT,
                                ae_limit_usage(&d->uses[i])
                                / NGX_HTTP_APIEVENTS_PERCENT)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "no memory for the members of TriggerExceeded");
    }

    ngx_http_apievents_event_secret(r, d, &e);
    ngx_http_apievents_raise(&e, d->event_id);
    d->has_event = 1;
}


/* whom a mail can be sent to; what is longer is no address */

static ngx_str_t
ngx_http_apievents_trigger_email(ngx_http_request_t *r,
    ngx_http_apievents_session_t *session)
{
    ngx_str_t    email;
    ae_value_t  *v;

    ngx_str_null(&email);

    if (session == NULL
        || (session->record != NULL
            && ngx_http_apievents_session_whole(r, session, &session)
               != NGX_OK))
    {
        return email;
    }

    v = ae_value_get(ae_value_get(session->document, "meta_data"), "email");

    if (v == NULL || v->type != AE_STRING
        || v->s.len > NGX_HTTP_APIEVENTS_EMAIL_MAX)
    {
        return email;
    }

    /* the session may go before the request does */

    email.data = ngx_pstrdup(r->pool, (ngx_str_t *) &v->s);
    email.len = (email.data != NULL) ? v->s.len : 0;

    return email;
}


/* once as Tyk's handlers get it, and by the names that templates know */

static ngx_int_t
ngx_http_apievents_trigger_meta(ngx_http_request_t *r,
    ngx_http_apievents_raise_t *e, ngx_str_t *email, ngx_uint_t limit,
    ngx_uint_t usage)
{
    ae_buf_t   b;
    ngx_int_t  rc;

    ae_buf_init(&b, 65536);

    ae_buf_puts(&b, "{");
    ngx_http_apievents_put_member(&b, "org_id", &e->org);
    ngx_http_apievents_put_member(&b, "key", &e->key);
    ae_buf_puts(&b, "\"trigger_limit\":");
    ae_buf_int(&b, limit);
    ae_buf_puts(&b, ",\"usage_percentage\":");
    ae_buf_int(&b, usage);
    ae_buf_puts(&b, ",");
    ngx_http_apievents_put_member(&b, "OrgID", &e->org);
    ngx_http_apievents_put_member(&b, "Org", &e->org);
    ngx_http_apievents_put_member(&b, "Key", &e->key);

    if (email->len != 0) {
        ngx_http_apievents_put_member(&b, "email", email);
    }

    ae_buf_puts(&b, "\"TriggerLimit\":");
    ae_buf_int(&b, limit);
    ae_buf_puts(&b, ",\"UsagePercentage\":");
    ae_buf_int(&b, usage);
    ae_buf_puts(&b, "}");

    rc = NGX_ERROR;

    if (!b.failed) {
        e->meta.data = ngx_pnalloc(r->pool, b.len);

        if (e->meta.data != NULL) {
            ngx_memcpy(e->meta.data, b.data, b.len);
            e->meta.len = b.len;
            rc = NGX_OK;
        }
    }

    ae_buf_free(&b);

    return rc;
}


static void
ngx_http_apievents_put_member(ae_buf_t *b, const char *name, ngx_str_t *value)
{
    ae_buf_puts(b, "\"");
    ae_buf_puts(b, name);
    ae_buf_puts(b, "\":\"");
    ae_json_escape(b, (ae_str_t) { value->len, value->data }, 0);
    ae_buf_puts(b, "\",");
}
