/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What clients are told of the limits that they were held against, in the
 * header of every answer: X-RateLimit-* (facts: Tyk's 5.3), RateLimit-Policy
 * and RateLimit (draft-ietf-httpapi-ratelimit-headers-11), Retry-After.
 *
 * This runs with each request, so numbers are written without ngx_sprintf()
 * and all values into one piece of memory.
 */


#include "gate/gate_private.h"


/* more is no integer of a structured field (RFC 9651 3.3.1) */
#define NGX_HTTP_APIEVENTS_INTEGER_MAX  999999999999999

/* of a name, and of all that stands around it in RateLimit-Policy */
#define NGX_HTTP_APIEVENTS_NAME_LEN     32
#define NGX_HTTP_APIEVENTS_ITEM_LEN                                           \
    (NGX_HTTP_APIEVENTS_NAME_LEN                                              \
     + sizeof(", \"\";q=999999999999999;w=999999999999999"))

#define NGX_HTTP_APIEVENTS_SECOND       1000000000
#define NGX_HTTP_APIEVENTS_NEVER        UINT64_MAX


static uint64_t ngx_http_apievents_retry_after(
    ngx_http_apievents_decision_t *d);
static void ngx_http_apievents_clear_headers(ngx_http_request_t *r,
    ngx_uint_t families);
static ngx_uint_t ngx_http_apievents_header_family_of(ngx_str_t *name);
static u_char *ngx_http_apievents_x_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *p);
static ngx_uint_t ngx_http_apievents_least(ngx_http_apievents_decision_t *d);
static u_char *ngx_http_apievents_policy_header(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *p);
static u_char *ngx_http_apievents_ratelimit_header(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *p);
static u_char *ngx_http_apievents_put_name(u_char *p,
    ngx_http_apievents_decision_t *d, ngx_uint_t i);
static uint64_t ngx_http_apievents_remaining(ngx_http_apievents_decision_t *d,
    const ae_limit_use_t *use);
static uint64_t ngx_http_apievents_allowance(const ae_limit_rule_t *rule);
static uint64_t ngx_http_apievents_until(const ae_limit_use_t *use);
static uint64_t ngx_http_apievents_seconds(ngx_http_apievents_decision_t *d,
    uint64_t ns);
static u_char *ngx_http_apievents_put_number(u_char *p, uint64_t n);
static u_char *ngx_http_apievents_push_header(ngx_http_request_t *r,
    const ngx_str_t *name, u_char *p, u_char *last);


/* by ngx_http_apievents_use_e; those of an API have a place behind it */

static const ngx_str_t  ngx_http_apievents_use_names[][2] = {
    { ngx_string("key-rate"), ngx_string("key-quota") },
    { ngx_string("endpoint-rate"), ngx_string("endpoint-quota") },
    { ngx_string("org-rate"), ngx_string("org-quota") },
    { ngx_string("api-rate"), ngx_string("api-quota") }
};

static const ngx_str_t  ngx_http_apievents_x_limit =
    ngx_string("X-RateLimit-Limit");
static const ngx_str_t  ngx_http_apievents_x_remaining =
    ngx_string("X-RateLimit-Remaining");
static const ngx_str_t  ngx_http_apievents_x_reset =
    ngx_string("X-RateLimit-Reset");
static const ngx_str_t  ngx_http_apievents_policy =
    ngx_string("RateLimit-Policy");
static const ngx_str_t  ngx_http_apievents_ratelimit =
    ngx_string("RateLimit");
static const ngx_str_t  ngx_http_apievents_retry =
    ngx_string("Retry-After");


ngx_int_t
ngx_http_apievents_limit_headers(ngx_http_request_t *r)
{
    u_char                         *p, *value;
    uint64_t                        retry;
    ngx_uint_t                      families;
    ngx_http_apievents_decision_t  *d;

    d = (r == r->main) ? ngx_http_apievents_decision(r) : NULL;

    if (d == NULL || d->conf->gate.limit_headers == 0) {
        return NGX_OK;
    }

    retry = ngx_http_apievents_retry_after(d);

    if (d->nuses == 0 && retry == 0) {
        return NGX_OK;
    }

    families = d->conf->gate.limit_headers;

    if (d->nuses == 0) {
        families &= NGX_HTTP_APIEVENTS_HEADERS_RETRY;
    }

    if (retry == 0) {
        families &= ~NGX_HTTP_APIEVENTS_HEADERS_RETRY;
    }

    p = ngx_pnalloc(r->pool, 4 * NGX_INT64_LEN
                             + 2 * d->nuses * NGX_HTTP_APIEVENTS_ITEM_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_apievents_clear_headers(r, families);

    if (families & NGX_HTTP_APIEVENTS_HEADERS_X) {
        p = ngx_http_apievents_x_headers(r, d, p);
    }

    if (p != NULL && (families & NGX_HTTP_APIEVENTS_HEADERS_IETF)) {
        p = ngx_http_apievents_policy_header(r, d, p);

        if (p != NULL) {
            p = ngx_http_apievents_ratelimit_header(r, d, p);
        }
    }

    if (p != NULL && (families & NGX_HTTP_APIEVENTS_HEADERS_RETRY)) {
        value = p;
        p = ngx_http_apievents_put_number(p, retry);
        p = ngx_http_apievents_push_header(r, &ngx_http_apievents_retry,
                                           value, p);
    }

    return (p != NULL) ? NGX_OK : NGX_ERROR;
}


/*
 * Seconds until nothing that refused the request refuses it any more; 0: it
 * was not refused for want of time, or will be for ever.
 */

static uint64_t
ngx_http_apievents_retry_after(ngx_http_apievents_decision_t *d)
{
    uint64_t    retry;
    ngx_uint_t  i;

    if (d->refusal == NULL) {
        return 0;
    }

    retry = 0;

    if (d->refusal == &ngx_http_apievents_breaker_is_open) {
        retry = d->pass.retry;

    } else if (ngx_http_apievents_is_exceeded(d)) {

        for (i = 0; i < d->nuses; i++) {
            retry = ngx_max(retry, d->uses[i].retry);
        }
    }

    if (retry == 0 || retry == NGX_HTTP_APIEVENTS_NEVER) {
        return 0;
    }

    return ngx_max(ngx_http_apievents_seconds(d, retry), 1);
}


/* what an upstream or a page says under these names is of other limits */

static void
ngx_http_apievents_clear_headers(ngx_http_request_t *r, ngx_uint_t families)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_apievents_header_family_of(&h[i].key) & families) {
                h[i].hash = 0;
            }
        }
    }
}


static ngx_uint_t
ngx_http_apievents_header_family_of(ngx_str_t *name)
{
    u_char  *p;

    p = name->data;

    switch (name->len) {

    case sizeof("RateLimit") - 1:
        return (ngx_strncasecmp(p, (u_char *) "RateLimit", 9) == 0)
               ? NGX_HTTP_APIEVENTS_HEADERS_IETF : 0;

    case sizeof("Retry-After") - 1:
        return (ngx_strncasecmp(p, (u_char *) "Retry-After", 11) == 0)
               ? NGX_HTTP_APIEVENTS_HEADERS_RETRY : 0;

    case sizeof("RateLimit-Policy") - 1:
        return (ngx_strncasecmp(p, (u_char *) "RateLimit-Policy", 16) == 0)
               ? NGX_HTTP_APIEVENTS_HEADERS_IETF : 0;

    case sizeof("X-RateLimit-Limit") - 1:
        return (ngx_strncasecmp(p, (u_char *) "X-RateLimit-Limit", 17) == 0
                || ngx_strncasecmp(p, (u_char *) "X-RateLimit-Reset", 17) == 0)
               ? NGX_HTTP_APIEVENTS_HEADERS_X : 0;

    case sizeof("X-RateLimit-Remaining") - 1:
        return (ngx_strncasecmp(p, (u_char *) "X-RateLimit-Remaining", 21)
                == 0)
               ? NGX_HTTP_APIEVENTS_HEADERS_X : 0;

    default:
        return 0;
    }
}


static u_char *
ngx_http_apievents_x_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *p)
{
    u_char          *value;
    uint64_t         until;
    ae_limit_use_t  *use;

    use = &d->uses[ngx_http_apievents_least(d)];

    value = p;
    p = ngx_http_apievents_put_number(p,
                                    ngx_http_apievents_allowance(&use->rule));
    p = ngx_http_apievents_push_header(r, &ngx_http_apievents_x_limit, value,
                                       p);
    if (p == NULL) {
        return NULL;
    }

    value = p;
    p = ngx_http_apievents_put_number(p, ngx_http_apievents_remaining(d, use));
    p = ngx_http_apievents_push_header(r, &ngx_http_apievents_x_remaining,
                                       value, p);

    until = ngx_http_apievents_until(use);

    if (p == NULL || until == NGX_HTTP_APIEVENTS_NEVER) {
        return p;
    }

    value = p;
    p = ngx_http_apievents_put_number(p, (d->asked + until
                                          + NGX_HTTP_APIEVENTS_SECOND - 1)
                                         / NGX_HTTP_APIEVENTS_SECOND);
    return ngx_http_apievents_push_header(r, &ngx_http_apievents_x_reset,
                                          value, p);
}


/* of the quotas, or else of the rates, the first that has least left */

static ngx_uint_t
ngx_http_apievents_least(ngx_http_apievents_decision_t *d)
{
    ngx_uint_t       i, least, quota;
    ae_limit_use_t  *use;

    least = 0;
    use = d->uses;

    for (i = 1; i < d->nuses; i++) {
        quota = (use[i].rule.mode == AE_LIMIT_QUOTA);

        if (quota != (use[least].rule.mode == AE_LIMIT_QUOTA)
            ? quota
            : use[i].remaining < use[least].remaining)
        {
            least = i;
        }
    }

    return least;
}


static u_char *
ngx_http_apievents_policy_header(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *p)
{
    u_char           *value;
    ngx_uint_t        i;
    ae_limit_rule_t  *rule;

    value = p;

    for (i = 0; i < d->nuses; i++) {
        rule = &d->uses[i].rule;

        p = ngx_http_apievents_put_name(p, d, i);

        *p++ = ';'; *p++ = 'q'; *p++ = '=';
        p = ngx_http_apievents_put_number(p,
                                          ngx_http_apievents_allowance(rule));

        if (rule->period != 0) {
            *p++ = ';'; *p++ = 'w'; *p++ = '=';
            p = ngx_http_apievents_put_number(p,
                                   (rule->period
                                    + NGX_HTTP_APIEVENTS_SECOND - 1)
                                   / NGX_HTTP_APIEVENTS_SECOND);
        }
    }

    return ngx_http_apievents_push_header(r, &ngx_http_apievents_policy,
                                          value, p);
}


static u_char *
ngx_http_apievents_ratelimit_header(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *p)
{
    u_char      *value;
    uint64_t     until;
    ngx_uint_t   i;

    value = p;

    for (i = 0; i < d->nuses; i++) {
        p = ngx_http_apievents_put_name(p, d, i);

        *p++ = ';'; *p++ = 'r'; *p++ = '=';
        p = ngx_http_apievents_put_number(p,
                                  ngx_http_apievents_remaining(d,
                                                               &d->uses[i]));

        until = ngx_http_apievents_until(&d->uses[i]);

        if (until != NGX_HTTP_APIEVENTS_NEVER) {
            *p++ = ';'; *p++ = 't'; *p++ = '=';
            p = ngx_http_apievents_put_number(p,
                                         ngx_http_apievents_seconds(d, until));
        }
    }

    return ngx_http_apievents_push_header(r, &ngx_http_apievents_ratelimit,
                                          value, p);
}


static u_char *
ngx_http_apievents_put_name(u_char *p, ngx_http_apievents_decision_t *d,
    ngx_uint_t i)
{
    ngx_str_t  name;

    name = ngx_http_apievents_use_name(d, i);

    if (i != 0) {
        *p++ = ','; *p++ = ' ';
    }

    *p++ = '"';
    p = ngx_cpymem(p, name.data, name.len);
    *p++ = '"';

    return p;
}


ngx_str_t
ngx_http_apievents_use_name(ngx_http_apievents_decision_t *d, ngx_uint_t i)
{
    if (d->limits[i] != NULL) {
        return d->limits[i]->name;
    }

    return ngx_http_apievents_use_names[d->kinds[i]]
                                 [d->uses[i].rule.mode == AE_LIMIT_QUOTA];
}


/* an open breaker gives back what the request was charged */

static uint64_t
ngx_http_apievents_remaining(ngx_http_apievents_decision_t *d,
    const ae_limit_use_t *use)
{
    if (d->refusal == &ngx_http_apievents_breaker_is_open) {
        return use->remaining + 1;
    }

    return use->remaining;
}


/* most that may pass in one period */

static uint64_t
ngx_http_apievents_allowance(const ae_limit_rule_t *rule)
{
    return (rule->mode == AE_LIMIT_GCRA) ? rule->max + rule->burst
                                         : rule->max;
}


/*
 * For how long no more than what is left can pass: until more is allowed at
 * all where that is near to say, else until everything is.
 */

static uint64_t
ngx_http_apievents_until(const ae_limit_use_t *use)
{
    if (use->retry != 0) {
        return use->retry;
    }

    if (use->rule.mode == AE_LIMIT_GCRA && use->rule.max != 0) {
        return ngx_min(use->reset, (use->rule.period + use->rule.max - 1)
                                   / use->rule.max);
    }

    return use->reset;
}


/* what is left of a time that began when the limits were asked, rounded up */

static uint64_t
ngx_http_apievents_seconds(ngx_http_apievents_decision_t *d, uint64_t ns)
{
    uint64_t     now;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    now = (uint64_t) tp->sec * NGX_HTTP_APIEVENTS_SECOND
          + (uint64_t) tp->msec * 1000000;

    if (d->asked != 0 && now > d->asked) {
        ns -= ngx_min(ns, now - d->asked);
    }

    return ns / NGX_HTTP_APIEVENTS_SECOND
           + (ns % NGX_HTTP_APIEVENTS_SECOND != 0);
}


static u_char *
ngx_http_apievents_put_number(u_char *p, uint64_t n)
{
    u_char    *last;
    uint64_t   power;

    n = ngx_min(n, NGX_HTTP_APIEVENTS_INTEGER_MAX);

    last = p + 1;

    for (power = 10; n >= power; power *= 10) {
        last++;
    }

    p = last;

    do {
        *--p = (u_char) (n % 10 + '0');
        n /= 10;
    } while (n != 0);

    return last;
}


/* NULL: no memory */

static u_char *
ngx_http_apievents_push_header(ngx_http_request_t *r, const ngx_str_t *name,
    u_char *p, u_char *last)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    h->key = *name;
    h->value.data = p;
    h->value.len = last - p;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return last;
}
