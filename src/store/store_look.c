/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions looked at before they are changed: would one be taken, what is
 * there, what do policies make of it.
 */


#include "apievents.h"
#include "store/sqlite/sqlite.h"
#include "store/store_private.h"


static ngx_int_t ngx_http_apievents_look_find(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_update_t *c, ae_session_ref_t *ref);


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
