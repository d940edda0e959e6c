/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Members of a definition, and what is said when one is of a wrong type.
 */


#include "definition/definition_private.h"


static const char *ngx_http_apievents_type_name(ae_type_e type);


ngx_int_t
ngx_http_apievents_entry(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ae_type_e type, ae_value_t **v)
{
    *v = ae_value_get(map, name);

    if (*v == NULL || (*v)->type == AE_NULL) {
        *v = NULL;
        return NGX_OK;
    }

    return ngx_http_apievents_entry_expect(def, *v, type, name);
}


ngx_int_t
ngx_http_apievents_entry_expect(ngx_http_apievents_definition_t *def,
    const ae_value_t *v, ae_type_e type, const char *name)
{
    if (v->type == type) {
        return NGX_OK;
    }

    ngx_http_apievents_entry_error(def, v, name,
                                   ngx_http_apievents_type_name(type));
    return NGX_ERROR;
}


/* a copy with a NUL behind it, as arguments of directives have */

ngx_int_t
ngx_http_apievents_entry_string(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_str_t *s)
{
    ae_value_t  *v;

    ngx_str_null(s);

    if (ngx_http_apievents_entry(def, map, name, AE_STRING, &v) != NGX_OK) {
        return NGX_ERROR;
    }

    if (v == NULL || v->s.len == 0) {
        return NGX_OK;
    }

    if (ngx_strlchr(v->s.data, v->s.data + v->s.len, '\0') != NULL) {
        ngx_http_apievents_entry_error(def, v, name,
                                       "a string without NUL characters");
        return NGX_ERROR;
    }

    s->data = ngx_pnalloc(def->cf->pool, v->s.len + 1);
    if (s->data == NULL) {
        return NGX_ERROR;
    }

    s->len = v->s.len;
    ngx_memcpy(s->data, v->s.data, s->len);
    s->data[s->len] = '\0';

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_entry_bool(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_flag_t *b)
{
    ae_value_t  *v;

    if (ngx_http_apievents_entry(def, map, name, AE_BOOL, &v) != NGX_OK) {
        return NGX_ERROR;
    }

    if (v != NULL) {
        *b = v->boolean;
    }

    return NGX_OK;
}


/* nginx puts the name and the line of def->place behind it */

void
ngx_http_apievents_entry_error(ngx_http_apievents_definition_t *def,
    const ae_value_t *v, const char *name, const char *expected)
{
    def->place.line = v->line;

    ngx_conf_log_error(NGX_LOG_EMERG, def->cf, 0,
                       "invalid \"%s\", expected %s", name, expected);
}


static const char *
ngx_http_apievents_type_name(ae_type_e type)
{
    switch (type) {

    case AE_BOOL:
        return "true or false";

    case AE_NUMBER:
        return "a number";

    case AE_STRING:
        return "a string";

    case AE_ARRAY:
        return "an array";

    default: /* AE_MAP */
        return "an object";
    }
}
