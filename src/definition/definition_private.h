/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the files of the room share: a definition while it is read.
 */


#ifndef _NGX_HTTP_APIEVENTS_DEFINITION_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_DEFINITION_PRIVATE_H_INCLUDED_


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_DEFINITION_ARENA  (64 * 1024 * 1024)


/* place names it in error lines */

typedef struct {
    ngx_conf_t                     *cf;
    ngx_conf_file_t                 place;
    ngx_conf_file_t                *outer;      /* file of the directive */
    ngx_http_apievents_loc_conf_t  *lcf;
    ngx_http_apievents_gate_conf_t *gcf;        /* what it says */
    ngx_http_apievents_more_t      *more;       /* the same as gcf->more */
    ae_arena_t                     *arena;      /* of root, in a folder */
    ae_value_t                     *root;
    ngx_array_t                     ignored;    /* of ngx_str_t */
    ngx_http_apievents_service_t   *service;    /* of a folder, else NULL */
    ngx_str_t                       ca;         /* of that folder */
    ngx_uint_t                      keepalive;  /* idle connections that one
                                                   of its targets may keep */
    const char                     *modifier;   /* of its location */
    ngx_http_apievents_lists_t     *lists;      /* of the version that is
                                                   being read */
    ngx_uint_t                      caseless;   /* its paths are */
    ngx_http_apievents_path_t      *path;       /* of headers that are being
                                                   read; NULL: all */
    ngx_uint_t                      entry;      /* a number of that */
} ngx_http_apievents_definition_t;


/*
 * definition.c: a definition in the three steps that it takes.  read: the
 * file, into def->root, which lives until the arena is destroyed; cf names the
 * file in error lines from then on, leave() ends that and enter() resumes it.
 * apply: into the location that is being parsed.
 */
ngx_int_t ngx_http_apievents_definition_read(
    ngx_http_apievents_definition_t *def, ngx_str_t *file, ae_arena_t *arena);
ngx_int_t ngx_http_apievents_definition_apply(
    ngx_http_apievents_definition_t *def);
void ngx_http_apievents_definition_enter(
    ngx_http_apievents_definition_t *def);
void ngx_http_apievents_definition_leave(
    ngx_http_apievents_definition_t *def);

/*
 * definition_listen.c.  listen: the listen path of proxy, into def->service.
 * order: for ngx_sort() of definition_t *, in which locations are to be made;
 * modifier: of a location among those of these definitions, NULL for none.
 */
ngx_int_t ngx_http_apievents_definition_listen(
    ngx_http_apievents_definition_t *def, const ae_value_t *proxy);
ngx_int_t ngx_http_apievents_definition_order(const void *one,
    const void *two);
const char *ngx_http_apievents_definition_modifier(
    ngx_http_apievents_service_t *service,
    ngx_http_apievents_definition_t **defs, ngx_uint_t n);

/*
 * definition_domain.c.  domain: is the definition for the server that is being
 * parsed; check: warns of those that are for none.
 */
ngx_int_t ngx_http_apievents_definition_domain(
    ngx_http_apievents_definition_t *def);
void ngx_http_apievents_definition_check_domains(ngx_conf_t *cf);

/*
 * definition_proxy.c: proxy reads what makes a location of it, location makes
 * that.  base adds the target that a string is to the array; NULL: it is none,
 * or there is no memory.
 */
ngx_int_t ngx_http_apievents_definition_proxy(
    ngx_http_apievents_definition_t *def);
ngx_int_t ngx_http_apievents_definition_location(
    ngx_http_apievents_definition_t *def);
ngx_http_apievents_base_t *ngx_http_apievents_definition_base(
    ngx_http_apievents_definition_t *def, ngx_array_t *bases,
    const ae_value_t *v, const char *name);
ngx_int_t ngx_http_apievents_definition_id(
    ngx_http_apievents_definition_t *def, const char *name, ngx_str_t *id);
ngx_int_t ngx_http_apievents_definition_number(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, double max, const char *expected, double *n);

/*
 * definition_field.c.  A missing member or null: NGX_OK and *v is NULL,
 * *s is empty, *b is untouched.  A wrong type is an emerg line, NGX_ERROR.
 */
ngx_int_t ngx_http_apievents_entry(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ae_type_e type, ae_value_t **v);
ngx_int_t ngx_http_apievents_entry_string(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_str_t *s);
ngx_int_t ngx_http_apievents_entry_bool(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_flag_t *b);
ngx_int_t ngx_http_apievents_entry_expect(
    ngx_http_apievents_definition_t *def, const ae_value_t *v,
    ae_type_e type, const char *name);
void ngx_http_apievents_entry_error(ngx_http_apievents_definition_t *def,
    const ae_value_t *v, const char *name, const char *expected);

/* definition_access.c: addresses and CORS */
ngx_int_t ngx_http_apievents_definition_access(
    ngx_http_apievents_definition_t *def);

/* definition_version.c: version_data and definition */
ngx_int_t ngx_http_apievents_definition_versions(
    ngx_http_apievents_definition_t *def);

/* definition_paths.c: lists of paths and replies of a version */
ngx_int_t ngx_http_apievents_definition_paths(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_http_apievents_lists_t *lists);

/* definition_headers.c: of a version; headers, sizes, a target of its own */
ngx_int_t ngx_http_apievents_definition_headers(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const ae_value_t *extended);

/*
 * definition_limits.c.  rate: global_rate_limit; extended: of a version, whose
 * extended_paths are NULL if they are not used.
 */
ngx_int_t ngx_http_apievents_definition_rate(
    ngx_http_apievents_definition_t *def);
ngx_int_t ngx_http_apievents_definition_extended(
    ngx_http_apievents_definition_t *def, const ae_value_t *version,
    const ae_value_t *extended);

/*
 * definition_endpoint.c.  copy: with a NUL behind it.  endpoint: path and
 * method of an entry of the list `name`; NGX_DECLINED when it is disabled.
 * method: the same, and NGX_DECLINED without one.
 */
ngx_int_t ngx_http_apievents_definition_copy(
    ngx_http_apievents_definition_t *def, const ae_str_t *from,
    ngx_str_t *to);
ngx_int_t ngx_http_apievents_definition_pattern(
    ngx_http_apievents_definition_t *def, const ae_value_t *v,
    const char *name, ngx_uint_t caseless, ngx_http_apievents_path_t *path);
ngx_int_t ngx_http_apievents_definition_endpoint(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_http_apievents_path_t *path);
ngx_int_t ngx_http_apievents_definition_method(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_http_apievents_path_t *path);

/* definition_events.c: event_handlers */
ngx_int_t ngx_http_apievents_definition_events(
    ngx_http_apievents_definition_t *def);

/* definition_report.c: what is ignored, in one line */
ngx_int_t ngx_http_apievents_definition_ignore(
    ngx_http_apievents_definition_t *def, ngx_str_t *name);
ngx_int_t ngx_http_apievents_definition_report(
    ngx_http_apievents_definition_t *def);


#endif /* _NGX_HTTP_APIEVENTS_DEFINITION_PRIVATE_H_INCLUDED_ */
