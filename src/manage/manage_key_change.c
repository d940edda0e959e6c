/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A session is changed: a change as of any object, which the store's functions
 * for sessions write, so that the zone has it before anybody is told.
 */


#include <openssl/rand.h>

#include "manage/manage_keys.h"


#define NGX_HTTP_APIEVENTS_KEY_ORG     256      /* bytes of an org_id */


static ngx_int_t ngx_http_apievents_key_random(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_key_t *k);
static ngx_int_t ngx_http_apievents_key_decide(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_key_standing(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_key_t *k);
static ngx_int_t ngx_http_apievents_key_make(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k);
static ae_value_t *ngx_http_apievents_key_dated(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_key_t *k,
    const ae_value_t *previous);
static ae_value_t *ngx_http_apievents_key_object(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_key_t *k,
    const ae_value_t *session);
static ae_value_t *ngx_http_apievents_key_code(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k);
static ngx_int_t ngx_http_apievents_key_store(ngx_http_apievents_admin_t *a);
static void ngx_http_apievents_key_stored_done(void *data, ngx_int_t rc);
static ngx_int_t ngx_http_apievents_key_changed(
    ngx_http_apievents_admin_t *a);


/* its object is the access-token of callbacks; an organisation's has none */

static const ngx_http_apievents_collection_t
    ngx_http_apievents_key_types[] =
{
    { .path = ae_string("keys"), .name = ae_string("key"),
      .object = ae_string("access-token") },
    { .path = ae_string("org/keys"), .name = ae_string("org"),
      .object = ae_string("") }
};


ngx_int_t
ngx_http_apievents_key_create(ngx_http_apievents_admin_t *a,
    const ae_value_t *session, ngx_http_apievents_admin_pt done)
{
    return ngx_http_apievents_key_generate(a, session, "Key generated.", done);
}


ngx_int_t
ngx_http_apievents_key_generate(ngx_http_apievents_admin_t *a,
    const ae_value_t *session, const char *message,
    ngx_http_apievents_admin_pt done)
{
    ngx_int_t                  rc;
    ngx_http_apievents_key_t  *k;

    rc = ngx_http_apievents_key_prepare(a, session, message, done, &k);

    return rc == NGX_DECLINED ? ngx_http_apievents_key_change(a, k) : rc;
}


ngx_int_t
ngx_http_apievents_key_prepare(ngx_http_apievents_admin_t *a,
    const ae_value_t *session, const char *message,
    ngx_http_apievents_admin_pt done, ngx_http_apievents_key_t **key)
{
    ngx_int_t                  rc;
    ngx_http_apievents_key_t  *k;

    rc = ngx_http_apievents_key_check(a, session, 0, "Unmarshalling failed");

    if (rc != NGX_DECLINED) {
        return rc;
    }

    k = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_key_t));
    if (k == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    k->session = session;
    k->action = "added";
    k->event = AE_TOKEN_CREATED;
    k->message = message;
    k->done = done;
    k->known = 1;
    k->created = 1;

    *key = k;

    return ngx_http_apievents_key_random(a, k);
}


/* as in Tyk */

static ngx_int_t
ngx_http_apievents_key_random(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    u_char            *p;
    ae_id_t            random;
    ae_str_t           org;
    const ae_value_t  *v;

    v = ae_value_get(k->session, "org_id");
    org = (v != NULL && v->type == AE_STRING) ? v->s : ae_str("");

    if (org.len > NGX_HTTP_APIEVENTS_KEY_ORG) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "\"org_id\" of at most 256 "
                                              "bytes is expected");
    }

    p = ae_arena_alloc(a->arena, org.len + AE_HEX_LEN);

    if (p == NULL
        || RAND_bytes((u_char *) &random, sizeof(ae_id_t)) != 1)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    k->key.data = p;
    k->key.len = org.len + AE_HEX_LEN;

    ae_id_hex(ngx_cpymem(p, org.data, org.len), random);

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_apievents_key_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *session, ngx_uint_t org, const char *malformed)
{
    u_char      *p, *last, text[512];
    ngx_int_t    rc;
    ae_error_t   err;

    if (session == NULL) {
        rc = NGX_ERROR;
        ngx_memzero(&err, sizeof(ae_error_t));
        ngx_sprintf((u_char *) err.text, "a JSON object is expected%Z");

    } else {
        rc = ngx_http_apievents_session_check(session, org, &err);
    }

    if (rc == NGX_OK) {
        return NGX_DECLINED;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "Failed to create key, keys "
                                              "must have at least one Access "
                                              "Rights record set.");
    }

    last = text + sizeof(text) - 1;
    p = ngx_slprintf(text, last, "%s: ", malformed);

    if (err.line != 0) {
        p = ngx_slprintf(p, last, "line %ui: ", (ngx_uint_t) err.line);
    }

    p = ngx_slprintf(p, last, "%s", err.text);
    *p = '\0';

    return ngx_http_apievents_admin_error(a->request, NGX_HTTP_BAD_REQUEST,
                                          (char *) text);
}


ngx_int_t
ngx_http_apievents_key_change(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    ae_id_t                       id;
    ae_buf_t                      b;
    ngx_int_t                     rc;
    ngx_http_apievents_change_t  *c;

    c = &k->change;
    k->update.key = k->key;

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_KEY_TEXT);
    rc = ngx_http_apievents_session_stored_text(&k->update, &b);
    ae_buf_free(&b);

    if (k->update.org) {
        k->id = k->key;

    } else {
        k->id.data = k->update.key_id;
        k->id.len = AE_HEX_LEN;

        /* of one that is not there it is what its credential says */

        if (rc == NGX_DECLINED
            && (k->known
                || ae_id_unhex(&id, *(ae_str_t *) &k->key) != AE_OK))
        {
            id = ae_key_id(*(ae_str_t *) &k->key);
        }

        if (rc == NGX_DECLINED) {
            ae_id_hex(k->id.data, id);
        }
    }

    c->type = &ngx_http_apievents_key_types[k->update.org];
    c->action = (k->session == NULL) ? NGX_HTTP_APIEVENTS_DELETED
                : (rc == NGX_DECLINED) ? NGX_HTTP_APIEVENTS_CREATED
                                       : NGX_HTTP_APIEVENTS_UPDATED;
    c->id = *(ae_str_t *) &k->id;
    c->decide = ngx_http_apievents_key_decide;

    if (!k->update.org && c->raise == NULL) {
        c->raise = ngx_http_apievents_key_raise;
    }

    c->store = ngx_http_apievents_key_store;

    return ngx_http_apievents_change(a, c);
}


static ngx_int_t
ngx_http_apievents_key_decide(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                  rc;
    ngx_http_apievents_key_t  *k;

    k = ngx_http_apievents_key_of(a);

    rc = ngx_http_apievents_key_standing(a, k);

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (k->absent != NULL && k->change.previous == NULL) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                              k->absent);
    }

    /* it may be another one by now */

    if (k->policies != NULL) {
        k->session = ngx_http_apievents_key_with(a->arena, k->change.previous,
                                                 k->policies);
        if (k->session == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (k->session != NULL
        && ngx_http_apievents_key_make(a, k) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (k->session == NULL) {
        k->told = k->change.previous;
    }

    if (k->change.previous != NULL) {
        k->change.previous = ngx_http_apievents_key_object(a, k,
                                                          k->change.previous);
        if (k->change.previous == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return NGX_DECLINED;
}


/* previous: what is there, with its secrets */

static ngx_int_t
ngx_http_apievents_key_standing(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    ngx_http_apievents_change_t     *c;
    ngx_http_apievents_main_conf_t  *mcf;

    c = &k->change;
    mcf = ngx_http_get_module_main_conf(a->request, ngx_http_apievents_module);

    if (ngx_http_apievents_key_stored(a, k, &c->previous) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!mcf->store.db.on) {
        c->expected = (c->previous != NULL) ? k->update.rev : 0;
    }

    /* one that the zone had no room for */

    if (c->previous == NULL && c->expected != 0) {
        c->previous = ae_value_map(a->arena);

        return (c->previous != NULL) ? NGX_OK : NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_key_stored(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k, ae_value_t **session)
{
    ae_buf_t    b;
    ae_str_t    text;
    ngx_int_t   rc;
    ae_error_t  err;

    *session = NULL;

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_KEY_TEXT);

    rc = ngx_http_apievents_session_stored_text(&k->update, &b);

    if (rc == NGX_OK) {
        text.data = b.data;
        text.len = b.len;

        *session = ae_json_parse(a->arena, text, &err);
        rc = (*session != NULL) ? NGX_OK : NGX_ERROR;
    }

    if (b.data != NULL) {
        ngx_explicit_memzero(b.data, b.len);
    }

    ae_buf_free(&b);

    return (rc == NGX_DECLINED) ? NGX_OK : rc;
}


/* what will be stored, and what of it may be shown */

static ngx_int_t
ngx_http_apievents_key_make(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    ae_value_t                   *session;
    const ae_value_t             *previous;
    ngx_http_apievents_change_t  *c;

    c = &k->change;
    previous = k->created ? NULL : c->previous;

    session = ngx_http_apievents_key_dated(a, k, previous);

    if (session != NULL && previous != NULL) {
        session = ngx_http_apievents_key_kept(a->arena, session, previous);
    }

    if (session == NULL
        || ngx_http_apievents_admin_json(a, session,
                                         NGX_HTTP_APIEVENTS_KEY_TEXT,
                                         &c->body)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    k->told = session;
    c->data = ngx_http_apievents_key_object(a, k, session);

    return (c->data != NULL) ? NGX_OK : NGX_ERROR;
}


static ae_value_t *
ngx_http_apievents_key_dated(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k, const ae_value_t *previous)
{
    u_char                    sec[NGX_TIME_T_LEN];
    ae_str_t                  updated;
    ae_value_t               *map;
    const ae_value_t         *v;
    static const char *const  dates[] = {
        "date_created", "last_updated", NULL
    };

    map = ae_value_map(a->arena);

    updated.data = sec;
    updated.len = ngx_sprintf(sec, "%T", ngx_time()) - sec;
    updated = ae_arena_dup(a->arena, updated);

    if (map == NULL || updated.data == NULL) {
        return NULL;
    }

    for (v = k->session->first; v != NULL; v = v->next) {

        if (!ngx_http_apievents_one_of(v->name, dates)
            && ae_value_share(a->arena, map, v->name, v) != AE_OK)
        {
            return NULL;
        }
    }

    v = previous ? ae_value_get(previous, "date_created") : NULL;

    if (v == NULL || v->type != AE_STRING) {
        v = ngx_http_apievents_admin_time(a->arena, k->change.wall);
    }

    if (v == NULL
        || ae_value_share(a->arena, map, ae_str("date_created"), v) != AE_OK
        || ae_value_set(map, ae_str("last_updated"),
                        ae_value_str(a->arena, updated))
           != AE_OK)
    {
        return NULL;
    }

    return map;
}


/* the access-token that callbacks know */

static ae_value_t *
ngx_http_apievents_key_object(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k, const ae_value_t *session)
{
    ae_value_t               *map, *shown;
    const ae_value_t         *v;
    static const char *const  own[] = { "id", "code", NULL };

    map = ae_value_map(a->arena);
    shown = ngx_http_apievents_key_shown(a->arena, session);

    if (map == NULL || shown == NULL
        || ae_value_set(map, ae_str("id"),
                        ae_value_str(a->arena, *(ae_str_t *) &k->id))
           != AE_OK
        || (k->known
            && ae_value_set(map, ae_str("code"),
                            ngx_http_apievents_key_code(a, k))
               != AE_OK))
    {
        return NULL;
    }

    for (v = shown->first; v != NULL; v = v->next) {

        if (!ngx_http_apievents_one_of(v->name, own)
            && ae_value_share(a->arena, map, v->name, v) != AE_OK)
        {
            return NULL;
        }
    }

    return map;
}


static ae_value_t *
ngx_http_apievents_key_code(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    u_char    mask[AE_MASK_LEN];
    ae_str_t  s;

    s.data = mask;
    s.len = ae_mask(mask, *(ae_str_t *) &k->key);
    s = ae_arena_dup(a->arena, s);

    return (s.data == NULL) ? NULL : ae_value_str(a->arena, s);
}


/* nobody else may have changed it since it was read */

static ngx_int_t
ngx_http_apievents_key_store(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                     rc;
    ngx_log_t                    *log;
    ngx_http_apievents_key_t     *k;
    ngx_http_apievents_update_t  *u;

    k = ngx_http_apievents_key_of(a);
    u = &k->update;
    log = a->request->connection->log;

    u->credential = k->known;
    u->expected = k->change.expected;
    u->done = ngx_http_apievents_key_stored_done;
    u->data = a;
    u->also = k->also;

    if (k->session != NULL) {
        u->text = *(ngx_str_t *) &k->change.body;
        rc = ngx_http_apievents_session_put(u, log);

    } else {

        /* a file's has no revision */

        if (u->expected == 0) {
            u->expected = AE_DB_ANY;
        }

        rc = ngx_http_apievents_session_delete(u, log);
    }

    if (rc == NGX_OK) {
        return ngx_http_apievents_admin_wait(a,
                                             ngx_http_apievents_key_changed);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              u->err.text);
    }

    return ngx_http_apievents_admin_error(a->request,
                                          NGX_HTTP_SERVICE_UNAVAILABLE,
                                          "the store has too much to do");
}


/* whether the caller still waits for it or not */

static void
ngx_http_apievents_key_stored_done(void *data, ngx_int_t rc)
{
    ngx_http_apievents_admin_t *a = data;

    ngx_http_apievents_key_t  *k;

    k = ngx_http_apievents_key_of(a);
    k->rc = rc;
    k->change.rev = k->update.rev;

    if (rc != NGX_OK) {
        ngx_http_apievents_admin_go(a);
        return;
    }

    ngx_http_apievents_change_made(a);
}


static ngx_int_t
ngx_http_apievents_key_changed(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_key_t  *k;

    k = ngx_http_apievents_key_of(a);

    switch (k->rc) {

    case NGX_OK:
        return k->done(a);

    case NGX_DECLINED:
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                              k->also == NULL
                                              ? "the key was changed by "
                                                "someone else meanwhile"
                                              : "it was changed by someone "
                                                "else meanwhile");

    case NGX_ABORT:
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              k->update.err.text);

    default:
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "the store cannot be written");
    }
}
