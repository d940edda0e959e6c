/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * CORS of a definition, as the library behaves that Tyk has it from: a
 * preflight is answered before anything else is asked; other answers tell the
 * browser whether it may hand them on.  What the upstream says of it is
 * dropped.
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_cors_answer(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_int_t ngx_http_apievents_cors_preflight(ngx_http_request_t *r,
    ngx_http_apievents_cors_t *cors, ngx_str_t *method);
static ngx_int_t ngx_http_apievents_cors_origin(ngx_http_request_t *r,
    ngx_http_apievents_cors_t *cors, ngx_str_t *origin);
static ngx_uint_t ngx_http_apievents_cors_wild(ngx_str_t *pattern,
    u_char *star, ngx_str_t *origin);
static ngx_uint_t ngx_http_apievents_cors_member(ngx_array_t *list,
    ngx_str_t *value);
static ngx_uint_t ngx_http_apievents_cors_headers(
    ngx_http_apievents_cors_t *cors, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_cors_allow(ngx_http_request_t *r,
    ngx_http_apievents_cors_t *cors, ngx_str_t *origin);
static void ngx_http_apievents_cors_drop(ngx_http_request_t *r);


ngx_int_t
ngx_http_apievents_step_options(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t                   rc;
    ngx_str_t                   method;
    ngx_http_apievents_cors_t  *cors;

    static ngx_str_t            name = ngx_string(
                                            "access-control-request-method");

    if (r->method != NGX_HTTP_OPTIONS || d->conf->gate.more == NULL
        || d->conf->gate.more->cors == NULL)
    {
        return NGX_OK;
    }

    cors = d->conf->gate.more->cors;

    /* as in Tyk, nothing is asked of it then */

    if (cors->passthrough) {
        d->ignored = 1;
        d->step = NGX_HTTP_APIEVENTS_STEP_PASSED;

        return NGX_DECLINED;
    }

    if (ngx_http_apievents_header_value(r, &name, &method) != NGX_OK
        || method.len == 0)
    {
        return ngx_http_apievents_cors_answer(r, NGX_HTTP_OK);
    }

    rc = ngx_http_apievents_cors_preflight(r, cors, &method);

    return (rc == NGX_OK)
           ? ngx_http_apievents_cors_answer(r, NGX_HTTP_NO_CONTENT) : rc;
}


static ngx_int_t
ngx_http_apievents_cors_answer(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_str_t  type, body;

    ngx_str_set(&type, "text/plain");
    ngx_str_null(&body);

    return ngx_http_apievents_end_with(r, status, &type, &body);
}


static ngx_int_t
ngx_http_apievents_cors_preflight(ngx_http_request_t *r,
    ngx_http_apievents_cors_t *cors, ngx_str_t *method)
{
    ngx_int_t         rc;
    ngx_str_t         origin, headers;

    static ngx_str_t  vary = ngx_string("Origin, "
                                        "Access-Control-Request-Method, "
                                        "Access-Control-Request-Headers");
    static ngx_str_t  name = ngx_string("access-control-request-headers");

    if (ngx_http_apievents_add_header(r, "Vary", &vary) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_apievents_header_value(r, &name, &headers);

    if (rc != NGX_OK) {
        headers.len = 0;
    }

    if (ngx_http_apievents_cors_origin(r, cors, &origin) != NGX_OK
        || !ngx_http_apievents_cors_member(cors->methods, method)
        || !ngx_http_apievents_cors_headers(cors, &headers))
    {
        return NGX_OK;
    }

    if (ngx_http_apievents_cors_allow(r, cors, &origin) != NGX_OK
        || ngx_http_apievents_add_header(r, "Access-Control-Allow-Methods",
                                         method)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (headers.len != 0
        && ngx_http_apievents_add_header(r, "Access-Control-Allow-Headers",
                                         &headers)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (cors->max_age.len == 0) {
        return NGX_OK;
    }

    return ngx_http_apievents_add_header(r, "Access-Control-Max-Age",
                                         &cors->max_age);
}


ngx_int_t
ngx_http_apievents_cors_header(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_str_t                   origin;
    ngx_http_apievents_cors_t  *cors;

    static ngx_str_t            vary = ngx_string("Origin");

    /* of the API that the request was decided for, whatever page is sent */

    cors = d->conf->gate.more->cors;

    if (cors == NULL) {
        return NGX_OK;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return NGX_OK;
    }

    ngx_http_apievents_cors_drop(r);

    if (ngx_http_apievents_add_header(r, "Vary", &vary) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_cors_origin(r, cors, &origin) != NGX_OK
        || !ngx_http_apievents_cors_member(cors->methods, &r->method_name))
    {
        return NGX_OK;
    }

    if (ngx_http_apievents_cors_allow(r, cors, &origin) != NGX_OK) {
        return NGX_ERROR;
    }

    if (cors->exposed.len == 0) {
        return NGX_OK;
    }

    return ngx_http_apievents_add_header(r, "Access-Control-Expose-Headers",
                                         &cors->exposed);
}


/* NGX_DECLINED: there is none, or not one that is allowed */

static ngx_int_t
ngx_http_apievents_cors_origin(ngx_http_request_t *r,
    ngx_http_apievents_cors_t *cors, ngx_str_t *origin)
{
    u_char           *star;
    ngx_str_t        *allowed;
    ngx_uint_t        i;

    static ngx_str_t  name = ngx_string("origin");

    if (ngx_http_apievents_header_value(r, &name, origin) != NGX_OK
        || origin->len == 0)
    {
        return NGX_DECLINED;
    }

    if (cors->origins == NULL) {
        return NGX_OK;
    }

    allowed = cors->origins->elts;

    for (i = 0; i < cors->origins->nelts; i++) {
        star = ngx_strlchr(allowed[i].data, allowed[i].data + allowed[i].len,
                           '*');

        if (star != NULL
            ? ngx_http_apievents_cors_wild(&allowed[i], star, origin)
            : (allowed[i].len == origin->len
               && ngx_strncasecmp(allowed[i].data, origin->data, origin->len)
                  == 0))
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_apievents_cors_wild(ngx_str_t *pattern, u_char *star,
    ngx_str_t *origin)
{
    size_t  front, back;

    front = star - pattern->data;
    back = pattern->len - front - 1;

    return origin->len >= front + back
           && ngx_strncasecmp(pattern->data, origin->data, front) == 0
           && ngx_strncasecmp(star + 1, origin->data + origin->len - back,
                              back)
              == 0;
}


static ngx_uint_t
ngx_http_apievents_cors_member(ngx_array_t *list, ngx_str_t *value)
{
    ngx_str_t   *s;
    ngx_uint_t   i;

    /* asking is always allowed */

    if (value->len == 7 && ngx_strncasecmp(value->data, (u_char *) "OPTIONS",
                                           7)
                           == 0)
    {
        return 1;
    }

    s = list->elts;

    for (i = 0; i < list->nelts; i++) {

        if (s[i].len == value->len
            && ngx_strncasecmp(s[i].data, value->data, value->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* names with commas between them */

static ngx_uint_t
ngx_http_apievents_cors_headers(ngx_http_apievents_cors_t *cors,
    ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   name;

    if (cors->headers == NULL) {
        return 1;
    }

    p = value->data;
    last = p + value->len;

    while (p < last) {

        if (*p == ',' || *p == ' ' || *p == '\t') {
            p++;
            continue;
        }

        name.data = p;

        while (p < last && *p != ',' && *p != ' ' && *p != '\t') {
            p++;
        }

        name.len = p - name.data;

        if (!ngx_http_apievents_cors_member(cors->headers, &name)) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_apievents_cors_allow(ngx_http_request_t *r,
    ngx_http_apievents_cors_t *cors, ngx_str_t *origin)
{
    ngx_str_t  any, yes;

    ngx_str_set(&any, "*");
    ngx_str_set(&yes, "true");

    if (ngx_http_apievents_add_header(r, "Access-Control-Allow-Origin",
                                      (cors->origins == NULL
                                       && !cors->credentials) ? &any : origin)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!cors->credentials) {
        return NGX_OK;
    }

    return ngx_http_apievents_add_header(r, "Access-Control-Allow-Credentials",
                                         &yes);
}


static void
ngx_http_apievents_cors_drop(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  prefix = ngx_string("Access-Control-");

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len > prefix.len
                && ngx_strncasecmp(h[i].key.data, prefix.data, prefix.len)
                   == 0)
            {
                h[i].hash = 0;
            }
        }
    }
}
