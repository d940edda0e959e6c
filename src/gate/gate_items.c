/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What RateLimit-Policy says of a limit, made once: with the configuration for
 * those of an API; for those of sessions when they are told, and kept by the
 * session that is held against them again.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_ITEMS  64


/* what sessions have in RateLimit-Policy, as far as there is room */

typedef struct {
    uint64_t                     quota;         /* 0: free */
    uint64_t                     period;
    const ngx_str_t             *name;
    ngx_http_apievents_item_t    item;
} ngx_http_apievents_known_t;


static void ngx_http_apievents_make_item(ngx_http_apievents_item_t *item,
    const ngx_str_t *name, uint64_t quota, uint64_t period);
static uint64_t ngx_http_apievents_allowance(const ae_limit_rule_t *rule);


/* by ngx_http_apievents_use_e; those of an API have a place behind it */

static const ngx_str_t  ngx_http_apievents_use_names[][2] = {
    { ngx_string("key-rate"), ngx_string("key-quota") },
    { ngx_string("endpoint-rate"), ngx_string("endpoint-quota") },
    { ngx_string("org-rate"), ngx_string("org-quota") },
    { ngx_string("api-rate"), ngx_string("api-quota") }
};

static ngx_http_apievents_known_t
    ngx_http_apievents_known[NGX_HTTP_APIEVENTS_ITEMS];


ngx_http_apievents_item_t *
ngx_http_apievents_use_item(ngx_http_apievents_decision_t *d, ngx_uint_t i)
{
    uint64_t                     quota, hash;
    ae_limit_rule_t             *rule;
    const ngx_str_t             *name;
    ngx_http_apievents_known_t  *known;

    if (d->held != NULL) {
        return ((ngx_http_apievents_held_t *) d->held)->items[i];
    }

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


u_char *
ngx_http_apievents_put_policy(ngx_http_apievents_decision_t *d, u_char *p)
{
    ngx_uint_t                  i;
    ngx_http_apievents_item_t  *item;

    for (i = 0; i < d->nuses; i++) {
        item = ngx_http_apievents_use_item(d, i);

        if (i != 0) {
            *p++ = ','; *p++ = ' ';
        }

        ngx_memcpy(p, item->text, NGX_HTTP_APIEVENTS_ITEM_LEN);
        p += item->len;
    }

    return p;
}


void
ngx_http_apievents_held_items(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_held_t *held)
{
    u_char                      *p;
    size_t                       size;
    ngx_uint_t                   i;
    ngx_http_apievents_item_t   *copy;
    ngx_http_apievents_item_t  **items;

    size = d->nuses * (sizeof(ngx_http_apievents_item_t)
                       + sizeof(ngx_http_apievents_item_t *)
                       + NGX_HTTP_APIEVENTS_VALUE_LEN);

    copy = d->session->record ? ngx_palloc(ngx_cycle->pool, size)
                              : ae_arena_alloc(d->session->arena, size);

    if (d->nuses == 0 || copy == NULL) {
        return;
    }

    items = (ngx_http_apievents_item_t **) &copy[d->nuses];
    p = (u_char *) &items[d->nuses];

    held->policy.data = p;
    held->policy.len = ngx_http_apievents_put_policy(d, p) - p;

    for (i = 0; i < d->nuses; i++) {
        copy[i] = *ngx_http_apievents_use_item(d, i);
        items[i] = &copy[i];
    }

    held->items = items;
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

    p = ngx_sprintf(text, "\"%*s\"", ngx_min(name->len,
                                             NGX_HTTP_APIEVENTS_NAME_LEN),
                    name->data);

    item->name_len = p - text;

    q = p + sizeof(";q=") - 1;
    p = ngx_sprintf(p, ";q=%uL",
                    ngx_min(quota, NGX_HTTP_APIEVENTS_INTEGER_MAX));

    item->quota_len = p - q;

    if (period != 0) {
        period = (period + 999999999) / 1000000000;
        p = ngx_sprintf(p, ";w=%uL",
                        ngx_min(period, NGX_HTTP_APIEVENTS_INTEGER_MAX));
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
