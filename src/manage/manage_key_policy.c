/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Policies of keys (as in Tyk): a session as they make it, and other ones for
 * a session that there is.
 */


#include "manage/manage_keys.h"


static ngx_int_t ngx_http_apievents_key_policies(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_key_t *k);
static const ae_value_t *ngx_http_apievents_key_policy(
    ngx_http_apievents_admin_t *a);


static const ae_member_t  ngx_http_apievents_key_policy_members[] = {
    ae_member_string("policy"),
    ae_member_array("apply_policies", AE_KIND_STRING, NULL),
    ae_member_end
};


ngx_int_t
ngx_http_apievents_admin_key_preview(ngx_http_apievents_admin_t *a)
{
    ngx_int_t    rc;
    ae_error_t   err;
    ae_value_t  *session;

    rc = ngx_http_apievents_key_check(a, a->body, 0, "Request malformed");

    if (rc != NGX_DECLINED) {
        return rc;
    }

    session = ngx_http_apievents_session_preview(a->arena, a->body, &err);

    return (session == NULL)
           ? NGX_HTTP_INTERNAL_SERVER_ERROR
           : ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                            ngx_http_apievents_key_shown(a->arena, session));
}


/* the rest of the session stays as it is */

ngx_int_t
ngx_http_apievents_admin_key_policy(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                  rc;
    ae_error_t                 err;
    ngx_http_apievents_key_t  *k;

    ngx_memzero(&err, sizeof(ae_error_t));

    if (a->body == NULL
        || ae_members_check(a->body, ngx_http_apievents_key_policy_members,
                            &err)
           != AE_OK)
    {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              a->body ? err.text
                                                      : "Request malformed: a "
                                                        "JSON object is "
                                                        "expected");
    }

    rc = ngx_http_apievents_key_named(a, 2, "Key is not found", &k);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    k->action = "updated";
    k->event = AE_TOKEN_UPDATED;
    k->message = "Key modified.";
    k->done = ngx_http_apievents_key_answer;

    rc = ngx_http_apievents_key_policies(a, k);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_apievents_key_check(a, k->session, 0,
                                          "Request malformed");
    }

    return rc == NGX_DECLINED ? ngx_http_apievents_key_change(a, k) : rc;
}


/* NGX_DECLINED, k->session is what it will be; else what to return */

static ngx_int_t
ngx_http_apievents_key_policies(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    ae_value_t  *session;

    k->update.key = k->key;

    if (ngx_http_apievents_key_stored(a, k, &session) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (session == NULL) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                              k->absent);
    }

    k->policies = ngx_http_apievents_key_policy(a);

    if (k->policies == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    k->session = ngx_http_apievents_key_with(a->arena, session, k->policies);

    return (k->session != NULL) ? NGX_DECLINED
                                : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ae_value_t *
ngx_http_apievents_key_with(ae_arena_t *arena, const ae_value_t *session,
    const ae_value_t *policies)
{
    ae_value_t               *copy;
    const ae_value_t         *v;
    static const char *const  names[] = {
        "apply_policies", "apply_policy_id", NULL
    };

    copy = ae_value_map(arena);

    if (copy == NULL) {
        return NULL;
    }

    for (v = session->first; v != NULL; v = v->next) {

        if (!ngx_http_apievents_one_of(v->name, names)
            && ae_value_share(arena, copy, v->name, v) != AE_OK)
        {
            return NULL;
        }
    }

    return (ae_value_share(arena, copy, ae_str("apply_policies"), policies)
            == AE_OK) ? copy : NULL;
}


static const ae_value_t *
ngx_http_apievents_key_policy(ngx_http_apievents_admin_t *a)
{
    ae_value_t        *list;
    const ae_value_t  *v;

    v = ae_value_get(a->body, "apply_policies");

    if (v != NULL && v->type == AE_ARRAY) {
        return v;
    }

    list = ae_value_array(a->arena);
    v = ae_value_get(a->body, "policy");

    if (v != NULL && v->type == AE_STRING
        && ae_value_add(list, ae_value_str(a->arena, v->s)) != AE_OK)
    {
        return NULL;
    }

    return list;
}
