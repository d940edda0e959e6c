/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The store's part in the life of a configuration and of a worker.
 */


#include "apievents.h"
#include "store/store_keeper.h"


#define NGX_HTTP_APIEVENTS_SECRET_MAX  65536


static ngx_int_t ngx_http_apievents_read_fd(ngx_conf_t *cf, ngx_fd_t fd,
    ngx_str_t *name, size_t max, ngx_str_t *text);
static void ngx_http_apievents_own_state(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf);


ngx_int_t
ngx_http_apievents_read_file(ngx_conf_t *cf, ngx_str_t *name, size_t max,
    ngx_str_t *text)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    /* a named pipe must not keep the start waiting */
    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    rc = ngx_http_apievents_read_fd(cf, fd, name, max, text);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }

    return rc;
}


static ngx_int_t
ngx_http_apievents_read_fd(ngx_conf_t *cf, ngx_fd_t fd, ngx_str_t *name,
    size_t max, ngx_str_t *text)
{
    size_t           size;
    ssize_t          n;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi) || ngx_file_size(&fi) > (off_t) max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is %s, a file of at most %uzk is expected",
                           name, ngx_is_file(&fi) ? "too large" : "no file",
                           max / 1024);
        return NGX_ERROR;
    }

    size = ngx_file_size(&fi);

    text->len = 0;
    text->data = ngx_pnalloc(cf->pool, size + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    while (text->len < size) {
        n = ngx_read_fd(fd, text->data + text->len, size - text->len);

        if (n == -1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_read_fd_n " \"%V\" failed", name);
            return NGX_ERROR;
        }

        if (n == 0) {
            break;
        }

        text->len += n;
    }

    text->data[text->len] = '\0';

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_secret_value(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_str_t  name;

    if (value->len < 5 || ngx_strncmp(value->data, "file:", 5) != 0) {
        return NGX_OK;
    }

    if (ngx_http_apievents_at_run_time(cf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"file:\" is not read at run time, the secret "
                           "itself is expected");
        return NGX_ERROR;
    }

    name.data = value->data + 5;
    name.len = value->len - 5;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK
        || ngx_http_apievents_read_file(cf, &name,
                                        NGX_HTTP_APIEVENTS_SECRET_MAX, value)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    while (value->len != 0
           && (value->data[value->len - 1] == LF
               || value->data[value->len - 1] == CR))
    {
        value->len--;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_store_init_module(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);

    if (mcf == NULL || ngx_http_apievents_trial()) {
        return NGX_OK;
    }

    if (ngx_http_apievents_db_thread(cycle, &mcf->store.db) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mcf->store.fresh && mcf->store.db.on) {
        ngx_http_apievents_db_carry_in(cycle, mcf, cycle->log);
    }

    /* a file's sessions do not stand for what was changed or deleted */

    if (mcf->store.zone != NULL && mcf->store.db.on) {
        ngx_http_apievents_follow_in(cycle, &mcf->store, cycle->log);
    }

    if (mcf->store.zone != NULL) {
        ngx_http_apievents_keys_load(&mcf->store, cycle->log);
    }

    if (mcf->script.folder.len != 0) {
        ngx_http_apievents_own_state(cycle, &mcf->store);
    }

    return NGX_OK;
}


/* made by a master that is root, used by workers that are not; the user was
 * not known yet when the path was made */

static void
ngx_http_apievents_own_state(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf)
{
    ngx_fd_t          fd;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() != 0 || ccf->user == (ngx_uid_t) NGX_CONF_UNSET_UINT) {
        return;
    }

    fd = open((char *) scf->state_path.data, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE || fchown(fd, ccf->user, -1) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "folder \"%V\" cannot be given to the worker user",
                      &scf->state_path);
    }

    if (fd != NGX_INVALID_FILE) {
        ngx_http_apievents_folder_own(fd, "scripts", ccf->user);
        (void) ngx_close_file(fd);
    }
}


ngx_int_t
ngx_http_apievents_store_init_process(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);

    return ngx_http_apievents_keeper_start(cycle, &mcf->store);
}


void
ngx_http_apievents_store_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);

    if (mcf != NULL) {
        ngx_http_apievents_write_stop();
        ngx_http_apievents_keeper_stop(&mcf->store);
        ngx_http_apievents_cache_free(&mcf->store);
        ngx_http_apievents_records_free();
    }
}
