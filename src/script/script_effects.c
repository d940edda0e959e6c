/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a script does to the world, once its run is complete: log lines,
 * sessions and events.
 */


#include "apievents.h"
#include "script/script_run.h"


#define NGX_HTTP_APIEVENTS_NAME_MAX  128


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


ngx_http_apievents_effect_variable_t  ngx_http_apievents_effects[] = {
    { ngx_string("apievents_log"), ngx_http_apievents_effect_log },
    { ngx_string("apievents_set_key"), ngx_http_apievents_effect_set_key },
    { ngx_string("apievents_raise"), ngx_http_apievents_effect_raise },
    { ngx_null_string, NULL }
};


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
