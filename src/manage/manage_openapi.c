/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The OpenAPI document of the management API: the parts in openapi/, which
 * the build embeds, made one when the configuration is read.
 */


#include "manage/manage_private.h"


static int ngx_http_apievents_openapi_merge(ae_arena_t *arena,
    ae_value_t *map, const ae_value_t *part);
static int ngx_http_apievents_openapi_append(ae_value_t *list,
    ae_value_t *part);
static ngx_int_t ngx_http_apievents_openapi_text(ngx_conf_t *cf,
    const ae_value_t *document, ngx_str_t *text);


ngx_int_t
ngx_http_apievents_openapi(ngx_conf_t *cf, ngx_str_t *text)
{
    int                rc;
    ae_str_t           folder;
    ngx_int_t          made;
    ae_error_t         err;
    ae_arena_t        *arena;
    ae_value_t        *document;
    const ae_file_t   *file;

    arena = ae_arena_create(NGX_HTTP_APIEVENTS_ADMIN_MAX);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    folder = ae_str("src/manage/openapi/");
    document = ae_value_map(arena);
    rc = (document == NULL) ? AE_ERROR : AE_OK;

    for (file = ae_embedded; file->name.data != NULL && rc == AE_OK; file++)
    {
        if (file->name.len > folder.len
            && ngx_memcmp(file->name.data, folder.data, folder.len) == 0)
        {
            rc = ngx_http_apievents_openapi_merge(arena, document,
                                      ae_json_parse(arena, file->text, &err));
        }
    }

    made = (rc == AE_OK)
           ? ngx_http_apievents_openapi_text(cf, document, text) : NGX_ERROR;

    ae_arena_destroy(arena);

    return made;
}


/* maps of one name are joined, arrays are appended */

static int
ngx_http_apievents_openapi_merge(ae_arena_t *arena, ae_value_t *map,
    const ae_value_t *part)
{
    int          rc;
    ae_value_t  *v, *found;

    if (part == NULL) {
        return AE_ERROR;
    }

    rc = AE_OK;

    for (v = part->first; v != NULL && rc == AE_OK; v = v->next) {
        found = ae_value_find(map, v->name);

        if (found != NULL && found->type == AE_MAP && v->type == AE_MAP) {
            rc = ngx_http_apievents_openapi_merge(arena, found, v);

        } else if (found != NULL && found->type == AE_ARRAY
                   && v->type == AE_ARRAY)
        {
            rc = ngx_http_apievents_openapi_append(found, v);

        } else {
            rc = ae_value_share(arena, map, v->name, v);
        }
    }

    return rc;
}


static int
ngx_http_apievents_openapi_append(ae_value_t *list, ae_value_t *part)
{
    ae_value_t  *v, *next;

    for (v = part->first; v != NULL; v = next) {
        next = v->next;
        v->next = NULL;

        if (ae_value_add(list, v) != AE_OK) {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static ngx_int_t
ngx_http_apievents_openapi_text(ngx_conf_t *cf, const ae_value_t *document,
    ngx_str_t *text)
{
    ae_buf_t   b;
    ngx_int_t  rc;

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_ADMIN_MAX);
    ae_json_write(&b, document);

    rc = NGX_ERROR;

    if (!b.failed) {
        text->len = b.len;
        text->data = ngx_pnalloc(cf->pool, b.len);

        if (text->data != NULL) {
            ngx_memcpy(text->data, b.data, b.len);
            rc = NGX_OK;
        }
    }

    ae_buf_free(&b);

    return rc;
}


/* paths are below this location */

ngx_int_t
ngx_http_apievents_admin_openapi(ngx_http_apievents_admin_t *a)
{
    ae_buf_t                         b;
    ae_str_t                         url;
    ngx_int_t                        rc;
    ngx_str_t                       *text;
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(a->request,
                                        ngx_http_apievents_module);
    clcf = ngx_http_get_module_loc_conf(a->request, ngx_http_core_module);

    text = &mcf->manage.openapi;
    url = *(ae_str_t *) &clcf->name;

    if (url.len != 0 && url.data[url.len - 1] == '/') {
        url.len--;
    }

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_ADMIN_MAX);

    ae_buf_puts(&b, "{\"servers\":[{\"url\":\"");
    ae_json_escape(&b, url.len ? url : ae_str("/"), 0);
    ae_buf_puts(&b, "\"}],");
    ae_buf_put(&b, text->data + 1, text->len - 1);
    ae_buf_puts(&b, "\n");

    rc = ngx_http_apievents_manage_send(a->request, NGX_HTTP_OK,
                                        "application/json", &b);
    ae_buf_free(&b);

    return rc;
}
