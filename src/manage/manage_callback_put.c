/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A callback of type after as an endpoint of run time, in each worker.
 */


#include "manage/manage_object.h"


static int ngx_http_apievents_callback_told(const ae_value_t *callback);
static void ngx_http_apievents_callback_put(ae_str_t id,
    const ae_value_t *callback, const ae_value_t *was, ae_arena_t *arena);
static void ngx_http_apievents_callback_handlers(ngx_str_t *endpoint,
    const ae_value_t *callback);
static void ngx_http_apievents_callback_gone(ae_str_t id,
    const ae_value_t *was);


const ngx_http_apievents_kept_t  ngx_http_apievents_callback_kept = {
    ae_string("callback"),
    ngx_http_apievents_callback_told,
    ngx_http_apievents_callback_put,
    ngx_http_apievents_callback_gone
};


static int
ngx_http_apievents_callback_told(const ae_value_t *callback)
{
    ae_str_t           when, object;
    const ae_value_t  *type;

    type = ae_value_get(callback, "type");

    return type != NULL && type->type == AE_STRING
           && ngx_http_apievents_callback_type(type->s, &when, &object)
           && ngx_http_apievents_str_is(when, "after")
           && ngx_http_apievents_callback_active(callback);
}


static void
ngx_http_apievents_callback_put(ae_str_t id, const ae_value_t *callback,
    const ae_value_t *was, ae_arena_t *arena)
{
    u_char                           text[NGX_HTTP_APIEVENTS_CALLBACK_LEN];
    ngx_str_t                        endpoint, *words;
    ngx_uint_t                       n;
    ae_error_t                       err;
    const ae_value_t                *opened;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    endpoint = ngx_http_apievents_callback_endpoint(id, text);

    opened = ngx_http_apievents_callback_opened(arena, mcf->store.db.seal,
                                                callback);
    n = (opened != NULL)
        ? ngx_http_apievents_after_words(arena, opened, &words) : 0;

    ngx_memzero(&err, sizeof(ae_error_t));

    if (n == 0
        || ngx_http_apievents_runtime_put(&endpoint, words, n, &err)
           != NGX_OK)
    {
        /* what it was is not called in its place */

        (void) ngx_http_apievents_runtime_remove(&endpoint);

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "callback \"%V\" cannot be called: %s", &endpoint,
                      opened == NULL ? "its secrets cannot be opened with "
                                       "this \"api_secret_key\""
                                     : n == 0 ? "no memory" : err.text);
        return;
    }

    ngx_http_apievents_callback_handlers(&endpoint, callback);
}


static void
ngx_http_apievents_callback_handlers(ngx_str_t *endpoint,
    const ae_value_t *callback)
{
    u_char             text[64];
    ae_str_t           when, object, filter;
    ngx_str_t          event, none, alias;
    ngx_uint_t         i, actions;
    const ae_value_t  *v;

    ngx_str_null(&none);

    (void) ngx_http_apievents_callback_type(ae_value_get(callback, "type")->s,
                                            &when, &object);

    filter = ngx_http_apievents_callback_filter(callback);
    actions = (filter.data == NULL)
              ? 7 : ngx_http_apievents_callback_actions(filter);

    for (i = 0; i < 3; i++) {

        if (!(actions & (1 << i))) {
            continue;
        }

        event.data = text;
        event.len = ngx_snprintf(text, sizeof(text), "%V.%V",
                                 (ngx_str_t *) &object,
                                 (ngx_str_t *) &ngx_http_apievents_actions[i])
                    - text;

        if (ngx_http_apievents_runtime_handler(endpoint, &event, &none, &none)
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "\"%V\" cannot be told of \"%V\": too many "
                          "callbacks", endpoint, &event);
        }
    }

    v = ae_value_get(callback, "except_user");

    if (v != NULL && v->type == AE_STRING && v->s.len != 0) {
        alias = *(const ngx_str_t *) &v->s;
        ngx_http_apievents_runtime_except(endpoint, &alias);
    }
}


static void
ngx_http_apievents_callback_gone(ae_str_t id, const ae_value_t *was)
{
    u_char     text[NGX_HTTP_APIEVENTS_CALLBACK_LEN];
    ngx_str_t  endpoint;

    endpoint = ngx_http_apievents_callback_endpoint(id, text);

    (void) ngx_http_apievents_runtime_remove(&endpoint);
}
