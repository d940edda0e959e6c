/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions as documents: which fields there are (Tyk's session object
 * of versions 1.9 to 5.15), and how one is written.  What is not known is kept
 * as it is: newer fields, and those of other tools.
 */


#include "apievents.h"
#include "store/store_private.h"


static void ngx_http_apievents_write_member(ae_buf_t *b,
    const ae_value_t *value);


static const ae_member_t  ngx_http_apievents_limit_fields[] = {
    ae_member_number("rate"),
    ae_member_number("per"),
    ae_member_number("throttle_interval"),
    ae_member_integer("throttle_retry_limit"),
    ae_member_integer("max_query_depth"),
    ae_member_integer("quota_max"),
    ae_member_integer("quota_renews"),
    ae_member_integer("quota_remaining"),
    ae_member_integer("quota_renewal_rate"),
    ae_member_object("smoothing", AE_KIND_ANY, NULL),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_url_fields[] = {
    ae_member_string("url"),
    ae_member_array("methods", AE_KIND_STRING, NULL),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_rate_fields[] = {
    ae_member_number("rate"),
    ae_member_number("per"),
    ae_member_object("smoothing", AE_KIND_ANY, NULL),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_method_fields[] = {
    ae_member_string("name"),
    ae_member_object("limit", AE_KIND_ANY,
                 ngx_http_apievents_rate_fields),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_endpoint_fields[] = {
    ae_member_string("path"),
    ae_member_array("methods", AE_KIND_OBJECT,
                ngx_http_apievents_method_fields),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_access_fields[] = {
    ae_member_string("api_name"),
    ae_member_string("api_id"),
    ae_member_array("versions", AE_KIND_STRING, NULL),
    ae_member_array("allowed_urls", AE_KIND_OBJECT,
                ngx_http_apievents_url_fields),
    ae_member_array("restricted_types", AE_KIND_OBJECT, NULL),
    ae_member_array("allowed_types", AE_KIND_OBJECT, NULL),
    ae_member_object("limit", AE_KIND_ANY,
                 ngx_http_apievents_limit_fields),
    ae_member_array("field_access_rights", AE_KIND_OBJECT, NULL),
    ae_member_boolean("disable_introspection"),
    ae_member_string("allowance_scope"),
    ae_member_array("endpoints", AE_KIND_OBJECT,
                ngx_http_apievents_endpoint_fields),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_basic_fields[] = {
    ae_member_string("password"),
    ae_member_string("hash_type"),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_jwt_fields[] = {
    ae_member_string("secret"),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_monitor_fields[] = {
    ae_member_array("trigger_limits", AE_KIND_NUMBER, NULL),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_smooth_fields[] = {
    ae_member_boolean("enabled"),
    ae_member_integer("threshold"),
    ae_member_number("trigger"),
    ae_member_integer("step"),
    ae_member_integer("delay"),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_session_fields[] = {
    ae_member_integer("last_check"),
    ae_member_number("allowance"),
    ae_member_number("rate"),
    ae_member_number("per"),
    ae_member_number("throttle_interval"),
    ae_member_integer("throttle_retry_limit"),
    ae_member_integer("max_query_depth"),
    ae_member_string("date_created"),
    ae_member_integer("expires"),
    ae_member_integer("quota_max"),
    ae_member_integer("quota_renews"),
    ae_member_integer("quota_remaining"),
    ae_member_integer("quota_renewal_rate"),
    ae_member_object("access_rights", AE_KIND_OBJECT,
                 ngx_http_apievents_access_fields),
    ae_member_string("org_id"),
    ae_member_string("oauth_client_id"),
    ae_member_object("oauth_keys", AE_KIND_STRING, NULL),
    ae_member_string("certificate"),
    ae_member_array("mtls_static_certificate_bindings",
                AE_KIND_STRING, NULL),
    ae_member_object("basic_auth_data", AE_KIND_ANY,
                 ngx_http_apievents_basic_fields),
    ae_member_object("jwt_data", AE_KIND_ANY,
                 ngx_http_apievents_jwt_fields),
    ae_member_boolean("hmac_enabled"),
    ae_member_string("hmac_string"),
    ae_member_string("rsa_certificate_id"),
    ae_member_boolean("enable_http_signature_validation"),
    ae_member_boolean("is_inactive"),
    ae_member_string("apply_policy_id"),
    ae_member_array("apply_policies", AE_KIND_STRING, NULL),
    ae_member_integer("data_expires"),
    ae_member_object("monitor", AE_KIND_ANY,
                 ngx_http_apievents_monitor_fields),
    ae_member_boolean("enable_detail_recording"),
    ae_member_boolean("enable_detailed_recording"),
    ae_member_object("meta_data", AE_KIND_ANY, NULL),
    ae_member_array("tags", AE_KIND_STRING, NULL),
    ae_member_string("alias"),
    ae_member_string("last_updated"),
    ae_member_integer("id_extractor_deadline"),
    ae_member_integer("session_lifetime"),
    ae_member_string("post_expiry_action"),
    ae_member_integer("post_expiry_grace_period"),
    ae_member_object("smoothing", AE_KIND_ANY,
                 ngx_http_apievents_smooth_fields),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_partition_fields[] = {
    ae_member_boolean("quota"),
    ae_member_boolean("rate_limit"),
    ae_member_boolean("complexity"),
    ae_member_boolean("acl"),
    ae_member_boolean("per_api"),
    ae_member_end
};


const ae_member_t  ngx_http_apievents_policy_members[] = {
    ae_member_string("id"),
    ae_member_string("_id"),
    ae_member_string("name"),
    ae_member_string("org_id"),
    ae_member_number("rate"),
    ae_member_number("per"),
    ae_member_integer("quota_max"),
    ae_member_integer("quota_renewal_rate"),
    ae_member_number("throttle_interval"),
    ae_member_integer("throttle_retry_limit"),
    ae_member_integer("max_query_depth"),
    ae_member_object("access_rights", AE_KIND_OBJECT,
                 ngx_http_apievents_access_fields),
    ae_member_boolean("hmac_enabled"),
    ae_member_boolean("enable_http_signature_validation"),
    ae_member_boolean("active"),
    ae_member_boolean("is_inactive"),
    ae_member_array("tags", AE_KIND_STRING, NULL),
    ae_member_integer("key_expires_in"),
    ae_member_string("post_expiry_action"),
    ae_member_integer("post_expiry_grace_period"),
    ae_member_object("partitions", AE_KIND_ANY,
                 ngx_http_apievents_partition_fields),
    ae_member_string("last_updated"),
    ae_member_object("meta_data", AE_KIND_ANY, NULL),
    ae_member_object("graphql_access_rights", AE_KIND_ANY, NULL),
    ae_member_object("smoothing", AE_KIND_ANY,
                 ngx_http_apievents_smooth_fields),
    ae_member_end
};


ngx_int_t
ngx_http_apievents_check_policy(const ae_value_t *policy, ae_error_t *err)
{
    return ae_members_check(policy, ngx_http_apievents_policy_members, err)
           == AE_OK ? NGX_OK : NGX_ERROR;
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

    return ae_members_check(session, ngx_http_apievents_session_fields, err)
           == AE_OK ? NGX_OK : NGX_ERROR;
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
