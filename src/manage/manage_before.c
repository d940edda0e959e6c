/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Callbacks of type before: each may cancel a change by an answer that is not
 * the expected one, or by none (as in Sensedia).
 */


#include "manage/manage_object.h"


/* callbacks that are looked at in the store */
#define NGX_HTTP_APIEVENTS_BEFORE_PAGE  100


static int ngx_http_apievents_before_page(ngx_http_apievents_admin_t *a,
    const ae_db_document_t *docs, size_t n);
static int ngx_libc_cdecl ngx_http_apievents_before_compare(const void *one,
    const void *two);
static ngx_int_t ngx_http_apievents_before_next(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_before_answered(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_before_cancel(
    ngx_http_apievents_admin_t *a, const ae_value_t *callback);


int
ngx_http_apievents_before_read(ae_db_t *db, ngx_http_apievents_admin_t *a)
{
    int                           rc;
    size_t                        n;
    ae_str_t                      after;
    uint64_t                      count;
    ae_db_document_t             *docs;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    rc = ae_db_document_count(db, ae_str("callback"), &count);

    if (rc != AE_OK || count == 0) {
        return rc;
    }

    docs = ae_arena_alloc(a->arena, NGX_HTTP_APIEVENTS_BEFORE_PAGE
                                    * sizeof(ae_db_document_t));
    c->callbacks = ae_arena_alloc(a->arena, NGX_HTTP_APIEVENTS_CALLBACKS
                                            * sizeof(ae_value_t *));
    if (docs == NULL || c->callbacks == NULL) {
        return AE_ERROR;
    }

    after = ae_str("");

    do {
        n = NGX_HTTP_APIEVENTS_BEFORE_PAGE;

        rc = ae_db_document_list(db, ae_str("callback"), 1, &after, docs, &n,
                                 a->arena);

        if ((rc != AE_OK && rc != AE_AGAIN)
            || ngx_http_apievents_before_page(a, docs, n) != AE_OK)
        {
            return AE_ERROR;
        }

    } while (rc == AE_AGAIN);

    ngx_qsort(c->callbacks, c->ncallbacks, sizeof(ae_value_t *),
              ngx_http_apievents_before_compare);

    return AE_OK;
}


static int
ngx_http_apievents_before_page(ngx_http_apievents_admin_t *a,
    const ae_db_document_t *docs, size_t n)
{
    size_t                        i;
    ae_error_t                    err;
    ae_value_t                   *callback;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    for (i = 0; i < n; i++) {
        callback = ae_json_parse(a->arena, docs[i].body, &err);

        if (callback == NULL) {
            return AE_ERROR;
        }

        if (!ngx_http_apievents_callback_wants(callback, "before", c,
                                               &a->user->name))
        {
            continue;
        }

        if (c->ncallbacks == NGX_HTTP_APIEVENTS_CALLBACKS) {
            return AE_ERROR;
        }

        c->callbacks[c->ncallbacks++] = callback;
    }

    return AE_OK;
}


static int ngx_libc_cdecl
ngx_http_apievents_before_compare(const void *one, const void *two)
{
    const ae_value_t  *first, *second;

    first = ae_value_get(*(ae_value_t *const *) one, "name");
    second = ae_value_get(*(ae_value_t *const *) two, "name");

    if (first == NULL || second == NULL) {
        return (first != NULL) - (second != NULL);
    }

    return (int) ngx_memn2cmp(first->s.data, second->s.data, first->s.len,
                              second->s.len);
}


ngx_int_t
ngx_http_apievents_before(ngx_http_apievents_admin_t *a)
{
    ae_value_t                   *document;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    if (c->ncallbacks == 0) {
        return ngx_http_apievents_change_write(a);
    }

    document = ngx_http_apievents_change_document(a, "before");

    if (document == NULL
        || ngx_http_apievents_admin_json(a, document, AE_DB_BODY * 2,
                                         &c->asking)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_before_next(a);
}


static ngx_int_t
ngx_http_apievents_before_next(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_change_t  *c;

    c = a->change;

    if (c->asked == c->ncallbacks) {
        return ngx_http_apievents_change_write(a);
    }

    return ngx_http_apievents_callback_post(a, c->callbacks[c->asked],
                             c->asking, ngx_http_apievents_before_answered);
}


static ngx_int_t
ngx_http_apievents_before_answered(ngx_http_apievents_admin_t *a)
{
    const ae_value_t             *callback, *v;
    ngx_http_apievents_change_t  *c;

    c = a->change;
    callback = c->callbacks[c->asked++];

    if (ngx_http_apievents_callback_expects(callback, c->status)) {
        return ngx_http_apievents_before_next(a);
    }

    v = ae_value_get(callback, "on_error");

    if (v != NULL && v->type == AE_STRING
        && ngx_http_apievents_str_is(v->s, "allow"))
    {
        return ngx_http_apievents_before_next(a);
    }

    return ngx_http_apievents_before_cancel(a, callback);
}


static ngx_int_t
ngx_http_apievents_before_cancel(ngx_http_apievents_admin_t *a,
    const ae_value_t *callback)
{
    u_char                       *p, *last, text[512];
    const ae_value_t             *name;
    ngx_http_apievents_change_t  *c;

    c = a->change;
    p = text;
    last = text + sizeof(text) - 1;

    name = ae_value_get(callback, "name");

    p = ngx_slprintf(p, last, "cancelled by callback \"%*s\": ",
                     name ? ngx_min(name->s.len, 200) : 0,
                     name ? name->s.data : NULL);

    if (c->status != 0) {
        p = ngx_slprintf(p, last, "it answered %ui", c->status);

    } else {
        p = ngx_slprintf(p, last, "%V", &c->error);
    }

    p = ngx_slprintf(p, last, ", after %uL ms", c->took / 1000000);
    *p = '\0';

    return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                          (char *) text);
}
