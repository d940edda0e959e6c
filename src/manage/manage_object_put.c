/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Managed objects are made, put and deleted: what a call says is checked, then
 * it is a change (manage_change.c).
 */


#include <openssl/rand.h>

#include "manage/manage_object.h"


static ngx_int_t ngx_http_apievents_object_start(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_action_e action,
    ngx_http_apievents_change_t **change);
static void ngx_http_apievents_object_begin(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_change_t *c, ngx_http_apievents_action_e action);
static ngx_int_t ngx_http_apievents_object_name(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_change_t *c);
static ngx_uint_t ngx_http_apievents_object_shows(ae_str_t id);
static ngx_uint_t ngx_http_apievents_object_dots(ae_str_t id);
static ngx_int_t ngx_http_apievents_object_check(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_change_t *c);
static ae_value_t *ngx_http_apievents_object_with_id(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_change_t *c);
static ngx_int_t ngx_http_apievents_object_changed(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_object_gone(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_change_t *c);
static ngx_int_t ngx_http_apievents_object_location(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_change_t *c);


ngx_int_t
ngx_http_apievents_admin_object_create(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                     rc;
    ngx_http_apievents_change_t  *c;

    rc = ngx_http_apievents_object_start(a, NGX_HTTP_APIEVENTS_CREATED, &c);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_apievents_object_name(a, c);
    }

    return rc == NGX_DECLINED ? ngx_http_apievents_object_check(a, c) : rc;
}


ngx_int_t
ngx_http_apievents_admin_object_put(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                     rc;
    const ae_value_t             *v;
    ngx_http_apievents_change_t  *c;

    rc = ngx_http_apievents_object_start(a, NGX_HTTP_APIEVENTS_UPDATED, &c);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    c->id = *(ae_str_t *) &a->segments[1];
    v = ae_value_get(a->body, c->type->key);

    if (v != NULL && v->type != AE_NULL
        && (v->type != AE_STRING || v->s.len != c->id.len
            || ngx_memcmp(v->s.data, c->id.data, c->id.len) != 0))
    {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "\"id\" must be that of the "
                                              "path, or absent");
    }

    /* what a PUT may make needs an id that a POST could have given it */

    rc = c->type->put ? ngx_http_apievents_object_valid(a, c->id)
                      : NGX_DECLINED;

    return rc == NGX_DECLINED ? ngx_http_apievents_object_check(a, c) : rc;
}


ngx_int_t
ngx_http_apievents_admin_object_delete(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_change_t  *c;

    c = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_change_t));
    if (c == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_apievents_object_begin(a, c, NGX_HTTP_APIEVENTS_DELETED);

    c->id = *(ae_str_t *) &a->segments[1];

    return ngx_http_apievents_change(a, c);
}


/* this and the next two: NGX_DECLINED, go on; else what to return */

static ngx_int_t
ngx_http_apievents_object_start(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_action_e action, ngx_http_apievents_change_t **change)
{
    ngx_http_apievents_change_t  *c;

    *change = NULL;

    if (a->body == NULL) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "line 1: a JSON object is "
                                              "expected");
    }

    c = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_change_t));
    if (c == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_apievents_object_begin(a, c, action);

    *change = c;

    return NGX_DECLINED;
}


static void
ngx_http_apievents_object_begin(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_change_t *c, ngx_http_apievents_action_e action)
{
    c->type = ngx_http_apievents_collection(&a->segments[0]);
    c->action = action;
    c->asked_for = action;
    c->answer = c->type->tyk ? ngx_http_apievents_tyk_changed
                             : ngx_http_apievents_object_changed;
}


/* the client's, or 128 bits of chance */

static ngx_int_t
ngx_http_apievents_object_name(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_change_t *c)
{
    ae_id_t            id;
    const ae_value_t  *v;

    if (a->nsegments > 1) {
        c->id = *(ae_str_t *) &a->segments[1];

        return ngx_http_apievents_object_valid(a, c->id);
    }

    v = ae_value_get(a->body, c->type->key);

    /* Tyk's tools send an empty one for none */

    if (v != NULL && v->type != AE_NULL
        && (!c->type->tyk || v->type != AE_STRING || v->s.len != 0))
    {

        if (v->type != AE_STRING) {
            return ngx_http_apievents_admin_error(a->request,
                                                  NGX_HTTP_BAD_REQUEST,
                                                  "\"id\" must be a string");
        }

        c->id = v->s;

        return ngx_http_apievents_object_valid(a, c->id);
    }

    c->id.len = AE_HEX_LEN;
    c->id.data = ae_arena_alloc(a->arena, AE_HEX_LEN);

    if (c->id.data == NULL
        || RAND_bytes((u_char *) &id, sizeof(ae_id_t)) != 1)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ae_id_hex(c->id.data, id);

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_apievents_object_valid(ngx_http_apievents_admin_t *a, ae_str_t id)
{
    if (id.len == 0 || id.len > NGX_HTTP_APIEVENTS_OBJECT_ID
        || !ngx_http_apievents_object_shows(id))
    {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "\"id\" must be 1 to 128 bytes "
                                              "of UTF-8 without control "
                                              "characters");
    }

    if (ngx_http_apievents_object_dots(id)) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "\"id\" must not have \".\" or "
                                              "\"..\" between slashes, no "
                                              "path would lead there");
    }

    return NGX_DECLINED;
}


/* as it is, wherever it is listed */

static ngx_uint_t
ngx_http_apievents_object_shows(ae_str_t id)
{
    size_t    i, n;
    uint32_t  cp;

    for (i = 0; i < id.len; i += n) {
        n = 1;

        if (id.data[i] < 0x20 || id.data[i] == 0x7f) {
            return 0;
        }

        if (id.data[i] >= 0x80) {
            n = ae_json_utf8(&id.data[i], id.len - i, &cp);

            if (cp == 0) {
                return 0;
            }
        }
    }

    return 1;
}


/* nginx takes these for folders, be they escaped or not */

static ngx_uint_t
ngx_http_apievents_object_dots(ae_str_t id)
{
    u_char  *p, *last, *end;

    last = id.data + id.len;

    for (p = id.data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '/');

        if (end == NULL) {
            end = last;
        }

        if ((end - p == 1 && p[0] == '.')
            || (end - p == 2 && p[0] == '.' && p[1] == '.'))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_apievents_object_check(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_change_t *c)
{
    int         rc;
    ae_error_t  err;

    ngx_memzero(&err, sizeof(ae_error_t));

    if (ae_members_check(a->body, c->type->members, &err) != AE_OK) {
        return ngx_http_apievents_object_bad(a, NGX_HTTP_BAD_REQUEST, &err);
    }

    rc = c->type->check ? c->type->check(a, a->body, &err) : AE_OK;

    if (rc != AE_OK) {
        return ngx_http_apievents_object_bad(a,
                              NGX_HTTP_APIEVENTS_UNPROCESSABLE, &err);
    }

    c->data = ngx_http_apievents_object_with_id(a, c);

    if (c->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_change(a, c);
}


ngx_int_t
ngx_http_apievents_object_bad(ngx_http_apievents_admin_t *a,
    ngx_uint_t status, ae_error_t *err)
{
    u_char  *p, text[256];

    p = ngx_snprintf(text, sizeof(text) - 1, "line %ui: %s",
                     (ngx_uint_t) err->line, err->text);
    *p = '\0';

    return ngx_http_apievents_admin_error(a->request, status, (char *) text);
}


/* the first member, wherever it stood */

static ae_value_t *
ngx_http_apievents_object_with_id(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_change_t *c)
{
    ae_value_t                  *map;
    ngx_http_apievents_fixed_t   made;

    made.id = c->id;
    made.value = a->body;

    map = ngx_http_apievents_fixed_value(c->type, &made, a->arena);

    if (map == NULL || c->type->sealed) {
        return map;
    }

    return ngx_http_apievents_shown(a, c->type, map);
}


static ngx_int_t
ngx_http_apievents_object_changed(ngx_http_apievents_admin_t *a)
{
    ngx_uint_t                    status;
    ae_value_t                   *map;
    ngx_http_apievents_change_t  *c;

    c = a->change;
    status = NGX_HTTP_OK;
    map = (c->action == NGX_HTTP_APIEVENTS_DELETED)
          ? ngx_http_apievents_object_gone(a, c)
          : ngx_http_apievents_shown(a, c->type, c->data);

    if (map == NULL
        || (c->warnings != NULL
            && ae_value_set(map, ae_str("warnings"), c->warnings) != AE_OK)
        || (c->action != NGX_HTTP_APIEVENTS_DELETED
            && ngx_http_apievents_object_tag(a, c->rev) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (c->action == NGX_HTTP_APIEVENTS_CREATED) {
        status = NGX_HTTP_CREATED;

        if (ngx_http_apievents_object_location(a, c) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_apievents_admin_answer(a->request, status, map);
}


static ae_value_t *
ngx_http_apievents_object_gone(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_change_t *c)
{
    ae_value_t  *map;

    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("status"),
                        ae_value_str(a->arena, ae_str("ok"))) != AE_OK
        || ae_value_set(map, ae_str("action"),
                        ae_value_str(a->arena, ae_str("deleted"))) != AE_OK
        || ae_value_set(map, ae_str("id"), ae_value_str(a->arena, c->id))
           != AE_OK)
    {
        return NULL;
    }

    return map;
}


ngx_int_t
ngx_http_apievents_object_tag(ngx_http_apievents_admin_t *a, uint64_t rev)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(a->request->pool, NGX_INT64_LEN + 2);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "\"%uL\"", rev) - value.data;

    return ngx_http_apievents_admin_header(a->request, "ETag", &value);
}


static ngx_int_t
ngx_http_apievents_object_location(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_change_t *c)
{
    u_char                    *p;
    ngx_str_t                  value;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(a->request, ngx_http_core_module);

    value.data = ngx_pnalloc(a->request->pool, clcf->name.len
                             + c->type->path.len + 2 + c->id.len * 3);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value.data, clcf->name.data, clcf->name.len);

    if (p == value.data || p[-1] != '/') {
        *p++ = '/';
    }

    p = ngx_cpymem(p, c->type->path.data, c->type->path.len);
    *p++ = '/';
    p = (u_char *) ngx_escape_uri(p, c->id.data, c->id.len,
                                  NGX_ESCAPE_URI_COMPONENT);
    value.len = p - value.data;

    return ngx_http_apievents_admin_header(a->request, "Location", &value);
}
