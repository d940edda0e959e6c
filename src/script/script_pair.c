/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Files of in-line handlers: one or a folder of them, and the exported form,
 * where Name.json beside Name.js says what the handler is called, when it runs
 * and whether it does.
 */


#include "apievents.h"
#include "script/script_private.h"


#define NGX_HTTP_APIEVENTS_PAIR_MAX  (64 * 1024)


static ngx_int_t ngx_http_apievents_phase_list(ngx_conf_t *cf,
    ngx_str_t *folder, ngx_array_t *files);
static ngx_int_t ngx_http_apievents_phase_list_add(ngx_conf_t *cf,
    ngx_str_t *folder, ngx_dir_t *dir, ngx_array_t *files);
static int ngx_libc_cdecl ngx_http_apievents_phase_list_order(const void *one,
    const void *two);
static ngx_int_t ngx_http_apievents_phase_pair(ngx_conf_t *cf,
    ngx_str_t *full, ngx_http_apievents_phase_pair_t *pair);
static ngx_int_t ngx_http_apievents_phase_pair_read(ngx_conf_t *cf,
    ae_arena_t *arena, ngx_str_t *json,
    ngx_http_apievents_phase_pair_t *pair);
static ngx_int_t ngx_http_apievents_phase_pair_fields(ngx_conf_t *cf,
    ngx_str_t *json, ae_value_t *map, ngx_http_apievents_phase_pair_t *pair);
static ngx_int_t ngx_http_apievents_phase_copy(ngx_conf_t *cf, ngx_str_t *s,
    ae_str_t text);


ngx_int_t
ngx_http_apievents_phase_file(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args, ngx_str_t *full)
{
    ngx_http_apievents_phase_pair_t  pair;

    if (ngx_http_apievents_phase_pair(cf, full, &pair) != NGX_OK) {
        return NGX_ERROR;
    }

    if (pair.found && pair.phase != args->phase) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file beside \"%V\" says \"eventType\": "
                           "\"%V\", \"%V\" is expected", full,
                           ngx_http_apievents_phase_name(pair.phase),
                           ngx_http_apievents_phase_name(args->phase));
        return NGX_ERROR;
    }

    return ngx_http_apievents_phase_add(cf, args, full, &pair);
}


/* names of different files in one order, whatever the file system's is */

ngx_int_t
ngx_http_apievents_phase_folder(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args, ngx_str_t *full)
{
    ngx_str_t                        *file, path;
    ngx_uint_t                        i;
    ngx_array_t                       files;
    ngx_http_apievents_phase_pair_t   pair;

    while (full->len > 1 && full->data[full->len - 1] == '/') {
        full->data[--full->len] = '\0';
    }

    if (ngx_array_init(&files, cf->pool, 8, sizeof(ngx_str_t)) != NGX_OK
        || ngx_http_apievents_phase_list(cf, full, &files) != NGX_OK)
    {
        return NGX_ERROR;
    }

    path = args->path;

    if (files.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "no *.js in the folder \"%V\"", full);
        return NGX_OK;
    }

    ngx_qsort(files.elts, files.nelts, sizeof(ngx_str_t),
              ngx_http_apievents_phase_list_order);

    file = files.elts;

    for (i = 0; i < files.nelts; i++) {

        if (ngx_http_apievents_phase_pair(cf, &file[i], &pair) != NGX_OK) {
            return NGX_ERROR;
        }

        if (pair.found && pair.phase != args->phase) {
            continue;
        }

        args->path.len = path.len + file[i].len - full->len;
        args->path.data = ngx_pnalloc(cf->pool, args->path.len + 1);
        if (args->path.data == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(args->path.data, "%V%s%Z", &path,
                    file[i].data + full->len);

        if (ngx_http_apievents_phase_add(cf, args, &file[i], &pair) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_phase_list(ngx_conf_t *cf, ngx_str_t *folder,
    ngx_array_t *files)
{
    ngx_int_t  rc;
    ngx_err_t  err;
    ngx_dir_t  dir;

    if (ngx_open_dir(folder, &dir) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_dir_n " \"%V\" failed, expected a folder",
                           folder);
        return NGX_ERROR;
    }

    do {
        ngx_set_errno(0);

        if (ngx_read_dir(&dir) == NGX_OK) {
            rc = ngx_http_apievents_phase_list_add(cf, folder, &dir, files);
            continue;
        }

        err = ngx_errno;
        rc = NGX_DONE;

        if (err != NGX_ENOMOREFILES) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                               ngx_read_dir_n " \"%V\" failed", folder);
            rc = NGX_ERROR;
        }

    } while (rc == NGX_OK);

    (void) ngx_close_dir(&dir);

    return (rc == NGX_DONE) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_phase_list_add(ngx_conf_t *cf, ngx_str_t *folder,
    ngx_dir_t *dir, ngx_array_t *files)
{
    u_char           *name;
    size_t            len;
    ngx_str_t        *file, full;
    ngx_file_info_t   fi;

    name = ngx_de_name(dir);
    len = ngx_de_namelen(dir);

    if (len <= 3 || name[0] == '.'
        || ngx_strncmp(name + len - 3, ".js", 3) != 0)
    {
        return NGX_OK;
    }

    full.len = folder->len + 1 + len;
    full.data = ngx_pnalloc(cf->pool, full.len + 1);
    if (full.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(full.data, "%V/%*s%Z", folder, len, name);

    if (ngx_file_info(full.data, &fi) != NGX_FILE_ERROR && ngx_is_dir(&fi)) {
        return NGX_OK;
    }

    file = ngx_array_push(files);
    if (file == NULL) {
        return NGX_ERROR;
    }

    *file = full;

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_apievents_phase_list_order(const void *one, const void *two)
{
    const ngx_str_t  *a, *b;

    a = one;
    b = two;

    return ngx_strcmp(a->data, b->data);
}


ngx_int_t
ngx_http_apievents_phase_file_name(ngx_conf_t *cf, ngx_str_t *full,
    ngx_str_t *file, ngx_str_t *name)
{
    u_char     *p;
    ae_buf_t    b;
    ae_str_t    s;
    ngx_int_t   rc;

    p = full->data + full->len;

    while (p > full->data && p[-1] != '/') {
        p--;
    }

    file->data = p;
    file->len = full->data + full->len - p;

    s.data = file->data;
    s.len = file->len;

    if (s.len > 3 && ngx_strncmp(s.data + s.len - 3, ".js", 3) == 0) {
        s.len -= 3;
    }

    ae_buf_init(&b, SIZE_MAX);
    ae_script_name_decode(&b, s);

    s.data = b.data;
    s.len = b.len;

    rc = b.failed ? NGX_ERROR : ngx_http_apievents_phase_copy(cf, name, s);

    ae_buf_free(&b);

    return rc;
}


/* what stands beside the script; a script alone is active, in any phase */

static ngx_int_t
ngx_http_apievents_phase_pair(ngx_conf_t *cf, ngx_str_t *full,
    ngx_http_apievents_phase_pair_t *pair)
{
    ngx_int_t         rc;
    ngx_str_t         json;
    ae_arena_t       *arena;
    ngx_file_info_t   fi;

    ngx_memzero(pair, sizeof(ngx_http_apievents_phase_pair_t));

    pair->active = 1;

    if (full->len <= 3
        || ngx_strncmp(full->data + full->len - 3, ".js", 3) != 0)
    {
        return NGX_OK;
    }

    json.len = full->len + 2;
    json.data = ngx_pnalloc(cf->pool, json.len + 1);
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(json.data, "%Von%Z", full);

    if (ngx_file_info(json.data, &fi) == NGX_FILE_ERROR
        && ngx_errno == NGX_ENOENT)
    {
        return NGX_OK;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_apievents_phase_pair_read(cf, arena, &json, pair);

    ae_arena_destroy(arena);

    pair->found = 1;

    return rc;
}


static ngx_int_t
ngx_http_apievents_phase_pair_read(ngx_conf_t *cf, ae_arena_t *arena,
    ngx_str_t *json, ngx_http_apievents_phase_pair_t *pair)
{
    ngx_str_t    text;
    ae_error_t   err;
    ae_value_t  *map;

    if (ngx_http_apievents_read_file(cf, json, NGX_HTTP_APIEVENTS_PAIR_MAX,
                                     &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    map = ae_json_parse(arena, *(ae_str_t *) &text, &err);

    if (map == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V:%ud: %s", json, err.line,
                           err.text);
        return NGX_ERROR;
    }

    if (map->type != AE_MAP) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%V: an object with \"name\" and \"eventType\" "
                           "is expected", json);
        return NGX_ERROR;
    }

    return ngx_http_apievents_phase_pair_fields(cf, json, map, pair);
}


static ngx_int_t
ngx_http_apievents_phase_pair_fields(ngx_conf_t *cf, ngx_str_t *json,
    ae_value_t *map, ngx_http_apievents_phase_pair_t *pair)
{
    ngx_str_t    s;
    ae_value_t  *name, *type, *active;

    name = ae_value_get(map, "name");
    type = ae_value_get(map, "eventType");
    active = ae_value_get(map, "isActive");

    if (name == NULL || name->type != AE_STRING || name->s.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%V: invalid \"name\", a text is expected", json);
        return NGX_ERROR;
    }

    s.len = 0;

    if (type != NULL && type->type == AE_STRING) {
        s.data = type->s.data;
        s.len = type->s.len;
    }

    if (s.len == 0 || ngx_http_apievents_phase(&s, &pair->phase) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%V: invalid \"eventType\", \"request\", "
                           "\"response\", \"options\" or \"error\" is "
                           "expected", json);
        return NGX_ERROR;
    }

    if (active != NULL) {

        if (active->type != AE_BOOL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "%V: invalid \"isActive\", true or false is "
                               "expected", json);
            return NGX_ERROR;
        }

        pair->active = active->boolean;
    }

    return ngx_http_apievents_phase_copy(cf, &pair->name, name->s);
}


static ngx_int_t
ngx_http_apievents_phase_copy(ngx_conf_t *cf, ngx_str_t *s, ae_str_t text)
{
    s->len = text.len;
    s->data = ngx_pnalloc(cf->pool, text.len + 1);
    if (s->data == NULL) {
        return NGX_ERROR;
    }

    if (text.len != 0) {
        ngx_memcpy(s->data, text.data, text.len);
    }

    s->data[text.len] = '\0';

    return NGX_OK;
}
