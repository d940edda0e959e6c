/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_version.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_VERSION_MAX  128


static ngx_int_t ngx_http_apievents_version_param(ngx_conf_t *cf,
    ngx_http_apievents_versions_t *versions, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_version_source(ngx_conf_t *cf,
    ngx_http_apievents_versions_t *versions, ngx_uint_t kind,
    ngx_str_t *arg, size_t skip);
static ngx_int_t ngx_http_apievents_version_entry(ngx_conf_t *cf,
    ngx_http_apievents_versions_t *versions, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_version_check(ngx_conf_t *cf,
    ngx_http_apievents_versions_t *versions);
static ngx_int_t ngx_http_apievents_valid_version(ngx_str_t *name);
static ngx_int_t ngx_http_apievents_version_digits(u_char *p, ngx_uint_t n,
    ngx_int_t least, ngx_int_t most);


char *
ngx_http_apievents_api_version(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t                      *value;
    ngx_uint_t                      i;
    ngx_http_apievents_versions_t  *versions;

    if (lcf->gate.versions != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->gate.versions = NULL;
        return NGX_CONF_OK;
    }

    versions = ngx_http_apievents_versions_create(cf->pool);
    if (versions == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_apievents_version_param(cf, versions, &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_apievents_version_check(cf, versions) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    lcf->gate.versions = versions;

    return NGX_CONF_OK;
}


ngx_http_apievents_versions_t *
ngx_http_apievents_versions_create(ngx_pool_t *pool)
{
    ngx_http_apievents_versions_t  *versions;

    versions = ngx_pcalloc(pool, sizeof(ngx_http_apievents_versions_t));
    if (versions == NULL) {
        return NULL;
    }

    versions->versions = ngx_array_create(pool, 2,
                                         sizeof(ngx_http_apievents_version_t));
    if (versions->versions == NULL) {
        return NULL;
    }

    return versions;
}


static ngx_int_t
ngx_http_apievents_version_param(ngx_conf_t *cf,
    ngx_http_apievents_versions_t *versions, ngx_str_t *arg)
{
    if (ngx_strncmp(arg->data, "header=", 7) == 0) {
        return ngx_http_apievents_version_source(cf, versions, 'h', arg, 7);
    }

    if (ngx_strncmp(arg->data, "query=", 6) == 0) {
        return ngx_http_apievents_version_source(cf, versions, 'q', arg, 6);
    }

    if (ngx_strcmp(arg->data, "url") == 0) {
        return ngx_http_apievents_version_source(cf, versions, 'u', arg, 3);
    }

    if (ngx_strcmp(arg->data, "off") == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"api_version off\" must stand alone");
        return NGX_ERROR;
    }

    if (ngx_strcmp(arg->data, "fallback") == 0) {
        versions->unknown = 1;
        return NGX_OK;
    }

    if (ngx_strcmp(arg->data, "strip") == 0) {
        versions->strip = 1;
        return NGX_OK;
    }

    if (ngx_strncmp(arg->data, "default=", 8) != 0) {
        return ngx_http_apievents_version_entry(cf, versions, arg);
    }

    if (versions->fallback.data != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "repeated parameter \"%V\" in \"api_version\", "
                           "expected one default=NAME", arg);
        return NGX_ERROR;
    }

    versions->fallback.data = arg->data + 8;
    versions->fallback.len = arg->len - 8;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_version_source(ngx_conf_t *cf,
    ngx_http_apievents_versions_t *versions, ngx_uint_t kind,
    ngx_str_t *arg, size_t skip)
{
    ngx_str_t  name;

    if (versions->source != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "second source \"%V\" in \"api_version\", expected "
                           "one of header=NAME, query=NAME and \"url\"", arg);
        return NGX_ERROR;
    }

    name.data = arg->data + skip;
    name.len = arg->len - skip;

    if (kind != 'u' && ngx_http_apievents_valid_source(kind, &name) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"api_version\", "
                           "expected header=NAME, query=NAME or \"url\"", arg);
        return NGX_ERROR;
    }

    if (kind == 'h') {
        ngx_strlow(name.data, name.data, name.len);
    }

    versions->source = kind;
    versions->name = name;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_version_entry(ngx_conf_t *cf,
    ngx_http_apievents_versions_t *versions, ngx_str_t *arg)
{
    u_char                        *p;
    time_t                         expires;
    ngx_str_t                      name, date;
    ngx_http_apievents_version_t  *version;

    name = *arg;
    expires = 0;

    p = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    if (p != NULL) {
        name.len = p - arg->data;
        date.data = p + 1;
        date.len = arg->len - name.len - 1;

        expires = ngx_http_apievents_version_date(&date);
    }

    if (ngx_http_apievents_valid_version(&name) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid version \"%V\" in \"api_version\", "
                           "expected 1 to %d printable ASCII characters "
                           "without blanks and \"=\"", &name,
                           NGX_HTTP_APIEVENTS_VERSION_MAX);
        return NGX_ERROR;
    }

    if (expires == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid date \"%V\" of version \"%V\" in "
                           "\"api_version\", expected UTC such as "
                           "2026-01-31T00:00 or 2026-01-31T00:00:00",
                           &date, &name);
        return NGX_ERROR;
    }

    if (ngx_http_apievents_version_find(versions, &name) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate version \"%V\" in \"api_version\", "
                           "expected each once", &name);
        return NGX_ERROR;
    }

    version = ngx_array_push(versions->versions);
    if (version == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(version, sizeof(ngx_http_apievents_version_t));

    version->name = name;
    version->expires = expires;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_version_check(ngx_conf_t *cf,
    ngx_http_apievents_versions_t *versions)
{
    ngx_uint_t                     i;
    ngx_http_apievents_version_t  *version;

    if (versions->source == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no source in \"api_version\", expected one of "
                           "header=NAME, query=NAME and \"url\"");
        return NGX_ERROR;
    }

    version = versions->versions->elts;

    if (versions->versions->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no version in \"api_version\", expected NAME or "
                           "NAME=DATE at least once");
        return NGX_ERROR;
    }

    for (i = 0; versions->source == 'u' && i < versions->versions->nelts; i++)
    {
        if (ngx_strchr(version[i].name.data, '/') != NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid version \"%V\" in \"api_version\", "
                               "expected no \"/\" in it with \"url\"",
                               &version[i].name);
            return NGX_ERROR;
        }
    }

    if (versions->fallback.data == NULL && versions->unknown) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"fallback\" in \"api_version\" expected "
                           "default=NAME beside it");
        return NGX_ERROR;
    }

    if (versions->fallback.data != NULL
        && ngx_http_apievents_version_find(versions, &versions->fallback)
           == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown version in \"default=%V\" of "
                           "\"api_version\", expected one of those that it "
                           "names", &versions->fallback);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* rules of an API without versions hold for all that are served */

void
ngx_http_apievents_check_versions(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf)
{
    u_char                      *p, *last, text[NGX_MAX_CONF_ERRSTR];
    ngx_uint_t                   i;
    ngx_http_apievents_lists_t  *lists;

    if (conf->more == NULL || conf->more->lists == NULL) {
        return;
    }

    p = text;
    last = text + NGX_MAX_CONF_ERRSTR;
    lists = conf->more->lists->elts;

    for (i = 0; i < conf->more->lists->nelts; i++) {

        if (lists[i].version.len != 0
            && (conf->versions == NULL
                || ngx_http_apievents_version_find(conf->versions,
                                                   &lists[i].version)
                   == NULL))
        {
            p = ngx_slprintf(p, last, "%s\"%V\"", p == text ? "" : ", ",
                             &lists[i].version);
        }
    }

    if (p != text) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "versions of the definition that \"api_version\" does "
                      "not serve, and whose rules never hold: %*s in %V",
                      p - text, text, &conf->place);
    }
}


static ngx_int_t
ngx_http_apievents_valid_version(ngx_str_t *name)
{
    ngx_uint_t  i;

    if (name->len == 0 || name->len > NGX_HTTP_APIEVENTS_VERSION_MAX) {
        return NGX_DECLINED;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] <= ' ' || name->data[i] >= 0x7f) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


time_t
ngx_http_apievents_version_date(ngx_str_t *text)
{
    u_char     *p;
    time_t      t;
    struct tm   tm, check;

    p = text->data;

    if ((text->len != sizeof("2006-01-02 15:04") - 1
         && text->len != sizeof("2006-01-02 15:04:05") - 1)
        || p[4] != '-' || p[7] != '-' || (p[10] != ' ' && p[10] != 'T')
        || p[13] != ':' || (text->len > 16 && p[16] != ':'))
    {
        return NGX_ERROR;
    }

    ngx_memzero(&tm, sizeof(struct tm));

    tm.tm_year = ngx_http_apievents_version_digits(p, 4, 1970, 9999) - 1900;
    tm.tm_mon = ngx_http_apievents_version_digits(p + 5, 2, 1, 12) - 1;
    tm.tm_mday = ngx_http_apievents_version_digits(p + 8, 2, 1, 31);
    tm.tm_hour = ngx_http_apievents_version_digits(p + 11, 2, 0, 23);
    tm.tm_min = ngx_http_apievents_version_digits(p + 14, 2, 0, 59);

    if (text->len > 16) {
        tm.tm_sec = ngx_http_apievents_version_digits(p + 17, 2, 0, 59);
    }

    if (tm.tm_year < 0 || tm.tm_mon < 0 || tm.tm_mday < 0 || tm.tm_hour < 0
        || tm.tm_min < 0 || tm.tm_sec < 0)
    {
        return NGX_ERROR;
    }

    /* a day that the month has not moves into the next one */

    check = tm;
    t = timegm(&check);

    if (check.tm_mday != tm.tm_mday) {
        return NGX_ERROR;
    }

    /* 1 is for a date that nobody can read, and as long ago */

    return ngx_max(t, 1);
}


static ngx_int_t
ngx_http_apievents_version_digits(u_char *p, ngx_uint_t n, ngx_int_t least,
    ngx_int_t most)
{
    ngx_int_t  value;

    value = ngx_atoi(p, n);

    return (value < least || value > most) ? NGX_ERROR : value;
}
