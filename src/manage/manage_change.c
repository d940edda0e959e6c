/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A change of a managed object.  What there is is read together with the
 * callbacks that have a say; these are asked one by one while nothing is
 * locked; then the change is written if nobody else has changed it meanwhile,
 * which the document's revision tells.
 */


#include "manage/manage_object.h"


static ngx_int_t ngx_http_apievents_change_name(
    ngx_http_apievents_admin_t *a);
static void ngx_http_apievents_change_read(ae_db_t *db, void *data);
static int ngx_http_apievents_change_previous(ae_db_t *db,
    ngx_http_apievents_admin_t *a);
static int ngx_http_apievents_change_what(ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_change_decide(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_change_seal(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_change_conflict(
    ngx_http_apievents_admin_t *a, const char *format);
static ngx_uint_t ngx_http_apievents_change_matches(ngx_http_request_t *r,
    uint64_t rev);
static int ngx_http_apievents_change_store(ae_db_t *db, void *data);
static void ngx_http_apievents_change_done(void *data);
static ngx_int_t ngx_http_apievents_change_answer(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_change_user(
    ngx_http_apievents_admin_t *a);


ngx_int_t
ngx_http_apievents_change(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_change_t *c)
{
    ae_now_t                         now;
    ngx_http_apievents_main_conf_t  *mcf;

    ae_now(&now);

    c->wall = now.wall;
    c->event = ngx_http_apievents_event_next(now.wall);
    a->change = c;

    if (ngx_http_apievents_change_name(a) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    mcf = ngx_http_get_module_main_conf(a->request, ngx_http_apievents_module);

    /* without a store there are no callbacks either */

    if (c->decide != NULL && !mcf->store.db.on) {
        return ngx_http_apievents_change_decide(a);
    }

    return ngx_http_apievents_admin_job(a, ngx_http_apievents_change_read,
                                        ngx_http_apievents_change_decide);
}


/* "app.created" */

static ngx_int_t
ngx_http_apievents_change_name(ngx_http_apievents_admin_t *a)
{
    u_char                       *p;
    const ae_str_t               *action;
    ngx_http_apievents_change_t  *c;

    c = a->change;
    action = &ngx_http_apievents_actions[c->action];

    p = ae_arena_alloc(a->arena, c->type->object.len + 1 + action->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    c->name.data = p;
    c->name.len = c->type->object.len + 1 + action->len;

    p = ngx_cpymem(p, c->type->object.data, c->type->object.len);
    *p++ = '.';
    ngx_memcpy(p, action->data, action->len);

    return NGX_OK;
}


static void
ngx_http_apievents_change_read(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    if (ae_db_read(db) != AE_OK) {
        return;
    }

    a->rc = ngx_http_apievents_change_previous(db, a);

    if (a->rc == AE_OK && a->change->type->object.len != 0) {
        a->rc = ngx_http_apievents_before_read(db, a);
    }

    ae_db_rollback(db);
}


static int
ngx_http_apievents_change_previous(ae_db_t *db, ngx_http_apievents_admin_t *a)
{
    int                           rc;
    ae_error_t                    err;
    ae_db_document_t              doc;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    rc = ae_db_document_get(db, c->type->name, c->id, a->arena, &doc);

    if (rc == AE_OK && c->decide != NULL) {
        c->expected = doc.rev;
        return AE_OK;
    }

    if (rc == AE_OK) {
        c->expected = doc.rev;
        c->previous = ae_json_parse(a->arena, doc.body, &err);

        rc = (c->previous == NULL) ? AE_ERROR : AE_OK;

    } else if (rc == AE_DECLINED) {
        c->expected = 0;
        c->previous = ngx_http_apievents_fixed_get(c->type, c->id, a->arena);
        c->fixed = (c->previous != NULL);

        rc = AE_OK;
    }

    return (rc == AE_OK) ? ngx_http_apievents_change_what(a) : rc;
}


/* Tyk's POST replaces what is there, and its PUT of a policy makes it */

static int
ngx_http_apievents_change_what(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_action_e   action;
    ngx_http_apievents_change_t  *c;

    c = a->change;
    action = c->action;

    if (c->type->tyk && c->previous != NULL
        && action == NGX_HTTP_APIEVENTS_CREATED)
    {
        action = NGX_HTTP_APIEVENTS_UPDATED;

    } else if (c->type->put && c->previous == NULL
               && action == NGX_HTTP_APIEVENTS_UPDATED)
    {
        action = NGX_HTTP_APIEVENTS_CREATED;
    }

    if (action == c->action) {
        return AE_OK;
    }

    c->action = action;

    return ngx_http_apievents_change_name(a) == NGX_OK ? AE_OK : AE_ERROR;
}


static ngx_int_t
ngx_http_apievents_change_decide(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                     rc;
    ngx_http_apievents_admin_pt   settle;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    if (c->decide != NULL) {
        rc = c->decide(a);

        if (rc != NGX_DECLINED) {
            return rc;
        }

    } else if (c->action == NGX_HTTP_APIEVENTS_CREATED) {

        if (c->previous != NULL) {
            return ngx_http_apievents_change_conflict(a, "there is one of id "
                                                      "\"%V\" already");
        }

    } else if (c->previous == NULL) {
        return ngx_http_apievents_object_none(a, c->type);
    }

    if (c->fixed
        && (c->type->bound || c->action == NGX_HTTP_APIEVENTS_DELETED))
    {
        return ngx_http_apievents_change_conflict(a, "\"%V\" is of the "
                                                  "configuration, which has "
                                                  "to be changed there");
    }

    if (c->outer == NULL
        && !ngx_http_apievents_change_matches(a->request, c->expected))
    {
        return ngx_http_apievents_change_conflict(a, "If-Match: \"%V\" was "
                                                  "changed meanwhile");
    }

    settle = (c->settle != NULL) ? c->settle : c->type->settle;
    rc = (settle != NULL) ? settle(a) : NGX_DECLINED;

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return (c->data != NULL && c->type->sealed)
           ? ngx_http_apievents_change_seal(a)
           : ngx_http_apievents_before(a);
}


/* not sooner: a secret that is masked stays what it is */

static ngx_int_t
ngx_http_apievents_change_seal(ngx_http_apievents_admin_t *a)
{
    ae_error_t                    err;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    ngx_memzero(&err, sizeof(ae_error_t));

    c->data = ngx_http_apievents_sealed(a, c->type, c->id, c->data,
                                        c->previous, &err);

    if (c->data != NULL) {
        return ngx_http_apievents_before(a);
    }

    return (err.text[0] == '\0')
           ? NGX_HTTP_INTERNAL_SERVER_ERROR
           : ngx_http_apievents_object_bad(a,
                                 NGX_HTTP_APIEVENTS_UNPROCESSABLE, &err);
}


static ngx_int_t
ngx_http_apievents_change_conflict(ngx_http_apievents_admin_t *a,
    const char *format)
{
    u_char  *p, text[NGX_HTTP_APIEVENTS_OBJECT_ID + 128];

    p = ngx_snprintf(text, sizeof(text) - 1, format,
                     (ngx_str_t *) &a->change->id);
    *p = '\0';

    return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                          (char *) text);
}


/* RFC 9110, 13.1.1; tags are strong ones */

static ngx_uint_t
ngx_http_apievents_change_matches(ngx_http_request_t *r, uint64_t rev)
{
    u_char            tag[NGX_INT64_LEN + 2];
    ngx_str_t         value, s;
    static ngx_str_t  name = ngx_string("if-match");

    if (ngx_http_apievents_header_value(r, &name, &value) != NGX_OK) {
        return 1;
    }

    if (value.len == 1 && value.data[0] == '*') {
        return rev != 0;
    }

    s.data = tag;
    s.len = ngx_sprintf(tag, "\"%uL\"", rev) - tag;

    return rev != 0
           && ngx_strlcasestrn(value.data, value.data + value.len, s.data,
                               s.len - 1)
              != NULL;
}


ngx_int_t
ngx_http_apievents_change_write(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_change_t  *c;

    c = a->change;

    if (c->store != NULL) {
        return c->store(a);
    }

    if (c->data != NULL
        && ngx_http_apievents_admin_json(a, c->data, AE_DB_BODY, &c->body)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_write(a, c->body.len,
                                          ngx_http_apievents_change_store,
                                          ngx_http_apievents_change_done,
                                          ngx_http_apievents_change_answer);
}


/* a conflict is an answer of its own, so that it is no AE_DECLINED */

static int
ngx_http_apievents_change_store(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    return ngx_http_apievents_change_put(db, a->change);
}


int
ngx_http_apievents_change_put(ae_db_t *db, ngx_http_apievents_change_t *c)
{
    int               rc;
    ae_db_document_t  doc;

    if (c->data == NULL) {
        rc = ae_db_document_delete(db, c->type->name, c->id, c->expected,
                                   c->wall, &c->rev);

    } else {
        ngx_memzero(&doc, sizeof(ae_db_document_t));

        doc.collection = c->type->name;
        doc.id = c->id;
        doc.updated = c->wall;
        doc.body = c->body;

        if (c->type->zone
            && (c->body.len > NGX_HTTP_APIEVENTS_ZONE_BODY
                || !ngx_http_apievents_write_room(c->body.len)))
        {
            c->refused = "no room for it in api_zone";
            return AE_OK;
        }

        rc = ae_db_document_put(db, &doc, c->expected);
        c->rev = doc.rev;
    }

    if (rc == AE_DECLINED) {
        c->rev = 0;
        rc = AE_OK;
    }

    return rc;
}


static void
ngx_http_apievents_change_done(void *data)
{
    ngx_http_apievents_admin_t *a = data;

    ngx_http_apievents_change_t  *c;

    c = a->change;

    if (a->rc != AE_OK || c->rev == 0) {
        ngx_http_apievents_admin_go(a);
        return;
    }

    ngx_http_apievents_change_made(a);
}


void
ngx_http_apievents_change_made(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_change_t  *c;

    c = a->change;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "%*s \"%V\" is %*s by %V", c->type->name.len,
                  c->type->name.data, (ngx_str_t *) &c->id,
                  ngx_http_apievents_actions[c->action].len,
                  ngx_http_apievents_actions[c->action].data,
                  &a->user->name);

    ngx_http_apievents_after(a);
}


static ngx_int_t
ngx_http_apievents_change_answer(ngx_http_apievents_admin_t *a)
{
    if (a->change->refused != NULL) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              a->change->refused);
    }

    if (a->change->rev == 0) {
        return ngx_http_apievents_change_conflict(a, "\"%V\" was changed by "
                                                  "someone else meanwhile");
    }

    return a->change->answer(a);
}


ae_value_t *
ngx_http_apievents_change_document(ngx_http_apievents_admin_t *a,
    const char *when)
{
    ae_str_t                      event;
    ae_value_t                   *map;
    ngx_http_apievents_change_t  *c;

    c = a->change;
    map = ae_value_map(a->arena);

    event.data = (u_char *) when;
    event.len = ngx_strlen(when);

    if (map == NULL
        || ae_value_set(map, ae_str("event"),
                        ae_value_str(a->arena, event)) != AE_OK
        || ae_value_set(map, ae_str("object"),
                        ae_value_str(a->arena, c->type->object)) != AE_OK
        || ae_value_set(map, ae_str("action"),
                        ae_value_str(a->arena,
                                     ngx_http_apievents_actions[c->action]))
           != AE_OK
        || ae_value_set(map, ae_str("timestamp"),
                        ngx_http_apievents_admin_time(a->arena, c->wall))
           != AE_OK
        || ae_value_set(map, ae_str("id"),
                        ngx_http_apievents_admin_event(a->arena, c->event))
           != AE_OK
        || ae_value_set(map, ae_str("user"),
                        ngx_http_apievents_change_user(a)) != AE_OK
        || ae_value_share(a->arena, map, ae_str("data"),
                          ngx_http_apievents_shown(a, c->type,
                                                   c->data ? c->data
                                                           : c->previous))
           != AE_OK)
    {
        return NULL;
    }

    if (c->previous != NULL
        && ae_value_share(a->arena, map, ae_str("previous"),
                          ngx_http_apievents_shown(a, c->type, c->previous))
           != AE_OK)
    {
        return NULL;
    }

    return map;
}


static ae_value_t *
ngx_http_apievents_change_user(ngx_http_apievents_admin_t *a)
{
    ae_str_t     role;
    ae_value_t  *map;

    role = *(ae_str_t *) ngx_http_apievents_role_name(a->user->role);
    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("name"),
                        ae_value_str(a->arena, *(ae_str_t *) &a->user->name))
           != AE_OK
        || ae_value_set(map, ae_str("role"), ae_value_str(a->arena, role))
           != AE_OK)
    {
        return NULL;
    }

    return map;
}
