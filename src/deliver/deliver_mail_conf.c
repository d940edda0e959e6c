/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The relay that takes mails, and the parameters of the email handler.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_CA_MAX  (4 * 1024 * 1024)


static ngx_int_t ngx_http_apievents_smtp_url(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_apievents_smtp_t *smtp);
static ngx_int_t ngx_http_apievents_smtp_login(ngx_conf_t *cf,
    ngx_array_t *params, ngx_http_apievents_smtp_t *smtp);
static ngx_int_t ngx_http_apievents_smtp_starttls(ngx_conf_t *cf,
    ngx_array_t *params, ngx_http_apievents_smtp_t *smtp);
static ngx_int_t ngx_http_apievents_smtp_verify(ngx_conf_t *cf,
    ngx_array_t *params, ngx_http_apievents_smtp_t *smtp);
static ngx_int_t ngx_http_apievents_smtp_from(ngx_conf_t *cf,
    ngx_array_t *params, ngx_http_apievents_smtp_t *smtp);
static ngx_int_t ngx_http_apievents_smtp_unknown(ngx_conf_t *cf,
    ngx_array_t *params);
static ngx_int_t ngx_http_apievents_smtp_copy(ngx_conf_t *cf, ngx_str_t *dst,
    ngx_str_t *src);
static ngx_int_t ngx_http_apievents_email_parse(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_email_place(ngx_conf_t *cf,
    ngx_str_t *place);


ngx_http_apievents_kind_t  ngx_http_apievents_email_kind = {
    ngx_string("email"),
    ngx_string("email"),
    ngx_http_apievents_email_parse,
    ngx_http_apievents_email_start,
    16,
    0,
    1,
    1
};


char *
ngx_http_apievents_api_smtp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_main_conf_t *mcf = conf;

    ngx_str_t                  *value;
    ngx_array_t                 params;
    ngx_http_apievents_smtp_t  *smtp;

    if (mcf->deliver.mail.smtp != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    smtp = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_smtp_t));
    if (smtp == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_apievents_params(cf, &value[2], cf->args->nelts - 2, &params)
        != NGX_OK
        || ngx_http_apievents_smtp_url(cf, &value[1], smtp) != NGX_OK
        || ngx_http_apievents_smtp_login(cf, &params, smtp) != NGX_OK
        || ngx_http_apievents_smtp_starttls(cf, &params, smtp) != NGX_OK
        || ngx_http_apievents_smtp_verify(cf, &params, smtp) != NGX_OK
        || ngx_http_apievents_smtp_from(cf, &params, smtp) != NGX_OK
        || ngx_http_apievents_smtp_unknown(cf, &params) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    mcf->deliver.mail.smtp = smtp;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_smtp_url(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_apievents_smtp_t *smtp)
{
    u_char           *p;
    const char       *expected;
    ae_mail_relay_t   relay;

    expected = ae_mail_relay(*(ae_str_t *) value, &relay);

    if (expected != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid relay \"%V\", %s",
                           value, expected);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, relay.host.len + sizeof("smtps://[]:65535"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    smtp->tls = relay.tls;
    smtp->url.data = p;

    p = ngx_sprintf(p, relay.ipv6 ? "%s://[%*s]:%d" : "%s://%*s:%d",
                    relay.tls ? "smtps" : "smtp", relay.host.len,
                    relay.host.data, (int) relay.port);

    smtp->url.len = p - smtp->url.data;
    *p = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_smtp_login(ngx_conf_t *cf, ngx_array_t *params,
    ngx_http_apievents_smtp_t *smtp)
{
    ngx_str_t  *user, *password, text;

    user = ngx_http_apievents_param(params, "user");
    password = ngx_http_apievents_param(params, "password");

    if (user == NULL && password == NULL) {
        return NGX_OK;
    }

    if (user == NULL || password == NULL || user->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"user=\" and \"password=\" are expected "
                           "together");
        return NGX_ERROR;
    }

    text = *password;

    if (ngx_http_apievents_secret_value(cf, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len == 0 || ngx_strlchr(text.data, text.data + text.len, '\0')
                         != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"password=\", a password or "
                           "\"file:PATH\" is expected");
        return NGX_ERROR;
    }

    if (ngx_http_apievents_smtp_copy(cf, &smtp->user, user) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_smtp_copy(cf, &smtp->password, &text);
}


static ngx_int_t
ngx_http_apievents_smtp_starttls(ngx_conf_t *cf, ngx_array_t *params,
    ngx_http_apievents_smtp_t *smtp)
{
    ngx_str_t  *value;

    value = ngx_http_apievents_param(params, "starttls");

    if (value == NULL) {
        return NGX_OK;
    }

    if (smtp->tls) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"starttls=\" stands beside a relay that has TLS "
                           "from the start, \"smtp://\" is expected there");
        return NGX_ERROR;
    }

    if (ngx_strcmp(value->data, "on") == 0) {
        smtp->starttls = NGX_HTTP_APIEVENTS_STARTTLS_ON;

    } else if (ngx_strcmp(value->data, "required") == 0) {
        smtp->starttls = NGX_HTTP_APIEVENTS_STARTTLS_REQUIRED;

    } else if (ngx_strcmp(value->data, "off") == 0) {
        smtp->starttls = NGX_HTTP_APIEVENTS_STARTTLS_OFF;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"starttls=%V\", \"required\", \"on\" or "
                           "\"off\" is expected", value);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* workers need not be able to read the file: it is read here */

static ngx_int_t
ngx_http_apievents_smtp_verify(ngx_conf_t *cf, ngx_array_t *params,
    ngx_http_apievents_smtp_t *smtp)
{
    ngx_str_t  *value, full;

    value = ngx_http_apievents_param(params, "verify");
    smtp->verify = 1;

    if (value != NULL) {
        smtp->verify = (ngx_strcmp(value->data, "on") == 0);

        if (!smtp->verify && ngx_strcmp(value->data, "off") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"verify=%V\", \"on\" or \"off\" is "
                               "expected", value);
            return NGX_ERROR;
        }
    }

    value = ngx_http_apievents_param(params, "ca");

    if (value == NULL) {
        return NGX_OK;
    }

    full = *value;

    if (ngx_http_apievents_ca_check(cf, value) != NGX_OK
        || ngx_conf_full_name(cf->cycle, &full, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_read_file(cf, &full, NGX_HTTP_APIEVENTS_CA_MAX,
                                        &smtp->ca);
}


static ngx_int_t
ngx_http_apievents_smtp_from(ngx_conf_t *cf, ngx_array_t *params,
    ngx_http_apievents_smtp_t *smtp)
{
    int                 rc;
    size_t              n;
    ngx_str_t          *value;
    ae_error_t          err;
    ae_arena_t         *arena;
    ae_mail_address_t   address;

    value = ngx_http_apievents_param(params, "from");

    if (value == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"from=\" with a mail address is expected for "
                           "\"api_smtp\"");
        return NGX_ERROR;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    rc = ae_mail_addresses(arena, *(ae_str_t *) value, &address, 1, &n, &err);

    ae_arena_destroy(arena);

    if (rc == AE_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"from=%V\", %s",
                           value, err.text);
    }

    smtp->from = *value;

    return rc == AE_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_smtp_unknown(ngx_conf_t *cf, ngx_array_t *params)
{
    ngx_uint_t                   i;
    ngx_http_apievents_param_t  *param;

    param = params->elts;

    for (i = 0; i < params->nelts; i++) {

        if (param[i].name.len != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown or repeated parameter \"%V\" of "
                               "\"api_smtp\", \"user=\", \"password=\", "
                               "\"starttls=\", \"verify=\", \"ca=\" or "
                               "\"from=\" is expected", &param[i].name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_smtp_copy(ngx_conf_t *cf, ngx_str_t *dst, ngx_str_t *src)
{
    dst->data = ngx_pnalloc(cf->pool, src->len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(dst->data, src->data, src->len);
    dst->data[src->len] = '\0';
    dst->len = src->len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_email_parse(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_http_apievents_main_conf_t   *mcf;
    ngx_http_apievents_email_conf_t  *conf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_email_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    ep->conf = conf;
    ep->mails = 1;

    conf->timeout = 30000;

    if (ngx_http_apievents_param_timeout(cf, params, &conf->timeout)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ep->timeout = conf->timeout;

    if (ngx_http_apievents_pace_params(cf, ep, params) != NGX_OK
        || ngx_http_apievents_mail_templates(cf, ep, params) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ngx_http_apievents_at_run_time(cf)) {
        return ngx_http_apievents_email_place(cf, &mcf->deliver.mail.place);
    }

    if (mcf->deliver.mail.smtp == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "handler \"email\" needs a relay, \"api_smtp\" is "
                           "expected in the http block");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_email_place(ngx_conf_t *cf, ngx_str_t *place)
{
    ngx_str_t  *name;

    if (place->len != 0) {
        return NGX_OK;
    }

    name = &cf->conf_file->file.name;

    place->data = ngx_pnalloc(cf->pool, name->len + 1 + NGX_INT_T_LEN);
    if (place->data == NULL) {
        return NGX_ERROR;
    }

    place->len = ngx_sprintf(place->data, "%V:%ui", name, cf->conf_file->line)
                 - place->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_deliver_init(ngx_conf_t *cf)
{
    ngx_http_apievents_mailer_t     *mail;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    mail = &mcf->deliver.mail;

    if (mail->place.len != 0 && mail->smtp == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "handler \"email\" needs a relay, \"api_smtp\" is "
                      "expected in the http block, in %V", &mail->place);
        return NGX_ERROR;
    }

    /* one of run time is in a pool that goes before they do */

    if (mail->smtp != NULL && mcf->deliver.runtime) {
        return ngx_http_apievents_mail_embedded(cf, mail);
    }

    return NGX_OK;
}
