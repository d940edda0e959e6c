/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_store: which database, and the thread that writes it.
 */


#include "apievents.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_DB_PREFIX   "sqlite:"
#define NGX_HTTP_APIEVENTS_DB_NAME     "apievents.db"

#define NGX_HTTP_APIEVENTS_FLUSH       100                     /* ms */
#define NGX_HTTP_APIEVENTS_FLUSH_MAX   (60 * 1000)
#define NGX_HTTP_APIEVENTS_HISTORY     (7 * 24 * 3600)         /* seconds */
#define NGX_HTTP_APIEVENTS_DB_MAX      (1024 * 1024 * 1024)    /* bytes */
#define NGX_HTTP_APIEVENTS_DB_MIN      (1024 * 1024)


static char *ngx_http_apievents_store_engine(ngx_conf_t *cf,
    ngx_http_apievents_db_conf_t *db, ngx_str_t *value);
static char *ngx_http_apievents_store_param(ngx_conf_t *cf,
    ngx_http_apievents_db_conf_t *db, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_db_path(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf);
static ngx_int_t ngx_http_apievents_db_thread(ngx_conf_t *cf,
    ngx_http_apievents_db_conf_t *db);
#if (NGX_THREADS)
static ngx_uint_t ngx_http_apievents_db_notified(ngx_conf_t *cf);
#endif


char *
ngx_http_apievents_api_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_main_conf_t  *mcf = conf;

    char                          *rv;
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_apievents_db_conf_t  *db;

    db = &mcf->store.db;

    if (db->on != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    ngx_http_apievents_db_default(cf, db);

    value = cf->args->elts;
    rv = ngx_http_apievents_store_engine(cf, db, &value[1]);

    for (i = 2; i < cf->args->nelts && rv == NGX_CONF_OK; i++) {

        if (!db->on) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", none is expected "
                               "after \"off\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        rv = ngx_http_apievents_store_param(cf, db, &value[i]);
    }

    return rv;
}


void
ngx_http_apievents_db_default(ngx_conf_t *cf,
    ngx_http_apievents_db_conf_t *db)
{
    ngx_str_set(&db->name, NGX_HTTP_APIEVENTS_DB_NAME);

    db->flush = NGX_HTTP_APIEVENTS_FLUSH;
    db->history = NGX_HTTP_APIEVENTS_HISTORY;
    db->max = NGX_HTTP_APIEVENTS_DB_MAX;

    db->file = cf->conf_file->file.name;
    db->line = cf->conf_file->line;
}


static char *
ngx_http_apievents_store_engine(ngx_conf_t *cf,
    ngx_http_apievents_db_conf_t *db, ngx_str_t *value)
{
    size_t  len;

    if (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0) {
        db->on = 0;
        return NGX_CONF_OK;
    }

    if (value->len >= 5 && ngx_strncmp(value->data, "redis", 5) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not available in this version of the "
                           "module, sqlite:FILE or \"off\" is expected",
                           value);
        return NGX_CONF_ERROR;
    }

    len = sizeof(NGX_HTTP_APIEVENTS_DB_PREFIX) - 1;

    if (value->len <= len
        || ngx_strncmp(value->data, NGX_HTTP_APIEVENTS_DB_PREFIX, len) != 0
        || value->data[value->len - 1] == '/')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid store \"%V\", sqlite:FILE or \"off\" is "
                           "expected", value);
        return NGX_CONF_ERROR;
    }

    db->on = 1;
    db->name.data = value->data + len;
    db->name.len = value->len - len;

    return NGX_CONF_OK;
}


static char *
ngx_http_apievents_store_param(ngx_conf_t *cf,
    ngx_http_apievents_db_conf_t *db, ngx_str_t *value)
{
    off_t       max;
    ngx_int_t   msec, sec;
    ngx_str_t   s;

    if (value->len > 6 && ngx_strncmp(value->data, "flush=", 6) == 0) {
        s.data = value->data + 6;
        s.len = value->len - 6;

        msec = ngx_parse_time(&s, 0);

        if (msec < 1 || msec > NGX_HTTP_APIEVENTS_FLUSH_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid flush \"%V\", a time of 1ms to 60s "
                               "is expected", &s);
            return NGX_CONF_ERROR;
        }

        db->flush = msec;

        return NGX_CONF_OK;
    }

    if (value->len > 8 && ngx_strncmp(value->data, "history=", 8) == 0) {
        s.data = value->data + 8;
        s.len = value->len - 8;

        sec = ngx_parse_time(&s, 1);

        if (sec == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid history \"%V\", a time in seconds or "
                               "with a unit is expected, 0 for none", &s);
            return NGX_CONF_ERROR;
        }

        db->history = sec;

        return NGX_CONF_OK;
    }

    if (value->len > 4 && ngx_strncmp(value->data, "max=", 4) == 0) {
        s.data = value->data + 4;
        s.len = value->len - 4;

        max = ngx_parse_offset(&s);

        if (max < NGX_HTTP_APIEVENTS_DB_MIN) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid max \"%V\", a size of at least 1m is "
                               "expected", &s);
            return NGX_CONF_ERROR;
        }

        db->max = max;

        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", flush=TIME, history=TIME "
                       "or max=SIZE is expected", value);

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_apievents_db_init(ngx_conf_t *cf)
{
    ngx_http_apievents_main_conf_t   *mcf;
    ngx_http_apievents_store_conf_t  *scf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    scf = &mcf->store;

    if (scf->shm_zone == NULL) {
        /* there is nothing to be stored */
        scf->db.on = 0;
        return NGX_OK;
    }

    ngx_conf_init_value(scf->db.on, 1);

    if (!scf->db.on) {
        return NGX_OK;
    }

    if (ngx_http_apievents_db_path(cf, scf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_db_thread(cf, &scf->db);
}


static ngx_int_t
ngx_http_apievents_db_path(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf)
{
    u_char                        *p;
    size_t                         len;
    ngx_http_apievents_db_conf_t  *db;

    db = &scf->db;

    if (ngx_http_apievents_state_named(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (db->name.data[0] != '/') {
        len = scf->state_path.len + 1 + db->name.len;

        p = ngx_pnalloc(cf->pool, len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(p, "%V/%V%Z", &scf->state_path, &db->name);

        db->name.data = p;
        db->name.len = len;
    }

    for (len = db->name.len; db->name.data[len - 1] != '/'; len--) {
        /* void */
    }

    db->folder.len = ngx_max(len - 1, 1);
    db->folder.data = ngx_pnalloc(cf->pool, db->folder.len + 1);
    if (db->folder.data == NULL) {
        return NGX_ERROR;
    }

    ngx_cpystrn(db->folder.data, db->name.data, db->folder.len + 1);

    return NGX_OK;
}


/*
 * A pool of its own at the main level, as if the user had written it, so that
 * nothing waits behind what fills the default one.
 */

static ngx_int_t
ngx_http_apievents_db_thread(ngx_conf_t *cf, ngx_http_apievents_db_conf_t *db)
{
#if (NGX_THREADS)

    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_array_t      *args, own;
    ngx_module_t     *module;
    static ngx_str_t  name = ngx_string("apievents_store");

    if (!ngx_http_apievents_db_notified(cf)) {
        return NGX_OK;
    }

    module = NULL;

    for (i = 0; cf->cycle->modules[i]; i++) {

        if (ngx_strcmp(cf->cycle->modules[i]->name, "ngx_thread_pool_module")
            == 0)
        {
            module = cf->cycle->modules[i];
            break;
        }
    }

    if (module == NULL
        || ngx_array_init(&own, cf->pool, 4, sizeof(ngx_str_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    value = ngx_array_push_n(&own, 4);
    if (value == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&value[0], "thread_pool");
    value[1] = name;
    ngx_str_set(&value[2], "threads=1");
    ngx_str_set(&value[3], "max_queue=16");

    args = cf->args;
    cf->args = &own;

    if (module->commands->set(cf, module->commands, NULL) != NGX_CONF_OK) {
        cf->args = args;
        return NGX_ERROR;
    }

    cf->args = args;

    db->pool = ngx_thread_pool_get(cf->cycle, &name);

#endif

    return NGX_OK;
}


#if (NGX_THREADS)

/* without a way to tell the event loop of its end nginx refuses all pools */

static ngx_uint_t
ngx_http_apievents_db_notified(ngx_conf_t *cf)
{
    ngx_event_conf_t  *ecf;

    if (ngx_get_conf(cf->cycle->conf_ctx, ngx_events_module) == NULL) {
        return 1;
    }

    ecf = ngx_event_get_conf(cf->cycle->conf_ctx, ngx_event_core_module);

    return ecf->name == (void *) NGX_CONF_UNSET
           || (ngx_strcmp(ecf->name, "poll") != 0
               && ngx_strcmp(ecf->name, "select") != 0);
}

#endif
