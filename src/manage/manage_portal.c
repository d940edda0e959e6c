/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Portal events: an organisation is told what becomes of its APIs, keys and
 * key requests (as in Tyk).  What is told may be mailed, so nothing in it is a
 * secret.
 */


#include "manage/manage_object.h"


#define NGX_HTTP_APIEVENTS_PORTAL_MASK  "****"

/* of an event's own metadata */
#define NGX_HTTP_APIEVENTS_PORTAL_MAX   (4 * 1024 * 1024)


static ae_str_t ngx_http_apievents_portal_message(ae_arena_t *arena,
    ae_str_t family, ae_str_t action);
static ae_str_t ngx_http_apievents_portal_join(ae_arena_t *arena,
    ae_str_t one, const char *between, ae_str_t two);
static void ngx_http_apievents_portal_tell(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_raise_t *e, const ae_value_t *data);
static ae_value_t *ngx_http_apievents_portal_copy(ae_arena_t *arena,
    const ae_value_t *v, ngx_uint_t hidden);
static ngx_uint_t ngx_http_apievents_portal_named(ae_str_t name,
    const char *const *words);


/* of members whose strings are hidden: the end of their names */

static const char *const  ngx_http_apievents_portal_secrets[] = {
    "secret", "password", "passwd", "token", "private_key", "privatekey",
    "api_key", "apikey", "api-key", "authorization", "cookie", "hmac_string",
    NULL
};


/* maps and arrays in which all of them are: whoever writes headers of a call
 * may have a credential among them */

static const char *const  ngx_http_apievents_portal_hidden[] = {
    "header_map", "global_headers", "add_headers", "headers", "oauth_keys",
    NULL
};


static const struct {
    const char                     *family;
    const char                     *what;
} ngx_http_apievents_portal_words[] = {
    { "api_event", "API" },
    { "key_event", "Key" },
    { "key_request_event", "Key request" }
};


void
ngx_http_apievents_portal_raise(ngx_http_apievents_admin_t *a,
    ae_str_t family, ae_str_t action, ae_str_t org, const ae_value_t *data)
{
    ae_str_t                    s;
    ngx_http_apievents_raise_t  e;

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    s = ngx_http_apievents_portal_join(a->arena, family, ".", action);
    e.name = *(ngx_str_t *) &s;

    s = ngx_http_apievents_portal_message(a->arena, family, action);
    e.message = *(ngx_str_t *) &s;

    e.org = *(ngx_str_t *) &org;

    ngx_http_apievents_portal_tell(a, &e, data);
}


void
ngx_http_apievents_portal_key(ngx_http_apievents_admin_t *a, ae_str_t action,
    ae_str_t key_id, ae_str_t credential, const ae_value_t *session)
{
    u_char                       mask[AE_MASK_LEN];
    ae_str_t                     s, family, masked;
    ae_value_t                  *data, *clean;
    const ae_value_t            *v;
    ngx_http_apievents_raise_t   e;

    /* the others are of callbacks, which know it as another object */

    static const char *const     own[] = {
        "key", "key_hash", "id", "code", NULL
    };

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    masked = ae_str(NGX_HTTP_APIEVENTS_PORTAL_MASK);

    if (credential.len != 0) {
        masked.data = mask;
        masked.len = ae_mask(mask, credential);
    }

    data = ae_value_map(a->arena);
    clean = ngx_http_apievents_portal_copy(a->arena, session, 0);

    if (data == NULL || clean == NULL
        || ae_value_set(data, ae_str("key"),
                        ae_value_str(a->arena, masked)) != AE_OK
        || ae_value_set(data, ae_str("key_hash"),
                        ae_value_str(a->arena, key_id)) != AE_OK)
    {
        data = NULL;
    }

    v = (data != NULL) ? clean->first : NULL;

    for ( /* void */ ; v != NULL; v = v->next) {

        if (!ngx_http_apievents_one_of(v->name, own)) {
            (void) ae_value_share(a->arena, data, v->name, v);
        }
    }

    family = ae_str("key_event");

    s = ngx_http_apievents_portal_join(a->arena, family, ".", action);
    e.name = *(ngx_str_t *) &s;

    s = ngx_http_apievents_portal_message(a->arena, family, action);
    e.message = *(ngx_str_t *) &s;

    s = ngx_http_apievents_portal_member(session, "org_id");
    e.org = *(ngx_str_t *) &s;

    s = ngx_http_apievents_portal_member(session, "alias");
    e.alias = *(ngx_str_t *) &s;

    e.key = *(ngx_str_t *) &masked;
    (void) ae_id_unhex(&e.key_id, key_id);

    ngx_http_apievents_portal_tell(a, &e, data);
}


void
ngx_http_apievents_portal_change(ngx_http_apievents_admin_t *a)
{
    ae_str_t                      action;
    const ae_value_t             *data;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    if (c->raise != NULL) {
        c->raise(a);
    }

    if (c->type->portal.len == 0) {
        return;
    }

    action = (c->told != NULL) ? *c->told
                               : ngx_http_apievents_actions[c->action];

    /* key requests are told of until they are gone */

    if (action.len == 0) {
        return;
    }

    data = ngx_http_apievents_shown(a, c->type, c->data ? c->data
                                                        : c->previous);

    if (data != NULL) {
        ngx_http_apievents_portal_raise(a, c->type->portal, action,
                          ngx_http_apievents_portal_member(data, "org_id"),
                          ngx_http_apievents_portal_clean(a->arena, data));
    }
}


ae_value_t *
ngx_http_apievents_portal_clean(ae_arena_t *arena, const ae_value_t *data)
{
    return ngx_http_apievents_portal_copy(arena, data, 0);
}


ae_str_t
ngx_http_apievents_portal_member(const ae_value_t *map, const char *name)
{
    const ae_value_t  *v;

    v = ae_value_get(map, name);

    return (v != NULL && v->type == AE_STRING) ? v->s : ae_str("");
}


static void
ngx_http_apievents_portal_tell(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_raise_t *e, const ae_value_t *data)
{
    u_char       id[AE_EVENT_ID_LEN];
    ae_str_t     meta;
    ae_value_t  *map;

    e->type = AE_EVENT_CUSTOM;
    e->depth = ngx_http_apievents_hops(a->request);

    map = ae_value_map(a->arena);

    if (map == NULL || data == NULL
        || ae_value_set(map, ae_str("event"),
                        ae_value_str(a->arena, *(ae_str_t *) &e->name))
           != AE_OK
        || ae_value_share(a->arena, map, ae_str("data"), data) != AE_OK
        || ngx_http_apievents_admin_json(a, map,
                                         NGX_HTTP_APIEVENTS_PORTAL_MAX,
                                         &meta)
           != NGX_OK)
    {
        /* the log alone has it: without data it says nothing to anybody */

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "nobody is told of \"%V\": no memory", &e->name);
        return;
    }

    e->meta = *(ngx_str_t *) &meta;

    (void) ngx_http_apievents_raise(e, id);
}


static ae_str_t
ngx_http_apievents_portal_message(ae_arena_t *arena, ae_str_t family,
    ae_str_t action)
{
    ae_str_t     what;
    const char  *word;
    ngx_uint_t   i;

    what = family;

    for (i = 0; i < sizeof(ngx_http_apievents_portal_words)
                    / sizeof(ngx_http_apievents_portal_words[0]); i++)
    {
        if (ngx_http_apievents_str_is(family,
                                   ngx_http_apievents_portal_words[i].family))
        {
            word = ngx_http_apievents_portal_words[i].what;

            what.data = (u_char *) word;
            what.len = ngx_strlen(word);
        }
    }

    return ngx_http_apievents_portal_join(arena, what, " ", action);
}


/* empty without memory */

static ae_str_t
ngx_http_apievents_portal_join(ae_arena_t *arena, ae_str_t one,
    const char *between, ae_str_t two)
{
    u_char    *p;
    ae_str_t   s;

    s = ae_str("");

    p = ae_arena_alloc(arena, one.len + ngx_strlen(between) + two.len);

    if (p != NULL) {
        s.data = p;
        p = ngx_cpymem(p, one.data, one.len);
        p = ngx_cpymem(p, between, ngx_strlen(between));
        p = ngx_cpymem(p, two.data, two.len);
        s.len = p - s.data;
    }

    return s;
}


/* as deep as what was parsed, which is bounded; hidden: so is every string */

static ae_value_t *
ngx_http_apievents_portal_copy(ae_arena_t *arena, const ae_value_t *v,
    ngx_uint_t hidden)
{
    int                rc;
    ae_value_t        *copy, *child;
    ngx_uint_t         hide;
    const ae_value_t  *m;

    if (v->type == AE_STRING && hidden && v->s.len != 0) {
        return ae_value_str(arena, ae_str(NGX_HTTP_APIEVENTS_PORTAL_MASK));
    }

    copy = ae_arena_alloc(arena, sizeof(ae_value_t));
    if (copy == NULL) {
        return NULL;
    }

    *copy = *v;

    copy->first = NULL;
    copy->last = NULL;
    copy->next = NULL;
    copy->count = 0;

    for (m = v->first; m != NULL; m = m->next) {

        hide = hidden;

        if (v->type == AE_MAP) {
            hide |= ngx_http_apievents_portal_named(m->name,
                                         m->type == AE_STRING
                                         ? ngx_http_apievents_portal_secrets
                                         : ngx_http_apievents_portal_hidden);
        }

        child = ngx_http_apievents_portal_copy(arena, m, hide);

        rc = (v->type == AE_MAP) ? ae_value_set(copy, m->name, child)
                                 : ae_value_add(copy, child);

        if (rc != AE_OK) {
            return NULL;
        }
    }

    return copy;
}


/* does it end with one of them */

static ngx_uint_t
ngx_http_apievents_portal_named(ae_str_t name, const char *const *words)
{
    size_t  len;

    for ( /* void */ ; *words != NULL; words++) {
        len = ngx_strlen(*words);

        if (name.len >= len
            && ngx_strncasecmp(name.data + name.len - len,
                               (u_char *) *words, len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}
