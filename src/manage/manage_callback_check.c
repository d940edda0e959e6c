/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a callback may say (as in Sensedia).
 */


#include "manage/manage_object.h"


/* the longest, and what may be said of a time */
#define NGX_HTTP_APIEVENTS_CALLBACK_MSEC  60000


static int ngx_http_apievents_callback_after(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);
static int ngx_http_apievents_callback_url(const ae_value_t *data,
    ae_error_t *err);
static int ngx_http_apievents_callback_words(const ae_value_t *data,
    ae_error_t *err);
static int ngx_http_apievents_callback_secret(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);
static int ngx_http_apievents_callback_headers(const ae_value_t *data,
    ae_error_t *err);
static int ngx_http_apievents_callback_header(const ae_value_t *v,
    ae_error_t *err);
static int ngx_http_apievents_callback_expected(const ae_value_t *data,
    ae_error_t *err);
static int ngx_http_apievents_callback_fail(const ae_value_t *v,
    ae_error_t *err, const char *text);


const ae_member_t  ngx_http_apievents_callback_members[] = {
    ae_member_string("id"),
    ae_member_string("name"),
    ae_member_string("type"),
    ae_member_string("url"),
    ae_member_object("headers", AE_KIND_STRING, NULL),
    ae_member_number("timeout"),
    ae_member_boolean("active"),
    ae_member_string("on_error"),
    ae_member_string("secret"),
    ae_member_string("except_user"),
    ae_member_string("template"),
    ae_member_end
};


int
ngx_http_apievents_callback_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    ae_str_t           when, object;
    const ae_value_t  *v;

    v = ae_value_get(data, "name");

    if (v == NULL || v->type != AE_STRING || v->s.len == 0) {
        return ngx_http_apievents_callback_fail(data, err,
                                                "a \"name\" is expected");
    }

    v = ae_value_get(data, "type");

    if (v == NULL || v->type != AE_STRING
        || !ngx_http_apievents_callback_type(v->s, &when, &object))
    {
        return ngx_http_apievents_callback_fail(v ? v : data, err,
                 "a \"type\" is expected: before- or after-, and one of "
                 "access-token api app developer plan system-config");
    }

    if (when.len == 6
        && ngx_http_apievents_callback_expected(data, err) != AE_OK)
    {
        return AE_DECLINED;
    }

    if (ngx_http_apievents_callback_url(data, err) != AE_OK
        || ngx_http_apievents_callback_words(data, err) != AE_OK
        || ngx_http_apievents_callback_secret(a, data, err) != AE_OK
        || ngx_http_apievents_callback_headers(data, err) != AE_OK)
    {
        return AE_DECLINED;
    }

    return (when.len == 5) ? ngx_http_apievents_callback_after(a, data, err)
                           : AE_OK;
}


/* as each worker is going to make its endpoint */

static int
ngx_http_apievents_callback_after(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    ngx_str_t   *words;
    ngx_uint_t   n;

    n = ngx_http_apievents_after_words(a->arena, data, &words);

    if (n == 0) {
        return ngx_http_apievents_callback_fail(data, err, "no memory");
    }

    if (ngx_http_apievents_runtime_check(words, n, err) != NGX_OK) {
        err->line = data->line;
        return AE_DECLINED;
    }

    return AE_OK;
}


/* as in Sensedia; mandatory with before; a code, a class or a list of them */

static int
ngx_http_apievents_callback_expected(const ae_value_t *data, ae_error_t *err)
{
    ae_statuses_t      statuses;
    const ae_value_t  *v;

    v = ae_value_get(data, "expected_status");

    if (v == NULL || !ngx_http_apievents_callback_statuses(v, &statuses)) {
        return ngx_http_apievents_callback_fail(v ? v : data, err,
                 "an \"expected_status\" is expected: a status, a class "
                 "such as \"2xx\", or a list of these");
    }

    return AE_OK;
}


static int
ngx_http_apievents_callback_url(const ae_value_t *data, ae_error_t *err)
{
    ngx_str_t                     url;
    ngx_pool_t                   *pool;
    const char                   *expected;
    const ae_value_t             *v;
    ngx_http_apievents_target_t   target;

    v = ae_value_get(data, "url");

    if (v == NULL || v->type != AE_STRING) {
        return ngx_http_apievents_callback_fail(data, err,
                                                "a \"url\" is expected");
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return ngx_http_apievents_callback_fail(v, err, "no memory");
    }

    ngx_memzero(&target, sizeof(ngx_http_apievents_target_t));

    expected = "no memory";
    url.len = v->s.len;
    url.data = ngx_pstrdup(pool, (ngx_str_t *) &v->s);

    if (url.data != NULL) {
        expected = ngx_http_apievents_parse_url(pool, &url, &target);
    }

    if (expected != NULL) {
        err->line = v->line;
        (void) ngx_slprintf((u_char *) err->text,
                            (u_char *) err->text + sizeof(err->text),
                            "invalid \"url\", %s%Z", expected);
    }

    ngx_destroy_pool(pool);

    return expected == NULL ? AE_OK : AE_DECLINED;
}


static int
ngx_http_apievents_callback_words(const ae_value_t *data, ae_error_t *err)
{
    const ae_value_t  *v;

    v = ae_value_get(data, "on_error");

    if (v != NULL && v->type == AE_STRING
        && !ngx_http_apievents_str_is(v->s, "cancel")
        && !ngx_http_apievents_str_is(v->s, "allow"))
    {
        return ngx_http_apievents_callback_fail(v, err,
                                 "\"on_error\" must be cancel or allow");
    }

    v = ae_value_get(data, "timeout");

    if (v != NULL && v->type == AE_NUMBER
        && (v->number < 0.001
            || v->number * 1000 > NGX_HTTP_APIEVENTS_CALLBACK_MSEC))
    {
        return ngx_http_apievents_callback_fail(v, err,
                         "\"timeout\" must be seconds, at most 60");
    }

    return AE_OK;
}


/* as of a handler's secret= */

static int
ngx_http_apievents_callback_secret(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    ae_error_t         why;
    ae_signer_t       *signer;
    const ae_value_t  *v;

    v = ae_value_get(data, "secret");

    if (v == NULL || v->type != AE_STRING || ngx_http_apievents_masked(v)) {
        return AE_OK;
    }

    if (a->seal == NULL) {
        return ngx_http_apievents_callback_fail(v, err,
                 "a \"secret\" is kept sealed only: \"api_secret_key\" must "
                 "be configured");
    }

    signer = ae_signer_create(&v->s, 1, &why);

    if (signer == NULL) {
        err->line = v->line;
        (void) ngx_slprintf((u_char *) err->text,
                            (u_char *) err->text + sizeof(err->text),
                            "invalid \"secret\", %s%Z", why.text);
        return AE_DECLINED;
    }

    ae_signer_destroy(signer);

    return AE_OK;
}


static int
ngx_http_apievents_callback_headers(const ae_value_t *data, ae_error_t *err)
{
    ae_str_t           filter;
    const ae_value_t  *v, *headers;

    headers = ae_value_get(data, "headers");

    if (headers == NULL || headers->type != AE_MAP) {
        return AE_OK;
    }

    for (v = headers->first; v != NULL; v = v->next) {
        if (ngx_http_apievents_callback_header(v, err) != AE_OK) {
            return AE_DECLINED;
        }
    }

    filter = ngx_http_apievents_callback_filter(data);

    if (filter.data != NULL
        && ngx_http_apievents_callback_actions(filter) == 0)
    {
        return ngx_http_apievents_callback_fail(headers, err,
                 "the header \"action\" must be some of created updated "
                 "deleted, comma separated");
    }

    return AE_OK;
}


static int
ngx_http_apievents_callback_header(const ae_value_t *v, ae_error_t *err)
{
    ngx_str_t  name, value;

    name = *(const ngx_str_t *) &v->name;
    value = *(const ngx_str_t *) &v->s;

    if (ngx_http_apievents_valid_header(&name, &value) == NGX_OK
        && !ngx_http_apievents_framing_header(&name))
    {
        return AE_OK;
    }

    err->line = v->line;
    (void) ngx_slprintf((u_char *) err->text,
                        (u_char *) err->text + sizeof(err->text),
                        "the header \"%*s\" cannot be sent%Z",
                        ngx_min(name.len, 64), name.data);

    return AE_DECLINED;
}


static int
ngx_http_apievents_callback_fail(const ae_value_t *v, ae_error_t *err,
    const char *text)
{
    err->line = v->line;
    (void) ngx_slprintf((u_char *) err->text,
                        (u_char *) err->text + sizeof(err->text), "%s%Z",
                        text);

    return AE_DECLINED;
}
