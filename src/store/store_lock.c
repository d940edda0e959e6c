/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The instance lock.  flock() belongs to the open file, which every process of
 * a master inherits: it is held until the last of them is gone, however it
 * ends.  The file tells which master it is.
 */


#include <sys/file.h>

#include "apievents.h"
#include "store/store_private.h"


/* a predecessor that is just ending, or a parent that has not told yet */
#define NGX_HTTP_APIEVENTS_LOCK_TRIES   10
#define NGX_HTTP_APIEVENTS_LOCK_TRY     50      /* ms */
#define NGX_HTTP_APIEVENTS_LOCK_SHARE   60      /* tries of an upgrade */


/* of a process; cycles share it, the last one closes the file */

typedef struct {
    ngx_str_t   name;
    ngx_fd_t    fd;
    ngx_uint_t  refs;
    unsigned    held:1;                 /* or another nginx has it */
    unsigned    told:1;                 /* the file has our master's pid */
} ngx_http_apievents_db_lock_t;


static ngx_http_apievents_db_lock_t *ngx_http_apievents_lock_of(
    ngx_cycle_t *cycle, ngx_http_apievents_db_conf_t *db);
static ngx_http_apievents_db_lock_t *ngx_http_apievents_lock_open(
    ngx_cycle_t *cycle, ngx_http_apievents_db_conf_t *db, ngx_log_t *log);
static ngx_int_t ngx_http_apievents_lock_try(
    ngx_http_apievents_db_lock_t *lock, ngx_pid_t *pid, ngx_log_t *log);
static ngx_pid_t ngx_http_apievents_lock_pid(ngx_fd_t fd);
static void ngx_http_apievents_lock_tell(ngx_http_apievents_db_lock_t *lock,
    ngx_pid_t pid, ngx_log_t *log);
static void ngx_http_apievents_lock_cleanup(void *data);


ngx_int_t
ngx_http_apievents_db_lock(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log)
{
    ngx_pid_t                      pid;
    ngx_int_t                      rc;
    ngx_pool_cleanup_t            *cln;
    ngx_http_apievents_db_conf_t  *db;
    ngx_http_apievents_db_lock_t  *lock;

    db = &scf->db;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    lock = ngx_http_apievents_lock_of(cycle, db);

    if (lock == NULL) {
        lock = ngx_http_apievents_lock_open(cycle, db, log);
        if (lock == NULL) {
            return NGX_ERROR;
        }
    }

    lock->refs++;

    cln->handler = ngx_http_apievents_lock_cleanup;
    cln->data = lock;

    db->lock = lock;

    if (lock->refs > 1) {
        return NGX_OK;
    }

    rc = ngx_http_apievents_lock_try(lock, &pid, log);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "store \"%V\" is used by another nginx, pid %P, in "
                      "%V:%ui", &db->name, pid, &db->file, db->line);
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_http_apievents_db_locked(ngx_cycle_t *cycle,
    ngx_http_apievents_db_conf_t *db)
{
    return ngx_http_apievents_lock_of(cycle, db) != NULL;
}


ngx_uint_t
ngx_http_apievents_db_alone(ngx_cycle_t *cycle,
    ngx_http_apievents_db_conf_t *db)
{
    ngx_http_apievents_db_lock_t  *lock;

    lock = db->lock;

    return lock != NULL && lock->held && cycle->old_cycle != NULL
           && ngx_is_init_cycle(cycle->old_cycle);
}


static ngx_http_apievents_db_lock_t *
ngx_http_apievents_lock_of(ngx_cycle_t *cycle,
    ngx_http_apievents_db_conf_t *db)
{
    ngx_http_apievents_db_lock_t    *lock;
    ngx_http_apievents_main_conf_t  *mcf;

    if (cycle->old_cycle == NULL || cycle->old_cycle->conf_ctx == NULL) {
        return NULL;
    }

    mcf = ngx_http_apievents_main_conf(cycle->old_cycle);

    if (mcf == NULL || mcf->store.db.lock == NULL) {
        return NULL;
    }

    lock = mcf->store.db.lock;

    if (lock->name.len != db->name.len
        || ngx_memcmp(lock->name.data, db->name.data, db->name.len) != 0)
    {
        return NULL;
    }

    return lock;
}


static ngx_http_apievents_db_lock_t *
ngx_http_apievents_lock_open(ngx_cycle_t *cycle,
    ngx_http_apievents_db_conf_t *db, ngx_log_t *log)
{
    u_char                         file[NGX_MAX_PATH];
    ngx_core_conf_t               *ccf;
    ngx_http_apievents_db_lock_t  *lock;

    lock = ngx_calloc(sizeof(ngx_http_apievents_db_lock_t) + db->name.len,
                      log);
    if (lock == NULL) {
        return NULL;
    }

    lock->name.len = db->name.len;
    lock->name.data = (u_char *) (lock + 1);
    ngx_memcpy(lock->name.data, db->name.data, db->name.len);

    ngx_snprintf(file, NGX_MAX_PATH, "%V.lock%Z", &db->name);

    lock->fd = open((char *) file,
                    O_RDWR|O_CREAT|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC, 0600);

    if (lock->fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "lock \"%s\" of the store cannot be made or opened in "
                      "%V:%ui", file, &db->file, db->line);
        ngx_free(lock);
        return NULL;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && fchown(lock->fd, ccf->user, -1) == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "lock \"%s\" cannot be given to the worker user", file);
    }

    return lock;
}


/*
 * NGX_DECLINED: another has it, *pid is its master's.  The parent of a master
 * that was started for an upgrade may have taken it over itself a moment ago,
 * and its workers tell of it only then.
 */

static ngx_int_t
ngx_http_apievents_lock_try(ngx_http_apievents_db_lock_t *lock,
    ngx_pid_t *pid, ngx_log_t *log)
{
    ngx_uint_t  i, n;

    *pid = 0;
    n = ngx_inherited ? NGX_HTTP_APIEVENTS_LOCK_SHARE
                      : NGX_HTTP_APIEVENTS_LOCK_TRIES;

    for (i = 0; i < n; i++) {

        if (flock(lock->fd, LOCK_EX|LOCK_NB) == 0) {
            lock->held = 1;
            ngx_http_apievents_lock_tell(lock, ngx_pid, log);
            return NGX_OK;
        }

        if (ngx_errno != NGX_EAGAIN && ngx_errno != NGX_EINTR) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "flock() of the store \"%V\" failed", &lock->name);
            return NGX_ERROR;
        }

        *pid = ngx_http_apievents_lock_pid(lock->fd);

        if (ngx_inherited && *pid == getppid()) {
            return NGX_OK;
        }

        ngx_msleep(NGX_HTTP_APIEVENTS_LOCK_TRY);
    }

    return NGX_DECLINED;
}


static ngx_pid_t
ngx_http_apievents_lock_pid(ngx_fd_t fd)
{
    u_char     buf[NGX_INT64_LEN];
    ssize_t    n;
    ngx_int_t  pid;

    n = pread(fd, buf, sizeof(buf), 0);

    if (n > 0 && buf[n - 1] == LF) {
        n--;
    }

    pid = ngx_atoi(buf, n > 0 ? n : 0);

    return (pid == NGX_ERROR) ? 0 : pid;
}


static void
ngx_http_apievents_lock_tell(ngx_http_apievents_db_lock_t *lock,
    ngx_pid_t pid, ngx_log_t *log)
{
    u_char   buf[NGX_INT64_LEN + 1];
    size_t   len;

    len = ngx_sprintf(buf, "%P\n", pid) - buf;

    if (pwrite(lock->fd, buf, len, 0) != (ssize_t) len
        || ftruncate(lock->fd, len) == -1)
    {
        /* who it is cannot be told, that it is held can */
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "pid cannot be written to the lock of the store \"%V\"",
                      &lock->name);
    }
}


/* the master has another pid than at its start if it became a daemon */

void
ngx_http_apievents_db_lock_take(ngx_http_apievents_db_conf_t *db)
{
    ngx_http_apievents_db_lock_t  *lock;

    lock = db->lock;

    if (lock == NULL || lock->told) {
        return;
    }

    if (!lock->held) {

        if (flock(lock->fd, LOCK_EX|LOCK_NB) == -1) {
            return;
        }

        lock->held = 1;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "store \"%V\" is taken over from a master that is gone",
                      &lock->name);
    }

    lock->told = 1;

    ngx_http_apievents_lock_tell(lock, ngx_process == NGX_PROCESS_WORKER
                                       ? ngx_parent : ngx_pid,
                                 ngx_cycle->log);
}


static void
ngx_http_apievents_lock_cleanup(void *data)
{
    ngx_http_apievents_db_lock_t *lock = data;

    if (--lock->refs != 0) {
        return;
    }

    (void) ngx_close_file(lock->fd);
    ngx_free(lock);
}
