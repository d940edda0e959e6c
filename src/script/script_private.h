/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _NGX_HTTP_APIEVENTS_SCRIPT_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_SCRIPT_PRIVATE_H_INCLUDED_


#include "script/script.h"


/* ---- script_wrap.c ---- */

/*
 * What njs imports instead of the user's text, or beside it.  runtime: the
 * import path of the runtime; file: of the user's module.
 */
void ngx_http_apievents_wrap_event(ae_buf_t *b, ngx_str_t *text,
    ae_script_t *script, ngx_str_t *name, ngx_str_t *runtime);
void ngx_http_apievents_wrap_module(ae_buf_t *b, ngx_str_t *file,
    ngx_str_t *runtime);


/* ---- script_folder.c ---- */

/* makes the folder of the scripts, with the runtime in it, if there is none
 * yet; an emerg line and NGX_ERROR */
ngx_int_t ngx_http_apievents_script_folder(ngx_conf_t *cf);

/*
 * Writes text as path below the folder that the text's hash names; *folder is
 * that name, of cf->pool.
 */
ngx_int_t ngx_http_apievents_script_write(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text, ngx_str_t *folder);


#endif /* _NGX_HTTP_APIEVENTS_SCRIPT_PRIVATE_H_INCLUDED_ */
