/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Configuration that the module writes for nginx: one internal server that
 * listens nowhere, and in it a location for each endpoint (ngx_target.c) and
 * each script.  Only our own words and numbers stand in the text; what
 * users wrote reaches nginx as arguments of a directive, never as text.
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_TEXT_MAX  4096


static char *ngx_http_apievents_generate_text(ngx_conf_t *cf,
    ngx_http_conf_ctx_t *ctx, ngx_uint_t type, ngx_str_t *text);
static ngx_command_t *ngx_http_apievents_find_command(ngx_conf_t *cf,
    ngx_str_t *name, ngx_uint_t *module);

static char *ngx_http_apievents_internal_server(ngx_conf_t *cf);
static char *ngx_http_apievents_internal_script(ngx_conf_t *cf, ngx_int_t n);
static ngx_str_t *ngx_http_apievents_system_ca(void);


/*
 * A generated location inherits what stands at the http level, so the server
 * around it sets everything that could change a call.  A line whose directive
 * this nginx has not is left out.  What bounds a script's requests is the
 * time of its call.  The engine of scripts is the user's choice; but in
 * QuickJS as in njs's own, each run has a context that nobody used before.
 */

static const char  ngx_http_apievents_server_text[] =
    "access_log off;\n"
    "log_not_found off;\n"
    "log_subrequest off;\n"
    "gzip off;\n"
    "gunzip off;\n"
    "ssi off;\n"
    "charset off;\n"
    "etag off;\n"
    "mirror off;\n"
    "auth_request off;\n"
    "auth_basic off;\n"
    "limit_rate 0;\n"
    "client_max_body_size 0;\n"
    "client_body_buffer_size 16k;\n"
    "subrequest_output_buffer_size 1m;\n"
    "recursive_error_pages off;\n"
    "sub_filter \"apievents:no:such:text\" \"\";\n"
    "sub_filter_once on;\n"
    "proxy_http_version 1.1;\n"
    "proxy_method $apievents_method;\n"
    "proxy_set_header Host $apievents_host;\n"
    "proxy_set_header Connection \"\";\n"
    "proxy_set_body $apievents_body;\n"
    "proxy_pass_request_headers on;\n"
    "proxy_pass_request_body on;\n"
    "proxy_request_buffering on;\n"
    "proxy_buffering on;\n"
    "proxy_buffer_size 8k;\n"
    "proxy_buffers 8 8k;\n"
    "proxy_busy_buffers_size 16k;\n"
    "proxy_max_temp_file_size 0;\n"
    "proxy_intercept_errors off;\n"
    "proxy_ignore_client_abort on;\n"
    "proxy_ignore_headers X-Accel-Redirect X-Accel-Expires"
    " X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset Expires"
    " Cache-Control Set-Cookie Vary;\n"
    "proxy_next_upstream error non_idempotent;\n"
    "proxy_next_upstream_tries 0;\n"
    "proxy_next_upstream_timeout 0;\n"
    "proxy_limit_rate 0;\n"
    "proxy_connect_timeout 1d;\n"
    "proxy_send_timeout 1d;\n"
    "proxy_read_timeout 1d;\n"
    "proxy_cache off;\n"
    "proxy_store off;\n"
    "proxy_bind off;\n"
    "proxy_hide_header X-Pad;\n"
    "proxy_pass_header Date;\n"
    "proxy_pass_header Server;\n"
    "proxy_redirect off;\n"
    "proxy_cookie_domain off;\n"
    "proxy_cookie_path off;\n"
    "proxy_cookie_flags off;\n"
    "proxy_force_ranges off;\n"
    "proxy_pass_trailers off;\n"
    "early_hints 0;\n"
    "proxy_socket_keepalive off;\n"
    "proxy_ssl_server_name on;\n"
    "proxy_ssl_name $apievents_name;\n"
    "proxy_ssl_verify off;\n"
    "proxy_ssl_verify_depth 10;\n"
    "proxy_ssl_protocols TLSv1.2 TLSv1.3;\n"
    "proxy_ssl_ciphers DEFAULT;\n"
    "proxy_ssl_certificate $apievents_certificate;\n"
    "proxy_ssl_certificate_key $apievents_certificate;\n"
    "proxy_ssl_crl \"\";\n"
    "proxy_ssl_conf_command MinProtocol TLSv1.2;\n"
    "proxy_ssl_session_reuse off;\n"
    "proxy_ssl_certificate_cache off;\n"
    "js_context_reuse 0;\n";


static ngx_str_t  ngx_http_apievents_ca_files[] = {
    ngx_string("/etc/ssl/certs/ca-certificates.crt"),
    ngx_string("/etc/pki/tls/certs/ca-bundle.crt"),
    ngx_string("/etc/ssl/ca-bundle.pem"),
    ngx_string("/etc/ssl/cert.pem"),
    ngx_null_string
};


/*
 * Parses text as if it stood in the file: the buffer is the text and the
 * descriptor is at its end.  The text closes one brace more than it opens.
 */

static char *
ngx_http_apievents_generate_text(ngx_conf_t *cf, ngx_http_conf_ctx_t *ctx,
    ngx_uint_t type, ngx_str_t *text)
{
    return ngx_http_apievents_generate_block(cf, ctx, type, text, NULL, 0);
}


char *
ngx_http_apievents_generate_block(ngx_conf_t *cf, ngx_http_conf_ctx_t *ctx,
    ngx_uint_t type, ngx_str_t *text, ngx_str_t *args, ngx_uint_t nargs)
{
    char                            *rv;
    ngx_buf_t                        b;
    ngx_conf_t                       saved;
    ngx_uint_t                       parsing;
    ngx_conf_file_t                  file;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    ngx_memzero(&b, sizeof(ngx_buf_t));
    ngx_memzero(&file, sizeof(ngx_conf_file_t));

    b.start = text->data;
    b.pos = text->data;
    b.last = text->data + text->len;
    b.end = b.last;
    b.temporary = 1;

    file.file.fd = ngx_open_file((u_char *) "/dev/null", NGX_FILE_RDONLY,
                                 NGX_FILE_OPEN, 0);

    if (file.file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"/dev/null\" failed");
        return NGX_CONF_ERROR;
    }

    file.file.name = cf->conf_file->file.name;
    file.file.log = cf->log;
    file.file.offset = text->len;
    file.file.info.st_size = text->len;
    file.buffer = &b;
    file.line = cf->conf_file->line;

    saved = *cf;

    cf->conf_file = &file;
    cf->ctx = ctx;
    cf->cmd_type = type;
    cf->module_type = NGX_HTTP_MODULE;
    cf->handler = NULL;

    parsing = mcf->generated.parsing;
    mcf->generated.parsing = 1;

    cf->args = ngx_array_create(cf->pool, 10, sizeof(ngx_str_t));

    if (cf->args == NULL) {
        rv = NGX_CONF_ERROR;

    } else if (args != NULL) {
        rv = ngx_http_apievents_conf_call(cf, args, nargs);

    } else {
        rv = ngx_conf_parse(cf, NULL);
    }

    mcf->generated.parsing = parsing;

    *cf = saved;

    (void) ngx_close_file(file.file.fd);

    return rv;
}


char *
ngx_http_apievents_generate_server(ngx_conf_t *cf,
    ngx_http_apievents_generated_t *g)
{
    u_char                      buf[2 * NGX_HTTP_APIEVENTS_TEXT_MAX];
    ngx_str_t                   text;
    ngx_http_core_srv_conf_t  **cscfp;
    ngx_http_core_main_conf_t  *cmcf;

    if (g->server != NULL) {
        return NGX_CONF_OK;
    }

    text.data = buf;
    text.len = ngx_sprintf(buf, "upstream apievents_call {"
                                " apievents_internal upstream;"
                                " server 127.0.0.1:9;"
                                NGX_HTTP_APIEVENTS_NO_KEEPALIVE " } }")
               - buf;

    if (ngx_http_apievents_generate_text(cf, g->http, NGX_HTTP_MAIN_CONF,
                                         &text)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    text.len = ngx_sprintf(buf, "server { apievents_internal server;\n")
               - buf;

    ngx_http_apievents_known_lines(cf, &text, ngx_http_apievents_server_text);

    text.len = ngx_sprintf(text.data + text.len,
                           "location = /_ae/own { apievents_internal own; } "
                           "location = /_ae/call {"
                           " apievents_internal call;"
                           " proxy_pass $apievents_scheme://apievents_call"
                           "$apievents_uri; } } }")
               - text.data;

    if (ngx_http_apievents_generate_text(cf, g->http, NGX_HTTP_MAIN_CONF,
                                         &text)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    cmcf = g->http->main_conf[ngx_http_core_module.ctx_index];
    cscfp = cmcf->servers.elts;
    g->server = cscfp[cmcf->servers.nelts - 1]->ctx;

    return NGX_CONF_OK;
}


void
ngx_http_apievents_known_lines(ngx_conf_t *cf, ngx_str_t *text,
    const char *lines)
{
    u_char      *p, *end, *eol;
    ngx_str_t    name;
    ngx_uint_t   module;

    p = (u_char *) lines;
    end = p + ngx_strlen(lines);

    for ( /* void */ ; p < end; p = eol + 1) {
        eol = ngx_strlchr(p, end, '\n');

        name.data = p;
        name.len = ngx_strlchr(p, eol, ' ') - p;

        if (ngx_http_apievents_find_command(cf, &name, &module) == NULL) {
            continue;
        }

        ngx_memcpy(text->data + text->len, p, eol - p + 1);
        text->len += eol - p + 1;
    }
}


static ngx_command_t *
ngx_http_apievents_find_command(ngx_conf_t *cf, ngx_str_t *name,
    ngx_uint_t *module)
{
    ngx_uint_t      i;
    ngx_command_t  *cmd;

    for (i = 0; cf->cycle->modules[i] != NULL; i++) {

        if (cf->cycle->modules[i]->type != NGX_HTTP_MODULE) {
            continue;
        }

        cmd = cf->cycle->modules[i]->commands;

        for ( /* void */ ; cmd != NULL && cmd->name.len != 0; cmd++) {

            if (cmd->name.len == name->len
                && ngx_strncmp(cmd->name.data, name->data, name->len) == 0)
            {
                *module = i;
                return cmd;
            }
        }
    }

    return NULL;
}


char *
ngx_http_apievents_conf_call(ngx_conf_t *cf, ngx_str_t *args,
    ngx_uint_t nargs)
{
    char           *rv;
    void           *conf, **confp;
    ngx_uint_t      module;
    ngx_array_t     array, *saved;
    ngx_command_t  *cmd;

    cmd = ngx_http_apievents_find_command(cf, &args[0], &module);

    if (cmd == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "directive \"%V\" is needed, load the module "
                           "that has it", &args[0]);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&array, sizeof(ngx_array_t));
    array.elts = args;
    array.nelts = nargs;
    array.nalloc = nargs;
    array.size = sizeof(ngx_str_t);
    array.pool = cf->pool;

    confp = *(void **) ((char *) cf->ctx + cmd->conf);
    conf = confp[cf->cycle->modules[module]->ctx_index];

    saved = cf->args;
    cf->args = &array;

    rv = cmd->set(cf, cmd, conf);

    cf->args = saved;

    if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", &args[0], rv);
        return NGX_CONF_ERROR;
    }

    return rv;
}


char *
ngx_http_apievents_generate_script(ngx_conf_t *cf, u_char kind,
    ngx_str_t *file, ngx_str_t *location)
{
    u_char                           buf[256];
    ngx_str_t                        text, *import;
    ngx_uint_t                       n;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (ngx_http_apievents_generate_server(cf, &mcf->generated)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    n = mcf->generated.imports.nelts;

    import = ngx_array_push(&mcf->generated.imports);
    if (import == NULL) {
        return NGX_CONF_ERROR;
    }

    *import = *file;

    text.data = buf;
    text.len = ngx_sprintf(buf, "location = /_ae/%c/%ui {"
                                " apievents_internal script %ui; } }",
                           kind, n, n)
               - buf;

    if (ngx_http_apievents_generate_text(cf, mcf->generated.server,
                                         NGX_HTTP_SRV_CONF, &text)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    location->data = ngx_pnalloc(cf->pool, sizeof("/_ae/s/") + NGX_INT_T_LEN);
    if (location->data == NULL) {
        return NGX_CONF_ERROR;
    }

    location->len = ngx_sprintf(location->data, "/_ae/%c/%ui", kind, n)
                    - location->data;

    return NGX_CONF_OK;
}


/* the bridge between generated text and what users wrote */

char *
ngx_http_apievents_internal(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                        n;
    ngx_str_t                       *value;
    ngx_http_upstream_srv_conf_t    *uscf;
    ngx_http_apievents_loc_conf_t   *lcf;
    ngx_http_apievents_main_conf_t  *mcf;

    value = cf->args->elts;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (!mcf->generated.parsing) {
        return "is for generated text only";
    }

    if (ngx_strcmp(value[1].data, "upstream") == 0) {
        uscf = ngx_http_conf_get_module_srv_conf(cf,
                                                 ngx_http_upstream_module);
        uscf->peer.init_upstream = ngx_http_apievents_init_upstream;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "origin") == 0) {
        uscf = ngx_http_conf_get_module_srv_conf(cf,
                                                 ngx_http_upstream_module);
        uscf->peer.init_upstream = ngx_http_apievents_origin_upstream;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "phases") == 0) {
        uscf = ngx_http_conf_get_module_srv_conf(cf,
                                                 ngx_http_upstream_module);
        uscf->peer.init_upstream = ngx_http_apievents_late_upstream;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "location") == 0) {
        return mcf->generated.fill(cf, mcf->generated.data);
    }

    lcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_apievents_module);
    lcf->gate.exempt = 1;

    if (ngx_strcmp(value[1].data, "server") == 0) {
        return ngx_http_apievents_internal_server(cf);
    }

    if (ngx_strcmp(value[1].data, "call") == 0) {
        return ngx_http_apievents_trusted(cf, NULL);
    }

    if (ngx_strcmp(value[1].data, "own") == 0) {
        return ngx_http_apievents_internal_own(cf);
    }

    n = ngx_atoi(value[2].data, value[2].len);

    if (ngx_strcmp(value[1].data, "target") == 0) {
        return ngx_http_apievents_internal_target(cf, n);
    }

    return ngx_http_apievents_internal_script(cf, n);
}


static char *
ngx_http_apievents_internal_server(ngx_conf_t *cf)
{
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* so that no default listen is added */
    cscf->listen = 1;

    /* error_page has no "off": an empty list is inherited instead */
    clcf->error_pages = ngx_array_create(cf->pool, 1,
                                         sizeof(ngx_http_err_page_t));
    if (clcf->error_pages == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_apievents_trusted(ngx_conf_t *cf, ngx_str_t *file)
{
    ngx_str_t   verify[2] = { ngx_string("proxy_ssl_verify"),
                              ngx_string("on") };
    ngx_str_t   trusted[2] = { ngx_string("proxy_ssl_trusted_certificate"),
                               ngx_null_string };
    ngx_uint_t  module;

    if (file == NULL
        && ngx_http_apievents_find_command(cf, &trusted[0], &module) != NULL)
    {
        file = ngx_http_apievents_system_ca();
    }

    if (file == NULL) {

        /* scripts then get an error for https: there are no certificates, or
         * this nginx has no TLS */

        return NGX_CONF_OK;
    }

    trusted[1] = *file;

    if (ngx_http_apievents_conf_call(cf, trusted, 2) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_conf_call(cf, verify, 2);
}


ngx_uint_t
ngx_http_apievents_has_ca(void)
{
    return ngx_http_apievents_system_ca() != NULL;
}


static ngx_str_t *
ngx_http_apievents_system_ca(void)
{
    ngx_str_t        *file;
    ngx_file_info_t   fi;

    for (file = ngx_http_apievents_ca_files; file->len != 0; file++) {

        if (ngx_file_info(file->data, &fi) != NGX_FILE_ERROR) {
            return file;
        }
    }

    return NULL;
}


static char *
ngx_http_apievents_internal_script(ngx_conf_t *cf, ngx_int_t n)
{
    ngx_str_t                        import[4] = { ngx_string("js_import"),
                                                   ngx_string("_ae"),
                                                   ngx_string("from"),
                                                   ngx_null_string };
    ngx_str_t                        content[2] = { ngx_string("js_content"),
                                                    ngx_string("_ae.run") };
    ngx_str_t                       *files;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    files = mcf->generated.imports.elts;

    import[3] = files[n];

    if (ngx_http_apievents_conf_call(cf, import, 4) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_conf_call(cf, content, 2);
}
