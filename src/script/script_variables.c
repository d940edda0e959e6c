/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The variables by which a running script reads, and acts through the effects
 * of script_effects.c; see the head of njs/apievents.js.  They are there in
 * calls of scripts only: a request of a client finds nothing in them, and
 * setting them does nothing.
 */


#include "apievents.h"
#include "script/script_run.h"


#define NGX_HTTP_APIEVENTS_KEY_PREFIX  "apievents_key_"

/* what a JSON text may take when it is parsed */
#define NGX_HTTP_APIEVENTS_JSON_RATIO  64
#define NGX_HTTP_APIEVENTS_JSON_MORE   65536


/* what the last effect of a call came to */

typedef struct {
    u_char                          text[256];
    size_t                          len;
} ngx_http_apievents_effect_t;


static ngx_int_t ngx_http_apievents_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_apievents_key_text(ngx_str_t *hex, ae_buf_t *b);
static ngx_int_t ngx_http_apievents_unhex(u_char *dst, ngx_str_t *hex);

static void ngx_http_apievents_set_effect(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_apievents_get_effect(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_apievents_script_actor(ngx_http_request_t *r,
    ngx_http_apievents_actor_t *a);
static ngx_http_apievents_effect_t *ngx_http_apievents_find_effect(
    ngx_http_request_t *r, ngx_uint_t create);
static void ngx_http_apievents_effect_mark(void *data);


ngx_int_t
ngx_http_apievents_script_add_variables(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    static ngx_str_t  prefix = ngx_string(NGX_HTTP_APIEVENTS_KEY_PREFIX);

    var = ngx_http_add_variable(cf, &prefix, NGX_HTTP_VAR_NOCACHEABLE
                                             |NGX_HTTP_VAR_PREFIX);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_apievents_key_variable;

    for (i = 0; ngx_http_apievents_effects[i].run != NULL; i++) {
        var = ngx_http_add_variable(cf, &ngx_http_apievents_effects[i].name,
                                    NGX_HTTP_VAR_CHANGEABLE
                                    |NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_apievents_get_effect;
        var->set_handler = ngx_http_apievents_set_effect;
        var->data = i;
    }

    return NGX_OK;
}


/* $apievents_key_HEX, HEX of the JSON text [key, apiid] */

static ngx_int_t
ngx_http_apievents_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    ae_buf_t                    b;
    ngx_int_t                   rc;
    ngx_str_t                   hex;
    ngx_http_apievents_actor_t  actor;

    v->not_found = 1;

    if (ngx_http_apievents_script_actor(r, &actor) != NGX_OK) {
        return NGX_OK;
    }

    hex.data = name->data + sizeof(NGX_HTTP_APIEVENTS_KEY_PREFIX) - 1;
    hex.len = name->len - (sizeof(NGX_HTTP_APIEVENTS_KEY_PREFIX) - 1);

    ae_buf_init(&b, SIZE_MAX);

    rc = ngx_http_apievents_key_text(&hex, &b);

    if (rc == NGX_ERROR) {
        ae_buf_free(&b);
        ae_buf_init(&b, SIZE_MAX);
        ae_buf_puts(&b, "error: no memory for the session");
    }

    if (rc != NGX_DECLINED && !b.failed) {
        v->data = ngx_pnalloc(r->pool, b.len);

        if (v->data != NULL) {
            ngx_memcpy(v->data, b.data, b.len);
            v->len = b.len;
            v->valid = 1;
            v->no_cacheable = 1;
            v->not_found = 0;
        }
    }

    ae_buf_free(&b);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_key_text(ngx_str_t *hex, ae_buf_t *b)
{
    ae_str_t     s;
    ngx_int_t    rc;
    ngx_str_t    key, api;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *value;

    arena = ae_arena_create(hex->len * NGX_HTTP_APIEVENTS_JSON_RATIO
                            + NGX_HTTP_APIEVENTS_JSON_MORE);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_DECLINED;

    s.len = hex->len / 2;
    s.data = ae_arena_alloc(arena, s.len + 1);

    if (s.data == NULL || ngx_http_apievents_unhex(s.data, hex) != NGX_OK) {
        goto done;
    }

    value = ae_json_parse(arena, s, &err);

    if (value == NULL || value->type != AE_ARRAY || value->count != 2
        || value->first->type != AE_STRING || value->last->type != AE_STRING)
    {
        goto done;
    }

    key = *(ngx_str_t *) &value->first->s;
    api = *(ngx_str_t *) &value->last->s;

    rc = ngx_http_apievents_session_get_text(&key, &api, b);

done:

    ae_arena_destroy(arena);

    return rc;
}


static ngx_int_t
ngx_http_apievents_unhex(u_char *dst, ngx_str_t *hex)
{
    size_t     i;
    ngx_int_t  n;

    for (i = 0; i + 1 < hex->len; i += 2) {
        n = ngx_hextoi(hex->data + i, 2);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        *dst++ = (u_char) n;
    }

    return NGX_OK;
}


static void
ngx_http_apievents_set_effect(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                       *p;
    ae_str_t                      s;
    ae_error_t                    err;
    ae_arena_t                   *arena;
    ae_value_t                   *value;
    const char                   *text;
    ngx_http_apievents_actor_t    actor;
    ngx_http_apievents_effect_t  *effect;

    if (ngx_http_apievents_script_actor(r, &actor) != NGX_OK) {
        return;
    }

    effect = ngx_http_apievents_find_effect(r, 1);

    if (effect == NULL) {
        return;
    }

    text = "no memory";
    ngx_memzero(&err, sizeof(ae_error_t));

    arena = ae_arena_create(v->len * NGX_HTTP_APIEVENTS_JSON_RATIO
                            + NGX_HTTP_APIEVENTS_JSON_MORE);

    if (arena != NULL) {
        s.len = v->len;
        s.data = v->data;

        value = ae_json_parse(arena, s, &err);

        text = (value == NULL) ? err.text
                   : ngx_http_apievents_effects[data].run(&actor, value,
                                                             &err);
    }

    p = effect->text;

    if (text == NULL) {
        p = ngx_cpymem(p, "ok", 2);

    } else {
        p = ngx_snprintf(p, sizeof(effect->text), "error: %s", text);
    }

    effect->len = p - effect->text;

    if (arena != NULL) {
        ae_arena_destroy(arena);
    }
}


static ngx_int_t
ngx_http_apievents_get_effect(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_apievents_effect_t  *effect;

    effect = ngx_http_apievents_find_effect(r, 0);

    if (effect == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = effect->text;
    v->len = effect->len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_script_actor(ngx_http_request_t *r,
    ngx_http_apievents_actor_t *a)
{
    ngx_http_apievents_call_t  *call;

    ngx_memzero(a, sizeof(ngx_http_apievents_actor_t));

    call = ngx_http_apievents_call_of(r);

    if (call == NULL || call->outgoing != NULL) {
        return NGX_DECLINED;
    }

    a->request = r->main;

    if (call->attached) {
        a->inlined = ngx_http_apievents_inline_of(r, 0);
        return (a->inlined == NULL || call->ended) ? NGX_DECLINED : NGX_OK;
    }

    a->attempt = ngx_http_apievents_attempt_of(call);

    return a->attempt == NULL ? NGX_DECLINED : NGX_OK;
}


static ngx_http_apievents_effect_t *
ngx_http_apievents_find_effect(ngx_http_request_t *r, ngx_uint_t create)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_apievents_effect_t  *effect;

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {

        if (cln->handler == ngx_http_apievents_effect_mark) {
            return cln->data;
        }
    }

    if (!create) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_apievents_effect_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_apievents_effect_mark;

    effect = cln->data;
    effect->len = 0;

    return effect;
}


/* nothing is to be cleaned: the handler's address says whose the data is */

static void
ngx_http_apievents_effect_mark(void *data)
{
    /* void */
}
