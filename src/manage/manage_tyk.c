/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Answers about managed objects in the shapes of Tyk's gateway API.
 */


#include "manage/manage_object.h"


#define NGX_HTTP_APIEVENTS_LINK  "<?limit=1000&after=>; rel=\"next\""


ngx_int_t
ngx_http_apievents_tyk_changed(ngx_http_apievents_admin_t *a)
{
    ae_value_t                   *map;
    const ae_value_t             *v;
    ngx_http_apievents_change_t  *c;

    static const ae_str_t  actions[] = {
        ae_string("added"), ae_string("modified"), ae_string("deleted")
    };

    c = a->change;
    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("key"), ae_value_str(a->arena, c->id))
           != AE_OK
        || ae_value_set(map, ae_str("status"),
                        ae_value_str(a->arena, ae_str("ok"))) != AE_OK
        || ae_value_set(map, ae_str("action"),
                        ae_value_str(a->arena, actions[c->asked_for]))
           != AE_OK
        || (c->warnings != NULL
            && ae_value_set(map, ae_str("warnings"), c->warnings) != AE_OK)
        || (c->data != NULL
            && ngx_http_apievents_object_tag(a, c->rev) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (v = c->also ? c->also->first : NULL; v != NULL; v = v->next) {

        if (ae_value_share(a->arena, map, v->name, v) != AE_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


/* Tyk has no pages: what goes on is told by a header (RFC 8288) */

ngx_int_t
ngx_http_apievents_tyk_list(ngx_http_apievents_admin_t *a,
    const ae_value_t *items, ae_str_t next)
{
    u_char     *p;
    ngx_str_t   link;

    if (next.len != 0) {
        link.data = ngx_pnalloc(a->request->pool,
                                sizeof(NGX_HTTP_APIEVENTS_LINK)
                                + next.len * 3);
        if (link.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p = ngx_sprintf(link.data, "<?limit=%uz&after=", a->limit);
        p = (u_char *) ngx_escape_uri(p, next.data, next.len,
                                      NGX_ESCAPE_URI_COMPONENT);
        link.len = ngx_sprintf(p, ">; rel=\"next\"") - link.data;

        if (ngx_http_apievents_admin_header(a->request, "Link", &link)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, items);
}


void
ngx_http_apievents_policies_fixed(void *data, ngx_http_apievents_fixed_pt each)
{
    const ae_value_t                *list, *v, *id;
    ngx_http_apievents_fixed_t       fixed;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    list = mcf->store.policies_text;

    ngx_memzero(&fixed, sizeof(ngx_http_apievents_fixed_t));

    for (v = list ? list->first : NULL; v != NULL; v = v->next) {
        fixed.value = v;
        fixed.id = v->name;

        if (list->type == AE_ARRAY) {
            id = ae_value_get(v, "id");

            if (id == NULL || id->type != AE_STRING || id->s.len == 0) {
                id = ae_value_get(v, "_id");
            }

            fixed.id = id->s;
        }

        each(data, &fixed);
    }
}
