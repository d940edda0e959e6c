/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Another secret for an endpoint: a new one signs at once, and those that
 * there were sign as well until a time that is stated.
 */


#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "manage/manage_object.h"


#define NGX_HTTP_APIEVENTS_ROTATE_BYTES  32
#define NGX_HTTP_APIEVENTS_ROTATE_KEEP   86400          /* s */
#define NGX_HTTP_APIEVENTS_ROTATE_MAX    (30 * 86400)


static ngx_int_t ngx_http_apievents_rotate_keep(ngx_http_apievents_admin_t *a,
    ngx_uint_t *seconds);
static ngx_int_t ngx_http_apievents_rotate_settle(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_rotate_secrets(
    ngx_http_apievents_admin_t *a, const ae_value_t *old);
static ae_value_t *ngx_http_apievents_rotate_old(
    ngx_http_apievents_admin_t *a, const ae_value_t *v);
static ae_value_t *ngx_http_apievents_rotate_new(ae_arena_t *arena);
static ngx_int_t ngx_http_apievents_rotate_answer(
    ngx_http_apievents_admin_t *a);


ngx_int_t
ngx_http_apievents_admin_endpoint_rotate(ngx_http_apievents_admin_t *a)
{
    ngx_str_t                     path;
    ngx_uint_t                    keep;
    ngx_http_apievents_change_t  *c;

    if (a->seal == NULL) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                              "a secret is kept sealed only: "
                                              "\"api_secret_key\" must be "
                                              "configured");
    }

    if (ngx_http_apievents_rotate_keep(a, &keep) != NGX_OK) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "keep: a time such as \"24h\", "
                                              "or seconds, at most 30 days, "
                                              "is expected");
    }

    c = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_change_t));
    if (c == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&path, "endpoints");

    c->type = ngx_http_apievents_collection(&path);
    c->action = NGX_HTTP_APIEVENTS_UPDATED;
    c->id = *(ae_str_t *) &a->segments[1];
    c->settle = ngx_http_apievents_rotate_settle;
    c->answer = ngx_http_apievents_rotate_answer;

    a->sent = keep;

    return ngx_http_apievents_change(a, c);
}


static ngx_int_t
ngx_http_apievents_rotate_keep(ngx_http_apievents_admin_t *a,
    ngx_uint_t *seconds)
{
    ngx_int_t          n;
    ngx_str_t          value;
    const ae_value_t  *v;

    *seconds = NGX_HTTP_APIEVENTS_ROTATE_KEEP;

    v = ae_value_get(a->body, "keep");

    if (v != NULL && v->type != AE_STRING && v->type != AE_NUMBER
        && v->type != AE_NULL)
    {
        return NGX_ERROR;
    }

    if (!ngx_http_apievents_admin_field(a, "keep", &value)) {
        return NGX_OK;
    }

    n = ngx_parse_time(&value, 1);

    if (n < 0 || n > NGX_HTTP_APIEVENTS_ROTATE_MAX) {
        return NGX_ERROR;
    }

    *seconds = n;

    return NGX_OK;
}


/* with what is there in the open: it is sealed anew */

static ngx_int_t
ngx_http_apievents_rotate_settle(ngx_http_apievents_admin_t *a)
{
    ae_value_t                   *made, *secrets;
    const ae_value_t             *v, *old;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    old = ngx_http_apievents_opened(a->arena, a->seal, c->type, c->id,
                                    c->previous);

    if (old == NULL) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                              "its secrets cannot be opened "
                                              "with this \"api_secret_key\"");
    }

    made = ae_value_map(a->arena);
    secrets = ngx_http_apievents_rotate_secrets(a,
                                                ae_value_get(old, "secret"));

    if (made == NULL
        || ae_value_set(made, ae_str("secret"), secrets) != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (v = old->first; v != NULL; v = v->next) {

        if (!ngx_http_apievents_str_is(v->name, "secret")
            && ae_value_share(a->arena, made, v->name, v) != AE_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    c->data = made;

    return NGX_DECLINED;
}


/* the newest first, and no more of them than may sign */

static ae_value_t *
ngx_http_apievents_rotate_secrets(ngx_http_apievents_admin_t *a,
    const ae_value_t *old)
{
    ae_value_t        *list, *kept, *made;
    const ae_value_t  *v;

    list = ae_value_array(a->arena);
    made = ngx_http_apievents_rotate_new(a->arena);

    if (list == NULL || ae_value_add(list, made) != AE_OK) {
        return NULL;
    }

    a->records = ae_arena_alloc(a->arena, sizeof(ae_str_t));

    if (a->records == NULL) {
        return NULL;
    }

    *a->records = made->s;

    if (old == NULL || a->sent == 0) {
        return list;
    }

    v = (old->type == AE_ARRAY) ? old->first : old;

    for ( /* void */ ; v != NULL && list->count < AE_SIGN_KEYS; v = v->next) {

        if (v->type == AE_STRING) {
            kept = ngx_http_apievents_rotate_old(a, v);

            if (kept == NULL || ae_value_add(list, kept) != AE_OK) {
                return NULL;
            }
        }

        if (old->type != AE_ARRAY) {
            break;
        }
    }

    return list;
}


/* one that has an end keeps it */

static ae_value_t *
ngx_http_apievents_rotate_old(ngx_http_apievents_admin_t *a,
    const ae_value_t *v)
{
    u_char    *p, time[AE_TIME_LEN];
    size_t     len;
    ae_str_t   s;

    if (memchr(v->s.data, '@', v->s.len) != NULL) {
        return ae_value_str(a->arena, v->s);
    }

    len = ae_time_rfc3339(time, a->change->wall
                                + (uint64_t) a->sent * 1000000000);

    s.len = v->s.len + 1 + len;
    s.data = ae_arena_alloc(a->arena, s.len);

    if (s.data == NULL) {
        return NULL;
    }

    p = ngx_cpymem(s.data, v->s.data, v->s.len);
    *p++ = '@';
    ngx_memcpy(p, time, len);

    return ae_value_str(a->arena, s);
}


static ae_value_t *
ngx_http_apievents_rotate_new(ae_arena_t *arena)
{
    u_char     bytes[NGX_HTTP_APIEVENTS_ROTATE_BYTES];
    ae_str_t   s;
    ngx_str_t  dst, src;

    s.data = ae_arena_alloc(arena, 6 + ngx_base64_encoded_length(
                                           NGX_HTTP_APIEVENTS_ROTATE_BYTES));

    if (s.data == NULL || RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return NULL;
    }

    src.data = bytes;
    src.len = sizeof(bytes);
    dst.data = ngx_cpymem(s.data, "whsec_", 6);

    ngx_encode_base64(&dst, &src);
    OPENSSL_cleanse(bytes, sizeof(bytes));

    s.len = 6 + dst.len;

    return ae_value_str(arena, s);
}


/* the one time that it is shown */

static ngx_int_t
ngx_http_apievents_rotate_answer(ngx_http_apievents_admin_t *a)
{
    uint64_t                      until;
    ae_value_t                   *map;
    ngx_http_apievents_change_t  *c;

    c = a->change;
    map = ae_value_map(a->arena);
    until = c->wall + (uint64_t) a->sent * 1000000000;

    if (map == NULL
        || ae_value_set(map, ae_str("status"),
                        ae_value_str(a->arena, ae_str("ok"))) != AE_OK
        || ae_value_set(map, ae_str("id"), ae_value_str(a->arena, c->id))
           != AE_OK
        || ae_value_set(map, ae_str("secret"),
                        ae_value_str(a->arena, *a->records)) != AE_OK
        || ae_value_set(map, ae_str("previous_until"),
                        ngx_http_apievents_admin_time(a->arena, until))
           != AE_OK
        || ngx_http_apievents_object_tag(a, c->rev) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}
