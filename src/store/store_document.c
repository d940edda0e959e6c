/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions as documents: which fields there are (facts: Tyk's session object
 * of versions 1.9 to 5.15), and how one is written.  What is not known is kept
 * as it is: newer fields, and those of other tools.
 */


#include <math.h>

#include "apievents.h"
#include "store/store_private.h"


typedef enum {
    NGX_HTTP_APIEVENTS_ANY = 0,
    NGX_HTTP_APIEVENTS_STRING,
    NGX_HTTP_APIEVENTS_NUMBER,
    NGX_HTTP_APIEVENTS_INTEGER,
    NGX_HTTP_APIEVENTS_BOOLEAN,
    NGX_HTTP_APIEVENTS_OBJECT,
    NGX_HTTP_APIEVENTS_ARRAY
} ngx_http_apievents_kind_e;


typedef struct ngx_http_apievents_field_s  ngx_http_apievents_field_t;

struct ngx_http_apievents_field_s {
    ae_str_t                           name;
    ngx_http_apievents_kind_e          kind;
    ngx_http_apievents_kind_e          items;   /* of what is in it */
    const ngx_http_apievents_field_t  *fields;  /* of an object, or of the
                                                   objects in it */
};


#define field_string(n)    { ae_string(n), NGX_HTTP_APIEVENTS_STRING, 0, NULL }
#define field_number(n)    { ae_string(n), NGX_HTTP_APIEVENTS_NUMBER, 0, NULL }
#define field_integer(n)  { ae_string(n), NGX_HTTP_APIEVENTS_INTEGER, 0, NULL }
#define field_boolean(n)  { ae_string(n), NGX_HTTP_APIEVENTS_BOOLEAN, 0, NULL }
#define field_object(n, i, f)                                                \
    { ae_string(n), NGX_HTTP_APIEVENTS_OBJECT, i, f }
#define field_array(n, i, f)                                                 \
    { ae_string(n), NGX_HTTP_APIEVENTS_ARRAY, i, f }
#define field_end          { { 0, NULL }, 0, 0, NULL }


static const ngx_http_apievents_field_t *ngx_http_apievents_find_field(
    const ngx_http_apievents_field_t *fields, ae_str_t name);
static ngx_int_t ngx_http_apievents_check_fields(const ae_value_t *map,
    const ngx_http_apievents_field_t *fields, ae_error_t *err);
static ngx_int_t ngx_http_apievents_check_field(const ae_value_t *value,
    const ngx_http_apievents_field_t *field, ae_error_t *err);
static ngx_uint_t ngx_http_apievents_is_kind(const ae_value_t *value,
    ngx_http_apievents_kind_e kind);
static void ngx_http_apievents_write_member(ae_buf_t *b,
    const ae_value_t *value);


static const char  *const ngx_http_apievents_kinds[] = {
    "anything",
    "a string",
    "a number",
    "an integer",
    "true or false",
    "an object",
    "an array"
};


static const char  *const ngx_http_apievents_plural_kinds[] = {
    "values",
    "strings",
    "numbers",
    "integers",
    "booleans",
    "objects",
    "arrays"
};


static const ngx_http_apievents_field_t  ngx_http_apievents_limit_fields[] = {
    field_number("rate"),
    field_number("per"),
    field_number("throttle_interval"),
    field_integer("throttle_retry_limit"),
    field_integer("max_query_depth"),
    field_integer("quota_max"),
    field_integer("quota_renews"),
    field_integer("quota_remaining"),
    field_integer("quota_renewal_rate"),
    field_object("smoothing", NGX_HTTP_APIEVENTS_ANY, NULL),
    field_end
};


static const ngx_http_apievents_field_t  ngx_http_apievents_url_fields[] = {
    field_string("url"),
    field_array("methods", NGX_HTTP_APIEVENTS_STRING, NULL),
    field_end
};


static const ngx_http_apievents_field_t  ngx_http_apievents_rate_fields[] = {
    field_number("rate"),
    field_number("per"),
    field_object("smoothing", NGX_HTTP_APIEVENTS_ANY, NULL),
    field_end
};


static const ngx_http_apievents_field_t  ngx_http_apievents_method_fields[] = {
    field_string("name"),
    field_object("limit", NGX_HTTP_APIEVENTS_ANY,
                 ngx_http_apievents_rate_fields),
    field_end
};


static const ngx_http_apievents_field_t
    ngx_http_apievents_endpoint_fields[] =
{
    field_string("path"),
    field_array("methods", NGX_HTTP_APIEVENTS_OBJECT,
                ngx_http_apievents_method_fields),
    field_end
};


static const ngx_http_apievents_field_t  ngx_http_apievents_access_fields[] = {
    field_string("api_name"),
    field_string("api_id"),
    field_array("versions", NGX_HTTP_APIEVENTS_STRING, NULL),
    field_array("allowed_urls", NGX_HTTP_APIEVENTS_OBJECT,
                ngx_http_apievents_url_fields),
    field_array("restricted_types", NGX_HTTP_APIEVENTS_OBJECT, NULL),
    field_array("allowed_types", NGX_HTTP_APIEVENTS_OBJECT, NULL),
    field_object("limit", NGX_HTTP_APIEVENTS_ANY,
                 ngx_http_apievents_limit_fields),
    field_array("field_access_rights", NGX_HTTP_APIEVENTS_OBJECT, NULL),
    field_boolean("disable_introspection"),
    field_string("allowance_scope"),
    field_array("endpoints", NGX_HTTP_APIEVENTS_OBJECT,
                ngx_http_apievents_endpoint_fields),
    field_end
};


static const ngx_http_apievents_field_t  ngx_http_apievents_basic_fields[] = {
    field_string("password"),
    field_string("hash_type"),
    field_end
};


static const ngx_http_apievents_field_t  ngx_http_apievents_jwt_fields[] = {
    field_string("secret"),
    field_end
};


static const ngx_http_apievents_field_t  ngx_http_apievents_monitor_fields[] =
{
    field_array("trigger_limits", NGX_HTTP_APIEVENTS_NUMBER, NULL),
    field_end
};


static const ngx_http_apievents_field_t  ngx_http_apievents_smooth_fields[] = {
    field_boolean("enabled"),
    field_integer("threshold"),
    field_number("trigger"),
    field_integer("step"),
    field_integer("delay"),
    field_end
};


static const ngx_http_apievents_field_t
    ngx_http_apievents_session_fields[] =
{
    field_integer("last_check"),
    field_number("allowance"),
    field_number("rate"),
    field_number("per"),
    field_number("throttle_interval"),
    field_integer("throttle_retry_limit"),
    field_integer("max_query_depth"),
    field_string("date_created"),
    field_integer("expires"),
    field_integer("quota_max"),
    field_integer("quota_renews"),
    field_integer("quota_remaining"),
    field_integer("quota_renewal_rate"),
    field_object("access_rights", NGX_HTTP_APIEVENTS_OBJECT,
                 ngx_http_apievents_access_fields),
    field_string("org_id"),
    field_string("oauth_client_id"),
    field_object("oauth_keys", NGX_HTTP_APIEVENTS_STRING, NULL),
    field_string("certificate"),
    field_array("mtls_static_certificate_bindings",
                NGX_HTTP_APIEVENTS_STRING, NULL),
    field_object("basic_auth_data", NGX_HTTP_APIEVENTS_ANY,
                 ngx_http_apievents_basic_fields),
    field_object("jwt_data", NGX_HTTP_APIEVENTS_ANY,
                 ngx_http_apievents_jwt_fields),
    field_boolean("hmac_enabled"),
    field_string("hmac_string"),
    field_string("rsa_certificate_id"),
    field_boolean("enable_http_signature_validation"),
    field_boolean("is_inactive"),
    field_string("apply_policy_id"),
    field_array("apply_policies", NGX_HTTP_APIEVENTS_STRING, NULL),
    field_integer("data_expires"),
    field_object("monitor", NGX_HTTP_APIEVENTS_ANY,
                 ngx_http_apievents_monitor_fields),
    field_boolean("enable_detail_recording"),
    field_boolean("enable_detailed_recording"),
    field_object("meta_data", NGX_HTTP_APIEVENTS_ANY, NULL),
    field_array("tags", NGX_HTTP_APIEVENTS_STRING, NULL),
    field_string("alias"),
    field_string("last_updated"),
    field_integer("id_extractor_deadline"),
    field_integer("session_lifetime"),
    field_string("post_expiry_action"),
    field_integer("post_expiry_grace_period"),
    field_object("smoothing", NGX_HTTP_APIEVENTS_ANY,
                 ngx_http_apievents_smooth_fields),
    field_end
};


static const ngx_http_apievents_field_t
    ngx_http_apievents_partition_fields[] =
{
    field_boolean("quota"),
    field_boolean("rate_limit"),
    field_boolean("complexity"),
    field_boolean("acl"),
    field_boolean("per_api"),
    field_end
};


static const ngx_http_apievents_field_t
    ngx_http_apievents_policy_fields[] =
{
    field_string("id"),
    field_string("_id"),
    field_string("name"),
    field_string("org_id"),
    field_number("rate"),
    field_number("per"),
    field_integer("quota_max"),
    field_integer("quota_renewal_rate"),
    field_number("throttle_interval"),
    field_integer("throttle_retry_limit"),
    field_integer("max_query_depth"),
    field_object("access_rights", NGX_HTTP_APIEVENTS_OBJECT,
                 ngx_http_apievents_access_fields),
    field_boolean("hmac_enabled"),
    field_boolean("enable_http_signature_validation"),
    field_boolean("active"),
    field_boolean("is_inactive"),
    field_array("tags", NGX_HTTP_APIEVENTS_STRING, NULL),
    field_integer("key_expires_in"),
    field_string("post_expiry_action"),
    field_integer("post_expiry_grace_period"),
    field_object("partitions", NGX_HTTP_APIEVENTS_ANY,
                 ngx_http_apievents_partition_fields),
    field_string("last_updated"),
    field_object("meta_data", NGX_HTTP_APIEVENTS_ANY, NULL),
    field_object("graphql_access_rights", NGX_HTTP_APIEVENTS_ANY, NULL),
    field_object("smoothing", NGX_HTTP_APIEVENTS_ANY,
                 ngx_http_apievents_smooth_fields),
    field_end
};


ngx_int_t
ngx_http_apievents_check_policy(const ae_value_t *policy, ae_error_t *err)
{
    return ngx_http_apievents_check_fields(policy,
                                           ngx_http_apievents_policy_fields,
                                           err);
}


ngx_int_t
ngx_http_apievents_check_session(const ae_value_t *session, ae_error_t *err)
{
    if (session->type != AE_MAP) {
        err->line = session->line;
        ngx_sprintf((u_char *) err->text,
                    "a session must be an object%Z");
        return NGX_ERROR;
    }

    return ngx_http_apievents_check_fields(session,
                                           ngx_http_apievents_session_fields,
                                           err);
}


static ngx_int_t
ngx_http_apievents_check_fields(const ae_value_t *map,
    const ngx_http_apievents_field_t *fields, ae_error_t *err)
{
    const ae_value_t                  *v;
    const ngx_http_apievents_field_t  *field;

    for (v = map->first; v != NULL; v = v->next) {
        field = ngx_http_apievents_find_field(fields, v->name);

        if (field != NULL
            && ngx_http_apievents_check_field(v, field, err) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static const ngx_http_apievents_field_t *
ngx_http_apievents_find_field(const ngx_http_apievents_field_t *fields,
    ae_str_t name)
{
    for ( /* void */ ; fields->name.len != 0; fields++) {

        if (fields->name.len == name.len
            && ngx_memcmp(fields->name.data, name.data, name.len) == 0)
        {
            return fields;
        }
    }

    return NULL;
}


/* null is what Go writes for an empty array or object: as good as absent */

static ngx_int_t
ngx_http_apievents_check_field(const ae_value_t *value,
    const ngx_http_apievents_field_t *field, ae_error_t *err)
{
    const ae_value_t  *v;

    if (value->type == AE_NULL) {
        return NGX_OK;
    }

    v = value;

    if (!ngx_http_apievents_is_kind(value, field->kind)) {
        goto failed;
    }

    if (field->items == NGX_HTTP_APIEVENTS_ANY) {

        if (field->fields == NULL) {
            return NGX_OK;
        }

        return ngx_http_apievents_check_fields(value, field->fields, err);
    }

    for (v = value->first; v != NULL; v = v->next) {

        if (!ngx_http_apievents_is_kind(v, field->items)) {
            goto failed;
        }

        if (field->fields != NULL
            && ngx_http_apievents_check_fields(v, field->fields, err)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;

failed:

    err->line = v->line;

    if (field->items == NGX_HTTP_APIEVENTS_ANY) {
        ngx_snprintf((u_char *) err->text, sizeof(err->text),
                     "\"%*s\" must be %s%Z", field->name.len,
                     field->name.data, ngx_http_apievents_kinds[field->kind]);

    } else {
        ngx_snprintf((u_char *) err->text, sizeof(err->text),
                     "\"%*s\" must be %s of %s%Z", field->name.len,
                     field->name.data, ngx_http_apievents_kinds[field->kind],
                     ngx_http_apievents_plural_kinds[field->items]);
    }

    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_apievents_is_kind(const ae_value_t *value,
    ngx_http_apievents_kind_e kind)
{
    switch (kind) {

    case NGX_HTTP_APIEVENTS_STRING:
        return value->type == AE_STRING;

    case NGX_HTTP_APIEVENTS_NUMBER:
        return value->type == AE_NUMBER && isfinite(value->number);

    case NGX_HTTP_APIEVENTS_INTEGER:
        return value->type == AE_NUMBER
               && fabs(value->number) < 9223372036854775808.0
               && floor(value->number) == value->number;

    case NGX_HTTP_APIEVENTS_BOOLEAN:
        return value->type == AE_BOOL;

    case NGX_HTTP_APIEVENTS_OBJECT:
        return value->type == AE_MAP;

    case NGX_HTTP_APIEVENTS_ARRAY:
        return value->type == AE_ARRAY;

    default:
        return 1;
    }
}


void
ngx_http_apievents_write_session(ae_buf_t *b, const ae_value_t *session,
    const ae_value_t *changes)
{
    ngx_uint_t         n;
    const ae_value_t  *v;

    n = 0;

    ae_buf_puts(b, "{");

    for (v = session->first; v != NULL; v = v->next) {

        if (changes != NULL && ae_value_find(changes, v->name) != NULL) {
            continue;
        }

        ae_buf_puts(b, n++ ? "," : "");
        ngx_http_apievents_write_member(b, v);
    }

    for (v = changes ? changes->first : NULL; v != NULL; v = v->next) {
        ae_buf_puts(b, n++ ? "," : "");
        ngx_http_apievents_write_member(b, v);
    }

    ae_buf_puts(b, "}");
}


static void
ngx_http_apievents_write_member(ae_buf_t *b, const ae_value_t *value)
{
    ae_buf_puts(b, "\"");
    ae_json_escape(b, value->name, 0);
    ae_buf_puts(b, "\":");
    ae_json_write(b, value);
}


double
ngx_http_apievents_number(const ae_value_t *map, const char *name)
{
    ae_value_t  *v;

    v = ae_value_get(map, name);

    if (v == NULL || v->type != AE_NUMBER) {
        return 0;
    }

    return v->number;
}
