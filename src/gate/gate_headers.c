/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What clients are told of the limits that they were held against, in the
 * header of every answer: X-RateLimit-* (as in Tyk), RateLimit-Policy
 * and RateLimit (draft-ietf-httpapi-ratelimit-headers-11), Retry-After.
 *
 * This runs with each request: numbers are written without ngx_sprintf(), all
 * values into one piece of memory, and what RateLimit-Policy says of a limit
 * is made once.  Copies have a constant length, so there is room behind each
 * value for what the next one writes over.
 */


#include "gate/gate_private.h"


/* of a name in quotes, and behind it */
#define NGX_HTTP_APIEVENTS_NAME_ROOM    32

#define NGX_HTTP_APIEVENTS_SECOND       1000000000
#define NGX_HTTP_APIEVENTS_NEVER        UINT64_MAX


/* the IETF's values, and what is said there of one limit */

typedef struct {
    ngx_str_t                    policy;
    ngx_str_t                    limit;
    ngx_str_t                    remaining;     /* of least */
    ngx_uint_t                   least;
} ngx_http_apievents_said_t;


static ngx_inline u_char *ngx_http_apievents_headers_room(
    ngx_http_request_t *r, ngx_http_apievents_decision_t *d);
static uint64_t ngx_http_apievents_retry_after(
    ngx_http_apievents_decision_t *d);
static void ngx_http_apievents_clear_headers(ngx_http_request_t *r,
    ngx_uint_t families);
static ngx_uint_t ngx_http_apievents_header_family_of(ngx_str_t *name);
static u_char *ngx_http_apievents_x_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_said_t *said,
    u_char *p);
static ngx_uint_t ngx_http_apievents_least(ngx_http_apievents_decision_t *d);
static u_char *ngx_http_apievents_ietf_values(
    ngx_http_apievents_decision_t *d, ngx_http_apievents_said_t *said,
    u_char *p);
static uint64_t ngx_http_apievents_until(const ae_limit_use_t *use);
static uint64_t ngx_http_apievents_elapsed(ngx_http_apievents_decision_t *d);
static uint64_t ngx_http_apievents_seconds(uint64_t ns);
static u_char *ngx_http_apievents_put_number(u_char *p, uint64_t n) ae_often;
static ngx_inline uint64_t ngx_http_apievents_digits(uint64_t n);
static void ngx_http_apievents_put_digits(u_char *p, uint64_t digits);
static u_char *ngx_http_apievents_push_header(ngx_http_request_t *r,
    const ngx_str_t *name, u_char *p, u_char *last);


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
ngx_http_apievents_limit_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    u_char                     *p, *value;
    uint64_t                    retry;
    ngx_uint_t                  families;
    ngx_http_apievents_said_t   said;

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

    ngx_http_apievents_clear_headers(r, families);

    p = ngx_http_apievents_headers_room(r, d);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&said, sizeof(ngx_http_apievents_said_t));

    if (families & NGX_HTTP_APIEVENTS_HEADERS_X) {
        said.least = ngx_http_apievents_least(d);

    } else {
        said.least = d->nuses;
    }

    if (families & NGX_HTTP_APIEVENTS_HEADERS_IETF) {
        p = ngx_http_apievents_ietf_values(d, &said, p);
    }

    if (families & NGX_HTTP_APIEVENTS_HEADERS_X) {
        p = ngx_http_apievents_x_headers(r, d, &said, p);
    }

    if (p != NULL && (families & NGX_HTTP_APIEVENTS_HEADERS_IETF)
        && (ngx_http_apievents_push_header(r, &ngx_http_apievents_policy,
                                           said.policy.data,
                                           said.policy.data + said.policy.len)
            == NULL
            || ngx_http_apievents_push_header(r,
                                           &ngx_http_apievents_ratelimit,
                                           said.limit.data,
                                           said.limit.data + said.limit.len)
               == NULL))
    {
        return NGX_ERROR;
    }

    if (p != NULL && (families & NGX_HTTP_APIEVENTS_HEADERS_RETRY)) {
        value = p;
        p = ngx_http_apievents_put_number(p, retry);
        p = ngx_http_apievents_push_header(r, &ngx_http_apievents_retry,
                                           value, p);
    }

    return (p != NULL) ? NGX_OK : NGX_ERROR;
}


/* a pool with an upstream's answer is often full */

static ngx_inline u_char *
ngx_http_apievents_headers_room(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    size_t   size;
    u_char  *p;

    size = 4 * NGX_HTTP_APIEVENTS_INTEGER_LEN
           + 2 * (d->nuses + 1) * NGX_HTTP_APIEVENTS_VALUE_LEN;

    p = d->room;

    if (p == NULL || size > NGX_HTTP_APIEVENTS_ROOM) {
        return ngx_pnalloc(r->pool, size);
    }

    d->room = NULL;

    return p;
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

    retry -= ngx_min(retry, ngx_http_apievents_elapsed(d));

    return ngx_max(ngx_http_apievents_seconds(retry), 1);
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
    ngx_http_apievents_decision_t *d, ngx_http_apievents_said_t *said,
    u_char *p)
{
    u_char                     *value;
    uint64_t                    until;
    ae_limit_use_t             *use;
    ngx_http_apievents_item_t  *item;

    use = &d->uses[said->least];
    item = ngx_http_apievents_use_item(d, said->least);
    value = item->text + item->name_len + sizeof(";q=") - 1;

    /* an item that is neither the session's nor the API's may change */

    if (d->held == NULL && d->limits[said->least] == NULL) {
        ngx_memcpy(p, value, NGX_HTTP_APIEVENTS_INTEGER_LEN);
        value = p;
        p += item->quota_len;
    }

    if (ngx_http_apievents_push_header(r, &ngx_http_apievents_x_limit, value,
                                       value + item->quota_len)
        == NULL)
    {
        return NULL;
    }

    if (said->remaining.len == 0) {
        said->remaining.data = p;
        p = ngx_http_apievents_put_number(p, use->remaining);
        said->remaining.len = p - said->remaining.data;
    }

    value = said->remaining.data;

    if (ngx_http_apievents_push_header(r, &ngx_http_apievents_x_remaining,
                                       value, value + said->remaining.len)
        == NULL)
    {
        return NULL;
    }

    until = ngx_http_apievents_until(use);

    if (until == NGX_HTTP_APIEVENTS_NEVER) {
        return p;
    }

    value = p;
    p = ngx_http_apievents_put_number(p,
                              ngx_http_apievents_seconds(d->asked + until));
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
ngx_http_apievents_ietf_values(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_said_t *said, u_char *p)
{
    u_char                     *value;
    uint64_t                    until, elapsed;
    ngx_uint_t                  i;
    ngx_http_apievents_item_t  *item;
    ngx_http_apievents_held_t  *held;

    held = d->held;

    if (held != NULL) {
        said->policy = held->policy;

    } else {
        said->policy.data = p;
        p = ngx_http_apievents_put_policy(d, p);
        said->policy.len = p - said->policy.data;
    }

    said->limit.data = p;
    elapsed = ngx_http_apievents_elapsed(d);

    for (i = 0; i < d->nuses; i++) {
        item = (held != NULL) ? held->items[i]
                              : ngx_http_apievents_use_item(d, i);

        ngx_memcpy(p, item->text, NGX_HTTP_APIEVENTS_NAME_ROOM);
        p += item->name_len;

        ngx_memcpy(p, ";r=", 4);
        value = p + 3;
        p = ngx_http_apievents_put_number(value, d->uses[i].remaining);

        if (i == said->least) {
            said->remaining.data = value;
            said->remaining.len = p - value;
        }

        until = ngx_http_apievents_until(&d->uses[i]);

        if (until != NGX_HTTP_APIEVENTS_NEVER) {
            until -= ngx_min(until, elapsed);

            ngx_memcpy(p, ";t=", 4);
            p = ngx_http_apievents_put_number(p + 3,
                                          ngx_http_apievents_seconds(until));
        }

        ngx_memcpy(p, ", ", 2);
        p += 2;
    }

    /* but for the last separator */

    said->limit.len = p - 2 - said->limit.data;

    return p;
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


/* how long ago the limits were asked, in ns; an upstream takes its time */

static uint64_t
ngx_http_apievents_elapsed(ngx_http_apievents_decision_t *d)
{
    uint64_t     now;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    now = (uint64_t) tp->sec * NGX_HTTP_APIEVENTS_SECOND
          + (uint64_t) tp->msec * 1000000;

    return (d->asked != 0 && now > d->asked) ? now - d->asked : 0;
}


/* rounded up */

static uint64_t
ngx_http_apievents_seconds(uint64_t ns)
{
    return (ns + NGX_HTTP_APIEVENTS_SECOND - 1) / NGX_HTTP_APIEVENTS_SECOND;
}


/* may write NGX_HTTP_APIEVENTS_INTEGER_LEN bytes; returns the number's end */

static u_char *
ngx_http_apievents_put_number(u_char *p, uint64_t n)
{
    uint64_t    high, digits;
    ngx_uint_t  zeroes;

    if (n >= 100000000) {
        n = ngx_min(n, NGX_HTTP_APIEVENTS_INTEGER_MAX);
        high = n / 100000000;

        p = ngx_http_apievents_put_number(p, high);
        ngx_http_apievents_put_digits(p,
                        ngx_http_apievents_digits(n - high * 100000000));
        return p + 8;
    }

    if (n < 10) {
        p[0] = (u_char) (n + '0');
        return p + 1;
    }

    if (n < 100) {
        p[0] = (u_char) (n / 10 + '0');
        p[1] = (u_char) (n % 10 + '0');
        return p + 2;
    }

    digits = ngx_http_apievents_digits(n);
    zeroes = (ngx_uint_t) __builtin_ctzll(digits) / 8;

    ngx_http_apievents_put_digits(p, digits >> (8 * zeroes));

    return p + 8 - zeroes;
}


/*
 * The eight digits of a number below 100000000, a byte each, the first one in
 * the lowest: halves, then quarters, then digits, all of them at once.
 */

static ngx_inline uint64_t
ngx_http_apievents_digits(uint64_t n)
{
    uint64_t  q;

    q = n / 10000;
    n = q | ((n - q * 10000) << 32);

    q = ((n * 10486) >> 20) & UINT64_C(0x0000007f0000007f);
    n = q | ((n - q * 100) << 16);

    q = ((n * 103) >> 10) & UINT64_C(0x000f000f000f000f);

    return q | ((n - q * 10) << 8);
}


static void
ngx_http_apievents_put_digits(u_char *p, uint64_t digits)
{
    digits |= UINT64_C(0x3030303030303030);

#if !(NGX_HAVE_LITTLE_ENDIAN)
    digits = __builtin_bswap64(digits);
#endif

    ngx_memcpy(p, &digits, 8);
}


/* NULL: no memory */

static u_char *
ngx_http_apievents_push_header(ngx_http_request_t *r, const ngx_str_t *name,
    u_char *p, u_char *last)
{
    ngx_list_t       *list;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    list = &r->headers_out.headers;
    part = list->last;

    if (part->nelts < list->nalloc) {
        h = (ngx_table_elt_t *) part->elts + part->nelts++;

    } else {
        h = ngx_list_push(list);
        if (h == NULL) {
            return NULL;
        }
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
