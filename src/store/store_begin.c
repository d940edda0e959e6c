/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a master looks at before it uses a configuration with a store.
 */


#include "apievents.h"
#include "store/store_private.h"
#include "store/sqlite/sqlite.h"


#define NGX_HTTP_APIEVENTS_DB_CHECK  2000       /* ms at most */


static ngx_int_t ngx_http_apievents_db_look(
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log);
static ngx_int_t ngx_http_apievents_db_writable(
    ngx_http_apievents_db_conf_t *db, ngx_log_t *log);
static ngx_uint_t ngx_http_apievents_db_ours(
    ngx_http_apievents_store_conf_t *scf);
static ngx_int_t ngx_http_apievents_db_made(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log);
static ngx_int_t ngx_http_apievents_db_user(ngx_cycle_t *cycle,
    ngx_core_conf_t **ccf);


ngx_int_t
ngx_http_apievents_db_begin(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log)
{
    ngx_int_t  rc;

    if (!scf->db.on) {
        return NGX_OK;
    }

    if (!ngx_http_apievents_trial()
        && ngx_http_apievents_db_made(cycle, scf, log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what this nginx uses already is known to be good, or to be repaired
     * with a restart */

    if (!ngx_http_apievents_db_locked(cycle, &scf->db)) {

        if (ngx_http_apievents_db_become(cycle, log) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = ngx_http_apievents_db_look(scf, log);

        ngx_http_apievents_db_return(cycle, log);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_apievents_trial()
           ? NGX_OK : ngx_http_apievents_db_lock(cycle, scf, log);
}


/* as the worker user, who is to write files beside the database, too */

static ngx_int_t
ngx_http_apievents_db_look(ngx_http_apievents_store_conf_t *scf,
    ngx_log_t *log)
{
    ae_error_t                     err;
    ae_db_state_e                  state;
    ngx_http_apievents_db_conf_t  *db;

    db = &scf->db;

    if (faccessat(AT_FDCWD, (char *) db->folder.data, R_OK|W_OK|X_OK,
                  AT_EACCESS)
        == -1)
    {
        /* a start makes it, or gives it to that user */

        if (ngx_http_apievents_trial() && ngx_http_apievents_db_ours(scf)) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "folder \"%V\" of the store cannot be written by the "
                      "worker user in %V:%ui", &db->folder, &db->file,
                      db->line);
        return NGX_ERROR;
    }

    if (ngx_http_apievents_db_writable(db, log) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&err, sizeof(ae_error_t));

    state = ae_db_check((char *) db->name.data, NGX_HTTP_APIEVENTS_DB_CHECK,
                        &err);

    if (state == AE_DB_OK || state == AE_DB_ABSENT) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "store \"%V\" cannot be used: %s: %s in %V:%ui", &db->name,
                  ae_db_states[state], err.text, &db->file, db->line);

    return NGX_ERROR;
}


/* a look reads the file only, and one that is read well may be another's */

static ngx_int_t
ngx_http_apievents_db_writable(ngx_http_apievents_db_conf_t *db,
    ngx_log_t *log)
{
    u_char              file[NGX_MAX_PATH];
    ngx_uint_t          i;
    static const char  *suffixes[] = { "", "-wal", "-shm", "-journal" };

    for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {

        ngx_snprintf(file, NGX_MAX_PATH, "%V%s%Z", &db->name, suffixes[i]);

        if (faccessat(AT_FDCWD, (char *) file, R_OK|W_OK, AT_EACCESS) == -1
            && ngx_errno != NGX_ENOENT)
        {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "file \"%s\" of the store cannot be written by the "
                          "worker user in %V:%ui", file, &db->file, db->line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_apievents_db_ours(ngx_http_apievents_store_conf_t *scf)
{
    return scf->db.folder.len == scf->state_path.len
           && ngx_memcmp(scf->db.folder.data, scf->state_path.data,
                         scf->state_path.len)
              == 0;
}


/* the folder, if it is that of the module */

static ngx_int_t
ngx_http_apievents_db_made(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log)
{
    ngx_fd_t          fd;
    ngx_core_conf_t  *ccf;

    if (!ngx_http_apievents_db_ours(scf)) {
        return NGX_OK;
    }

    (void) mkdir((char *) scf->state_path.data, 0700);

    fd = open((char *) scf->state_path.data, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "folder \"%V\" of \"api_state_path\" cannot be made or "
                      "opened", &scf->state_path);
        return NGX_ERROR;
    }

    if (ngx_http_apievents_db_user(cycle, &ccf) == NGX_OK
        && fchown(fd, ccf->user, -1) == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "folder \"%V\" cannot be given to the worker user",
                      &scf->state_path);
    }

    (void) ngx_close_file(fd);

    return NGX_OK;
}


/* NGX_DECLINED: workers have the user that this process has */

static ngx_int_t
ngx_http_apievents_db_user(ngx_cycle_t *cycle, ngx_core_conf_t **ccf)
{
    *ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() != 0 || (*ccf)->user == (ngx_uid_t) NGX_CONF_UNSET_UINT
        || (*ccf)->user == 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_db_become(ngx_cycle_t *cycle, ngx_log_t *log)
{
    ngx_core_conf_t  *ccf;

    if (ngx_http_apievents_db_user(cycle, &ccf) != NGX_OK) {
        return NGX_OK;
    }

    if (setegid(ccf->group) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "setegid(%d) failed",
                      ccf->group);
        return NGX_ERROR;
    }

    if (seteuid(ccf->user) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "seteuid(%d) failed",
                      ccf->user);
        ngx_http_apievents_db_return(cycle, log);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_apievents_db_return(ngx_cycle_t *cycle, ngx_log_t *log)
{
    if (getuid() != 0) {
        return;
    }

    if (seteuid(0) == -1 || setegid(getgid()) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "seteuid(0) or setegid(%d) failed", getgid());
    }
}
