/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * TokenCreated, TokenUpdated, TokenDeleted (as in Tyk).
 */


#include "manage/manage_keys.h"


static void ngx_http_apievents_key_token(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k);
static void ngx_http_apievents_key_portal(ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_key_event_meta(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_raise_t *e);


void
ngx_http_apievents_key_raise(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_key_token(a, ngx_http_apievents_key_of(a));
    ngx_http_apievents_key_portal(a);
}


static void
ngx_http_apievents_key_token(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k)
{
    u_char                          id[AE_EVENT_ID_LEN], mask[AE_MASK_LEN];
    ae_str_t                        org;
    ngx_http_apievents_raise_t      e;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(a->request, ngx_http_apievents_module);

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    e.type = k->event;
    e.depth = ngx_http_apievents_hops(a->request);
    e.message.data = (u_char *) k->message;
    e.message.len = ngx_strlen(k->message);
    (void) ae_id_unhex(&e.key_id, *(ae_str_t *) &k->id);

    org = ngx_http_apievents_portal_member(k->told, "org_id");
    e.org = *(ngx_str_t *) &org;

    /* a KeyID is all that there is of a credential that was not named */

    e.key = k->id;

    if (k->known && lcf->gate.event_key == NGX_HTTP_APIEVENTS_KEY_RAW) {
        e.key = k->key;
        e.secret = k->key;

    } else if (k->known && lcf->gate.event_key != NGX_HTTP_APIEVENTS_KEY_HASH)
    {
        e.key.data = mask;
        e.key.len = ae_mask(mask, *(ae_str_t *) &k->key);
    }

    if (ngx_http_apievents_key_event_meta(a, &e) == NGX_OK) {
        (void) ngx_http_apievents_raise(&e, id);
    }
}


static ngx_int_t
ngx_http_apievents_key_event_meta(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_raise_t *e)
{
    ae_str_t     text;
    ae_value_t  *map;

    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("Org"),
                        ae_value_str(a->arena, *(ae_str_t *) &e->org))
           != AE_OK
        || ngx_http_apievents_admin_json(a, map, NGX_HTTP_APIEVENTS_KEY_TEXT,
                                         &text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    e->meta = *(ngx_str_t *) &text;

    return NGX_OK;
}


static void
ngx_http_apievents_key_portal(ngx_http_apievents_admin_t *a)
{
    ae_str_t                      credential;
    ngx_http_apievents_key_t     *k;
    ngx_http_apievents_change_t  *c;

    k = ngx_http_apievents_key_of(a);
    c = a->change;

    credential = k->known ? *(ae_str_t *) &k->key : ae_str("");

    ngx_http_apievents_portal_key(a, ngx_http_apievents_actions[c->action],
                                  c->id, credential,
                                  c->data != NULL ? c->data : c->previous);
}
