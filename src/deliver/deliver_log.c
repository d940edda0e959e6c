/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The log handler: one line of the error log, or of a file, an event.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


/* time and process before a line, id and age behind it */
#define NGX_HTTP_APIEVENTS_LOG_REST  256


typedef struct {
    ngx_str_t                       prefix;
    ngx_uint_t                      level;
    ngx_http_apievents_file_t      *file;       /* NULL: the error log */
    unsigned                        json:1;
} ngx_http_apievents_log_conf_t;


static ngx_int_t ngx_http_apievents_log_parse(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_log_prefix(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_log_level(ngx_conf_t *cf,
    ngx_str_t *value, ngx_uint_t *level);
static ngx_int_t ngx_http_apievents_log_start(
    ngx_http_apievents_attempt_t *a);
static void ngx_http_apievents_log_error(ngx_http_apievents_attempt_t *a,
    ae_buf_t *b);
static ngx_int_t ngx_http_apievents_log_file(
    ngx_http_apievents_attempt_t *a);
static u_char *ngx_http_apievents_log_rest(u_char *p,
    ngx_http_apievents_attempt_t *a);
static void ngx_http_apievents_log_line(ae_buf_t *b, ae_event_t *ev);
static ngx_int_t ngx_http_apievents_log_text(ae_buf_t *b,
    ngx_http_apievents_attempt_t *a);
static ngx_int_t ngx_http_apievents_log_json(ae_buf_t *b, ae_arena_t *arena,
    ae_event_t *ev, uint64_t suppressed);
static void ngx_http_apievents_log_safe(ae_buf_t *b, ae_str_t *s);


ngx_http_apievents_kind_t  ngx_http_apievents_log_kind = {
    ngx_string("log"),
    ngx_string("eh_log_handler"),
    ngx_http_apievents_log_parse,
    ngx_http_apievents_log_start,
    65535,
    0,
    0,
    0
};


static ngx_int_t
ngx_http_apievents_log_parse(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                      *value;
    ngx_http_apievents_log_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_log_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    conf->level = NGX_LOG_WARN;
    ep->conf = conf;

    if (ngx_http_apievents_log_prefix(cf, ep, params) != NGX_OK
        || ngx_http_apievents_file_parse(cf, ep, params, &conf->file)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    value = ngx_http_apievents_param(params, "format");
    if (value != NULL) {
        conf->json = (ngx_strcmp(value->data, "json") == 0);

        if (!conf->json && ngx_strcmp(value->data, "line") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"format=%V\", \"json\" or \"line\" "
                               "is expected", value);
            return NGX_ERROR;
        }

        ngx_http_apievents_identify(ep, value);
    }

    value = ngx_http_apievents_param(params, "level");
    if (value == NULL) {
        return NGX_OK;
    }

    ngx_http_apievents_identify(ep, value);

    return ngx_http_apievents_log_level(cf, value, &conf->level);
}


/* it cannot end a line either */

static ngx_int_t
ngx_http_apievents_log_prefix(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                      *value;
    ngx_http_apievents_log_conf_t  *conf;

    conf = ep->conf;
    value = ngx_http_apievents_param(params, "prefix");

    if (value == NULL) {
        return NGX_OK;
    }

    if (ngx_strlchr(value->data, value->data + value->len, LF) != NULL
        || ngx_strlchr(value->data, value->data + value->len, CR) != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"prefix=\", a text without line ends "
                           "is expected");
        return NGX_ERROR;
    }

    conf->prefix = *value;
    ep->label = *value;
    ngx_http_apievents_identify(ep, value);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_log_level(ngx_conf_t *cf, ngx_str_t *value,
    ngx_uint_t *level)
{
    ngx_uint_t  i;

    static ngx_conf_enum_t  levels[] = {
        { ngx_string("info"), NGX_LOG_INFO },
        { ngx_string("notice"), NGX_LOG_NOTICE },
        { ngx_string("warn"), NGX_LOG_WARN },
        { ngx_string("error"), NGX_LOG_ERR },
        { ngx_null_string, 0 }
    };

    for (i = 0; levels[i].name.len != 0; i++) {

        if (ngx_strcmp(levels[i].name.data, value->data) == 0) {
            *level = levels[i].value;
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"level=%V\", \"info\", \"notice\", \"warn\" "
                       "or \"error\" is expected", value);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_log_start(ngx_http_apievents_attempt_t *a)
{
    ae_buf_t                        b;
    ngx_int_t                       rc;
    ngx_http_apievents_log_conf_t  *conf;

    conf = a->endpoint->conf;

    if (conf->file != NULL) {
        return ngx_http_apievents_log_file(a);
    }

    /* nginx cuts a line off: what stands behind the event is kept */

    ae_buf_init(&b, NGX_MAX_ERROR_STR - NGX_HTTP_APIEVENTS_LOG_REST
                    - ngx_min(conf->prefix.len, NGX_MAX_ERROR_STR / 2));

    rc = ngx_http_apievents_log_text(&b, a);

    if (rc == NGX_OK) {
        ngx_http_apievents_log_error(a, &b);

    } else {
        ngx_str_set(&a->error, "no memory");
    }

    ae_buf_free(&b);

    return rc;
}


static void
ngx_http_apievents_log_error(ngx_http_apievents_attempt_t *a, ae_buf_t *b)
{
    u_char                          rest[NGX_HTTP_APIEVENTS_LOG_REST];
    ngx_http_apievents_log_conf_t  *conf;

    conf = a->endpoint->conf;

    ngx_log_error(conf->level, ngx_cycle->log, 0, "%V%s%*s%s%*s",
                  &conf->prefix,
                  conf->prefix.len == 0 ? "" : (conf->json ? " " : ":"),
                  b->len, b->data, b->failed ? "..." : "",
                  (size_t) (ngx_http_apievents_log_rest(rest, a) - rest),
                  rest);
}


/* a line of JSON is the envelope, nothing else, unless a prefix is wanted */

static ngx_int_t
ngx_http_apievents_log_file(ngx_http_apievents_attempt_t *a)
{
    u_char                          rest[NGX_HTTP_APIEVENTS_LOG_REST];
    ae_buf_t                        b;
    ngx_int_t                       rc;
    ngx_http_apievents_log_conf_t  *conf;

    conf = a->endpoint->conf;

    ae_buf_init(&b, SIZE_MAX);

    if (!conf->json) {
        ae_buf_put(&b, ngx_cached_err_log_time.data,
                   ngx_cached_err_log_time.len);
        ae_buf_put(&b, " ", 1);
    }

    if (conf->prefix.len != 0) {
        ae_buf_put(&b, conf->prefix.data, conf->prefix.len);
        ae_buf_put(&b, conf->json ? " " : ":", 1);
    }

    rc = ngx_http_apievents_log_text(&b, a);

    if (!conf->json) {
        ae_buf_put(&b, rest, ngx_http_apievents_log_rest(rest, a) - rest);
    }

    ae_buf_put(&b, "\n", 1);

    if (rc == NGX_OK && !b.failed) {
        rc = ngx_http_apievents_file_write(conf->file, a, b.data, b.len);

    } else {
        ngx_str_set(&a->error, "no memory");
        rc = NGX_ERROR;
    }

    ae_buf_free(&b);

    return rc;
}


/* what stands behind the event, shorter than NGX_HTTP_APIEVENTS_LOG_REST */

static u_char *
ngx_http_apievents_log_rest(u_char *p, ngx_http_apievents_attempt_t *a)
{
    u_char                          id[AE_EVENT_ID_LEN];
    ae_now_t                        now;
    uint64_t                        us;
    ngx_http_apievents_log_conf_t  *conf;

    conf = a->endpoint->conf;

    ae_event_id(id, a->event.id);

    ae_now(&now);
    us = (now.wall > a->event.time) ? (now.wall - a->event.time) / 1000 : 0;

    return ngx_sprintf(p, " id: %*s, %sraised %uL.%03uLms ago",
                       (size_t) AE_EVENT_ID_LEN, id,
                       (a->event.dry_run && !conf->json) ? "dry run, " : "",
                       us / 1000, us % 1000);
}


/* Tyk's form for failures of keys: EVENT:KEY:ORIGIN:PATH */

static void
ngx_http_apievents_log_line(ae_buf_t *b, ae_event_t *ev)
{
    ae_str_t  name;

    name = ae_event_name(ev);

    ngx_http_apievents_log_safe(b, &name);
    ae_buf_put(b, ":", 1);
    ngx_http_apievents_log_safe(b, &ev->key);
    ae_buf_put(b, ":", 1);
    ngx_http_apievents_log_safe(b, &ev->origin);
    ae_buf_put(b, ":", 1);
    ngx_http_apievents_log_safe(b, &ev->path);
}


/* raw credentials are for who is sent events, not for what is kept of them */

static ngx_int_t
ngx_http_apievents_log_text(ae_buf_t *b, ngx_http_apievents_attempt_t *a)
{
    ae_str_t                        record;
    ae_event_t                      ev;
    ngx_int_t                       rc;
    ae_arena_t                     *arena;
    ngx_http_apievents_log_conf_t  *conf;

    conf = a->endpoint->conf;

    if (!conf->json && a->event.secret.len == 0) {
        ngx_http_apievents_log_line(b, &a->event);
        return NGX_OK;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    ev = a->event;
    rc = NGX_OK;

    if (ev.secret.len != 0) {
        record = ae_event_clean(&a->event, arena);

        rc = (record.data != NULL && ae_event_decode(&ev, record) == AE_OK)
             ? NGX_OK : NGX_ERROR;
    }

    if (rc == NGX_OK && conf->json) {
        rc = ngx_http_apievents_log_json(b, arena, &ev, a->lease.suppressed);

    } else if (rc == NGX_OK) {
        ngx_http_apievents_log_line(b, &ev);
    }

    ae_arena_destroy(arena);

    return rc;
}


static ngx_int_t
ngx_http_apievents_log_json(ae_buf_t *b, ae_arena_t *arena, ae_event_t *ev,
    uint64_t suppressed)
{
    ae_value_t  *envelope;

    envelope = ae_envelope(arena, ev, suppressed);

    if (envelope == NULL) {
        return NGX_ERROR;
    }

    ae_json_write(b, envelope);

    return NGX_OK;
}


/* what clients sent cannot end a line or look like one */

static void
ngx_http_apievents_log_safe(ae_buf_t *b, ae_str_t *s)
{
    size_t               i;
    u_char               ch, hex[4];
    static const u_char  digits[] = "0123456789abcdef";

    for (i = 0; i < s->len; i++) {
        ch = s->data[i];

        if (ch >= 0x20 && ch < 0x7f && ch != '\\') {
            ae_buf_put(b, &ch, 1);
            continue;
        }

        hex[0] = '\\';
        hex[1] = 'x';
        hex[2] = digits[ch >> 4];
        hex[3] = digits[ch & 0xf];

        ae_buf_put(b, hex, 4);
    }
}
