/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Whom webhooks believe, and what they show.
 */


#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "apievents.h"
#include "deliver/deliver_private.h"


static ngx_int_t ngx_http_apievents_webhook_cert(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_webhook_pair(ngx_conf_t *cf,
    ngx_str_t *cert, ngx_str_t *key);
static int ngx_http_apievents_webhook_password(char *buf, int size,
    int write, void *data);


ngx_int_t
ngx_http_apievents_webhook_tls(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                          *value;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;
    conf->target.verify = 1;

    if (ngx_http_apievents_at_run_time(cf)) {
        /* all of them go through one location */
        return NGX_OK;
    }

    value = ngx_http_apievents_param(params, "verify");

    if (value != NULL) {
        conf->target.verify = (ngx_strcmp(value->data, "on") == 0);

        if (!conf->target.verify && ngx_strcmp(value->data, "off") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"verify=%V\", \"on\" or \"off\" is "
                               "expected", value);
            return NGX_ERROR;
        }

        ngx_http_apievents_identify(ep, value);
    }

    value = ngx_http_apievents_param(params, "ca");

    if (value != NULL) {

        if (ngx_http_apievents_ca_check(cf, value) != NGX_OK) {
            return NGX_ERROR;
        }

        conf->target.ca = *value;

        ngx_http_apievents_identify(ep, value);
    }

    return ngx_http_apievents_webhook_cert(cf, ep, params);
}


/* nginx would read it after the whole file was parsed, and name no line */

ngx_int_t
ngx_http_apievents_ca_check(ngx_conf_t *cf, ngx_str_t *file)
{
    ngx_int_t    rc;
    ngx_str_t    full;
    X509_STORE  *store;

    full = *file;

    if (full.len != 0 && ngx_conf_full_name(cf->cycle, &full, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    store = X509_STORE_new();
    if (store == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (full.len == 0
        || X509_STORE_load_locations(store, (char *) full.data, NULL) != 1)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"ca=%V\", a file of CA certificates is "
                           "expected", file);
        rc = NGX_ERROR;
    }

    ERR_clear_error();
    X509_STORE_free(store);

    return rc;
}


static ngx_int_t
ngx_http_apievents_webhook_cert(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                          *cert, *key;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    cert = ngx_http_apievents_param(params, "cert");
    key = ngx_http_apievents_param(params, "cert_key");

    if (cert == NULL && key == NULL) {
        return NGX_OK;
    }

    if (cert == NULL || key == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"cert=\" and \"cert_key=\" are expected "
                           "together");
        return NGX_ERROR;
    }

    if (ngx_http_apievents_webhook_pair(cf, cert, key) != NGX_OK) {
        return NGX_ERROR;
    }

    conf->target.cert = *cert;
    conf->target.cert_key = *key;

    ngx_http_apievents_identify(ep, cert);
    ngx_http_apievents_identify(ep, key);

    return NGX_OK;
}


/* nginx would take a dollar sign for a variable, and words in front of a colon
 * for something else than a file */

static ngx_int_t
ngx_http_apievents_webhook_pair(ngx_conf_t *cf, ngx_str_t *cert,
    ngx_str_t *key)
{
    SSL_CTX     *ctx;
    ngx_str_t    files[2], *file;
    ngx_uint_t   i;

    files[0] = *cert;
    files[1] = *key;

    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    SSL_CTX_set_default_passwd_cb(ctx, ngx_http_apievents_webhook_password);

    for (i = 0; i < 2; i++) {
        file = &files[i];

        if (file->len == 0
            || ngx_strlchr(file->data, file->data + file->len, '$') != NULL
            || ngx_strlchr(file->data, file->data + file->len, ':') != NULL
            || ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK
            || (i == 0
                ? SSL_CTX_use_certificate_chain_file(ctx, (char *) file->data)
                : SSL_CTX_use_PrivateKey_file(ctx, (char *) file->data,
                                              SSL_FILETYPE_PEM))
               != 1)
        {
            break;
        }
    }

    ERR_clear_error();
    SSL_CTX_free(ctx);

    if (i == 2) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       i == 0 ? "invalid \"cert=%V\", a file with a "
                                "certificate is expected"
                              : "invalid \"cert_key=%V\", a file with the "
                                "certificate's key, without a password, is "
                                "expected",
                       i == 0 ? cert : key);
    return NGX_ERROR;
}


/* else the terminal would be asked for one */

static int
ngx_http_apievents_webhook_password(char *buf, int size, int write,
    void *data)
{
    return 0;
}
