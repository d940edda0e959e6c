/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Secrets in sessions: nobody is shown them, and who puts back what he was
 * shown keeps them.
 */


#include "manage/manage_keys.h"


typedef struct {
    const char                     *name;
    const char                     *member;     /* NULL: it is one itself */
} ngx_http_apievents_secret_t;


static ae_value_t *ngx_http_apievents_key_copy(ae_arena_t *arena,
    const ae_value_t *session, const ae_value_t *other, ngx_uint_t shown);
static const ngx_http_apievents_secret_t *ngx_http_apievents_key_secret(
    ae_str_t name);
static const ae_value_t *ngx_http_apievents_key_part(ae_arena_t *arena,
    const ngx_http_apievents_secret_t *secret, const ae_value_t *value,
    const ae_value_t *other, ngx_uint_t shown);
static const ae_value_t *ngx_http_apievents_key_word(ae_arena_t *arena,
    const ae_value_t *value, const ae_value_t *other, ngx_uint_t shown);


static const ngx_http_apievents_secret_t  ngx_http_apievents_key_secrets[] = {
    { "basic_auth_data", "password" },
    { "jwt_data", "secret" },
    { "hmac_string", NULL },
    { NULL, NULL }
};


ae_value_t *
ngx_http_apievents_key_shown(ae_arena_t *arena, const ae_value_t *session)
{
    return ngx_http_apievents_key_copy(arena, session, NULL, 1);
}


ae_value_t *
ngx_http_apievents_key_kept(ae_arena_t *arena, const ae_value_t *session,
    const ae_value_t *other)
{
    return ngx_http_apievents_key_copy(arena, session, other, 0);
}


static ae_value_t *
ngx_http_apievents_key_copy(ae_arena_t *arena, const ae_value_t *session,
    const ae_value_t *other, ngx_uint_t shown)
{
    ae_value_t                         *copy;
    const ae_value_t                   *v, *part;
    const ngx_http_apievents_secret_t  *secret;

    copy = ae_value_map(arena);

    if (copy == NULL) {
        return NULL;
    }

    for (v = session->first; v != NULL; v = v->next) {
        part = v;
        secret = ngx_http_apievents_key_secret(v->name);

        if (secret != NULL) {
            part = ngx_http_apievents_key_part(arena, secret, v,
                              other ? ae_value_get(other, secret->name) : NULL,
                              shown);
        }

        if (part == NULL
            || ae_value_share(arena, copy, v->name, part) != AE_OK)
        {
            return NULL;
        }
    }

    return copy;
}


static const ngx_http_apievents_secret_t *
ngx_http_apievents_key_secret(ae_str_t name)
{
    const ngx_http_apievents_secret_t  *secret;

    for (secret = ngx_http_apievents_key_secrets;
         secret->name != NULL;
         secret++)
    {
        if (ngx_http_apievents_str_is(name, secret->name)) {
            return secret;
        }
    }

    return NULL;
}


static const ae_value_t *
ngx_http_apievents_key_part(ae_arena_t *arena,
    const ngx_http_apievents_secret_t *secret, const ae_value_t *value,
    const ae_value_t *other, ngx_uint_t shown)
{
    ae_str_t           name;
    ae_value_t        *copy;
    const ae_value_t  *v;

    if (secret->member == NULL) {
        return ngx_http_apievents_key_word(arena, value, other, shown);
    }

    if (value->type != AE_MAP) {
        return value;
    }

    copy = ae_value_map(arena);

    for (v = value->first; copy != NULL && v != NULL; v = v->next) {

        if (!ngx_http_apievents_str_is(v->name, secret->member)
            && ae_value_share(arena, copy, v->name, v) != AE_OK)
        {
            return NULL;
        }
    }

    name.data = (u_char *) secret->member;
    name.len = ngx_strlen(secret->member);

    if (other != NULL) {
        other = (other->type == AE_MAP) ? ae_value_find(other, name) : NULL;
    }

    v = ae_value_find(value, name);

    if (v == NULL && other == NULL) {
        return copy;
    }

    v = ngx_http_apievents_key_word(arena, v, other, shown);

    return (v != NULL && copy != NULL
            && ae_value_share(arena, copy, name, v) == AE_OK) ? copy : NULL;
}


/* value or other may be NULL, one of them is not */

static const ae_value_t *
ngx_http_apievents_key_word(ae_arena_t *arena, const ae_value_t *value,
    const ae_value_t *other, ngx_uint_t shown)
{
    if (shown) {
        return ae_value_str(arena, ae_str(""));
    }

    if (other != NULL
        && (value == NULL || value->type != AE_STRING || value->s.len == 0))
    {
        return other;
    }

    return value;
}


void
ngx_http_apievents_key_hide(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_uint_t   i;
    ngx_str_t   *places[4];

    places[0] = &r->request_line;
    places[1] = &r->unparsed_uri;
    places[2] = &r->uri;
    places[3] = &r->args;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        ae_star_out(places[i]->data, places[i]->len, *(ae_str_t *) key);
    }
}
