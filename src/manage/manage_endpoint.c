/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Endpoints that are created: documents with the parameters of a webhook, each
 * of which is an endpoint of run time in each worker.  What they say is parsed
 * by what parses the parameters of a configuration.
 */


#include "manage/manage_object.h"


#define NGX_HTTP_APIEVENTS_ENDPOINT_LEN  (9 + AE_HEX_LEN)


static int ngx_http_apievents_endpoint_events(const ae_value_t *data,
    ae_error_t *err);
static ngx_uint_t ngx_http_apievents_endpoint_words(ae_arena_t *arena,
    const ae_value_t *data, ngx_str_t **words);
static ngx_int_t ngx_http_apievents_endpoint_secrets(ae_arena_t *arena,
    const ae_value_t *v, ngx_str_t *words, ngx_uint_t *n);
static ngx_int_t ngx_http_apievents_endpoint_secret(ae_arena_t *arena,
    const ae_value_t *v, ngx_str_t *words, ngx_uint_t *n);
static int ngx_http_apievents_endpoint_fail(const ae_value_t *v,
    ae_error_t *err, const char *text);
static const char *ngx_http_apievents_endpoint_owner(const ae_value_t *id,
    ngx_uint_t *created);
static ngx_int_t ngx_http_apievents_endpoint_owned(
    ngx_http_apievents_admin_t *a, const char *owner);
static ngx_str_t ngx_http_apievents_endpoint_name(ae_str_t id, u_char *p);
static void ngx_http_apievents_endpoint_put(ae_str_t id,
    const ae_value_t *value, const ae_value_t *was, ae_arena_t *arena);
static void ngx_http_apievents_endpoint_handlers(ngx_str_t *name,
    const ae_value_t *value);
static void ngx_http_apievents_endpoint_gone(ae_str_t id,
    const ae_value_t *was);


const ngx_http_apievents_kept_t  ngx_http_apievents_endpoint_kept = {
    ae_string("endpoint"),
    ngx_http_apievents_callback_active,
    ngx_http_apievents_endpoint_put,
    ngx_http_apievents_endpoint_gone
};


const ae_member_t  ngx_http_apievents_endpoint_members[] = {
    ae_member_string("id"),
    ae_member_string("name"),
    ae_member_string("url"),
    ae_member_string("method"),
    ae_member_object("headers", AE_KIND_STRING, NULL),
    ae_member_string("format"),
    ae_member_string("template"),
    ae_member_string("body"),
    ae_member_array("events", AE_KIND_STRING, NULL),
    ae_member_string("api"),
    ae_member_string("org"),
    ae_member_integer("concurrency"),
    ae_member_integer("queue"),
    ae_member_integer("batch"),
    ae_member_string("rate"),
    ae_member_string("breaker"),
    ae_member_boolean("active"),
    ae_member_end
};


/* those that are the parameter of that name, strings or numbers */

static const char *const  ngx_http_apievents_endpoint_plain[] = {
    "url", "method", "format", "template", "body", "timeout", "cooldown",
    "retry", "success", "concurrency", "queue", "batch", "rate", "breaker",
    NULL
};


int
ngx_http_apievents_endpoint_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    ae_id_t            id;
    ngx_str_t         *words;
    ngx_uint_t         n;
    const ae_value_t  *v;

    v = ae_value_get(data, "id");

    if (v != NULL && v->type == AE_STRING && ae_id_unhex(&id, v->s) != AE_OK)
    {
        return ngx_http_apievents_endpoint_fail(v, err, "an \"id\" of 32 hex "
                                                "digits is expected");
    }

    v = ae_value_get(data, "url");

    if (v == NULL || v->type != AE_STRING) {
        return ngx_http_apievents_endpoint_fail(data, err,
                                                "a \"url\" is expected");
    }

    v = ae_value_get(data, "secret");

    if (v != NULL && v->type != AE_NULL && !ngx_http_apievents_masked(v)
        && a->seal == NULL)
    {
        return ngx_http_apievents_endpoint_fail(v, err, "a \"secret\" is kept "
                                   "sealed only: \"api_secret_key\" must be "
                                   "configured");
    }

    if (ngx_http_apievents_endpoint_events(data, err) != AE_OK) {
        return AE_DECLINED;
    }

    /* as each worker is going to make it */

    n = ngx_http_apievents_endpoint_words(a->arena, data, &words);

    if (n == 0) {
        return ngx_http_apievents_endpoint_fail(data, err, "\"timeout\", "
                                  "\"cooldown\", \"retry\" and \"success\" "
                                  "must be strings or numbers, \"secret\" a "
                                  "string or some");
    }

    if (ngx_http_apievents_runtime_check(words, n, err) != NGX_OK) {
        err->line = data->line;
        return AE_DECLINED;
    }

    return AE_OK;
}


static int
ngx_http_apievents_endpoint_events(const ae_value_t *data, ae_error_t *err)
{
    const ae_value_t  *v, *events;

    events = ae_value_get(data, "events");

    if (events == NULL || events->type != AE_ARRAY || events->count == 0
        || events->count > NGX_HTTP_APIEVENTS_CALLBACKS)
    {
        return ngx_http_apievents_endpoint_fail(data, err, "\"events\", 1 to "
                                                "64 names, are expected");
    }

    for (v = events->first; v != NULL; v = v->next) {

        if (v->type != AE_STRING || !ae_event_pattern(v->s)) {
            return ngx_http_apievents_endpoint_fail(v, err, "\"events\" must "
                                    "be names of events, \"*\", or a family "
                                    "and \".*\": see events/types");
        }
    }

    return AE_OK;
}


/* of a handler that delivers to it; how many, 0: something cannot be one */

static ngx_uint_t
ngx_http_apievents_endpoint_words(ae_arena_t *arena, const ae_value_t *data,
    ngx_str_t **words)
{
    u_char             name[32];
    ae_str_t           none;
    ngx_str_t         *w;
    ngx_uint_t         i, n;
    const char        *plain;
    const ae_value_t  *v, *headers;

    none = ae_str("");
    headers = ae_value_get(data, "headers");

    w = ae_arena_alloc(arena, (sizeof(ngx_http_apievents_endpoint_plain)
                               / sizeof(char *) + AE_SIGN_KEYS + 1
                               + (headers != NULL ? headers->count : 0))
                              * sizeof(ngx_str_t));
    if (w == NULL) {
        return 0;
    }

    ngx_str_set(&w[0], "webhook");
    n = 1;

    for (i = 0; ngx_http_apievents_endpoint_plain[i] != NULL; i++) {
        plain = ngx_http_apievents_endpoint_plain[i];
        v = ae_value_get(data, plain);

        if (v == NULL || v->type == AE_NULL) {
            continue;
        }

        (void) ngx_sprintf(name, "%s=%Z", plain);

        if ((v->type != AE_STRING && v->type != AE_NUMBER)
            || ngx_http_apievents_after_word(arena, &w[n++], (char *) name,
                                             v->s, "", none)
               != NGX_OK)
        {
            return 0;
        }
    }

    v = (headers != NULL && headers->type == AE_MAP) ? headers->first : NULL;

    for ( /* void */ ; v != NULL; v = v->next) {

        if (v->type == AE_STRING
            && ngx_http_apievents_after_word(arena, &w[n++], "header=",
                                             v->name, ": ", v->s)
               != NGX_OK)
        {
            return 0;
        }
    }

    if (ngx_http_apievents_endpoint_secrets(arena,
                                            ae_value_get(data, "secret"), w,
                                            &n)
        != NGX_OK)
    {
        return 0;
    }

    *words = w;

    return n;
}


static ngx_int_t
ngx_http_apievents_endpoint_secrets(ae_arena_t *arena, const ae_value_t *v,
    ngx_str_t *words, ngx_uint_t *n)
{
    ngx_uint_t         i;
    const ae_value_t  *item;

    if (v == NULL || v->type == AE_NULL) {
        return NGX_OK;
    }

    if (v->type != AE_ARRAY) {
        return ngx_http_apievents_endpoint_secret(arena, v, words, n);
    }

    i = 0;

    for (item = v->first; item != NULL; item = item->next) {

        if (++i > AE_SIGN_KEYS
            || ngx_http_apievents_endpoint_secret(arena, item, words, n)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a mask stands for what is there, which was checked */

static ngx_int_t
ngx_http_apievents_endpoint_secret(ae_arena_t *arena, const ae_value_t *v,
    ngx_str_t *words, ngx_uint_t *n)
{
    if (v->type != AE_STRING) {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_masked(v)) {
        return NGX_OK;
    }

    return ngx_http_apievents_after_word(arena, &words[(*n)++], "secret=",
                                         v->s, "", ae_str(""));
}


static int
ngx_http_apievents_endpoint_fail(const ae_value_t *v, ae_error_t *err,
    const char *text)
{
    err->line = v->line;
    (void) ngx_cpystrn((u_char *) err->text, (u_char *) text,
                       sizeof(err->text));

    return AE_DECLINED;
}


ngx_int_t
ngx_http_apievents_admin_endpoint_create(ngx_http_apievents_admin_t *a)
{
    ngx_uint_t         created;
    const char        *owner;
    const ae_value_t  *id;

    id = (a->body != NULL) ? ae_value_get(a->body, "id") : NULL;
    owner = ngx_http_apievents_endpoint_owner(id, &created);

    if (owner != NULL) {
        return ngx_http_apievents_endpoint_owned(a, owner);
    }

    if (created >= NGX_HTTP_APIEVENTS_RUNTIME_MAX) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                              "too many endpoints, at most "
                                              "256 are expected");
    }

    return ngx_http_apievents_admin_object_create(a);
}


ngx_int_t
ngx_http_apievents_admin_endpoint_put(ngx_http_apievents_admin_t *a)
{
    ae_value_t   id;
    ngx_uint_t   created;
    const char  *owner;

    id.type = AE_STRING;
    id.s = *(ae_str_t *) &a->segments[1];

    owner = ngx_http_apievents_endpoint_owner(&id, &created);

    return owner != NULL ? ngx_http_apievents_endpoint_owned(a, owner)
                         : ngx_http_apievents_admin_object_put(a);
}


ngx_int_t
ngx_http_apievents_admin_endpoint_delete(ngx_http_apievents_admin_t *a)
{
    ae_value_t   id;
    ngx_uint_t   created;
    const char  *owner;

    id.type = AE_STRING;
    id.s = *(ae_str_t *) &a->segments[1];

    owner = ngx_http_apievents_endpoint_owner(&id, &created);

    return owner != NULL ? ngx_http_apievents_endpoint_owned(a, owner)
                         : ngx_http_apievents_admin_object_delete(a);
}


/* who made it, NULL: nobody, or a call of these; and how many were made at run
 * time */

static const char *
ngx_http_apievents_endpoint_owner(const ae_value_t *id, ngx_uint_t *created)
{
    ae_id_t                             identity;
    uint64_t                            rev;
    ngx_uint_t                          i, known;
    const char                         *owner;
    ngx_http_apievents_endpoint_info_t  info;

    known = (id != NULL && id->type == AE_STRING
             && ae_id_unhex(&identity, id->s) == AE_OK);
    owner = NULL;
    *created = 0;

    for (i = 0; ngx_http_apievents_endpoint_info(i, &info) == NGX_OK; i++) {
        *created += !info.configured;

        if (!known || !ae_id_equal(info.identity, identity)) {
            continue;
        }

        if (info.configured) {
            owner = "the configuration, which only its file can change";

        } else if (ngx_http_apievents_sync_value(
                               &ngx_http_apievents_endpoint_kept, id->s, &rev)
                   == NULL)
        {
            owner = "a callback or an organisation, and changes with it";
        }
    }

    return owner;
}


static ngx_int_t
ngx_http_apievents_endpoint_owned(ngx_http_apievents_admin_t *a,
    const char *owner)
{
    u_char  *p, text[128];

    p = ngx_snprintf(text, sizeof(text) - 1, "the endpoint is one of %s",
                     owner);
    *p = '\0';

    return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                          (char *) text);
}


static ngx_str_t
ngx_http_apievents_endpoint_name(ae_str_t id, u_char *p)
{
    ngx_str_t  name;

    name.data = p;

    p = ngx_cpymem(p, "endpoint/", 9);
    p = ngx_cpymem(p, id.data, ngx_min(id.len, AE_HEX_LEN));

    name.len = p - name.data;

    return name;
}


static void
ngx_http_apievents_endpoint_put(ae_str_t id, const ae_value_t *value,
    const ae_value_t *was, ae_arena_t *arena)
{
    u_char                           text[NGX_HTTP_APIEVENTS_ENDPOINT_LEN];
    ngx_str_t                        name, path, *words;
    ngx_uint_t                       n;
    ae_error_t                       err;
    const ae_value_t                *opened;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    name = ngx_http_apievents_endpoint_name(id, text);

    ngx_str_set(&path, "endpoints");

    opened = ngx_http_apievents_opened(arena, mcf->store.db.seal,
                                       ngx_http_apievents_collection(&path),
                                       id, value);
    n = (opened != NULL)
        ? ngx_http_apievents_endpoint_words(arena, opened, &words) : 0;

    ngx_memzero(&err, sizeof(ae_error_t));

    if (n == 0
        || ngx_http_apievents_runtime_put(&name, words, n, &err) != NGX_OK)
    {
        (void) ngx_http_apievents_runtime_remove(&name);

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "\"%V\" gets no events: %s", &name,
                      opened == NULL ? "its secrets cannot be opened with "
                                       "this \"api_secret_key\""
                                     : n == 0 ? "no memory" : err.text);
        return;
    }

    ngx_http_apievents_endpoint_handlers(&name, value);
}


static void
ngx_http_apievents_endpoint_handlers(ngx_str_t *name,
    const ae_value_t *value)
{
    ngx_str_t          event, api, org;
    const ae_value_t  *v;

    ngx_str_null(&api);
    ngx_str_null(&org);

    v = ae_value_get(value, "api");

    if (v != NULL && v->type == AE_STRING) {
        api = *(const ngx_str_t *) &v->s;
    }

    v = ae_value_get(value, "org");

    if (v != NULL && v->type == AE_STRING) {
        org = *(const ngx_str_t *) &v->s;
    }

    v = ae_value_get(value, "events");

    for (v = (v != NULL) ? v->first : NULL; v != NULL; v = v->next) {
        event = *(const ngx_str_t *) &v->s;

        if (ngx_http_apievents_runtime_handler(name, &event, &api, &org)
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "\"%V\" cannot be told of \"%V\": too many "
                          "handlers", name, &event);
        }
    }
}


static void
ngx_http_apievents_endpoint_gone(ae_str_t id, const ae_value_t *was)
{
    u_char     text[NGX_HTTP_APIEVENTS_ENDPOINT_LEN];
    ngx_str_t  name;

    name = ngx_http_apievents_endpoint_name(id, text);

    (void) ngx_http_apievents_runtime_remove(&name);
}
