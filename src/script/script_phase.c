/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * In-line handlers as directives name them: a file, or all files of a folder.
 * What runs in which location is told when all levels are known, in
 * script_chain.c.
 */


#include "apievents.h"
#include "script/script_private.h"


static ngx_int_t ngx_http_apievents_phase_args(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args);
static ngx_int_t ngx_http_apievents_phase_kind(ngx_conf_t *cf,
    ngx_str_t *kind);
static ngx_int_t ngx_http_apievents_phase_flag(ngx_conf_t *cf,
    ngx_array_t *params, const char *name, ngx_uint_t *flag);
static ngx_uint_t ngx_http_apievents_phase_is_folder(ngx_str_t *path,
    ngx_str_t *full);
static ngx_int_t ngx_http_apievents_phase_create(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args,
    ngx_http_apievents_phase_handler_t **handler);


/* by ngx_http_apievents_phase_e */

static const ngx_str_t  ngx_http_apievents_phases[] = {
    ngx_string("options"),
    ngx_string("request"),
    ngx_string("response"),
    ngx_string("error")
};


ngx_int_t
ngx_http_apievents_phase(ngx_str_t *name, ngx_uint_t *phase)
{
    ngx_uint_t  i;

    for (i = 0; i <= NGX_HTTP_APIEVENTS_PHASE_ERROR; i++) {

        if (name->len == ngx_http_apievents_phases[i].len
            && ngx_strncmp(name->data, ngx_http_apievents_phases[i].data,
                           name->len)
               == 0)
        {
            *phase = i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


const ngx_str_t *
ngx_http_apievents_phase_name(ngx_uint_t phase)
{
    if (phase == NGX_HTTP_APIEVENTS_PHASE_ERROR_UPSTREAM) {
        phase = NGX_HTTP_APIEVENTS_PHASE_ERROR;
    }

    return &ngx_http_apievents_phases[phase];
}


char *
ngx_http_apievents_phase_handlers(ngx_conf_t *cf,
    ngx_http_apievents_phases_conf_t *pcf)
{
    ngx_int_t                        rc;
    ngx_str_t                        full;
    ngx_http_apievents_phase_args_t  args;

    args.conf = pcf;

    if (ngx_http_apievents_phase_args(cf, &args) != NGX_OK
        || ngx_http_apievents_script_name(cf, &args.path, &full) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_apievents_phase_is_folder(&args.path, &full)) {
        rc = ngx_http_apievents_phase_file(cf, &args, &full);

    } else if (args.name.data != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"name=\" is for one handler, but \"%V\" is a "
                           "folder, expected the path of a file",
                           &args.path);
        rc = NGX_ERROR;

    } else {
        rc = ngx_http_apievents_phase_folder(cf, &args, &full);
    }

    return (rc == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_apievents_phase_args(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args)
{
    ngx_str_t    *value, *path, *name, kind;
    ngx_array_t   params;

    value = cf->args->elts;

    args->phase = NGX_HTTP_APIEVENTS_PHASE_N;
    (void) ngx_http_apievents_phase(&value[1], &args->phase);

    if (ngx_http_apievents_phase_kind(cf, &value[2]) != NGX_OK
        || ngx_http_apievents_params(cf, &value[3], cf->args->nelts - 3,
                                     &params)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    path = ngx_http_apievents_param(&params, "path");

    if (path == NULL || path->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"path=\" of a script or a folder is expected "
                           "for handlers of the phase \"%V\"", &value[1]);
        return NGX_ERROR;
    }

    args->path = *path;

    ngx_str_null(&args->name);
    name = ngx_http_apievents_param(&params, "name");

    if (name != NULL) {
        args->name = *name;

        if (name->len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"name=\", a handler's name is "
                               "expected");
            return NGX_ERROR;
        }
    }

    args->timeout = 5000;

    if (ngx_http_apievents_param_timeout(cf, &params, &args->timeout) != NGX_OK
        || ngx_http_apievents_phase_flag(cf, &params, "active", &args->active)
           != NGX_OK
        || ngx_http_apievents_phase_flag(cf, &params, "upstream_errors",
                                         &args->upstream)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&kind, "js");

    return ngx_http_apievents_unknown(cf, &kind, &params);
}


static ngx_int_t
ngx_http_apievents_phase_kind(ngx_conf_t *cf, ngx_str_t *kind)
{
    ngx_str_t  *value;

    if (ngx_strcmp(kind->data, "js") == 0
        || ngx_strcmp(kind->data, "eh_dynamic_handler") == 0)
    {
        return NGX_OK;
    }

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "handler \"%V\" cannot handle the phase \"%V\", "
                       "\"js\" is expected", kind, &value[1]);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_phase_flag(ngx_conf_t *cf, ngx_array_t *params,
    const char *name, ngx_uint_t *flag)
{
    ngx_str_t  *value;

    value = ngx_http_apievents_param(params, name);

    *flag = 1;

    if (value == NULL || ngx_strcmp(value->data, "on") == 0) {
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "off") == 0) {
        *flag = 0;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"%s=%V\", \"on\" or \"off\" is expected",
                       name, value);

    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_apievents_phase_is_folder(ngx_str_t *path, ngx_str_t *full)
{
    ngx_file_info_t  fi;

    if (path->data[path->len - 1] == '/') {
        return 1;
    }

    return ngx_file_info(full->data, &fi) != NGX_FILE_ERROR
           && ngx_is_dir(&fi);
}


ngx_int_t
ngx_http_apievents_phase_add(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args, ngx_str_t *full,
    ngx_http_apievents_phase_pair_t *pair)
{
    ngx_str_t                             file;
    ngx_http_apievents_phase_handler_t   *h, **own;
    ngx_http_apievents_phases_conf_t     *pcf;

    pcf = args->conf;

    if (ngx_http_apievents_phase_create(cf, args, &h) != NGX_OK) {
        return NGX_ERROR;
    }

    h->active = args->active && pair->active;

    if (args->name.data != NULL) {
        h->name = args->name;
        h->label = args->name;

    } else if (pair->name.len != 0) {
        h->name = pair->name;
        h->label = pair->name;

    } else if (ngx_http_apievents_phase_file_name(cf, full, &file, &h->name)
               != NGX_OK)
    {
        return NGX_ERROR;

    } else {
        h->label = file;
    }

    if (ngx_http_apievents_phase_load(cf, h, &args->path, full) != NGX_OK) {
        return NGX_ERROR;
    }

    if (pcf->own == NULL) {
        pcf->own = ngx_array_create(cf->pool, 4, sizeof(void *));
        if (pcf->own == NULL) {
            return NGX_ERROR;
        }
    }

    own = ngx_array_push(pcf->own);
    if (own == NULL) {
        return NGX_ERROR;
    }

    *own = h;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_phase_create(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args,
    ngx_http_apievents_phase_handler_t **handler)
{
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_script_conf_t     *scf;
    ngx_http_apievents_phase_handler_t   *h, **all;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    scf = &mcf->script;

    if (scf->handlers == NULL) {
        scf->handlers = ngx_array_create(cf->pool, 8, sizeof(void *));

        if (scf->handlers == NULL
            || ngx_http_apievents_late(cf) != NGX_CONF_OK)
        {
            return NGX_ERROR;
        }
    }

    h = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_phase_handler_t));
    all = ngx_array_push(scf->handlers);

    if (h == NULL || all == NULL) {
        return NGX_ERROR;
    }

    *all = h;
    *handler = h;

    h->phase = args->phase;
    h->timeout = args->timeout;
    h->upstream = args->upstream;
    h->number = scf->handlers->nelts;
    h->conf = cf->conf_file->file.name;
    h->line = cf->conf_file->line;

    return NGX_OK;
}


char *
ngx_http_apievents_api_base(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t *lcf = conf;

    ngx_str_t  *value, *base;

    value = cf->args->elts;
    base = &lcf->phases.base;

    if (base->len != 0) {
        return "is duplicate";
    }

    if (value[1].len == 0 || value[1].data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\" in \"api_base\", one that "
                           "begins with \"/\" is expected", &value[1]);
        return NGX_CONF_ERROR;
    }

    *base = value[1];

    while (base->data[base->len - 1] != '/') {
        base->len--;
    }

    return NGX_CONF_OK;
}


void
ngx_http_apievents_merge_phases(ngx_http_apievents_phases_conf_t *prev,
    ngx_http_apievents_phases_conf_t *conf)
{
    if (conf->base.len == 0) {
        conf->base = prev->base;
    }
}
