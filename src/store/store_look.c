/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions looked at before they are changed: would one be taken, what is
 * there, what do policies make of it.
 */


#include "apievents.h"
#include "store/sqlite/sqlite.h"
#include "store/store_private.h"


/* sessions of the zone at once */
#define NGX_HTTP_APIEVENTS_LOOK  128


static ngx_int_t ngx_http_apievents_look_find(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_update_t *c, ae_session_ref_t *ref);
static int ngx_http_apievents_look_name(
    ngx_http_apievents_store_conf_t *scf, const ae_session_ref_t *ref,
    ngx_uint_t org, ae_arena_t *arena, ae_str_t *name);
static int ngx_http_apievents_look_org(ngx_http_apievents_zone_t *zone,
    const ae_session_ref_t *ref, ae_arena_t *arena, ae_str_t *name);


ngx_int_t
ngx_http_apievents_session_check(const ae_value_t *session, ngx_uint_t org,
    ae_error_t *err)
{
    ngx_http_apievents_main_conf_t  *mcf;

    ngx_memzero(err, sizeof(ae_error_t));

    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL) {
        return ngx_http_apievents_text_error(err, "there is no api_zone");
    }

    return ngx_http_apievents_text_check(mcf, session, org, err);
}


ngx_int_t
ngx_http_apievents_session_stored_text(ngx_http_apievents_update_t *c,
    ae_buf_t *buf)
{
    int                              rc;
    u_char                          *p;
    ae_id_t                          id;
    ae_session_ref_t                 ref;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL
        || ngx_http_apievents_look_find(mcf->store.zone, c, &ref) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* another one may be put meanwhile */

    id = ref.key_id;

    do {
        p = ngx_alloc(ref.len + 1, ngx_cycle->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        rc = ae_sessions_read(mcf->store.zone->sessions, id, &ref, p, ref.len);

        if (rc == AE_OK) {
            ae_buf_put(buf, p, ref.len);
        }

        ngx_free(p);

    } while (rc == AE_FULL);

    if (rc != AE_OK || ref.source == AE_SESSION_GONE) {
        return NGX_DECLINED;
    }

    c->rev = ref.version;
    ae_id_hex(c->key_id, ref.key_id);

    return buf->failed ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_apievents_look_find(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_update_t *c, ae_session_ref_t *ref)
{
    ngx_int_t  rc;

    rc = c->org ? ae_sessions_find(zone->sessions,
                                   ngx_http_apievents_org_id(zone, &c->key),
                                   ref)
                : ngx_http_apievents_text_find(zone, &c->key, ref);

    return (rc == AE_OK && ref->source != AE_SESSION_GONE) ? NGX_OK
                                                           : NGX_DECLINED;
}


ngx_uint_t
ngx_http_apievents_session_listed(ngx_uint_t org)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    return !mcf->store.db.on
           || (org ? mcf->store.org_keys.len : mcf->store.keys.len) != 0;
}


int
ngx_http_apievents_session_list(ngx_uint_t org, uint32_t *cursor,
    uint32_t look, ae_arena_t *arena, ae_str_t *ids, size_t *n)
{
    int                              rc, named;
    size_t                           i, found;
    ae_session_ref_t                 refs[NGX_HTTP_APIEVENTS_LOOK];
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    found = ngx_min(*n, NGX_HTTP_APIEVENTS_LOOK);
    *n = 0;

    rc = ae_sessions_list(mcf->store.zone->sessions, cursor, look, refs,
                          &found);

    for (i = 0; i < found; i++) {
        named = ngx_http_apievents_look_name(&mcf->store, &refs[i], org,
                                             arena, &ids[*n]);
        if (named == AE_ERROR) {
            return AE_ERROR;
        }

        *n += (named == AE_OK);
    }

    return rc;
}


/* AE_DECLINED: it is not to be listed */

static int
ngx_http_apievents_look_name(ngx_http_apievents_store_conf_t *scf,
    const ae_session_ref_t *ref, ngx_uint_t org, ae_arena_t *arena,
    ae_str_t *name)
{
    ae_id_t  id;

    if (ref->source != AE_SESSION_FILE
        && (scf->db.on || ref->source == AE_SESSION_GONE))
    {
        return AE_DECLINED;
    }

    id = ngx_http_apievents_key_id_of_org(scf->zone, ref->id);

    if (ae_id_equal(id, ref->key_id) != (int) org) {
        return AE_DECLINED;
    }

    if (org) {
        return ngx_http_apievents_look_org(scf->zone, ref, arena, name);
    }

    name->len = AE_HEX_LEN;
    name->data = ae_arena_alloc(arena, AE_HEX_LEN);

    if (name->data == NULL) {
        return AE_ERROR;
    }

    ae_id_hex(name->data, ref->key_id);

    return AE_OK;
}


static int
ngx_http_apievents_look_org(ngx_http_apievents_zone_t *zone,
    const ae_session_ref_t *ref, ae_arena_t *arena, ae_str_t *name)
{
    ae_str_t           text;
    ae_error_t         err;
    const ae_value_t  *v;
    ae_session_ref_t   now;

    text.len = ref->len;
    text.data = ae_arena_alloc(arena, ref->len + 1);

    if (text.data == NULL) {
        return AE_ERROR;
    }

    if (ae_sessions_read(zone->sessions, ref->id, &now, text.data, text.len)
        != AE_OK)
    {
        return AE_DECLINED;
    }

    text.len = now.len;
    v = ae_json_parse(arena, text, &err);
    v = (v != NULL) ? ae_value_get(v, "org_id") : NULL;

    if (v == NULL || v->type != AE_STRING
        || !ae_id_equal(ngx_http_apievents_org_id(zone, (ngx_str_t *) &v->s),
                        ref->id))
    {
        return AE_DECLINED;
    }

    *name = v->s;

    return AE_OK;
}


ae_value_t *
ngx_http_apievents_session_preview(ae_arena_t *arena, ae_value_t *session,
    ae_error_t *err)
{
    ae_merged_t                      merged;
    const ae_policies_t             *policies;
    ngx_http_apievents_main_conf_t  *mcf;

    ngx_memzero(&merged, sizeof(ae_merged_t));
    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL
        || ngx_http_apievents_plans_of(&mcf->store, arena, session,
                                       &policies, err)
           != AE_OK
        || ae_policies_apply(arena, policies, session, &merged, err) != AE_OK)
    {
        return NULL;
    }

    return merged.document;
}
