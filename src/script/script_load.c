/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * From a handler's file to a location that runs it.
 */


#include "apievents.h"
#include "script/script_private.h"


#define NGX_HTTP_APIEVENTS_SCRIPT_MAX  (1024 * 1024)

/* what the wrapper adds at most, the names that it declares included */
#define NGX_HTTP_APIEVENTS_WRAP_MAX    (3 * NGX_HTTP_APIEVENTS_SCRIPT_MAX)


static ngx_int_t ngx_http_apievents_script_scan(ngx_conf_t *cf,
    ae_arena_t *arena, ngx_str_t *full, ngx_str_t *text, ngx_str_t *name,
    ae_script_t *script);
static ngx_int_t ngx_http_apievents_phase_scan(ngx_conf_t *cf,
    ae_arena_t *arena, ngx_str_t *full, ngx_str_t *text, ae_script_t *script);
static ngx_int_t ngx_http_apievents_phase_make(ngx_conf_t *cf,
    ngx_http_apievents_phase_handler_t *h, ae_script_t *script,
    ngx_str_t *text, ngx_str_t *rel);
static ngx_int_t ngx_http_apievents_script_path(ngx_conf_t *cf,
    ngx_str_t *path, ngx_str_t *rel);
static ngx_int_t ngx_http_apievents_script_beside(ngx_conf_t *cf,
    ngx_str_t *folder, ngx_str_t *rel, ngx_str_t *path);
static ngx_int_t ngx_http_apievents_script_make(ngx_conf_t *cf,
    ae_script_t *script, ngx_str_t *text, ngx_str_t *name, ngx_str_t *rel,
    ngx_str_t *file);
static ngx_int_t ngx_http_apievents_script_wrap(ngx_conf_t *cf,
    ae_script_t *script, ngx_str_t *text, ngx_str_t *name, ngx_str_t *rel,
    ae_buf_t *b);


ngx_int_t
ngx_http_apievents_script_load(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *name, ngx_str_t *location, ngx_uint_t *uses_request)
{
    ngx_int_t     rc;
    ngx_str_t     full, text, rel, file;
    ae_arena_t   *arena;
    ae_script_t   script;

    if (ngx_http_apievents_script_name(cf, path, &full) != NGX_OK
        || ngx_http_apievents_script_path(cf, path, &rel) != NGX_OK
        || ngx_http_apievents_read_file(cf, &full,
                                        NGX_HTTP_APIEVENTS_SCRIPT_MAX, &text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_apievents_script_scan(cf, arena, &full, &text, name,
                                        &script);

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_script_folder(cf);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_script_make(cf, &script, &text, name, &rel,
                                            &file);
    }

    ae_arena_destroy(arena);

    *uses_request = (ngx_strnstr(text.data, "OriginatingRequest", text.len)
                     != NULL);

    (void) ngx_pfree(cf->pool, text.data);

    if (rc != NGX_OK
        || ngx_http_apievents_generate_script(cf, 's', &file, location)
           != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_script_scan(ngx_conf_t *cf, ae_arena_t *arena,
    ngx_str_t *full, ngx_str_t *text, ngx_str_t *name, ae_script_t *script)
{
    ae_error_t  err;

    ngx_memzero(&err, sizeof(ae_error_t));
    ngx_memzero(script, sizeof(ae_script_t));

    if (ae_script_scan(arena, *(ae_str_t *) text, script, &err) != AE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V:%ud: %s", full,
                           err.line, err.text);
        return NGX_ERROR;
    }

    if (script->form == AE_SCRIPT_BODY) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no event handler: \"export default\" or "
                           "\"new TykJS.TykEventHandlers.NewEventHandler\" "
                           "is expected", full);
        return NGX_ERROR;
    }

    if (script->form == AE_SCRIPT_MODULE && name->len == 0) {
        return NGX_OK;
    }

    if (name->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"name=\" is expected, the variable to which "
                           "\"%V\" assigns its handler", full);
        return NGX_ERROR;
    }

    if (!ae_script_identifier(*(ae_str_t *) name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"name=%V\", a JavaScript identifier is "
                           "expected", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_phase_load(ngx_conf_t *cf,
    ngx_http_apievents_phase_handler_t *h, ngx_str_t *path, ngx_str_t *full)
{
    ngx_int_t     rc;
    ngx_str_t     file, text, rel;
    ae_arena_t   *arena;
    ae_script_t   script;

    if (ngx_http_apievents_script_path(cf, path, &rel) != NGX_OK
        || ngx_http_apievents_read_file(cf, full,
                                        NGX_HTTP_APIEVENTS_SCRIPT_MAX, &file)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    text = file;

    if (text.len >= 3 && ngx_memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
        text.data += 3;
        text.len -= 3;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_apievents_phase_scan(cf, arena, full, &text, &script);

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_script_folder(cf);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_phase_make(cf, h, &script, &text, &rel);
    }

    ae_arena_destroy(arena);
    (void) ngx_pfree(cf->pool, file.data);

    return rc;
}


static ngx_int_t
ngx_http_apievents_phase_scan(ngx_conf_t *cf, ae_arena_t *arena,
    ngx_str_t *full, ngx_str_t *text, ae_script_t *script)
{
    ae_error_t  err;

    ngx_memzero(&err, sizeof(ae_error_t));

    if (ae_script_scan(arena, *(ae_str_t *) text, script, &err) != AE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V:%ud: %s", full,
                           err.line, err.text);
        return NGX_ERROR;
    }

    if (script->form == AE_SCRIPT_EVENT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is a handler of events, not of a phase: "
                           "\"export default function\" or a function body "
                           "is expected", full);
        return NGX_ERROR;
    }

    if (script->object) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" exports an object, \"export default "
                           "function\" is expected", full);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_phase_make(ngx_conf_t *cf,
    ngx_http_apievents_phase_handler_t *h, ae_script_t *script,
    ngx_str_t *text, ngx_str_t *rel)
{
    ae_buf_t   b;
    ngx_int_t  rc;
    ngx_str_t  folder, wrapped;

    h->module = (script->form == AE_SCRIPT_MODULE);

    ae_buf_init(&b, text->len + NGX_HTTP_APIEVENTS_WRAP_MAX);

    if (h->module) {
        wrapped = *text;
        rc = NGX_OK;

    } else {
        rc = ngx_http_apievents_wrap_body(&b, text, script);
        wrapped.data = b.data;
        wrapped.len = b.len;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_script_write(cf, rel, &wrapped, &folder);
    }

    ae_buf_free(&b);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_script_beside(cf, &folder, rel, &h->import);
}


/*
 * The path that njs will name in its messages: the user's own where it can
 * stand below a folder, else its last part.  It stands within quotes in
 * generated text, and has no parts that are not folders.
 */

static ngx_int_t
ngx_http_apievents_script_path(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *rel)
{
    u_char      *p, *q, *last;
    ngx_str_t    part;
    ngx_uint_t   base;

    last = path->data + path->len;
    base = (path->len != 0 && path->data[0] == '/');

    rel->len = 0;
    rel->data = ngx_pnalloc(cf->pool, path->len + 1);
    if (rel->data == NULL) {
        return NGX_ERROR;
    }

    for (p = path->data; p < last; p++) {

        if (*p < ' ' || *p == 0x7f || *p == '\'' || *p == '\\') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid script \"%V\", a path without "
                               "quotes, backslashes and control characters "
                               "is expected", path);
            return NGX_ERROR;
        }
    }

    for (p = path->data; p < last; p = q + 1) {
        q = ngx_strlchr(p, last, '/');
        q = (q == NULL) ? last : q;

        part.data = p;
        part.len = q - p;

        if (part.len == 0 || (part.len == 1 && *p == '.')) {
            continue;
        }

        if (base || (part.len == 2 && p[0] == '.' && p[1] == '.')) {
            base = 1;
            rel->len = 0;
        }

        if (rel->len != 0) {
            rel->data[rel->len++] = '/';
        }

        ngx_memcpy(rel->data + rel->len, part.data, part.len);
        rel->len += part.len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_script_make(ngx_conf_t *cf, ae_script_t *script,
    ngx_str_t *text, ngx_str_t *name, ngx_str_t *rel, ngx_str_t *file)
{
    ae_buf_t                         b;
    ngx_int_t                        rc;
    ngx_str_t                        folder, wrapped;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    ae_buf_init(&b, text->len + NGX_HTTP_APIEVENTS_WRAP_MAX);

    rc = ngx_http_apievents_script_wrap(cf, script, text, name, rel, &b);

    if (rc == NGX_OK) {
        wrapped.data = b.data;
        wrapped.len = b.len;

        rc = ngx_http_apievents_script_write(cf, rel, &wrapped, &folder);
    }

    ae_buf_free(&b);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    file->len = mcf->script.folder.len + folder.len + rel->len + 2;
    file->data = ngx_pnalloc(cf->pool, file->len + 1);
    if (file->data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(file->data, "%V/%V/%V%Z", &mcf->script.folder, &folder, rel);

    return NGX_OK;
}


/* a module stays a file of its own, and rel becomes the name of the one that
 * imports it */

static ngx_int_t
ngx_http_apievents_script_wrap(ngx_conf_t *cf, ae_script_t *script,
    ngx_str_t *text, ngx_str_t *name, ngx_str_t *rel, ae_buf_t *b)
{
    ngx_str_t  runtime, folder, user;

    if (script->form == AE_SCRIPT_EVENT) {

        if (ngx_http_apievents_script_runtime(cf, rel, "apievents.js",
                                              &runtime)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_apievents_wrap_event(b, text, script, name, &runtime);

        return b->failed ? NGX_ERROR : NGX_OK;
    }

    if (ngx_http_apievents_script_write(cf, rel, text, &folder) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_script_beside(cf, &folder, rel, &user) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(rel, "run.js");

    if (ngx_http_apievents_script_runtime(cf, rel, "apievents.js", &runtime)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_apievents_wrap_module(b, &user, &runtime);

    return b->failed ? NGX_ERROR : NGX_OK;
}


/* what a file right below another folder imports */

static ngx_int_t
ngx_http_apievents_script_beside(ngx_conf_t *cf, ngx_str_t *folder,
    ngx_str_t *rel, ngx_str_t *path)
{
    path->data = ngx_pnalloc(cf->pool,
                             sizeof("..//") + folder->len + rel->len);
    if (path->data == NULL) {
        return NGX_ERROR;
    }

    path->len = ngx_sprintf(path->data, "../%V/%V", folder, rel) - path->data;

    return NGX_OK;
}


/* the import path of the runtime for a file that is so deep in its folder:
 * relative, since the absolute one may have anything in it */

ngx_int_t
ngx_http_apievents_script_runtime(ngx_conf_t *cf, ngx_str_t *rel,
    const char *name, ngx_str_t *runtime)
{
    u_char                          *p;
    size_t                           i, depth;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    depth = 1;

    for (i = 0; i < rel->len; i++) {
        depth += (rel->data[i] == '/');
    }

    runtime->data = ngx_pnalloc(cf->pool, 3 * depth + mcf->script.runtime.len
                                          + 1 + ngx_strlen(name));
    if (runtime->data == NULL) {
        return NGX_ERROR;
    }

    p = runtime->data;

    while (depth--) {
        p = ngx_cpymem(p, "../", 3);
    }

    p = ngx_sprintf(p, "%V/%s", &mcf->script.runtime, name);

    runtime->len = p - runtime->data;

    return NGX_OK;
}
