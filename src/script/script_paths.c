/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What relative paths of handlers start from.  Handlers are resolved when they
 * are parsed, which is before nginx merges its levels: the levels around the
 * one being parsed are found the way nginx itself got there.
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_TEMPLATE_MAX  (1024 * 1024)


static ngx_str_t *ngx_http_apievents_path_of(
    ngx_http_apievents_paths_conf_t *paths, ngx_uint_t template);
static void **ngx_http_apievents_inner_level(ngx_conf_t *cf, void **loc_conf);
static ngx_str_t *ngx_http_apievents_path(ngx_conf_t *cf,
    ngx_uint_t template);
static ngx_int_t ngx_http_apievents_path_name(ngx_conf_t *cf,
    ngx_str_t *path, ngx_uint_t template, ngx_str_t *full);
static ngx_int_t ngx_http_apievents_template_below(ngx_conf_t *cf,
    ngx_str_t *path);
static ngx_int_t ngx_http_apievents_shipped_template(ngx_conf_t *cf,
    ngx_str_t *path, ngx_str_t *text);


char *
ngx_http_apievents_api_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t   *value, *path;
    ngx_uint_t   template;

    value = cf->args->elts;
    template = (ngx_strcmp(cmd->name.data, "api_template_path") == 0);
    path = ngx_http_apievents_path_of(&lcf->paths, template);

    if (path->len != 0) {
        return "is duplicate";
    }

    if (template ? lcf->paths.template_used : lcf->paths.script_used) {
        return "must stand before the handlers that use it";
    }

    if (value[1].len == 0) {
        return "has an empty argument, a folder is expected";
    }

    *path = value[1];

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    while (path->len > 1 && path->data[path->len - 1] == '/') {
        path->len--;
    }

    return NGX_CONF_OK;
}


static ngx_str_t *
ngx_http_apievents_path_of(ngx_http_apievents_paths_conf_t *paths,
    ngx_uint_t template)
{
    return template ? &paths->template : &paths->script;
}


/* the level inside this one that is being parsed or is around it; each block
 * that is being parsed is the last in its parent's list */

static void **
ngx_http_apievents_inner_level(ngx_conf_t *cf, void **loc_conf)
{
    ngx_queue_t                     *q;
    ngx_http_conf_ctx_t             *ctx;
    ngx_http_core_srv_conf_t        *cscf;
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_location_queue_t       *lq;
    ngx_http_apievents_main_conf_t  *mcf;

    ctx = cf->ctx;

    if (loc_conf == ctx->loc_conf) {
        return NULL;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (loc_conf == mcf->generated.http->loc_conf) {
        cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
        return cscf->ctx->loc_conf;
    }

    clcf = loc_conf[ngx_http_core_module.ctx_index];

    if (clcf->locations == NULL || ngx_queue_empty(clcf->locations)) {
        return NULL;
    }

    q = ngx_queue_last(clcf->locations);
    lq = (ngx_http_location_queue_t *) q;
    clcf = lq->exact ? lq->exact : lq->inclusive;

    return clcf->loc_conf;
}


/*
 * The folder of the nearest level that names one.  Every level further in has
 * then used it: one of its own would come too late.
 */

static ngx_str_t *
ngx_http_apievents_path(ngx_conf_t *cf, ngx_uint_t template)
{
    void                            **level, **nearest;
    ngx_str_t                        *path, *found;
    ngx_http_apievents_loc_conf_t    *lcf;
    ngx_http_apievents_main_conf_t   *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    found = &cf->cycle->conf_prefix;
    nearest = NULL;

    for (level = mcf->generated.http->loc_conf;
         level != NULL;
         level = ngx_http_apievents_inner_level(cf, level))
    {
        lcf = level[ngx_http_apievents_module.ctx_index];
        path = ngx_http_apievents_path_of(&lcf->paths, template);

        if (path->len != 0) {
            found = path;
            nearest = level;
        }
    }

    level = nearest ? ngx_http_apievents_inner_level(cf, nearest)
                    : mcf->generated.http->loc_conf;

    while (level != NULL) {
        lcf = level[ngx_http_apievents_module.ctx_index];

        if (template) {
            lcf->paths.template_used = 1;

        } else {
            lcf->paths.script_used = 1;
        }

        level = ngx_http_apievents_inner_level(cf, level);
    }

    return found;
}


ngx_int_t
ngx_http_apievents_script_name(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *full)
{
    return ngx_http_apievents_path_name(cf, path, 0, full);
}


ngx_int_t
ngx_http_apievents_template_name(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *full)
{
    return ngx_http_apievents_path_name(cf, path, 1, full);
}


static ngx_int_t
ngx_http_apievents_path_name(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t template, ngx_str_t *full)
{
    u_char     *p;
    ngx_str_t  *dir;

    if (path->len == 0 || ngx_strlen(path->data) < path->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid file name \"%V\", a %s is expected",
                           path, template ? "template" : "script");
        return NGX_ERROR;
    }

    if (path->data[0] == '/') {
        dir = NULL;
        full->len = path->len;

    } else {
        dir = ngx_http_apievents_path(cf, template);
        full->len = dir->len + 1 + path->len;
    }

    full->data = ngx_pnalloc(cf->pool, full->len + 1);
    if (full->data == NULL) {
        return NGX_ERROR;
    }

    p = full->data;

    if (dir != NULL) {
        p = ngx_cpymem(p, dir->data, dir->len);

        /* the configuration's folder ends with a slash, the others do not */

        if (p[-1] != '/') {
            *p++ = '/';
        }
    }

    p = ngx_cpymem(p, path->data, path->len);
    *p = '\0';

    full->len = p - full->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_template_load(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text, ngx_str_t *full)
{
    ngx_err_t        err;
    ngx_file_info_t  fi;

    if ((ngx_http_apievents_at_run_time(cf)
         && ngx_http_apievents_template_below(cf, path) != NGX_OK)
        || ngx_http_apievents_template_name(cf, path, full) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_file_info(full->data, &fi) == NGX_FILE_ERROR) {
        err = ngx_errno;

        if ((err == NGX_ENOENT || err == NGX_ENOTDIR)
            && ngx_http_apievents_shipped_template(cf, path, text) == NGX_OK)
        {
            *full = *path;
            return NGX_OK;
        }
    }

    return ngx_http_apievents_read_file(cf, full,
                                        NGX_HTTP_APIEVENTS_TEMPLATE_MAX,
                                        text);
}


/* whoever may manage the module is not thereby let into all files */

static ngx_int_t
ngx_http_apievents_template_below(ngx_conf_t *cf, ngx_str_t *path)
{
    u_char     *p, *end;
    ngx_str_t   text;

    end = path->data + path->len;

    for (p = path->data; p + 1 < end; p++) {

        if (p[0] == '.' && p[1] == '.'
            && (p == path->data || p[-1] == '/')
            && (p + 2 == end || p[2] == '/'))
        {
            break;
        }
    }

    if (path->len != 0 && path->data[0] != '/' && p + 1 >= end
        && (ngx_http_apievents_path(cf, 1) != &cf->cycle->conf_prefix
            || ngx_http_apievents_shipped_template(cf, path, &text)
               == NGX_OK))
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"template=%V\", the name of a file below "
                       "the http level's \"api_template_path\" is expected",
                       path);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_shipped_template(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text)
{
    size_t           len;
    ae_str_t         s;
    const char      *name;
    ngx_uint_t       i;
    const ae_str_t  *found;

    static const char  *const names[] = {
        "templates/default_webhook.json",
        "templates/breaker_webhook.json",
        "templates/monitor_template.json",
        NULL
    };

    for (i = 0; names[i] != NULL; i++) {
        name = names[i];
        len = ngx_strlen(name);

        if (path->len == len && ngx_strncmp(path->data, name, len) == 0) {
            break;
        }

        len -= sizeof("templates/") - 1;

        if (path->len == len
            && ngx_strncmp(path->data, name + sizeof("templates/") - 1, len)
               == 0)
        {
            break;
        }
    }

    if (names[i] == NULL) {
        return NGX_DECLINED;
    }

    s.len = ngx_strlen(names[i]);
    s.data = (u_char *) names[i];

    found = ae_embedded_find(s);

    if (found == NULL) {
        return NGX_DECLINED;
    }

    text->len = found->len;
    text->data = found->data;

    return NGX_OK;
}
