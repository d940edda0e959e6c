/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Where scripts are written for njs to read: one folder for each content, so
 * that a file that is in use never changes.  njs reads them while nginx parses
 * its configuration and never again.
 */


#include <dirent.h>
#include <sys/file.h>

#include "apievents.h"
#include "script/script_private.h"


#define NGX_HTTP_APIEVENTS_TRIAL_NAME  "scripts-test."


static ngx_int_t ngx_http_apievents_script_open(ngx_conf_t *cf,
    ngx_http_apievents_main_conf_t *mcf);
static ngx_int_t ngx_http_apievents_script_cleanup_add(ngx_conf_t *cf,
    ngx_http_apievents_main_conf_t *mcf);
static void ngx_http_apievents_script_cleanup(void *data);
static ngx_int_t ngx_http_apievents_write_runtime(ngx_conf_t *cf,
    ngx_http_apievents_script_conf_t *scf);
static ngx_int_t ngx_http_apievents_script_put(ngx_conf_t *cf,
    ngx_http_apievents_script_conf_t *scf, ngx_str_t *folder,
    const char *path, size_t len, ngx_str_t *text);
static ngx_int_t ngx_http_apievents_script_hash(ngx_conf_t *cf,
    ngx_http_apievents_script_conf_t *scf, ae_str_t text, ngx_str_t *name);
static void ngx_http_apievents_script_reopen(
    ngx_http_apievents_main_conf_t *mcf);
static void ngx_http_apievents_remove_stale(
    ngx_http_apievents_script_conf_t *scf);
static ngx_uint_t ngx_http_apievents_is_stale(
    ngx_http_apievents_script_conf_t *scf, const char *name);
static void ngx_http_apievents_remove_trials(
    ngx_http_apievents_main_conf_t *mcf);


static const char  *const ngx_http_apievents_runtime_files[] = {
    "njs/apievents.js",
    "njs/apievents_functions.js",
    "njs/calls.js",
    "njs/clock.js",
    "njs/inline.js",
    "njs/inline_context.js",
    "njs/inline_details.js",
    "njs/inline_end.js",
    "njs/inline_error.js",
    "njs/inline_headers.js",
    "njs/inline_java.js",
    "njs/inline_objects.js",
    "njs/inline_request.js",
    "njs/inline_response.js",
    "njs/inline_rounds.js",
    "njs/inline_system.js",
    "njs/run.js",
    NULL
};


ngx_int_t
ngx_http_apievents_script_folder(ngx_conf_t *cf)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->script.folder.len != 0) {
        return NGX_OK;
    }

    if (ngx_http_apievents_script_cleanup_add(cf, mcf) != NGX_OK
        || ngx_http_apievents_script_open(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_write_runtime(cf, &mcf->script);
}


static ngx_int_t
ngx_http_apievents_script_open(ngx_conf_t *cf,
    ngx_http_apievents_main_conf_t *mcf)
{
    u_char      *p;
    ngx_fd_t     state;
    ngx_str_t   *folder;
    ngx_uint_t   made;

    state = ngx_http_apievents_state_open(cf);
    if (state == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    folder = &mcf->script.folder;

    folder->data = ngx_pnalloc(cf->pool, mcf->store.state_path.len
                               + sizeof("/" NGX_HTTP_APIEVENTS_TRIAL_NAME)
                               + NGX_INT64_LEN);
    if (folder->data == NULL) {
        (void) ngx_close_file(state);
        return NGX_ERROR;
    }

    p = ngx_sprintf(folder->data, "%V/", &mcf->store.state_path);
    folder->len = p - folder->data;

    if (ngx_http_apievents_trial()) {
        p = ngx_sprintf(p, NGX_HTTP_APIEVENTS_TRIAL_NAME "%P%Z", ngx_pid);

    } else {
        p = ngx_sprintf(p, "scripts%Z");
    }

    mcf->script.fd = ngx_http_apievents_folder(state, (char *) folder->data
                                               + folder->len, &made);

    if (mcf->script.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "folder \"%s\" cannot be made or opened",
                           folder->data);
        (void) ngx_close_file(state);
        folder->len = 0;
        return NGX_ERROR;
    }

    (void) ngx_close_file(state);

    folder->len = p - folder->data - 1;

    /* who else starts on this folder removes nothing meanwhile */
    (void) flock(mcf->script.fd, LOCK_SH);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_script_cleanup_add(ngx_conf_t *cf,
    ngx_http_apievents_main_conf_t *mcf)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_apievents_script_cleanup;
    cln->data = mcf;

    mcf->script.fd = NGX_INVALID_FILE;

    return NGX_OK;
}


/* called once more by whatever comes first of success and failure */

static void
ngx_http_apievents_script_cleanup(void *data)
{
    ngx_http_apievents_main_conf_t *mcf = data;

    ngx_fd_t  state;

    if (mcf->script.fd == NGX_INVALID_FILE) {
        return;
    }

    (void) ngx_close_file(mcf->script.fd);
    mcf->script.fd = NGX_INVALID_FILE;

    if (!ngx_http_apievents_trial()) {
        return;
    }

    state = open((char *) mcf->store.state_path.data,
                 O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (state != NGX_INVALID_FILE) {
        ngx_http_apievents_folder_remove(state,
                                         (char *) mcf->script.folder.data
                                         + mcf->store.state_path.len + 1);
        (void) ngx_close_file(state);
    }

    if (mcf->store.state_made) {
        (void) rmdir((char *) mcf->store.state_path.data);
    }
}


static ngx_int_t
ngx_http_apievents_write_runtime(ngx_conf_t *cf,
    ngx_http_apievents_script_conf_t *scf)
{
    ae_buf_t         b;
    ae_str_t         name, all;
    ngx_int_t        rc;
    ngx_uint_t       i;
    const ae_str_t  *text;

    ae_buf_init(&b, SIZE_MAX);

    for (i = 0; ngx_http_apievents_runtime_files[i] != NULL; i++) {
        name.data = (u_char *) ngx_http_apievents_runtime_files[i];
        name.len = ngx_strlen(name.data);

        text = ae_embedded_find(name);

        if (text != NULL) {
            ae_buf_put(&b, text->data, text->len);
        }
    }

    all.data = b.data;
    all.len = b.len;

    rc = b.failed ? NGX_ERROR
                  : ngx_http_apievents_script_hash(cf, scf, all,
                                                   &scf->runtime);
    ae_buf_free(&b);

    for (i = 0;
         rc == NGX_OK && ngx_http_apievents_runtime_files[i] != NULL;
         i++)
    {
        name.data = (u_char *) ngx_http_apievents_runtime_files[i];
        name.len = ngx_strlen(name.data);

        text = ae_embedded_find(name);

        if (text == NULL) {
            continue;
        }

        rc = ngx_http_apievents_script_put(cf, scf, &scf->runtime,
                                   (char *) name.data + sizeof("njs/") - 1,
                                   name.len - (sizeof("njs/") - 1),
                                   (ngx_str_t *) text);
    }

    return rc;
}


ngx_int_t
ngx_http_apievents_script_write(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text, ngx_str_t *folder)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (ngx_http_apievents_script_hash(cf, &mcf->script, *(ae_str_t *) text,
                                       folder)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_script_put(cf, &mcf->script, folder,
                                         (char *) path->data, path->len,
                                         text);
}


static ngx_int_t
ngx_http_apievents_script_put(ngx_conf_t *cf,
    ngx_http_apievents_script_conf_t *scf, ngx_str_t *folder,
    const char *path, size_t len, ngx_str_t *text)
{
    ngx_str_t  name;

    name.len = folder->len + 1 + len;
    name.data = ngx_pnalloc(cf->pool, name.len + 1);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(name.data, "%V/%*s%Z", folder, len, path);

    if (ngx_http_apievents_folder_write(scf->fd, &name, text) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V/%V\" cannot be written", &scf->folder,
                           &name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_script_hash(ngx_conf_t *cf,
    ngx_http_apievents_script_conf_t *scf, ae_str_t text, ngx_str_t *name)
{
    ngx_str_t  *used;

    used = ngx_array_push(&scf->files);
    name->data = ngx_pnalloc(cf->pool, AE_HEX_LEN + 1);

    if (used == NULL || name->data == NULL) {
        return NGX_ERROR;
    }

    ae_id_hex(name->data, ae_key_id(text));
    name->data[AE_HEX_LEN] = '\0';
    name->len = AE_HEX_LEN;

    *used = *name;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_script_init(ngx_conf_t *cf)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->script.folder.len != 0 && ngx_http_apievents_trial()) {
        ngx_http_apievents_script_cleanup(mcf);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_script_init_module(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);

    if (mcf == NULL || mcf->store.state_path.len == 0
        || ngx_http_apievents_trial())
    {
        return NGX_OK;
    }

    if (mcf->script.folder.len == 0) {
        ngx_http_apievents_script_reopen(mcf);
    }

    if (mcf->script.fd == NGX_INVALID_FILE) {
        return NGX_OK;
    }

    if (flock(mcf->script.fd, LOCK_EX|LOCK_NB) == 0) {
        ngx_http_apievents_remove_stale(&mcf->script);
    }

    ngx_http_apievents_remove_trials(mcf);
    ngx_http_apievents_script_cleanup(mcf);

    return NGX_OK;
}


/* a configuration without scripts: the last one may have had some */

static void
ngx_http_apievents_script_reopen(ngx_http_apievents_main_conf_t *mcf)
{
    ngx_fd_t  state;

    mcf->script.fd = NGX_INVALID_FILE;

    state = open((char *) mcf->store.state_path.data,
                 O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (state != NGX_INVALID_FILE) {
        mcf->script.fd = ngx_http_apievents_folder(state, "scripts", NULL);
        (void) ngx_close_file(state);
    }
}


static void
ngx_http_apievents_remove_stale(ngx_http_apievents_script_conf_t *scf)
{
    DIR            *dir;
    ngx_fd_t        fd;
    struct dirent  *de;

    fd = ngx_http_apievents_folder(scf->fd, ".", NULL);

    dir = (fd == NGX_INVALID_FILE) ? NULL : fdopendir(fd);

    if (dir == NULL) {
        return;
    }

    while ((de = readdir(dir)) != NULL) {

        if (ngx_http_apievents_is_stale(scf, de->d_name)) {
            ngx_http_apievents_folder_remove(scf->fd, de->d_name);
        }
    }

    (void) closedir(dir);
}


static ngx_uint_t
ngx_http_apievents_is_stale(ngx_http_apievents_script_conf_t *scf,
    const char *name)
{
    ae_id_t      id;
    ae_str_t     s;
    ngx_str_t   *used;
    ngx_uint_t   i;

    s.len = ngx_strlen(name);
    s.data = (u_char *) name;

    if (ae_id_unhex(&id, s) != AE_OK) {
        return 0;
    }

    used = scf->files.elts;

    for (i = 0; i < scf->files.nelts; i++) {

        if (ngx_strcmp(used[i].data, name) == 0) {
            return 0;
        }
    }

    return 1;
}


/* of processes that were killed before they could */

static void
ngx_http_apievents_remove_trials(ngx_http_apievents_main_conf_t *mcf)
{
    DIR            *dir;
    size_t          len;
    ngx_int_t       pid;
    struct dirent  *de;

    dir = opendir((char *) mcf->store.state_path.data);

    if (dir == NULL) {
        return;
    }

    len = sizeof(NGX_HTTP_APIEVENTS_TRIAL_NAME) - 1;

    while ((de = readdir(dir)) != NULL) {

        if (ngx_strncmp(de->d_name, NGX_HTTP_APIEVENTS_TRIAL_NAME, len) != 0) {
            continue;
        }

        pid = ngx_atoi((u_char *) de->d_name + len,
                       ngx_strlen(de->d_name) - len);

        if (pid > 0 && kill((pid_t) pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
            ngx_http_apievents_folder_remove(dirfd(dir), de->d_name);
        }
    }

    (void) closedir(dir);
}
