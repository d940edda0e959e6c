/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_definition: what a Tyk classic definition says of an API, kept apart
 * from the directives beside it, which win.
 */


#include "definition/definition_private.h"


#define NGX_HTTP_APIEVENTS_DEFINITION_MAX    (4 * 1024 * 1024)


static ngx_int_t ngx_http_apievents_definition_flags(
    ngx_http_apievents_definition_t *def);
static ngx_int_t ngx_http_apievents_definition_auth(
    ngx_http_apievents_definition_t *def);
static ngx_int_t ngx_http_apievents_definition_sources(
    ngx_http_apievents_definition_t *def, const ae_value_t *map);
static ngx_int_t ngx_http_apievents_definition_source(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_uint_t kind, const char *use, const char *field, ngx_str_t *header);


char *
ngx_http_apievents_api_definition(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_int_t                         rc;
    ngx_str_t                        *value;
    ae_arena_t                       *arena;
    ngx_http_apievents_definition_t   def;

    if (lcf->gate.definition != NULL) {
        return "is duplicate";
    }

    ngx_memzero(&def, sizeof(ngx_http_apievents_definition_t));

    def.cf = cf;

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    arena = ae_arena_create(NGX_HTTP_APIEVENTS_DEFINITION_ARENA);
    if (arena == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_apievents_definition_read(&def, &value[1], arena);

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_definition_apply(&def);
    }

    ngx_http_apievents_definition_leave(&def);
    ae_arena_destroy(arena);

    return (rc == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* from here on errors are the definition's and name it */

ngx_int_t
ngx_http_apievents_definition_read(ngx_http_apievents_definition_t *def,
    ngx_str_t *file, ae_arena_t *arena)
{
    ngx_str_t    text;
    ae_error_t   err;
    ae_value_t  *v;
    ngx_conf_t  *cf;

    cf = def->cf;

    def->outer = cf->conf_file;

    if (ngx_array_init(&def->ignored, cf->pool, 4, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_read_file(cf, file,
                                     NGX_HTTP_APIEVENTS_DEFINITION_MAX, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    def->place = *cf->conf_file;
    def->place.file.name = *file;
    def->place.line = 1;

    cf->conf_file = &def->place;

    def->root = ae_json_parse(arena, (ae_str_t) { text.len, text.data },
                              &err);

    (void) ngx_pfree(cf->pool, text.data);

    if (def->root == NULL) {
        def->place.line = err.line;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid definition: %s",
                           err.text);
        return NGX_ERROR;
    }

    if (ngx_http_apievents_entry_expect(def, def->root, AE_MAP, "definition")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* Tyk's dashboard answers with one that stands in another object */

    v = ae_value_get(def->root, "api_definition");

    if (v != NULL && v->type == AE_MAP) {
        def->root = v;
    }

    return NGX_OK;
}


void
ngx_http_apievents_definition_enter(ngx_http_apievents_definition_t *def)
{
    def->cf->conf_file = &def->place;
}


void
ngx_http_apievents_definition_leave(ngx_http_apievents_definition_t *def)
{
    def->cf->conf_file = def->outer;
}


ngx_int_t
ngx_http_apievents_definition_apply(ngx_http_apievents_definition_t *def)
{
    ngx_conf_t       *cf;
    ngx_conf_file_t  *place;

    cf = def->cf;

    def->lcf = ngx_http_conf_get_module_loc_conf(cf,
                                                 ngx_http_apievents_module);

    def->gcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_gate_conf_t));
    if (def->gcf == NULL) {
        return NGX_ERROR;
    }

    ngx_http_apievents_gate_create_conf(def->gcf);
    def->lcf->gate.definition = def->gcf;

    def->more = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_more_t));
    if (def->more == NULL) {
        return NGX_ERROR;
    }

    def->gcf->more = def->more;

    /* an API of a folder stands in its own file */

    place = cf->conf_file;
    cf->conf_file = (def->service != NULL) ? place : def->outer;

    if (ngx_http_apievents_place(cf, &def->gcf->place) != NGX_OK) {
        return NGX_ERROR;
    }

    cf->conf_file = place;

    if (ngx_http_apievents_definition_id(def, "api_id", &def->gcf->api)
        != NGX_OK
        || ngx_http_apievents_definition_id(def, "org_id", &def->gcf->org)
           != NGX_OK
        || ngx_http_apievents_definition_flags(def) != NGX_OK
        || ngx_http_apievents_definition_auth(def) != NGX_OK
        || ngx_http_apievents_definition_access(def) != NGX_OK
        || ngx_http_apievents_definition_rate(def) != NGX_OK
        || ngx_http_apievents_definition_versions(def) != NGX_OK
        || ngx_http_apievents_definition_events(def) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_definition_report(def);
}


ngx_int_t
ngx_http_apievents_definition_id(ngx_http_apievents_definition_t *def,
    const char *name, ngx_str_t *id)
{
    if (ngx_http_apievents_entry_string(def, def->root, name, id) != NGX_OK) {
        return NGX_ERROR;
    }

    if (id->len == 0 || ngx_http_apievents_valid_id(id) == NGX_OK) {
        return NGX_OK;
    }

    ngx_http_apievents_entry_error(def, ae_value_get(def->root, name), name,
                                   "1 to 128 characters of A-Z, a-z, 0-9, "
                                   "\".\", \"_\" and \"-\"");
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_definition_flags(ngx_http_apievents_definition_t *def)
{
    ngx_flag_t                       no_rate, no_quota, internal;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = def->gcf;

    gcf->active = 1;
    no_rate = 0;
    no_quota = 0;
    internal = 0;

    if (ngx_http_apievents_entry_bool(def, def->root, "active", &gcf->active)
        != NGX_OK
        || ngx_http_apievents_entry_bool(def, def->root,
                                         "disable_rate_limit", &no_rate)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, def->root, "disable_quota",
                                         &no_quota)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, def->root, "internal",
                                         &internal)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* clients cannot call it; who writes its location lets them */

    if (internal && def->service != NULL) {
        gcf->active = 0;
    }

    gcf->key_rate = !no_rate;
    gcf->key_quota = !no_quota;

    return NGX_OK;
}


/* a definition that says nothing of authentication inherits it */

static ngx_int_t
ngx_http_apievents_definition_auth(ngx_http_apievents_definition_t *def)
{
    ae_value_t  *auth, *configs, *token;
    ngx_flag_t   keyless;

    keyless = NGX_CONF_UNSET;
    token = NULL;

    if (ngx_http_apievents_entry_bool(def, def->root, "use_keyless",
                                      &keyless)
        != NGX_OK
        || ngx_http_apievents_entry(def, def->root, "auth", AE_MAP, &auth)
           != NGX_OK
        || ngx_http_apievents_entry(def, def->root, "auth_configs", AE_MAP,
                                    &configs)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (configs != NULL
        && ngx_http_apievents_entry(def, configs, "authToken", AE_MAP, &token)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (keyless == NGX_CONF_UNSET && auth == NULL && token == NULL) {
        return NGX_OK;
    }

    def->gcf->auth = ngx_array_create(def->cf->pool, 3,
                                      sizeof(ngx_http_apievents_auth_t));
    if (def->gcf->auth == NULL) {
        return NGX_ERROR;
    }

    if (keyless == 1) {
        return NGX_OK;
    }

    return ngx_http_apievents_definition_sources(def, token ? token : auth);
}


/* as in Tyk: a parameter overrides the header, and a cookie overrides both */

static ngx_int_t
ngx_http_apievents_definition_sources(ngx_http_apievents_definition_t *def,
    const ae_value_t *map)
{
    ngx_str_t    header;
    ngx_flag_t   no_header;
    ngx_uint_t   n;

    no_header = 0;

    if (ngx_http_apievents_entry_string(def, map, "auth_header_name", &header)
        != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "disable_header",
                                         &no_header)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (header.len == 0) {
        ngx_str_set(&header, "Authorization");
    }

    if (ngx_http_apievents_definition_source(def, map, 'c', "use_cookie",
                                             "cookie_name", &header)
        != NGX_OK
        || ngx_http_apievents_definition_source(def, map, 'q', "use_param",
                                                "param_name", &header)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!no_header) {
        return ngx_http_apievents_definition_source(def, map, 'h', NULL,
                                                    "auth_header_name",
                                                    &header);
    }

    n = def->gcf->auth->nelts;

    if (n == 0) {
        ngx_http_apievents_entry_error(def, map, "disable_header",
                                       "false, or \"use_param\" or "
                                       "\"use_cookie\" beside it");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_definition_source(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_uint_t kind, const char *use,
    const char *field, ngx_str_t *header)
{
    ngx_int_t          rc;
    ngx_str_t          name;
    ngx_flag_t         used;
    const ae_value_t  *v;

    used = (use == NULL);

    if (use != NULL
        && ngx_http_apievents_entry_bool(def, map, use, &used) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_entry_string(def, map, field, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!used) {
        return NGX_OK;
    }

    if (name.len == 0) {
        name = *header;
    }

    rc = ngx_http_apievents_add_auth(def->cf, def->gcf->auth, kind, &name);

    if (rc == NGX_DECLINED) {
        v = ae_value_get(map, field);
        ngx_http_apievents_entry_error(def, v ? v : map, field,
                                       "the name of a header, a query "
                                       "parameter or a cookie");
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_apievents_definition_number(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, double max, const char *expected,
    double *n)
{
    ae_value_t  *v;

    if (ngx_http_apievents_entry(def, map, name, AE_NUMBER, &v) != NGX_OK) {
        return NGX_ERROR;
    }

    if (v == NULL) {
        return NGX_OK;
    }

    if (!(v->number <= max)) {
        ngx_http_apievents_entry_error(def, v, name, expected);
        return NGX_ERROR;
    }

    *n = v->number;

    return NGX_OK;
}
