/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Variables.  They tell of the decision about the client's request, in its
 * subrequests and after internal redirects too.
 */


#include "gate/gate_private.h"


typedef enum {
    NGX_HTTP_APIEVENTS_VAR_ID = 0,
    NGX_HTTP_APIEVENTS_VAR_ORG,
    NGX_HTTP_APIEVENTS_VAR_KEY_ID,
    NGX_HTTP_APIEVENTS_VAR_ALIAS,
    NGX_HTTP_APIEVENTS_VAR_VERSION,
    NGX_HTTP_APIEVENTS_VAR_RATE_REMAINING,
    NGX_HTTP_APIEVENTS_VAR_QUOTA_REMAINING,
    NGX_HTTP_APIEVENTS_VAR_QUOTA_RESET,
    NGX_HTTP_APIEVENTS_VAR_EVENT_ID,
    NGX_HTTP_APIEVENTS_VAR_BREAKER_STATE,
    NGX_HTTP_APIEVENTS_VAR_DECISION
} ngx_http_apievents_variable_e;


static ngx_int_t ngx_http_apievents_gate_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_apievents_decision_variable(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, uintptr_t data, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_number_variable(ngx_http_request_t *r,
    ngx_uint_t known, uint64_t n, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_key_id_variable(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *value);
static void ngx_http_apievents_breaker_variable(
    ngx_http_apievents_decision_t *d, ngx_str_t *value);
static void ngx_http_apievents_outcome_variable(
    ngx_http_apievents_decision_t *d, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_safe_uri_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_http_apievents_gate_conf_t *ngx_http_apievents_gate_of(
    ngx_http_request_t *r, ngx_http_apievents_decision_t *d);


static ngx_http_variable_t  ngx_http_apievents_gate_variables[] = {

    { ngx_string("api_id"), NULL, ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_org"), NULL, ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_ORG, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_key_id"), NULL, ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_KEY_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_key_alias"), NULL, ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_ALIAS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_version"), NULL, ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_VERSION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_rate_remaining"), NULL,
      ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_RATE_REMAINING, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_quota_remaining"), NULL,
      ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_QUOTA_REMAINING, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_quota_reset"), NULL, ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_QUOTA_RESET, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_event_id"), NULL, ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_EVENT_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_breaker_state"), NULL,
      ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_BREAKER_STATE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_decision"), NULL, ngx_http_apievents_gate_variable,
      NGX_HTTP_APIEVENTS_VAR_DECISION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_safe_uri"), NULL, ngx_http_apievents_safe_uri_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_apievents_gate_add_variables(ngx_conf_t *cf)
{
    return ngx_http_apievents_add_variables(cf,
                                         ngx_http_apievents_gate_variables);
}


static ngx_int_t
ngx_http_apievents_gate_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                        value;
    ngx_http_apievents_decision_t   *d;
    ngx_http_apievents_gate_conf_t  *gcf;

    ngx_str_null(&value);

    d = ngx_http_apievents_decision(r);
    gcf = ngx_http_apievents_gate_of(r, d);

    if (gcf != NULL && data == NGX_HTTP_APIEVENTS_VAR_ID) {
        value = gcf->api;

    } else if (gcf != NULL && data == NGX_HTTP_APIEVENTS_VAR_ORG) {
        value = gcf->org;

    } else if (d != NULL
               && ngx_http_apievents_decision_variable(r, d, data, &value)
                  != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (value.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = value.data;
    v->len = value.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/* an empty value: there is none */

static ngx_int_t
ngx_http_apievents_decision_variable(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, uintptr_t data, ngx_str_t *value)
{
    ngx_http_apievents_remaining_t  left;

    switch (data) {

    case NGX_HTTP_APIEVENTS_VAR_KEY_ID:
        return ngx_http_apievents_key_id_variable(r, d, value);

    case NGX_HTTP_APIEVENTS_VAR_ALIAS:

        if (d->session != NULL) {
            *value = d->session->alias;
        }

        return NGX_OK;

    case NGX_HTTP_APIEVENTS_VAR_VERSION:
        *value = d->version_name;
        return NGX_OK;

    case NGX_HTTP_APIEVENTS_VAR_RATE_REMAINING:
        ngx_http_apievents_remaining(d, &left);
        return ngx_http_apievents_number_variable(r, left.has_rate,
                                                  left.rate, value);

    case NGX_HTTP_APIEVENTS_VAR_QUOTA_REMAINING:
        ngx_http_apievents_remaining(d, &left);
        return ngx_http_apievents_number_variable(r, left.has_quota,
                                                  left.quota, value);

    case NGX_HTTP_APIEVENTS_VAR_QUOTA_RESET:
        ngx_http_apievents_remaining(d, &left);
        return ngx_http_apievents_number_variable(r, left.reset != 0,
                                                  left.reset, value);

    case NGX_HTTP_APIEVENTS_VAR_EVENT_ID:

        if (d->has_event) {
            value->data = d->event_id;
            value->len = AE_EVENT_ID_LEN;
        }

        return NGX_OK;

    case NGX_HTTP_APIEVENTS_VAR_BREAKER_STATE:
        ngx_http_apievents_breaker_variable(d, value);
        return NGX_OK;

    case NGX_HTTP_APIEVENTS_VAR_DECISION:
        ngx_http_apievents_outcome_variable(d, value);
        return NGX_OK;

    default:
        return NGX_OK;
    }
}


static ngx_int_t
ngx_http_apievents_number_variable(ngx_http_request_t *r, ngx_uint_t known,
    uint64_t n, ngx_str_t *value)
{
    if (!known) {
        return NGX_OK;
    }

    value->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_sprintf(value->data, "%uL", n) - value->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_key_id_variable(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *value)
{
    if (d->credential.len == 0) {
        return NGX_OK;
    }

    value->data = ngx_pnalloc(r->pool, AE_HEX_LEN);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    ae_id_hex(value->data, ngx_http_apievents_decision_key_id(d));
    value->len = AE_HEX_LEN;

    return NGX_OK;
}


/* as the request met it; a dry run's where there is nothing but dry runs */

static void
ngx_http_apievents_breaker_variable(ngx_http_apievents_decision_t *d,
    ngx_str_t *value)
{
    static const ngx_str_t  states[] = {
        ngx_string("closed"),
        ngx_string("open"),
        ngx_string("half_open"),
        ngx_string("forced_open"),
        ngx_string("forced_closed")
    };

    if (d->breaker != NULL) {
        *value = states[d->state];

    } else if (d->tried) {
        *value = states[d->trial];
    }
}


static void
ngx_http_apievents_outcome_variable(ngx_http_apievents_decision_t *d,
    ngx_str_t *value)
{
    ae_str_t  name;

    if (d->refusal == &ngx_http_apievents_breaker_is_open) {
        ngx_str_set(value, "BreakerOpen");
        return;
    }

    if (d->timed_out) {
        ngx_str_set(value, "Timeout");
        return;
    }

    if (d->step == NGX_HTTP_APIEVENTS_STEP_PASSED) {
        ngx_str_set(value, "allowed");
        return;
    }

    if (d->refusal != NULL && d->refusal->event != AE_EVENT_CUSTOM) {
        name = ae_event_names[d->refusal->event];
        value->data = name.data;
        value->len = name.len;
    }
}


/*
 * Without an API nobody knows which argument is a credential, so there is no
 * value that would be safe.
 */

static ngx_int_t
ngx_http_apievents_safe_uri_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t                           len;
    u_char                          *p;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = ngx_http_apievents_gate_of(r, ngx_http_apievents_decision(r));

    if (gcf == NULL || gcf->auth == NGX_CONF_UNSET_PTR) {
        v->not_found = 1;
        return NGX_OK;
    }

    len = ngx_http_apievents_redact_uri(NULL, gcf->auth,
                                        &r->main->unparsed_uri);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    v->len = ngx_http_apievents_redact_uri(p, gcf->auth,
                                           &r->main->unparsed_uri);
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/* NULL: it belongs to no API */

static ngx_http_apievents_gate_conf_t *
ngx_http_apievents_gate_of(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_http_apievents_loc_conf_t  *lcf;

    if (d != NULL) {
        return &d->conf->gate;
    }

    lcf = ngx_http_get_module_loc_conf(r->main, ngx_http_apievents_module);

    return (lcf->gate.api.len != 0) ? &lcf->gate : NULL;
}
