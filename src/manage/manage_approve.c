/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who approves a key request gets the key of its plans: the session and the
 * approval are one transaction.
 */


#include "manage/manage_keys.h"


static ae_value_t *ngx_http_apievents_request_session(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_request_plans(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_request_meta(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_request_write(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_request_plan(
    ngx_http_apievents_admin_t *a, const ae_value_t *session);
static int ngx_http_apievents_request_also(ae_db_t *db, void *data);
static void ngx_http_apievents_request_raise(ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_request_answer(
    ngx_http_apievents_admin_t *a);


ngx_int_t
ngx_http_apievents_request_approving(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                     rc;
    ngx_http_apievents_change_t  *c;

    rc = ngx_http_apievents_request_open(a);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    c = a->change;

    c->data = ngx_http_apievents_request_decided(a, ae_str("approved"));
    c->store = ngx_http_apievents_request_write;

    return (c->data == NULL) ? NGX_HTTP_INTERNAL_SERVER_ERROR : NGX_DECLINED;
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


/* goes on as the change of the key, whose callbacks have a say, and with which
 * this one is written, or not at all */

static ngx_int_t
ngx_http_apievents_request_write(ngx_http_apievents_admin_t *a)
{
    ae_str_t                      key_id;
    ngx_int_t                     rc;
    ae_value_t                   *session;
    ngx_http_apievents_key_t     *k;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    session = ngx_http_apievents_request_session(a);
    key_id.data = ae_arena_alloc(a->arena, AE_HEX_LEN);
    key_id.len = AE_HEX_LEN;

    if (session == NULL || key_id.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_apievents_request_plan(a, session);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_apievents_key_prepare(a, session, "Key generated.",
                                            ngx_http_apievents_request_answer,
                                            &k);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ae_id_hex(key_id.data, ae_key_id(*(ae_str_t *) &k->key));

    if (ae_value_set(c->data, ae_str("key_hash"),
                     ae_value_str(a->arena, key_id)) != AE_OK
        || ngx_http_apievents_admin_json(a, c->data, AE_DB_BODY, &c->body)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    k->change.outer = c;
    k->change.raise = ngx_http_apievents_request_raise;
    k->also = ngx_http_apievents_request_also;

    return ngx_http_apievents_key_change(a, k);
}


/* is there one: NGX_DECLINED, or an answer */

static ngx_int_t
ngx_http_apievents_request_plan(ngx_http_apievents_admin_t *a,
    const ae_value_t *session)
{
    ngx_int_t    rc;
    ae_error_t   err;
    const char  *why;

    ngx_memzero(&err, sizeof(ae_error_t));

    if (ae_value_get(session, "apply_policies")->count == 0) {
        why = "the key request names no plan: \"for_plan\" is expected";

    } else {
        rc = ngx_http_apievents_session_check(session, 0, &err);

        if (rc == NGX_OK) {
            return NGX_DECLINED;
        }

        why = (rc == NGX_DECLINED) ? "the plan of the key request grants no "
                                     "API"
                                   : err.text;
    }

    return ngx_http_apievents_admin_error(a->request,
                                          NGX_HTTP_APIEVENTS_UNPROCESSABLE,
                                          why);
}


/* in the store's thread */

static int
ngx_http_apievents_request_also(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    int                           rc;
    ngx_http_apievents_change_t  *c;

    c = a->change->outer;
    rc = ngx_http_apievents_change_put(db, c);

    return (rc == AE_OK && c->rev == 0) ? AE_DECLINED : rc;
}


static void
ngx_http_apievents_request_raise(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_change_t  *c;

    ngx_http_apievents_key_raise(a);

    c = a->change;

    a->change = c->outer;
    ngx_http_apievents_portal_change(a);
    a->change = c;
}


/* the key is shown this once */

static ngx_int_t
ngx_http_apievents_request_answer(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_key_t  *k;

    k = ngx_http_apievents_key_of(a);
    a->change = k->change.outer;

    if (ae_value_set(a->change->data, ae_str("key"),
                     ae_value_str(a->arena, *(ae_str_t *) &k->key)) != AE_OK
        || (k->change.warnings != NULL
            && ae_value_set(a->change->data, ae_str("warnings"),
                            k->change.warnings) != AE_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_request_shown(a);
}
