/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * script: the loader that turns a handler file into what njs can import, and
 * the variables through which a running script talks to the C side.
 */


#ifndef _NGX_HTTP_APIEVENTS_SCRIPT_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_SCRIPT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/core.h"


/* member of the main configuration */

typedef struct {
    ngx_array_t                 files;      /* of ngx_str_t: the folders that
                                               this configuration uses, by
                                               their contents' hash */
    ngx_str_t                   folder;     /* where scripts are written; empty
                                               until there is one */
    ngx_str_t                   runtime;    /* its folder's name */
    ngx_fd_t                    fd;         /* of folder, locked as in use */
    ngx_int_t                   request_id; /* index of the variable */
    ngx_array_t                *handlers;   /* of phase_handler_t *, of all
                                               levels; NULL: there are none */
} ngx_http_apievents_script_conf_t;


/* member of the location configuration: api_script_path, api_template_path */

typedef struct {
    ngx_str_t                   script;
    ngx_str_t                   template;
    unsigned                    script_used:1;
    unsigned                    template_used:1;
} ngx_http_apievents_paths_conf_t;


/* ERROR_UPSTREAM: the error handlers that take an upstream's errors, too */

typedef enum {
    NGX_HTTP_APIEVENTS_PHASE_OPTIONS = 0,
    NGX_HTTP_APIEVENTS_PHASE_REQUEST,
    NGX_HTTP_APIEVENTS_PHASE_RESPONSE,
    NGX_HTTP_APIEVENTS_PHASE_ERROR,
    NGX_HTTP_APIEVENTS_PHASE_ERROR_UPSTREAM,
    NGX_HTTP_APIEVENTS_PHASE_N
} ngx_http_apievents_phase_e;


/* what runs in a phase of a location */

typedef struct {
    ngx_str_t                   location;   /* the generated one's URI */
    ngx_msec_t                  timeout;    /* of all handlers together */
    ngx_str_t                   names;      /* for log lines: "a.js, b.js",
                                               with a zero behind it */
} ngx_http_apievents_chain_t;


/* member of the location configuration: handlers of phases, api_base */

typedef struct {
    ngx_array_t                *own;        /* of phase_handler_t *: those of
                                               this level */
    unsigned                    off:1;
    unsigned                    handled:1;  /* there is one of chains */
    ngx_str_t                   base;       /* ends with a slash; empty: the
                                               location's prefix */
    ngx_http_apievents_chain_t *chains[NGX_HTTP_APIEVENTS_PHASE_N];
                                            /* NULL: nothing to run */
} ngx_http_apievents_phases_conf_t;


/* api_script_path DIR, api_template_path DIR, in any level */
char *ngx_http_apievents_api_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* the full name of a file that a handler of the level being parsed names */
ngx_int_t ngx_http_apievents_script_name(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *full);
ngx_int_t ngx_http_apievents_template_name(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *full);

/*
 * The text of a template that a handler of the level being parsed names, and
 * what to call it; Tyk's shipped names need no file.  An emerg line and
 * NGX_ERROR if it cannot be read.
 */
ngx_int_t ngx_http_apievents_template_load(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text, ngx_str_t *full);

/*
 * Writes the file's importable form and makes a generated location that runs
 * it.  location: its URI; uses_request: OriginatingRequest stands in it.  An
 * emerg line and NGX_ERROR on a file that cannot be read or is no handler.
 */
ngx_int_t ngx_http_apievents_script_load(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *name, ngx_str_t *location, ngx_uint_t *uses_request);

/* NGX_DECLINED: it is no name of a phase */
ngx_int_t ngx_http_apievents_phase(ngx_str_t *name, ngx_uint_t *phase);

/* api_event_handlers PHASE js ..., api_base PATH, in any level */
char *ngx_http_apievents_phase_handlers(ngx_conf_t *cf,
    ngx_http_apievents_phases_conf_t *pcf);
char *ngx_http_apievents_api_base(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* at the end of the http block: makes what runs in each location's phases */
ngx_int_t ngx_http_apievents_chains_init(ngx_conf_t *cf);

void ngx_http_apievents_merge_phases(ngx_http_apievents_phases_conf_t *prev,
    ngx_http_apievents_phases_conf_t *conf);

ngx_int_t ngx_http_apievents_script_add_variables(ngx_conf_t *cf);

/* what handlers that run in line read and set */
ngx_int_t ngx_http_apievents_inline_add_variables(ngx_conf_t *cf);

/* phase handlers (preaccess, precontent), to be run after the gate's own:
 * nginx runs those of a phase from the last to the first */
ngx_int_t ngx_http_apievents_phases_init(ngx_conf_t *cf);

/*
 * The answer to a client's request, from the module's filters: NGX_DECLINED
 * when no handler has to do with it, else it is kept back and sent later.
 */
ngx_int_t ngx_http_apievents_inline_header(ngx_http_request_t *r);
ngx_int_t ngx_http_apievents_inline_body(ngx_http_request_t *r,
    ngx_chain_t *in);

/* in postconfiguration, when njs has compiled all: what a trial wrote goes */
ngx_int_t ngx_http_apievents_script_init(ngx_conf_t *cf);

/* removes what no configuration uses any more; nothing with nginx -t */
ngx_int_t ngx_http_apievents_script_init_module(ngx_cycle_t *cycle);


#endif /* _NGX_HTTP_APIEVENTS_SCRIPT_H_INCLUDED_ */
