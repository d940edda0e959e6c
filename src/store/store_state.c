/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The module's own folder and what is written below it.
 */


#include <dirent.h>

#include "apievents.h"


#define NGX_HTTP_APIEVENTS_FOLDER_DEPTH  64

#define NGX_HTTP_APIEVENTS_OPEN_FOLDER                                       \
    (O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC)


static ngx_int_t ngx_http_apievents_state_name(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf);
static ngx_int_t ngx_http_apievents_state_default(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf);
static ngx_fd_t ngx_http_apievents_folders(ngx_fd_t at, u_char *path,
    u_char *last);
static ngx_int_t ngx_http_apievents_same_file(ngx_fd_t at, const char *name,
    ngx_str_t *text);
static ngx_int_t ngx_http_apievents_replace_file(ngx_fd_t at,
    const char *name, ngx_str_t *text);
static void ngx_http_apievents_folder_walk(ngx_fd_t at, const char *name,
    ngx_uid_t user, ngx_uint_t remove, ngx_uint_t depth);


char *
ngx_http_apievents_api_state_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_main_conf_t  *mcf = conf;

    ngx_str_t                        *value;
    ngx_http_apievents_store_conf_t  *scf;

    scf = &mcf->store;

    if (scf->state_path.len != 0) {

        if (mcf->script.folder.len != 0) {
            return "must stand before the handlers that use it";
        }

        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is empty, a folder is expected",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    scf->state_path = value[1];

    if (ngx_http_apievents_state_name(cf, scf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_state_name(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf)
{
    ngx_str_t  *path;

    path = &scf->state_path;

    if (ngx_conf_full_name(cf->cycle, path, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    while (path->len > 1 && path->data[path->len - 1] == '/') {
        path->data[--path->len] = '\0';
    }

    return NGX_OK;
}


ngx_fd_t
ngx_http_apievents_state_open(ngx_conf_t *cf)
{
    ngx_fd_t                          fd;
    ngx_err_t                         err;
    ngx_http_apievents_main_conf_t   *mcf;
    ngx_http_apievents_store_conf_t  *scf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    scf = &mcf->store;

    if (ngx_http_apievents_state_named(cf) != NGX_OK) {
        return NGX_INVALID_FILE;
    }

    err = 0;

    if (mkdir((char *) scf->state_path.data, 0700) == 0) {
        scf->state_made = 1;

    } else {
        err = ngx_errno;
    }

    /* the path itself may be a link, it is the operator's */
    fd = open((char *) scf->state_path.data, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {

        if (err == 0 || err == NGX_EEXIST) {
            err = ngx_errno;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "folder \"%V\" of \"api_state_path\" cannot be "
                           "made or opened", &scf->state_path);
    }

    return fd;
}


ngx_int_t
ngx_http_apievents_state_named(ngx_conf_t *cf)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->store.state_path.len != 0) {
        return NGX_OK;
    }

    return ngx_http_apievents_state_default(cf, &mcf->store);
}


/* beside the folder of client bodies, which is writable wherever nginx runs */

static ngx_int_t
ngx_http_apievents_state_default(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf)
{
    u_char  *p, *last;

    static u_char  temp[] = NGX_HTTP_CLIENT_TEMP_PATH;

    for (last = temp + sizeof(temp) - 1; last > temp; last--) {

        if (last[-1] == '/') {
            break;
        }
    }

    scf->state_path.len = last - temp + sizeof("apievents") - 1;
    scf->state_path.data = ngx_pnalloc(cf->pool, scf->state_path.len + 1);
    if (scf->state_path.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(scf->state_path.data, temp, last - temp);
    ngx_memcpy(p, "apievents", sizeof("apievents"));

    return ngx_http_apievents_state_name(cf, scf);
}


ngx_uint_t
ngx_http_apievents_trial(void)
{
    return ngx_test_config || ngx_process == NGX_PROCESS_SIGNALLER;
}


ngx_fd_t
ngx_http_apievents_folder(ngx_fd_t at, const char *name, ngx_uint_t *made)
{
    if (made != NULL) {
        *made = (mkdirat(at, name, 0700) == 0);

        if (*made == 0 && ngx_errno != NGX_EEXIST) {
            return NGX_INVALID_FILE;
        }
    }

    return openat(at, name, NGX_HTTP_APIEVENTS_OPEN_FOLDER);
}


ngx_int_t
ngx_http_apievents_folder_write(ngx_fd_t at, ngx_str_t *path,
    ngx_str_t *text)
{
    u_char      buf[NGX_MAX_PATH + 1], *name;
    ngx_fd_t    fd;
    ngx_err_t   err;
    ngx_int_t   rc;

    if (path->len > NGX_MAX_PATH) {
        ngx_set_errno(ENAMETOOLONG);
        return NGX_ERROR;
    }

    ngx_cpystrn(buf, path->data, path->len + 1);

    for (name = buf + path->len; name > buf && name[-1] != '/'; name--) {
        /* void */
    }

    fd = ngx_http_apievents_folders(at, buf, name);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (ngx_http_apievents_same_file(fd, (char *) name, text) != NGX_OK) {
        rc = ngx_http_apievents_replace_file(fd, (char *) name, text);
    }

    err = ngx_errno;
    (void) ngx_close_file(fd);
    ngx_set_errno(err);

    return rc;
}


/* opens the last of the folders that path names up to last */

static ngx_fd_t
ngx_http_apievents_folders(ngx_fd_t at, u_char *path, u_char *last)
{
    u_char      *p;
    ngx_fd_t     fd, next;
    ngx_err_t    err;
    ngx_uint_t   made;

    fd = openat(at, ".", NGX_HTTP_APIEVENTS_OPEN_FOLDER);

    while (path < last && fd != NGX_INVALID_FILE) {
        p = ngx_strlchr(path, last, '/');
        *p = '\0';

        next = ngx_http_apievents_folder(fd, p == path ? "." : (char *) path,
                                         &made);
        err = ngx_errno;
        (void) ngx_close_file(fd);
        ngx_set_errno(err);

        fd = next;
        path = p + 1;
    }

    return fd;
}


static ngx_int_t
ngx_http_apievents_same_file(ngx_fd_t at, const char *name, ngx_str_t *text)
{
    u_char           buf[4096];
    size_t           n;
    ssize_t          size;
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_info_t  fi;

    fd = openat(at, name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    if (fd == NGX_INVALID_FILE) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)
        || ngx_file_size(&fi) != (off_t) text->len)
    {
        goto done;
    }

    for (n = 0; n < text->len; n += size) {
        size = ngx_read_fd(fd, buf, sizeof(buf));

        if (size <= 0 || n + size > text->len
            || ngx_memcmp(buf, text->data + n, size) != 0)
        {
            goto done;
        }
    }

    rc = NGX_OK;

done:

    (void) ngx_close_file(fd);

    return rc;
}


static ngx_int_t
ngx_http_apievents_replace_file(ngx_fd_t at, const char *name,
    ngx_str_t *text)
{
    char       temp[NGX_INT64_LEN + sizeof(".new.")];
    size_t     n;
    ssize_t    size;
    ngx_fd_t   fd;
    ngx_err_t  err;

    ngx_sprintf((u_char *) temp, ".new.%P%Z", ngx_pid);

    (void) unlinkat(at, temp, 0);

    fd = openat(at, temp, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    for (n = 0; n < text->len; n += size) {
        size = ngx_write_fd(fd, text->data + n, text->len - n);

        if (size <= 0) {
            err = (size == 0) ? NGX_ENOSPC : ngx_errno;
            (void) ngx_close_file(fd);
            goto failed;
        }
    }

    if (ngx_close_file(fd) != NGX_FILE_ERROR
        && renameat(at, temp, at, name) == 0)
    {
        return NGX_OK;
    }

    err = ngx_errno;

failed:

    (void) unlinkat(at, temp, 0);
    ngx_set_errno(err);

    return NGX_ERROR;
}


void
ngx_http_apievents_folder_remove(ngx_fd_t at, const char *name)
{
    ngx_http_apievents_folder_walk(at, name, 0, 1,
                                   NGX_HTTP_APIEVENTS_FOLDER_DEPTH);
}


void
ngx_http_apievents_folder_own(ngx_fd_t at, const char *name, ngx_uid_t user)
{
    ngx_http_apievents_folder_walk(at, name, user, 0,
                                   NGX_HTTP_APIEVENTS_FOLDER_DEPTH);
}


static void
ngx_http_apievents_folder_walk(ngx_fd_t at, const char *name, ngx_uid_t user,
    ngx_uint_t remove, ngx_uint_t depth)
{
    DIR            *dir;
    ngx_fd_t        fd;
    struct dirent  *de;

    fd = NGX_INVALID_FILE;

    if (depth != 0) {
        fd = ngx_http_apievents_folder(at, name, NULL);
    }

    dir = (fd == NGX_INVALID_FILE) ? NULL : fdopendir(fd);

    if (dir == NULL && fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);
        return;
    }

    while (dir != NULL && (de = readdir(dir)) != NULL) {

        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0) {
            ngx_http_apievents_folder_walk(fd, de->d_name, user, remove,
                                           depth - 1);
        }
    }

    if (remove) {
        (void) unlinkat(at, name, dir == NULL ? 0 : AT_REMOVEDIR);

    } else if (fchownat(at, name, user, -1, AT_SYMLINK_NOFOLLOW) == -1) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, ngx_errno,
                      "fchownat() of \"%s\" failed", name);
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }
}
