/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Key requests of a portal's developers (as in Tyk): submitted, changed,
 * approved or declined, once.
 */


#include "manage/manage_object.h"


static int ngx_http_apievents_request_time(ae_str_t s);
static ngx_int_t ngx_http_apievents_request_submitted(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_request_updated(
    ngx_http_apievents_admin_t *a);
static int ngx_http_apievents_request_same(const ae_value_t *one,
    const ae_value_t *two);
static ngx_int_t ngx_http_apievents_request_date(
    ngx_http_apievents_admin_t *a, ae_value_t *map);
static ngx_int_t ngx_http_apievents_request_refuse(
    ngx_http_apievents_admin_t *a, const char *name);
static ngx_int_t ngx_http_apievents_request_decide(
    ngx_http_apievents_admin_t *a, const ae_str_t *told,
    ngx_http_apievents_admin_pt settle);
static ngx_int_t ngx_http_apievents_request_declining(
    ngx_http_apievents_admin_t *a);


static const ae_member_t  ngx_http_apievents_request_developer_members[] = {
    ae_member_string("id"),
    ae_member_string("email"),
    ae_member_string("date_created"),
    ae_member_boolean("inactive"),
    ae_member_string("org_id"),
    ae_member_object("keys", AE_KIND_ANY, NULL),
    ae_member_object("subscriptions", AE_KIND_ANY, NULL),
    ae_member_string("last_login_date"),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_request_entry_members[] = {
    ae_member_string("name"),
    ae_member_string("short_description"),
    ae_member_string("long_description"),
    ae_member_boolean("show"),
    ae_member_string("api_id"),
    ae_member_string("policy_id"),
    ae_member_string("documentation"),
    ae_member_string("version"),
    ae_member_boolean("is_keyless"),
    ae_member_object("config", AE_KIND_ANY, NULL),
    ae_member_end
};


const ae_member_t  ngx_http_apievents_request_members[] = {
    ae_member_string("id"),
    ae_member_string("org_id"),
    ae_member_string("for_plan"),
    ae_member_array("apply_policies", AE_KIND_STRING, NULL),
    ae_member_string("by_user"),
    ae_member_boolean("approved"),
    ae_member_boolean("declined"),
    ae_member_string("key_hash"),
    ae_member_string("date_created"),
    ae_member_object("portal_developer", AE_KIND_ANY,
                     ngx_http_apievents_request_developer_members),
    ae_member_object("catalogue_entry", AE_KIND_ANY,
                     ngx_http_apievents_request_entry_members),
    ae_member_end
};


static const ae_str_t  ngx_http_apievents_submitted = ae_string("submitted");
static const ae_str_t  ngx_http_apievents_approved = ae_string("approved");
static const ae_str_t  ngx_http_apievents_declined = ae_string("declined");
static const ae_str_t  ngx_http_apievents_untold = ae_string("");


/* what only a decision sets */

static const char *const  ngx_http_apievents_decisions[] = {
    "approved", "declined", "key_hash", NULL
};


int
ngx_http_apievents_request_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    const ae_value_t  *v;

    v = ae_value_get(data, "date_created");

    if (v == NULL || v->type != AE_STRING || v->s.len == 0
        || ngx_http_apievents_request_time(v->s))
    {
        return AE_OK;
    }

    err->line = v->line;
    ngx_sprintf((u_char *) err->text, "\"date_created\" must be a time as "
                "of RFC 3339%Z");

    return AE_DECLINED;
}


/* 2020-02-24T16:19:12.175113-05:00: it is kept as it is, so its form counts */

static int
ngx_http_apievents_request_time(ae_str_t s)
{
    size_t       n, zone;
    const char  *p;

    n = 0;

    for (p = "9999-99-99T99:99:99"; *p != '\0'; p++) {

        if (n == s.len
            || (*p == '9' ? s.data[n] < '0' || s.data[n] > '9'
                          : s.data[n] != (u_char) *p))
        {
            return 0;
        }

        n++;
    }

    if (n < s.len && s.data[n] == '.') {

        do {
            n++;
        } while (n < s.len && s.data[n] >= '0' && s.data[n] <= '9');
    }

    zone = s.len - n;

    if (zone == 1) {
        return s.data[n] == 'Z';
    }

    return zone == 6 && (s.data[n] == '+' || s.data[n] == '-')
           && s.data[n + 3] == ':'
           && ngx_atoi(&s.data[n + 1], 2) != NGX_ERROR
           && ngx_atoi(&s.data[n + 4], 2) != NGX_ERROR;
}


ngx_int_t
ngx_http_apievents_request_settle(ngx_http_apievents_admin_t *a)
{
    switch (a->change->action) {

    case NGX_HTTP_APIEVENTS_CREATED:
        a->change->told = &ngx_http_apievents_submitted;
        return ngx_http_apievents_request_submitted(a);

    case NGX_HTTP_APIEVENTS_UPDATED:
        return ngx_http_apievents_request_updated(a);

    default:
        a->change->told = &ngx_http_apievents_untold;
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_http_apievents_request_submitted(ngx_http_apievents_admin_t *a)
{
    ngx_uint_t         i;
    ae_value_t        *data;
    const char        *name;
    const ae_value_t  *v;

    data = a->change->data;

    for (i = 0; ngx_http_apievents_decisions[i] != NULL; i++) {
        name = ngx_http_apievents_decisions[i];
        v = ae_value_get(data, name);

        if (v != NULL && v->type != AE_NULL
            && !(v->type == AE_BOOL && !v->boolean))
        {
            return ngx_http_apievents_request_refuse(a, name);
        }
    }

    if (ae_value_get(data, "approved") == NULL
        && ae_value_set(data, ae_str("approved"), ae_value_bool(a->arena, 0))
           != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    v = ae_value_get(data, "date_created");

    if (v != NULL && v->type == AE_STRING && v->s.len != 0) {
        return NGX_DECLINED;
    }

    return ngx_http_apievents_request_date(a, data);
}


static ngx_int_t
ngx_http_apievents_request_date(ngx_http_apievents_admin_t *a,
    ae_value_t *map)
{
    ae_value_t  *v, *time;

    time = ngx_http_apievents_admin_time(a->arena, a->change->wall);
    v = ae_value_get(map, "date_created");

    if (time == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* an empty one that is there is shared with the body, done with by now */

    if (v != NULL) {
        v->type = AE_STRING;
        v->s = time->s;

    } else if (ae_value_set(map, ae_str("date_created"), time) != AE_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_apievents_request_updated(ngx_http_apievents_admin_t *a)
{
    ae_str_t                      s;
    ngx_uint_t                    i;
    const char                   *name;
    const ae_value_t             *is, *was;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    for (i = 0; ngx_http_apievents_decisions[i] != NULL; i++) {
        name = ngx_http_apievents_decisions[i];

        is = ae_value_get(c->data, name);
        was = ae_value_get(c->previous, name);

        if (is != NULL && !ngx_http_apievents_request_same(is, was)) {
            return ngx_http_apievents_request_refuse(a, name);
        }

        if (is == NULL && was != NULL) {
            s.data = (u_char *) name;
            s.len = ngx_strlen(name);

            if (ae_value_share(a->arena, c->data, s, was) != AE_OK) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }
        }
    }

    return NGX_DECLINED;
}


/* of the kinds that decisions are of; none, null and false are one */

static int
ngx_http_apievents_request_same(const ae_value_t *one, const ae_value_t *two)
{
    int  none_one, none_two;

    none_one = one == NULL || one->type == AE_NULL
               || (one->type == AE_BOOL && !one->boolean);
    none_two = two == NULL || two->type == AE_NULL
               || (two->type == AE_BOOL && !two->boolean);

    if (none_one || none_two) {
        return none_one == none_two;
    }

    return one->type == two->type
           && (one->type != AE_STRING
               || (one->s.len == two->s.len
                   && ngx_memcmp(one->s.data, two->s.data, one->s.len) == 0));
}


static ngx_int_t
ngx_http_apievents_request_refuse(ngx_http_apievents_admin_t *a,
    const char *name)
{
    u_char  text[128];

    *ngx_snprintf(text, sizeof(text) - 1, "\"%s\" is set by POST "
                  "key-requests/ID/approve or .../decline", name)
        = '\0';

    return ngx_http_apievents_admin_error(a->request,
                                          NGX_HTTP_APIEVENTS_UNPROCESSABLE,
                                          (char *) text);
}


ngx_int_t
ngx_http_apievents_admin_request_approve(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_request_decide(a, &ngx_http_apievents_approved,
                                        ngx_http_apievents_request_approving);
}


ngx_int_t
ngx_http_apievents_admin_request_decline(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_request_decide(a, &ngx_http_apievents_declined,
                                        ngx_http_apievents_request_declining);
}


static ngx_int_t
ngx_http_apievents_request_decide(ngx_http_apievents_admin_t *a,
    const ae_str_t *told, ngx_http_apievents_admin_pt settle)
{
    ngx_http_apievents_change_t  *c;

    c = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_change_t));
    if (c == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    c->type = ngx_http_apievents_collection(&a->segments[0]);
    c->action = NGX_HTTP_APIEVENTS_UPDATED;
    c->id = *(ae_str_t *) &a->segments[1];
    c->told = told;
    c->settle = settle;
    c->answer = ngx_http_apievents_request_shown;

    return ngx_http_apievents_change(a, c);
}


ngx_int_t
ngx_http_apievents_request_open(ngx_http_apievents_admin_t *a)
{
    u_char             text[64];
    ngx_uint_t         i;
    const char        *name;
    const ae_value_t  *v;

    for (i = 0; i < 2; i++) {
        name = ngx_http_apievents_decisions[i];
        v = ae_value_get(a->change->previous, name);

        if (v != NULL && v->type == AE_BOOL && v->boolean) {
            *ngx_snprintf(text, sizeof(text) - 1,
                          "the key request is %s already", name)
                = '\0';

            return ngx_http_apievents_admin_error(a->request,
                                                  NGX_HTTP_CONFLICT,
                                                  (char *) text);
        }
    }

    return NGX_DECLINED;
}


ae_value_t *
ngx_http_apievents_request_decided(ngx_http_apievents_admin_t *a,
    ae_str_t name)
{
    ae_value_t        *map;
    ngx_uint_t         set;
    const ae_value_t  *v;

    set = 0;
    map = ae_value_map(a->arena);

    if (map == NULL) {
        return NULL;
    }

    for (v = a->change->previous->first; v != NULL; v = v->next) {

        if (v->name.len == name.len
            && ngx_memcmp(v->name.data, name.data, name.len) == 0)
        {
            set = 1;

            if (ae_value_set(map, name, ae_value_bool(a->arena, 1)) != AE_OK)
            {
                return NULL;
            }

        } else if (ae_value_share(a->arena, map, v->name, v) != AE_OK) {
            return NULL;
        }
    }

    if (!set
        && ae_value_set(map, name, ae_value_bool(a->arena, 1)) != AE_OK)
    {
        return NULL;
    }

    return map;
}


static ngx_int_t
ngx_http_apievents_request_declining(ngx_http_apievents_admin_t *a)
{
    ngx_int_t  rc;

    rc = ngx_http_apievents_request_open(a);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    a->change->data = ngx_http_apievents_request_decided(a,
                                                         ae_str("declined"));

    return (a->change->data == NULL) ? NGX_HTTP_INTERNAL_SERVER_ERROR
                                     : NGX_DECLINED;
}


ngx_int_t
ngx_http_apievents_request_shown(ngx_http_apievents_admin_t *a)
{
    if (ngx_http_apievents_object_tag(a, a->change->rev) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                                           a->change->data);
}
