/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Directives that describe an API, and how levels inherit them.  A definition
 * fills what no directive of its own level says; that is settled when levels
 * are merged, so that the order of the directives means nothing.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_ID_MAX    128
#define NGX_HTTP_APIEVENTS_BODY_MAX  (1024 * 1024)

/* two of a session, two of its organisation, one of an endpoint */
#define NGX_HTTP_APIEVENTS_OTHER_LIMITS  5


static char *ngx_http_apievents_set_id(ngx_conf_t *cf, ngx_str_t *id);
static ngx_int_t ngx_http_apievents_auth_source(ngx_conf_t *cf,
    ngx_array_t *auth, ngx_str_t *arg);
static void ngx_http_apievents_inherit_path(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *prev,
    ngx_http_apievents_gate_conf_t *conf);
static char *ngx_http_apievents_use_definition(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *prev,
    ngx_http_apievents_gate_conf_t *conf);
static ngx_int_t ngx_http_apievents_room_for_ids(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf);
static char *ngx_http_apievents_check_api(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf);
static ngx_uint_t ngx_http_apievents_enforced(ngx_array_t *limits);


ngx_conf_enum_t  ngx_http_apievents_event_key_enum[] = {
    { ngx_string("masked"), NGX_HTTP_APIEVENTS_KEY_MASKED },
    { ngx_string("raw"), NGX_HTTP_APIEVENTS_KEY_RAW },
    { ngx_string("hash"), NGX_HTTP_APIEVENTS_KEY_HASH },
    { ngx_null_string, 0 }
};


char *
ngx_http_apievents_api_id(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    if (ngx_http_apievents_place(cf, &lcf->gate.place) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_set_id(cf, &lcf->gate.api);
}


ngx_int_t
ngx_http_apievents_place(ngx_conf_t *cf, ngx_str_t *place)
{
    u_char     *p;
    ngx_str_t  *name;

    name = &cf->conf_file->file.name;

    p = ngx_pnalloc(cf->pool, name->len + sizeof(":") + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    place->data = p;
    place->len = ngx_sprintf(p, "%V:%ui", name, cf->conf_file->line) - p;

    return NGX_OK;
}


char *
ngx_http_apievents_api_org(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    return ngx_http_apievents_set_id(cf, &lcf->gate.org);
}


static char *
ngx_http_apievents_set_id(ngx_conf_t *cf, ngx_str_t *id)
{
    ngx_str_t  *value;

    if (id->data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_apievents_valid_id(&value[1]) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid identifier \"%V\" in \"%V\", expected "
                           "1 to %d characters of A-Z, a-z, 0-9, \".\", "
                           "\"_\" and \"-\", or \"off\"",
                           &value[1], &value[0], NGX_HTTP_APIEVENTS_ID_MAX);
        return NGX_CONF_ERROR;
    }

    *id = value[1];

    if (ngx_strcmp(id->data, "off") == 0) {
        id->len = 0;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_apievents_valid_id(ngx_str_t *id)
{
    u_char      ch;
    ngx_uint_t  i;

    if (id->len == 0 || id->len > NGX_HTTP_APIEVENTS_ID_MAX) {
        return NGX_DECLINED;
    }

    for (i = 0; i < id->len; i++) {
        ch = id->data[i];

        if ((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z')
            || (ch >= 'A' && ch <= 'Z')
            || ch == '.' || ch == '_' || ch == '-')
        {
            continue;
        }

        return NGX_DECLINED;
    }

    return NGX_OK;
}


char *
ngx_http_apievents_api_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t    *value;
    ngx_uint_t    i;
    ngx_array_t  *auth;

    if (lcf->gate.auth != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    auth = ngx_array_create(cf->pool, 2, sizeof(ngx_http_apievents_auth_t));
    if (auth == NULL) {
        return NGX_CONF_ERROR;
    }

    lcf->gate.auth = auth;
    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_apievents_auth_source(cf, auth, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_auth_source(ngx_conf_t *cf, ngx_array_t *auth,
    ngx_str_t *arg)
{
    ngx_str_t   name;
    ngx_uint_t  kind;

    if (ngx_strncmp(arg->data, "header=", 7) == 0) {
        kind = 'h';
        name.len = arg->len - 7;

    } else if (ngx_strncmp(arg->data, "query=", 6) == 0) {
        kind = 'q';
        name.len = arg->len - 6;

    } else if (ngx_strncmp(arg->data, "cookie=", 7) == 0) {
        kind = 'c';
        name.len = arg->len - 7;

    } else {
        kind = 0;
        name.len = 0;
    }

    name.data = arg->data + arg->len - name.len;

    if (ngx_http_apievents_valid_source(kind, &name) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"api_auth\", "
                           "expected header=NAME, query=NAME, cookie=NAME or "
                           "\"off\" alone", arg);
        return NGX_ERROR;
    }

    return ngx_http_apievents_add_auth(cf, auth, kind, &name);
}


/* names of headers and cookies are tokens (RFC 9110 5.6.2, RFC 6265 4.1.1) */

ngx_int_t
ngx_http_apievents_valid_source(ngx_uint_t kind, ngx_str_t *name)
{
    u_char      ch;
    ngx_uint_t  i;

    if (kind == 0 || name->len == 0) {
        return NGX_DECLINED;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (ch <= ' ' || ch == '=' || ch == '&' || ch == ';' || ch == '#') {
            return NGX_DECLINED;
        }

        if (kind != 'q'
            && (ch >= 0x7f || ngx_strchr("()<>@,\\\"/[]?{}:", ch) != NULL))
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_add_auth(ngx_conf_t *cf, ngx_array_t *auth,
    ngx_uint_t kind, ngx_str_t *name)
{
    ngx_http_apievents_auth_t  *a;

    if (ngx_http_apievents_valid_source(kind, name) != NGX_OK) {
        return NGX_DECLINED;
    }

    a = ngx_array_push(auth);
    if (a == NULL) {
        return NGX_ERROR;
    }

    a->kind = kind;
    a->name.len = name->len;
    a->name.data = ngx_pstrdup(cf->pool, name);
    if (a->name.data == NULL) {
        return NGX_ERROR;
    }

    a->known = 0;

    if (kind == 'h') {
        ngx_strlow(a->name.data, a->name.data, a->name.len);

        a->known = (a->name.len == sizeof("authorization") - 1
                    && ngx_strncmp(a->name.data, "authorization",
                                   a->name.len)
                       == 0);
    }

    return NGX_OK;
}


char *
ngx_http_apievents_default_auth(ngx_conf_t *cf, ngx_array_t **auth)
{
    static ngx_str_t  name = ngx_string("authorization");

    *auth = ngx_array_create(cf->pool, 1, sizeof(ngx_http_apievents_auth_t));
    if (*auth == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_apievents_add_auth(cf, *auth, 'h', &name) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_apievents_api_event_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t        *value;
    ngx_conf_enum_t  *e;

    if (lcf->gate.event_key != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (e = ngx_http_apievents_event_key_enum; e->name.len; e++) {
        if (e->name.len == value[1].len
            && ngx_strcmp(e->name.data, value[1].data) == 0)
        {
            lcf->gate.event_key = e->value;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"api_event_key\", expected "
                       "\"raw\", \"hash\" or \"masked\"", &value[1]);
    return NGX_CONF_ERROR;
}


char *
ngx_http_apievents_api_body_max(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ssize_t                          size;
    ngx_str_t                       *value;
    ngx_http_apievents_main_conf_t  *mcf;

    if (lcf->gate.body_max != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"api_body_max\", expected "
                           "a number of bytes, or one with \"k\" or \"m\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->gate.body_max = size;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    mcf->gate.body_max = ngx_max(mcf->gate.body_max, (size_t) size);

    return NGX_CONF_OK;
}


void
ngx_http_apievents_gate_create_conf(ngx_http_apievents_gate_conf_t *conf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     conf->api = { 0, NULL };
     *     conf->org = { 0, NULL };
     *     conf->listen_path = { 0, NULL };
     *     conf->listen_regex = NULL;
     *     conf->more = NULL;
     *     conf->definition = NULL;
     *     conf->place = { 0, NULL };
     */

    conf->auth = NGX_CONF_UNSET_PTR;
    conf->versions = NGX_CONF_UNSET_PTR;
    conf->rates = NGX_CONF_UNSET_PTR;
    conf->quotas = NGX_CONF_UNSET_PTR;
    conf->breakers = NGX_CONF_UNSET_PTR;
    conf->timeouts = NGX_CONF_UNSET_PTR;
    conf->event_key = NGX_CONF_UNSET_UINT;
    conf->body_max = NGX_CONF_UNSET_SIZE;
    conf->statuses = NGX_CONF_UNSET_PTR;
    conf->monitor = NGX_CONF_UNSET_PTR;
    conf->error_format = NGX_CONF_UNSET_UINT;
    conf->limit_headers = NGX_CONF_UNSET_UINT;
    conf->active = NGX_CONF_UNSET;
    conf->key_rate = NGX_CONF_UNSET;
    conf->key_quota = NGX_CONF_UNSET;
    conf->exempt = NGX_CONF_UNSET;
}


char *
ngx_http_apievents_gate_merge_conf(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *prev,
    ngx_http_apievents_gate_conf_t *conf)
{
    ngx_uint_t  directive;

    directive = (conf->versions != NGX_CONF_UNSET_PTR);

    if (conf->definition != NULL
        && ngx_http_apievents_use_definition(cf, prev, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_apievents_inherit_path(cf, prev, conf);

    ngx_conf_merge_str_value(conf->api, prev->api, "");
    ngx_conf_merge_str_value(conf->org, prev->org, "");
    ngx_conf_merge_str_value(conf->place, prev->place, "");
    ngx_conf_merge_ptr_value(conf->auth, prev->auth, NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(conf->versions, prev->versions, NULL);
    ngx_conf_merge_ptr_value(conf->rates, prev->rates, NULL);
    ngx_conf_merge_ptr_value(conf->quotas, prev->quotas, NULL);
    ngx_conf_merge_ptr_value(conf->breakers, prev->breakers, NULL);
    ngx_conf_merge_ptr_value(conf->timeouts, prev->timeouts, NULL);
    ngx_conf_merge_size_value(conf->body_max, prev->body_max,
                              NGX_HTTP_APIEVENTS_BODY_MAX);
    ngx_conf_merge_ptr_value(conf->statuses, prev->statuses, NULL);
    ngx_conf_merge_ptr_value(conf->monitor, prev->monitor, NULL);
    ngx_conf_merge_uint_value(conf->error_format, prev->error_format,
                              NGX_HTTP_APIEVENTS_ERROR_TYK);
    ngx_conf_merge_uint_value(conf->limit_headers, prev->limit_headers,
                              NGX_HTTP_APIEVENTS_HEADERS_ALL);
    ngx_conf_merge_value(conf->active, prev->active, 1);
    ngx_conf_merge_value(conf->key_rate, prev->key_rate, 1);
    ngx_conf_merge_value(conf->key_quota, prev->key_quota, 1);
    ngx_conf_merge_value(conf->exempt, prev->exempt, 0);

    if (conf->more == NULL) {
        conf->more = prev->more;
    }

    if (directive) {
        ngx_http_apievents_check_versions(cf, conf);
    }

    if (conf->event_key == NGX_CONF_UNSET_UINT) {
        conf->event_key = prev->event_key;
    }

    if (conf->auth == NGX_CONF_UNSET_PTR
        && ngx_http_apievents_default_auth(cf, &conf->auth) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->api.len == 0 || conf->exempt) {
        return NGX_CONF_OK;
    }

    if (ngx_http_apievents_room_for_ids(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_check_api(cf, conf);
}


/* of counters and breakers in this API */

static ngx_int_t
ngx_http_apievents_room_for_ids(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf)
{
    ngx_uint_t  n;

    n = (conf->rates ? conf->rates->nelts : 0)
        + (conf->quotas ? conf->quotas->nelts : 0);

    if (n != 0) {
        conf->limit_ids = ngx_pcalloc(cf->pool, n * sizeof(ae_id_t));
        if (conf->limit_ids == NULL) {
            return NGX_ERROR;
        }
    }

    if (conf->breakers != NULL
        && ngx_http_apievents_name_breakers(cf, conf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Before which path of the client's an API's own begins: that of the location
 * which names the API, if it is a prefix.
 */

static void
ngx_http_apievents_inherit_path(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *prev,
    ngx_http_apievents_gate_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (conf->listen_path.data != NULL) {
        return;
    }

    if (conf->api.data == NULL) {
        conf->listen_path = prev->listen_path;
        conf->listen_regex = prev->listen_regex;
        return;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_str_set(&conf->listen_path, "");

    if (clcf->exact_match || clcf->named || clcf->noname) {
        return;
    }

#if (NGX_PCRE)
    if (clcf->regex != NULL) {
        return;
    }
#endif

    if (clcf->name.len != 0) {
        conf->listen_path = clcf->name;
    }
}


static char *
ngx_http_apievents_use_definition(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *prev,
    ngx_http_apievents_gate_conf_t *conf)
{
    ngx_http_apievents_gate_conf_t  *def;

    def = conf->definition;

    if (conf->api.data == NULL) {
        conf->api = def->api;
        conf->place = def->place;
    }

    if (conf->api.data == NULL && prev->api.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the definition has no \"api_id\", expected one in it "
                      "or beside \"api_definition\" in %V", &def->place);
        return NGX_CONF_ERROR;
    }

    if (conf->org.data == NULL) {
        conf->org = def->org;
    }

    conf->more = def->more;

    if (def->versions == NGX_CONF_UNSET_PTR && prev->more != NULL) {
        conf->more->lists = prev->more->lists;
    }

    ngx_conf_merge_ptr_value(conf->auth, def->auth, NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(conf->versions, def->versions,
                             NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(conf->rates, def->rates, NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(conf->breakers, def->breakers,
                             NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(conf->timeouts, def->timeouts,
                             NGX_CONF_UNSET_PTR);
    ngx_conf_merge_value(conf->active, def->active, NGX_CONF_UNSET);
    ngx_conf_merge_value(conf->key_rate, def->key_rate, NGX_CONF_UNSET);
    ngx_conf_merge_value(conf->key_quota, def->key_quota, NGX_CONF_UNSET);

    /* raw in a definition, unless a directive of any level says otherwise */

    if (conf->event_key == NGX_CONF_UNSET_UINT
        && prev->event_key == NGX_CONF_UNSET_UINT)
    {
        conf->event_key = NGX_HTTP_APIEVENTS_KEY_RAW;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_apievents_check_api(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf)
{
    ngx_uint_t                       n;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->store.shm_zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "API \"%V\" needs shared memory, expected \"api_zone\" "
                      "in the http block, in %V", &conf->api, &conf->place);
        return NGX_CONF_ERROR;
    }

    ngx_http_apievents_limit_items(conf->rates);
    ngx_http_apievents_limit_items(conf->quotas);

    /* those of the session, its organisation and its rights come on top */

    n = NGX_HTTP_APIEVENTS_OTHER_LIMITS
        + ngx_http_apievents_enforced(conf->rates)
        + ngx_http_apievents_enforced(conf->quotas);

    if (n > AE_LIMIT_USES) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "API \"%V\" has too many limits, expected at most %d "
                      "of \"api_rate\" and \"api_quota\" that are not "
                      "dry_run, in %V",
                      &conf->api,
                      AE_LIMIT_USES - NGX_HTTP_APIEVENTS_OTHER_LIMITS,
                      &conf->place);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_apievents_enforced(ngx_array_t *limits)
{
    ngx_uint_t                   i, n, endpoints;
    ngx_http_apievents_limit_t  *limit;

    if (limits == NULL) {
        return 0;
    }

    n = 0;
    endpoints = 0;
    limit = limits->elts;

    for (i = 0; i < limits->nelts; i++) {

        if (limit[i].path != NULL) {
            endpoints = 1;

        } else if (!limit[i].dry_run) {
            n++;
        }
    }

    /* one of an endpoint stands for all the others */

    return ngx_max(n, endpoints);
}
