/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The zone follows the log of documents: what is of a key or an organisation
 * becomes a session in shared memory.  A key's document is known by its KeyID,
 * the credential is nowhere at rest; the zone learns its id from the first
 * request that shows it.
 */


#include "apievents.h"
#include "store/sqlite/sqlite.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_FOLLOW        64     /* documents at once */
#define NGX_HTTP_APIEVENTS_FOLLOW_BYTES  (32 * 1024 * 1024)

/* deletions are remembered for so long, ns, for who is asked what changed */
#define NGX_HTTP_APIEVENTS_FOLLOW_GONE                                        \
    ((uint64_t) 7 * 86400 * 1000000000)

/* of them, looked at by one call */
#define NGX_HTTP_APIEVENTS_FOLLOW_FORGET 200


static int ngx_http_apievents_follow_some(
    ngx_http_apievents_store_conf_t *scf, ae_db_t *db, ngx_queue_t *group);
static void ngx_http_apievents_follow_one(
    ngx_http_apievents_store_conf_t *scf, const ae_db_document_t *doc,
    ngx_queue_t *group);
static ngx_int_t ngx_http_apievents_follow_plan(
    ngx_http_apievents_store_conf_t *scf, const ae_db_document_t *doc);
static ngx_int_t ngx_http_apievents_follow_ref(
    ngx_http_apievents_zone_t *zone, const ae_db_document_t *doc,
    ae_session_ref_t *ref, ngx_uint_t *scope);
static ngx_http_apievents_write_t *ngx_http_apievents_follow_ahead(
    ngx_queue_t *group, uint64_t rev);
static ngx_int_t ngx_http_apievents_follow_all(
    ngx_http_apievents_store_conf_t *scf, ae_error_t *err);
static int ngx_http_apievents_follow_keep(void *data, ae_str_t collection,
    ae_str_t id);


ngx_int_t
ngx_http_apievents_follow(ngx_http_apievents_store_conf_t *scf, ae_db_t *db,
    ngx_queue_t *group)
{
    int                         rc;
    uint64_t                    last, unplaced;
    ngx_http_apievents_zone_t  *zone;

    zone = scf->zone;
    unplaced = zone->store.unplaced;

    if (ae_db_document_rev(db, &last) != AE_OK) {
        return NGX_ERROR;
    }

    if (last == zone->store.applied) {
        return NGX_OK;
    }

    /* the file was replaced by an older one, or by none */

    if (last < zone->store.applied) {
        zone->store.applied = 0;
    }

    do {
        rc = ngx_http_apievents_follow_some(scf, db, group);
    } while (rc == AE_AGAIN);

    if (rc == AE_OK) {
        zone->store.applied = last;
    }

    if (zone->store.unplaced != unplaced) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "api_zone \"%V\" has no room for %uL sessions of the "
                      "store", &scf->shm_zone->shm.name,
                      zone->store.unplaced - unplaced);
    }

    return (rc == AE_OK) ? NGX_OK : NGX_ERROR;
}


static int
ngx_http_apievents_follow_some(ngx_http_apievents_store_conf_t *scf,
    ae_db_t *db, ngx_queue_t *group)
{
    int                rc;
    size_t             i, n;
    uint64_t           after;
    ae_arena_t        *arena;
    ae_db_document_t   list[NGX_HTTP_APIEVENTS_FOLLOW];

    arena = ae_arena_create(NGX_HTTP_APIEVENTS_FOLLOW_BYTES);
    if (arena == NULL) {
        return AE_ERROR;
    }

    n = NGX_HTTP_APIEVENTS_FOLLOW;
    after = scf->zone->store.applied;

    rc = ae_db_document_changes(db, &after, list, &n, arena);

    if (rc != AE_ERROR) {

        for (i = 0; i < n; i++) {
            ngx_http_apievents_follow_one(scf, &list[i], group);
        }

        ngx_memory_barrier();
        scf->zone->store.applied = after;
    }

    ae_arena_destroy(arena);

    return rc;
}


static void
ngx_http_apievents_follow_one(ngx_http_apievents_store_conf_t *scf,
    const ae_db_document_t *doc, ngx_queue_t *group)
{
    int                          rc;
    ae_str_t                     record;
    uint64_t                     buf[NGX_HTTP_APIEVENTS_RECORD_WORDS];
    ngx_uint_t                   scope;
    ae_sessions_t               *ss;
    ae_session_ref_t             ref;
    ngx_http_apievents_write_t  *ahead;

    ss = scf->zone->sessions;

    if (ngx_http_apievents_follow_plan(scf, doc) == NGX_OK) {
        return;
    }

    if (ngx_http_apievents_follow_ref(scf->zone, doc, &ref, &scope)
        != NGX_OK)
    {
        return;
    }

    /* files are loaded after a start, and one may have what was deleted */

    if (doc->body.data == NULL) {
        rc = ae_sessions_delete(ss, ref.key_id, scope,
                                scf->following);

    } else {
        record = ngx_http_apievents_record_make(scf, &ref, doc->body, buf);
        ahead = ngx_http_apievents_follow_ahead(group, doc->rev);

        rc = (ahead == NULL)
             ? ae_sessions_put_record(ss, &ref, record, doc->body)
             : ae_sessions_settle(ss, &ref, ahead->version, record,
                                  doc->body);
    }

    if (rc == AE_FULL || rc == AE_ERROR) {
        (void) ngx_atomic_fetch_add(&scf->zone->store.unplaced, 1);
    }
}


/* NGX_DECLINED: no policy.  Sessions that name it are compiled anew when they
 * are asked for: what they were made with is another set then */

static ngx_int_t
ngx_http_apievents_follow_plan(ngx_http_apievents_store_conf_t *scf,
    const ae_db_document_t *doc)
{
    int               rc;
    ae_session_ref_t  ref;

    if (doc->collection.len != sizeof("policy") - 1
        || ngx_memcmp(doc->collection.data, "policy", doc->collection.len)
           != 0)
    {
        return NGX_DECLINED;
    }

    ngx_http_apievents_plan_ref(scf->zone, doc->id, &ref);

    rc = (doc->body.data == NULL)
         ? ae_sessions_delete(scf->zone->sessions, ref.key_id, 0, 0)
         : ae_sessions_put(scf->zone->sessions, &ref, doc->body);

    ngx_memory_barrier();

    (void) ngx_atomic_fetch_add(&scf->zone->store.plans, 1);

    if (rc == AE_FULL || rc == AE_ERROR) {
        (void) ngx_atomic_fetch_add(&scf->zone->store.unplaced, 1);
    }

    return NGX_OK;
}


/* NGX_DECLINED: no session */

static ngx_int_t
ngx_http_apievents_follow_ref(ngx_http_apievents_zone_t *zone,
    const ae_db_document_t *doc, ae_session_ref_t *ref, ngx_uint_t *scope)
{
    ngx_memzero(ref, sizeof(ae_session_ref_t));

    ref->source = AE_SESSION_API;

    if (doc->collection.len != 3) {
        return NGX_DECLINED;
    }

    if (ngx_memcmp(doc->collection.data, "key", 3) == 0) {

        if (ae_id_unhex(&ref->key_id, doc->id) != AE_OK) {
            return NGX_DECLINED;
        }

        ref->id = ref->key_id;
        *scope = NGX_HTTP_APIEVENTS_KEYS_SCOPE;

        return NGX_OK;
    }

    if (ngx_memcmp(doc->collection.data, "org", 3) != 0) {
        return NGX_DECLINED;
    }

    ref->id = ngx_http_apievents_org_id(zone, (ngx_str_t *) &doc->id);
    ref->key_id = ngx_http_apievents_key_id_of_org(zone, ref->id);
    *scope = NGX_HTTP_APIEVENTS_ORGS_SCOPE;

    return NGX_OK;
}


/* was that revision in the zone before it was written */

static ngx_http_apievents_write_t *
ngx_http_apievents_follow_ahead(ngx_queue_t *group, uint64_t rev)
{
    ngx_queue_t                 *q;
    ngx_http_apievents_write_t  *w;

    if (group == NULL) {
        return NULL;
    }

    for (q = ngx_queue_head(group);
         q != ngx_queue_sentinel(group);
         q = ngx_queue_next(q))
    {
        w = ngx_queue_data(q, ngx_http_apievents_write_t, queue);

        if (w->rev == rev && w->version != 0) {
            return w;
        }
    }

    return NULL;
}


void
ngx_http_apievents_follow_in(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log)
{
    ngx_int_t                   rc;
    ae_error_t                  err;
    ngx_http_apievents_zone_t  *zone;

    zone = scf->zone;

    if (zone->store.followed == scf->db.hash) {
        return;
    }

    if (zone->store.followed != 0) {
        ae_sessions_clear(zone->sessions);

        /* the policies that were are none of this one's */
        (void) ngx_atomic_fetch_add(&zone->store.plans, 1);
    }

    zone->store.followed = scf->db.hash;
    zone->store.applied = 0;

    if (access((char *) scf->db.name.data, F_OK) != 0
        || ngx_http_apievents_db_become(cycle, log) != NGX_OK)
    {
        return;
    }

    ngx_memzero(&err, sizeof(ae_error_t));

    rc = ngx_http_apievents_follow_all(scf, &err);

    ngx_http_apievents_db_return(cycle, log);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "store \"%V\" gives no sessions to the zone yet: %s",
                      &scf->db.name, err.text);
    }
}


static ngx_int_t
ngx_http_apievents_follow_all(ngx_http_apievents_store_conf_t *scf,
    ae_error_t *err)
{
    ae_db_t        *db;
    ngx_int_t       rc;
    ae_db_state_e   state;

    db = ae_db_open((char *) scf->db.name.data, NULL, &state, err);

    if (db == NULL) {
        return NGX_ERROR;
    }

    if (ae_lock(&scf->zone->store.writer) == AE_RECOVER) {
        ae_lock_repaired(&scf->zone->store.writer);
    }

    scf->following = 1;

    rc = ngx_http_apievents_follow(scf, db, NULL);

    scf->following = 0;

    ae_unlock(&scf->zone->store.writer);

    if (rc != NGX_OK) {
        ngx_snprintf((u_char *) err->text, sizeof(err->text), "%s%Z",
                     ae_db_error(db));
    }

    ae_db_close(db);

    return rc;
}


int
ngx_http_apievents_follow_forget(ngx_http_apievents_store_conf_t *scf,
    ae_db_t *db)
{
    ae_now_t  now;

    ae_now(&now);

    if (now.wall < NGX_HTTP_APIEVENTS_FOLLOW_GONE) {
        return AE_OK;
    }

    return ae_db_document_forget(db, now.wall - NGX_HTTP_APIEVENTS_FOLLOW_GONE,
                                 NGX_HTTP_APIEVENTS_FOLLOW_FORGET,
                                 ngx_http_apievents_follow_keep, scf->zone);
}


/* what a file has would be back after a start */

static int
ngx_http_apievents_follow_keep(void *data, ae_str_t collection, ae_str_t id)
{
    ngx_http_apievents_zone_t *zone = data;

    ngx_uint_t        scope;
    ae_db_document_t  doc;
    ae_session_ref_t  ref;

    doc.collection = collection;
    doc.id = id;

    return ngx_http_apievents_follow_ref(zone, &doc, &ref, &scope) == NGX_OK
           && ae_sessions_find(zone->sessions, ref.key_id, &ref) == AE_OK
           && ref.source == AE_SESSION_GONE;
}
