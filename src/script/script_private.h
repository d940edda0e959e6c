/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _NGX_HTTP_APIEVENTS_SCRIPT_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_SCRIPT_PRIVATE_H_INCLUDED_


#include "script/script.h"


/* an in-line handler */

typedef struct {
    ngx_uint_t                  phase;
    ngx_str_t                   name;       /* that it is ordered by */
    ngx_str_t                   label;      /* for log lines */
    ngx_str_t                   import;     /* path of its file for a file in
                                               a folder beside its own */
    ngx_msec_t                  timeout;
    ngx_uint_t                  number;     /* order of configuration */
    ngx_str_t                   conf;       /* where its directive stands */
    ngx_uint_t                  line;
    unsigned                    active:1;
    unsigned                    module:1;   /* of that form */
    unsigned                    upstream:1; /* takes an upstream's errors */
    unsigned                    chained:1;  /* something imports it */
} ngx_http_apievents_phase_handler_t;


/* what a directive says of its handlers */

typedef struct {
    ngx_http_apievents_phases_conf_t
                               *conf;
    ngx_uint_t                  phase;
    ngx_str_t                   path;
    ngx_str_t                   name;       /* data is NULL: there is none */
    ngx_msec_t                  timeout;
    ngx_uint_t                  active;
    ngx_uint_t                  upstream;
} ngx_http_apievents_phase_args_t;


/* what stands beside a handler's file */

typedef struct {
    ngx_uint_t                  found;
    ngx_uint_t                  phase;
    ngx_str_t                   name;
    ngx_uint_t                  active;
} ngx_http_apievents_phase_pair_t;


/* ---- script_phase.c ---- */

const ngx_str_t *ngx_http_apievents_phase_name(ngx_uint_t phase);

/* one more handler of the level, of the file full; args->path is what the user
 * calls it */
ngx_int_t ngx_http_apievents_phase_add(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args, ngx_str_t *full,
    ngx_http_apievents_phase_pair_t *pair);


/* ---- script_pair.c ---- */

ngx_int_t ngx_http_apievents_phase_file(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args, ngx_str_t *full);
ngx_int_t ngx_http_apievents_phase_folder(ngx_conf_t *cf,
    ngx_http_apievents_phase_args_t *args, ngx_str_t *full);

/* the last part of a path, and the handler's name that it stands for */
ngx_int_t ngx_http_apievents_phase_file_name(ngx_conf_t *cf, ngx_str_t *full,
    ngx_str_t *file, ngx_str_t *name);


/* ---- script_load.c ---- */

/* writes the file's importable form, sets h->import and h->module */
ngx_int_t ngx_http_apievents_phase_load(ngx_conf_t *cf,
    ngx_http_apievents_phase_handler_t *h, ngx_str_t *path, ngx_str_t *full);

/* the path by which rel, below a folder of scripts, imports a file of the
 * runtime */
ngx_int_t ngx_http_apievents_script_runtime(ngx_conf_t *cf, ngx_str_t *rel,
    const char *name, ngx_str_t *runtime);


/* ---- script_wrap.c ---- */

/*
 * What njs imports instead of the user's text, or beside it.  runtime: the
 * import path of the runtime; file: of the user's module.
 */
void ngx_http_apievents_wrap_event(ae_buf_t *b, ngx_str_t *text,
    ae_script_t *script, ngx_str_t *name, ngx_str_t *runtime);
void ngx_http_apievents_wrap_module(ae_buf_t *b, ngx_str_t *file,
    ngx_str_t *runtime);

/*
 * The function body of an in-line handler as a function that takes what it
 * mentions from the runtime, and gives back what it assigned.
 */
ngx_int_t ngx_http_apievents_wrap_body(ae_buf_t *b, ngx_str_t *text,
    ae_script_t *script);

/* handlers: of phase_handler_t *; in no phase they are imported only */
void ngx_http_apievents_wrap_chain(ae_buf_t *b, ngx_array_t *handlers,
    ngx_uint_t phase, ngx_str_t *runtime);


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
