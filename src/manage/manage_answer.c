/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Answers of the management API: JSON, never stored by a cache.
 */


#include "manage/manage_private.h"


ngx_int_t
ngx_http_apievents_admin_answer(ngx_http_request_t *r, ngx_uint_t status,
    const ae_value_t *document)
{
    ae_buf_t   b;
    ngx_int_t  rc;

    if (document == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_ADMIN_MAX);

    ae_json_write(&b, document);
    ae_buf_puts(&b, "\n");

    rc = ngx_http_apievents_manage_send(r, status, "application/json", &b);

    ae_buf_free(&b);

    return rc;
}


ngx_int_t
ngx_http_apievents_admin_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *message)
{
    ae_buf_t   b;
    ae_str_t   s;
    ngx_int_t  rc;

    ae_buf_init(&b, 65536);

    s.data = (u_char *) message;
    s.len = ngx_strlen(message);

    ae_buf_puts(&b, "{\"status\":\"error\",\"message\":\"");
    ae_json_escape(&b, s, 0);
    ae_buf_puts(&b, "\"}\n");

    rc = ngx_http_apievents_manage_send(r, status, "application/json", &b);

    ae_buf_free(&b);

    return rc;
}


ngx_int_t
ngx_http_apievents_manage_send(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ae_buf_t *b)
{
    ngx_str_t  body, mime;

    static ngx_str_t  no_store = ngx_string("no-store");

    /* an If-Match is about what was there, not about this answer */

    r->disable_not_modified = 1;

    mime.data = (u_char *) type;
    mime.len = ngx_strlen(type);

    /* an If-Match is about what was there, not about this answer */

    r->disable_not_modified = 1;

    if (ngx_http_apievents_copy_answer(r, b, &body) != NGX_OK
        || ngx_http_apievents_admin_header(r, "Cache-Control", &no_store)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_send_whole(r, status, &mime, &body);
}


ngx_int_t
ngx_http_apievents_admin_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_admin_json(ngx_http_apievents_admin_t *a,
    const ae_value_t *document, size_t max, ae_str_t *text)
{
    ae_buf_t   b;
    ngx_int_t  rc;

    rc = NGX_ERROR;

    ae_buf_init(&b, max);
    ae_json_write(&b, document);

    if (!b.failed) {
        *text = ae_arena_dup(a->arena, (ae_str_t) { b.len, b.data });
        rc = (text->data == NULL) ? NGX_ERROR : NGX_OK;
    }

    ae_buf_free(&b);

    return rc;
}


ae_value_t *
ngx_http_apievents_admin_time(ae_arena_t *arena, uint64_t wall)
{
    ae_str_t       s;
    unsigned char  text[AE_TIME_LEN];

    if (wall == 0) {
        return ae_arena_alloc(arena, sizeof(ae_value_t));   /* null */
    }

    s.data = text;
    s.len = ae_time_rfc3339(text, wall);
    s = ae_arena_dup(arena, s);

    return (s.data == NULL) ? NULL : ae_value_str(arena, s);
}


ae_value_t *
ngx_http_apievents_admin_id(ae_arena_t *arena, ae_id_t id)
{
    ae_str_t  s;

    s.len = AE_HEX_LEN;
    s.data = ae_arena_alloc(arena, AE_HEX_LEN);

    if (s.data == NULL) {
        return NULL;
    }

    ae_id_hex(s.data, id);

    return ae_value_str(arena, s);
}


ae_value_t *
ngx_http_apievents_admin_event(ae_arena_t *arena, ae_id_t id)
{
    ae_str_t  s;

    s.len = AE_EVENT_ID_LEN;
    s.data = ae_arena_alloc(arena, AE_EVENT_ID_LEN);

    if (s.data == NULL) {
        return NULL;
    }

    ae_event_id(s.data, id);

    return ae_value_str(arena, s);
}
