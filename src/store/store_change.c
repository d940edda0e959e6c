/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions changed at run time: checked in the event loop, written by the
 * store's thread, in the zone before anybody is told.  Without a store the
 * zone has them at once.
 */


#include "apievents.h"
#include "store/sqlite/sqlite.h"
#include "store/store_private.h"


/* one that is under way */

typedef struct {
    ngx_http_apievents_write_t    write;
    ngx_http_apievents_ask_t      ask;
    ngx_event_t                   event;        /* without a store */
    ngx_http_apievents_update_t  *change;       /* NULL: nobody waits */
    ae_session_ref_t              ref;
    ae_str_t                      collection;
    ae_str_t                      id;
    ae_buf_t                      text;
    ngx_int_t                     rc;
    unsigned                      full:1;       /* err tells */
    unsigned                      past:1;       /* another one came after */
    unsigned                      named:1;      /* ref.id is a credential's */
    u_char                        hex[AE_HEX_LEN];
} ngx_http_apievents_changing_t;


static ngx_http_apievents_changing_t *ngx_http_apievents_change_make(
    ngx_http_apievents_update_t *c, ngx_log_t *log);
static void ngx_http_apievents_change_free(
    ngx_http_apievents_changing_t *ch);
static ngx_int_t ngx_http_apievents_change_ref(
    ngx_http_apievents_main_conf_t *mcf, ngx_http_apievents_changing_t *ch,
    ngx_uint_t create);
static void ngx_http_apievents_change_name(
    ngx_http_apievents_changing_t *ch);
static ngx_int_t ngx_http_apievents_change_write(
    ngx_http_apievents_main_conf_t *mcf, ngx_http_apievents_changing_t *ch,
    ngx_log_t *log);
static int ngx_http_apievents_change_put(ae_db_t *db, void *data);
static ngx_uint_t ngx_http_apievents_change_past(
    ngx_http_apievents_changing_t *ch);
static int ngx_http_apievents_change_delete(ae_db_t *db, void *data);
static int ngx_http_apievents_change_bury(ae_db_t *db,
    ngx_http_apievents_changing_t *ch);
static void ngx_http_apievents_change_look(ae_db_t *db, void *data);
static void ngx_http_apievents_change_looked(void *data);
static int ngx_http_apievents_change_full(ngx_http_apievents_changing_t *ch,
    const char *text);
static void ngx_http_apievents_change_done(void *data, ngx_int_t rc);
static void ngx_http_apievents_change_zone(
    ngx_http_apievents_main_conf_t *mcf, ngx_http_apievents_changing_t *ch);
static ngx_int_t ngx_http_apievents_change_standing(
    ngx_http_apievents_zone_t *zone, ngx_http_apievents_changing_t *ch);
static void ngx_http_apievents_change_event(ngx_event_t *ev);


ngx_int_t
ngx_http_apievents_session_put(ngx_http_apievents_update_t *c, ngx_log_t *log)
{
    ngx_http_apievents_changing_t   *ch;
    ngx_http_apievents_main_conf_t  *mcf;

    ch = ngx_http_apievents_change_make(c, log);
    if (ch == NULL) {
        return NGX_BUSY;
    }

    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL
        || ngx_http_apievents_change_ref(mcf, ch, 1) != NGX_OK
        || ngx_http_apievents_text_make(mcf, &c->text, c->org, c->reset,
                                        &ch->text, &c->err)
           != NGX_OK)
    {
        ngx_http_apievents_change_free(ch);
        return NGX_DECLINED;
    }

    ch->write.work = ngx_http_apievents_change_put;
    ch->write.size = ch->text.len + sizeof(ngx_http_apievents_changing_t);

    return ngx_http_apievents_change_write(mcf, ch, log);
}


ngx_int_t
ngx_http_apievents_session_delete(ngx_http_apievents_update_t *c,
    ngx_log_t *log)
{
    ngx_http_apievents_changing_t   *ch;
    ngx_http_apievents_main_conf_t  *mcf;

    ch = ngx_http_apievents_change_make(c, log);
    if (ch == NULL) {
        return NGX_BUSY;
    }

    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL || ngx_http_apievents_change_ref(mcf, ch, 0) != NGX_OK) {
        ngx_http_apievents_change_free(ch);
        return NGX_DECLINED;
    }

    ch->write.work = ngx_http_apievents_change_delete;
    ch->write.size = sizeof(ngx_http_apievents_changing_t);

    return ngx_http_apievents_change_write(mcf, ch, log);
}


ngx_int_t
ngx_http_apievents_session_look(ngx_http_apievents_update_t *c, ngx_log_t *log)
{
    ngx_int_t                        rc;
    ngx_http_apievents_changing_t   *ch;
    ngx_http_apievents_main_conf_t  *mcf;

    ch = ngx_http_apievents_change_make(c, log);
    if (ch == NULL) {
        return NGX_BUSY;
    }

    mcf = ngx_http_apievents_text_conf();

    if (mcf == NULL || ngx_http_apievents_change_ref(mcf, ch, 0) != NGX_OK) {
        ngx_http_apievents_change_free(ch);
        return NGX_DECLINED;
    }

    c->rev = 0;
    c->created = 0;
    c->updated = 0;

    ch->ask.work = ngx_http_apievents_change_look;
    ch->ask.done = ngx_http_apievents_change_looked;
    ch->ask.data = ch;
    ch->rc = NGX_ERROR;

    rc = ngx_http_apievents_store_ask(&ch->ask, log);

    if (rc == NGX_DECLINED) {
        ch->rc = ngx_http_apievents_change_standing(mcf->store.zone, ch);
        c->rev = ch->ref.version;

        ngx_post_event(&ch->event, &ngx_posted_events);
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        ngx_http_apievents_change_free(ch);
    }

    return rc;
}


ngx_int_t
ngx_http_apievents_change_later(ae_session_ref_t *ref, ae_str_t text,
    ngx_log_t *log)
{
    ngx_int_t                        rc;
    ngx_http_apievents_changing_t   *ch;

    ch = ngx_http_apievents_change_make(NULL, log);
    if (ch == NULL) {
        return NGX_BUSY;
    }

    ch->ref = *ref;
    ngx_http_apievents_change_name(ch);

    ae_buf_init(&ch->text, NGX_HTTP_APIEVENTS_SESSION_MAX);
    ae_buf_put(&ch->text, text.data, text.len);

    ch->write.work = ngx_http_apievents_change_put;
    ch->write.size = text.len + sizeof(ngx_http_apievents_changing_t);
    ch->write.version = ref->version;

    rc = ch->text.failed ? NGX_BUSY
                         : ngx_http_apievents_store_write(&ch->write, log);

    if (rc != NGX_OK) {
        ngx_http_apievents_change_free(ch);
        return NGX_BUSY;
    }

    return NGX_OK;
}


static ngx_http_apievents_changing_t *
ngx_http_apievents_change_make(ngx_http_apievents_update_t *c, ngx_log_t *log)
{
    ngx_http_apievents_changing_t  *ch;

    ch = ngx_calloc(sizeof(ngx_http_apievents_changing_t), log);
    if (ch == NULL) {
        return NULL;
    }

    ch->change = c;
    ch->write.done = ngx_http_apievents_change_done;
    ch->write.data = ch;

    ch->event.handler = ngx_http_apievents_change_event;
    ch->event.data = ch;
    ch->event.log = ngx_cycle->log;

    if (c != NULL) {
        ngx_memzero(&c->err, sizeof(ae_error_t));
    }

    return ch;
}


/* the text may have secrets */

static void
ngx_http_apievents_change_free(ngx_http_apievents_changing_t *ch)
{
    if (ch->text.data != NULL) {
        ngx_explicit_memzero(ch->text.data, ch->text.len);
    }

    ae_buf_free(&ch->text);
    ngx_free(ch);
}


static ngx_int_t
ngx_http_apievents_change_ref(ngx_http_apievents_main_conf_t *mcf,
    ngx_http_apievents_changing_t *ch, ngx_uint_t create)
{
    ae_id_t                       id;
    ngx_http_apievents_zone_t    *zone;
    ngx_http_apievents_update_t  *c;

    c = ch->change;
    zone = mcf->store.zone;

    if (c->org) {

        if (c->key.len == 0 || c->key.len > AE_DB_NAME) {
            return ngx_http_apievents_text_error(&c->err,
                           "an organisation of 1 to 256 bytes is expected");
        }

        ch->collection = ae_str("org");
        ch->id = *(ae_str_t *) &c->key;
        ch->ref.id = ngx_http_apievents_org_id(zone, &c->key);
        ch->ref.key_id = ngx_http_apievents_key_id_of_org(zone, ch->ref.id);

        return NGX_OK;
    }

    if (ngx_http_apievents_text_find(zone, &c->key, &ch->ref) != NGX_OK) {

        /* there is none; one that the zone had no room for has a KeyID too */

        if (ae_id_unhex(&id, *(ae_str_t *) &c->key) == AE_OK && !create) {
            ch->ref.id = id;
            ch->ref.key_id = id;

        } else if (create && c->credential && c->key.len == AE_HEX_LEN) {
            ch->ref.id = ngx_http_apievents_credential_id(zone, &c->key);
            ch->ref.key_id = ae_key_id(*(ae_str_t *) &c->key);

        } else if (ngx_http_apievents_text_new(zone, &c->key, &ch->ref,
                                               &c->err)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ch->named = !ae_id_equal(ch->ref.id, ch->ref.key_id);

    ngx_http_apievents_change_name(ch);
    ngx_memcpy(c->key_id, ch->hex, AE_HEX_LEN);

    return NGX_OK;
}


static void
ngx_http_apievents_change_name(ngx_http_apievents_changing_t *ch)
{
    ae_id_hex(ch->hex, ch->ref.key_id);

    ch->collection = ae_str("key");
    ch->id.data = ch->hex;
    ch->id.len = AE_HEX_LEN;
}


static ngx_int_t
ngx_http_apievents_change_write(ngx_http_apievents_main_conf_t *mcf,
    ngx_http_apievents_changing_t *ch, ngx_log_t *log)
{
    ngx_int_t  rc;

    rc = ngx_http_apievents_store_write(&ch->write, log);

    if (rc == NGX_DECLINED) {
        ngx_http_apievents_change_zone(mcf, ch);
        ngx_post_event(&ch->event, &ngx_posted_events);
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        ngx_http_apievents_change_free(ch);
    }

    return rc;
}


/* ---- in the thread ---- */

static int
ngx_http_apievents_change_put(ae_db_t *db, void *data)
{
    ngx_http_apievents_changing_t *ch = data;

    int               rc;
    ae_now_t          now;
    ae_db_document_t  doc;

    if (ch->change == NULL && ngx_http_apievents_change_past(ch)) {
        ch->past = 1;
        return AE_DECLINED;
    }

    /* of a script's the zone has it already, and takes no room anew */

    if (ch->change != NULL && !ngx_http_apievents_write_room(ch->text.len)) {
        return ngx_http_apievents_change_full(ch,
                                        "no room in api_zone for a session");
    }

    ae_now(&now);

    doc.collection = ch->collection;
    doc.id = ch->id;
    doc.updated = now.wall;
    doc.body.data = ch->text.data;
    doc.body.len = ch->text.len;

    rc = ae_db_document_put(db, &doc, ch->change ? ch->change->expected
                                                 : AE_DB_ANY);

    if (rc == AE_FULL) {
        return ngx_http_apievents_change_full(ch, "the session is too long");
    }

    if (rc == AE_OK) {
        ch->write.rev = doc.rev;
    }

    if (rc == AE_OK && ch->change != NULL) {
        ch->change->rev = doc.rev;
        ch->change->created = doc.created;
        ch->change->updated = doc.updated;

        if (ch->change->also != NULL) {
            rc = ch->change->also(db, ch->change->data);
        }
    }

    return rc;
}


/*
 * Of what was in the zone before it is written, the zone has the right order:
 * what was put there after it, by whomever, is written as well, or is already.
 */

static ngx_uint_t
ngx_http_apievents_change_past(ngx_http_apievents_changing_t *ch)
{
    ae_session_ref_t                 ref;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    return ae_sessions_find(mcf->store.zone->sessions, ch->ref.key_id, &ref)
           != AE_OK
           || ref.version != ch->write.version;
}


static int
ngx_http_apievents_change_delete(ae_db_t *db, void *data)
{
    ngx_http_apievents_changing_t *ch = data;

    int       rc;
    ae_now_t  now;

    ae_now(&now);

    rc = ae_db_document_delete(db, ch->collection, ch->id,
                               ch->change->expected, now.wall,
                               &ch->change->rev);

    if (rc == AE_DECLINED && ch->change->expected == AE_DB_ANY) {
        rc = ngx_http_apievents_change_bury(db, ch);
    }

    return rc;
}


/* what only the zone has, as it is a file's: the log has to tell of it */

static int
ngx_http_apievents_change_bury(ae_db_t *db, ngx_http_apievents_changing_t *ch)
{
    int                              rc;
    ae_now_t                         now;
    ae_db_document_t                 doc;
    ae_session_ref_t                 ref;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (ae_sessions_find(mcf->store.zone->sessions, ch->ref.key_id, &ref)
        != AE_OK
        || ref.source == AE_SESSION_GONE)
    {
        return AE_DECLINED;
    }

    ae_now(&now);

    doc.collection = ch->collection;
    doc.id = ch->id;
    doc.updated = now.wall;
    doc.body = ae_str("{}");

    rc = ae_db_document_put(db, &doc, 0);

    return (rc == AE_OK)
           ? ae_db_document_delete(db, ch->collection, ch->id, doc.rev,
                                   now.wall, &ch->change->rev)
           : rc;
}


static void
ngx_http_apievents_change_look(ae_db_t *db, void *data)
{
    ngx_http_apievents_changing_t *ch = data;

    int                rc;
    ae_arena_t        *arena;
    ae_db_document_t   doc;

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return;
    }

    rc = ae_db_document_get(db, ch->collection, ch->id, arena, &doc);

    if (rc == AE_OK) {
        ch->change->rev = doc.rev;
        ch->change->created = doc.created;
        ch->change->updated = doc.updated;
    }

    ch->rc = (rc == AE_OK) ? NGX_OK : (rc == AE_DECLINED) ? NGX_DECLINED
                                                          : NGX_ERROR;
    ae_arena_destroy(arena);
}


static int
ngx_http_apievents_change_full(ngx_http_apievents_changing_t *ch,
    const char *text)
{
    ch->full = 1;

    if (ch->change != NULL) {
        (void) ngx_http_apievents_text_error(&ch->change->err, text);
    }

    return AE_DECLINED;
}


/* ---- in the event loop ---- */

static void
ngx_http_apievents_change_looked(void *data)
{
    ngx_http_apievents_changing_t *ch = data;

    ngx_int_t                        rc;
    ngx_http_apievents_update_t     *c;
    ngx_http_apievents_main_conf_t  *mcf;

    c = ch->change;
    rc = ch->rc;

    if (rc == NGX_DECLINED) {
        mcf = ngx_http_apievents_text_conf();
        rc = ngx_http_apievents_change_standing(mcf->store.zone, ch);
    }

    ngx_http_apievents_change_free(ch);

    c->done(c->data, rc);
}


static void
ngx_http_apievents_change_done(void *data, ngx_int_t rc)
{
    ngx_http_apievents_changing_t *ch = data;

    ngx_http_apievents_zone_t       *zone;
    ngx_http_apievents_update_t     *c;
    ngx_http_apievents_main_conf_t  *mcf;

    c = ch->change;
    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    zone = mcf->store.zone;

    if (rc == NGX_OK && ch->named) {
        (void) ae_sessions_name(zone->sessions, ch->ref.key_id, ch->ref.id);
    }

    if (rc == NGX_OK && c != NULL && c->reset && ch->text.len != 0) {
        ngx_http_apievents_text_reset(mcf, ch->ref.id);
    }

    if (rc != NGX_OK && c == NULL && !ch->past) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "a session that a script has set is not stored: %s",
                      ch->full ? "no room in api_zone" : "the store failed");
    }

    if (rc == NGX_DECLINED && ch->full) {
        rc = NGX_ABORT;
    }

    ngx_http_apievents_change_free(ch);

    if (c != NULL) {
        c->done(c->data, rc);
    }
}


/* without a store: as if it was done, and who waits is told later */

static void
ngx_http_apievents_change_zone(ngx_http_apievents_main_conf_t *mcf,
    ngx_http_apievents_changing_t *ch)
{
    ae_str_t                    text, record;
    uint64_t                    expected;
    uint64_t                    buf[NGX_HTTP_APIEVENTS_RECORD_WORDS];
    ngx_http_apievents_zone_t  *zone;

    zone = mcf->store.zone;
    expected = ch->change->expected;
    ch->rc = ngx_http_apievents_change_standing(zone, ch);

    if (expected != AE_DB_ANY
        && expected != ((ch->rc == NGX_OK) ? ch->ref.version : 0))
    {
        ch->rc = NGX_DECLINED;
        return;
    }

    if (ch->write.work == ngx_http_apievents_change_delete) {

        if (ch->rc == NGX_OK) {
            (void) ae_sessions_delete(zone->sessions, ch->ref.key_id, 0, 0);
        }

        return;
    }

    ch->ref.source = AE_SESSION_API;
    text.data = ch->text.data;
    text.len = ch->text.len;
    record = ngx_http_apievents_record_make(&mcf->store, &ch->ref, text, buf);

    ch->rc = NGX_OK;

    if (ae_sessions_put_record(zone->sessions, &ch->ref, record, text)
        != AE_OK)
    {
        (void) ngx_http_apievents_change_full(ch,
                                        "no room in api_zone for a session");
        ch->rc = NGX_DECLINED;
    }

    ch->change->rev = ch->ref.version;
}


static ngx_int_t
ngx_http_apievents_change_standing(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_changing_t *ch)
{
    ae_session_ref_t  ref;

    if (ae_sessions_find(zone->sessions, ch->ref.key_id, &ref) != AE_OK
        || ref.source == AE_SESSION_GONE)
    {
        return NGX_DECLINED;
    }

    ch->ref.version = ref.version;

    return NGX_OK;
}


static void
ngx_http_apievents_change_event(ngx_event_t *ev)
{
    ngx_http_apievents_changing_t *ch = ev->data;

    if (ch->ask.done != NULL) {
        ch->ask.done(ch);
        return;
    }

    ngx_http_apievents_change_done(ch, ch->rc);
}
