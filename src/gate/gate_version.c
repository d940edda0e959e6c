/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Versions of an API: which one is asked for, is it served, may its path be
 * called, may the key use it (as in Tyk).
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_version_asked(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *name);
static ngx_int_t ngx_http_apievents_version_choose(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *name);
static ngx_int_t ngx_http_apievents_version_expires(ngx_http_request_t *r,
    time_t expires);
static ngx_int_t ngx_http_apievents_version_path(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_http_apievents_lists_t *ngx_http_apievents_version_lists(
    ngx_http_apievents_decision_t *d, ngx_array_t *all);
static ngx_uint_t ngx_http_apievents_version_listed(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *paths);


/* as in Tyk; the answer's text is the event's Reason */

#define ngx_http_apievents_version_refusal(text)                              \
    {                                                                         \
        NGX_HTTP_FORBIDDEN,                                                   \
        AE_VERSION_FAILURE,                                                   \
        ngx_string(text),                                                     \
        ngx_string("Attempted access to disallowed version / path."),         \
        ngx_string(text),                                                     \
        0,                                                                    \
        NGX_HTTP_APIEVENTS_REFUSED_VERSION                                    \
    }


static const ngx_http_apievents_refusal_t  ngx_http_apievents_no_version =
    ngx_http_apievents_version_refusal("Version information not found");

static const ngx_http_apievents_refusal_t  ngx_http_apievents_unknown_version =
    ngx_http_apievents_version_refusal(
                                    "This API version does not seem to exist");

static const ngx_http_apievents_refusal_t  ngx_http_apievents_expired_version =
    ngx_http_apievents_version_refusal("Api Version has expired, please check "
                                       "documentation or contact "
                                       "administrator");

static const ngx_http_apievents_refusal_t  ngx_http_apievents_expired_api =
    ngx_http_apievents_version_refusal("API has expired, please check "
                                       "documentation or contact "
                                       "administrator");

static const ngx_http_apievents_refusal_t  ngx_http_apievents_forbidden_path =
    ngx_http_apievents_version_refusal("Requested endpoint is forbidden");

static const ngx_http_apievents_refusal_t  ngx_http_apievents_not_of_key =
    ngx_http_apievents_version_refusal(
                                     "Access to this API has been disallowed");


ngx_int_t
ngx_http_apievents_step_version(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t                      rc;
    ngx_str_t                      name;
    ngx_http_apievents_version_t  *version;

    if (d->conf->gate.versions == NULL) {
        return ngx_http_apievents_version_path(r, d);
    }

    rc = ngx_http_apievents_version_asked(r, d, &name);

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_version_choose(r, d, &name);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    version = d->version;

    if (version->expires != 0 && ngx_time() >= version->expires) {
        return ngx_http_apievents_refuse(d,
                                    d->conf->gate.versions->source
                                    ? &ngx_http_apievents_expired_version
                                    : &ngx_http_apievents_expired_api);
    }

    if (version->expires != 0
        && ngx_http_apievents_version_expires(r, version->expires) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_version_path(r, d);
}


/* an empty name: none is asked for */

static ngx_int_t
ngx_http_apievents_version_asked(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *name)
{
    ngx_int_t                       rc;
    ngx_http_apievents_versions_t  *versions;

    ngx_str_null(name);

    rc = NGX_OK;
    versions = d->conf->gate.versions;

    switch (versions->source) {

    case 'h':
        rc = ngx_http_apievents_header_value(r, &versions->name, name);
        break;

    case 'q':
        rc = ngx_http_apievents_query_value(r, &versions->name, name);
        break;

    case 'u':
        ngx_http_apievents_version_segment(r, d, name);
        break;

    default: /* 0 */
        break;
    }

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* the first segment behind the listen path */

void
ngx_http_apievents_version_segment(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *name)
{
    u_char     *end;
    ngx_str_t   uri;

    ngx_str_null(name);

    ngx_http_apievents_path_behind(r, d, &uri);

    if (uri.len < 2 || uri.data[0] != '/') {
        return;
    }

    name->data = uri.data + 1;

    end = ngx_strlchr(name->data, uri.data + uri.len, '/');

    if (end == NULL) {
        end = uri.data + uri.len;
    }

    name->len = end - name->data;
}


static ngx_int_t
ngx_http_apievents_version_choose(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *name)
{
    ngx_http_apievents_versions_t  *versions;

    versions = d->conf->gate.versions;

    if (versions->source == 0) {
        d->version = versions->versions->elts;

    } else if (name->len != 0) {
        d->version = ngx_http_apievents_version_find(versions, name);
    }

    if (d->version == NULL && versions->fallback.len != 0
        && (name->len == 0 || versions->unknown))
    {
        d->version = ngx_http_apievents_version_find(versions,
                                                     &versions->fallback);
    }

    if (d->version == NULL) {
        return ngx_http_apievents_refuse(d, name->len
                                         ? &ngx_http_apievents_unknown_version
                                         : &ngx_http_apievents_no_version);
    }

    d->version_name = d->version->name;
    d->named = ngx_http_apievents_version_named(d, name) ? 1 : 0;

    return NGX_OK;
}


/* as in Tyk, with a pattern one that is not served may stand there, too */

ngx_uint_t
ngx_http_apievents_version_named(ngx_http_apievents_decision_t *d,
    ngx_str_t *name)
{
    void  *pattern;

    pattern = d->conf->gate.versions->pattern;

    if (name->len == 0) {
        return 0;
    }

    if (pattern == NULL) {
        return name->len == d->version_name.len
               && ngx_strncmp(name->data, d->version_name.data, name->len)
                  == 0;
    }

    return ngx_regex_exec((ngx_regex_t *) pattern, name, NULL, 0) >= 0;
}


ngx_http_apievents_version_t *
ngx_http_apievents_version_find(ngx_http_apievents_versions_t *versions,
    ngx_str_t *name)
{
    ngx_uint_t                     i;
    ngx_http_apievents_version_t  *version;

    version = versions->versions->elts;

    for (i = 0; i < versions->versions->nelts; i++) {
        if (version[i].name.len == name->len
            && ngx_strncmp(version[i].name.data, name->data, name->len) == 0)
        {
            return &version[i];
        }
    }

    return NULL;
}


/* headers that are there already stay with whatever answer is sent */

static ngx_int_t
ngx_http_apievents_version_expires(ngx_http_request_t *r, time_t expires)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 0;

    ngx_str_set(&h->key, "X-Tyk-Api-Expires");
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    h->value.data = ngx_pnalloc(r->pool,
                                sizeof("Mon, 28 Sep 1970 06:00:00 GMT") - 1);
    if (h->value.data == NULL) {
        return NGX_ERROR;
    }

    h->value.len = ngx_http_time(h->value.data, expires) - h->value.data;
    h->hash = 1;

    return NGX_OK;
}


/* the lists are asked in Tyk's order */

static ngx_int_t
ngx_http_apievents_version_path(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t                    rc;
    ngx_http_apievents_more_t   *more;
    ngx_http_apievents_lists_t  *lists;

    more = d->conf->gate.more;

    if (more == NULL) {
        return NGX_OK;
    }

    lists = ngx_http_apievents_version_lists(d, more->lists);

    if (lists != NULL
        && ngx_http_apievents_version_listed(r, d, lists->closed))
    {
        return ngx_http_apievents_refuse(d,
                                         &ngx_http_apievents_forbidden_path);
    }

    rc = ngx_http_apievents_reply(r, d);

    if (rc != NGX_DECLINED || lists == NULL) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (ngx_http_apievents_version_listed(r, d, lists->ignored)) {
        d->ignored = 1;
        return NGX_OK;
    }

    if (ngx_http_apievents_version_listed(r, d, lists->black)
        || (lists->white != NULL
            && !ngx_http_apievents_version_listed(r, d, lists->white)))
    {
        return ngx_http_apievents_refuse(d,
                                         &ngx_http_apievents_forbidden_path);
    }

    return NGX_OK;
}


static ngx_http_apievents_lists_t *
ngx_http_apievents_version_lists(ngx_http_apievents_decision_t *d,
    ngx_array_t *all)
{
    ngx_uint_t                   i;
    ngx_http_apievents_lists_t  *lists;

    if (all == NULL) {
        return NULL;
    }

    lists = all->elts;

    for (i = 0; i < all->nelts; i++) {
        if (ngx_http_apievents_is_version(d, &lists[i].version)) {
            return &lists[i];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_apievents_version_listed(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *paths)
{
    ngx_uint_t                  i;
    ngx_http_apievents_path_t  *path;

    if (paths == NULL) {
        return 0;
    }

    path = paths->elts;

    for (i = 0; i < paths->nelts; i++) {
        if (ngx_http_apievents_path_match(r, d, &path[i])) {
            return 1;
        }
    }

    return 0;
}


/*
 * Tyk looks for the name in the list and takes a list that is empty or not
 * there for what it is; an API without versions is not looked at.
 */

ngx_int_t
ngx_http_apievents_version_rights(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, const ae_value_t *rights)
{
    ae_value_t  *v, *list;

    if (d->version == NULL || d->conf->gate.versions->source == 0) {
        return NGX_OK;
    }

    list = (rights != NULL && rights->type == AE_MAP)
           ? ae_value_get(rights, "versions") : NULL;

    if (list != NULL && list->type == AE_ARRAY) {

        for (v = list->first; v != NULL; v = v->next) {

            if (v->type == AE_STRING
                && v->s.len == d->version_name.len
                && ngx_strncmp(v->s.data, d->version_name.data, v->s.len)
                   == 0)
            {
                return NGX_OK;
            }
        }
    }

    return ngx_http_apievents_reject(r, d, &ngx_http_apievents_not_of_key);
}


void
ngx_http_apievents_gate_version(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_http_apievents_decision_t  *d;

    ngx_str_null(name);

    d = ngx_http_apievents_decision(r);

    if (d != NULL) {
        *name = d->version_name;
    }
}


ngx_uint_t
ngx_http_apievents_is_version(ngx_http_apievents_decision_t *d,
    ngx_str_t *version)
{
    return version->len == 0
           || (version->len == d->version_name.len
               && ngx_strncmp(version->data, d->version_name.data,
                              version->len)
                  == 0);
}
