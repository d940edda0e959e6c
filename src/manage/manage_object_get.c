/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Managed objects are read: apps, developers, callbacks and the others, by
 * pages in the order of their ids.
 */


#include "manage/manage_object.h"


/* a page of a collection */

struct ngx_http_apievents_list_s {
    const ngx_http_apievents_collection_t
                                   *type;
    ae_str_t                        id;         /* of the one, or empty */
    ae_str_t                        after;
    ae_db_document_t               *docs;
    uint64_t                       *called;     /* when last, wall ns, or 0 */
    size_t                          n;
    ngx_http_apievents_fixed_t     *fixed;      /* of the configuration */
    size_t                          nfixed;
    ae_value_t                     *one;        /* of it; or NULL */
    unsigned                        more:1;
};


static ngx_http_apievents_list_t *ngx_http_apievents_object_list(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_object_room(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_list_t *list);
static const char *ngx_http_apievents_object_page(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_list_t *list);
static void ngx_http_apievents_objects_read(ae_db_t *db, void *data);
static int ngx_http_apievents_objects_called(ae_db_t *db,
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_objects_answer(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_objects_items(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_list_t *list,
    ae_str_t *last);
static ngx_http_apievents_fixed_t *ngx_http_apievents_objects_fixed(
    ngx_http_apievents_list_t *list, size_t j);
static ae_value_t *ngx_http_apievents_object_fixed(
    ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_collection_t *type,
    const ngx_http_apievents_fixed_t *fixed);
static ae_value_t *ngx_http_apievents_object_map(
    ngx_http_apievents_admin_t *a, size_t i);
static void ngx_http_apievents_object_read(ae_db_t *db, void *data);
static ngx_int_t ngx_http_apievents_object_answer(
    ngx_http_apievents_admin_t *a);


ngx_int_t
ngx_http_apievents_admin_objects(ngx_http_apievents_admin_t *a)
{
    const char                 *expected;
    ngx_http_apievents_list_t  *list;

    list = ngx_http_apievents_object_list(a);
    if (list == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    expected = ngx_http_apievents_object_page(a, list);

    if (expected != NULL) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST, expected);
    }

    if (ngx_http_apievents_object_room(a, list) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_job(a, ngx_http_apievents_objects_read,
                                        ngx_http_apievents_objects_answer);
}


static ngx_http_apievents_list_t *
ngx_http_apievents_object_list(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_list_t  *list;

    list = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_list_t));

    if (list != NULL) {
        list->type = ngx_http_apievents_collection(&a->segments[0]);
        a->list = list;
    }

    return list;
}


static ngx_int_t
ngx_http_apievents_object_room(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_list_t *list)
{
    list->docs = ae_arena_alloc(a->arena, list->n * sizeof(ae_db_document_t));
    list->called = ae_arena_alloc(a->arena, list->n * sizeof(uint64_t));

    return (list->docs == NULL || list->called == NULL) ? NGX_ERROR : NGX_OK;
}


static const char *
ngx_http_apievents_object_page(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_list_t *list)
{
    ngx_int_t  n;
    ngx_str_t  value;

    list->n = list->type->tyk ? NGX_HTTP_APIEVENTS_PAGE_MAX
                              : NGX_HTTP_APIEVENTS_PAGE;
    list->after = ae_str("");

    if (ngx_http_apievents_admin_field(a, "limit", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > NGX_HTTP_APIEVENTS_PAGE_MAX) {
            return "limit: a number from 1 to 1000 is expected";
        }

        list->n = n;
    }

    if (ngx_http_apievents_admin_field(a, "after", &value)) {

        if (value.len > NGX_HTTP_APIEVENTS_OBJECT_ID) {
            return "after: the \"next\" of the page before is expected";
        }

        list->after = *(ae_str_t *) &value;
    }

    a->limit = list->n;

    return NULL;
}


static void
ngx_http_apievents_objects_read(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    int                         rc;
    ngx_http_apievents_list_t  *list;

    list = a->list;

    list->fixed = ngx_http_apievents_fixed_list(list->type, list->after,
                                                a->arena, &list->nfixed);

    if (list->fixed == NULL) {
        a->rc = AE_ERROR;
        return;
    }

    rc = ae_db_document_list(db, list->type->name, 1, &list->after,
                             list->docs, &list->n, a->arena);

    list->more = (rc == AE_AGAIN);

    a->rc = (rc == AE_OK || rc == AE_AGAIN)
            ? ngx_http_apievents_objects_called(db, a) : rc;
}


/* the newest attempt of each */

static int
ngx_http_apievents_objects_called(ae_db_t *db, ngx_http_apievents_admin_t *a)
{
    size_t                      i, n;
    ae_db_query_t               query;
    ae_db_attempt_t             attempt;
    ngx_http_apievents_list_t  *list;

    list = a->list;

    for (i = 0; i < list->n && list->type->calls; i++) {
        ngx_memzero(&query, sizeof(ae_db_query_t));

        query.endpoint = ngx_http_apievents_callback_identity(
                                                          list->docs[i].id);
        n = 1;

        if (ae_db_attempt_list(db, &query, &attempt, &n, a->arena) != AE_OK) {
            return AE_ERROR;
        }

        list->called[i] = (n != 0) ? attempt.time : 0;
    }

    return AE_OK;
}


static ngx_int_t
ngx_http_apievents_objects_answer(ngx_http_apievents_admin_t *a)
{
    ae_str_t                    last;
    ae_value_t                 *map, *next, *items;
    ngx_http_apievents_list_t  *list;

    list = a->list;
    map = ae_value_map(a->arena);
    items = ngx_http_apievents_objects_items(a, list, &last);

    if (items == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (list->type->tyk) {
        return ngx_http_apievents_tyk_list(a, items, last);
    }

    next = last.len ? ae_value_str(a->arena, last)
                    : ae_arena_alloc(a->arena, sizeof(ae_value_t));

    if (map == NULL
        || ae_value_set(map, ae_str("items"), items) != AE_OK
        || ae_value_set(map, ae_str("next"), next) != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


/*
 * Both are in the order of ids: the next one is the lesser, of two with one id
 * that which is stored.  *last: there is more behind it, or it is empty.
 */

static ae_value_t *
ngx_http_apievents_objects_items(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_list_t *list, ae_str_t *last)
{
    size_t                       i, j;
    ngx_int_t                    rc;
    ae_value_t                  *items, *item;
    ngx_http_apievents_fixed_t  *fixed;

    i = 0;
    j = 0;
    items = ae_value_array(a->arena);

    while (items != NULL) {
        fixed = ngx_http_apievents_objects_fixed(list, j);

        if (fixed == NULL && i == list->n) {
            *last = list->more ? list->after : ae_str("");
            return items;
        }

        if (items->count == a->limit) {
            return items;
        }

        rc = (fixed == NULL) ? -1
             : (i == list->n) ? 1
             : ngx_memn2cmp(list->docs[i].id.data, fixed->id.data,
                            list->docs[i].id.len, fixed->id.len);

        j += (rc >= 0);

        if (rc > 0) {
            item = ngx_http_apievents_object_fixed(a, list->type, fixed);
            *last = fixed->id;

        } else {
            item = ngx_http_apievents_object_map(a, i);
            *last = list->docs[i++].id;
        }

        if (ae_value_add(items, item) != AE_OK) {
            return NULL;
        }
    }

    return NULL;
}


/* what is behind a page that is not the last one is for the next ones */

static ngx_http_apievents_fixed_t *
ngx_http_apievents_objects_fixed(ngx_http_apievents_list_t *list, size_t j)
{
    ngx_http_apievents_fixed_t  *fixed;

    fixed = &list->fixed[j];

    if (j == list->nfixed
        || (list->more
            && ngx_memn2cmp(fixed->id.data, list->after.data, fixed->id.len,
                            list->after.len)
               > 0))
    {
        return NULL;
    }

    return fixed;
}


static ae_value_t *
ngx_http_apievents_object_fixed(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_collection_t *type,
    const ngx_http_apievents_fixed_t *fixed)
{
    ae_value_t  *value;

    value = ngx_http_apievents_fixed_value(type, fixed, a->arena);

    return (value == NULL) ? NULL : ngx_http_apievents_shown(a, type, value);
}


/* the i-th document, as it may be shown */

static ae_value_t *
ngx_http_apievents_object_map(ngx_http_apievents_admin_t *a, size_t i)
{
    ae_error_t                  err;
    ae_value_t                 *object;
    ngx_http_apievents_list_t  *list;

    list = a->list;

    object = ae_json_parse(a->arena, list->docs[i].body, &err);

    if (object != NULL) {
        object = ngx_http_apievents_shown(a, list->type, object);
    }

    if (object != NULL && list->type->calls
        && ae_value_set(object, ae_str("last_triggered"),
                        ngx_http_apievents_admin_time(a->arena,
                                                      list->called[i]))
           != AE_OK)
    {
        return NULL;
    }

    return object;
}


ngx_int_t
ngx_http_apievents_admin_object(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_list_t  *list;

    list = ngx_http_apievents_object_list(a);
    if (list == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    list->id = *(ae_str_t *) &a->segments[1];
    list->n = 1;

    if (ngx_http_apievents_object_room(a, list) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_job(a, ngx_http_apievents_object_read,
                                        ngx_http_apievents_object_answer);
}


static void
ngx_http_apievents_object_read(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    ngx_http_apievents_list_t  *list;

    list = a->list;

    a->rc = ae_db_document_get(db, list->type->name, list->id, a->arena,
                               list->docs);

    if (a->rc == AE_OK) {
        a->rc = ngx_http_apievents_objects_called(db, a);

    } else if (a->rc == AE_DECLINED) {
        list->one = ngx_http_apievents_fixed_get(list->type, list->id,
                                                 a->arena);
        list->n = 0;
        a->rc = AE_OK;
    }
}


ngx_int_t
ngx_http_apievents_object_none(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_collection_t *type)
{
    return ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                          type->none
                                          ? type->none
                                          : "there is nothing of that id");
}


static ngx_int_t
ngx_http_apievents_object_answer(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_list_t  *list;

    list = a->list;

    if (list->n == 0) {
        return (list->one == NULL)
               ? ngx_http_apievents_object_none(a, list->type)
               : ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                                 ngx_http_apievents_shown(a, list->type,
                                                          list->one));
    }

    if (ngx_http_apievents_object_tag(a, list->docs->rev) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                                      ngx_http_apievents_object_map(a, 0));
}
