/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_store: which database; api_secret_key: what opens what is sealed in it.
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


char *
ngx_http_apievents_api_secret_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_main_conf_t  *mcf = conf;

    int         rc;
    ae_seal_t  *seal;
    ngx_str_t  *value;

    if (mcf->store.db.seal != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;
    mcf->store.db.seal = NULL;

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {
        return NGX_CONF_OK;
    }

    if (value[1].len <= 5 || ngx_strncmp(value[1].data, "file:", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid key, \"file:PATH\" or \"off\" is "
                           "expected");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_apievents_secret_value(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    seal = ngx_palloc(cf->pool, sizeof(ae_seal_t));
    if (seal == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = ae_seal_key(seal, *(ae_str_t *) &value[1]);

    if (rc != AE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           rc == AE_DECLINED
                           ? "too short a key, %d characters or more are "
                             "expected in its file"
                           : "no key can be made of it, libcrypto failed",
                           AE_SEAL_MIN);
        return NGX_CONF_ERROR;
    }

    mcf->store.db.seal = seal;

    return NGX_CONF_OK;
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

    ngx_conf_init_ptr_value(scf->db.seal, NULL);

    if (scf->shm_zone == NULL) {
        /* there is nothing to be stored */
        scf->db.on = 0;
        return NGX_OK;
    }

    ngx_conf_init_value(scf->db.on, 1);

    if (!scf->db.on) {
        return NGX_OK;
    }

    return ngx_http_apievents_db_path(cf, scf);
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

    db->hash = (uint64_t) db->name.len << 32
               | ngx_murmur_hash2(db->name.data, db->name.len);

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
