/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who approves a key request gets the key of its plans: the session and the
 * approval are one transaction.
 */


#include <openssl/rand.h>

#include "manage/manage_object.h"


/* an approval on its way; in the call's arena */

typedef struct {
    ngx_http_apievents_update_t     update;
    ae_str_t                        key;
    ae_value_t                     *session;
} ngx_http_apievents_approval_t;


static ngx_int_t ngx_http_apievents_request_key(ngx_http_apievents_admin_t *a,
    ae_str_t org, ae_str_t *key);
static ae_value_t *ngx_http_apievents_request_session(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_request_plans(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_request_meta(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_request_write(
    ngx_http_apievents_admin_t *a);
static int ngx_http_apievents_request_also(ae_db_t *db, void *data);
static void ngx_http_apievents_request_written(void *data, ngx_int_t rc);
static ngx_int_t ngx_http_apievents_request_answer(
    ngx_http_apievents_admin_t *a);
static void ngx_http_apievents_request_raise(ngx_http_apievents_admin_t *a);


ngx_int_t
ngx_http_apievents_request_approving(ngx_http_apievents_admin_t *a)
{
    u_char                         *hex;
    ae_str_t                        s;
    ngx_int_t                       rc;
    ngx_http_apievents_change_t    *c;
    ngx_http_apievents_approval_t  *approval;

    rc = ngx_http_apievents_request_open(a);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    c = a->change;

    hex = ae_arena_alloc(a->arena, AE_HEX_LEN);
    approval = ae_arena_alloc(a->arena,
                              sizeof(ngx_http_apievents_approval_t));

    if (hex == NULL || approval == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    approval->session = ngx_http_apievents_request_session(a);

    if (approval->session == NULL
        || ngx_http_apievents_request_key(a,
                      ngx_http_apievents_portal_member(c->previous, "org_id"),
                      &approval->key)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s.data = hex;
    s.len = AE_HEX_LEN;
    ae_id_hex(hex, ae_key_id(approval->key));

    c->data = ngx_http_apievents_request_decided(a, ae_str("approved"));

    if (c->data == NULL
        || ae_value_set(c->data, ae_str("key_hash"),
                        ae_value_str(a->arena, s)) != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    c->more = approval;
    c->write = ngx_http_apievents_request_write;
    c->raise = ngx_http_apievents_request_raise;
    c->answer = ngx_http_apievents_request_answer;

    return NGX_DECLINED;
}


/* the organisation and 128 bits of chance, as Tyk's */

static ngx_int_t
ngx_http_apievents_request_key(ngx_http_apievents_admin_t *a, ae_str_t org,
    ae_str_t *key)
{
    u_char   *p;
    ae_id_t   id;

    if (org.len == 0) {

        /* a KeyID alone is no credential */

        org = ae_str("default");
    }

    p = ae_arena_alloc(a->arena, org.len + AE_HEX_LEN);

    if (p == NULL || RAND_bytes((u_char *) &id, sizeof(ae_id_t)) != 1) {
        return NGX_ERROR;
    }

    key->data = p;
    key->len = org.len + AE_HEX_LEN;

    ae_id_hex(ngx_cpymem(p, org.data, org.len), id);

    return NGX_OK;
}


static ae_value_t *
ngx_http_apievents_request_session(ngx_http_apievents_admin_t *a)
{
    ae_value_t        *map;
    const ae_value_t  *previous, *developer;

    previous = a->change->previous;
    developer = ae_value_get(previous, "portal_developer");
    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("org_id"),
                        ae_value_str(a->arena,
                           ngx_http_apievents_portal_member(previous,
                                                            "org_id")))
           != AE_OK
        || ae_value_set(map, ae_str("apply_policies"),
                        ngx_http_apievents_request_plans(a)) != AE_OK
        || ae_value_set(map, ae_str("meta_data"),
                        ngx_http_apievents_request_meta(a)) != AE_OK)
    {
        return NULL;
    }

    if (developer != NULL && developer->type == AE_MAP
        && ae_value_set(map, ae_str("alias"),
                        ae_value_str(a->arena,
                           ngx_http_apievents_portal_member(developer,
                                                            "email")))
           != AE_OK)
    {
        return NULL;
    }

    return map;
}


/* for_plan, and apply_policies, where it stands among them as a rule */

static ae_value_t *
ngx_http_apievents_request_plans(ngx_http_apievents_admin_t *a)
{
    ae_str_t           plan;
    ae_value_t        *plans;
    const ae_value_t  *v, *list;

    plan = ngx_http_apievents_portal_member(a->change->previous, "for_plan");
    list = ae_value_get(a->change->previous, "apply_policies");
    plans = ae_value_array(a->arena);

    if (plans == NULL) {
        return NULL;
    }

    v = (list != NULL) ? list->first : NULL;

    for ( /* void */ ; v != NULL; v = v->next) {

        if (v->s.len == plan.len
            && ngx_memcmp(v->s.data, plan.data, plan.len) == 0)
        {
            plan.len = 0;
        }

        if (ae_value_add(plans, ae_value_str(a->arena, v->s)) != AE_OK) {
            return NULL;
        }
    }

    if (plan.len != 0
        && ae_value_add(plans, ae_value_str(a->arena, plan)) != AE_OK)
    {
        return NULL;
    }

    return plans;
}


static ae_value_t *
ngx_http_apievents_request_meta(ngx_http_apievents_admin_t *a)
{
    ae_value_t  *map;

    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("key_request_id"),
                        ae_value_str(a->arena, a->change->id)) != AE_OK
        || ae_value_set(map, ae_str("tyk_developer_id"),
                        ae_value_str(a->arena,
                           ngx_http_apievents_portal_member(
                                        a->change->previous, "by_user")))
           != AE_OK)
    {
        return NULL;
    }

    return map;
}


/* the session first, and with it, or not at all, the request */

static ngx_int_t
ngx_http_apievents_request_write(ngx_http_apievents_admin_t *a)
{
    ae_str_t                        text;
    ngx_http_apievents_update_t    *update;
    ngx_http_apievents_approval_t  *approval;

    approval = a->change->more;
    update = &approval->update;

    if (ae_value_get(approval->session, "apply_policies")->count == 0) {
        return ngx_http_apievents_admin_error(a->request,
                                             NGX_HTTP_APIEVENTS_UNPROCESSABLE,
                                             "the key request names no plan: "
                                             "\"for_plan\" is expected");
    }

    if (ngx_http_apievents_admin_json(a, approval->session, AE_DB_BODY, &text)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a->rc = AE_ERROR;

    update->key = *(ngx_str_t *) &approval->key;
    update->text = *(ngx_str_t *) &text;
    update->expected = 0;
    update->also = ngx_http_apievents_request_also;
    update->done = ngx_http_apievents_request_written;
    update->data = a;

    switch (ngx_http_apievents_session_put(update,
                                           a->request->connection->log))
    {

    case NGX_OK:
        return ngx_http_apievents_change_wait(a);

    case NGX_DECLINED:
        return ngx_http_apievents_admin_error(a->request,
                                             NGX_HTTP_APIEVENTS_UNPROCESSABLE,
                                             update->err.text);

    default:
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "the store has too much to do");
    }
}


/* in the store's thread */

static int
ngx_http_apievents_request_also(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    int  rc;

    rc = ngx_http_apievents_change_store(db, a);

    return (rc == AE_OK && a->change->rev == 0) ? AE_DECLINED : rc;
}


static void
ngx_http_apievents_request_written(void *data, ngx_int_t rc)
{
    ngx_http_apievents_admin_t *a = data;

    a->rc = (rc == NGX_OK || rc == NGX_DECLINED) ? AE_OK : AE_ERROR;

    if (rc != NGX_OK) {
        a->change->rev = 0;
    }

    ngx_http_apievents_change_done(a);
}


/* the key is shown this once */

static ngx_int_t
ngx_http_apievents_request_answer(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_approval_t  *approval;

    approval = a->change->more;

    if (ae_value_set(a->change->data, ae_str("key"),
                     ae_value_str(a->arena, approval->key)) != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_request_shown(a);
}


static void
ngx_http_apievents_request_raise(ngx_http_apievents_admin_t *a)
{
    ae_str_t                        key_id;
    ngx_http_apievents_approval_t  *approval;

    approval = a->change->more;

    key_id.data = approval->update.key_id;
    key_id.len = AE_HEX_LEN;

    ngx_http_apievents_portal_key(a, ae_str("created"), key_id,
                                  approval->key, approval->session);
}
