/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Keys by their credential or KeyID (as in Tyk).
 */


#include "manage/manage_keys.h"


static ngx_int_t ngx_http_apievents_key_put(ngx_http_apievents_admin_t *a,
    ngx_uint_t anew);
static void ngx_http_apievents_key_find(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k);
static ngx_uint_t ngx_http_apievents_key_exists(ngx_str_t *key);
static ngx_int_t ngx_http_apievents_key_of_org(ngx_http_apievents_admin_t *a,
    ngx_str_t *id, ngx_str_t *key);
static ngx_int_t ngx_http_apievents_key_new(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k);
static void ngx_http_apievents_key_looked(void *data, ngx_int_t rc);
static ngx_int_t ngx_http_apievents_key_show(ngx_http_apievents_admin_t *a);


/* an argument is a flag if it is there */

#define ngx_http_apievents_key_flag(a, name)                                  \
    ngx_http_apievents_admin_arg(a, name, &(ngx_str_t) ngx_null_string)


ngx_int_t
ngx_http_apievents_admin_key_create(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_key_generate(a, a->body,
                                           a->nsegments == 1
                                           ? "Key modified."
                                           : "Key generated.",
                                           ngx_http_apievents_key_answer);
}


ngx_int_t
ngx_http_apievents_admin_key_post(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_key_put(a, 1);
}


ngx_int_t
ngx_http_apievents_admin_key_put(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_key_put(a, 0);
}


static ngx_int_t
ngx_http_apievents_key_put(ngx_http_apievents_admin_t *a, ngx_uint_t anew)
{
    ngx_int_t                  rc;
    ngx_str_t                  value;
    ngx_http_apievents_key_t  *k;

    rc = ngx_http_apievents_key_named(a, 1, anew ? NULL : "Key is not found",
                                      &k);
    if (rc == NGX_DECLINED) {
        rc = ngx_http_apievents_key_check(a, a->body, 0, "Request malformed");
    }

    if (rc == NGX_DECLINED && anew) {
        rc = ngx_http_apievents_key_new(a, k);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    k->session = a->body;
    k->created = anew;
    k->action = anew ? "added" : "modified";
    k->event = anew ? AE_TOKEN_CREATED : AE_TOKEN_UPDATED;
    k->message = "Key modified.";
    k->done = ngx_http_apievents_key_answer;

    k->update.reset = !(ngx_http_apievents_admin_arg(a, "suppress_reset",
                                                     &value)
                        && value.len == 1 && value.data[0] == '1');

    return ngx_http_apievents_key_change(a, k);
}


ngx_int_t
ngx_http_apievents_admin_key_delete(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                  rc;
    ngx_str_t                  value;
    ngx_http_apievents_key_t  *k;

    rc = ngx_http_apievents_key_named(a, 1, "There is no such key found", &k);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    k->action = "deleted";
    k->event = AE_TOKEN_DELETED;
    k->message = "Key deleted.";
    k->done = ngx_http_apievents_key_answer;

    k->null = ngx_http_apievents_admin_arg(a, "api_id", &value)
              && value.len == 2 && ngx_strncmp(value.data, "-1", 2) == 0;

    return ngx_http_apievents_key_change(a, k);
}


ngx_int_t
ngx_http_apievents_key_named(ngx_http_apievents_admin_t *a,
    ngx_uint_t segment, const char *absent, ngx_http_apievents_key_t **key)
{
    ae_id_t                    id;
    ae_str_t                   s;
    ngx_http_apievents_key_t  *k;

    k = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_key_t));
    s = ae_arena_dup(a->arena, *(ae_str_t *) &a->segments[segment]);

    if (k == NULL || s.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *key = k;
    k->key = *(ngx_str_t *) &s;
    k->absent = absent;

    k->known = (ae_id_unhex(&id, s) != AE_OK);

    if (ngx_http_apievents_key_flag(a, "hashed")) {

        if (k->known && absent != NULL) {
            ngx_http_apievents_key_hide(a->request, &k->key);
            return ngx_http_apievents_admin_error(a->request,
                                                  NGX_HTTP_NOT_FOUND, absent);
        }

    } else {
        ngx_http_apievents_key_find(a, k);
    }

    if (k->known) {
        ngx_http_apievents_key_hide(a->request, &k->key);
    }

    return NGX_DECLINED;
}


/* of an organisation's user, or by the part behind the organisation */

static void
ngx_http_apievents_key_find(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    ngx_str_t   key, value;
    ngx_uint_t  first;

    first = ngx_http_apievents_admin_arg(a, "username", &value)
            && value.len == 4 && ngx_strncmp(value.data, "true", 4) == 0;

    if ((!first && ngx_http_apievents_key_exists(&k->key))
        || ngx_http_apievents_key_of_org(a, &k->key, &key) != NGX_OK)
    {
        return;
    }

    if (ngx_http_apievents_key_exists(&key)) {

        ngx_http_apievents_key_hide(a->request, &k->key);

        k->key = key;
        k->known = 1;
    }
}


static ngx_uint_t
ngx_http_apievents_key_exists(ngx_str_t *key)
{
    ae_buf_t                     b;
    ngx_int_t                    rc;
    ngx_http_apievents_update_t  u;

    ngx_memzero(&u, sizeof(ngx_http_apievents_update_t));
    u.key = *key;

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_KEY_TEXT);

    rc = ngx_http_apievents_session_stored_text(&u, &b);

    ae_buf_free(&b);

    return rc == NGX_OK;
}


/* NGX_DECLINED: no organisation is named */

static ngx_int_t
ngx_http_apievents_key_of_org(ngx_http_apievents_admin_t *a, ngx_str_t *id,
    ngx_str_t *key)
{
    ngx_str_t  org;

    if (!ngx_http_apievents_admin_arg(a, "org_id", &org)) {
        return NGX_DECLINED;
    }

    key->len = org.len + id->len;
    key->data = ngx_pnalloc(a->request->pool, key->len);

    if (key->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(key->data, org.data, org.len), id->data, id->len);

    return NGX_OK;
}


/* a KeyID that there is names its session, any other one is a credential */

static ngx_int_t
ngx_http_apievents_key_new(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    if (k->key.len < NGX_HTTP_APIEVENTS_KEY_MIN
        || k->key.len > NGX_HTTP_APIEVENTS_KEY_MAX)
    {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "Failed to create key, 3 to "
                                              "4096 characters are expected");
    }

    if (!k->known && !ngx_http_apievents_key_exists(&k->key)) {
        k->known = 1;
        ngx_http_apievents_key_hide(a->request, &k->key);
    }

    return NGX_DECLINED;
}


/* the only one that has a credential which was not named */

ngx_int_t
ngx_http_apievents_key_answer(ngx_http_apievents_admin_t *a)
{
    ae_str_t                   action;
    ae_value_t                *map;
    ngx_http_apievents_key_t  *k;

    k = ngx_http_apievents_key_of(a);

    if (k->null) {
        return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                              ae_arena_alloc(a->arena, sizeof(ae_value_t)));
    }

    action.data = (u_char *) k->action;
    action.len = ngx_strlen(k->action);

    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("key"),
                        ae_value_str(a->arena, *(ae_str_t *) &k->key))
           != AE_OK
        || ae_value_set(map, ae_str("status"),
                        ae_value_str(a->arena, ae_str("ok"))) != AE_OK
        || ae_value_set(map, ae_str("action"),
                        ae_value_str(a->arena, action)) != AE_OK
        || (!k->update.org
            && ae_value_set(map, ae_str("key_hash"),
                            ae_value_str(a->arena, *(ae_str_t *) &k->id))
               != AE_OK)
        || (k->change.warnings != NULL
            && ae_value_set(map, ae_str("warnings"), k->change.warnings)
               != AE_OK)
        || (k->session != NULL
            && ngx_http_apievents_object_tag(a, k->change.rev) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


ngx_int_t
ngx_http_apievents_admin_key(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                  rc;
    ngx_http_apievents_key_t  *k;

    rc = ngx_http_apievents_key_named(a, 1, "Key not found", &k);

    return rc == NGX_DECLINED ? ngx_http_apievents_key_look(a, k) : rc;
}


/* its revision, then its text */

ngx_int_t
ngx_http_apievents_key_look(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    ngx_int_t  rc;

    a->change = &k->change;

    k->update.key = k->key;
    k->update.done = ngx_http_apievents_key_looked;
    k->update.data = a;

    rc = ngx_http_apievents_session_look(&k->update,
                                         a->request->connection->log);
    if (rc == NGX_OK) {
        return ngx_http_apievents_admin_wait(a, ngx_http_apievents_key_show);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                              k->absent);
    }

    return ngx_http_apievents_admin_error(a->request,
                                          NGX_HTTP_SERVICE_UNAVAILABLE,
                                          "the store has too much to do");
}


static void
ngx_http_apievents_key_looked(void *data, ngx_int_t rc)
{
    ngx_http_apievents_admin_t *a = data;

    ngx_http_apievents_key_of(a)->rc = rc;

    ngx_http_apievents_admin_go(a);
}


static ngx_int_t
ngx_http_apievents_key_show(ngx_http_apievents_admin_t *a)
{
    ae_buf_t                   b;
    ae_str_t                   text;
    ngx_int_t                  rc;
    ae_error_t                 err;
    ae_value_t                *session;
    ngx_http_apievents_key_t  *k;

    k = ngx_http_apievents_key_of(a);

    if (k->rc == NGX_ERROR) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "the store cannot be read");
    }

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_KEY_TEXT * 2);

    rc = (k->rc != NGX_OK) ? NGX_DECLINED
         : k->update.org ? ngx_http_apievents_org_get_text(&k->key, &b)
                         : ngx_http_apievents_session_get_text(&k->key, NULL,
                                                               &b);
    session = NULL;

    if (rc == NGX_OK) {
        text.data = b.data;
        text.len = b.len;
        session = ae_json_parse(a->arena, text, &err);
    }

    ae_buf_free(&b);

    if (rc == NGX_DECLINED) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                              k->absent);
    }

    if (session == NULL
        || (k->update.rev != 0
            && ngx_http_apievents_object_tag(a, k->update.rev) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                        ngx_http_apievents_key_shown(a->arena, session));
}
