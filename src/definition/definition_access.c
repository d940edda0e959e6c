/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who may come near an API, before its keys are looked at: addresses, and
 * pages of other origins.
 */


#include "definition/definition_private.h"


#define NGX_HTTP_APIEVENTS_MAX_AGE  (365 * 24 * 60 * 60)


static ngx_int_t ngx_http_apievents_definition_addresses(
    ngx_http_apievents_definition_t *def, const char *use, const char *name,
    ngx_array_t **list);
static ngx_int_t ngx_http_apievents_definition_cors(
    ngx_http_apievents_definition_t *def, ngx_http_apievents_more_t *more);
static ngx_int_t ngx_http_apievents_cors_lists(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_http_apievents_cors_t *cors);
static ngx_int_t ngx_http_apievents_cors_origins(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_http_apievents_cors_t *cors);
static ngx_int_t ngx_http_apievents_cors_list(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, const char *const *defaults, ngx_array_t **list);
static ngx_int_t ngx_http_apievents_cors_age(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_http_apievents_cors_t *cors);
static ngx_int_t ngx_http_apievents_cors_join(ngx_conf_t *cf,
    ngx_array_t *list, ngx_str_t *text);


/* where a list is empty; Tyk has them from the library that it uses */

static const char *const  ngx_http_apievents_cors_methods[] = {
    "GET", "POST", "HEAD", NULL
};

static const char *const  ngx_http_apievents_cors_headers[] = {
    "Origin", "Accept", "Content-Type", "X-Requested-With", NULL
};


ngx_int_t
ngx_http_apievents_definition_access(ngx_http_apievents_definition_t *def)
{
    ngx_flag_t                   strip;
    ngx_http_apievents_more_t   *more;

    more = def->more;
    strip = 0;

    if (ngx_http_apievents_definition_addresses(def, "enable_ip_whitelisting",
                                                "allowed_ips", &more->allowed)
        != NGX_OK
        || ngx_http_apievents_definition_addresses(def,
                                                   "enable_ip_blacklisting",
                                                   "blacklisted_ips",
                                                   &more->denied)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, def->root, "strip_auth_data",
                                         &strip)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    more->strip_auth = strip;

    return ngx_http_apievents_definition_cors(def, more);
}


/* as in Tyk, a list that is empty lets everybody in; newer definitions have
 * one switch for both lists, and either kind of switch is enough */

static ngx_int_t
ngx_http_apievents_definition_addresses(ngx_http_apievents_definition_t *def,
    const char *use, const char *name, ngx_array_t **list)
{
    ngx_int_t    rc;
    ngx_str_t    text;
    ngx_flag_t   used, off;
    ae_value_t  *array, *v;

    used = 0;
    off = 1;

    if (ngx_http_apievents_entry_bool(def, def->root, use, &used) != NGX_OK
        || ngx_http_apievents_entry_bool(def, def->root,
                                         "ip_access_control_disabled", &off)
           != NGX_OK
        || ngx_http_apievents_entry(def, def->root, name, AE_ARRAY, &array)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((!used && off) || array == NULL || array->count == 0) {
        return NGX_OK;
    }

    *list = ngx_array_create(def->cf->pool, array->count, sizeof(ngx_cidr_t));
    if (*list == NULL) {
        return NGX_ERROR;
    }

    for (v = array->first; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_STRING, name) != NGX_OK)
        {
            return NGX_ERROR;
        }

        text.len = v->s.len;
        text.data = v->s.data;

        rc = ngx_http_apievents_add_address(def->cf, *list, &text);

        if (rc == NGX_DECLINED) {
            ngx_http_apievents_entry_error(def, v, name,
                                           "addresses and networks, such as "
                                           "192.0.2.1 and 2001:db8::/32");
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_definition_cors(ngx_http_apievents_definition_t *def,
    ngx_http_apievents_more_t *more)
{
    ae_value_t                 *map;
    ngx_flag_t                  enable, credentials, passthrough;
    ngx_http_apievents_cors_t  *cors;

    enable = 0;
    credentials = 0;
    passthrough = 0;

    if (ngx_http_apievents_entry(def, def->root, "CORS", AE_MAP, &map)
        != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "enable", &enable)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "allow_credentials",
                                         &credentials)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "options_passthrough",
                                         &passthrough)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!enable) {
        return NGX_OK;
    }

    cors = ngx_pcalloc(def->cf->pool, sizeof(ngx_http_apievents_cors_t));
    if (cors == NULL) {
        return NGX_ERROR;
    }

    more->cors = cors;

    cors->credentials = credentials;
    cors->passthrough = passthrough;

    return ngx_http_apievents_cors_lists(def, map, cors);
}


static ngx_int_t
ngx_http_apievents_cors_lists(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_cors_t *cors)
{
    ngx_str_t    *name;
    ngx_uint_t    i;
    ngx_array_t  *exposed;

    if (ngx_http_apievents_cors_origins(def, map, cors) != NGX_OK
        || ngx_http_apievents_cors_list(def, map, "allowed_methods",
                                        ngx_http_apievents_cors_methods,
                                        &cors->methods)
           != NGX_OK
        || ngx_http_apievents_cors_list(def, map, "allowed_headers",
                                        ngx_http_apievents_cors_headers,
                                        &cors->headers)
           != NGX_OK
        || ngx_http_apievents_cors_list(def, map, "exposed_headers", NULL,
                                        &exposed)
           != NGX_OK
        || ngx_http_apievents_cors_age(def, map, cors) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* browsers ask for it, whatever the list says */

    name = ngx_array_push(cors->headers);
    if (name == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(name, "Origin");

    name = cors->headers->elts;

    for (i = 0; i < cors->headers->nelts; i++) {
        if (name[i].len == 1 && name[i].data[0] == '*') {
            cors->headers = NULL;
            break;
        }
    }

    return ngx_http_apievents_cors_join(def->cf, exposed, &cors->exposed);
}


/* the star stands for all, as does an empty list */

static ngx_int_t
ngx_http_apievents_cors_origins(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_cors_t *cors)
{
    ngx_str_t    *s;
    ae_value_t   *array, *v;
    ngx_array_t  *origins;

    if (ngx_http_apievents_entry(def, map, "allowed_origins", AE_ARRAY,
                                 &array)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (array == NULL || array->count == 0) {
        return NGX_OK;
    }

    origins = ngx_array_create(def->cf->pool, array->count,
                               sizeof(ngx_str_t));
    if (origins == NULL) {
        return NGX_ERROR;
    }

    cors->origins = origins;

    for (v = array->first; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_STRING,
                                            "allowed_origins")
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (v->s.len == 1 && v->s.data[0] == '*') {
            cors->origins = NULL;
            continue;
        }

        s = ngx_array_push(origins);
        if (s == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_definition_copy(def, &v->s, s) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* names of methods or headers; nothing else can be sent */

static ngx_int_t
ngx_http_apievents_cors_list(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, const char *const *defaults,
    ngx_array_t **list)
{
    ngx_str_t   *s, none;
    ae_value_t  *array, *v;

    ngx_str_set(&none, "");

    if (ngx_http_apievents_entry(def, map, name, AE_ARRAY, &array) != NGX_OK) {
        return NGX_ERROR;
    }

    *list = ngx_array_create(def->cf->pool, 4, sizeof(ngx_str_t));
    if (*list == NULL) {
        return NGX_ERROR;
    }

    for (v = array ? array->first : NULL; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_STRING, name) != NGX_OK)
        {
            return NGX_ERROR;
        }

        s = ngx_array_push(*list);
        if (s == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_definition_copy(def, &v->s, s) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_valid_header(s, &none) != NGX_OK) {
            ngx_http_apievents_entry_error(def, v, name,
                                           "names of methods or headers");
            return NGX_ERROR;
        }
    }

    if ((*list)->nelts != 0 || defaults == NULL) {
        return NGX_OK;
    }

    for ( /* void */ ; *defaults != NULL; defaults++) {

        s = ngx_array_push(*list);
        if (s == NULL) {
            return NGX_ERROR;
        }

        s->data = (u_char *) *defaults;
        s->len = ngx_strlen(*defaults);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_cors_age(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_cors_t *cors)
{
    ae_value_t  *v;

    if (ngx_http_apievents_entry(def, map, "max_age", AE_NUMBER, &v)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (v == NULL || v->number <= 0) {
        return NGX_OK;
    }

    if (v->number > NGX_HTTP_APIEVENTS_MAX_AGE) {
        ngx_http_apievents_entry_error(def, v, "max_age",
                                       "seconds, at most a year");
        return NGX_ERROR;
    }

    cors->max_age.data = ngx_pnalloc(def->cf->pool, NGX_INT64_LEN);
    if (cors->max_age.data == NULL) {
        return NGX_ERROR;
    }

    cors->max_age.len = ngx_sprintf(cors->max_age.data, "%ui",
                                    (ngx_uint_t) v->number)
                        - cors->max_age.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_cors_join(ngx_conf_t *cf, ngx_array_t *list,
    ngx_str_t *text)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *s;
    ngx_uint_t   i;

    len = 0;
    s = list->elts;

    for (i = 0; i < list->nelts; i++) {
        len += s[i].len + 2;
    }

    p = ngx_pnalloc(cf->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < list->nelts; i++) {
        p = ngx_sprintf(p, i ? ", %V" : "%V", &s[i]);
    }

    text->len = p - text->data;

    return NGX_OK;
}
