/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Policies (plans): limits and access rights that sessions take over by name.
 * They are configuration: read by the directive, kept as long as the cycle,
 * merged into a session when a worker compiles it.  A worker has one cycle, so
 * that its sessions never are of other policies.
 */


#include "apievents.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_POLICIES_MAX    (16 * 1024 * 1024)
#define NGX_HTTP_APIEVENTS_POLICIES_RATIO  64


static uint64_t ngx_http_apievents_policies_id(ngx_str_t *text);
static void ngx_http_apievents_policies_cleanup(void *data);
static char *ngx_http_apievents_policies_parse(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf, ngx_str_t *text);
static ngx_int_t ngx_http_apievents_policies_check(ngx_conf_t *cf,
    const ae_value_t *document, ngx_uint_t *unsupported, ae_error_t *err);
static ngx_uint_t ngx_http_apievents_limit_unsupported(
    const ae_value_t *limit);
static int64_t ngx_http_apievents_created(const ae_value_t *session);


static const char  *const ngx_http_apievents_unsupported_names[] = {
    "throttle_interval",
    "throttle_retry_limit",
    "smoothing",
    NULL
};


char *
ngx_http_apievents_api_policies(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_main_conf_t  *mcf = conf;

    ngx_str_t                        *value, text;
    ngx_pool_cleanup_t               *cln;
    ngx_http_apievents_store_conf_t  *scf;

    value = cf->args->elts;
    scf = &mcf->store;

    if (scf->policies_file.len != 0) {
        return "is duplicate";
    }

    if (value[1].len == 0) {
        return "has an empty argument, a file is expected";
    }

    scf->policies_file = value[1];

    if (ngx_conf_full_name(cf->cycle, &scf->policies_file, 1) != NGX_OK
        || ngx_http_apievents_read_file(cf, &scf->policies_file,
                                        NGX_HTTP_APIEVENTS_POLICIES_MAX,
                                        &text)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    scf->policies_id = ngx_http_apievents_policies_id(&text);
    scf->policies_size = text.len * NGX_HTTP_APIEVENTS_POLICIES_RATIO
                         + NGX_HTTP_APIEVENTS_SESSION_MAX;

    cln->data = ae_arena_create(scf->policies_size);
    if (cln->data == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_apievents_policies_cleanup;
    scf->policies_arena = cln->data;

    return ngx_http_apievents_policies_parse(cf, scf, &text);
}


/* tells those of one configuration from another's; nobody who could choose
 * them is anybody's enemy */

static uint64_t
ngx_http_apievents_policies_id(ngx_str_t *text)
{
    static const u_char  secret[16];

    return ae_hash(secret, (ae_str_t *) text, 1).h[0] | 1;
}


static void
ngx_http_apievents_policies_cleanup(void *data)
{
    ae_arena_destroy(data);
}


static char *
ngx_http_apievents_policies_parse(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf, ngx_str_t *text)
{
    ae_error_t   err;
    ae_value_t  *document;
    ngx_uint_t   unsupported;

    ngx_memzero(&err, sizeof(ae_error_t));
    unsupported = 0;

    document = ae_json_parse(scf->policies_arena, *(ae_str_t *) text, &err);
    scf->policies_text = document;

    if (document != NULL) {
        scf->policies = ae_policies_create(scf->policies_arena, document,
                                           &err);
    }

    if (scf->policies == NULL
        || ngx_http_apievents_policies_check(cf, document, &unsupported, &err)
           != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V:%ud: %s",
                           &scf->policies_file, err.line, err.text);
        return NGX_CONF_ERROR;
    }

    ngx_http_apievents_warn_unsupported(cf, &scf->policies_file, unsupported);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_policies_check(ngx_conf_t *cf, const ae_value_t *document,
    ngx_uint_t *unsupported, ae_error_t *err)
{
    ngx_rbtree_t        known;
    const ae_value_t   *v;
    ngx_rbtree_node_t   sentinel;

    ngx_rbtree_init(&known, &sentinel, ngx_str_rbtree_insert_value);

    for (v = document->first; v != NULL; v = v->next) {

        if (ngx_http_apievents_check_policy(v, err) != NGX_OK
            || ngx_http_apievents_rights_check(cf->pool, &known,
                                               ae_value_get(v,
                                                            "access_rights"),
                                               err)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        *unsupported |= ngx_http_apievents_unsupported(v);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_apievents_unsupported(const ae_value_t *document)
{
    ngx_uint_t         mask;
    const ae_value_t  *v, *e, *m, *list;

    mask = ngx_http_apievents_limit_unsupported(document);

    v = ae_value_get(document, "access_rights");

    for (v = v ? v->first : NULL; v != NULL; v = v->next) {
        mask |= ngx_http_apievents_limit_unsupported(ae_value_get(v, "limit"));

        e = ae_value_get(v, "endpoints");

        for (e = e ? e->first : NULL; e != NULL; e = e->next) {
            list = ae_value_get(e, "methods");

            for (m = list ? list->first : NULL; m != NULL; m = m->next) {
                mask |= ngx_http_apievents_limit_unsupported(
                                                  ae_value_get(m, "limit"));
            }
        }
    }

    return mask;
}


static ngx_uint_t
ngx_http_apievents_limit_unsupported(const ae_value_t *limit)
{
    ngx_uint_t         i, mask;
    const ae_value_t  *v, *on;

    mask = 0;

    for (i = 0; ngx_http_apievents_unsupported_names[i] != NULL; i++) {
        v = ae_value_get(limit, ngx_http_apievents_unsupported_names[i]);
        on = ae_value_get(v, "enabled");

        if (v != NULL && ((v->type == AE_NUMBER && v->number != 0)
                          || (on != NULL && on->type == AE_BOOL
                              && on->boolean)))
        {
            mask |= (ngx_uint_t) 1 << i;
        }
    }

    return mask;
}


void
ngx_http_apievents_warn_unsupported(ngx_conf_t *cf, ngx_str_t *file,
    ngx_uint_t mask)
{
    u_char      *p, names[128];
    ngx_uint_t   i;

    p = names;

    for (i = 0; ngx_http_apievents_unsupported_names[i] != NULL; i++) {

        if (mask & ((ngx_uint_t) 1 << i)) {
            p = ngx_sprintf(p, "%s%s", p == names ? "" : ", ",
                            ngx_http_apievents_unsupported_names[i]);
        }
    }

    if (p != names) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "not supported and ignored in \"%V\": %*s", file,
                           (size_t) (p - names), names);
    }
}


/* a session whose policies are not to be had is as good as no session */

void
ngx_http_apievents_session_merge(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_session_t *session)
{
    size_t                n;
    int64_t               created;
    ae_str_t              ids[AE_POLICY_MAX];
    ae_error_t            err;
    ae_merged_t           merged;
    const ae_policies_t  *policies;

    ngx_memzero(&err, sizeof(ae_error_t));

    if (ae_policy_ids(session->document, ids, &n) != AE_OK || n != 0) {

        /* what changes while they are read makes it one of before that */

        session->policies = ngx_http_apievents_plans(scf);
        ngx_memory_barrier();
    }

    if (ngx_http_apievents_plans_of(scf, session->arena, session->document,
                                    &policies, &err)
        != AE_OK
        || ae_policies_apply(session->arena, policies, session->document,
                             &merged, &err)
           != AE_OK)
    {
        /* without a version it is not there yet */

        if (session->ref.version != 0) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "a session is refused, %s", err.text);
        }

        session->broken = 1;
        return;
    }

    if (merged.expires_in > 0
        && ngx_http_apievents_number(session->document, "expires") < 1)
    {
        created = ngx_http_apievents_created(session->document);

        if (created > 0) {
            session->expires = created + merged.expires_in;
        }
    }

    session->document = merged.document;
    session->inactive = merged.inactive;
    session->granted = merged.granted;
}


/* Unix seconds, 0: nobody knows; Go writes the year 1 for that, and the local
 * time with its offset */

static int64_t
ngx_http_apievents_created(const ae_value_t *session)
{
    u_char             text[AE_TIME_LEN], *p;
    size_t             len;
    int64_t            offset;
    uint64_t           wall;
    const ae_value_t  *v;

    v = ae_value_get(session, "date_created");

    if (v == NULL || v->type != AE_STRING || v->s.len >= sizeof(text)
        || v->s.len < sizeof("2026-01-01T00:00:00Z") - 1)
    {
        return 0;
    }

    len = v->s.len;
    offset = 0;

    ngx_memcpy(text, v->s.data, len);
    p = text + len - (sizeof("+00:00") - 1);

    if (text[len - 1] != 'Z' && (*p == '+' || *p == '-') && p[3] == ':') {
        offset = (ngx_atoi(p + 1, 2) * 60 + ngx_atoi(p + 4, 2)) * 60;
        offset = (*p == '-') ? -offset : offset;

        *p = 'Z';
        len = p + 1 - text;
    }

    if (ae_time_parse((ae_str_t) { len, text }, &wall) != AE_OK) {
        return 0;
    }

    return (int64_t) (wall / 1000000000) - offset;
}
