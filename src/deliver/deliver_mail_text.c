/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a mail says: its templates, and what they make of an event.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_PART_MAX    (1024 * 1024)
#define NGX_HTTP_APIEVENTS_FIELD_MAX   16384


typedef struct {
    ngx_conf_t                     *cf;
    ngx_http_apievents_endpoint_t  *endpoint;
    ae_arena_t                     *arena;
} ngx_http_apievents_mail_parse_t;


/* the embedded pairs, by what an event's name is or, up to a dot, starts
 * with; the first one is for all others */

static const struct {
    const char                     *event;
    const char                     *name;
} ngx_http_apievents_mail_pairs[] = {
    { "", "templates/email/default" },
    { "TriggerExceeded", "templates/email/trigger" },
    { "api_event", "templates/email/api_event" },
    { "key_event", "templates/email/key_event" },
    { "key_request_event", "templates/email/key_request_event" },
    { "developer", "templates/email/developer" }
};

#define NGX_HTTP_APIEVENTS_MAIL_PAIRS                                         \
    (sizeof(ngx_http_apievents_mail_pairs)                                    \
     / sizeof(ngx_http_apievents_mail_pairs[0]))


static ae_arena_t *ngx_http_apievents_mail_arena(ngx_conf_t *cf);
static ngx_int_t ngx_http_apievents_mail_addresses(
    ngx_http_apievents_mail_parse_t *mp, const char *name, ngx_str_t *value,
    size_t max, ae_template_t **template);
static ngx_int_t ngx_http_apievents_mail_subject(
    ngx_http_apievents_mail_parse_t *mp, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_mail_part(
    ngx_http_apievents_mail_parse_t *mp, ngx_str_t *value, ae_escape_e escape,
    ae_template_t **template);
static ngx_int_t ngx_http_apievents_mail_template(
    ngx_http_apievents_mail_parse_t *mp, ngx_str_t *name, ngx_str_t *text,
    ae_escape_e escape, ae_template_t **template);
static ngx_int_t ngx_http_apievents_mail_shipped(
    ngx_http_apievents_mail_parse_t *mp, const char *base, const char *suffix,
    ae_escape_e escape, ae_template_t **template);

static ngx_int_t ngx_http_apievents_letter_addresses(
    ngx_http_apievents_attempt_t *a, ae_arena_t *arena, ae_value_t *envelope,
    ngx_http_apievents_letter_t *letter);
static ngx_int_t ngx_http_apievents_letter_address(
    ngx_http_apievents_attempt_t *a, ae_arena_t *arena, const char *field,
    ae_str_t text, ae_mail_address_t *list, size_t max, size_t *n);
static ngx_http_apievents_pair_t *ngx_http_apievents_letter_pair(
    ngx_http_apievents_attempt_t *a);
static ngx_int_t ngx_http_apievents_letter_part(
    ngx_http_apievents_attempt_t *a, ae_template_t *template,
    ae_value_t *envelope, ae_buf_t *b);
static ngx_int_t ngx_http_apievents_letter_render(
    ngx_http_apievents_attempt_t *a, ae_template_t *template,
    ae_value_t *envelope, ae_buf_t *b);


ngx_int_t
ngx_http_apievents_mail_templates(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                        *value;
    ngx_http_apievents_mail_parse_t   mp;
    ngx_http_apievents_email_conf_t  *conf;

    conf = ep->conf;

    mp.cf = cf;
    mp.endpoint = ep;
    mp.arena = ngx_http_apievents_mail_arena(cf);

    if (mp.arena == NULL) {
        return NGX_ERROR;
    }

    value = ngx_http_apievents_param(params, "to");

    if (value == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"to=\" with a mail address is expected for "
                           "handler \"email\"");
        return NGX_ERROR;
    }

    ep->label = *value;

    if (ngx_http_apievents_mail_addresses(&mp, "to", value,
                                          AE_MAIL_RECIPIENTS, &conf->to)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    value = ngx_http_apievents_param(params, "from");

    if (value != NULL
        && ngx_http_apievents_mail_addresses(&mp, "from", value, 1,
                                             &conf->from)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_mail_subject(&mp, params) != NGX_OK
        || ngx_http_apievents_mail_part(&mp,
                                        ngx_http_apievents_param(params,
                                                                 "text"),
                                        AE_ESCAPE_NONE, &conf->own.text)
           != NGX_OK
        || ngx_http_apievents_mail_part(&mp,
                                        ngx_http_apievents_param(params,
                                                                 "html"),
                                        AE_ESCAPE_HTML, &conf->own.html)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ae_arena_t *
ngx_http_apievents_mail_arena(ngx_conf_t *cf)
{
    ae_arena_t          *arena;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    arena = ae_arena_create(0);

    if (arena != NULL) {
        cln->handler = (ngx_pool_cleanup_pt) ae_arena_destroy;
        cln->data = arena;
    }

    return arena;
}


/* what no event can change is looked at here */

static ngx_int_t
ngx_http_apievents_mail_addresses(ngx_http_apievents_mail_parse_t *mp,
    const char *name, ngx_str_t *value, size_t max, ae_template_t **template)
{
    int                rc;
    size_t             n;
    ngx_str_t          what;
    ae_error_t         err;
    ae_mail_address_t  list[AE_MAIL_RECIPIENTS];

    ngx_http_apievents_identify(mp->endpoint, value);

    if (ngx_strstr(value->data, "{{") == NULL) {
        rc = ae_mail_addresses(mp->arena, *(ae_str_t *) value, list, max, &n,
                               &err);

        if (rc == AE_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, mp->cf, 0,
                               "invalid \"%s=%V\", %s", name, value,
                               err.text);
        }

        if (rc != AE_OK) {
            return NGX_ERROR;
        }
    }

    what.data = (u_char *) name;
    what.len = ngx_strlen(name);

    return ngx_http_apievents_mail_template(mp, &what, value,
                                            AE_ESCAPE_ADDRESS, template);
}


static ngx_int_t
ngx_http_apievents_mail_subject(ngx_http_apievents_mail_parse_t *mp,
    ngx_array_t *params)
{
    ngx_str_t                        *value, name;
    ngx_http_apievents_email_conf_t  *conf;

    conf = mp->endpoint->conf;
    value = ngx_http_apievents_param(params, "subject");

    if (value == NULL) {
        return ngx_http_apievents_mail_shipped(mp, "templates/email/subject",
                                               ".txt", AE_ESCAPE_NONE,
                                               &conf->subject);
    }

    ngx_http_apievents_identify(mp->endpoint, value);
    ngx_str_set(&name, "subject");

    return ngx_http_apievents_mail_template(mp, &name, value, AE_ESCAPE_NONE,
                                            &conf->subject);
}


/* without a file of its own the handler gets the pair of each event */

static ngx_int_t
ngx_http_apievents_mail_part(ngx_http_apievents_mail_parse_t *mp,
    ngx_str_t *value, ae_escape_e escape, ae_template_t **template)
{
    ngx_str_t                        text, full;
    ngx_http_apievents_main_conf_t  *mcf;

    if (value == NULL) {
        mcf = ngx_http_conf_get_module_main_conf(mp->cf,
                                                 ngx_http_apievents_module);

        return ngx_http_apievents_mail_embedded(mp->cf, &mcf->deliver.mail);
    }

    if (ngx_http_apievents_template_load(mp->cf, value, &text, &full)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_apievents_identify(mp->endpoint, &full);

    return ngx_http_apievents_mail_template(mp, &full, &text, escape,
                                            template);
}


static ngx_int_t
ngx_http_apievents_mail_template(ngx_http_apievents_mail_parse_t *mp,
    ngx_str_t *name, ngx_str_t *text, ae_escape_e escape,
    ae_template_t **template)
{
    ae_error_t  err;

    *template = ae_template_parse(mp->arena, *(ae_str_t *) text, escape,
                                  &err);

    if (*template == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, mp->cf, 0,
                           "invalid template in %V:%ui: %s", name,
                           (ngx_uint_t) err.line, err.text);
        return NGX_ERROR;
    }

    if (mp->endpoint != NULL
        && ae_template_uses(*template, "OriginatingRequest"))
    {
        mp->endpoint->uses_request = 1;
    }

    return NGX_OK;
}


/* they are the same for all handlers; none of them uses the request */

ngx_int_t
ngx_http_apievents_mail_embedded(ngx_conf_t *cf,
    ngx_http_apievents_mailer_t *mail)
{
    ngx_uint_t                        i;
    ngx_http_apievents_pair_t        *pairs;
    ngx_http_apievents_mail_parse_t   mp;

    if (mail->pairs != NULL) {
        return NGX_OK;
    }

    pairs = ngx_pcalloc(cf->pool, NGX_HTTP_APIEVENTS_MAIL_PAIRS
                                  * sizeof(ngx_http_apievents_pair_t));
    if (pairs == NULL) {
        return NGX_ERROR;
    }

    mp.cf = cf;
    mp.endpoint = NULL;
    mp.arena = ngx_http_apievents_mail_arena(cf);

    if (mp.arena == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_APIEVENTS_MAIL_PAIRS; i++) {

        if (ngx_http_apievents_mail_shipped(&mp,
                                     ngx_http_apievents_mail_pairs[i].name,
                                     ".txt", AE_ESCAPE_NONE, &pairs[i].text)
            != NGX_OK
            || ngx_http_apievents_mail_shipped(&mp,
                                     ngx_http_apievents_mail_pairs[i].name,
                                     ".html", AE_ESCAPE_HTML, &pairs[i].html)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    mail->pairs = pairs;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_mail_shipped(ngx_http_apievents_mail_parse_t *mp,
    const char *base, const char *suffix, ae_escape_e escape,
    ae_template_t **template)
{
    u_char           text[64];
    ngx_str_t        name;
    const ae_str_t  *found;

    name.data = text;
    name.len = ngx_snprintf(text, sizeof(text), "%s%s", base, suffix) - text;

    found = ae_embedded_find(*(ae_str_t *) &name);

    if (found == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_mail_template(mp, &name, (ngx_str_t *) found,
                                            escape, template);
}


ngx_int_t
ngx_http_apievents_letter(ngx_http_apievents_attempt_t *a, ae_arena_t *arena,
    ngx_http_apievents_letter_t *letter)
{
    ngx_int_t                         rc;
    ae_value_t                       *envelope;
    ngx_http_apievents_pair_t        *pair;
    ngx_http_apievents_email_conf_t  *conf;

    conf = a->endpoint->conf;

    ngx_memzero(letter, sizeof(ngx_http_apievents_letter_t));

    ae_buf_init(&letter->subject, NGX_HTTP_APIEVENTS_FIELD_MAX);
    ae_buf_init(&letter->text, 2 * NGX_HTTP_APIEVENTS_PART_MAX);
    ae_buf_init(&letter->html, 2 * NGX_HTTP_APIEVENTS_PART_MAX);

    envelope = ngx_http_apievents_envelope(a, arena);

    if (envelope == NULL) {
        return NGX_BUSY;
    }

    rc = ngx_http_apievents_letter_addresses(a, arena, envelope, letter);

    if (rc != NGX_OK) {
        return rc;
    }

    pair = ngx_http_apievents_letter_pair(a);

    if (ngx_http_apievents_letter_render(a, conf->subject, envelope,
                                         &letter->subject)
        != NGX_OK
        || ngx_http_apievents_letter_part(a, pair->text, envelope,
                                          &letter->text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_letter_part(a, pair->html, envelope,
                                          &letter->html);
}


void
ngx_http_apievents_letter_free(ngx_http_apievents_letter_t *letter)
{
    ae_buf_free(&letter->subject);
    ae_buf_free(&letter->text);
    ae_buf_free(&letter->html);
}


static ngx_int_t
ngx_http_apievents_letter_addresses(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena, ae_value_t *envelope,
    ngx_http_apievents_letter_t *letter)
{
    size_t                            n;
    ae_buf_t                          b;
    ae_str_t                          text;
    ngx_int_t                         rc;
    ngx_http_apievents_main_conf_t   *mcf;
    ngx_http_apievents_email_conf_t  *conf;

    conf = a->endpoint->conf;
    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_FIELD_MAX);

    rc = ngx_http_apievents_letter_render(a, conf->to, envelope, &b);

    if (rc == NGX_OK) {
        text.len = b.len;
        text.data = b.data;

        rc = ngx_http_apievents_letter_address(a, arena, "to", text,
                                               letter->to,
                                               AE_MAIL_RECIPIENTS,
                                               &letter->nto);
    }

    b.len = 0;

    if (rc == NGX_OK && conf->from != NULL) {
        rc = ngx_http_apievents_letter_render(a, conf->from, envelope, &b);
    }

    if (rc == NGX_OK) {
        text.len = b.len;
        text.data = b.data;

        if (conf->from == NULL) {
            text = *(ae_str_t *) &mcf->deliver.mail.smtp->from;
        }

        rc = ngx_http_apievents_letter_address(a, arena, "from", text,
                                               &letter->from, 1, &n);
    }

    ae_buf_free(&b);

    return rc;
}


/* the text goes before the addresses do, so that it is kept in the arena */

static ngx_int_t
ngx_http_apievents_letter_address(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena, const char *field, ae_str_t text,
    ae_mail_address_t *list, size_t max, size_t *n)
{
    int         rc;
    u_char     *p;
    ae_error_t  err;

    text = ae_arena_dup(arena, text);

    if (text.data == NULL) {
        return NGX_BUSY;
    }

    rc = ae_mail_addresses(arena, text, list, max, n, &err);

    if (rc == AE_OK) {
        return NGX_OK;
    }

    if (rc != AE_DECLINED) {
        return NGX_BUSY;
    }

    p = ngx_pnalloc(a->pool, sizeof(err.text) + sizeof("from=: "));
    if (p == NULL) {
        return NGX_BUSY;
    }

    a->error.data = p;
    a->error.len = ngx_sprintf(p, "%s=: %s", field, err.text) - p;
    a->meaning = AE_ANSWER_ABORT;
    a->unsent = 1;

    return NGX_ERROR;
}


static ngx_http_apievents_pair_t *
ngx_http_apievents_letter_pair(ngx_http_apievents_attempt_t *a)
{
    size_t                            len;
    ae_str_t                          name;
    ngx_uint_t                        i;
    const char                       *event;
    ngx_http_apievents_pair_t        *pairs;
    ngx_http_apievents_main_conf_t   *mcf;
    ngx_http_apievents_email_conf_t  *conf;

    conf = a->endpoint->conf;

    if (conf->own.text != NULL || conf->own.html != NULL) {
        return &conf->own;
    }

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    pairs = mcf->deliver.mail.pairs;
    name = ae_event_name(&a->event);

    for (i = 1; i < NGX_HTTP_APIEVENTS_MAIL_PAIRS; i++) {
        event = ngx_http_apievents_mail_pairs[i].event;
        len = ngx_strlen(event);

        if (name.len >= len && ngx_memcmp(name.data, event, len) == 0
            && (name.len == len || name.data[len] == '.'))
        {
            return &pairs[i];
        }
    }

    return &pairs[0];
}


/* lines end as mail wants them */

static ngx_int_t
ngx_http_apievents_letter_part(ngx_http_apievents_attempt_t *a,
    ae_template_t *template, ae_value_t *envelope, ae_buf_t *b)
{
    ae_buf_t   raw;
    ae_str_t   text;
    ngx_int_t  rc;

    if (template == NULL) {
        return NGX_OK;
    }

    ae_buf_init(&raw, NGX_HTTP_APIEVENTS_PART_MAX);

    rc = ngx_http_apievents_letter_render(a, template, envelope, &raw);

    if (rc == NGX_OK) {
        text.len = raw.len;
        text.data = raw.data;

        ae_mail_text(b, text);

        rc = b->failed ? NGX_BUSY : NGX_OK;
    }

    ae_buf_free(&raw);

    return rc;
}


static ngx_int_t
ngx_http_apievents_letter_render(ngx_http_apievents_attempt_t *a,
    ae_template_t *template, ae_value_t *envelope, ae_buf_t *b)
{
    if (ae_template_render(template, envelope, b) == AE_OK) {
        return NGX_OK;
    }

    ngx_str_set(&a->error, "the template's output has no bound or no memory");
    a->meaning = AE_ANSWER_ABORT;
    a->unsent = 1;

    return NGX_ERROR;
}
