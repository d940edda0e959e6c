/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_definitions: every definition of a folder becomes a location of the
 * server.
 */


#include "definition/definition_private.h"


/* idle connections of all definitions together, a worker */
#define NGX_HTTP_APIEVENTS_FOLDER_KEEPALIVE  256


static ngx_int_t ngx_http_apievents_folder_args(ngx_conf_t *cf,
    ngx_http_apievents_definition_conf_t *dcf);
static ngx_int_t ngx_http_apievents_folder_list(ngx_conf_t *cf,
    ngx_str_t *folder, ngx_array_t *files);
static ngx_int_t ngx_http_apievents_folder_add(ngx_conf_t *cf,
    ngx_str_t *folder, ngx_dir_t *dir, ngx_array_t *files);
static int ngx_libc_cdecl ngx_http_apievents_folder_order(const void *one,
    const void *two);
static ngx_int_t ngx_http_apievents_folder_read(ngx_conf_t *cf,
    ngx_http_apievents_definition_conf_t *dcf, ngx_array_t *files,
    ngx_http_apievents_definition_t *defs);
static ngx_int_t ngx_http_apievents_folder_service(
    ngx_http_apievents_definition_t *def,
    ngx_http_apievents_definition_conf_t *dcf);
static ngx_int_t ngx_http_apievents_folder_locations(ngx_conf_t *cf,
    ngx_http_apievents_definition_t *defs, ngx_uint_t n);
static ngx_int_t ngx_http_apievents_folder_twice(
    ngx_http_apievents_definition_t *def,
    ngx_http_apievents_definition_conf_t *dcf);
static ngx_uint_t ngx_http_apievents_folder_apart(
    ngx_http_apievents_service_t *one, ngx_http_apievents_service_t *two);
static ngx_uint_t ngx_http_apievents_folder_same(ngx_str_t *one,
    ngx_str_t *two);


char *
ngx_http_apievents_api_definitions(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t                        *value;
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_array_t                       files;
    ngx_http_apievents_definition_t  *defs;

    if (lcf->definition.services != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    lcf->definition.services = ngx_array_create(cf->pool, 8, sizeof(void *));

    if (lcf->definition.services == NULL
        || ngx_http_apievents_folder_args(cf, &lcf->definition) != NGX_OK
        || ngx_array_init(&files, cf->pool, 8, sizeof(ngx_str_t)) != NGX_OK
        || ngx_http_apievents_folder_list(cf, &value[1], &files) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (files.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "no *.json in the folder \"%V\"", &value[1]);
        return NGX_CONF_OK;
    }

    ngx_qsort(files.elts, files.nelts, sizeof(ngx_str_t),
              ngx_http_apievents_folder_order);

    defs = ngx_pcalloc(cf->pool,
                       files.nelts * sizeof(ngx_http_apievents_definition_t));
    if (defs == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_apievents_folder_read(cf, &lcf->definition, &files, defs);

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_folder_locations(cf, defs, files.nelts);
    }

    for (i = 0; i < files.nelts && defs[i].arena != NULL; i++) {
        ae_arena_destroy(defs[i].arena);
    }

    return (rc == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_apievents_folder_args(ngx_conf_t *cf,
    ngx_http_apievents_definition_conf_t *dcf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "store") == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"api_definitions store\" is not available yet, "
                           "expected a folder");
        return NGX_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_OK;
    }

    if (value[2].len <= 3 || ngx_strncmp(value[2].data, "ca=", 3) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"api_definitions\", "
                           "expected ca=FILE", &value[2]);
        return NGX_ERROR;
    }

    dcf->ca.data = value[2].data + 3;
    dcf->ca.len = value[2].len - 3;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_folder_list(ngx_conf_t *cf, ngx_str_t *folder,
    ngx_array_t *files)
{
    ngx_int_t   rc;
    ngx_err_t   err;
    ngx_dir_t   dir;

    while (folder->len > 1 && folder->data[folder->len - 1] == '/') {
        folder->data[--folder->len] = '\0';
    }

    if (folder->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"api_definitions\" has an empty argument, "
                           "expected a folder");
        return NGX_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, folder, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_open_dir(folder, &dir) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_dir_n " \"%V\" failed, expected a folder",
                           folder);
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for ( ;; ) {
        ngx_set_errno(0);

        if (ngx_read_dir(&dir) != NGX_OK) {
            err = ngx_errno;

            if (err != NGX_ENOMOREFILES) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                                   ngx_read_dir_n " \"%V\" failed", folder);
                rc = NGX_ERROR;
            }

            break;
        }

        rc = ngx_http_apievents_folder_add(cf, folder, &dir, files);

        if (rc != NGX_OK) {
            break;
        }
    }

    (void) ngx_close_dir(&dir);

    return rc;
}


static ngx_int_t
ngx_http_apievents_folder_add(ngx_conf_t *cf, ngx_str_t *folder,
    ngx_dir_t *dir, ngx_array_t *files)
{
    u_char     *name, *p;
    size_t      len;
    ngx_str_t  *file;

    name = ngx_de_name(dir);
    len = ngx_de_namelen(dir);

    if (len <= 5 || name[0] == '.'
        || ngx_strncmp(name + len - 5, ".json", 5) != 0)
    {
        return NGX_OK;
    }

    file = ngx_array_push(files);
    if (file == NULL) {
        return NGX_ERROR;
    }

    file->len = folder->len + 1 + len;
    file->data = ngx_pnalloc(cf->pool, file->len + 1);

    if (file->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(file->data, folder->data, folder->len);
    *p++ = '/';
    p = ngx_cpymem(p, name, len);
    *p = '\0';

    return NGX_OK;
}


/* the same start gives the same messages, wherever the files came from */

static int ngx_libc_cdecl
ngx_http_apievents_folder_order(const void *one, const void *two)
{
    const ngx_str_t  *a, *b;

    a = one;
    b = two;

    return ngx_strcmp(a->data, b->data);
}


/* all of them first: their listen paths are compared with each other */

static ngx_int_t
ngx_http_apievents_folder_read(ngx_conf_t *cf,
    ngx_http_apievents_definition_conf_t *dcf, ngx_array_t *files,
    ngx_http_apievents_definition_t *defs)
{
    ngx_int_t                         rc;
    ngx_str_t                        *file;
    ngx_uint_t                        i;
    ngx_http_apievents_definition_t  *def;

    file = files->elts;

    for (i = 0; i < files->nelts; i++) {
        def = &defs[i];

        def->cf = cf;
        def->ca = dcf->ca;
        def->keepalive = NGX_HTTP_APIEVENTS_FOLDER_KEEPALIVE / files->nelts;

        def->service = ngx_pcalloc(cf->pool,
                                   sizeof(ngx_http_apievents_service_t));
        if (def->service == NULL) {
            return NGX_ERROR;
        }

        def->service->file = file[i];

        def->arena = ae_arena_create(NGX_HTTP_APIEVENTS_DEFINITION_ARENA);
        if (def->arena == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_http_apievents_folder_service(def, dcf);

        ngx_http_apievents_definition_leave(def);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_folder_service(ngx_http_apievents_definition_t *def,
    ngx_http_apievents_definition_conf_t *dcf)
{
    ngx_http_apievents_service_t  **service;

    if (ngx_http_apievents_definition_read(def, &def->service->file,
                                           def->arena)
        != NGX_OK
        || ngx_http_apievents_definition_proxy(def) != NGX_OK
        || ngx_http_apievents_definition_domain(def) != NGX_OK
        || ngx_http_apievents_folder_twice(def, dcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    service = ngx_array_push(dcf->services);
    if (service == NULL) {
        return NGX_ERROR;
    }

    *service = def->service;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_folder_locations(ngx_conf_t *cf,
    ngx_http_apievents_definition_t *defs, ngx_uint_t n)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i, m;
    ngx_http_apievents_definition_t  **ordered;

    ordered = ngx_palloc(cf->pool, n * sizeof(void *));
    if (ordered == NULL) {
        return NGX_ERROR;
    }

    m = 0;

    for (i = 0; i < n; i++) {
        if (!defs[i].service->elsewhere) {
            ordered[m++] = &defs[i];
        }
    }

    ngx_sort(ordered, m, sizeof(void *), ngx_http_apievents_definition_order);

    for (i = 0; i < m; i++) {
        ordered[i]->modifier = ngx_http_apievents_definition_modifier(
                                             ordered[i]->service, ordered, m);

        ngx_http_apievents_definition_enter(ordered[i]);

        rc = ngx_http_apievents_definition_location(ordered[i]);

        ngx_http_apievents_definition_leave(ordered[i]);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_folder_twice(ngx_http_apievents_definition_t *def,
    ngx_http_apievents_definition_conf_t *dcf)
{
    ngx_str_t                      *listen, *api;
    ngx_uint_t                      i;
    const ae_value_t               *v;
    ngx_http_apievents_service_t  **other;

    listen = &def->service->listen_path;
    api = &def->service->api;
    other = dcf->services->elts;

    for (i = 0; i < dcf->services->nelts; i++) {

        if ((ngx_http_apievents_folder_same(&other[i]->listen_path, listen)
             || ngx_http_apievents_folder_same(&other[i]->pattern,
                                               &def->service->pattern))
            && !ngx_http_apievents_folder_apart(other[i], def->service))
        {
            def->place.line = def->service->line;
            ngx_conf_log_error(NGX_LOG_EMERG, def->cf, 0,
                               "duplicate \"listen_path\" \"%V\", \"%V\" has "
                               "it too", listen, &other[i]->file);
            return NGX_ERROR;
        }

        if (ngx_http_apievents_folder_same(&other[i]->api, api)) {
            v = ae_value_get(def->root, "api_id");
            def->place.line = v->line;
            ngx_conf_log_error(NGX_LOG_EMERG, def->cf, 0,
                               "duplicate \"api_id\" \"%V\", \"%V\" has it "
                               "too", api, &other[i]->file);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* in this server; of two with one path that which has the server's name wins,
 * as in Tyk */

static ngx_uint_t
ngx_http_apievents_folder_apart(ngx_http_apievents_service_t *one,
    ngx_http_apievents_service_t *two)
{
    if (one->elsewhere || two->elsewhere) {
        return 1;
    }

    if ((one->domain.len == 0) == (two->domain.len == 0)) {
        return 0;
    }

    one->elsewhere = (one->domain.len == 0);
    two->elsewhere = (two->domain.len == 0);

    return 1;
}


/* what is empty is like nothing else */

static ngx_uint_t
ngx_http_apievents_folder_same(ngx_str_t *one, ngx_str_t *two)
{
    return one->len != 0 && one->len == two->len
           && ngx_memcmp(one->data, two->data, one->len) == 0;
}
