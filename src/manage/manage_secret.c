/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Secrets in managed objects: nobody is shown more than a mask of one, and
 * of most nothing else is stored or sent.  Those that are needed again are
 * stored sealed with api_secret_key, each bound to its place.
 */


#include "manage/manage_object.h"


/* of whatever length: passwords are short */
#define NGX_HTTP_APIEVENTS_SECRET_MASK  "****"


/* all secrets of an object, one after the other */

typedef struct ngx_http_apievents_secrets_s  ngx_http_apievents_secrets_t;

/* AE_OK and *made, in place of v's text; old: what there was, or NULL */
typedef int (*ngx_http_apievents_secret_pt)(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const ae_value_t *old, ae_str_t *made);

struct ngx_http_apievents_secrets_s {
    ae_arena_t                     *arena;
    const ngx_http_apievents_collection_t
                                   *type;
    const ae_seal_t                *seal;       /* or NULL */
    ae_str_t                        id;
    ae_str_t                        member;     /* that the text is in */
    ngx_http_apievents_secret_pt    text;
    ae_error_t                     *err;
    unsigned                        header:1;
};


static ae_value_t *ngx_http_apievents_secrets(ngx_http_apievents_secrets_t *s,
    const ae_value_t *object, const ae_value_t *previous);
static int ngx_http_apievents_secret_member(ngx_http_apievents_secrets_t *s,
    ae_value_t *copy, const ae_value_t *v, const ae_value_t *old);
static ae_value_t *ngx_http_apievents_secret_headers(
    ngx_http_apievents_secrets_t *s, const ae_value_t *headers,
    const ae_value_t *old);
static ae_value_t *ngx_http_apievents_secret_one(
    ngx_http_apievents_secrets_t *s, const ae_value_t *v,
    const ae_value_t *old);
static int ngx_http_apievents_secret_header(ae_str_t name);
static int ngx_http_apievents_secret_mask(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const ae_value_t *old, ae_str_t *made);
static int ngx_http_apievents_secret_seal(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const ae_value_t *old, ae_str_t *made);
static int ngx_http_apievents_secret_open(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const ae_value_t *old, ae_str_t *made);
static int ngx_http_apievents_secret_fail(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const char *text);
static ae_str_t ngx_http_apievents_secret_bound(
    ngx_http_apievents_secrets_t *s);


ae_value_t *
ngx_http_apievents_shown(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_collection_t *type, const ae_value_t *object)
{
    ngx_http_apievents_secrets_t  s;

    ngx_memzero(&s, sizeof(ngx_http_apievents_secrets_t));

    s.arena = a->arena;
    s.type = type;
    s.text = ngx_http_apievents_secret_mask;

    return ngx_http_apievents_secrets(&s, object, NULL);
}


ae_value_t *
ngx_http_apievents_sealed(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_collection_t *type, ae_str_t id,
    const ae_value_t *object, const ae_value_t *previous, ae_error_t *err)
{
    ngx_http_apievents_secrets_t  s;

    ngx_memzero(&s, sizeof(ngx_http_apievents_secrets_t));

    s.arena = a->arena;
    s.type = type;
    s.seal = a->seal;
    s.id = id;
    s.text = ngx_http_apievents_secret_seal;
    s.err = err;

    return ngx_http_apievents_secrets(&s, object, previous);
}


ae_value_t *
ngx_http_apievents_opened(ae_arena_t *arena, const ae_seal_t *seal,
    const ngx_http_apievents_collection_t *type, ae_str_t id,
    const ae_value_t *object)
{
    ngx_http_apievents_secrets_t  s;

    ngx_memzero(&s, sizeof(ngx_http_apievents_secrets_t));

    s.arena = arena;
    s.type = type;
    s.seal = seal;
    s.id = id;
    s.text = ngx_http_apievents_secret_open;

    return ngx_http_apievents_secrets(&s, object, NULL);
}


int
ngx_http_apievents_masked(const ae_value_t *v)
{
    return v->type == AE_STRING
           && ngx_http_apievents_str_is(v->s, NGX_HTTP_APIEVENTS_SECRET_MASK);
}


static ae_value_t *
ngx_http_apievents_secrets(ngx_http_apievents_secrets_t *s,
    const ae_value_t *object, const ae_value_t *previous)
{
    int                rc;
    ae_value_t        *copy;
    const ae_value_t  *v, *old;

    copy = ae_value_map(s->arena);

    if (copy == NULL) {
        return NULL;
    }

    for (v = object->first; v != NULL; v = v->next) {
        old = (previous != NULL) ? ae_value_find(previous, v->name) : NULL;

        s->member = v->name;
        s->header = 0;

        rc = ngx_http_apievents_secret_member(s, copy, v, old);

        if (rc == AE_DECLINED) {
            rc = ae_value_share(s->arena, copy, v->name, v);
        }

        if (rc != AE_OK) {
            return NULL;
        }
    }

    return copy;
}


/* AE_DECLINED: it is none */

static int
ngx_http_apievents_secret_member(ngx_http_apievents_secrets_t *s,
    ae_value_t *copy, const ae_value_t *v, const ae_value_t *old)
{
    const ae_value_t  *item;
    ae_value_t        *made;

    if (s->type->sealed && v->type == AE_MAP
        && ngx_http_apievents_str_is(v->name, "headers"))
    {
        made = ngx_http_apievents_secret_headers(s, v, old);

        return (made == NULL) ? AE_ERROR
                              : ae_value_set(copy, v->name, made);
    }

    if (s->type->secrets == NULL
        || !ngx_http_apievents_one_of(v->name, s->type->secrets))
    {
        return AE_DECLINED;
    }

    /* who puts back what he was shown of several keeps them all */

    if (s->text == ngx_http_apievents_secret_seal && old != NULL
        && old->type == AE_ARRAY
        && (ngx_http_apievents_masked(v)
            || (v->type == AE_ARRAY && v->first != NULL
                && ngx_http_apievents_masked(v->first))))
    {
        return ae_value_share(s->arena, copy, v->name, old);
    }

    if (v->type == AE_STRING) {
        made = ngx_http_apievents_secret_one(s, v, old);

        return (made == NULL) ? AE_ERROR
                              : ae_value_set(copy, v->name, made);
    }

    if (v->type != AE_ARRAY) {
        return AE_DECLINED;
    }

    made = ae_value_array(s->arena);

    for (item = v->first; made != NULL && item != NULL; item = item->next) {

        if (item->type == AE_STRING
            && ae_value_add(made, ngx_http_apievents_secret_one(s, item, NULL))
               != AE_OK)
        {
            return AE_ERROR;
        }
    }

    return (made == NULL) ? AE_ERROR : ae_value_set(copy, v->name, made);
}


static ae_value_t *
ngx_http_apievents_secret_headers(ngx_http_apievents_secrets_t *s,
    const ae_value_t *headers, const ae_value_t *old)
{
    int                rc;
    ae_value_t        *copy;
    const ae_value_t  *v, *was;

    copy = ae_value_map(s->arena);

    if (copy == NULL) {
        return NULL;
    }

    s->header = 1;

    for (v = headers->first; v != NULL; v = v->next) {
        s->member = v->name;

        was = (old != NULL && old->type == AE_MAP)
              ? ae_value_find(old, v->name) : NULL;

        if (v->type == AE_STRING
            && ngx_http_apievents_secret_header(v->name))
        {
            rc = ae_value_set(copy, v->name,
                              ngx_http_apievents_secret_one(s, v, was));

        } else {
            rc = ae_value_share(s->arena, copy, v->name, v);
        }

        if (rc != AE_OK) {
            return NULL;
        }
    }

    return copy;
}


static ae_value_t *
ngx_http_apievents_secret_one(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const ae_value_t *old)
{
    ae_str_t  made;

    if (s->text(s, v, old, &made) != AE_OK) {
        return NULL;
    }

    return ae_value_str(s->arena, made);
}


/* by what its name says: rather one too many than one too few */

static int
ngx_http_apievents_secret_header(ae_str_t name)
{
    ngx_uint_t  i;

    static const ae_str_t  words[] = {
        ae_string("auth"), ae_string("cookie"), ae_string("credential"),
        ae_string("key"), ae_string("password"), ae_string("secret"),
        ae_string("signature"), ae_string("token"), { 0, NULL }
    };

    for (i = 0; words[i].len != 0; i++) {

        if (ngx_strlcasestrn(name.data, name.data + name.len, words[i].data,
                             words[i].len - 1)
            != NULL)
        {
            return 1;
        }
    }

    return 0;
}


static int
ngx_http_apievents_secret_mask(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const ae_value_t *old, ae_str_t *made)
{
    *made = ae_str(NGX_HTTP_APIEVENTS_SECRET_MASK);

    return AE_OK;
}


/* who puts back what he was shown keeps what there is */

static int
ngx_http_apievents_secret_seal(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const ae_value_t *old, ae_str_t *made)
{
    int       rc;
    ae_str_t  bound;

    if (ngx_http_apievents_masked(v)) {

        if (old == NULL || old->type != AE_STRING) {
            return ngx_http_apievents_secret_fail(s, v,
                                          "there is none that \"****\" could "
                                          "keep");
        }

        *made = old->s;

        return AE_OK;
    }

    if (s->seal == NULL && s->header && !ae_seal_is_text(v->s)) {
        *made = v->s;
        return AE_OK;
    }

    if (s->seal == NULL) {
        return ngx_http_apievents_secret_fail(s, v,
                                      "\"api_secret_key\" is not configured, "
                                      "with which it would be sealed");
    }

    bound = ngx_http_apievents_secret_bound(s);

    if (bound.data == NULL) {
        return AE_ERROR;
    }

    rc = ae_seal_text(s->seal, bound, v->s, s->arena, made);

    return (rc == AE_DECLINED)
           ? ngx_http_apievents_secret_fail(s, v, "it is too long") : rc;
}


static int
ngx_http_apievents_secret_open(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const ae_value_t *old, ae_str_t *made)
{
    ae_str_t  bound;

    if (s->header && !ae_seal_is_text(v->s)) {
        *made = v->s;
        return AE_OK;
    }

    bound = ngx_http_apievents_secret_bound(s);

    return (bound.data == NULL)
           ? AE_ERROR
           : ae_unseal_text(s->seal, bound, v->s, s->arena, made);
}


static int
ngx_http_apievents_secret_fail(ngx_http_apievents_secrets_t *s,
    const ae_value_t *v, const char *text)
{
    s->err->line = v->line;
    (void) ngx_slprintf((u_char *) s->err->text,
                        (u_char *) s->err->text + sizeof(s->err->text),
                        "%s \"%*s\": %s%Z", s->header ? "the header" : "the",
                        ngx_min(s->member.len, 64), s->member.data, text);

    return AE_ERROR;
}


/* no name or id has a line feed in it */

static ae_str_t
ngx_http_apievents_secret_bound(ngx_http_apievents_secrets_t *s)
{
    ae_str_t  bound;

    bound.len = s->type->name.len + 1 + s->id.len + 1 + 1 + s->member.len;
    bound.data = ae_arena_alloc(s->arena, bound.len);

    if (bound.data != NULL) {
        (void) ngx_sprintf(bound.data, "%*s\n%*s\n%c%*s", s->type->name.len,
                           s->type->name.data, s->id.len, s->id.data,
                           s->header ? ':' : '.', s->member.len,
                           s->member.data);
    }

    return bound;
}
