/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions of the common kind straight from the zone.  Whoever puts a session
 * compiles it and keeps a record beside its text; whoever asks for it copies
 * that, without parsing and without memory of its own, as often as there are
 * requests: how many keys there are does not matter.  What a record cannot
 * hold is left to the worker's cache.
 */


#include "apievents.h"
#include "store/store_private.h"


/* what fits in AE_SESSION_RECORD_MAX, at most */
#define NGX_HTTP_APIEVENTS_RECORD_RIGHTS                                      \
    ((AE_SESSION_RECORD_MAX - sizeof(ae_record_t)) / sizeof(uint64_t))


typedef struct ngx_http_apievents_spare_s  ngx_http_apievents_spare_t;

/* of one request until it ends, then of another one */

struct ngx_http_apievents_spare_s {
    ngx_http_apievents_session_t    session;    /* first */
    ngx_http_apievents_spare_t     *next;
    union {
        ae_record_t                 record;
        u_char                      bytes[AE_SESSION_RECORD_MAX];
    } u;
};


static ngx_http_apievents_spare_t *ngx_http_apievents_spare(void);
static void ngx_http_apievents_record_fill(ngx_http_apievents_spare_t *spare);
static ae_str_t ngx_http_apievents_record_of(
    ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_session_t *session, uint64_t *buf);
static ngx_uint_t ngx_http_apievents_record_holds(
    ngx_http_apievents_session_t *session);


static ngx_http_apievents_spare_t  *ngx_http_apievents_spares;


ngx_int_t
ngx_http_apievents_record_find(ngx_http_apievents_store_conf_t *scf,
    ae_id_t id, ae_session_ref_t *ref, ngx_http_apievents_session_t **session)
{
    ngx_http_apievents_spare_t  *spare;

    *session = NULL;

    spare = ngx_http_apievents_spare();
    if (spare == NULL) {
        return NGX_ERROR;
    }

    /* its counters come while it comes */

    ae_sessions_expect(scf->zone->sessions, id);
    ae_limits_fetch(scf->zone->limits, ngx_http_apievents_quota_id(id));

    if (ae_sessions_get(scf->zone->sessions, id, ref, spare->u.bytes,
                        AE_SESSION_RECORD_MAX)
        != AE_OK)
    {
        return NGX_DECLINED;
    }

    if (!ae_record_valid(&spare->u.record, ref->record,
                         ngx_http_apievents_plans(scf)))
    {
        return NGX_OK;
    }

    ngx_http_apievents_spares = spare->next;

    spare->session.ref = *ref;
    ngx_http_apievents_record_fill(spare);
    *session = &spare->session;

    return NGX_OK;
}


/* the first one, which stays where it is; one that was just used is in the
 * processor's cache */

static ngx_http_apievents_spare_t *
ngx_http_apievents_spare(void)
{
    ngx_http_apievents_spare_t  *spare;

    if (ngx_http_apievents_spares != NULL) {
        return ngx_http_apievents_spares;
    }

    spare = ngx_calloc(sizeof(ngx_http_apievents_spare_t), ngx_cycle->log);
    if (spare == NULL) {
        return NULL;
    }

    /* what no request changes */

    spare->session.record = &spare->u.record;
    spare->session.stale = 1;
    spare->session.rate.mode = AE_LIMIT_WINDOW;
    spare->session.quota.mode = AE_LIMIT_QUOTA;

    ngx_http_apievents_spares = spare;

    return spare;
}


void
ngx_http_apievents_record_release(ngx_http_apievents_session_t *session)
{
    ngx_http_apievents_spare_t  *spare;

    spare = (ngx_http_apievents_spare_t *) session;

    spare->next = ngx_http_apievents_spares;
    ngx_http_apievents_spares = spare;
}


void
ngx_http_apievents_records_free(void)
{
    ngx_http_apievents_spare_t  *spare;

    while (ngx_http_apievents_spares != NULL) {
        spare = ngx_http_apievents_spares;
        ngx_http_apievents_spares = spare->next;

        ngx_free(spare);
    }
}


static void
ngx_http_apievents_record_fill(ngx_http_apievents_spare_t *spare)
{
    ae_record_t                   *r;
    ngx_http_apievents_session_t  *session;

    r = &spare->u.record;
    session = &spare->session;

    session->rate.max = r->rate_max;
    session->rate.period = r->rate_period;
    session->quota.max = r->quota_max;
    session->quota.period = r->quota_period;
    session->limits_id = session->ref.id;
    session->quota_id = ngx_http_apievents_quota_id(session->limits_id);
    session->rate_id = ae_table_beside(session->quota_id);
    session->expires = r->expires;
    session->inactive = r->inactive;
    session->nrights = r->rights;

    *(ae_str_t *) &session->org = ae_record_org(r);
    *(ae_str_t *) &session->alias = ae_record_alias(r);
}


ae_str_t
ngx_http_apievents_record_make(ngx_http_apievents_store_conf_t *scf,
    const ae_session_ref_t *ref, ae_str_t text, uint64_t *buf)
{
    ae_str_t                       record;
    ae_session_ref_t               of;
    ngx_http_apievents_session_t  *session;

    record.len = 0;
    record.data = (u_char *) buf;

    of = *ref;
    of.len = text.len;
    of.version = 0;

    session = ngx_http_apievents_session_compile(scf, &of, text.data);
    if (session == NULL) {
        return record;
    }

    record = ngx_http_apievents_record_of(scf, session, buf);

    ngx_http_apievents_session_destroy(session);

    return record;
}


/* workers that end know other policies, of their configuration */

void
ngx_http_apievents_record_renew(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_session_t *session, u_char *text)
{
    ae_str_t                         record, s;
    uint64_t                         buf[NGX_HTTP_APIEVENTS_RECORD_WORDS];
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (session->policies == 0 || !scf->db.on || scf != &mcf->store
        || mcf->deliver.generation != scf->zone->generation)
    {
        return;
    }

    record = ngx_http_apievents_record_of(scf, session, buf);

    if (record.len == 0) {
        return;
    }

    s.data = text;
    s.len = session->ref.len;

    (void) ae_sessions_renew(scf->zone->sessions, &session->ref, record, s);
}


static ae_str_t
ngx_http_apievents_record_of(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_session_t *session, uint64_t *buf)
{
    ae_str_t      record;
    uint64_t      rights[NGX_HTTP_APIEVENTS_RECORD_RIGHTS];
    ngx_uint_t    i;
    ae_record_t  *r;

    r = (ae_record_t *) buf;
    record.len = 0;
    record.data = (u_char *) buf;

    if (ngx_http_apievents_record_holds(session)) {

        for (i = 0; i < session->nrights; i++) {
            rights[i] = ae_record_right(
                      ngx_http_apievents_api_hash(scf->zone,
                                                  &session->rights[i].api),
                      ngx_http_apievents_right_plain(&session->rights[i]));
        }

        r->inactive = session->inactive;
        r->policies = session->policies;
        r->expires = session->expires;
        r->rate_max = session->rate.max;
        r->rate_period = session->rate.period;
        r->quota_max = session->quota.max;
        r->quota_period = session->quota.period;

        if (ae_record_make(r, AE_SESSION_RECORD_MAX, rights, session->nrights,
                           *(ae_str_t *) &session->org,
                           *(ae_str_t *) &session->alias)
            == AE_OK)
        {
            record.len = r->len;
        }
    }

    return record;
}


/* a monitor of its own is read from the document */

static ngx_uint_t
ngx_http_apievents_record_holds(ngx_http_apievents_session_t *session)
{
    const ae_value_t  *v;

    if (session->broken || session->pattern.len != 0
        || session->nrights > NGX_HTTP_APIEVENTS_RECORD_RIGHTS)
    {
        return 0;
    }

    v = ae_value_get(ae_value_get(session->document, "monitor"),
                     "trigger_limits");

    return v == NULL || v->type != AE_ARRAY || v->count == 0;
}


/* those of policies are known only when they are applied */

size_t
ngx_http_apievents_record_most(const ae_value_t *session, ngx_uint_t policies)
{
    size_t             n, size;
    const ae_value_t  *rights, *org, *alias;

    if (policies) {
        return AE_SESSION_RECORD_MAX;
    }

    rights = ae_value_get(session, "access_rights");
    org = ae_value_get(session, "org_id");
    alias = ae_value_get(session, "alias");

    n = (rights != NULL) ? rights->count : 0;

    if (n > NGX_HTTP_APIEVENTS_RECORD_RIGHTS) {
        return 0;
    }

    size = ae_record_size(n, org ? org->s.len : 0, alias ? alias->s.len : 0);

    return (size > AE_SESSION_RECORD_MAX) ? 0 : size;
}


/* among all names of APIs that a session has, one in 2^63 is another's */

uint64_t
ngx_http_apievents_api_hash(ngx_http_apievents_zone_t *zone, ngx_str_t *api)
{
    ae_str_t  parts[2] = { ae_string("api:"), { 0, NULL } };

    parts[1] = *(ae_str_t *) api;

    return ae_hash(zone->secret, parts, 2).h[0];
}
