/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What clients are told of the limits that they were held against, in the
 * header of every answer: X-RateLimit-* (facts: Tyk's 5.3), RateLimit-Policy
 * and RateLimit (draft-ietf-httpapi-ratelimit-headers-11), Retry-After.
 *
 * This runs with each request: numbers are written without ngx_sprintf(), all
 * values into one piece of memory, and what RateLimit-Policy says of a limit
 * is made once.  Copies have a constant length, so there is room behind each
 * value for what the next one writes over.
 */


#include "gate/gate_private.h"


/* more is no integer of a structured field (RFC 9651 3.3.1) */
#define NGX_HTTP_APIEVENTS_INTEGER_MAX  999999999999999
#define NGX_HTTP_APIEVENTS_INTEGER_LEN  16

/* of a limit in either of the IETF's headers, with what stands between two */
#define NGX_HTTP_APIEVENTS_VALUE_LEN                                          \
    (NGX_HTTP_APIEVENTS_ITEM_LEN + sizeof(", ") - 1)

#define NGX_HTTP_APIEVENTS_SECOND       1000000000
#define NGX_HTTP_APIEVENTS_NEVER        UINT64_MAX

#define NGX_HTTP_APIEVENTS_ITEMS        64


/* what sessions have in RateLimit-Policy, as far as there is room */

typedef struct {
    uint64_t                     quota;         /* 0: free */
    uint64_t                     period;
    const ngx_str_t             *name;
    ngx_http_apievents_item_t    item;
} ngx_http_apievents_known_t;


static uint64_t ngx_http_apievents_retry_after(
    ngx_http_apievents_decision_t *d);
static void ngx_http_apievents_clear_headers(ngx_http_request_t *r,
    ngx_uint_t families);
static ngx_uint_t ngx_http_apievents_header_family_of(ngx_str_t *name);
static u_char *ngx_http_apievents_x_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *p);
static ngx_uint_t ngx_http_apievents_least(ngx_http_apievents_decision_t *d);
static u_char *ngx_http_apievents_ietf_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *p);
static ngx_http_apievents_item_t *ngx_http_apievents_use_item(
    ngx_http_apievents_decision_t *d, ngx_uint_t i);
static void ngx_http_apievents_make_item(ngx_http_apievents_item_t *item,
    const ngx_str_t *name, uint64_t quota, uint64_t period);
static uint64_t ngx_http_apievents_allowance(const ae_limit_rule_t *rule);
static uint64_t ngx_http_apievents_until(const ae_limit_use_t *use);
static uint64_t ngx_http_apievents_elapsed(ngx_http_apievents_decision_t *d);
static uint64_t ngx_http_apievents_seconds(uint64_t ns);
static u_char *ngx_http_apievents_put_number(u_char *p, uint64_t n);
static uint64_t ngx_http_apievents_digits(uint64_t n);
static void ngx_http_apievents_put_digits(u_char *p, uint64_t digits);
static u_char *ngx_http_apievents_push_header(ngx_http_request_t *r,
    const ngx_str_t *name, u_char *p, u_char *last);


/* by ngx_http_apievents_use_e; those of an API have a place behind it */

static const ngx_str_t  ngx_http_apievents_use_names[][2] = {
    { ngx_string("key-rate"), ngx_string("key-quota") },
    { ngx_string("endpoint-rate"), ngx_string("endpoint-quota") },
    { ngx_string("org-rate"), ngx_string("org-quota") },
    { ngx_string("api-rate"), ngx_string("api-quota") }
};

static ngx_http_apievents_known_t
    ngx_http_apievents_known[NGX_HTTP_APIEVENTS_ITEMS];

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
    u_char      *p, *value;
    uint64_t     retry;
    ngx_uint_t   families;

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

    p = ngx_pnalloc(r->pool, 4 * NGX_HTTP_APIEVENTS_INTEGER_LEN
                             + 2 * (d->nuses + 1)
                               * NGX_HTTP_APIEVENTS_VALUE_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (families & NGX_HTTP_APIEVENTS_HEADERS_X) {
        p = ngx_http_apievents_x_headers(r, d, p);
    }

    if (p != NULL && (families & NGX_HTTP_APIEVENTS_HEADERS_IETF)) {
        p = ngx_http_apievents_ietf_headers(r, d, p);
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
    ngx_http_apievents_decision_t *d, u_char *p)
{
    u_char                     *value;
    uint64_t                    until;
    ngx_uint_t                  least;
    ae_limit_use_t             *use;
    ngx_http_apievents_item_t  *item;

    least = ngx_http_apievents_least(d);
    use = &d->uses[least];
    item = ngx_http_apievents_use_item(d, least);

    value = p;
    ngx_memcpy(p, item->text + item->name_len + sizeof(";q=") - 1,
               NGX_HTTP_APIEVENTS_INTEGER_LEN);
    p = ngx_http_apievents_push_header(r, &ngx_http_apievents_x_limit, value,
                                       p + item->quota_len);
    if (p == NULL) {
        return NULL;
    }

    value = p;
    p = ngx_http_apievents_put_number(p, use->remaining);
    p = ngx_http_apievents_push_header(r, &ngx_http_apievents_x_remaining,
                                       value, p);

    until = ngx_http_apievents_until(use);

    if (p == NULL || until == NGX_HTTP_APIEVENTS_NEVER) {
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


/* both at once; the second one is written behind the room of the first */

static u_char *
ngx_http_apievents_ietf_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *p)
{
    u_char                     *policy, *limit, *q;
    uint64_t                    until, elapsed;
    ngx_uint_t                  i;
    ngx_http_apievents_item_t  *item;

    q = p + (d->nuses + 1) * NGX_HTTP_APIEVENTS_VALUE_LEN;

    policy = p;
    limit = q;

    elapsed = ngx_http_apievents_elapsed(d);

    for (i = 0; i < d->nuses; i++) {
        item = ngx_http_apievents_use_item(d, i);

        ngx_memcpy(p, item->text, NGX_HTTP_APIEVENTS_ITEM_LEN);
        p += item->len;
        *p++ = ','; *p++ = ' ';

        ngx_memcpy(q, item->text, NGX_HTTP_APIEVENTS_ITEM_LEN);
        q += item->name_len;

        q[0] = ';'; q[1] = 'r'; q[2] = '=';
        q = ngx_http_apievents_put_number(q + 3, d->uses[i].remaining);

        until = ngx_http_apievents_until(&d->uses[i]);

        if (until != NGX_HTTP_APIEVENTS_NEVER) {
            until -= ngx_min(until, elapsed);

            q[0] = ';'; q[1] = 't'; q[2] = '=';
            q = ngx_http_apievents_put_number(q + 3,
                                          ngx_http_apievents_seconds(until));
        }

        *q++ = ','; *q++ = ' ';
    }

    /* but for the last separators */

    if (ngx_http_apievents_push_header(r, &ngx_http_apievents_policy,
                                       policy, p - 2)
        == NULL)
    {
        return NULL;
    }

    return ngx_http_apievents_push_header(r, &ngx_http_apievents_ratelimit,
                                          limit, q - 2);
}


static ngx_http_apievents_item_t *
ngx_http_apievents_use_item(ngx_http_apievents_decision_t *d, ngx_uint_t i)
{
    uint64_t                     quota, hash;
    ae_limit_rule_t             *rule;
    const ngx_str_t             *name;
    ngx_http_apievents_known_t  *known;

    if (d->limits[i] != NULL) {
        return &d->limits[i]->item;
    }

    rule = &d->uses[i].rule;
    quota = ngx_http_apievents_allowance(rule);
    name = &ngx_http_apievents_use_names[d->kinds[i]]
                                        [rule->mode == AE_LIMIT_QUOTA];

    /* Fibonacci hashing; a name is an address */

    hash = (quota ^ (rule->period << 1) ^ (uintptr_t) name)
           * UINT64_C(0x9e3779b97f4a7c15);

    known = &ngx_http_apievents_known[hash / (UINT64_MAX
                                              / NGX_HTTP_APIEVENTS_ITEMS + 1)];

    if (known->quota != quota || known->period != rule->period
        || known->name != name)
    {
        known->quota = quota;
        known->period = rule->period;
        known->name = name;

        ngx_http_apievents_make_item(&known->item, name, quota, rule->period);
    }

    return &known->item;
}


void
ngx_http_apievents_limit_items(ngx_array_t *limits)
{
    ngx_uint_t                   i;
    ngx_http_apievents_limit_t  *limit;

    if (limits == NULL) {
        return;
    }

    limit = limits->elts;

    for (i = 0; i < limits->nelts; i++) {
        ngx_http_apievents_make_item(&limit[i].item, &limit[i].name,
                               ngx_http_apievents_allowance(&limit[i].rule),
                               limit[i].rule.period);
    }
}


static void
ngx_http_apievents_make_item(ngx_http_apievents_item_t *item,
    const ngx_str_t *name, uint64_t quota, uint64_t period)
{
    u_char  *p, *q, text[2 * NGX_HTTP_APIEVENTS_ITEM_LEN];

    p = text;

    *p++ = '"';
    p = ngx_cpymem(p, name->data, ngx_min(name->len,
                                          NGX_HTTP_APIEVENTS_NAME_LEN));
    *p++ = '"';

    item->name_len = p - text;

    *p++ = ';'; *p++ = 'q'; *p++ = '=';
    q = p;
    p = ngx_http_apievents_put_number(p, quota);

    item->quota_len = p - q;

    if (period != 0) {
        *p++ = ';'; *p++ = 'w'; *p++ = '=';
        p = ngx_http_apievents_put_number(p,
                                          ngx_http_apievents_seconds(period));
    }

    item->len = p - text;

    ngx_memcpy(item->text, text, NGX_HTTP_APIEVENTS_ITEM_LEN);
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

static uint64_t
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
