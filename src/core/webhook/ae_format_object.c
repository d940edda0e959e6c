/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Bodies of object and portal events, whose metadata is what happened to
 * which object, and by whom.
 */


#include <string.h>

#include "core/webhook/ae_format.h"


typedef struct {
    ae_arena_t              *arena;
    const ae_event_t        *event;
    ae_value_t              *meta;          /* a map, of its own metadata */
    ae_value_t              *body;
    ae_str_t                 family;
    ae_str_t                 action;
    ae_event_class_e         class;
} ae_format_object_t;


static int ae_format_begin(ae_format_object_t *o, ae_arena_t *arena,
    const ae_event_t *ev);
static int ae_format_member(ae_format_object_t *o, const char *name,
    ae_str_t otherwise);
static int ae_format_payload(ae_format_object_t *o, ae_str_t data);
static int ae_format_stamp(ae_format_object_t *o);


int
ae_format_callback(ae_buf_t *b, ae_arena_t *arena, const ae_event_t *ev,
    ae_str_t data)
{
    ae_str_t            event, none;
    ae_format_object_t  o;

    none.len = 0;
    none.data = NULL;

    if (ae_format_begin(&o, arena, ev) != AE_OK) {
        return AE_ERROR;
    }

    event = (o.class == AE_EVENT_OBJECT) ? ae_str("after")
                                         : ae_event_name(ev);

    if (ae_format_member(&o, "event", event) != AE_OK
        || ae_format_member(&o, "object", o.family) != AE_OK
        || ae_format_member(&o, "action", o.action) != AE_OK
        || ae_format_stamp(&o) != AE_OK
        || ae_format_member(&o, "user", none) != AE_OK
        || ae_format_payload(&o, data) != AE_OK
        || ae_format_member(&o, "previous", none) != AE_OK
        || ae_format_member(&o, "cut", none) != AE_OK)
    {
        return AE_ERROR;
    }

    ae_json_write(b, o.body);

    return AE_OK;
}


int
ae_format_portal(ae_buf_t *b, ae_arena_t *arena, const ae_event_t *ev,
    ae_str_t data)
{
    ae_str_t            name;
    ae_format_object_t  o;

    if (ae_format_begin(&o, arena, ev) != AE_OK) {
        return AE_ERROR;
    }

    /* "after" of an object event does not say what it is */

    name = ae_event_name(ev);

    if (ae_value_set(o.body, ae_str("event"), ae_value_str(arena, name))
        != AE_OK
        || ae_format_payload(&o, data) != AE_OK
        || ae_format_member(&o, "cut", (ae_str_t) { 0, NULL }) != AE_OK)
    {
        return AE_ERROR;
    }

    ae_json_write(b, o.body);

    return AE_OK;
}


static int
ae_format_begin(ae_format_object_t *o, ae_arena_t *arena,
    const ae_event_t *ev)
{
    ae_error_t  err;

    memset(o, 0, sizeof(ae_format_object_t));

    o->arena = arena;
    o->event = ev;
    o->class = ae_event_class(ae_event_name(ev), &o->family, &o->action);

    if (o->class == AE_EVENT_OTHER) {
        o->family.len = 0;
        o->action.len = 0;
    }

    o->body = ae_value_map(arena);

    if (o->body == NULL) {
        return AE_ERROR;
    }

    if (ev->meta.len == 0
        || ae_json_read(arena, ev->meta, &o->meta, &err) == AE_DECLINED
        || (o->meta != NULL && o->meta->type != AE_MAP))
    {
        o->meta = ae_value_map(arena);
    }

    return (o->meta == NULL) ? AE_ERROR : AE_OK;
}


/* as the metadata has it, or else the text, if there is any */

static int
ae_format_member(ae_format_object_t *o, const char *name, ae_str_t otherwise)
{
    ae_str_t           s;
    const ae_value_t  *v;

    s.data = (unsigned char *) name;
    s.len = strlen(name);

    v = ae_value_find(o->meta, s);

    if (v != NULL && o->class != AE_EVENT_OTHER) {
        return ae_value_share(o->arena, o->body, s, v);
    }

    if (otherwise.len == 0) {
        return AE_OK;
    }

    return ae_value_set(o->body, s, ae_value_str(o->arena, otherwise));
}


/* what a template made, or the object; of any other event all metadata */

static int
ae_format_payload(ae_format_object_t *o, ae_str_t data)
{
    int          rc;
    ae_error_t   err;
    ae_value_t  *v;

    if (data.len != 0) {
        rc = ae_json_read(o->arena, data, &v, &err);

        if (rc == AE_ERROR) {
            return AE_ERROR;
        }

        if (rc == AE_DECLINED) {
            v = ae_value_str(o->arena, data);
        }

        return ae_value_set(o->body, ae_str("data"), v);
    }

    v = NULL;

    if (o->class != AE_EVENT_OTHER) {
        v = ae_value_get(o->meta, "data");
    }

    if (v == NULL) {
        v = ae_envelope(o->arena, o->event, 0);

        if (v == NULL) {
            return AE_ERROR;
        }

        v = ae_value_get(v, "Meta");
    }

    return ae_value_share(o->arena, o->body, ae_str("data"), v);
}


static int
ae_format_stamp(ae_format_object_t *o)
{
    ae_str_t  time, id;

    time.data = ae_arena_alloc(o->arena, AE_TIME_LEN);
    id.data = ae_arena_alloc(o->arena, AE_EVENT_ID_LEN);

    if (time.data == NULL || id.data == NULL) {
        return AE_ERROR;
    }

    time.len = ae_time_rfc3339(time.data, o->event->time);
    id.len = AE_EVENT_ID_LEN;
    ae_event_id(id.data, o->event->id);

    if (ae_value_set(o->body, ae_str("timestamp"),
                     ae_value_str(o->arena, time))
        != AE_OK)
    {
        return AE_ERROR;
    }

    return ae_value_set(o->body, ae_str("id"), ae_value_str(o->arena, id));
}
