/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Organisations: what they want to be told of, by event_options (as in Tyk),
 * as endpoints of run time, in each worker.
 */


#include "manage/manage_object.h"


#define NGX_HTTP_APIEVENTS_ORGANISATION_LEN  (64 + AE_DB_NAME)


/* how one is told, and the handler that does it */

typedef struct {
    const char                     *member;
    const char                     *handler;
    const char                     *word;
} ngx_http_apievents_way_t;


/* one of an organisation's options */

typedef struct {
    const char                     *family;
    const ngx_http_apievents_way_t *way;
    ae_str_t                        value;      /* empty: off */
} ngx_http_apievents_option_t;


#define NGX_HTTP_APIEVENTS_FAMILIES  3
#define NGX_HTTP_APIEVENTS_WAYS      2
#define NGX_HTTP_APIEVENTS_OPTIONS                                            \
    (NGX_HTTP_APIEVENTS_FAMILIES * NGX_HTTP_APIEVENTS_WAYS)


static ngx_http_apievents_option_t ngx_http_apievents_option(
    const ae_value_t *organisation, ngx_uint_t i);
static ngx_uint_t ngx_http_apievents_option_words(ae_arena_t *arena,
    const ngx_http_apievents_option_t *option, ngx_str_t *words);
static int ngx_http_apievents_option_same(ae_str_t a, ae_str_t b);
static int ngx_http_apievents_organisation_told(const ae_value_t *org);
static void ngx_http_apievents_organisation_put(ae_str_t id,
    const ae_value_t *org, const ae_value_t *was, ae_arena_t *arena);
static void ngx_http_apievents_organisation_gone(ae_str_t id,
    const ae_value_t *was);
static ngx_str_t ngx_http_apievents_option_endpoint(ae_str_t id,
    const ngx_http_apievents_option_t *option, u_char *p);
static void ngx_http_apievents_option_put(ae_str_t id,
    const ngx_http_apievents_option_t *option, ae_arena_t *arena);


static const char *const  ngx_http_apievents_families[] = {
    "api_event", "key_event", "key_request_event"
};


static const ngx_http_apievents_way_t  ngx_http_apievents_ways[] = {
    { "webhook", "webhook", "url=" },
    { "email", "email", "to=" }
};


static const ae_member_t  ngx_http_apievents_option_members[] = {
    ae_member_string("webhook"),
    ae_member_string("email"),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_options_members[] = {
    ae_member_object("api_event", AE_KIND_ANY,
                     ngx_http_apievents_option_members),
    ae_member_object("key_event", AE_KIND_ANY,
                     ngx_http_apievents_option_members),
    ae_member_object("key_request_event", AE_KIND_ANY,
                     ngx_http_apievents_option_members),
    ae_member_end
};


const ae_member_t  ngx_http_apievents_organisation_members[] = {
    ae_member_string("id"),
    ae_member_string("owner_name"),
    ae_member_string("owner_slug"),
    ae_member_string("cname"),
    ae_member_boolean("cname_enabled"),
    ae_member_array("apis", AE_KIND_OBJECT, NULL),
    ae_member_integer("developer_count"),
    ae_member_integer("developer_quota"),
    ae_member_object("event_options", AE_KIND_ANY,
                     ngx_http_apievents_options_members),
    ae_member_boolean("hybrid_enabled"),
    ae_member_object("ui", AE_KIND_ANY, NULL),
    ae_member_object("org_options_meta", AE_KIND_ANY, NULL),
    ae_member_object("open_policy", AE_KIND_ANY, NULL),
    ae_member_boolean("sso_enabled"),
    ae_member_object("additional_permissions", AE_KIND_ANY, NULL),
    ae_member_end
};


const ngx_http_apievents_kept_t  ngx_http_apievents_organisation_kept = {
    ae_string("organisation"),
    ngx_http_apievents_organisation_told,
    ngx_http_apievents_organisation_put,
    ngx_http_apievents_organisation_gone
};


int
ngx_http_apievents_organisation_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    ngx_str_t                    words[3];
    ngx_uint_t                   i, n;
    ae_error_t                   why;
    ngx_http_apievents_option_t  option;

    for (i = 0; i < NGX_HTTP_APIEVENTS_OPTIONS; i++) {
        option = ngx_http_apievents_option(data, i);

        if (option.value.len == 0) {
            continue;
        }

        n = ngx_http_apievents_option_words(a->arena, &option, words);

        ngx_memzero(&why, sizeof(ae_error_t));

        if (n == 0
            || ngx_http_apievents_runtime_check(words, n, &why) != NGX_OK)
        {
            err->line = ae_value_get(data, "event_options")->line;
            *ngx_snprintf((u_char *) err->text, sizeof(err->text) - 1,
                          "\"%s\" of %s: %s", option.way->member,
                          option.family, n == 0 ? "no memory" : why.text)
                = '\0';

            return AE_DECLINED;
        }
    }

    return AE_OK;
}


/* those that are not there, or off, have no value */

static ngx_http_apievents_option_t
ngx_http_apievents_option(const ae_value_t *organisation, ngx_uint_t i)
{
    const ae_value_t             *v;
    ngx_http_apievents_option_t   option;

    option.family = ngx_http_apievents_families[i / NGX_HTTP_APIEVENTS_WAYS];
    option.way = &ngx_http_apievents_ways[i % NGX_HTTP_APIEVENTS_WAYS];
    option.value = ae_str("");

    if (organisation == NULL) {
        return option;
    }

    v = ae_value_get(organisation, "event_options");

    if (v != NULL && v->type == AE_MAP) {
        v = ae_value_get(v, option.family);
    }

    if (v != NULL && v->type == AE_MAP) {
        v = ae_value_get(v, option.way->member);

        if (v != NULL && v->type == AE_STRING) {
            option.value = v->s;
        }
    }

    return option;
}


/* of its handler, 0: no memory */

static ngx_uint_t
ngx_http_apievents_option_words(ae_arena_t *arena,
    const ngx_http_apievents_option_t *option, ngx_str_t *words)
{
    size_t      len;
    u_char     *p;
    ngx_uint_t  n;

    len = ngx_strlen(option->way->word);

    p = ae_arena_alloc(arena, len + option->value.len + 1);
    if (p == NULL) {
        return 0;
    }

    words[0].data = (u_char *) option->way->handler;
    words[0].len = ngx_strlen(option->way->handler);

    words[1].data = p;
    words[1].len = len + option->value.len;

    p = ngx_cpymem(p, option->way->word, len);
    ngx_memcpy(p, option->value.data, option->value.len);

    n = 2;

    if (option->way == &ngx_http_apievents_ways[0]) {
        ngx_str_set(&words[n], "format=portal");
        n++;
    }

    return n;
}


static int
ngx_http_apievents_option_same(ae_str_t a, ae_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || ngx_memcmp(a.data, b.data, a.len) == 0);
}


static int
ngx_http_apievents_organisation_told(const ae_value_t *org)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_APIEVENTS_OPTIONS; i++) {
        if (ngx_http_apievents_option(org, i).value.len != 0) {
            return 1;
        }
    }

    return 0;
}


/* each option is an endpoint of its own: the queue of one is not held up by
 * another, and what is changed of one keeps what waits for the others */

static void
ngx_http_apievents_organisation_put(ae_str_t id, const ae_value_t *org,
    const ae_value_t *was, ae_arena_t *arena)
{
    u_char                       text[NGX_HTTP_APIEVENTS_ORGANISATION_LEN];
    ae_str_t                     old;
    ngx_str_t                    endpoint;
    ngx_uint_t                   i;
    ngx_http_apievents_option_t  option;

    for (i = 0; i < NGX_HTTP_APIEVENTS_OPTIONS; i++) {
        option = ngx_http_apievents_option(org, i);
        old = ngx_http_apievents_option(was, i).value;

        if (ngx_http_apievents_option_same(option.value, old)) {
            continue;
        }

        if (option.value.len != 0) {
            ngx_http_apievents_option_put(id, &option, arena);
            continue;
        }

        endpoint = ngx_http_apievents_option_endpoint(id, &option, text);

        (void) ngx_http_apievents_runtime_remove(&endpoint);
    }
}


static void
ngx_http_apievents_organisation_gone(ae_str_t id, const ae_value_t *was)
{
    ngx_http_apievents_organisation_put(id, NULL, was, NULL);
}


static ngx_str_t
ngx_http_apievents_option_endpoint(ae_str_t id,
    const ngx_http_apievents_option_t *option, u_char *p)
{
    ngx_str_t  s, org;

    org.data = id.data;
    org.len = ngx_min(id.len, AE_DB_NAME);

    s.data = p;
    s.len = ngx_sprintf(p, "organisation/%V/%s/%s", &org, option->family,
                        option->way->member)
            - p;

    return s;
}


static void
ngx_http_apievents_option_put(ae_str_t id,
    const ngx_http_apievents_option_t *option, ae_arena_t *arena)
{
    u_char      text[NGX_HTTP_APIEVENTS_ORGANISATION_LEN], name[32];
    ngx_str_t   endpoint, event, none, words[3];
    ngx_uint_t  n;
    ae_error_t  err;

    ngx_str_null(&none);
    ngx_memzero(&err, sizeof(ae_error_t));

    endpoint = ngx_http_apievents_option_endpoint(id, option, text);
    n = ngx_http_apievents_option_words(arena, option, words);

    event.data = name;
    event.len = ngx_sprintf(name, "%s.*", option->family) - name;

    if (n == 0
        || ngx_http_apievents_runtime_put(&endpoint, words, n, &err)
           != NGX_OK)
    {
        /* what it was is not told in its place */

        (void) ngx_http_apievents_runtime_remove(&endpoint);

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "\"%V\" cannot be told of anything: %s", &endpoint,
                      n == 0 ? "no memory" : err.text);
        return;
    }

    if (ngx_http_apievents_runtime_handler(&endpoint, &event, &none,
                                           (ngx_str_t *) &id)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "\"%V\" cannot be told of \"%V\": too many handlers",
                      &endpoint, &event);
    }
}
