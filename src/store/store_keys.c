/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions owned by a file: read and checked by the directive, with their
 * policies when the http block is complete.
 */


#include "apievents.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_KEYS_MAX    (64 * 1024 * 1024)

/* what a parsed document may take, as a multiple of its text */
#define NGX_HTTP_APIEVENTS_KEYS_RATIO  32


static ngx_http_apievents_loaded_t *ngx_http_apievents_loaded(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf);
static char *ngx_http_apievents_keys_parse(ngx_conf_t *cf,
    ngx_http_apievents_loaded_t *loaded,
    ngx_http_apievents_loaded_file_t *file, ngx_str_t *text);
static ngx_int_t ngx_http_apievents_keys_take(
    ngx_http_apievents_loaded_t *loaded,
    ngx_http_apievents_loaded_file_t *file, const ae_value_t *document,
    ae_error_t *err);
static ngx_int_t ngx_http_apievents_keys_take_one(
    ngx_http_apievents_loaded_t *loaded, const ae_value_t *session,
    ngx_http_apievents_loaded_session_t *ls, ae_error_t *err);
static ngx_int_t ngx_http_apievents_keys_keep(
    ngx_http_apievents_loaded_t *loaded, const ae_value_t *session,
    ae_buf_t *b, ngx_http_apievents_loaded_session_t *ls);
static ngx_int_t ngx_http_apievents_keys_twice(
    ngx_http_apievents_loaded_file_t *file, ae_error_t *err);
static int ngx_libc_cdecl ngx_http_apievents_keys_compare(const void *one,
    const void *two);

static ngx_int_t ngx_http_apievents_keys_policies(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file);
static ngx_int_t ngx_http_apievents_keys_policy(
    ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file,
    ngx_http_apievents_loaded_session_t *ls, ae_error_t *err);


/* api_keys and api_org_keys */

char *
ngx_http_apievents_api_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_main_conf_t  *mcf = conf;

    char                              *rv;
    ngx_str_t                         *value, *name, text;
    ngx_uint_t                         orgs;
    ngx_http_apievents_loaded_t       *loaded;
    ngx_http_apievents_loaded_file_t  *file;

    value = cf->args->elts;
    orgs = (ngx_strcmp(cmd->name.data, "api_org_keys") == 0);
    name = orgs ? &mcf->store.org_keys : &mcf->store.keys;

    if (name->len != 0) {
        return "is duplicate";
    }

    if (value[1].len == 0) {
        return "has an empty argument, a file is expected";
    }

    *name = value[1];

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    loaded = ngx_http_apievents_loaded(cf, &mcf->store);
    if (loaded == NULL) {
        return NGX_CONF_ERROR;
    }

    file = orgs ? &loaded->orgs : &loaded->keys;
    file->file = *name;

    if (ngx_http_apievents_read_file(cf, name, NGX_HTTP_APIEVENTS_KEYS_MAX,
                                     &text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_apievents_keys_parse(cf, loaded, file, &text);

    /* nothing outside the zone shall keep the credentials */
    ngx_explicit_memzero(text.data, text.len);
    (void) ngx_pfree(cf->pool, text.data);

    return rv;
}


static ngx_http_apievents_loaded_t *
ngx_http_apievents_loaded(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_apievents_loaded_t  *loaded;

    if (scf->loaded != NULL) {
        return scf->loaded;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_apievents_loaded_t));
    if (cln == NULL) {
        return NULL;
    }

    loaded = cln->data;
    ngx_memzero(loaded, sizeof(ngx_http_apievents_loaded_t));

    loaded->arena = ae_arena_create(0);
    if (loaded->arena == NULL) {
        return NULL;
    }

    /* nginx keeps what it compiles while it reads a configuration */
    loaded->pool = cf->pool;
    ngx_rbtree_init(&loaded->regexes, &loaded->sentinel,
                    ngx_str_rbtree_insert_value);

    cln->handler = ngx_http_apievents_loaded_cleanup;
    scf->loaded = loaded;

    return loaded;
}


void
ngx_http_apievents_loaded_cleanup(void *data)
{
    ngx_http_apievents_loaded_t  *loaded = data;

    if (loaded->arena != NULL) {
        ae_arena_destroy(loaded->arena);
        loaded->arena = NULL;
    }

    loaded->keys.n = 0;
    loaded->orgs.n = 0;
}


static char *
ngx_http_apievents_keys_parse(ngx_conf_t *cf,
    ngx_http_apievents_loaded_t *loaded,
    ngx_http_apievents_loaded_file_t *file, ngx_str_t *text)
{
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *document;
    ngx_int_t    rc;

    arena = ae_arena_create(text->len * NGX_HTTP_APIEVENTS_KEYS_RATIO
                            + NGX_HTTP_APIEVENTS_SESSION_MAX);
    if (arena == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = NGX_ERROR;
    ngx_memzero(&err, sizeof(ae_error_t));

    document = ae_json_parse(arena, *(ae_str_t *) text, &err);

    if (document != NULL) {
        rc = ngx_http_apievents_keys_take(loaded, file, document, &err);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_keys_twice(file, &err);
    }

    ae_arena_destroy(arena);

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V:%ud: %s",
                           &file->file, err.line, err.text);
        return NGX_CONF_ERROR;
    }

    ngx_http_apievents_warn_unsupported(cf, &file->file, file->unsupported);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_keys_take(ngx_http_apievents_loaded_t *loaded,
    ngx_http_apievents_loaded_file_t *file, const ae_value_t *document,
    ae_error_t *err)
{
    ae_value_t                           *rights;
    const ae_value_t                     *v;
    ngx_http_apievents_loaded_session_t  *ls;

    if (document->type != AE_MAP) {
        err->line = document->line;
        ngx_sprintf((u_char *) err->text,
                    "an object of sessions by key is expected%Z");
        return NGX_ERROR;
    }

    if (document->count == 0) {
        return NGX_OK;
    }

    file->sessions = ae_arena_alloc(loaded->arena, document->count
                               * sizeof(ngx_http_apievents_loaded_session_t));
    if (file->sessions == NULL) {
        ngx_sprintf((u_char *) err->text, "no memory%Z");
        return NGX_ERROR;
    }

    for (v = document->first; v != NULL; v = v->next) {
        ls = &file->sessions[file->n];

        if (ngx_http_apievents_keys_take_one(loaded, v, ls, err) != NGX_OK) {
            return NGX_ERROR;
        }

        file->n++;
        file->unsupported |= ngx_http_apievents_unsupported(v);

        rights = ae_value_get(v, "access_rights");

        /* those of policies may be read later */

        if (file->master == 0 && !ls->policies
            && (rights == NULL || rights->count == 0))
        {
            file->master = v->line;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_keys_take_one(ngx_http_apievents_loaded_t *loaded,
    const ae_value_t *session, ngx_http_apievents_loaded_session_t *ls,
    ae_error_t *err)
{
    ae_buf_t   b;
    ngx_int_t  rc;

    err->line = session->line;

    if (session->name.len == 0) {
        ngx_sprintf((u_char *) err->text, "a key must not be empty%Z");
        return NGX_ERROR;
    }

    if (ngx_http_apievents_check_session(session, err) != NGX_OK
        || ngx_http_apievents_rights_check(loaded->pool, &loaded->regexes,
                                           ae_value_get(session,
                                                        "access_rights"), err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_SESSION_MAX);

    ngx_http_apievents_write_session(&b, session, NULL);

    if (b.failed) {
        ae_buf_free(&b);
        ngx_sprintf((u_char *) err->text,
                    "a session of at most 1 MiB is expected%Z");
        return NGX_ERROR;
    }

    rc = ngx_http_apievents_keys_keep(loaded, session, &b, ls);

    ae_buf_free(&b);

    if (rc != NGX_OK) {
        ngx_sprintf((u_char *) err->text, "no memory%Z");
    }

    return rc;
}


static ngx_int_t
ngx_http_apievents_keys_keep(ngx_http_apievents_loaded_t *loaded,
    const ae_value_t *session, ae_buf_t *b,
    ngx_http_apievents_loaded_session_t *ls)
{
    ae_str_t           text;
    const ae_value_t  *v, *id;

    text.data = b->data;
    text.len = b->len;

    ls->text = ae_arena_dup(loaded->arena, text);
    if (ls->text.data == NULL) {
        return NGX_ERROR;
    }

    ls->name = ae_arena_dup(loaded->arena, session->name);
    if (ls->name.data == NULL) {
        return NGX_ERROR;
    }

    v = ae_value_get(session, "apply_policies");
    id = ae_value_get(session, "apply_policy_id");

    ls->policies = (v != NULL && v->count != 0)
                   || (id != NULL && id->s.len != 0);

    ls->record = ngx_http_apievents_record_most(session, ls->policies);

    ls->line = session->line;
    ls->key_id = ae_key_id(session->name);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_keys_twice(ngx_http_apievents_loaded_file_t *file,
    ae_error_t *err)
{
    ngx_uint_t                            i;
    ngx_http_apievents_loaded_session_t  *ls;

    ls = file->sessions;

    if (file->n == 0) {
        return NGX_OK;
    }

    qsort(ls, file->n, sizeof(ngx_http_apievents_loaded_session_t),
          ngx_http_apievents_keys_compare);

    for (i = 1; i < file->n; i++) {

        if (ae_id_equal(ls[i].key_id, ls[i - 1].key_id)) {
            err->line = ls[i].line;
            ngx_snprintf((u_char *) err->text, sizeof(err->text),
                         "the key is there twice, the first is in line %ui%Z",
                         ls[i - 1].line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_apievents_keys_compare(const void *one, const void *two)
{
    int                                         rc;
    const ngx_http_apievents_loaded_session_t  *first, *second;

    first = one;
    second = two;

    rc = ngx_memcmp(&first->key_id, &second->key_id, sizeof(ae_id_t));

    if (rc != 0) {
        return rc;
    }

    return (first->line > second->line) - (first->line < second->line);
}


ngx_int_t
ngx_http_apievents_store_init(ngx_conf_t *cf)
{
    ngx_http_apievents_loaded_t     *loaded;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    loaded = mcf->store.loaded;

    if (ngx_http_apievents_db_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (loaded == NULL) {
        return NGX_OK;
    }

    if (mcf->store.shm_zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" %V needs an \"api_zone\" in the http block",
                      loaded->keys.file.len ? "api_keys" : "api_org_keys",
                      loaded->keys.file.len ? &loaded->keys.file
                                            : &loaded->orgs.file);
        return NGX_ERROR;
    }

    if (ngx_http_apievents_keys_policies(cf, &mcf->store, &loaded->keys)
        != NGX_OK
        || ngx_http_apievents_keys_policies(cf, &mcf->store, &loaded->orgs)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (loaded->keys.master != 0 && mcf->gate.master_keys != 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%V:%ui: \"access_rights\" with at least one API are "
                      "expected, a session without any needs "
                      "\"api_master_keys on\"",
                      &loaded->keys.file, loaded->keys.master);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* all policies are there now, wherever api_policies stands */

static ngx_int_t
ngx_http_apievents_keys_policies(ngx_conf_t *cf,
    ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file)
{
    size_t                                n;
    ngx_uint_t                            i, orgs;
    ae_error_t                            err;
    ngx_http_apievents_loaded_session_t  *ls;

    for (i = 0; i < file->n; i++) {
        ls = &file->sessions[i];

        if (!ls->policies
            || ngx_http_apievents_keys_policy(scf, file, ls, &err) == NGX_OK)
        {
            continue;
        }

        orgs = (file != &((ngx_http_apievents_loaded_t *) scf->loaded)->keys);

        /* a credential is masked as it is in events */

        n = (ls->name.len < 16) ? 0 : 4;
        n = orgs ? ls->name.len : n;

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%V:%ui: %s, which %s%*s\" applies", &file->file,
                      ls->line, err.text,
                      orgs ? "organisation \"" : "key \"****", n,
                      ls->name.data + ls->name.len - n);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_keys_policy(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_loaded_file_t *file,
    ngx_http_apievents_loaded_session_t *ls, ae_error_t *err)
{
    ngx_int_t    rc;
    ae_arena_t  *arena;
    ae_value_t  *session, *rights;

    ngx_sprintf((u_char *) err->text, "no memory%Z");

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    session = ae_json_parse(arena, ls->text, err);

    if (session != NULL
        && ae_policies_check(scf->policies, session, err) == AE_OK)
    {
        rc = NGX_OK;
        rights = ae_value_get(session, "access_rights");

        if (file->master == 0 && (rights == NULL || rights->count == 0)
            && !ae_policies_grant(scf->policies, session))
        {
            file->master = ls->line;
        }
    }

    ae_arena_destroy(arena);

    return rc;
}
