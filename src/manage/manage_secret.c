/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Secrets in managed objects: nobody is shown more than a mask of one, and
 * nothing else is stored or sent.
 */


#include "manage/manage_object.h"


/* of whatever length: passwords are short */
#define NGX_HTTP_APIEVENTS_SECRET_MASK  "****"


ae_value_t *
ngx_http_apievents_shown(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_collection_t *type, const ae_value_t *object)
{
    int                rc;
    ae_value_t        *copy;
    const ae_value_t  *v;

    copy = ae_value_map(a->arena);

    if (copy == NULL) {
        return NULL;
    }

    for (v = object->first; v != NULL; v = v->next) {

        if (type->secrets != NULL && v->type == AE_STRING
            && ngx_http_apievents_one_of(v->name, type->secrets))
        {
            rc = ae_value_set(copy, v->name,
                              ae_value_str(a->arena,
                                   ae_str(NGX_HTTP_APIEVENTS_SECRET_MASK)));

        } else {
            rc = ae_value_share(a->arena, copy, v->name, v);
        }

        if (rc != AE_OK) {
            return NULL;
        }
    }

    return copy;
}
