/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions as text, for who reads and writes whole documents.
 */


#include "apievents.h"
#include "store/store_private.h"


static ngx_int_t ngx_http_apievents_text_get(
    ngx_http_apievents_main_conf_t *mcf, ae_id_t id, ae_buf_t *buf);
static ae_value_t *ngx_http_apievents_text_live(
    ngx_http_apievents_zone_t *zone, ae_arena_t *arena,
    ngx_http_apievents_session_t *session);
static int ngx_http_apievents_text_quota(ngx_http_apievents_zone_t *zone,
    ae_arena_t *arena, ae_id_t id, const ae_limit_rule_t *rule,
    ae_value_t *map);
static ae_value_t *ngx_http_apievents_text_rights(
    ngx_http_apievents_zone_t *zone, ae_arena_t *arena,
    ngx_http_apievents_session_t *session);
static ae_value_t *ngx_http_apievents_text_right(
    ngx_http_apievents_zone_t *zone, ae_arena_t *arena,
    ngx_http_apievents_right_t *right);
static ae_value_t *ngx_http_apievents_text_changed(ae_arena_t *arena,
    const ae_value_t *map, const ae_value_t *changes);
static ngx_int_t ngx_http_apievents_text_plans(
    ngx_http_apievents_main_conf_t *mcf, ae_arena_t *arena,
    const ae_value_t *document, ngx_uint_t org, ae_error_t *err);
static ngx_int_t ngx_http_apievents_text_put(
    ngx_http_apievents_main_conf_t *mcf, ae_session_ref_t *ref, ae_str_t text,
    ae_error_t *err);
static ae_value_t *ngx_http_apievents_text_updated(ae_arena_t *arena);


ngx_int_t
ngx_http_apievents_session_get_text(ngx_str_t *key, ngx_str_t *api,
    ae_buf_t *buf)
{
    ae_session_ref_t                 ref;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL
        || ngx_http_apievents_text_find(mcf->store.zone, key, &ref) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_apievents_text_get(mcf, ref.id, buf);
}


ngx_int_t
ngx_http_apievents_org_get_text(ngx_str_t *org, ae_buf_t *buf)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL) {
        return NGX_DECLINED;
    }

    return ngx_http_apievents_text_get(mcf,
                         ngx_http_apievents_org_id(mcf->store.zone, org), buf);
}


static ngx_int_t
ngx_http_apievents_text_get(ngx_http_apievents_main_conf_t *mcf, ae_id_t id,
    ae_buf_t *buf)
{
    ngx_int_t                      rc;
    ae_value_t                    *changes;
    ae_arena_t                    *arena;
    ngx_http_apievents_session_t  *session;

    rc = ngx_http_apievents_session_get(&mcf->store, id, &session);
    if (rc != NGX_OK) {
        return rc;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    changes = ngx_http_apievents_text_live(mcf->store.zone, arena, session);

    ngx_http_apievents_write_session(buf, session->document, changes);

    ae_arena_destroy(arena);

    return buf->failed ? NGX_ERROR : NGX_OK;
}


ngx_http_apievents_main_conf_t *
ngx_http_apievents_text_conf(void)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (mcf == NULL || mcf->store.zone == NULL) {
        return NULL;
    }

    return mcf;
}


ngx_int_t
ngx_http_apievents_text_find(ngx_http_apievents_zone_t *zone, ngx_str_t *key,
    ae_session_ref_t *ref)
{
    ae_id_t  id, key_id;

    id = ngx_http_apievents_credential_id(zone, key);

    if (ae_sessions_find(zone->sessions, id, ref) == AE_OK) {
        return NGX_OK;
    }

    /* one that was put without its credential */

    key_id = ae_key_id(*(ae_str_t *) key);

    if (ae_sessions_find(zone->sessions, key_id, ref) == AE_OK
        && ae_sessions_name(zone->sessions, key_id, id) == AE_OK)
    {
        ref->id = id;
        return NGX_OK;
    }

    if (ae_id_unhex(&key_id, *(ae_str_t *) key) != AE_OK) {
        return NGX_DECLINED;
    }

    id = ngx_http_apievents_key_id_id(zone, key_id);

    if (ae_sessions_find(zone->sessions, id, ref) == AE_OK
        && ref->source != AE_SESSION_GONE)
    {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* what only the counters know; NULL: nothing, or no memory */

static ae_value_t *
ngx_http_apievents_text_live(ngx_http_apievents_zone_t *zone,
    ae_arena_t *arena, ngx_http_apievents_session_t *session)
{
    ae_value_t  *changes, *rights;

    changes = ae_value_map(arena);

    if (changes == NULL
        || ngx_http_apievents_text_quota(zone, arena, session->quota_id,
                                         &session->quota, changes)
           != AE_OK)
    {
        return NULL;
    }

    rights = ngx_http_apievents_text_rights(zone, arena, session);

    if (rights != NULL) {
        (void) ae_value_set(changes, ae_str("access_rights"), rights);
    }

    return changes;
}


static int
ngx_http_apievents_text_quota(ngx_http_apievents_zone_t *zone,
    ae_arena_t *arena, ae_id_t id, const ae_limit_rule_t *rule,
    ae_value_t *map)
{
    int64_t         renews;
    ae_now_t        now;
    ae_limit_use_t  use;

    if (rule->max == 0) {
        return AE_OK;
    }

    ngx_memzero(&use, sizeof(ae_limit_use_t));

    use.id = id;
    use.rule = *rule;

    ae_now(&now);
    ae_limits_peek(zone->limits, &use, &now);

    if (ae_value_set(map, ae_str("quota_remaining"),
                     ae_value_int(arena, (int64_t) use.remaining))
        != AE_OK)
    {
        return AE_ERROR;
    }

    /* no period runs before the first request, and one may have no end */

    if (use.reset == 0 || use.reset == UINT64_MAX) {
        return AE_OK;
    }

    renews = (int64_t) ((now.wall + use.reset) / 1000000000);

    return ae_value_set(map, ae_str("quota_renews"),
                        ae_value_int(arena, renews));
}


/* the limits of single APIs; NULL: there are none with a quota */

static ae_value_t *
ngx_http_apievents_text_rights(ngx_http_apievents_zone_t *zone,
    ae_arena_t *arena, ngx_http_apievents_session_t *session)
{
    ngx_uint_t                   i, n;
    ae_value_t                  *rights, *value;
    ngx_http_apievents_right_t  *right;

    n = 0;
    rights = ae_value_map(arena);

    for (i = 0; i < session->nrights; i++) {
        right = &session->rights[i];
        value = right->value;

        if (right->limited && right->quota.max != 0) {
            value = ngx_http_apievents_text_right(zone, arena, right);
            n++;
        }

        if (ae_value_share(arena, rights, *(ae_str_t *) &right->api, value)
            != AE_OK)
        {
            return NULL;
        }
    }

    return n ? rights : NULL;
}


static ae_value_t *
ngx_http_apievents_text_right(ngx_http_apievents_zone_t *zone,
    ae_arena_t *arena, ngx_http_apievents_right_t *right)
{
    ae_value_t  *value, *limit, *live;

    live = ae_value_map(arena);

    if (live == NULL
        || ngx_http_apievents_text_quota(zone, arena, right->quota_id,
                                         &right->quota, live)
           != AE_OK)
    {
        return NULL;
    }

    limit = ngx_http_apievents_text_changed(arena,
                                            ae_value_get(right->value,
                                                         "limit"),
                                            live);
    value = ae_value_map(arena);

    if (ae_value_set(value, ae_str("limit"), limit) != AE_OK) {
        return NULL;
    }

    return ngx_http_apievents_text_changed(arena, right->value, value);
}


/* a copy of a map, in which members of changes stand for those of a name */

static ae_value_t *
ngx_http_apievents_text_changed(ae_arena_t *arena, const ae_value_t *map,
    const ae_value_t *changes)
{
    ae_value_t        *copy;
    const ae_value_t  *v;

    copy = ae_value_map(arena);

    for (v = map->first; v != NULL; v = v->next) {

        if (ae_value_find(changes, v->name) == NULL
            && ae_value_share(arena, copy, v->name, v) != AE_OK)
        {
            return NULL;
        }
    }

    for (v = changes->first; v != NULL; v = v->next) {

        if (ae_value_share(arena, copy, v->name, v) != AE_OK) {
            return NULL;
        }
    }

    return copy;
}


ngx_int_t
ngx_http_apievents_session_set_text(ngx_str_t *key, ngx_str_t *text,
    ngx_uint_t reset, ae_error_t *err)
{
    ae_buf_t                         b;
    ae_str_t                         s;
    ngx_int_t                        rc;
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

    rc = ngx_http_apievents_text_make(mcf, text, 0, reset, &b, err);

    if (rc == NGX_OK) {
        s.data = b.data;
        s.len = b.len;

        rc = ngx_http_apievents_text_put(mcf, &ref, s, err);
    }

    ae_buf_free(&b);

    if (rc == NGX_OK && reset) {
        ngx_http_apievents_text_reset(mcf, ref.id);
    }

    return rc;
}


/*
 * Scripts know keys from events, where a key is masked or a KeyID.  Neither is
 * a secret, so neither may become a credential.
 */

ngx_int_t
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


ngx_int_t
ngx_http_apievents_text_make(ngx_http_apievents_main_conf_t *mcf,
    ngx_str_t *text, ngx_uint_t org, ngx_uint_t reset, ae_buf_t *b,
    ae_error_t *err)
{
    ngx_int_t    rc;
    ae_arena_t  *arena;
    ae_value_t  *document, *changes;

    ae_buf_init(b, NGX_HTTP_APIEVENTS_SESSION_MAX);

    if (text->len > NGX_HTTP_APIEVENTS_SESSION_MAX) {
        return ngx_http_apievents_text_error(err,
                                  "a session of at most 1 MiB is expected");
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return ngx_http_apievents_text_error(err, "no memory");
    }

    rc = NGX_ERROR;
    document = ae_json_parse(arena, *(ae_str_t *) text, err);

    if (document != NULL
        && ngx_http_apievents_text_check(mcf, document, org, err) == NGX_OK)
    {
        changes = reset ? ngx_http_apievents_text_updated(arena) : NULL;

        ngx_http_apievents_write_session(b, document, changes);

        rc = b->failed ? ngx_http_apievents_text_error(err,
                                   "a session of at most 1 MiB is expected")
                       : NGX_OK;
    }

    ae_arena_destroy(arena);

    return rc;
}


static ngx_int_t
ngx_http_apievents_text_put(ngx_http_apievents_main_conf_t *mcf,
    ae_session_ref_t *ref, ae_str_t text, ae_error_t *err)
{
    ae_str_t  record;
    uint64_t  buf[NGX_HTTP_APIEVENTS_RECORD_WORDS];

    ref->source = mcf->store.db.on ? AE_SESSION_AHEAD : AE_SESSION_API;

    record = ngx_http_apievents_record_make(&mcf->store, ref, text, buf);

    if (ae_sessions_put_record(mcf->store.zone->sessions, ref, record, text)
        != AE_OK)
    {
        return ngx_http_apievents_text_error(err,
                                        "no room in api_zone for a session");
    }

    if (mcf->store.db.on
        && ngx_http_apievents_change_later(ref, text, ngx_cycle->log)
           != NGX_OK)
    {
        return ngx_http_apievents_text_error(err,
                            "the session is not stored: too many wait for it");
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_text_check(ngx_http_apievents_main_conf_t *mcf,
    const ae_value_t *document, ngx_uint_t org, ae_error_t *err)
{
    ngx_int_t    rc;
    ae_arena_t  *arena;

    if (ngx_http_apievents_check_session(document, err) != NGX_OK
        || ngx_http_apievents_rights_valid(ae_value_get(document,
                                                        "access_rights"), err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    arena = ae_arena_create(ngx_http_apievents_plans_size(&mcf->store)
                            + NGX_HTTP_APIEVENTS_SESSION_MAX);
    if (arena == NULL) {
        return ngx_http_apievents_text_error(err, "no memory");
    }

    rc = ngx_http_apievents_text_plans(mcf, arena, document, org, err);

    ae_arena_destroy(arena);

    return rc;
}


/* are there its policies, and does anything grant an API */

static ngx_int_t
ngx_http_apievents_text_plans(ngx_http_apievents_main_conf_t *mcf,
    ae_arena_t *arena, const ae_value_t *document, ngx_uint_t org,
    ae_error_t *err)
{
    ae_value_t           *rights;
    const ae_policies_t  *policies;

    if (ngx_http_apievents_plans_of(&mcf->store, arena, document, &policies,
                                    err)
        != AE_OK
        || ae_policies_check(policies, document, err) != AE_OK)
    {
        return NGX_ERROR;
    }

    rights = ae_value_get(document, "access_rights");

    if (!org && (rights == NULL || rights->count == 0)
        && mcf->gate.master_keys != 1
        && !ae_policies_grant(policies, document))
    {
        (void) ngx_http_apievents_text_error(err, "\"access_rights\" with at "
                                             "least one API are expected");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_rights_valid(const ae_value_t *rights, ae_error_t *err)
{
    ngx_int_t           rc;
    ngx_pool_t         *pool;
    ngx_rbtree_t        known;
    ngx_rbtree_node_t   sentinel;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return ngx_http_apievents_text_error(err, "no memory");
    }

    ngx_rbtree_init(&known, &sentinel, ngx_str_rbtree_insert_value);

    rc = ngx_http_apievents_rights_check(pool, &known, rights, err);

    ngx_destroy_pool(pool);

    return rc;
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


void
ngx_http_apievents_text_reset(ngx_http_apievents_main_conf_t *mcf, ae_id_t id)
{
    ngx_uint_t                     i, n;
    ngx_http_apievents_zone_t     *zone;
    ngx_http_apievents_right_t    *right;
    ngx_http_apievents_session_t  *session;

    zone = mcf->store.zone;

    if (ngx_http_apievents_session_get(&mcf->store, id, &session) != NGX_OK) {
        return;
    }

    /* counters that are other sessions' too are nobody's to reset */

    if (session->pattern.len != 0) {
        return;
    }

    ae_limits_reset(zone->limits, session->rate_id);
    ae_limits_reset(zone->limits, session->quota_id);

    for (i = 0; i < session->nrights; i++) {
        right = &session->rights[i];

        ae_limits_reset(zone->limits, right->rate_id);
        ae_limits_reset(zone->limits, right->quota_id);

        if (ngx_http_apievents_right_compile(zone, session, right) != NGX_OK) {
            continue;
        }

        for (n = 0; n < right->nendpoints; n++) {
            ae_limits_reset(zone->limits, right->endpoints[n].id);
        }
    }
}


ngx_int_t
ngx_http_apievents_text_error(ae_error_t *err, const char *text)
{
    ngx_snprintf((u_char *) err->text, sizeof(err->text), "%s%Z", text);

    return NGX_ERROR;
}
