/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Event-driven callbacks (as in Sensedia): what one listens to and expects.
 */


#include "manage/manage_object.h"


static ngx_uint_t ngx_http_apievents_callback_word(u_char *p, u_char *end);


static const char *const  ngx_http_apievents_callback_objects[] = {
    "access-token", "api", "app", "developer", "plan", "system-config", NULL
};


int
ngx_http_apievents_callback_type(ae_str_t type, ae_str_t *when,
    ae_str_t *object)
{
    u_char  *dash;

    dash = ngx_strlchr(type.data, type.data + type.len, '-');

    if (dash == NULL) {
        return 0;
    }

    *when = (ae_str_t) { dash - type.data, type.data };
    *object = (ae_str_t) { type.len - when->len - 1, dash + 1 };

    return (ngx_http_apievents_str_is(*when, "before")
            || ngx_http_apievents_str_is(*when, "after"))
           && ngx_http_apievents_one_of(*object,
                                        ngx_http_apievents_callback_objects);
}


int
ngx_http_apievents_callback_statuses(const ae_value_t *v,
    ae_statuses_t *statuses)
{
    int          rc;
    ae_buf_t     b;
    ae_value_t  *item;

    ae_buf_init(&b, 4096);

    if (v->type == AE_ARRAY) {

        for (item = v->first; item != NULL; item = item->next) {

            if (item->type != AE_NUMBER && item->type != AE_STRING) {
                b.failed = 1;
                break;
            }

            ae_buf_puts(&b, b.len ? "," : "");
            ae_buf_put(&b, item->s.data, item->s.len);
        }

    } else if (v->type == AE_NUMBER || v->type == AE_STRING) {
        ae_buf_put(&b, v->s.data, v->s.len);

    } else {
        b.failed = 1;
    }

    rc = !b.failed && b.len != 0
         && ae_statuses_parse((ae_str_t) { b.len, b.data }, statuses)
            == AE_OK;

    ae_buf_free(&b);

    return rc;
}


int
ngx_http_apievents_callback_expects(const ae_value_t *callback,
    ngx_uint_t status)
{
    ae_statuses_t      statuses;
    const ae_value_t  *v;

    v = ae_value_get(callback, "expected_status");

    if (v == NULL) {
        return status >= 200 && status < 300;
    }

    return status != 0
           && ngx_http_apievents_callback_statuses(v, &statuses)
           && ae_statuses_has(&statuses, (uint32_t) status);
}


ngx_msec_t
ngx_http_apievents_callback_timeout(const ae_value_t *callback,
    ngx_msec_t otherwise)
{
    const ae_value_t  *v;

    v = ae_value_get(callback, "timeout");

    if (v == NULL || v->type != AE_NUMBER) {
        return otherwise;
    }

    return (ngx_msec_t) (v->number * 1000);
}


/* data NULL: all actions */

ae_str_t
ngx_http_apievents_callback_filter(const ae_value_t *callback)
{
    const ae_value_t  *v, *headers;

    headers = ae_value_get(callback, "headers");

    if (headers != NULL && headers->type == AE_MAP) {

        for (v = headers->first; v != NULL; v = v->next) {

            if (v->name.len == 6 && v->type == AE_STRING
                && ngx_strncasecmp(v->name.data, (u_char *) "action", 6) == 0)
            {
                return v->s;
            }
        }
    }

    return (ae_str_t) { 0, NULL };
}


/* bits of those that a filter names; 0: something in it is none */

ngx_uint_t
ngx_http_apievents_callback_actions(ae_str_t filter)
{
    u_char      *p, *last, *end;
    ngx_uint_t   word, actions;

    actions = 0;
    last = filter.data + filter.len;

    for (p = filter.data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');
        end = (end == NULL) ? last : end;

        word = ngx_http_apievents_callback_word(p, end);

        if (word == 0) {
            return 0;
        }

        actions |= word;
    }

    return actions;
}


/* as in Sensedia; without its last letter it means the same */

static ngx_uint_t
ngx_http_apievents_callback_word(u_char *p, u_char *end)
{
    ngx_uint_t  i;

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < end && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }

    if (end - p != 6 && end - p != 7) {
        return 0;
    }

    for (i = 0; i < 3; i++) {

        if (ngx_strncasecmp(p, ngx_http_apievents_actions[i].data, end - p)
            == 0)
        {
            return 1 << i;
        }
    }

    return 0;
}


int
ngx_http_apievents_callback_active(const ae_value_t *callback)
{
    const ae_value_t  *v;

    v = ae_value_get(callback, "active");

    return v == NULL || v->type != AE_BOOL || v->boolean;
}


int
ngx_http_apievents_callback_wants(const ae_value_t *callback,
    const char *when, const ngx_http_apievents_change_t *c,
    const ngx_str_t *user)
{
    ae_str_t           its_when, object, filter;
    const ae_value_t  *v;

    v = ae_value_get(callback, "type");

    if (v == NULL || v->type != AE_STRING
        || !ngx_http_apievents_callback_type(v->s, &its_when, &object)
        || !ngx_http_apievents_str_is(its_when, when)
        || object.len != c->type->object.len
        || ngx_memcmp(object.data, c->type->object.data, object.len) != 0)
    {
        return 0;
    }

    if (!ngx_http_apievents_callback_active(callback)) {
        return 0;
    }

    v = ae_value_get(callback, "except_user");

    if (v != NULL && v->type == AE_STRING && v->s.len == user->len
        && ngx_memcmp(v->s.data, user->data, user->len) == 0)
    {
        return 0;
    }

    filter = ngx_http_apievents_callback_filter(callback);

    return filter.data == NULL
           || (ngx_http_apievents_callback_actions(filter)
               & (1 << c->action));
}


ae_value_t *
ngx_http_apievents_callback_opened(ae_arena_t *arena, const ae_seal_t *seal,
    const ae_value_t *callback)
{
    ngx_str_t          path;
    const ae_value_t  *id;

    ngx_str_set(&path, "callbacks");
    id = ae_value_get(callback, "id");

    return ngx_http_apievents_opened(arena, seal,
                                     ngx_http_apievents_collection(&path),
                                     id->s, callback);
}


ae_id_t
ngx_http_apievents_callback_identity(ae_str_t id)
{
    u_char     text[NGX_HTTP_APIEVENTS_CALLBACK_LEN];
    ngx_str_t  endpoint;

    endpoint = ngx_http_apievents_callback_endpoint(id, text);

    return ngx_http_apievents_runtime_identity(&endpoint);
}


ngx_str_t
ngx_http_apievents_callback_endpoint(ae_str_t id, u_char *p)
{
    ngx_str_t  s;

    s.data = p;

    p = ngx_cpymem(p, "callback/", 9);
    p = ngx_cpymem(p, id.data, ngx_min(id.len, AE_DB_NAME));

    s.len = p - s.data;

    return s;
}
