/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who may call the management API.
 */


#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "manage/manage_private.h"


#define NGX_HTTP_APIEVENTS_SECRET_MIN     8

/* a caller's delays begin anew when it was right for so long */
#define NGX_HTTP_APIEVENTS_REFUSED_FOR    60000000000
#define NGX_HTTP_APIEVENTS_REFUSED_FIRST  50        /* ms */
#define NGX_HTTP_APIEVENTS_REFUSED_MOST   5000


static ngx_int_t ngx_http_apievents_user_param(ngx_conf_t *cf,
    ngx_http_apievents_user_t *user, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_user_role(ngx_conf_t *cf,
    ngx_http_apievents_user_t *user, ngx_str_t *role);
static ngx_int_t ngx_http_apievents_user_known(ngx_conf_t *cf,
    ngx_array_t *users, ngx_http_apievents_user_t *user);
static void ngx_http_apievents_user_secret(ngx_http_request_t *r,
    ngx_str_t *secret);
static ngx_str_t *ngx_http_apievents_user_header(ngx_http_request_t *r,
    const char *name);
static ae_str_t ngx_http_apievents_refused_address(ngx_connection_t *c);


static ngx_str_t  ngx_http_apievents_roles[] = {
    ngx_string("admin"),
    ngx_string("view"),
    ngx_string("integration"),
    ngx_null_string
};


char *
ngx_http_apievents_api_admin_user(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_main_conf_t  *mcf = conf;

    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_array_t               **users;
    ngx_http_apievents_user_t   user, *u;

    users = &mcf->manage.users;

    if (*users == NULL) {
        *users = ngx_array_create(cf->pool, 2,
                                  sizeof(ngx_http_apievents_user_t));
        if (*users == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_memzero(&user, sizeof(ngx_http_apievents_user_t));

    value = cf->args->elts;
    user.name = value[1];

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_apievents_user_param(cf, &user, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (user.name.len == 0 || !user.has_secret) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a name and \"secret=\" are expected");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_apievents_user_known(cf, *users, &user) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    u = ngx_array_push(*users);
    if (u == NULL) {
        return NGX_CONF_ERROR;
    }

    *u = user;

    return NGX_CONF_OK;
}


/* the secret itself is forgotten: what is compared is its hash */

static ngx_int_t
ngx_http_apievents_user_param(ngx_conf_t *cf,
    ngx_http_apievents_user_t *user, ngx_str_t *value)
{
    ngx_str_t  s;

    if (value->len >= 5 && ngx_strncmp(value->data, "role=", 5) == 0) {
        s.data = value->data + 5;
        s.len = value->len - 5;

        return ngx_http_apievents_user_role(cf, user, &s);
    }

    if (value->len < 7 || ngx_strncmp(value->data, "secret=", 7) != 0
        || user->has_secret)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown or repeated parameter, \"secret=\" and "
                           "\"role=\" are expected");
        return NGX_ERROR;
    }

    s.data = value->data + 7;
    s.len = value->len - 7;

    if (ngx_http_apievents_secret_value(cf, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    if (s.len < NGX_HTTP_APIEVENTS_SECRET_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the secret of \"%V\" is too short, at least %d "
                           "characters are expected", &user->name,
                           NGX_HTTP_APIEVENTS_SECRET_MIN);
        return NGX_ERROR;
    }

    (void) SHA256(s.data, s.len, user->secret);
    user->has_secret = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_user_role(ngx_conf_t *cf, ngx_http_apievents_user_t *user,
    ngx_str_t *role)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_apievents_roles[i].len != 0; i++) {

        if (role->len == ngx_http_apievents_roles[i].len
            && ngx_strncmp(role->data, ngx_http_apievents_roles[i].data,
                           role->len)
               == 0)
        {
            user->role = i;
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"role=%V\", \"admin\", \"view\" or "
                       "\"integration\" is expected", role);

    return NGX_ERROR;
}


const ngx_str_t *
ngx_http_apievents_role_name(ngx_uint_t role)
{
    return &ngx_http_apievents_roles[role];
}


/* two users of one secret could not be told apart */

static ngx_int_t
ngx_http_apievents_user_known(ngx_conf_t *cf, ngx_array_t *users,
    ngx_http_apievents_user_t *user)
{
    ngx_uint_t                  i;
    ngx_http_apievents_user_t  *u;

    u = users->elts;

    for (i = 0; i < users->nelts; i++) {

        if (u[i].name.len == user->name.len
            && ngx_strncmp(u[i].name.data, user->name.data, user->name.len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate user \"%V\"", &user->name);
            return NGX_ERROR;
        }

        if (CRYPTO_memcmp(u[i].secret, user->secret, SHA256_DIGEST_LENGTH)
            == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" and \"%V\" have the same secret",
                               &u[i].name, &user->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* all users are compared with, so that time tells nothing */

ngx_http_apievents_user_t *
ngx_http_apievents_user(ngx_http_request_t *r)
{
    u_char                           digest[SHA256_DIGEST_LENGTH];
    ngx_str_t                        secret;
    ngx_uint_t                       i;
    ngx_array_t                     *users;
    ngx_http_apievents_user_t       *u, *found;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);
    users = mcf->manage.users;

    if (users == NULL) {
        return NULL;
    }

    ngx_http_apievents_user_secret(r, &secret);
    (void) SHA256(secret.data, secret.len, digest);

    u = users->elts;
    found = NULL;

    for (i = 0; i < users->nelts; i++) {
        if (CRYPTO_memcmp(u[i].secret, digest, SHA256_DIGEST_LENGTH) == 0) {
            found = &u[i];
        }
    }

    return found;
}


static void
ngx_http_apievents_user_secret(ngx_http_request_t *r, ngx_str_t *secret)
{
    ngx_str_t  *value;

    value = ngx_http_apievents_user_header(r, "X-Tyk-Authorization");

    if (value == NULL) {
        value = ngx_http_apievents_user_header(r, "Admin-Auth");
    }

    if (value != NULL) {
        *secret = *value;
        return;
    }

    ngx_str_null(secret);
    secret->data = (u_char *) "";

    if (r->headers_in.authorization == NULL) {
        return;
    }

    value = &r->headers_in.authorization->value;

    if (value->len > 7
        && ngx_strncasecmp(value->data, (u_char *) "Bearer ", 7) == 0)
    {
        secret->data = value->data + 7;
        secret->len = value->len - 7;
    }
}


static ngx_str_t *
ngx_http_apievents_user_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


/* twice as long each time, by the address, over all workers */

ngx_msec_t
ngx_http_apievents_refused_delay(ngx_http_request_t *r)
{
    size_t                           refused;
    ae_now_t                         now;
    ae_str_t                         parts[2];
    uint64_t                         n;
    ngx_msec_t                       delay;
    ae_limit_use_t                   use;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    if (mcf->store.zone == NULL) {
        return NGX_HTTP_APIEVENTS_REFUSED_MOST;
    }

    ngx_memzero(&use, sizeof(ae_limit_use_t));

    parts[0] = ae_str("admin");
    parts[1] = ngx_http_apievents_refused_address(r->connection);

    use.id = ae_hash(mcf->store.zone->secret, parts, 2);
    use.rule.mode = AE_LIMIT_QUOTA;
    use.rule.max = 16;
    use.rule.period = NGX_HTTP_APIEVENTS_REFUSED_FOR;

    ae_now(&now);

    if (ae_limits_take(mcf->store.zone->limits, &use, 1, &now, &refused)
        != AE_OK)
    {
        return NGX_HTTP_APIEVENTS_REFUSED_MOST;
    }

    delay = NGX_HTTP_APIEVENTS_REFUSED_FIRST;

    for (n = use.rule.max - use.remaining; n > 1; n--) {
        delay *= 2;

        if (delay >= NGX_HTTP_APIEVENTS_REFUSED_MOST) {
            return NGX_HTTP_APIEVENTS_REFUSED_MOST;
        }
    }

    return delay;
}


/* who has one address of IPv6 has all that differ in the last 64 bits */

static ae_str_t
ngx_http_apievents_refused_address(ngx_connection_t *c)
{
#if (NGX_HAVE_INET6)
    ae_str_t              network;
    struct sockaddr_in6  *sin6;

    if (c->sockaddr->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) c->sockaddr;

        if (!IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            network.len = 8;
            network.data = sin6->sin6_addr.s6_addr;

            return network;
        }
    }
#endif

    return *(ae_str_t *) &c->addr_text;
}
