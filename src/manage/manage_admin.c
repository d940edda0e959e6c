/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The management API: a call is let in, read and given to its route.
 */


#include "manage/manage_private.h"


#define NGX_HTTP_APIEVENTS_ADMIN_BODY  (1024 * 1024)


static ngx_int_t ngx_http_apievents_admin_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_admin_refuse(ngx_http_request_t *r);
static void ngx_http_apievents_admin_refused(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_admin_media(ngx_http_request_t *r);
static void ngx_http_apievents_admin_body(ngx_http_request_t *r);
static ngx_http_apievents_admin_t *ngx_http_apievents_admin_create(
    ngx_http_request_t *r);
static void ngx_http_apievents_admin_cleanup(void *data);
static ngx_int_t ngx_http_apievents_admin_text(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_http_apievents_admin_parse(
    ngx_http_apievents_admin_t *a, ngx_str_t *text);


char *
ngx_http_apievents_api_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t *lcf = conf;

    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_apievents_main_conf_t  *mcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_apievents_admin_handler) {
        return "is duplicate";
    }

    if (clcf->named || clcf->noname
#if (NGX_PCRE)
        || clcf->regex != NULL
#endif
       )
    {
        return "is not allowed here, a location with a prefix is expected";
    }

    clcf->handler = ngx_http_apievents_admin_handler;
    lcf->gate.exempt = 1;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    mcf->manage.admin = 1;

    if (mcf->manage.openapi.len == 0
        && ngx_http_apievents_openapi(cf, &mcf->manage.openapi) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_runtime(cf);
}


static ngx_int_t
ngx_http_apievents_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_apievents_main_conf_t  *mcf;

    if (ngx_http_apievents_user(r) == NULL) {
        return ngx_http_apievents_admin_refuse(r);
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    if (mcf->store.zone == NULL) {
        return ngx_http_apievents_admin_error(r,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "api_admin needs an api_zone");
    }

    rc = ngx_http_apievents_admin_media(r);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_apievents_admin_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/* in Tyk's words, after a while that grows */

static ngx_int_t
ngx_http_apievents_admin_refuse(ngx_http_request_t *r)
{
    ngx_int_t   rc;
    ngx_msec_t  delay;

    delay = ngx_http_apievents_refused_delay(r);

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "management call without a valid secret, its answer waits "
                  "%M ms", delay);

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_apievents_admin_refused;

    r->connection->write->delayed = 1;
    ngx_add_timer(r->connection->write, delay);

    return NGX_DONE;
}


static void
ngx_http_apievents_admin_refused(ngx_http_request_t *r)
{
    ngx_event_t  *wev;

    wev = r->connection->write;

    if (wev->delayed) {

        if (ngx_handle_write_event(wev, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        }

        return;
    }

    ngx_http_finalize_request(r,
        ngx_http_apievents_admin_error(r, NGX_HTTP_FORBIDDEN,
                                       "Attempted administrative access with "
                                       "invalid or missing key!"));
}


/* any type is read as JSON; NGX_DECLINED: go on */

static ngx_int_t
ngx_http_apievents_admin_media(ngx_http_request_t *r)
{
    ngx_str_t         *type;
    ngx_uint_t         i;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *h;

    type = NULL;

    if (r->headers_in.content_type != NULL) {
        type = &r->headers_in.content_type->value;
    }

    if (type != NULL && type->len >= 10
        && ngx_strncasecmp(type->data, (u_char *) "multipart/", 10) == 0)
    {
        goto unsupported;
    }

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == 16
                && ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "Content-Encoding", 16)
                   == 0)
            {
                goto unsupported;
            }
        }
    }

    return NGX_DECLINED;

unsupported:

    (void) ngx_http_discard_request_body(r);

    return ngx_http_apievents_admin_error(r,
                                          NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                          "a JSON document is expected, "
                                          "neither encoded nor multipart");
}


static void
ngx_http_apievents_admin_body(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_str_t                    text;
    ngx_http_apievents_admin_t  *a;

    a = ngx_http_apievents_admin_create(r);

    if (a == NULL) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        goto done;
    }

    rc = ngx_http_apievents_admin_text(r, &text);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_apievents_admin_parse(a, &text);
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_http_apievents_admin_route(a);
    }

done:

    ngx_http_finalize_request(r, rc);
}


static ngx_http_apievents_admin_t *
ngx_http_apievents_admin_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_apievents_admin_t      *a;
    ngx_http_apievents_main_conf_t  *mcf;

    a = ngx_pcalloc(r->pool, sizeof(ngx_http_apievents_admin_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (a == NULL || cln == NULL) {
        return NULL;
    }

    a->arena = ae_arena_create(NGX_HTTP_APIEVENTS_ADMIN_MAX);

    if (a->arena == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_apievents_admin_cleanup;
    cln->data = a;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    a->request = r;
    a->seal = mcf->store.db.seal;
    a->user = ngx_http_apievents_user(r);

    return (a->user == NULL) ? NULL : a;
}


static void
ngx_http_apievents_admin_cleanup(void *data)
{
    ngx_http_apievents_admin_t *a = data;

    ae_arena_destroy(a->arena);
}


ngx_http_apievents_admin_t *
ngx_http_apievents_admin_of(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_apievents_admin_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


/* this and the next: NGX_DECLINED, go on; else what to finalize with */

static ngx_int_t
ngx_http_apievents_admin_text(ngx_http_request_t *r, ngx_str_t *text)
{
    off_t         size;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_null(text);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_DECLINED;
    }

    size = 0;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > NGX_HTTP_APIEVENTS_ADMIN_BODY) {
        return ngx_http_apievents_admin_error(r,
                                         NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                         "at most 1m of body is expected");
    }

    text->data = ngx_pnalloc(r->pool, size);
    if (text->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;
        n = ngx_buf_size(b);

        if (n == 0) {
            continue;
        }

        if (!ngx_buf_in_memory(b)) {
            n = ngx_read_file(b->file, text->data + text->len, n,
                              b->file_pos);

            if (n != ngx_buf_size(b)) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

        } else {
            ngx_memcpy(text->data + text->len, b->pos, n);
        }

        text->len += n;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_apievents_admin_parse(ngx_http_apievents_admin_t *a,
    ngx_str_t *text)
{
    u_char      *p, message[256];
    ae_error_t   err;

    if (text->len == 0) {
        return NGX_DECLINED;
    }

    ngx_memzero(&err, sizeof(ae_error_t));

    a->body = ae_json_parse(a->arena, *(ae_str_t *) text, &err);

    if (a->body != NULL && a->body->type != AE_MAP) {
        a->body = NULL;
        err.line = 1;
        ngx_sprintf((u_char *) err.text, "a JSON object is expected%Z");
    }

    if (a->body != NULL && ae_json_strict(a->body, &err) == AE_OK) {
        return NGX_DECLINED;
    }

    p = ngx_snprintf(message, sizeof(message) - 1, "line %ui: %s",
                     (ngx_uint_t) err.line, err.text);
    *p = '\0';

    return ngx_http_apievents_admin_error(a->request, NGX_HTTP_BAD_REQUEST,
                                          (char *) message);
}
