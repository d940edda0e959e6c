/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the gate says of a request in an event.
 */


#include "gate/gate_private.h"


static void ngx_http_apievents_raise_for(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d,
    const ngx_http_apievents_refusal_t *refusal, ngx_uint_t api_wide,
    ngx_uint_t dry_run);
static void ngx_http_apievents_event_path(ngx_http_request_t *r,
    ngx_str_t *path);
static void ngx_http_apievents_event_api_key(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_raise_t *e);


ngx_uint_t
ngx_http_apievents_hops(ngx_http_request_t *r)
{
    size_t            i;
    ngx_str_t         value;
    ngx_uint_t        n;
    static ngx_str_t  name = ngx_string("x-api-events-hops");

    if (ngx_http_apievents_header_value(r, &name, &value) != NGX_OK) {
        return 0;
    }

    n = 0;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            return 0;
        }

        n = ngx_min(n * 10 + value.data[i] - '0', NGX_HTTP_APIEVENTS_HOPS);
    }

    return n;
}


ngx_uint_t
ngx_http_apievents_wants_request(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    if (d->refusal == NULL || d->refusal->event == AE_EVENT_CUSTOM) {
        return 0;
    }

    return ngx_http_apievents_route_uses_request(d->conf->handlers.route,
                                                 d->refusal->event)
           && ngx_http_apievents_hops(r) < NGX_HTTP_APIEVENTS_HOPS;
}


void
ngx_http_apievents_raise_refusal(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    d->raised = 1;

    if (d->refusal->event == AE_EVENT_CUSTOM) {
        return;
    }

    ngx_http_apievents_raise_for(r, d, d->refusal, d->api_wide, 0);
}


void
ngx_http_apievents_raise_dry_run(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d,
    const ngx_http_apievents_refusal_t *refusal)
{
    ngx_http_apievents_raise_for(r, d, refusal, 1, 1);
}


/*
 * As in Tyk; the path is that of the breaker, of the request
 * there is nothing.  A change is one of all requests, so it is told of even
 * when the request that brought it about may raise nothing of its own.
 */

void
ngx_http_apievents_raise_breaker(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_breaker_t *breaker,
    ae_breaker_change_e change)
{
    ngx_http_apievents_tell_breaker(d->conf, breaker, change,
                                    ngx_http_apievents_hops(r), d->event_id,
                                    r->connection->log);

    d->has_event = 1;
}


void
ngx_http_apievents_tell_breaker(ngx_http_apievents_loc_conf_t *lcf,
    const ngx_http_apievents_breaker_t *breaker, ae_breaker_change_e change,
    ngx_uint_t hops, u_char *event, ngx_log_t *log)
{
    ae_buf_t                     b;
    ngx_http_apievents_raise_t   e;

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    e.route = lcf->handlers.route;
    e.depth = hops;
    e.dry_run = breaker->dry_run;
    e.api = lcf->gate.api;
    e.org = lcf->gate.org;
    e.path = breaker->path.text;

    if (e.path.len == 0) {
        ngx_str_set(&e.path, ".*");
    }

    if (change == AE_BREAKER_TRIPS) {
        ngx_str_set(&e.message, "Breaker Tripped");

    } else {
        ngx_str_set(&e.message, "Breaker Reset");
    }

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "breaker \"%V\" of API \"%V\" %s%s", &e.path, &e.api,
                  (change == AE_BREAKER_TRIPS) ? "opens" : "closes",
                  breaker->dry_run ? ", a dry run" : "");

    ae_buf_init(&b, 65536);

    ae_buf_puts(&b, "{\"APIID\":\"");
    ae_json_escape(&b, *(ae_str_t *) &e.api, 0);
    ae_buf_puts(&b, change != AE_BREAKER_TRIPS ? "\",\"CircuitEvent\":1}"
                                               : "\",\"CircuitEvent\":0}");

    if (!b.failed) {
        e.meta.data = b.data;
        e.meta.len = b.len;
    }

    e.type = AE_BREAKER_TRIGGERED;
    (void) ngx_http_apievents_raise(&e, event);

    e.type = (change == AE_BREAKER_TRIPS) ? AE_BREAKER_TRIPPED
                                          : AE_BREAKER_RESET;
    (void) ngx_http_apievents_raise(&e, event);

    ae_buf_free(&b);
}


static void
ngx_http_apievents_raise_for(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d,
    const ngx_http_apievents_refusal_t *refusal, ngx_uint_t api_wide,
    ngx_uint_t dry_run)
{
    u_char                       origin[NGX_SOCKADDR_STRLEN];
    ngx_uint_t                   hops;
    ngx_connection_t            *c;
    ngx_http_apievents_raise_t   e;

    hops = ngx_http_apievents_hops(r);

    if (hops >= NGX_HTTP_APIEVENTS_HOPS) {
        return;
    }

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    e.type = refusal->event;
    e.route = d->conf->handlers.route;
    e.depth = hops;
    e.dry_run = dry_run ? 1 : 0;
    e.api = d->conf->gate.api;
    e.org = d->conf->gate.org;
    e.message = refusal->message;
    e.reason = refusal->reason;

    if (api_wide) {
        ngx_http_apievents_event_api_key(r, d, &e);

    } else if (d->of_org) {
        ngx_http_apievents_event_org_key(r, &e);

    } else if (d->of_address) {
        e.key = r->connection->addr_text;
        e.key_id = ae_key_id((ae_str_t) { e.key.len, e.key.data });

    } else {
        ngx_http_apievents_event_key(r, d, &e);
    }

    ngx_http_apievents_event_path(r, &e.path);

    /* the realip module leaves no port where the header has none */

    c = r->connection;

    e.origin.data = origin;
    e.origin.len = ngx_sock_ntop(c->sockaddr, c->socklen, origin,
                                 NGX_SOCKADDR_STRLEN,
                                 ngx_inet_get_port(c->sockaddr) != 0);

    if (ngx_http_apievents_route_uses_request(e.route, e.type)) {
        ngx_http_apievents_build_request(r, d);
        e.request = d->request;
        e.request_cut = d->body_cut;
    }

    ngx_http_apievents_event_secret(r, d, &e);
    ngx_http_apievents_raise(&e, d->event_id);
    d->has_event = 1;
}


/*
 * What must not be kept of a raw event.  The step that looks for a credential
 * may not have been reached, the request's text has it all the same.
 */

void
ngx_http_apievents_event_secret(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_raise_t *e)
{
    if (d->conf->gate.event_key != NGX_HTTP_APIEVENTS_KEY_RAW) {
        return;
    }

    e->secret = d->credential;

    if (e->secret.len == 0 && e->request.len != 0
        && ngx_http_apievents_credential(r, d->conf->gate.auth, &e->secret)
           != NGX_OK)
    {
        ngx_str_null(&e->secret);
    }
}


/* as the client asked for it, whatever rewrites made of it */

static void
ngx_http_apievents_event_path(ngx_http_request_t *r, ngx_str_t *path)
{
    size_t  n;

    *path = r->unparsed_uri;

    for (n = 0; n < path->len; n++) {
        if (path->data[n] == '?' || path->data[n] == '#') {
            path->len = n;
            return;
        }
    }
}


/* Tyk names the API's limiter where a key's would be */

static void
ngx_http_apievents_event_api_key(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_raise_t *e)
{
    u_char  *p;
    size_t   len;

    len = sizeof("apilimiter-") - 1 + e->org.len + e->api.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return;
    }

    e->key.data = p;
    e->key.len = ngx_sprintf(p, "apilimiter-%V%V", &e->org, &e->api) - p;

    e->key_id = ae_key_id((ae_str_t) { e->key.len, e->key.data });
}


/* the KeyID is of Tyk's name for such a session, so as not to be a key's */

void
ngx_http_apievents_event_org_key(ngx_http_request_t *r,
    ngx_http_apievents_raise_t *e)
{
    u_char  *p;
    size_t   len;

    e->key = e->org;

    len = sizeof("orgkey.") - 1 + e->org.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return;
    }

    ngx_memcpy(ngx_cpymem(p, "orgkey.", sizeof("orgkey.") - 1), e->org.data,
               e->org.len);

    e->key_id = ae_key_id((ae_str_t) { len, p });
}


void
ngx_http_apievents_event_key(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_raise_t *e)
{
    u_char  *p;

    if (d->credential.len == 0) {
        return;
    }

    e->key_id = ngx_http_apievents_decision_key_id(d);

    if (d->session != NULL) {
        e->alias = d->session->alias;

        if (d->session->org.len != 0) {
            e->org = d->session->org;
        }

        /* as in Tyk; no credential, so nothing is hidden */

        if (e->type == AE_QUOTA_EXCEEDED && d->session->pattern.len != 0) {
            e->key = d->session->pattern;
            return;
        }
    }

    if (d->conf->gate.event_key == NGX_HTTP_APIEVENTS_KEY_RAW) {
        e->key = d->credential;
        return;
    }

    p = ngx_pnalloc(r->pool, AE_HEX_LEN);
    if (p == NULL) {
        return;
    }

    e->key.data = p;

    if (d->conf->gate.event_key == NGX_HTTP_APIEVENTS_KEY_HASH) {
        ae_id_hex(p, e->key_id);
        e->key.len = AE_HEX_LEN;
        return;
    }

    e->key.len = ae_mask(p, *(ae_str_t *) &d->credential);
}
