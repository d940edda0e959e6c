/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * rate_limit_pattern of a session's meta data: sessions for which it comes to
 * the same value share their counters (Tyk's custom identity).
 */


#include "apievents.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_PATTERN_MAX  4096


static void ngx_http_apievents_pattern_expand(ae_buf_t *b, ae_str_t text,
    const ae_value_t *meta);
static size_t ngx_http_apievents_pattern_name(const u_char *p,
    const u_char *last);
static void ngx_http_apievents_pattern_value(ae_buf_t *b, ae_str_t name,
    const ae_value_t *meta);


static const ae_str_t  ngx_http_apievents_pattern_meta =
    ae_string("$tyk_meta.");


void
ngx_http_apievents_session_pattern(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session)
{
    ae_buf_t     b;
    ae_str_t     s, parts[2];
    ae_value_t  *v, *meta;

    meta = ae_value_get(session->document, "meta_data");
    v = ae_value_get(meta, "rate_limit_pattern");

    if (v == NULL || v->type != AE_STRING || v->s.len == 0) {
        return;
    }

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_PATTERN_MAX);
    ngx_http_apievents_pattern_expand(&b, v->s, meta);

    if (!b.failed && b.len != 0) {
        s = ae_arena_dup(session->arena, (ae_str_t) { b.len, b.data });

        if (s.data != NULL) {
            parts[0] = ae_str("pattern:");
            parts[1] = s;

            session->pattern = *(ngx_str_t *) &s;
            session->limits_id = ae_hash(zone->secret, parts, 2);
        }
    }

    ae_buf_free(&b);
}


static void
ngx_http_apievents_pattern_expand(ae_buf_t *b, ae_str_t text,
    const ae_value_t *meta)
{
    size_t         n;
    const u_char  *p, *last;

    p = text.data;
    last = p + text.len;

    while (p < last) {
        n = ngx_http_apievents_pattern_name(p, last);

        if (n == 0) {
            ae_buf_put(b, p++, 1);
            continue;
        }

        p += ngx_http_apievents_pattern_meta.len;

        ngx_http_apievents_pattern_value(b, (ae_str_t) { n, (u_char *) p },
                                         meta);
        p += n;
    }
}


/* the length of a name behind $tyk_meta., 0 if that does not stand here */

static size_t
ngx_http_apievents_pattern_name(const u_char *p, const u_char *last)
{
    u_char  c;
    size_t  n, len;

    len = ngx_http_apievents_pattern_meta.len;

    if ((size_t) (last - p) <= len
        || ngx_memcmp(p, ngx_http_apievents_pattern_meta.data, len) != 0)
    {
        return 0;
    }

    p += len;

    for (n = 0; p + n < last; n++) {
        c = p[n] | 0x20;

        if (!(c >= 'a' && c <= 'z') && !(p[n] >= '0' && p[n] <= '9')
            && p[n] != '_' && p[n] != '-' && p[n] != '.')
        {
            break;
        }
    }

    return n;
}


static void
ngx_http_apievents_pattern_value(ae_buf_t *b, ae_str_t name,
    const ae_value_t *meta)
{
    ae_value_t  *v;

    v = ae_value_find(meta, name);

    if (v == NULL) {
        return;
    }

    switch (v->type) {

    case AE_STRING:
    case AE_NUMBER:
        ae_buf_put(b, v->s.data, v->s.len);
        break;

    case AE_BOOL:
        ae_buf_puts(b, v->boolean ? "true" : "false");
        break;

    default:
        break;
    }
}
