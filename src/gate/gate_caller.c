/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who calls, as handlers that run in line with the request are told.
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_caller_value(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ae_arena_t *arena, ae_value_t *map);


ngx_int_t
ngx_http_apievents_gate_caller(ngx_http_request_t *r, ngx_str_t *value)
{
    ae_buf_t                        b;
    ngx_int_t                       rc;
    ae_arena_t                     *arena;
    ae_value_t                     *map;
    ngx_http_apievents_decision_t  *d;

    d = ngx_http_apievents_decision(r);

    if (d == NULL) {
        ngx_str_set(value, "{}");
        return NGX_OK;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    ae_buf_init(&b, SIZE_MAX);

    rc = NGX_ERROR;
    map = ae_value_map(arena);

    if (map != NULL
        && ngx_http_apievents_caller_value(r, d, arena, map) == NGX_OK)
    {
        ae_json_write(&b, map);

        rc = ngx_http_apievents_copy_answer(r, &b, value);
    }

    ae_buf_free(&b);
    ae_arena_destroy(arena);

    return rc;
}


ngx_int_t
ngx_http_apievents_gate_hidden(ngx_http_request_t *r, ngx_str_t *names)
{
    size_t                          len;
    u_char                         *p;
    ngx_uint_t                      i, n;
    ngx_http_apievents_auth_t      *auth;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    auth = lcf->gate.auth ? lcf->gate.auth->elts : NULL;
    n = lcf->gate.auth ? lcf->gate.auth->nelts : 0;

    len = sizeof("authorization") - 1;

    for (i = 0; i < n; i++) {
        len += auth[i].name.len + 1;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    names->data = p;
    p = ngx_cpymem(p, "authorization", sizeof("authorization") - 1);

    for (i = 0; i < n; i++) {

        if (auth[i].kind == 'h') {
            *p++ = ',';
            p = ngx_cpymem(p, auth[i].name.data, auth[i].name.len);
        }
    }

    names->len = p - names->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_caller_value(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ae_arena_t *arena, ae_value_t *map)
{
    ngx_uint_t                   i;
    ngx_http_apievents_raise_t   e;

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    e.org = d->conf->gate.org;

    ngx_http_apievents_event_key(r, d, &e);

    struct {
        ae_str_t                 name;
        ngx_str_t                value;
    } fields[] = {
        { ae_string("user"), e.alias },
        { ae_string("key"), e.key },
        { ae_string("api"), d->conf->gate.api },
        { ae_string("org"), e.org },
        { ae_string("version"), d->version_name }
    };

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {

        if (ae_value_set(map, fields[i].name,
                         ae_value_str(arena,
                                      *(ae_str_t *) &fields[i].value))
            != AE_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
