/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The variables by which a running script reads and acts; see the head of
 * njs/apievents.js.  They are there in calls of scripts only: a request of a
 * client finds nothing in them, and setting them does nothing.
 */


#include "apievents.h"
#include "script/script_run.h"


#define NGX_HTTP_APIEVENTS_KEY_PREFIX  "apievents_key_"

#define NGX_HTTP_APIEVENTS_NAME_MAX    128

/* what a JSON text may take when it is parsed */
#define NGX_HTTP_APIEVENTS_JSON_RATIO  64
#define NGX_HTTP_APIEVENTS_JSON_MORE   65536


/* what the last effect of a call came to */

typedef struct {
    u_char                          text[256];
    size_t                          len;
} ngx_http_apievents_effect_t;

/* whose script it is: that of an event, or one in line with a request */

typedef struct {
    ngx_http_apievents_attempt_t   *attempt;
    ngx_http_apievents_inline_t    *inlined;
    ngx_http_request_t             *request;    /* the main one */
} ngx_http_apievents_actor_t;


typedef const char *(*ngx_http_apievents_effect_pt)(
    ngx_http_apievents_actor_t *a, ae_value_t *value, ae_error_t *err);

typedef struct {
    ngx_str_t                       name;
    ngx_http_apievents_effect_pt    run;
} ngx_http_apievents_effect_variable_t;


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

static const char *ngx_http_apievents_effect_log(
    ngx_http_apievents_actor_t *a, ae_value_t *value, ae_error_t *err);
static ngx_uint_t ngx_http_apievents_log_level(const ae_value_t *value);
static const char *ngx_http_apievents_effect_set_key(
    ngx_http_apievents_actor_t *a, ae_value_t *value, ae_error_t *err);
static const char *ngx_http_apievents_effect_raise(
    ngx_http_apievents_actor_t *a, ae_value_t *value, ae_error_t *err);
static void ngx_http_apievents_raise_actor(ngx_http_apievents_actor_t *a,
    ngx_http_apievents_raise_t *e);
static const char *ngx_http_apievents_raise_meta(
    ngx_http_apievents_raise_t *e, const ae_value_t *meta, ae_buf_t *b);
static ngx_uint_t ngx_http_apievents_has_control(ae_str_t s);
static ngx_str_t ngx_http_apievents_string_of(const ae_value_t *map,
    const char *name);


static ngx_http_apievents_effect_variable_t  ngx_http_apievents_effects[] = {
    { ngx_string("apievents_log"), ngx_http_apievents_effect_log },
    { ngx_string("apievents_set_key"), ngx_http_apievents_effect_set_key },
    { ngx_string("apievents_raise"), ngx_http_apievents_effect_raise },
    { ngx_null_string, NULL }
};


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


/* {"level", "raw", "text"}: one line, whatever the text is */

static const char *
ngx_http_apievents_effect_log(ngx_http_apievents_actor_t *a,
    ae_value_t *value, ae_error_t *err)
{
    u_char       buf[NGX_MAX_ERROR_STR], *p, *last, c;
    size_t       i;
    ngx_str_t    text, name;
    ae_value_t  *raw;

    text = ngx_http_apievents_string_of(value, "text");
    name = (a->attempt != NULL) ? a->attempt->endpoint->label
                              : ngx_http_apievents_string_of(value, "script");
    raw = ae_value_get(value, "raw");

    p = buf;
    last = buf + sizeof(buf);

    if (raw == NULL || raw->type != AE_BOOL || !raw->boolean) {
        p = ngx_slprintf(p, last, "script \"%V\": ", &name);
    }

    for (i = 0; i < text.len && last - p > 4; i++) {
        c = text.data[i];

        if (c >= ' ' && c != 0x7f) {
            *p++ = c;

        } else {
            p = ngx_slprintf(p, last, "\\x%02Xd", c);
        }
    }

    if (a->attempt != NULL) {
        ngx_log_error(ngx_http_apievents_log_level(value), ngx_cycle->log, 0,
                      "%*s", (size_t) (p - buf), buf);
        return NULL;
    }

    name = ngx_http_apievents_request_id(a->request);

    ngx_log_error(ngx_http_apievents_log_level(value),
                  a->request->connection->log, 0, "%*s, request id: %V",
                  (size_t) (p - buf), buf, &name);

    return NULL;
}


static ngx_uint_t
ngx_http_apievents_log_level(const ae_value_t *value)
{
    ngx_str_t   level;
    ngx_uint_t  i;

    static const struct {
        ngx_str_t   name;
        ngx_uint_t  level;
    } levels[] = {
        { ngx_string("error"), NGX_LOG_ERR },
        { ngx_string("warn"), NGX_LOG_WARN },
        { ngx_string("notice"), NGX_LOG_NOTICE },
        { ngx_string("debug"), NGX_LOG_DEBUG },
        { ngx_null_string, NGX_LOG_INFO }
    };

    level = ngx_http_apievents_string_of(value, "level");

    for (i = 0; levels[i].name.len != 0; i++) {

        if (levels[i].name.len == level.len
            && ngx_memcmp(levels[i].name.data, level.data, level.len) == 0)
        {
            break;
        }
    }

    return levels[i].level;
}


/* {"key", "session", "suppress_reset"} */

static const char *
ngx_http_apievents_effect_set_key(ngx_http_apievents_actor_t *a,
    ae_value_t *value, ae_error_t *err)
{
    ngx_str_t    key, text;
    ngx_uint_t   reset;
    ae_value_t  *suppress;

    key = ngx_http_apievents_string_of(value, "key");
    text = ngx_http_apievents_string_of(value, "session");
    suppress = ae_value_get(value, "suppress_reset");

    reset = (suppress == NULL || suppress->type != AE_BOOL
             || !suppress->boolean);

    if (ngx_http_apievents_session_set_text(&key, &text, reset, err)
        != NGX_OK)
    {
        return err->text;
    }

    return NULL;
}


/* {"name", "meta"}: an event of the API of the one that is being handled */

static const char *
ngx_http_apievents_effect_raise(ngx_http_apievents_actor_t *a,
    ae_value_t *value, ae_error_t *err)
{
    u_char                       id[AE_EVENT_ID_LEN];
    ae_buf_t                     b;
    const char                  *text;
    ngx_http_apievents_raise_t   e;

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    e.name = ngx_http_apievents_string_of(value, "name");

    if (e.name.len == 0 || e.name.len > NGX_HTTP_APIEVENTS_NAME_MAX
        || ngx_http_apievents_has_control(*(ae_str_t *) &e.name))
    {
        return "an event's name of 1 to 128 printable bytes is expected";
    }

    e.type = ae_event_type(*(ae_str_t *) &e.name);
    ngx_http_apievents_raise_actor(a, &e);

    if (e.depth >= NGX_HTTP_APIEVENTS_HOPS && a->attempt == NULL) {
        return "the request has come over too many hops to raise an event";
    }

    ae_buf_init(&b, SIZE_MAX);

    text = ngx_http_apievents_raise_meta(&e, ae_value_get(value, "meta"), &b);

    if (text == NULL) {
        ngx_http_apievents_raise(&e, id);
    }

    ae_buf_free(&b);

    return text;
}


/* an event of the API of the one that is handled, or of the request's */

static void
ngx_http_apievents_raise_actor(ngx_http_apievents_actor_t *a,
    ngx_http_apievents_raise_t *e)
{
    ae_event_t                     *event;
    ngx_http_apievents_loc_conf_t  *conf;

    if (a->attempt != NULL) {
        event = &a->attempt->event;

        e->route = event->route;
        e->api = *(ngx_str_t *) &event->api;
        e->org = *(ngx_str_t *) &event->org;
        e->depth = event->depth + 1;
        e->secret = *(ngx_str_t *) &event->secret;

        return;
    }

    conf = a->inlined->conf;

    e->route = conf->handlers.route;
    e->api = conf->gate.api;
    e->org = conf->gate.org;
    e->depth = ngx_http_apievents_hops(a->request);
}


/* a string is Tyk's payload of custom events, their message */

static const char *
ngx_http_apievents_raise_meta(ngx_http_apievents_raise_t *e,
    const ae_value_t *meta, ae_buf_t *b)
{
    if (meta == NULL || meta->type == AE_NULL) {
        return NULL;
    }

    if (meta->type == AE_STRING) {
        e->message = *(ngx_str_t *) &meta->s;
        return NULL;
    }

    if (meta->type != AE_MAP) {
        return "an event's metadata must be an object";
    }

    ae_json_write(b, meta);

    if (b->failed) {
        return "no memory for the event";
    }

    e->meta.len = b->len;
    e->meta.data = b->data;

    return NULL;
}


static ngx_uint_t
ngx_http_apievents_has_control(ae_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < ' ' || s.data[i] == 0x7f) {
            return 1;
        }
    }

    return 0;
}


static ngx_str_t
ngx_http_apievents_string_of(const ae_value_t *map, const char *name)
{
    ngx_str_t    s;
    ae_value_t  *v;

    ngx_str_null(&s);

    v = ae_value_get(map, name);

    if (v != NULL && v->type == AE_STRING) {
        s.len = v->s.len;
        s.data = v->s.data;
    }

    return s;
}
