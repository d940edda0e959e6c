/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The header fields that handlers send.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


static ngx_int_t ngx_http_apievents_field_parse(ngx_conf_t *cf,
    ngx_str_t *text, ngx_array_t *fields, ngx_str_t *host);
static ngx_uint_t ngx_http_apievents_own_field(ngx_str_t *name);


ngx_int_t
ngx_http_apievents_fields(ngx_conf_t *cf, ngx_http_apievents_endpoint_t *ep,
    ngx_array_t *params, ngx_array_t *fields, ngx_str_t *host)
{
    ngx_str_t  *text;

    if (ngx_array_init(fields, cf->pool, 4,
                       sizeof(ngx_http_apievents_field_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    while ((text = ngx_http_apievents_param(params, "header")) != NULL) {

        if (ngx_http_apievents_field_parse(cf, text, fields, host) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_apievents_identify(ep, text);
    }

    return ngx_http_apievents_field_default(fields, "User-Agent",
                                            "Tyk-Hookshot");
}


static ngx_int_t
ngx_http_apievents_field_parse(ngx_conf_t *cf, ngx_str_t *text,
    ngx_array_t *fields, ngx_str_t *host)
{
    u_char                      *p, *end;
    ngx_str_t                    name, value;
    ngx_http_apievents_field_t  *f;

    end = text->data + text->len;
    p = ngx_strlchr(text->data, end, ':');

    if (p == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"header=%V\", \"header=Name: value\" is "
                           "expected", text);
        return NGX_ERROR;
    }

    name.data = text->data;
    name.len = p - text->data;

    for (p++; p < end && *p == ' '; p++) { /* void */ }

    value.data = p;
    value.len = end - p;

    if (ngx_http_apievents_secret_value(cf, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the value may be a secret, so it is not repeated */

    if (ngx_http_apievents_valid_header(&name, &value) != NGX_OK
        || ngx_http_apievents_framing_header(&name)
        || ngx_http_apievents_own_field(&name))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"header=%V: ...\", a name and a value "
                           "without control characters are expected, and none "
                           "that frames the message or the connection or is "
                           "the module's own", &name);
        return NGX_ERROR;
    }

    if (name.len == 4 && ngx_strncasecmp(name.data, (u_char *) "Host", 4) == 0)
    {
        *host = value;
        return NGX_OK;
    }

    f = ngx_array_push(fields);
    if (f == NULL) {
        return NGX_ERROR;
    }

    f->name = name;
    f->value = value;

    return NGX_OK;
}


/* one that every delivery has: a second one would be another's word */

static ngx_uint_t
ngx_http_apievents_own_field(ngx_str_t *name)
{
    ngx_uint_t  i;

    static ngx_str_t  own[] = {
        ngx_string("webhook-id"),
        ngx_string("webhook-timestamp"),
        ngx_string("webhook-signature"),
        ngx_null_string
    };

    for (i = 0; own[i].len != 0; i++) {

        if (own[i].len == name->len
            && ngx_strncasecmp(own[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_str_t *
ngx_http_apievents_field_find(ngx_array_t *fields, const char *name)
{
    size_t                       len;
    ngx_uint_t                   i;
    ngx_http_apievents_field_t  *f;

    len = ngx_strlen(name);
    f = fields->elts;

    for (i = 0; i < fields->nelts; i++) {

        if (f[i].name.len == len
            && ngx_strncasecmp(f[i].name.data, (u_char *) name, len) == 0)
        {
            return &f[i].value;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_apievents_field_default(ngx_array_t *fields, const char *name,
    const char *value)
{
    ngx_http_apievents_field_t  *f;

    if (ngx_http_apievents_field_find(fields, name) != NULL) {
        return NGX_OK;
    }

    f = ngx_array_push(fields);
    if (f == NULL) {
        return NGX_ERROR;
    }

    f->name.data = (u_char *) name;
    f->name.len = ngx_strlen(name);
    f->value.data = (u_char *) value;
    f->value.len = ngx_strlen(value);

    return NGX_OK;
}
