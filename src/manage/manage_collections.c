/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Kinds of managed objects.  Of Sensedia's Manager model, and of
 * Tyk's organisations; what else an object has is kept as it is.
 */


#include "manage/manage_object.h"


static int ngx_http_apievents_status_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);
static int ngx_http_apievents_word_check(const ae_value_t *data,
    const char *name, const char *const *words, ae_error_t *err);
static int ngx_http_apievents_app_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);
static int ngx_http_apievents_developer_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);
static int ngx_http_apievents_policy_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);


const ae_str_t  ngx_http_apievents_actions[] = {
    ae_string("created"),
    ae_string("updated"),
    ae_string("deleted")
};


static const ae_member_t  ngx_http_apievents_app_members[] = {
    ae_member_string("id"),
    ae_member_string("name"),
    ae_member_string("description"),
    ae_member_string("clientId"),
    ae_member_string("secret"),
    ae_member_string("link"),
    ae_member_string("icon"),
    ae_member_boolean("showAppGallery"),
    ae_member_string("status"),
    ae_member_string("creationDate"),
    ae_member_object("extraInfo", AE_KIND_ANY, NULL),
    ae_member_array("apis", AE_KIND_ANY, NULL),
    ae_member_array("accessTokens", AE_KIND_ANY, NULL),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_developer_members[] = {
    ae_member_string("id"),
    ae_member_string("name"),
    ae_member_string("login"),
    ae_member_string("email"),
    ae_member_string("password"),
    ae_member_string("role"),
    ae_member_string("status"),
    ae_member_string("complements"),
    ae_member_string("creationDate"),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_token_members[] = {
    ae_member_string("id"),
    ae_member_string("code"),
    ae_member_string("refreshToken"),
    ae_member_string("status"),
    ae_member_string("owner"),
    ae_member_string("scope"),
    ae_member_number("expiresIn"),
    ae_member_string("creationDate"),
    ae_member_string("expiredDate"),
    ae_member_object("extraInfo", AE_KIND_ANY, NULL),
    ae_member_array("planIds", AE_KIND_ANY, NULL),
    ae_member_array("apis", AE_KIND_ANY, NULL),
    ae_member_object("app", AE_KIND_ANY, NULL),
    ae_member_end
};


static const ae_member_t  ngx_http_apievents_config_members[] = {
    ae_member_string("id"),
    ae_member_end
};


static const char *const  ngx_http_apievents_app_secrets[] = {
    "secret", NULL
};


static const char *const  ngx_http_apievents_developer_secrets[] = {
    "password", NULL
};


static const char *const  ngx_http_apievents_token_secrets[] = {
    "code", "refreshToken", NULL
};


static const char *const  ngx_http_apievents_callback_secrets[] = {
    "secret", NULL
};


static const ngx_http_apievents_collection_t
    ngx_http_apievents_collections[] =
{
    { .path = ae_string("apps"), .name = ae_string("app"),
      .object = ae_string("app"), .key = "id",
      .members = ngx_http_apievents_app_members,
      .secrets = ngx_http_apievents_app_secrets,
      .check = ngx_http_apievents_app_check,
      .integration = 1 },

    { .path = ae_string("developers"), .name = ae_string("developer"),
      .object = ae_string("developer"), .key = "id",
      .members = ngx_http_apievents_developer_members,
      .secrets = ngx_http_apievents_developer_secrets,
      .check = ngx_http_apievents_developer_check,
      .integration = 1 },

    { .path = ae_string("access-tokens"), .name = ae_string("access-token"),
      .object = ae_string("access-token"), .key = "id",
      .members = ngx_http_apievents_token_members,
      .secrets = ngx_http_apievents_token_secrets,
      .check = ngx_http_apievents_status_check,
      .integration = 1 },

    { .path = ae_string("system-config"),
      .name = ae_string("system-config"),
      .object = ae_string("system-config"), .key = "id",
      .members = ngx_http_apievents_config_members },

    { .path = ae_string("callbacks"), .name = ae_string("callback"),
      .object = ae_string(""), .key = "id",
      .members = ngx_http_apievents_callback_members,
      .secrets = ngx_http_apievents_callback_secrets,
      .check = ngx_http_apievents_callback_check,
      .sealed = 1, .calls = 1, .kept = 1 },

    { .path = ae_string("organisations"),
      .name = ae_string("organisation"),
      .object = ae_string(""), .key = "id",
      .members = ngx_http_apievents_organisation_members,
      .check = ngx_http_apievents_organisation_check,
      .kept = 1 },

    { .path = ae_string("endpoints"), .name = ae_string("endpoint"),
      .object = ae_string(""), .key = "id",
      .members = ngx_http_apievents_endpoint_members,
      .secrets = ngx_http_apievents_callback_secrets,
      .check = ngx_http_apievents_endpoint_check,
      .sealed = 1, .kept = 1 },

    { .path = ae_string("key-requests"), .name = ae_string("key-request"),
      .object = ae_string(""), .key = "id",
      .members = ngx_http_apievents_request_members,
      .check = ngx_http_apievents_request_check,
      .settle = ngx_http_apievents_request_settle,
      .portal = ae_string("key_request_event"),
      .integration = 1 },

    { .path = ae_string("plans"), .name = ae_string("policy"),
      .object = ae_string("plan"), .key = "id",
      .members = ngx_http_apievents_policy_members,
      .check = ngx_http_apievents_policy_check,
      .fixed = ngx_http_apievents_policies_fixed,
      .integration = 1, .zone = 1 },

    { .path = ae_string("policies"), .name = ae_string("policy"),
      .object = ae_string("plan"), .key = "id",
      .members = ngx_http_apievents_policy_members,
      .check = ngx_http_apievents_policy_check,
      .fixed = ngx_http_apievents_policies_fixed,
      .none = "Policy not found",
      .integration = 1, .zone = 1, .tyk = 1, .put = 1 },

    { .path = ae_string("") }
};


const ngx_http_apievents_collection_t *
ngx_http_apievents_collection(const ngx_str_t *path)
{
    const ngx_http_apievents_collection_t  *type;

    for (type = ngx_http_apievents_collections;
         type->path.len != 0;
         type++)
    {
        if (type->path.len == path->len
            && ngx_memcmp(type->path.data, path->data, path->len) == 0)
        {
            return type;
        }
    }

    return NULL;
}


int
ngx_http_apievents_str_is(ae_str_t s, const char *text)
{
    return ngx_strlen(text) == s.len
           && ngx_memcmp(s.data, text, s.len) == 0;
}


int
ngx_http_apievents_one_of(ae_str_t s, const char *const *words)
{
    for ( /* void */ ; *words != NULL; words++) {
        if (ngx_http_apievents_str_is(s, *words)) {
            return 1;
        }
    }

    return 0;
}


static int
ngx_http_apievents_word_check(const ae_value_t *data, const char *name,
    const char *const *words, ae_error_t *err)
{
    u_char            *p, *last;
    const ae_value_t  *v;

    v = ae_value_get(data, name);

    if (v == NULL || v->type == AE_NULL
        || ngx_http_apievents_one_of(v->s, words))
    {
        return AE_OK;
    }

    p = (u_char *) err->text;
    last = p + sizeof(err->text) - 1;

    err->line = v->line;
    p = ngx_slprintf(p, last, "\"%s\" must be one of", name);

    for ( /* void */ ; *words != NULL; words++) {
        p = ngx_slprintf(p, last, " %s", *words);
    }

    *p = '\0';

    return AE_DECLINED;
}


static int
ngx_http_apievents_app_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    static const char *const  words[] = {
        "APPROVED", "PENDING", "REJECTED", "CANCELLED", NULL
    };

    return ngx_http_apievents_word_check(data, "status", words, err);
}


static int
ngx_http_apievents_developer_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    static const char *const  roles[] = { "ADMIN", "VIEWER", NULL };
    static const char *const  words[] = {
        "ACTIVE", "PENDING", "BLOCKED", NULL
    };

    if (ngx_http_apievents_word_check(data, "role", roles, err) != AE_OK) {
        return AE_DECLINED;
    }

    return ngx_http_apievents_word_check(data, "status", words, err);
}


static int
ngx_http_apievents_status_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    static const char *const  words[] = {
        "ACTIVE", "REVOKED", "EXPIRED", NULL
    };

    return ngx_http_apievents_word_check(data, "status", words, err);
}


static int
ngx_http_apievents_policy_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err)
{
    return ngx_http_apievents_plan_check(data, err);
}
