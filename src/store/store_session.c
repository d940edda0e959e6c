/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a worker compiled from sessions.  The zone is the truth: each find asks
 * it for the version, and what is older is compiled anew.
 */


#include "apievents.h"
#include "store/store_private.h"


/*
 * The cache is sets of a few sessions, latest first: one line of memory tells
 * whether a session is there, however many there are.
 */
#define NGX_HTTP_APIEVENTS_CACHE_SETS  2048             /* a power of two */
#define NGX_HTTP_APIEVENTS_CACHE_WAYS  8

/* what a parsed session takes, as a multiple of its text and beyond */
#define NGX_HTTP_APIEVENTS_ARENA_RATIO 64
#define NGX_HTTP_APIEVENTS_ARENA_MORE  65536

#define NGX_HTTP_APIEVENTS_SECOND      1000000000.0

/* 100 years: as good as never, and far from where numbers overflow */
#define NGX_HTTP_APIEVENTS_LONGEST     3155760000.0

#define NGX_HTTP_APIEVENTS_MOST        1e15


typedef struct {
    ngx_http_apievents_session_t  *ways[NGX_HTTP_APIEVENTS_CACHE_WAYS];
    uint32_t                       tags[NGX_HTTP_APIEVENTS_CACHE_WAYS];
} ngx_http_apievents_cache_set_t;


typedef struct {
    ngx_queue_t                      garbage;   /* freed on the way to the
                                                   loop */
    ngx_event_t                      event;
    ngx_http_apievents_cache_set_t   sets[NGX_HTTP_APIEVENTS_CACHE_SETS];
} ngx_http_apievents_cache_t;


static ngx_http_apievents_cache_t *ngx_http_apievents_cache(
    ngx_http_apievents_store_conf_t *scf);
static ngx_http_apievents_cache_set_t *ngx_http_apievents_cache_set(
    ngx_http_apievents_cache_t *cache, ae_id_t id);
static ngx_http_apievents_session_t *ngx_http_apievents_cache_find(
    ngx_http_apievents_cache_set_t *set, ae_id_t id);
static void ngx_http_apievents_cache_front(
    ngx_http_apievents_cache_set_t *set, ngx_uint_t way,
    ngx_http_apievents_session_t *session);
static void ngx_http_apievents_cache_drop(ngx_http_apievents_cache_t *cache,
    ngx_http_apievents_session_t *session);
static void ngx_http_apievents_cache_handler(ngx_event_t *ev);
static void ngx_http_apievents_cache_sweep(ngx_http_apievents_cache_t *cache);

static ngx_int_t ngx_http_apievents_session_compiled(
    ngx_http_apievents_store_conf_t *scf, ae_session_ref_t *ref,
    ngx_http_apievents_session_t **session);
static ngx_int_t ngx_http_apievents_session_load(
    ngx_http_apievents_store_conf_t *scf, ae_session_ref_t *ref,
    ngx_http_apievents_session_t **session);
static void ngx_http_apievents_session_fill(
    ngx_http_apievents_session_t *session);
static void ngx_http_apievents_session_string(const ae_value_t *document,
    const char *name, ngx_str_t *s);
static void ngx_http_apievents_session_rate(const ae_value_t *document,
    ae_limit_rule_t *rule);
static void ngx_http_apievents_session_quota(const ae_value_t *document,
    ae_limit_rule_t *rule);


/* no other id is of this hash */

ae_id_t
ngx_http_apievents_credential_id(ngx_http_apievents_zone_t *zone,
    ngx_str_t *credential)
{
    return ae_hash_short(zone->secret, *(ae_str_t *) credential);
}


/* a KeyID is a hash already, and the zone's table has an index of them */

ae_id_t
ngx_http_apievents_key_id_id(ngx_http_apievents_zone_t *zone, ae_id_t key_id)
{
    return key_id;
}


ae_id_t
ngx_http_apievents_org_id(ngx_http_apievents_zone_t *zone, ngx_str_t *org)
{
    ae_str_t  parts[2] = { ae_string("org:"), { 0, NULL } };

    parts[1] = *(ae_str_t *) org;

    return ae_hash(zone->secret, parts, 2);
}


ae_id_t
ngx_http_apievents_key_id_of_org(ngx_http_apievents_zone_t *zone, ae_id_t id)
{
    ae_str_t  parts[2] = { ae_string("org key id:"), { 0, NULL } };

    parts[1].len = sizeof(ae_id_t);
    parts[1].data = (u_char *) &id;

    return ae_hash(zone->secret, parts, 2);
}


ae_id_t
ngx_http_apievents_session_limit_id(ngx_http_apievents_zone_t *zone,
    const ngx_http_apievents_session_t *session, const char *kind,
    const ngx_str_t *scope)
{
    ae_str_t  parts[4];

    parts[0].len = sizeof(ae_id_t);
    parts[0].data = (u_char *) &session->limits_id;
    parts[1].len = ngx_strlen(kind);
    parts[1].data = (u_char *) kind;
    parts[2] = ae_str(":");
    parts[3] = *(ae_str_t *) scope;

    return ae_hash(zone->secret, parts, 4);
}


static ngx_http_apievents_cache_t *
ngx_http_apievents_cache(ngx_http_apievents_store_conf_t *scf)
{
    ngx_http_apievents_cache_t  *cache;

    if (scf->cache != NULL) {
        return scf->cache;
    }

    cache = ngx_calloc(sizeof(ngx_http_apievents_cache_t), ngx_cycle->log);
    if (cache == NULL) {
        return NULL;
    }

    ngx_queue_init(&cache->garbage);

    cache->event.handler = ngx_http_apievents_cache_handler;
    cache->event.data = cache;
    cache->event.log = ngx_cycle->log;

    scf->cache = cache;

    return cache;
}


void
ngx_http_apievents_cache_free(ngx_http_apievents_store_conf_t *scf)
{
    ngx_uint_t                       i, way;
    ngx_http_apievents_cache_t      *cache;
    ngx_http_apievents_cache_set_t  *set;

    cache = scf->cache;

    if (cache == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_APIEVENTS_CACHE_SETS; i++) {
        set = &cache->sets[i];

        for (way = 0; way < NGX_HTTP_APIEVENTS_CACHE_WAYS; way++) {
            if (set->ways[way] != NULL) {
                ngx_http_apievents_cache_drop(cache, set->ways[way]);
            }
        }
    }

    ngx_http_apievents_cache_sweep(cache);

    if (cache->event.posted) {
        ngx_delete_posted_event(&cache->event);
    }

    ngx_free(cache);
    scf->cache = NULL;
}


static ngx_http_apievents_cache_set_t *
ngx_http_apievents_cache_set(ngx_http_apievents_cache_t *cache, ae_id_t id)
{
    return &cache->sets[id.h[0] % NGX_HTTP_APIEVENTS_CACHE_SETS];
}


/* it becomes the first of its set */

static ngx_http_apievents_session_t *
ngx_http_apievents_cache_find(ngx_http_apievents_cache_set_t *set, ae_id_t id)
{
    ngx_uint_t                     way;
    ngx_http_apievents_session_t  *session;

    for (way = 0; way < NGX_HTTP_APIEVENTS_CACHE_WAYS; way++) {

        if (set->tags[way] != (uint32_t) id.h[1]) {
            continue;
        }

        session = set->ways[way];

        if (session != NULL && ae_id_equal(session->ref.id, id)) {

            if (way != 0) {
                ngx_http_apievents_cache_front(set, way, session);
            }

            return session;
        }
    }

    return NULL;
}


/* in the place of which another one goes */

static void
ngx_http_apievents_cache_front(ngx_http_apievents_cache_set_t *set,
    ngx_uint_t way, ngx_http_apievents_session_t *session)
{
    while (way != 0) {
        set->ways[way] = set->ways[way - 1];
        set->tags[way] = set->tags[way - 1];
        way--;
    }

    set->ways[0] = session;
    set->tags[0] = (uint32_t) session->ref.id.h[1];
}


/* who found it in this turn of the event loop may still look at it */

static void
ngx_http_apievents_cache_drop(ngx_http_apievents_cache_t *cache,
    ngx_http_apievents_session_t *session)
{
    session->stale = 1;

    ngx_queue_insert_tail(&cache->garbage, &session->queue);

    if (!cache->event.posted) {
        ngx_post_event(&cache->event, &ngx_posted_events);
    }
}


static void
ngx_http_apievents_cache_handler(ngx_event_t *ev)
{
    ngx_http_apievents_cache_sweep(ev->data);
}


/* what is kept by someone goes with its last release */

static void
ngx_http_apievents_cache_sweep(ngx_http_apievents_cache_t *cache)
{
    ngx_queue_t                   *q;
    ngx_http_apievents_session_t  *session;

    while (!ngx_queue_empty(&cache->garbage)) {
        q = ngx_queue_head(&cache->garbage);
        session = ngx_queue_data(q, ngx_http_apievents_session_t, queue);

        ngx_queue_remove(q);
        session->queue.next = NULL;

        if (session->refs == 0) {
            ngx_http_apievents_session_destroy(session);
        }
    }
}


ngx_int_t
ngx_http_apievents_session_find(ngx_http_request_t *r, ae_id_t id,
    ngx_http_apievents_session_t **session)
{
    ngx_int_t                        rc;
    ae_session_ref_t                 ref;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    rc = ngx_http_apievents_record_find(&mcf->store, id, &ref, session);

    if (rc != NGX_OK || *session != NULL) {
        return rc;
    }

    return ngx_http_apievents_session_compiled(&mcf->store, &ref, session);
}


/* who asks for what there is not makes no use of a lock */

ngx_int_t
ngx_http_apievents_session_named(ngx_http_request_t *r, ngx_str_t *credential,
    ae_id_t id, ngx_http_apievents_session_t **session)
{
    ae_id_t                          key_id;
    ae_session_ref_t                 ref;
    ngx_http_apievents_zone_t       *zone;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);
    zone = mcf->store.zone;

    if (zone->store.applied == 0) {
        return NGX_DECLINED;
    }

    key_id = ae_key_id(*(ae_str_t *) credential);

    if (ae_sessions_find(zone->sessions, key_id, &ref) != AE_OK
        || ae_sessions_name(zone->sessions, key_id, id) != AE_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_apievents_session_find(r, id, session);
}


ngx_int_t
ngx_http_apievents_session_whole(ngx_http_request_t *r,
    const ngx_http_apievents_session_t *record,
    ngx_http_apievents_session_t **session)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    return ngx_http_apievents_session_get(&mcf->store, record->ref.id,
                                          session);
}


ngx_int_t
ngx_http_apievents_session_get(ngx_http_apievents_store_conf_t *scf,
    ae_id_t id, ngx_http_apievents_session_t **session)
{
    ae_session_ref_t  ref;

    if (ae_sessions_find(scf->zone->sessions, id, &ref) != AE_OK) {
        return NGX_DECLINED;
    }

    return ngx_http_apievents_session_compiled(scf, &ref, session);
}


/* that of the version, or of a later one */

static ngx_int_t
ngx_http_apievents_session_compiled(ngx_http_apievents_store_conf_t *scf,
    ae_session_ref_t *ref, ngx_http_apievents_session_t **session)
{
    ngx_int_t                        rc;
    ngx_uint_t                       way;
    ngx_http_apievents_cache_t      *cache;
    ngx_http_apievents_session_t    *s;
    ngx_http_apievents_cache_set_t  *set;

    cache = ngx_http_apievents_cache(scf);
    if (cache == NULL) {
        return NGX_ERROR;
    }

    set = ngx_http_apievents_cache_set(cache, ref->id);
    s = ngx_http_apievents_cache_find(set, ref->id);

    if (s != NULL && s->ref.version == ref->version
        && (s->policies == 0 || s->policies == ngx_http_apievents_plans(scf)))
    {
        *session = s;
        return NGX_OK;
    }

    rc = ngx_http_apievents_session_load(scf, ref, session);
    if (rc != NGX_OK) {
        return rc;
    }

    /* an older version is the first one now, else the last one goes */

    way = (s != NULL) ? 0 : NGX_HTTP_APIEVENTS_CACHE_WAYS - 1;

    if (set->ways[way] != NULL) {
        ngx_http_apievents_cache_drop(cache, set->ways[way]);
    }

    ngx_http_apievents_cache_front(set, way, *session);

    return NGX_OK;
}


void
ngx_http_apievents_session_keep(ngx_http_apievents_session_t *session)
{
    session->refs++;
}


void
ngx_http_apievents_session_release(ngx_http_apievents_session_t *session)
{
    session->refs--;

    if (session->refs == 0 && session->record != NULL) {
        ngx_http_apievents_record_release(session);
        return;
    }

    /* one that still is in the garbage's queue goes with that */

    if (session->refs == 0 && session->stale && session->queue.next == NULL) {
        ngx_http_apievents_session_destroy(session);
    }
}


void
ngx_http_apievents_session_destroy(ngx_http_apievents_session_t *session)
{
    if (session->pool != NULL) {
        ngx_destroy_pool(session->pool);
    }

    ae_arena_destroy(session->arena);
}


static ngx_int_t
ngx_http_apievents_session_load(ngx_http_apievents_store_conf_t *scf,
    ae_session_ref_t *ref, ngx_http_apievents_session_t **session)
{
    int      rc;
    size_t   size;
    u_char  *text;

    for ( ;; ) {
        size = ref->len;

        text = ngx_alloc(size + 1, ngx_cycle->log);
        if (text == NULL) {
            return NGX_ERROR;
        }

        rc = ae_sessions_read(scf->zone->sessions, ref->id, ref, text, size);

        if (rc != AE_FULL) {
            break;
        }

        /* replaced by a longer one since it was looked up */
        ngx_free(text);
    }

    if (rc != AE_OK) {
        ngx_free(text);
        return NGX_DECLINED;
    }

    *session = ngx_http_apievents_session_compile(scf, ref, text);

    if (*session != NULL) {
        ngx_http_apievents_record_renew(scf, *session, text);
    }

    ngx_free(text);

    return (*session == NULL) ? NGX_ERROR : NGX_OK;
}


ngx_http_apievents_session_t *
ngx_http_apievents_session_compile(ngx_http_apievents_store_conf_t *scf,
    ae_session_ref_t *ref, u_char *text)
{
    ae_str_t                       s;
    ae_error_t                     err;
    ae_arena_t                    *arena;
    ngx_http_apievents_session_t  *session;

    arena = ae_arena_create(ref->len * NGX_HTTP_APIEVENTS_ARENA_RATIO
                            + NGX_HTTP_APIEVENTS_ARENA_MORE
                            + ngx_http_apievents_plans_size(scf));
    if (arena == NULL) {
        return NULL;
    }

    s.data = text;
    s.len = ref->len;

    session = ae_arena_alloc(arena, sizeof(ngx_http_apievents_session_t));

    if (session != NULL) {
        session->document = ae_json_parse(arena, s, &err);
    }

    if (session == NULL || session->document == NULL) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "no memory to read a session of %uD bytes", ref->len);
        ae_arena_destroy(arena);
        return NULL;
    }

    session->ref = *ref;
    session->arena = arena;
    session->limits_id = ref->id;

    ngx_http_apievents_session_merge(scf, session);
    ngx_http_apievents_session_fill(session);
    ngx_http_apievents_session_pattern(scf->zone, session);

    session->quota_id = ngx_http_apievents_quota_id(session->limits_id);
    session->rate_id = ae_table_beside(session->quota_id);

    if (ngx_http_apievents_rights_fill(scf->zone, session) != NGX_OK) {
        ngx_http_apievents_session_destroy(session);
        return NULL;
    }

    return session;
}


static void
ngx_http_apievents_session_fill(ngx_http_apievents_session_t *session)
{
    double       expires;
    ae_value_t  *v, *document;

    document = session->document;

    ngx_http_apievents_limit_rules(document, &session->rate,
                                   &session->quota);

    ngx_http_apievents_session_string(document, "org_id", &session->org);
    ngx_http_apievents_session_string(document, "alias", &session->alias);

    expires = ngx_http_apievents_number(document, "expires");

    /* later than any clock is never */
    if (expires >= 1 && expires < 9e18) {
        session->expires = (int64_t) expires;
    }

    v = ae_value_get(document, "access_rights");

    if (v != NULL && v->type == AE_MAP) {
        session->access_rights = v;
    }

    v = ae_value_get(document, "is_inactive");

    if (session->broken || (v != NULL && v->type == AE_BOOL && v->boolean)) {
        session->inactive = 1;
    }
}


static void
ngx_http_apievents_session_string(const ae_value_t *document,
    const char *name, ngx_str_t *s)
{
    ae_value_t  *v;

    v = ae_value_get(document, name);

    if (v != NULL && v->type == AE_STRING) {
        s->len = v->s.len;
        s->data = v->s.data;
    }
}


void
ngx_http_apievents_limit_rules(const ae_value_t *document,
    ae_limit_rule_t *rate, ae_limit_rule_t *quota)
{
    ngx_memzero(rate, sizeof(ae_limit_rule_t));
    ngx_memzero(quota, sizeof(ae_limit_rule_t));

    ngx_http_apievents_session_rate(document, rate);
    ngx_http_apievents_session_quota(document, quota);
}


/*
 * rate requests in any `per` seconds.  Counters count whole requests: the
 * largest whole number that rate holds, in a time that is shorter in
 * proportion; 0.5 per 1 s is 1 per 2 s.
 */

static void
ngx_http_apievents_session_rate(const ae_value_t *document,
    ae_limit_rule_t *rule)
{
    double  rate, per, max;

    rule->mode = AE_LIMIT_WINDOW;

    rate = ngx_http_apievents_number(document, "rate");
    per = ngx_http_apievents_number(document, "per");

    if (rate <= 0) {
        return;
    }

    if (per <= 0) {
        per = 1;
    }

    rate = ngx_min(rate, NGX_HTTP_APIEVENTS_MOST);

    max = (rate < 1) ? 1 : (double) (uint64_t) rate;
    per = per * (max / rate);
    per = ngx_min(per, NGX_HTTP_APIEVENTS_LONGEST);

    rule->max = (uint64_t) max;
    rule->period = (uint64_t) (per * NGX_HTTP_APIEVENTS_SECOND + 0.5);

    if (rule->period == 0) {
        rule->period = 1;
    }
}


static void
ngx_http_apievents_session_quota(const ae_value_t *document,
    ae_limit_rule_t *rule)
{
    double  max, period;

    rule->mode = AE_LIMIT_QUOTA;

    max = ngx_http_apievents_number(document, "quota_max");
    period = ngx_http_apievents_number(document, "quota_renewal_rate");

    if (max <= 0) {
        return;
    }

    rule->max = (uint64_t) ngx_min(max, NGX_HTTP_APIEVENTS_MOST);

    if (period > 0) {
        period = ngx_min(period, NGX_HTTP_APIEVENTS_LONGEST);
        rule->period = (uint64_t) (period * NGX_HTTP_APIEVENTS_SECOND);
    }
}
