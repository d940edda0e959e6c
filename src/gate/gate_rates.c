/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * GET tyk/rate-limits behind the listen path of a definition: what the key may
 * do and has left, which costs it nothing (as in Tyk).
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_RATES_MAX  512


static ngx_uint_t ngx_http_apievents_rates_asked(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static size_t ngx_http_apievents_rates_text(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *text);


ngx_int_t
ngx_http_apievents_rates(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_http_apievents_reply_t  reply;

    if (d->conf->gate.more == NULL || d->session == NULL
        || !ngx_http_apievents_rates_asked(r, d))
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&reply, sizeof(ngx_http_apievents_reply_t));

    reply.status = NGX_HTTP_OK;
    ngx_str_set(&reply.type, "application/json");

    reply.body.data = ngx_pnalloc(r->pool, NGX_HTTP_APIEVENTS_RATES_MAX);
    if (reply.body.data == NULL) {
        return NGX_ERROR;
    }

    reply.body.len = ngx_http_apievents_rates_text(r, d, reply.body.data);

    return ngx_http_apievents_reply_with(r, &reply);
}


static ngx_uint_t
ngx_http_apievents_rates_asked(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_str_t         uri;

    static ngx_str_t  name = ngx_string("/tyk/rate-limits/");

    if (r->method != NGX_HTTP_GET) {
        return 0;
    }

    ngx_http_apievents_path_behind(r, d, &uri);

    return (uri.len == name.len || uri.len == name.len - 1)
           && ngx_strncmp(uri.data, name.data, uri.len) == 0;
}


/* what holds at this API; -1 where there is no quota */

static size_t
ngx_http_apievents_rates_text(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, u_char *text)
{
    u_char                      *p;
    double                       per;
    int64_t                      max, remaining, renews;
    ae_now_t                     now;
    ae_limit_use_t               quota;
    const ae_limit_rule_t       *rate;
    ngx_http_apievents_right_t  *right;

    right = d->right;

    rate = right ? &right->rate : &d->session->rate;

    ngx_memzero(&quota, sizeof(ae_limit_use_t));

    quota.rule = right ? right->quota : d->session->quota;
    quota.id = right ? right->quota_id : d->session->quota_id;

    max = -1;
    remaining = -1;
    renews = 0;

    if (quota.rule.max != 0) {
        ae_now(&now);
        ae_limits_peek(ngx_http_apievents_gate_zone(r)->limits, &quota, &now);

        max = quota.rule.max;
        remaining = quota.remaining;

        /* the period starts at the first request */

        if (quota.reset != 0 && quota.reset != UINT64_MAX) {
            renews = (now.wall + quota.reset) / 1000000000;
        }
    }

    per = (rate->max != 0) ? rate->period / 1e9 : 0;

    p = ngx_sprintf(text, "{\"quota\":{\"quota_max\":%L,"
                          "\"quota_remaining\":%L,\"quota_renews\":%L},"
                          "\"rate_limit\":{\"requests\":%uL,\"per_unit\":",
                    max, remaining, renews, rate->max);

    p = (per == (double) (int64_t) per)
        ? ngx_sprintf(p, "%L}}", (int64_t) per)
        : ngx_sprintf(p, "%.6f}}", per);

    return p - text;
}
