/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The sessions of the files go into the zone.
 */


#include "apievents.h"
#include "store/store_private.h"


static void ngx_http_apievents_keys_cost(
    ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file, ngx_uint_t scope, size_t *need,
    size_t *old);
static void ngx_http_apievents_keys_load_twice(
    ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file, ngx_uint_t scope,
    ngx_log_t *log);
static ngx_uint_t ngx_http_apievents_keys_load_file(
    ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file, ngx_uint_t scope);
static void ngx_http_apievents_keys_ref(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_loaded_session_t *ls, ngx_uint_t scope,
    ae_session_ref_t *ref);


/*
 * Sessions of the last load that are not in the files any more give their room
 * back, see keys_load_twice().
 */

ngx_int_t
ngx_http_apievents_keys_fit(ngx_http_apievents_store_conf_t *scf,
    ngx_log_t *log)
{
    size_t                        need, old, free;
    ae_sessions_stat_t            st;
    ngx_http_apievents_loaded_t  *loaded;

    loaded = scf->loaded;

    if (loaded == NULL) {
        return NGX_OK;
    }

    need = 0;
    old = 0;

    ngx_http_apievents_keys_cost(scf, &loaded->keys,
                                 NGX_HTTP_APIEVENTS_KEYS_SCOPE, &need, &old);
    ngx_http_apievents_keys_cost(scf, &loaded->orgs,
                                 NGX_HTTP_APIEVENTS_ORGS_SCOPE, &need, &old);

    ae_sessions_stat(scf->zone->sessions, &st);

    free = st.bytes_free + ngx_max(old, scf->zone->loaded);

    if (need > free) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "api_zone \"%V\" of %uzk is too small: the %ui sessions "
                      "of \"api_keys\" and \"api_org_keys\" need %uzk of it, "
                      "%uzk are there for them",
                      &scf->shm_zone->shm.name,
                      scf->shm_zone->shm.size / 1024,
                      loaded->keys.n + loaded->orgs.n,
                      need / 1024 + 1, free / 1024);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_apievents_keys_cost(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file, ngx_uint_t scope, size_t *need,
    size_t *old)
{
    ngx_uint_t                            i;
    ae_session_ref_t                      ref, found;
    ngx_http_apievents_loaded_session_t  *ls;

    for (i = 0; i < file->n; i++) {
        ls = &file->sessions[i];

        ngx_http_apievents_keys_ref(scf->zone, ls, scope, &ref);

        if (ae_sessions_find(scf->zone->sessions, ref.id, &found) == AE_OK
            || ae_sessions_find(scf->zone->sessions, ref.key_id, &found)
               == AE_OK)
        {
            if (found.source != AE_SESSION_FILE) {
                continue;
            }

            *old += ae_sessions_cost(found.record + found.len);
        }

        *need += ae_sessions_cost(ls->record + ls->text.len);
    }
}


void
ngx_http_apievents_keys_load(ngx_http_apievents_store_conf_t *scf,
    ngx_log_t *log)
{
    size_t                        need, old;
    ngx_http_apievents_loaded_t  *loaded, none;

    loaded = scf->loaded;

    if (loaded == NULL) {
        ngx_memzero(&none, sizeof(ngx_http_apievents_loaded_t));
        loaded = &none;
    }

    need = 0;
    old = 0;

    ngx_http_apievents_keys_load_twice(scf, &loaded->keys,
                                       NGX_HTTP_APIEVENTS_KEYS_SCOPE, log);
    ngx_http_apievents_keys_load_twice(scf, &loaded->orgs,
                                       NGX_HTTP_APIEVENTS_ORGS_SCOPE, log);

    ngx_http_apievents_keys_cost(scf, &loaded->keys,
                                 NGX_HTTP_APIEVENTS_KEYS_SCOPE, &need, &old);
    ngx_http_apievents_keys_cost(scf, &loaded->orgs,
                                 NGX_HTTP_APIEVENTS_ORGS_SCOPE, &need, &old);

    scf->zone->loaded = old;

    ngx_http_apievents_loaded_cleanup(loaded);
}


/* in a zone that is nearly full the second time finds the room of the old
 * sessions, which went at the end of the first */

static void
ngx_http_apievents_keys_load_twice(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file, ngx_uint_t scope,
    ngx_log_t *log)
{
    ngx_uint_t  lost;

    if (ngx_http_apievents_keys_load_file(scf, file, scope) == 0) {
        return;
    }

    lost = ngx_http_apievents_keys_load_file(scf, file, scope);

    if (lost != 0) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "api_zone \"%V\" has no room for %ui sessions of %V",
                      &scf->shm_zone->shm.name, lost, &file->file);
    }
}


static ngx_uint_t
ngx_http_apievents_keys_load_file(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file, ngx_uint_t scope)
{
    ae_str_t                    text, record;
    uint64_t                    buf[NGX_HTTP_APIEVENTS_RECORD_WORDS];
    ngx_uint_t                  i, full;
    ae_session_ref_t            ref;
    ngx_http_apievents_zone_t  *zone;

    full = 0;
    zone = scf->zone;

    ae_sessions_load_begin(zone->sessions, scope);

    for (i = 0; i < file->n; i++) {
        ngx_http_apievents_keys_ref(zone, &file->sessions[i], scope, &ref);

        text = file->sessions[i].text;
        record = ngx_http_apievents_record_make(scf, &ref, text, buf);

        if (ae_sessions_put_record(zone->sessions, &ref, record, text)
            == AE_FULL)
        {
            full++;
        }
    }

    ae_sessions_load_end(zone->sessions, scope);

    return full;
}


static void
ngx_http_apievents_keys_ref(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_loaded_session_t *ls, ngx_uint_t scope,
    ae_session_ref_t *ref)
{
    ngx_memzero(ref, sizeof(ae_session_ref_t));

    ref->source = AE_SESSION_FILE;

    if (scope == NGX_HTTP_APIEVENTS_KEYS_SCOPE) {
        ref->id = ngx_http_apievents_credential_id(zone,
                                                   (ngx_str_t *) &ls->name);
        ref->key_id = ls->key_id;
        return;
    }

    ref->id = ngx_http_apievents_org_id(zone, (ngx_str_t *) &ls->name);
    ref->key_id = ngx_http_apievents_key_id_of_org(zone, ref->id);
}
