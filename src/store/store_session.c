/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a worker compiled from sessions.  The zone is the truth: each find asks
 * it for the version, and what is older is compiled anew.
 */


#include "apievents.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_CACHE_MAX   8192

/* what a parsed session takes, as a multiple of its text and beyond */
#define NGX_HTTP_APIEVENTS_ARENA_RATIO 64
#define NGX_HTTP_APIEVENTS_ARENA_MORE  65536

#define NGX_HTTP_APIEVENTS_SECOND      1000000000.0

/* 100 years: as good as never, and far from where numbers overflow */
#define NGX_HTTP_APIEVENTS_LONGEST     3155760000.0

#define NGX_HTTP_APIEVENTS_MOST        1e15


typedef struct {
    ngx_rbtree_t        rbtree;
    ngx_rbtree_node_t   sentinel;
    ngx_queue_t         queue;          /* of sessions, latest first */
    ngx_queue_t         garbage;        /* freed on the way to the loop */
    ngx_event_t         event;
    ngx_uint_t          n;
} ngx_http_apievents_cache_t;


static ngx_http_apievents_cache_t *ngx_http_apievents_cache(
    ngx_http_apievents_store_conf_t *scf);
static void ngx_http_apievents_cache_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_http_apievents_session_t *ngx_http_apievents_cache_find(
    ngx_http_apievents_cache_t *cache, ae_id_t id);
static void ngx_http_apievents_cache_remove(ngx_http_apievents_cache_t *cache,
    ngx_http_apievents_session_t *session);
static void ngx_http_apievents_cache_handler(ngx_event_t *ev);
static void ngx_http_apievents_cache_sweep(ngx_http_apievents_cache_t *cache);

static ngx_int_t ngx_http_apievents_session_load(
    ngx_http_apievents_store_conf_t *scf, ae_session_ref_t *ref,
    ngx_http_apievents_session_t **session);
static ngx_http_apievents_session_t *ngx_http_apievents_session_compile(
    ngx_http_apievents_store_conf_t *scf, ae_session_ref_t *ref,
    u_char *text);
static void ngx_http_apievents_session_fill(
    ngx_http_apievents_session_t *session);
static void ngx_http_apievents_session_destroy(
    ngx_http_apievents_session_t *session);
static void ngx_http_apievents_session_string(const ae_value_t *document,
    const char *name, ngx_str_t *s);
static void ngx_http_apievents_session_rate(const ae_value_t *document,
    ae_limit_rule_t *rule);
static void ngx_http_apievents_session_quota(const ae_value_t *document,
    ae_limit_rule_t *rule);


ae_id_t
ngx_http_apievents_credential_id(ngx_http_apievents_zone_t *zone,
    ngx_str_t *credential)
{
    ae_str_t  parts[2] = { ae_string("key:"), { 0, NULL } };

    parts[1] = *(ae_str_t *) credential;

    return ae_hash(zone->secret, parts, 2);
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
    size_t    n;
    ae_str_t  parts[4];

    n = 2;

    parts[0].len = sizeof(ae_id_t);
    parts[0].data = (u_char *) &session->limits_id;
    parts[1].len = ngx_strlen(kind);
    parts[1].data = (u_char *) kind;

    if (scope != NULL) {
        parts[2] = ae_str(":");
        parts[3] = *(ae_str_t *) scope;
        n = 4;
    }

    return ae_hash(zone->secret, parts, n);
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

    ngx_rbtree_init(&cache->rbtree, &cache->sentinel,
                    ngx_http_apievents_cache_insert);
    ngx_queue_init(&cache->queue);
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
    ngx_queue_t                   *q;
    ngx_http_apievents_cache_t    *cache;
    ngx_http_apievents_session_t  *session;

    cache = scf->cache;

    if (cache == NULL) {
        return;
    }

    while (!ngx_queue_empty(&cache->queue)) {
        q = ngx_queue_head(&cache->queue);
        session = ngx_queue_data(q, ngx_http_apievents_session_t, queue);
        ngx_http_apievents_cache_remove(cache, session);
    }

    ngx_http_apievents_cache_sweep(cache);

    if (cache->event.posted) {
        ngx_delete_posted_event(&cache->event);
    }

    ngx_free(cache);
    scf->cache = NULL;
}


static void
ngx_http_apievents_cache_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t             **p;
    ngx_http_apievents_session_t   *one, *two;

    one = ngx_rbtree_data(node, ngx_http_apievents_session_t, node);

    for ( ;; ) {
        two = ngx_rbtree_data(temp, ngx_http_apievents_session_t, node);

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            p = (one->ref.id.h[1] < two->ref.id.h[1]) ? &temp->left
                                                      : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_http_apievents_session_t *
ngx_http_apievents_cache_find(ngx_http_apievents_cache_t *cache, ae_id_t id)
{
    ngx_rbtree_key_t               key;
    ngx_rbtree_node_t             *node;
    ngx_http_apievents_session_t  *session;

    key = (ngx_rbtree_key_t) id.h[0];
    node = cache->rbtree.root;

    while (node != &cache->sentinel) {
        session = ngx_rbtree_data(node, ngx_http_apievents_session_t, node);

        if (key != node->key) {
            node = (key < node->key) ? node->left : node->right;
            continue;
        }

        if (ae_id_equal(session->ref.id, id)) {
            return session;
        }

        node = (id.h[1] < session->ref.id.h[1]) ? node->left : node->right;
    }

    return NULL;
}


/* who found it in this turn of the event loop may still look at it */

static void
ngx_http_apievents_cache_remove(ngx_http_apievents_cache_t *cache,
    ngx_http_apievents_session_t *session)
{
    ngx_rbtree_delete(&cache->rbtree, &session->node);
    ngx_queue_remove(&session->queue);
    cache->n--;

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
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    return ngx_http_apievents_session_get(&mcf->store, id, session);
}


ngx_int_t
ngx_http_apievents_session_get(ngx_http_apievents_store_conf_t *scf,
    ae_id_t id, ngx_http_apievents_session_t **session)
{
    ngx_int_t                      rc;
    ngx_queue_t                   *q;
    ae_session_ref_t               ref;
    ngx_http_apievents_cache_t    *cache;
    ngx_http_apievents_session_t  *s;

    if (ae_sessions_find(scf->zone->sessions, id, &ref) != AE_OK) {
        return NGX_DECLINED;
    }

    cache = ngx_http_apievents_cache(scf);
    if (cache == NULL) {
        return NGX_ERROR;
    }

    s = ngx_http_apievents_cache_find(cache, ref.id);

    if (s != NULL && s->ref.version == ref.version) {
        ngx_queue_remove(&s->queue);
        ngx_queue_insert_head(&cache->queue, &s->queue);
        *session = s;
        return NGX_OK;
    }

    if (s != NULL) {
        ngx_http_apievents_cache_remove(cache, s);
    }

    rc = ngx_http_apievents_session_load(scf, &ref, session);
    if (rc != NGX_OK) {
        return rc;
    }

    s = *session;
    s->node.key = (ngx_rbtree_key_t) s->ref.id.h[0];

    ngx_rbtree_insert(&cache->rbtree, &s->node);
    ngx_queue_insert_head(&cache->queue, &s->queue);

    if (++cache->n > NGX_HTTP_APIEVENTS_CACHE_MAX) {
        q = ngx_queue_last(&cache->queue);
        ngx_http_apievents_cache_remove(cache,
                     ngx_queue_data(q, ngx_http_apievents_session_t, queue));
    }

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

    /* one that still is in the garbage's queue goes with that */

    if (session->refs == 0 && session->stale && session->queue.next == NULL) {
        ngx_http_apievents_session_destroy(session);
    }
}


static void
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

    ngx_free(text);

    return (*session == NULL) ? NGX_ERROR : NGX_OK;
}


static ngx_http_apievents_session_t *
ngx_http_apievents_session_compile(ngx_http_apievents_store_conf_t *scf,
    ae_session_ref_t *ref, u_char *text)
{
    ae_str_t                       s;
    ae_error_t                     err;
    ae_arena_t                    *arena;
    ngx_http_apievents_session_t  *session;

    arena = ae_arena_create(ref->len * NGX_HTTP_APIEVENTS_ARENA_RATIO
                            + NGX_HTTP_APIEVENTS_ARENA_MORE
                            + scf->policies_size);
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

    session->rate_id = ngx_http_apievents_session_limit_id(scf->zone, session,
                                                           "rate", NULL);
    session->quota_id = ngx_http_apievents_session_limit_id(scf->zone,
                                                            session, "quota",
                                                            NULL);

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
