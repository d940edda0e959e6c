/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The zone of shared memory: taken over from the last configuration, or made
 * and divided once.  At run time nothing uses nginx's slab allocator: its one
 * lock is freed unrepaired when its owner dies.
 */


#include <openssl/rand.h>

#include "apievents.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_MAGIC       0x61707665      /* "apve" */

#define NGX_HTTP_APIEVENTS_RING_SIZE   (1024 * 1024)
#define NGX_HTTP_APIEVENTS_RING_MIN    (16 * 1024)
#define NGX_HTTP_APIEVENTS_SLOTS_MIN   6

/*
 * Of what rings leave a part goes to breakers, of 632 bytes each: room
 * for 256 of them at least, and more than 64 thousand are of no use.
 */
#define NGX_HTTP_APIEVENTS_BREAKERS      4      /* percent */
#define NGX_HTTP_APIEVENTS_BREAKERS_MIN  (176 * 1024)
#define NGX_HTTP_APIEVENTS_BREAKERS_MAX  (32 * 1024 * 1024)

/* some 400 servers of upstreams */
#define NGX_HTTP_APIEVENTS_HOSTS_PART  (40 * 1024)

/*
 * The rest goes to deliveries (events that wait for their endpoints are the
 * largest things here), counters and sessions, in percent.
 */
#define NGX_HTTP_APIEVENTS_QUEUE_PART  45
#define NGX_HTTP_APIEVENTS_LIMITS_PART 30

/* the least with which all parts work */
#define NGX_HTTP_APIEVENTS_PARTS_MIN   (1024 * 1024)


typedef struct {
    ngx_cycle_t                      *cycle;
    ngx_http_apievents_store_conf_t  *conf;

    ngx_str_t                         file;
    ngx_uint_t                        line;
} ngx_http_apievents_zone_ctx_t;


static char *ngx_http_apievents_zone_ring(ngx_conf_t *cf, ngx_str_t *value,
    size_t *ring_size);
static char *ngx_http_apievents_zone_name(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name, ssize_t *size);
static ngx_int_t ngx_http_apievents_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_apievents_adopt_zone(ngx_shm_zone_t *shm_zone,
    ngx_http_apievents_zone_t *zone);
static ngx_int_t ngx_http_apievents_make_zone(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_http_apievents_divide_zone(ngx_shm_zone_t *shm_zone,
    ngx_http_apievents_zone_t *zone);
static void ngx_http_apievents_zone_pages(u_char *p, size_t size);
static ngx_int_t ngx_http_apievents_zone_too_small(ngx_shm_zone_t *shm_zone,
    uint32_t slots);
static uint32_t ngx_http_apievents_zone_slots(ngx_cycle_t *cycle);
static size_t ngx_http_apievents_zone_need(uint32_t slots, size_t ring_size);


char *
ngx_http_apievents_api_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_main_conf_t  *mcf = conf;

    ssize_t                           size;
    ngx_str_t                        *value, name;
    ngx_uint_t                        i;
    ngx_shm_zone_t                   *shm_zone;
    ngx_http_apievents_zone_ctx_t    *ctx;
    ngx_http_apievents_store_conf_t  *scf;

    scf = &mcf->store;

    if (scf->shm_zone != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_apievents_zone_name(cf, &value[1], &name, &size)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    scf->ring_size = NGX_HTTP_APIEVENTS_RING_SIZE;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_apievents_zone_ring(cf, &value[i], &scf->ring_size)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    ctx = ngx_palloc(cf->pool, sizeof(ngx_http_apievents_zone_ctx_t));
    if (ctx == NULL) {
        return NGX_CONF_ERROR;
    }

    ctx->cycle = cf->cycle;
    ctx->conf = scf;
    ctx->file = cf->conf_file->file.name;
    ctx->line = cf->conf_file->line;

    shm_zone = ngx_shared_memory_add(cf, &name, size,
                                     &ngx_http_apievents_module);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_http_apievents_init_zone;
    shm_zone->data = ctx;

    scf->shm_zone = shm_zone;

    if (scf->db.on == NGX_CONF_UNSET) {
        ngx_http_apievents_db_default(cf, &scf->db);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_apievents_zone_name(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name, ssize_t *size)
{
    u_char     *p;
    size_t      min;
    ngx_str_t   s;

    p = ngx_strlchr(value->data, value->data + value->len, ':');

    if (p == NULL || p == value->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\", NAME:SIZE is expected",
                           value);
        return NGX_CONF_ERROR;
    }

    name->data = value->data;
    name->len = p - value->data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    *size = ngx_parse_size(&s);

    if (*size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\", a number with k or m "
                           "is expected", &s);
        return NGX_CONF_ERROR;
    }

    min = ngx_http_apievents_zone_need(0, 0);

    if (*size < (ssize_t) min) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small, at least %uzk and "
                           "its rings are expected", value, min / 1024);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_apievents_zone_ring(ngx_conf_t *cf, ngx_str_t *value,
    size_t *ring_size)
{
    ssize_t    size;
    ngx_str_t  s;

    if (value->len < 5 || ngx_strncmp(value->data, "ring=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", ring=SIZE is expected",
                           value);
        return NGX_CONF_ERROR;
    }

    s.data = value->data + 5;
    s.len = value->len - 5;

    size = ngx_parse_size(&s);

    if (size < NGX_HTTP_APIEVENTS_RING_MIN || size > NGX_MAX_INT32_VALUE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid ring size \"%V\", %dk to 2047m is "
                           "expected", &s,
                           NGX_HTTP_APIEVENTS_RING_MIN / 1024);
        return NGX_CONF_ERROR;
    }

    *ring_size = size;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_apievents_zone_ctx_t  *octx = data;

    ngx_int_t                       rc;
    ngx_slab_pool_t                *shpool;
    ngx_http_apievents_zone_ctx_t  *ctx;

    ctx = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (octx != NULL) {
        rc = ngx_http_apievents_adopt_zone(shm_zone, octx->conf->zone);

    } else if (shm_zone->shm.exists) {
        rc = ngx_http_apievents_adopt_zone(shm_zone, shpool->data);

    } else {
        rc = ngx_http_apievents_make_zone(shm_zone);
    }

    if (rc != NGX_OK
        || ngx_http_apievents_keys_fit(ctx->conf, shm_zone->shm.log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_db_begin(ctx->cycle, ctx->conf,
                                       shm_zone->shm.log);
}


static ngx_int_t
ngx_http_apievents_adopt_zone(ngx_shm_zone_t *shm_zone,
    ngx_http_apievents_zone_t *zone)
{
    ngx_http_apievents_zone_ctx_t  *ctx;

    ctx = shm_zone->data;

    if (zone == NULL
        || zone->magic != NGX_HTTP_APIEVENTS_MAGIC
        || zone->layout != NGX_HTTP_APIEVENTS_LAYOUT)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "api_zone \"%V\" has a layout that this version of the "
                      "module does not know, nginx must be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    if (zone->ring_size != ctx->conf->ring_size) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "api_zone \"%V\" uses ring %uzk "
                      "while previously it used %uzk, nginx must be "
                      "restarted",
                      &shm_zone->shm.name, ctx->conf->ring_size / 1024,
                      zone->ring_size / 1024);
        return NGX_ERROR;
    }

    if (zone->slots < ngx_http_apievents_zone_slots(ctx->cycle)) {
        ngx_log_error(NGX_LOG_WARN, shm_zone->shm.log, 0,
                      "api_zone \"%V\" has %uD rings from when it was made, "
                      "the workers need %uD: one without a ring delivers "
                      "nothing until nginx is restarted",
                      &shm_zone->shm.name, zone->slots,
                      ngx_http_apievents_zone_slots(ctx->cycle));
    }

    ctx->conf->zone = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_make_zone(ngx_shm_zone_t *shm_zone)
{
    size_t                          len;
    ngx_slab_pool_t                *shpool;
    ngx_http_apievents_zone_t      *zone;
    ngx_http_apievents_zone_ctx_t  *ctx;

    ctx = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    zone = ngx_slab_calloc(shpool, sizeof(ngx_http_apievents_zone_t));
    if (zone == NULL) {
        return NGX_ERROR;
    }

    len = sizeof(" in api_zone \"\"") + shm_zone->shm.name.len;

    shpool->log_ctx = ngx_slab_alloc(shpool, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in api_zone \"%V\"%Z",
                &shm_zone->shm.name);

    zone->ring_size = ctx->conf->ring_size;
    zone->slots = ngx_http_apievents_zone_slots(ctx->cycle);

    if (RAND_bytes(zone->secret, sizeof(zone->secret)) != 1
        || RAND_bytes((u_char *) &zone->store.id, sizeof(ae_id_t)) != 1
        || ae_lock_init(&zone->store.keeper) != AE_OK
        || ae_lock_init(&zone->store.writer) != AE_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "RAND_bytes() or pthread_mutex_init() failed");
        return NGX_ERROR;
    }

    if (ngx_http_apievents_divide_zone(shm_zone, zone) != NGX_OK) {
        return NGX_ERROR;
    }

    zone->magic = NGX_HTTP_APIEVENTS_MAGIC;
    zone->layout = NGX_HTTP_APIEVENTS_LAYOUT;

    shpool->data = zone;
    ctx->conf->zone = zone;
    ctx->conf->fresh = 1;

    return NGX_OK;
}


/* one allocation of all pages that are left; its size is known, since a
 * failed attempt would log an alert of its own */

static ngx_int_t
ngx_http_apievents_divide_zone(ngx_shm_zone_t *shm_zone,
    ngx_http_apievents_zone_t *zone)
{
    u_char           *p, *last;
    size_t            size, rings, queue, limits, breakers;
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    size = shpool->pfree << ngx_pagesize_shift;
    rings = ngx_align(ae_processes_size(zone->slots, zone->ring_size), 64);

    if (size < rings + NGX_HTTP_APIEVENTS_PARTS_MIN) {
        return ngx_http_apievents_zone_too_small(shm_zone, zone->slots);
    }

    p = ngx_slab_alloc(shpool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_apievents_zone_pages(p, size);

#if (NGX_DEBUG_MALLOC || NGX_HAVE_DEBUG_MALLOC)
    /* fresh pages are zero unless such a build has filled them */
    ngx_memzero(p, size);
#endif

    last = p + size;

    size -= rings + NGX_HTTP_APIEVENTS_HOSTS_PART + AE_WATCHES_SIZE
            + AE_MINUTE_SIZE;

    breakers = size / 100 * NGX_HTTP_APIEVENTS_BREAKERS;
    breakers = ngx_max(breakers, NGX_HTTP_APIEVENTS_BREAKERS_MIN);
    breakers = ngx_min(breakers, NGX_HTTP_APIEVENTS_BREAKERS_MAX);
    breakers &= ~(size_t) 63;

    size = (size - breakers) / 100;
    queue = size * NGX_HTTP_APIEVENTS_QUEUE_PART & ~(size_t) 63;
    limits = size * NGX_HTTP_APIEVENTS_LIMITS_PART & ~(size_t) 63;

    zone->processes = ae_processes_init(p, zone->slots, zone->ring_size);
    p += rings;

    zone->queue = ae_queue_init(p, queue);
    p += queue;

    zone->limits = ae_limits_init(p, limits);
    p += limits;

    zone->breakers = ae_breakers_init(p, breakers);
    p += breakers;

    zone->hosts = ae_hosts_init(p, NGX_HTTP_APIEVENTS_HOSTS_PART);
    p += NGX_HTTP_APIEVENTS_HOSTS_PART;

    zone->watches = ae_watches_init(p);
    p += AE_WATCHES_SIZE;

    zone->minute = (ae_minute_t *) p;
    p += AE_MINUTE_SIZE;

    zone->sessions = ae_sessions_init(p, last - p);

    if (zone->processes == NULL || zone->queue == NULL
        || zone->limits == NULL || zone->breakers == NULL
        || zone->hosts == NULL || zone->sessions == NULL)
    {
        return ngx_http_apievents_zone_too_small(shm_zone, zone->slots);
    }

    return NGX_OK;
}


/*
 * Keys are asked at random, and where pages are small each of them costs a
 * walk through tables that are in no cache either.  It is for the system to
 * say whether shared memory may have huge ones.
 */

static void
ngx_http_apievents_zone_pages(u_char *p, size_t size)
{
#ifdef MADV_HUGEPAGE

    if (madvise(p, size, MADV_HUGEPAGE) == -1) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, ngx_errno,
                       "apievents madvise(%uz) failed", size);
    }

#endif
}


static ngx_int_t
ngx_http_apievents_zone_too_small(ngx_shm_zone_t *shm_zone, uint32_t slots)
{
    ngx_http_apievents_zone_ctx_t  *ctx;

    ctx = shm_zone->data;

    ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                  "api_zone \"%V\" of %uzk is too small: %uD rings of %uzk, "
                  "two for each worker and two more, and its other parts "
                  "need at least %uzk in %V:%ui",
                  &shm_zone->shm.name, shm_zone->shm.size / 1024, slots,
                  ctx->conf->ring_size / 1024,
                  ngx_http_apievents_zone_need(slots, ctx->conf->ring_size)
                  / 1024, &ctx->file, ctx->line);

    return NGX_ERROR;
}


/* workers of two generations run side by side during a reload */

static uint32_t
ngx_http_apievents_zone_slots(ngx_cycle_t *cycle)
{
    uint32_t          slots;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    slots = 2 * ccf->worker_processes + 2;

    return ngx_max(slots, NGX_HTTP_APIEVENTS_SLOTS_MIN);
}


/* with what nginx itself needs to keep account of the pages */

static size_t
ngx_http_apievents_zone_need(uint32_t slots, size_t ring_size)
{
    size_t  need;

    need = NGX_HTTP_APIEVENTS_PARTS_MIN;

    if (slots != 0) {
        need += ae_processes_size(slots, ring_size);
    }

    need += need / ngx_pagesize * sizeof(ngx_slab_page_t);
    need += 8 * ngx_pagesize;

    return ngx_align(need, 65536);
}
