/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What of the history a call asks for: in its query string, or in its body.
 */


#include "manage/manage_private.h"


static const char *ngx_http_apievents_admin_words(
    ngx_http_apievents_admin_t *a);
static const char *ngx_http_apievents_admin_select(
    ngx_http_apievents_admin_t *a);
static const char *ngx_http_apievents_admin_span(
    ngx_http_apievents_admin_t *a);
static const char *ngx_http_apievents_admin_times(
    ngx_http_apievents_admin_t *a);
static const char *ngx_http_apievents_admin_limit(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_admin_moment(ngx_str_t *value,
    uint64_t *wall);


/* each tells what was expected, NULL if all is right */

ngx_int_t
ngx_http_apievents_admin_query(ngx_http_apievents_admin_t *a, ngx_int_t *rc)
{
    const char  *expected;

    a->limit = NGX_HTTP_APIEVENTS_PAGE;

    expected = ngx_http_apievents_admin_words(a);

    if (expected == NULL) {
        expected = ngx_http_apievents_admin_select(a);
    }

    if (expected == NULL) {
        expected = ngx_http_apievents_admin_span(a);
    }

    if (expected == NULL) {
        return NGX_OK;
    }

    *rc = ngx_http_apievents_admin_error(a->request, NGX_HTTP_BAD_REQUEST,
                                         expected);

    return NGX_ERROR;
}


/* what is no text would be taken for absent, and more would be sent again than
 * was meant */

static const char *
ngx_http_apievents_admin_words(ngx_http_apievents_admin_t *a)
{
    ngx_uint_t         i;
    const ae_value_t  *v;

    static const char *const  names[] = {
        "endpoint", "event", "from", "to", "before", "limit", "state"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        v = ae_value_get(a->body, names[i]);

        if (v != NULL && v->type != AE_STRING && v->type != AE_NUMBER
            && v->type != AE_NULL)
        {
            return "state, endpoint, event, from, to, before and limit must "
                   "be strings or numbers";
        }
    }

    return NULL;
}


static const char *
ngx_http_apievents_admin_select(ngx_http_apievents_admin_t *a)
{
    ngx_str_t       value;
    ae_db_query_t  *q;

    q = &a->query;

    if (ngx_http_apievents_admin_field(a, "state", &value)) {
        q->state = *(ae_str_t *) &value;
    }

    if (ngx_http_apievents_admin_field(a, "endpoint", &value)
        && ae_id_unhex(&q->endpoint, *(ae_str_t *) &value) != AE_OK)
    {
        return "endpoint: an id of 32 hex digits is expected";
    }

    /* one event by its id, or all of a type */

    if (ngx_http_apievents_admin_field(a, "event", &value)
        && ae_event_id_parse(&q->event, *(ae_str_t *) &value) != AE_OK)
    {
        q->type = *(ae_str_t *) &value;
    }

    return NULL;
}


static const char *
ngx_http_apievents_admin_span(ngx_http_apievents_admin_t *a)
{
    ngx_str_t    value;
    const char  *expected;

    expected = ngx_http_apievents_admin_times(a);

    if (expected != NULL) {
        return expected;
    }

    if (ngx_http_apievents_admin_field(a, "before", &value)) {
        a->query.before = ngx_atoi(value.data, value.len);

        if (a->query.before < 1) {
            return "before: the \"next\" of the page before is expected";
        }
    }

    return ngx_http_apievents_admin_limit(a);
}


static const char *
ngx_http_apievents_admin_times(ngx_http_apievents_admin_t *a)
{
    ngx_str_t       value;
    ae_db_query_t  *q;

    q = &a->query;

    if ((ngx_http_apievents_admin_field(a, "from", &value)
         || ngx_http_apievents_admin_field(a, "since", &value))
        && ngx_http_apievents_admin_moment(&value, &q->from) != NGX_OK)
    {
        return "from: a time of RFC 3339 or Unix seconds are expected";
    }

    if ((ngx_http_apievents_admin_field(a, "to", &value)
         || ngx_http_apievents_admin_field(a, "until", &value))
        && ngx_http_apievents_admin_moment(&value, &q->to) != NGX_OK)
    {
        return "to: a time of RFC 3339 or Unix seconds are expected";
    }

    return NULL;
}


static const char *
ngx_http_apievents_admin_limit(ngx_http_apievents_admin_t *a)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (ngx_http_apievents_admin_field(a, "limit", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > NGX_HTTP_APIEVENTS_PAGE_MAX) {
            return "limit: a number from 1 to 1000 is expected";
        }

        a->limit = n;
    }

    return NULL;
}


const char *
ngx_http_apievents_admin_event_query(ngx_http_apievents_admin_t *a)
{
    ngx_str_t       value;
    const char     *expected;
    ae_db_query_t  *q;

    q = &a->query;
    a->limit = NGX_HTTP_APIEVENTS_PAGE;

    if (ngx_http_apievents_admin_field(a, "type", &value)
        || ngx_http_apievents_admin_field(a, "event", &value))
    {
        q->type = *(ae_str_t *) &value;
    }

    if (ngx_http_apievents_admin_field(a, "api", &value)) {
        q->api = *(ae_str_t *) &value;
    }

    if (ngx_http_apievents_admin_field(a, "org", &value)) {
        q->org = *(ae_str_t *) &value;
    }

    if (ngx_http_apievents_admin_field(a, "key", &value)
        && ae_id_unhex(&q->key_id, *(ae_str_t *) &value) != AE_OK)
    {
        return "key: a KeyID of 32 hex digits is expected";
    }

    if (ngx_http_apievents_admin_field(a, "before", &value)
        && ae_event_id_parse(&q->event, *(ae_str_t *) &value) != AE_OK)
    {
        return "before: the \"next\" of the page before is expected";
    }

    expected = ngx_http_apievents_admin_times(a);

    return (expected != NULL) ? expected : ngx_http_apievents_admin_limit(a);
}


/* the body's member, whose text a number keeps; else the query string's */

ngx_uint_t
ngx_http_apievents_admin_field(ngx_http_apievents_admin_t *a,
    const char *name, ngx_str_t *value)
{
    const ae_value_t  *v;

    if (a->body != NULL) {
        v = ae_value_get(a->body, name);

        if (v != NULL && (v->type == AE_STRING || v->type == AE_NUMBER)) {
            *value = *(ngx_str_t *) &v->s;
            return value->len != 0;
        }
    }

    return ngx_http_apievents_admin_arg(a, name, value);
}


ngx_uint_t
ngx_http_apievents_admin_arg(ngx_http_apievents_admin_t *a, const char *name,
    ngx_str_t *value)
{
    u_char     *dst, *src;
    ngx_str_t   arg;

    if (ngx_http_arg(a->request, (u_char *) name, ngx_strlen(name), &arg)
        != NGX_OK
        || arg.len == 0)
    {
        return 0;
    }

    value->data = ngx_pnalloc(a->request->pool, arg.len);
    if (value->data == NULL) {
        return 0;
    }

    src = arg.data;
    dst = value->data;

    ngx_unescape_uri(&dst, &src, arg.len, 0);

    value->len = dst - value->data;

    return 1;
}


static ngx_int_t
ngx_http_apievents_admin_moment(ngx_str_t *value, uint64_t *wall)
{
    time_t  t;

    if (ae_time_parse(*(ae_str_t *) value, wall) == AE_OK) {
        return NGX_OK;
    }

    t = ngx_atotm(value->data, value->len);

    if (t == (time_t) NGX_ERROR || t > NGX_MAX_INT32_VALUE * 4LL) {
        return NGX_ERROR;
    }

    *wall = (uint64_t) t * 1000000000;

    return NGX_OK;
}
