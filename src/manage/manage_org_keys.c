/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions of organisations (as in Tyk): quota, rate and monitor of all keys
 * of one.
 */


#include "manage/manage_keys.h"


static ngx_int_t ngx_http_apievents_org_put(ngx_http_apievents_admin_t *a,
    const char *action, ngx_uint_t anew);
static ngx_http_apievents_key_t *ngx_http_apievents_org_named(
    ngx_http_apievents_admin_t *a);


ngx_int_t
ngx_http_apievents_admin_org(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_key_t  *k;

    k = ngx_http_apievents_org_named(a);

    if (k == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    k->absent = "Org not found";

    return ngx_http_apievents_key_look(a, k);
}


ngx_int_t
ngx_http_apievents_admin_org_post(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_org_put(a, "added", 1);
}


ngx_int_t
ngx_http_apievents_admin_org_put(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_org_put(a, "modified", 0);
}


/* as Tyk does, a PUT makes one, too */

static ngx_int_t
ngx_http_apievents_org_put(ngx_http_apievents_admin_t *a, const char *action,
    ngx_uint_t anew)
{
    ngx_int_t                  rc;
    ngx_str_t                  value;
    ngx_http_apievents_key_t  *k;

    rc = ngx_http_apievents_key_check(a, a->body, 1, "Request malformed");

    if (rc == NGX_DECLINED) {
        rc = ngx_http_apievents_object_valid(a,
                                           *(ae_str_t *) &a->segments[2]);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    k = ngx_http_apievents_org_named(a);

    if (k == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    k->session = a->body;
    k->created = anew;
    k->action = action;
    k->done = ngx_http_apievents_key_answer;

    k->update.reset = ngx_http_apievents_admin_arg(a, "reset_quota", &value)
                      && value.len == 1 && value.data[0] == '1';

    return ngx_http_apievents_key_change(a, k);
}


ngx_int_t
ngx_http_apievents_admin_org_delete(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_key_t  *k;

    k = ngx_http_apievents_org_named(a);

    if (k == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    k->absent = "Org not found";
    k->action = "deleted";
    k->done = ngx_http_apievents_key_answer;

    return ngx_http_apievents_key_change(a, k);
}


static ngx_http_apievents_key_t *
ngx_http_apievents_org_named(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_key_t  *k;

    k = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_key_t));

    if (k != NULL) {
        k->key = a->segments[2];
        k->update.org = 1;
    }

    return k;
}
