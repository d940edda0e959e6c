/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Policies that are stored.  The zone has their texts, so that whoever
 * compiles a session, in a worker or in the store's thread, finds those of
 * this moment; each change of one makes another set of them all, which
 * sessions and records of before do not belong to.  Nothing of a policy is
 * kept anywhere else.
 */


#include "apievents.h"
#include "store/store_private.h"


/* of one session's policies, as they are read; taken only where there are */
#define NGX_HTTP_APIEVENTS_PLANS_SIZE  (256 * 1024 * 1024)


static int ngx_http_apievents_plans_add(ngx_http_apievents_store_conf_t *scf,
    ae_arena_t *arena, ae_str_t id, ae_value_t *map);
static int ngx_http_apievents_plan_read(ngx_http_apievents_store_conf_t *scf,
    ae_arena_t *arena, ae_str_t id, const ae_value_t **plan);


void
ngx_http_apievents_plan_ref(ngx_http_apievents_zone_t *zone, ae_str_t id,
    ae_session_ref_t *ref)
{
    ae_str_t  parts[2] = { ae_string("policy:"), { 0, NULL } };

    ngx_memzero(ref, sizeof(ae_session_ref_t));

    parts[1] = id;

    ref->source = AE_SESSION_API;
    ref->id = ae_hash(zone->secret, parts, 2);

    parts[0] = ae_str("policy key id:");

    ref->key_id = ae_hash(zone->secret, parts, 2);
}


size_t
ngx_http_apievents_plans_size(ngx_http_apievents_store_conf_t *scf)
{
    return scf->policies_size
           + (scf->zone->store.plans ? NGX_HTTP_APIEVENTS_PLANS_SIZE : 0);
}


int
ngx_http_apievents_plans_of(ngx_http_apievents_store_conf_t *scf,
    ae_arena_t *arena, const ae_value_t *session,
    const ae_policies_t **policies, ae_error_t *err)
{
    size_t       i, n;
    ae_str_t     ids[AE_POLICY_MAX];
    ae_value_t  *map;

    *policies = scf->policies;

    if (scf->zone->store.plans == 0
        || ae_policy_ids(session, ids, &n) != AE_OK || n == 0)
    {
        return AE_OK;
    }

    map = ae_value_map(arena);

    for (i = 0; map != NULL && i < n; i++) {

        if (ids[i].len != 0 && ae_value_find(map, ids[i]) == NULL
            && ngx_http_apievents_plans_add(scf, arena, ids[i], map) != AE_OK)
        {
            map = NULL;
        }
    }

    if (map == NULL) {
        ngx_sprintf((u_char *) err->text, "no memory%Z");
        return AE_ERROR;
    }

    *policies = ae_policies_create(arena, map, err);

    return (*policies == NULL) ? AE_ERROR : AE_OK;
}


/* one that there is not is left out */

static int
ngx_http_apievents_plans_add(ngx_http_apievents_store_conf_t *scf,
    ae_arena_t *arena, ae_str_t id, ae_value_t *map)
{
    const ae_value_t  *plan;

    if (ngx_http_apievents_plan_read(scf, arena, id, &plan) != AE_OK) {
        return AE_ERROR;
    }

    if (plan == NULL) {
        plan = ae_policies_find(scf->policies, id);
    }

    return (plan == NULL) ? AE_OK : ae_value_share(arena, map, id, plan);
}


/* *plan NULL: it is not stored */

static int
ngx_http_apievents_plan_read(ngx_http_apievents_store_conf_t *scf,
    ae_arena_t *arena, ae_str_t id, const ae_value_t **plan)
{
    int               rc;
    ae_str_t          text;
    ae_error_t        err;
    ae_session_ref_t  ref;

    *plan = NULL;

    ngx_http_apievents_plan_ref(scf->zone, id, &ref);

    rc = ae_sessions_find(scf->zone->sessions, ref.id, &ref);

    while (rc == AE_OK) {
        text.len = ref.len;

        text.data = ae_arena_alloc(arena, text.len + 1);
        if (text.data == NULL) {
            return AE_ERROR;
        }

        rc = ae_sessions_read(scf->zone->sessions, ref.id, &ref, text.data,
                              text.len);

        if (rc == AE_OK) {
            text.len = ref.len;
            *plan = ae_json_parse(arena, text, &err);

            return (*plan == NULL) ? AE_ERROR : AE_OK;
        }

        /* replaced by a longer one since it was looked up */

        rc = (rc == AE_FULL) ? AE_OK : rc;
    }

    return AE_OK;
}


int
ngx_http_apievents_plan_check(const ae_value_t *plan, ae_error_t *err)
{
    const ae_value_t  *parts, *v;

    if (ngx_http_apievents_rights_valid(ae_value_get(plan, "access_rights"),
                                        err)
        != NGX_OK)
    {
        return AE_DECLINED;
    }

    parts = ae_value_get(plan, "partitions");
    v = ae_value_get(parts, "per_api");

    if (v == NULL || v->type != AE_BOOL || !v->boolean) {
        return AE_OK;
    }

    for (v = parts->first; v != NULL; v = v->next) {

        if (v->type == AE_BOOL && v->boolean
            && v != ae_value_get(parts, "per_api"))
        {
            err->line = v->line;
            ngx_sprintf((u_char *) err->text,
                        "\"per_api\" goes with no other partition%Z");
            return AE_DECLINED;
        }
    }

    return AE_OK;
}
