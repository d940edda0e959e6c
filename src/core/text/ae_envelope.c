/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/text/ae_json.h"


static ae_value_t *ae_envelope_meta(ae_arena_t *arena, const ae_event_t *ev);
static int ae_envelope_failure(const ae_event_t *ev);
static int ae_envelope_str(ae_arena_t *arena, ae_value_t *map, ae_str_t name,
    ae_str_t s);
static int ae_envelope_opt(ae_arena_t *arena, ae_value_t *map, ae_str_t name,
    ae_str_t s, int always);
static int ae_envelope_int(ae_arena_t *arena, ae_value_t *map, ae_str_t name,
    uint64_t n);
static int ae_envelope_flag(ae_arena_t *arena, ae_value_t *map, ae_str_t name,
    int flag);
static int ae_envelope_key_id(ae_arena_t *arena, ae_id_t id, ae_str_t *s);
static int ae_envelope_request(ae_arena_t *arena, ae_str_t request,
    ae_str_t *s);
static int ae_envelope_merge(ae_arena_t *arena, ae_value_t *map,
    ae_str_t json);
static ae_value_t *ae_envelope_own(ae_value_t *map, uint32_t n,
    ae_str_t name);


ae_value_t *
ae_envelope(ae_arena_t *arena, const ae_event_t *ev, uint64_t suppressed)
{
    ae_str_t     id, time, name;
    ae_value_t  *map, *meta;

    map = ae_value_map(arena);
    meta = ae_envelope_meta(arena, ev);
    name = ae_event_name(ev);

    id.len = AE_EVENT_ID_LEN;
    id.data = ae_arena_alloc(arena, AE_EVENT_ID_LEN);
    time.data = ae_arena_alloc(arena, AE_TIME_LEN);

    if (id.data == NULL || time.data == NULL) {
        return NULL;
    }

    ae_event_id(id.data, ev->id);
    time.len = ae_time_go(time.data, ev->time);

    if (ae_envelope_str(arena, map, ae_str("EventType"), name) != AE_OK
        || ae_value_set(map, ae_str("EventMetaData"), meta) != AE_OK
        || ae_envelope_str(arena, map, ae_str("TimeStamp"), time) != AE_OK
        || ae_envelope_str(arena, map, ae_str("Type"), name) != AE_OK
        || ae_value_share(arena, map, ae_str("Meta"), meta) != AE_OK
        || ae_envelope_str(arena, map, ae_str("ID"), id) != AE_OK
        || ae_envelope_str(arena, map, ae_str("APIID"), ev->api) != AE_OK
        || ae_envelope_str(arena, map, ae_str("OrgID"), ev->org) != AE_OK
        || ae_envelope_int(arena, map, ae_str("Sequence"), ev->sequence)
           != AE_OK
        || ae_envelope_int(arena, map, ae_str("Suppressed"), suppressed)
           != AE_OK)
    {
        return NULL;
    }

    return map;
}


int
ae_envelope_open(ae_arena_t *arena, ae_value_t *envelope,
    const ae_event_t *ev)
{
    ae_str_t           family, action;
    const ae_value_t  *v, *meta;

    if (ae_event_class(ae_event_name(ev), &family, &action)
        == AE_EVENT_OTHER)
    {
        return AE_OK;
    }

    meta = ae_value_get(envelope, "Meta");
    v = ae_value_get(meta, "event");

    /* a script may raise one with metadata of any kind */

    if (v == NULL || v->type != AE_STRING) {
        return AE_OK;
    }

    for (v = meta->first; v != NULL; v = v->next) {

        if (ae_value_find(envelope, v->name) == NULL
            && ae_value_share(arena, envelope, v->name, v) != AE_OK)
        {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static ae_value_t *
ae_envelope_meta(ae_arena_t *arena, const ae_event_t *ev)
{
    int          all;
    ae_str_t     key_id, request;
    ae_value_t  *map;

    map = ae_value_map(arena);
    all = ae_envelope_failure(ev);

    if (ae_envelope_key_id(arena, ev->key_id, &key_id) != AE_OK
        || ae_envelope_request(arena, ev->request, &request) != AE_OK)
    {
        return NULL;
    }

    if (ae_envelope_str(arena, map, ae_str("Message"), ev->message) != AE_OK
        || ae_envelope_opt(arena, map, ae_str("Path"), ev->path, all) != AE_OK
        || ae_envelope_opt(arena, map, ae_str("Origin"), ev->origin, all)
           != AE_OK
        || ae_envelope_opt(arena, map, ae_str("Key"), ev->key, all) != AE_OK
        || ae_envelope_opt(arena, map, ae_str("KeyID"), key_id, all) != AE_OK
        || ae_envelope_opt(arena, map, ae_str("KeyAlias"), ev->alias, all)
           != AE_OK
        || ae_envelope_str(arena, map, ae_str("OriginatingRequest"), request)
           != AE_OK
        || ae_envelope_opt(arena, map, ae_str("Reason"), ev->reason,
                           ev->type == AE_VERSION_FAILURE)
           != AE_OK
        || ae_envelope_flag(arena, map, ae_str("DryRun"), ev->dry_run)
           != AE_OK
        || ae_envelope_flag(arena, map, ae_str("OriginatingRequestCut"),
                            ev->request_cut)
           != AE_OK
        || ae_envelope_merge(arena, map, ev->meta) != AE_OK)
    {
        return NULL;
    }

    return map;
}


/* the events whose receivers find path, origin and key there, even if empty */

static int
ae_envelope_failure(const ae_event_t *ev)
{
    switch (ev->type) {

    case AE_QUOTA_EXCEEDED:
    case AE_RATELIMIT_EXCEEDED:
    case AE_AUTH_FAILURE:
    case AE_KEY_EXPIRED:
    case AE_VERSION_FAILURE:
    case AE_ORG_QUOTA_EXCEEDED:
    case AE_ORG_RATE_LIMIT_EXCEEDED:
        return 1;

    default:
        return 0;
    }
}


static int
ae_envelope_str(ae_arena_t *arena, ae_value_t *map, ae_str_t name, ae_str_t s)
{
    return ae_value_set(map, name, ae_value_str(arena, s));
}


static int
ae_envelope_opt(ae_arena_t *arena, ae_value_t *map, ae_str_t name, ae_str_t s,
    int always)
{
    if (s.len == 0 && !always) {
        return AE_OK;
    }

    return ae_envelope_str(arena, map, name, s);
}


static int
ae_envelope_int(ae_arena_t *arena, ae_value_t *map, ae_str_t name, uint64_t n)
{
    if (n > INT64_MAX) {
        n = INT64_MAX;
    }

    return ae_value_set(map, name, ae_value_int(arena, (int64_t) n));
}


static int
ae_envelope_flag(ae_arena_t *arena, ae_value_t *map, ae_str_t name, int flag)
{
    if (!flag) {
        return AE_OK;
    }

    return ae_value_set(map, name, ae_value_bool(arena, 1));
}


static int
ae_envelope_key_id(ae_arena_t *arena, ae_id_t id, ae_str_t *s)
{
    s->len = 0;
    s->data = NULL;

    if (id.h[0] == 0 && id.h[1] == 0) {
        return AE_OK;
    }

    s->data = ae_arena_alloc(arena, AE_HEX_LEN);
    if (s->data == NULL) {
        return AE_ERROR;
    }

    s->len = AE_HEX_LEN;
    ae_id_hex(s->data, id);

    return AE_OK;
}


static int
ae_envelope_request(ae_arena_t *arena, ae_str_t request, ae_str_t *s)
{
    s->len = 0;
    s->data = NULL;

    if (request.len == 0) {
        return AE_OK;
    }

    /* libcrypto counts in int */

    if (request.len > INT_MAX / 2) {
        return AE_ERROR;
    }

    s->len = (request.len + 2) / 3 * 4;

    s->data = ae_arena_alloc(arena, s->len + 1);
    if (s->data == NULL) {
        return AE_ERROR;
    }

    (void) EVP_EncodeBlock(s->data, request.data, (int) request.len);

    return AE_OK;
}


/*
 * Members of the event's own metadata replace those that are there under the
 * same name.  What is no JSON map is ignored.
 */

static int
ae_envelope_merge(ae_arena_t *arena, ae_value_t *map, ae_str_t json)
{
    int          rc;
    uint32_t     n;
    ae_error_t   err;
    ae_value_t  *meta, *v, *next, *own;

    if (json.len == 0) {
        return AE_OK;
    }

    rc = ae_json_read(arena, json, &meta, &err);
    if (rc != AE_OK) {
        return (rc == AE_DECLINED) ? AE_OK : rc;
    }

    if (meta->type != AE_MAP) {
        return AE_OK;
    }

    n = map->count;

    for (v = meta->first; v != NULL; v = next) {
        next = v->next;

        own = ae_envelope_own(map, n, v->name);

        if (own == NULL) {
            v->next = NULL;
            (void) ae_value_set(map, v->name, v);

        } else {
            v->next = own->next;
            *own = *v;
        }
    }

    return AE_OK;
}


/* only the first n are looked at: many members would cost their square */

static ae_value_t *
ae_envelope_own(ae_value_t *map, uint32_t n, ae_str_t name)
{
    uint32_t     i;
    ae_value_t  *v;

    v = map->first;

    for (i = 0; i < n; i++) {

        if (v->name.len == name.len
            && memcmp(v->name.data, name.data, name.len) == 0)
        {
            return v;
        }

        v = v->next;
    }

    return NULL;
}
