/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What was changed is told: as an event of the object's own, to handlers of
 * the configuration and to callbacks of type after.
 */


#include "manage/manage_object.h"


#define NGX_HTTP_APIEVENTS_AFTER_MSEC   10000
#define NGX_HTTP_APIEVENTS_AFTER_WAIT   300         /* ms, for warnings */
#define NGX_HTTP_APIEVENTS_AFTER_FIXED  7       /* words besides headers */

/* of the event's own, data and previous together */
#define NGX_HTTP_APIEVENTS_AFTER_MAX    (4 * 1024 * 1024)


static ae_str_t ngx_http_apievents_after_retry(ae_arena_t *arena,
    const ae_value_t *callback);
static void ngx_http_apievents_after_raise(void *data);
static void ngx_http_apievents_after_told(void *data,
    const ae_watch_result_t *results, ngx_uint_t n, ngx_uint_t expected);
static ae_value_t *ngx_http_apievents_after_warning(
    ngx_http_apievents_admin_t *a, const ae_watch_result_t *result);


ngx_uint_t
ngx_http_apievents_after_words(ae_arena_t *arena, const ae_value_t *callback,
    ngx_str_t **words)
{
    u_char             msec[NGX_INT_T_LEN + 2];
    ae_str_t           none, timeout;
    ngx_str_t         *w;
    ngx_uint_t         n, max;
    const ae_value_t  *v, *headers;

    none = ae_str("");

    headers = ae_value_get(callback, "headers");
    max = NGX_HTTP_APIEVENTS_AFTER_FIXED
          + (headers != NULL ? headers->count : 0);

    w = ae_arena_alloc(arena, max * sizeof(ngx_str_t));
    if (w == NULL) {
        return 0;
    }

    timeout.data = msec;
    timeout.len = ngx_sprintf(msec, "%Mms",
                       ngx_http_apievents_callback_timeout(callback,
                                           NGX_HTTP_APIEVENTS_AFTER_MSEC))
                  - msec;

    ngx_str_set(&w[0], "webhook");
    ngx_str_set(&w[1], "format=callback");
    n = 2;

    if (ngx_http_apievents_after_word(arena, &w[n++], "url=",
                                      ae_value_get(callback, "url")->s, "",
                                      none)
        != NGX_OK
        || ngx_http_apievents_after_word(arena, &w[n++], "timeout=", timeout,
                                         "", none)
           != NGX_OK
        || ngx_http_apievents_after_word(arena, &w[n++], "retry=",
                          ngx_http_apievents_after_retry(arena, callback),
                          "", none)
           != NGX_OK)
    {
        return 0;
    }

    v = ae_value_get(callback, "secret");

    if (v != NULL && v->type == AE_STRING && !ngx_http_apievents_masked(v)
        && ngx_http_apievents_after_word(arena, &w[n++], "secret=", v->s, "",
                                         none)
           != NGX_OK)
    {
        return 0;
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

    *words = w;

    return n;
}


/* with a NUL behind it, as words of a configuration have it */

ngx_int_t
ngx_http_apievents_after_word(ae_arena_t *arena, ngx_str_t *word,
    const char *name, ae_str_t one, const char *between, ae_str_t two)
{
    u_char  *p;
    size_t   len;

    len = ngx_strlen(name) + one.len + ngx_strlen(between) + two.len;

    p = ae_arena_alloc(arena, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    word->data = p;
    word->len = len;

    p = ngx_cpymem(p, name, ngx_strlen(name));
    p = ngx_cpymem(p, one.data, one.len);
    p = ngx_cpymem(p, between, ngx_strlen(between));

    if (two.len != 0) {
        ngx_memcpy(p, two.data, two.len);
    }

    return NGX_OK;
}


/* as in Sensedia; one attempt */

static ae_str_t
ngx_http_apievents_after_retry(ae_arena_t *arena, const ae_value_t *callback)
{
    const ae_value_t  *v;

    v = ae_value_get(callback, "retry");

    return (v != NULL && (v->type == AE_STRING || v->type == AE_NUMBER))
           ? v->s : ae_str("off");
}


void
ngx_http_apievents_after(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_change_t  *c;

    c = a->change;

    if (c->type->kept) {
        ngx_http_apievents_sync_changed();
    }

    c->sync.done = ngx_http_apievents_after_raise;
    c->sync.data = a;

    ngx_http_apievents_sync(&c->sync);
}


static void
ngx_http_apievents_after_raise(void *data)
{
    ngx_http_apievents_admin_t *a = data;

    u_char                        id[AE_EVENT_ID_LEN];
    ae_str_t                      meta;
    ae_value_t                   *document;
    ngx_http_apievents_raise_t    e;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    ngx_http_apievents_portal_change(a);

    if (c->type->object.len != 0) {
        document = ngx_http_apievents_change_document(a, "after");

        ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

        e.type = AE_EVENT_CUSTOM;
        e.id = c->event;
        e.name = *(ngx_str_t *) &c->name;
        e.alias = a->user->name;
        e.depth = ngx_http_apievents_hops(a->request);
        ngx_str_set(&e.message, "Object changed");

        if (document != NULL
            && ngx_http_apievents_admin_json(a, document,
                                             NGX_HTTP_APIEVENTS_AFTER_MAX,
                                             &meta)
               == NGX_OK)
        {
            e.meta = *(ngx_str_t *) &meta;
        }

        if (ngx_http_apievents_raise(&e, id) == NGX_OK
            && ngx_http_apievents_runtime_watch(id,
                                          NGX_HTTP_APIEVENTS_AFTER_WAIT,
                                          ngx_http_apievents_after_told, a)
               != NULL)
        {
            return;
        }
    }

    ngx_http_apievents_admin_go(a);
}


/* the answer says which first attempts have failed already */

static void
ngx_http_apievents_after_told(void *data, const ae_watch_result_t *results,
    ngx_uint_t n, ngx_uint_t expected)
{
    ngx_http_apievents_admin_t *a = data;

    ngx_uint_t                    i;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    for (i = 0; i < n; i++) {

        if (results[i].failed) {

            if (c->warnings == NULL) {
                c->warnings = ae_value_array(a->arena);
            }

            /* without memory it is the history alone that has it */

            if (c->warnings != NULL) {
                (void) ae_value_add(c->warnings,
                                    ngx_http_apievents_after_warning(a,
                                                             &results[i]));
            }
        }
    }

    ngx_http_apievents_admin_go(a);
}


static ae_value_t *
ngx_http_apievents_after_warning(ngx_http_apievents_admin_t *a,
    const ae_watch_result_t *result)
{
    u_char             text[512], *p, *last;
    ae_str_t           s, none;
    const ae_value_t  *callback, *name;

    none = ae_str("");
    p = text;
    last = text + sizeof(text);

    callback = ngx_http_apievents_sync_find(result->endpoint);
    name = (callback != NULL) ? ae_value_get(callback, "name") : NULL;

    p = ngx_slprintf(p, last, "callback \"%*s\": ",
                     name ? ngx_min(name->s.len, 200) : 0,
                     name ? name->s.data : none.data);

    if (result->status != 0) {
        p = ngx_slprintf(p, last, "it answered %uD", result->status);

    } else {
        p = ngx_slprintf(p, last, "%s", result->error);
    }

    p = ngx_slprintf(p, last, ", after %uL ms", result->duration / 1000000);

    s.data = text;
    s.len = p - text;
    s = ae_arena_dup(a->arena, s);

    return (s.data == NULL) ? NULL : ae_value_str(a->arena, s);
}
