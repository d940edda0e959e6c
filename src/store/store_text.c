/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions as text, for who reads and writes whole documents.
 */


#include "apievents.h"
#include "store/store_private.h"


static ngx_http_apievents_main_conf_t *ngx_http_apievents_text_conf(void);
static ngx_int_t ngx_http_apievents_text_find(ngx_http_apievents_zone_t *zone,
    ngx_str_t *key, ae_session_ref_t *ref);
static ae_value_t *ngx_http_apievents_text_live(
    ngx_http_apievents_zone_t *zone, ae_arena_t *arena,
    ngx_http_apievents_session_t *session);
static ngx_int_t ngx_http_apievents_text_new(ngx_http_apievents_zone_t *zone,
    ngx_str_t *key, ae_session_ref_t *ref, ae_error_t *err);
static ngx_int_t ngx_http_apievents_text_check(
    ngx_http_apievents_main_conf_t *mcf, const ae_value_t *document,
    ae_error_t *err);
static ngx_int_t ngx_http_apievents_text_put(
    ngx_http_apievents_main_conf_t *mcf, ae_session_ref_t *ref,
    ngx_str_t *text, ngx_uint_t reset, ae_arena_t *arena, ae_error_t *err);
static ae_value_t *ngx_http_apievents_text_updated(ae_arena_t *arena);
static void ngx_http_apievents_text_reset(
    ngx_http_apievents_main_conf_t *mcf, ae_id_t id);
static ngx_int_t ngx_http_apievents_text_error(ae_error_t *err,
    const char *text);


ngx_int_t
ngx_http_apievents_session_get_text(ngx_str_t *key, ngx_str_t *api,
    ae_buf_t *buf)
{
    ngx_int_t                        rc;
    ae_value_t                      *changes;
    ae_arena_t                      *arena;
    ae_session_ref_t                 ref;
    ngx_http_apievents_session_t    *session;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL
        || ngx_http_apievents_text_find(mcf->store.zone, key, &ref) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_apievents_session_get(&mcf->store, ref.id, &session);
    if (rc != NGX_OK) {
        return rc;
    }

    changes = NULL;

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    if (session->quota.max != 0) {
        changes = ngx_http_apievents_text_live(mcf->store.zone, arena,
                                               session);
    }

    ngx_http_apievents_write_session(buf, session->document, changes);

    ae_arena_destroy(arena);

    return buf->failed ? NGX_ERROR : NGX_OK;
}


static ngx_http_apievents_main_conf_t *
ngx_http_apievents_text_conf(void)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (mcf == NULL || mcf->store.zone == NULL) {
        return NULL;
    }

    return mcf;
}


static ngx_int_t
ngx_http_apievents_text_find(ngx_http_apievents_zone_t *zone, ngx_str_t *key,
    ae_session_ref_t *ref)
{
    ae_id_t  id;

    id = ngx_http_apievents_credential_id(zone, key);

    if (ae_sessions_find(zone->sessions, id, ref) == AE_OK) {
        return NGX_OK;
    }

    if (ae_id_unhex(&id, *(ae_str_t *) key) != AE_OK) {
        return NGX_DECLINED;
    }

    id = ngx_http_apievents_key_id_id(zone, id);

    if (ae_sessions_find(zone->sessions, id, ref) == AE_OK) {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* what only the counter knows */

static ae_value_t *
ngx_http_apievents_text_live(ngx_http_apievents_zone_t *zone,
    ae_arena_t *arena, ngx_http_apievents_session_t *session)
{
    int64_t          renews;
    ae_now_t         now;
    ae_value_t      *changes;
    ae_limit_use_t   use;

    ngx_memzero(&use, sizeof(ae_limit_use_t));

    use.id = ngx_http_apievents_session_limit_id(zone, session, "quota",
                                                 NULL);
    use.rule = session->quota;

    ae_now(&now);
    ae_limits_peek(zone->limits, &use, &now);

    changes = ae_value_map(arena);

    if (ae_value_set(changes, ae_str("quota_remaining"),
                     ae_value_int(arena, (int64_t) use.remaining))
        != AE_OK)
    {
        return NULL;
    }

    /* no period runs before the first request, and one may have no end */

    if (use.reset != 0 && use.reset != UINT64_MAX) {
        renews = (int64_t) ((now.wall + use.reset) / 1000000000);

        if (ae_value_set(changes, ae_str("quota_renews"),
                         ae_value_int(arena, renews))
            != AE_OK)
        {
            return NULL;
        }
    }

    return changes;
}


ngx_int_t
ngx_http_apievents_session_set_text(ngx_str_t *key, ngx_str_t *text,
    ngx_uint_t reset, ae_error_t *err)
{
    ngx_int_t                        rc;
    ae_arena_t                      *arena;
    ae_session_ref_t                 ref;
    ngx_http_apievents_main_conf_t  *mcf;

    ngx_memzero(err, sizeof(ae_error_t));

    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL) {
        return ngx_http_apievents_text_error(err, "there is no api_zone");
    }

    if (ngx_http_apievents_text_find(mcf->store.zone, key, &ref) != NGX_OK
        && ngx_http_apievents_text_new(mcf->store.zone, key, &ref, err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (text->len > NGX_HTTP_APIEVENTS_SESSION_MAX) {
        return ngx_http_apievents_text_error(err,
                                  "a session of at most 1 MiB is expected");
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return ngx_http_apievents_text_error(err, "no memory");
    }

    rc = ngx_http_apievents_text_put(mcf, &ref, text, reset, arena, err);

    ae_arena_destroy(arena);

    return rc;
}


/*
 * Scripts know keys from events, where a key is masked or a KeyID.  Neither is
 * a secret, so neither may become a credential.
 */

static ngx_int_t
ngx_http_apievents_text_new(ngx_http_apievents_zone_t *zone, ngx_str_t *key,
    ae_session_ref_t *ref, ae_error_t *err)
{
    ae_id_t  id;

    if (key->len == 0) {
        return ngx_http_apievents_text_error(err, "the key is empty");
    }

    if (ae_id_unhex(&id, *(ae_str_t *) key) == AE_OK
        || (key->len >= 4 && ngx_strncmp(key->data, "****", 4) == 0))
    {
        return ngx_http_apievents_text_error(err,
                     "Key not found, and a KeyID or masked key makes none");
    }

    ref->id = ngx_http_apievents_credential_id(zone, key);
    ref->key_id = ae_key_id(*(ae_str_t *) key);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_text_put(ngx_http_apievents_main_conf_t *mcf,
    ae_session_ref_t *ref, ngx_str_t *text, ngx_uint_t reset,
    ae_arena_t *arena, ae_error_t *err)
{
    int          rc;
    ae_buf_t     b;
    ae_str_t     s;
    ae_value_t  *document, *changes;

    document = ae_json_parse(arena, *(ae_str_t *) text, err);

    if (document == NULL
        || ngx_http_apievents_text_check(mcf, document, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    changes = reset ? ngx_http_apievents_text_updated(arena) : NULL;

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_SESSION_MAX);
    ngx_http_apievents_write_session(&b, document, changes);

    rc = AE_FULL;

    if (!b.failed) {
        s.data = b.data;
        s.len = b.len;
        ref->source = AE_SESSION_API;

        rc = ae_sessions_put(mcf->store.zone->sessions, ref, s);
    }

    ae_buf_free(&b);

    if (rc != AE_OK) {
        return ngx_http_apievents_text_error(err,
                                        "no room in api_zone for a session");
    }

    if (reset) {
        ngx_http_apievents_text_reset(mcf, ref->id);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_text_check(ngx_http_apievents_main_conf_t *mcf,
    const ae_value_t *document, ae_error_t *err)
{
    ae_value_t  *rights;

    if (ngx_http_apievents_check_session(document, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rights = ae_value_get(document, "access_rights");

    if ((rights == NULL || rights->count == 0) && mcf->gate.master_keys != 1) {
        return ngx_http_apievents_text_error(err, "\"access_rights\" with at "
                                             "least one API are expected");
    }

    return NGX_OK;
}


static ae_value_t *
ngx_http_apievents_text_updated(ae_arena_t *arena)
{
    u_char       buf[NGX_TIME_T_LEN];
    ae_str_t     s;
    ae_value_t  *changes;

    s.data = buf;
    s.len = ngx_sprintf(buf, "%T", ngx_time()) - buf;

    s = ae_arena_dup(arena, s);
    if (s.data == NULL) {
        return NULL;
    }

    changes = ae_value_map(arena);

    if (ae_value_set(changes, ae_str("last_updated"), ae_value_str(arena, s))
        != AE_OK)
    {
        return NULL;
    }

    return changes;
}


static void
ngx_http_apievents_text_reset(ngx_http_apievents_main_conf_t *mcf, ae_id_t id)
{
    ngx_str_t                      scope;
    ngx_uint_t                     i;
    ae_value_t                    *v, *s;
    ngx_http_apievents_zone_t     *zone;
    ngx_http_apievents_session_t  *session;

    static const char  *const kinds[] = { "rate", "quota" };

    zone = mcf->store.zone;

    if (ngx_http_apievents_session_get(&mcf->store, id, &session) != NGX_OK) {
        return;
    }

    for (i = 0; i < 2; i++) {
        ae_limits_reset(zone->limits,
            ngx_http_apievents_session_limit_id(zone, session, kinds[i],
                                                NULL));

        v = session->access_rights ? session->access_rights->first : NULL;

        for ( /* void */ ; v != NULL; v = v->next) {
            s = ae_value_get(v, "allowance_scope");

            scope = (s != NULL && s->type == AE_STRING && s->s.len != 0)
                    ? *(ngx_str_t *) &s->s : *(ngx_str_t *) &v->name;

            ae_limits_reset(zone->limits,
                ngx_http_apievents_session_limit_id(zone, session, kinds[i],
                                                    &scope));
        }
    }
}


static ngx_int_t
ngx_http_apievents_text_error(ae_error_t *err, const char *text)
{
    ngx_snprintf((u_char *) err->text, sizeof(err->text), "%s%Z", text);

    return NGX_ERROR;
}
