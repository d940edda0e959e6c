/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * gate: who is calling, may they, how much is left.  One decision a client
 * request, kept with the main request; refusals leave as Tyk's bodies.
 */


#ifndef _NGX_HTTP_APIEVENTS_GATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_GATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/core.h"
#include "ngx/ngx.h"
#include "store/store.h"


typedef enum {
    NGX_HTTP_APIEVENTS_KEY_MASKED = 0,
    NGX_HTTP_APIEVENTS_KEY_RAW,
    NGX_HTTP_APIEVENTS_KEY_HASH
} ngx_http_apievents_key_e;


/* where a credential may be: header=, query= or cookie= of api_auth */

typedef struct {
    ngx_uint_t                  kind;           /* 'h', 'q' or 'c' */
    ngx_str_t                   name;           /* lower case for headers */
    unsigned                    known:1;        /* Authorization, which nginx
                                                   has found already */
} ngx_http_apievents_auth_t;


/*
 * A path by pattern and a method, as breakers, timeouts, limits, access rights
 * and path lists of definitions name them (gate_path.c).
 */

typedef struct {
    ngx_str_t                   text;           /* as it is written */
    void                       *regex;          /* ngx_regex_t; NULL: any */
    ngx_str_t                   method;         /* empty: any */
    ngx_str_t                   start;          /* all that it asks for, if
                                                   plain is set */
    unsigned                    plain:1;
    unsigned                    tyk:1;          /* its syntax, and where */
} ngx_http_apievents_path_t;


/* what a session may call, of allowed_urls; one of the methods */

typedef struct {
    ngx_http_apievents_path_t   path;
    ngx_str_t                  *methods;
    ngx_uint_t                  nmethods;
} ngx_http_apievents_allowed_t;


/* a method at a path, of endpoints, whose limit stands for the rate */

typedef struct {
    ngx_http_apievents_path_t   path;
    ae_limit_rule_t             rule;
    ae_id_t                     id;
} ngx_http_apievents_rated_t;


struct ngx_http_apievents_right_s {
    ngx_str_t                       api;
    ngx_uint_t                      order;
    ae_value_t                     *value;      /* as it is in the session */
    ae_limit_rule_t                 rate;       /* that holds at this API */
    ae_limit_rule_t                 quota;
    ae_id_t                         rate_id;
    ae_id_t                         quota_id;
    ngx_str_t                       scope;      /* of these; or empty */

    ngx_http_apievents_allowed_t   *urls;       /* these are there when it is
                                                   compiled */
    ngx_uint_t                      nurls;
    ngx_http_apievents_rated_t     *endpoints;
    ngx_uint_t                      nendpoints;

    void                           *held;       /* held_t of its API; NULL:
                                                   not made */
    unsigned                        limited:1;  /* it has a limit of its own */
    unsigned                        compiled:1;
    unsigned                        broken:1;   /* a regex does not compile */
};


/* one version of an API; api_version, or version_data of a definition */

typedef struct {
    ngx_str_t                   name;
    time_t                      expires;        /* unix time, 0: never; 1 for
                                                   a date nobody can read */
} ngx_http_apievents_version_t;


typedef struct {
    ngx_uint_t                  source;         /* 'h', 'q', 'u': the first
                                                   segment of the path, 0:
                                                   the only one is served */
    ngx_str_t                   name;           /* of the header, lower case,
                                                   or of the parameter */
    void                       *pattern;        /* ngx_regex_t, of what of a
                                                   path may be one; NULL: what
                                                   is one */
    ngx_str_t                   fallback;       /* where none is named */
    ngx_array_t                *versions;       /* of version_t */
    unsigned                    unknown:1;      /* fallback for unknown ones */
    unsigned                    strip:1;        /* it is not sent upstream */
} ngx_http_apievents_versions_t;


/* of statuses, both included */

typedef struct {
    ngx_uint_t                  from;
    ngx_uint_t                  to;
} ngx_http_apievents_range_t;


/* one api_breaker */

typedef struct {
    ngx_http_apievents_path_t   path;
    ngx_str_t                   version;        /* empty: any */
    ngx_str_t                   text;           /* its place, for the id */
    ae_breaker_rule_t           rule;
    ngx_msec_t                  slow;           /* 0: nothing is slow */
    ngx_array_t                *statuses;       /* of range_t; failures */
    unsigned                    shared:1;       /* by nodes of one store */
    unsigned                    dry_run:1;
} ngx_http_apievents_breaker_t;


/* one hard_timeouts of a definition */

typedef struct {
    ngx_http_apievents_path_t   path;
    ngx_str_t                   version;        /* empty: any */
    ngx_msec_t                  msec;           /* of the upstream's header */
} ngx_http_apievents_timeout_t;


/* who may read an API's answers from a browser; as Tyk's CORS block says */

typedef struct {
    ngx_array_t                *origins;        /* of ngx_str_t, lower case,
                                                   with one star at most;
                                                   NULL: all */
    ngx_array_t                *methods;        /* of ngx_str_t */
    ngx_array_t                *headers;        /* of ngx_str_t; NULL: all */
    ngx_str_t                   exposed;        /* as they are sent */
    ngx_str_t                   max_age;
    unsigned                    credentials:1;
    unsigned                    passthrough:1;  /* OPTIONS is not decided */
} ngx_http_apievents_cors_t;


/* an answer in place of the upstream's */

typedef struct {
    ngx_http_apievents_path_t   path;
    ngx_str_t                   version;        /* empty: any */
    ngx_uint_t                  status;
    ngx_str_t                   body;
    ngx_str_t                   type;           /* empty: text/plain */
    ngx_array_t                *headers;        /* of ngx_keyval_t; or NULL */
} ngx_http_apievents_reply_t;


/* a header that is set, or taken out */

typedef struct {
    ngx_http_apievents_path_t   path;           /* of its entry */
    ngx_uint_t                  entry;          /* 0: of all paths; the first
                                                   one of each kind counts */
    ngx_str_t                   version;        /* of the API */
    ngx_str_t                   name;
    ngx_str_t                   lowcase;
    ngx_str_t                   value;          /* data is NULL: out */
    unsigned                    answer:1;       /* of the upstream's answer,
                                                   else of the request */
} ngx_http_apievents_header_t;


/* how large a request's body may be */

typedef struct {
    ngx_http_apievents_path_t   path;
    ngx_str_t                   version;
    off_t                       size;
} ngx_http_apievents_size_t;


/* paths of a version; there is one even if they are empty */

typedef struct {
    ngx_str_t                   version;        /* empty: any */
    ngx_array_t                *closed;         /* of path_t; before all the
                                                   others */
    ngx_array_t                *ignored;        /* of path_t; no credential,
                                                   no limit of its key */
    ngx_array_t                *white;          /* of path_t; only these are
                                                   allowed; NULL: all */
    ngx_array_t                *black;          /* of path_t */
} ngx_http_apievents_lists_t;


/* what only definitions say of an API */

typedef struct {
    ngx_array_t                *allowed;        /* of ngx_cidr_t; NULL: any */
    ngx_array_t                *denied;         /* of ngx_cidr_t; or NULL */
    ngx_array_t                *lists;          /* of lists_t; or NULL */
    ngx_array_t                *replies;        /* of reply_t; or NULL */
    ngx_array_t                *headers;        /* of header_t; or NULL */
    ngx_array_t                *sizes;          /* of size_t; or NULL */
    ngx_http_apievents_cors_t  *cors;           /* or NULL */
    unsigned                    strip_auth:1;   /* the credential is not sent
                                                   upstream */
} ngx_http_apievents_more_t;


/* statuses that api_limit_status sets */

typedef enum {
    NGX_HTTP_APIEVENTS_REFUSED_OTHER = 0,       /* as the refusal says */
    NGX_HTTP_APIEVENTS_REFUSED_RATE,
    NGX_HTTP_APIEVENTS_REFUSED_QUOTA,
    NGX_HTTP_APIEVENTS_REFUSED_ORG,
    NGX_HTTP_APIEVENTS_REFUSED_VERSION,
    NGX_HTTP_APIEVENTS_REFUSED_MAX
} ngx_http_apievents_refused_e;


/* what a refusal's body looks like; api_error_format */

typedef enum {
    NGX_HTTP_APIEVENTS_ERROR_TYK = 0,
    NGX_HTTP_APIEVENTS_ERROR_PROBLEM,
    NGX_HTTP_APIEVENTS_ERROR_LAYER7
} ngx_http_apievents_error_e;


/* api_limit_headers, bits */

#define NGX_HTTP_APIEVENTS_HEADERS_X        1
#define NGX_HTTP_APIEVENTS_HEADERS_IETF     2
#define NGX_HTTP_APIEVENTS_HEADERS_RETRY    4
#define NGX_HTTP_APIEVENTS_HEADERS_ALL      7


/*
 * What RateLimit-Policy says of a limit, "name";q=1;w=1; it begins with the
 * name in quotes.  What is behind its end means nothing.
 */

#define NGX_HTTP_APIEVENTS_NAME_LEN         24
#define NGX_HTTP_APIEVENTS_ITEM_LEN         64

typedef struct {
    u_char                      text[NGX_HTTP_APIEVENTS_ITEM_LEN];
    size_t                      len;
    size_t                      name_len;
    size_t                      quota_len;      /* of what is behind ;q= */
} ngx_http_apievents_item_t;


/* one api_rate or api_quota */

typedef struct {
    ae_limit_rule_t             rule;
    ngx_http_complex_value_t   *key;            /* NULL: the whole API */
    ngx_str_t                   text;           /* its place, for the id */
    ngx_str_t                   name;           /* for clients, by place */
    ngx_http_apievents_item_t   item;           /* once levels are merged */
    ngx_http_apievents_path_t  *path;           /* NULL: any; the first that
                                                   matches stands for limits
                                                   without one */
    ngx_str_t                   version;        /* empty: any */
    unsigned                    quota:1;
    unsigned                    dry_run:1;
    unsigned                    has_tz:1;
    unsigned                    unlimited:1;    /* only stands for others */
} ngx_http_apievents_limit_t;


/* one api_monitor */

typedef struct {
    ngx_array_t                 limits;         /* of uint32_t, in millionths
                                                   as ae_limit_usage() */
    void                       *handler;        /* handler_t of its own that
                                                   gets TriggerExceeded */
    ngx_uint_t                  keys;
    ngx_uint_t                  orgs;
} ngx_http_apievents_monitor_t;


/* one api_hosts, and a server of its upstream */

typedef struct {
    ngx_str_t                       upstream;
    ngx_http_apievents_target_t     target;     /* of probes */
    ngx_uint_t                      probe;      /* 0: what requests see */
    ae_host_rule_t                  rule;
    ngx_msec_t                      interval;
    ngx_str_t                       place;      /* FILE:LINE */
    ngx_array_t                     hosts;      /* of server_t */
} ngx_http_apievents_hosts_t;

typedef struct {
    ngx_http_apievents_hosts_t     *hosts;
    ngx_addr_t                      addr;       /* with its name */
    ae_id_t                         id;
    uint64_t                        due;        /* this worker asks again,
                                                   monotonic ns */
} ngx_http_apievents_server_t;


/* what a worker keeps */

typedef struct {
    ngx_event_t                     timer;
    ngx_connection_t                dummy;
    ngx_uint_t                      probing;
    ngx_uint_t                      full;       /* was told of */
} ngx_http_apievents_hosts_worker_t;


/* member of the main configuration */

typedef struct {
    ngx_array_t                *hosts;          /* of hosts_t *, or NULL */
    ngx_http_apievents_hosts_worker_t
                               *hosts_worker;
    ngx_flag_t                  master_keys;
    size_t                      body_max;       /* the largest api_body_max
                                                   that is configured */
    ngx_array_t                *breaking;       /* gate_conf_t * of all APIs
                                                   that have breakers */
} ngx_http_apievents_gate_main_conf_t;


/* of a breaker: its id, and where it was seen last */

typedef struct {
    ae_id_t                     id;
    void                       *place;
} ngx_http_apievents_entry_t;


/* member of the location configuration; api.len 0: no API */

typedef struct ngx_http_apievents_gate_conf_s
    ngx_http_apievents_gate_conf_t;

struct ngx_http_apievents_gate_conf_s {
    ngx_str_t                   api;
    ngx_str_t                   org;
    ngx_array_t                *auth;           /* of auth_t; empty: keyless,
                                                   NGX_CONF_UNSET_PTR: unset */
    ngx_array_t                *rates;          /* of limit_t */
    ngx_array_t                *quotas;         /* of limit_t */
    ae_id_t                    *limit_ids;      /* of rates, then quotas, in
                                                   this API, once a worker
                                                   has needed them */
    ngx_uint_t                  event_key;      /* key_e; stays unset where no
                                                   directive says, as masked */
    size_t                      body_max;
    ngx_uint_t                 *statuses;       /* by refused_e, 0 where the
                                                   refusal's own holds; NULL:
                                                   everywhere */
    ngx_http_apievents_monitor_t
                               *monitor;        /* NULL: off */
    ngx_uint_t                  error_format;   /* error_e */
    ngx_uint_t                  limit_headers;  /* 0: off */
    ngx_flag_t                  active;         /* 0: answers 404 */
    ngx_flag_t                  key_rate;       /* 0: disable_rate_limit */
    ngx_flag_t                  key_quota;      /* 0: disable_quota */
    ngx_http_apievents_versions_t
                               *versions;       /* NULL: none */
    ngx_array_t                *breakers;       /* of breaker_t */
    ngx_uint_t                  trials;         /* of them, dry runs */
    ngx_http_apievents_entry_t *breaker_entries;    /* theirs in this API,
                                                   once a worker has needed
                                                   them */
    ngx_array_t                *timeouts;       /* of timeout_t */
    ngx_str_t                   listen_path;    /* what stands before a path
                                                   of the API; a definition's,
                                                   else the location's prefix
                                                   where the API is named */
    void                       *listen_regex;   /* ngx_regex_t, in its place;
                                                   or NULL */
    ngx_http_apievents_more_t  *more;           /* NULL: nothing */
    ngx_flag_t                  exempt;         /* our own locations */

    ngx_uint_t                  steps;          /* bits of step_e that have
                                                   anything to do, with the
                                                   next two; made by each
                                                   worker, 0: not yet */
    ngx_uint_t                  uses;           /* most a request has */
    size_t                      zeroed;         /* of a decision; no constant,
                                                   for which compilers make
                                                   slow code */
    ngx_http_apievents_breaker_t
                               *breaker;        /* that holds for any path,
                                                   if it is the only one */
    unsigned                    quick:1;        /* steps may be made at once */
    unsigned                    endpoints:1;    /* some limit has a path */
    unsigned                    keyed:1;        /* some limit has a key */
    unsigned                    dry_runs:1;     /* some limit is one */

    ae_id_t                     org_id;         /* of its session; made by
                                                   each worker */
    unsigned                    org_known:1;    /* it is made */
    uint64_t                    api_hash;       /* 0 until it is made */
    void                       *held[4];        /* the limits of sessions that
                                                   have a record */

    ngx_http_apievents_gate_conf_t
                               *definition;     /* what api_definition says,
                                                   until it is merged */
    ngx_str_t                   place;          /* FILE:LINE that made it an
                                                   API, for later errors */
};


/* directives; conf is the whole location configuration */
char *ngx_http_apievents_api_id(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_org(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_auth(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_quota(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_breaker(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_version(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_monitor(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_event_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_body_max(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_limit_status(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_apievents_api_limit_headers(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_apievents_api_error_format(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

/* the same as api_event_key, for a slot */
extern ngx_conf_enum_t  ngx_http_apievents_event_key_enum[];

/*
 * Breakers from outside of a request (gate_breaker_admin.c): those of the
 * configuration from 0 on, NGX_DECLINED after the last; strings are the
 * configuration's.  Locations of one API that have the same breaker share it.
 */

typedef struct {
    ae_id_t                     id;
    ngx_str_t                   api;
    ngx_str_t                   org;
    const ngx_http_apievents_breaker_t
                               *breaker;
    ae_breaker_stat_t           stat;
    ngx_http_apievents_gate_conf_t
                               *conf;           /* one of its API */
} ngx_http_apievents_breaker_info_t;

ngx_int_t ngx_http_apievents_breaker_info(ngx_uint_t i,
    ngx_http_apievents_breaker_info_t *info);

/* FORCED_OPEN, FORCED_CLOSED or, as CLOSED, automatic; events tell of what
 * that changes, with depth hops; NGX_ERROR: api_zone has no room for it */
ngx_int_t ngx_http_apievents_breaker_force(
    const ngx_http_apievents_breaker_info_t *info, ae_breaker_state_e state,
    ngx_str_t *user, ngx_uint_t hops);

/*
 * What definitions fill a configuration with.  add_auth: NGX_DECLINED when no
 * source may have that name; valid_id: NGX_DECLINED for what cannot be an id;
 * place: FILE:LINE of the directive that is being read.
 */
ngx_int_t ngx_http_apievents_add_auth(ngx_conf_t *cf, ngx_array_t *auth,
    ngx_uint_t kind, ngx_str_t *name);
ngx_http_apievents_limit_t *ngx_http_apievents_add_limit(ngx_conf_t *cf,
    ngx_array_t *limits, ngx_uint_t quota, ngx_str_t *key);
ngx_int_t ngx_http_apievents_valid_id(ngx_str_t *id);
ngx_int_t ngx_http_apievents_place(ngx_conf_t *cf, ngx_str_t *place);

/* an address or a network; NGX_DECLINED when it is neither */
ngx_int_t ngx_http_apievents_add_address(ngx_conf_t *cf, ngx_array_t *list,
    ngx_str_t *text);

/*
 * circuit_breakers and hard_timeouts; the path is compiled.  half_open: not
 * disable_half_open_state.  NGX_DECLINED and *expected when a value cannot be
 * used.
 */
ngx_int_t ngx_http_apievents_add_breaker(ngx_conf_t *cf,
    ngx_array_t *breakers, ngx_http_apievents_path_t *path,
    ngx_str_t *version, double threshold, int64_t samples, int64_t seconds,
    ngx_uint_t half_open, const char **expected);
ngx_int_t ngx_http_apievents_add_timeout(ngx_conf_t *cf,
    ngx_array_t *timeouts, ngx_http_apievents_path_t *path,
    ngx_str_t *version, ngx_msec_t msec);

/*
 * Versions without a source and without an element; an element by its name,
 * NULL if there is none; a date as 2006-01-02 15:04 or with seconds, T may
 * stand for the blank, in UTC: NGX_ERROR if it is none.
 */
ngx_http_apievents_versions_t *ngx_http_apievents_versions_create(
    ngx_pool_t *pool);
ngx_http_apievents_version_t *ngx_http_apievents_version_find(
    ngx_http_apievents_versions_t *versions, ngx_str_t *name);
time_t ngx_http_apievents_version_date(ngx_str_t *text);

/*
 * Syntax 't' is Tyk's patterns ({x}, /star/, found anywhere), 'r' a regular
 * expression; NGX_DECLINED and *err when it does not compile, NGX_ERROR
 * without memory.
 */
ngx_int_t ngx_http_apievents_path_compile(ngx_pool_t *pool,
    ngx_str_t *pattern, ngx_uint_t syntax, ngx_uint_t caseless,
    ngx_http_apievents_path_t *path, ngx_str_t *err);

void ngx_http_apievents_gate_create_conf(
    ngx_http_apievents_gate_conf_t *conf);
char *ngx_http_apievents_gate_merge_conf(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *prev,
    ngx_http_apievents_gate_conf_t *conf);

/*
 * For the store.  gate_session.c, fill: what a new session may do at each API,
 * from its access_rights; NGX_ERROR: no memory.  gate_rights.c, plain: it
 * grants an API and says nothing else.  gate_right_lists.c, compile: its lists
 * for one API, NGX_DECLINED when a regex does not compile; check: do the
 * regexes of access_rights (a map, or NULL) compile; NGX_ERROR and *err.  What
 * compiled goes into pool and into known, of ngx_str_node_t, and is not tried
 * again.
 */
ngx_int_t ngx_http_apievents_rights_fill(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session);
ngx_uint_t ngx_http_apievents_right_plain(
    const ngx_http_apievents_right_t *right);
ngx_int_t ngx_http_apievents_right_compile(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session,
    ngx_http_apievents_right_t *right);
ngx_int_t ngx_http_apievents_rights_check(ngx_pool_t *pool,
    ngx_rbtree_t *known, const ae_value_t *rights, ae_error_t *err);

/* $api_id, $api_decision, ... */
ngx_int_t ngx_http_apievents_gate_add_variables(ngx_conf_t *cf);

/*
 * api_hosts.  init: in postconfiguration; start: in a worker, or when one
 * without a master has a new configuration, from the old one or NULL.
 */
char *ngx_http_apievents_api_hosts(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_apievents_hosts_init(ngx_conf_t *cf);
ngx_int_t ngx_http_apievents_hosts_start(ngx_cycle_t *cycle,
    ngx_http_apievents_gate_main_conf_t *old);
void ngx_http_apievents_hosts_stop(ngx_cycle_t *cycle);

/* those that are kept for requests to come; at the end of a process */
void ngx_http_apievents_decisions_free(void);

/* phase handlers (access, precontent, log) */
ngx_int_t ngx_http_apievents_gate_init(ngx_conf_t *cf);

/*
 * All that the gate has to do with the header of an answer, from the module's
 * filter.
 */
ngx_int_t ngx_http_apievents_gate_header(ngx_http_request_t *r) ae_often;

/* the header of a client's request is kept back: it comes to the function
 * above when the body is whole, or is known not to be */
void ngx_http_apievents_gate_kept(ngx_http_request_t *r);

/* what of r->uri is the listen path's, if it begins with that; empty if the
 * API has none */
void ngx_http_apievents_gate_listen(ngx_http_request_t *r,
    ngx_http_apievents_gate_conf_t *gcf, ngx_str_t *listen);

/* the version of a request that was let through; may be empty */
void ngx_http_apievents_gate_version(ngx_http_request_t *r, ngx_str_t *name);

/*
 * The refusal's own answer, from the module's filter, if the request has a
 * ctx; NGX_DECLINED when the answer is not a refusal of the gate.
 */
ngx_int_t ngx_http_apievents_refusal_body(ngx_http_request_t *r,
    ngx_chain_t **in);

/*
 * Headers of a client's request, by their names in lower case: NGX_DECLINED
 * where there is none; all of a name are taken out.  hops: the number in
 * X-Api-Events-Hops, with five or more nothing is raised.
 */

#define NGX_HTTP_APIEVENTS_HOPS  5

ngx_int_t ngx_http_apievents_header_value(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
ngx_int_t ngx_http_apievents_strip_header(ngx_http_request_t *r,
    ngx_str_t *name);
ngx_uint_t ngx_http_apievents_hops(ngx_http_request_t *r);

/* set: in place of those of its name, a value without data takes them out;
 * *header, if asked for, is the new one or NULL.  drop: of an answer */
ngx_int_t ngx_http_apievents_set_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *lowcase, ngx_str_t *value,
    ngx_table_elt_t **header);
void ngx_http_apievents_drop_answer(ngx_http_request_t *r, ngx_str_t *name);

/* one more of an answer's, the name as it is */
ngx_int_t ngx_http_apievents_add_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/*
 * For handlers that run in line: who calls, {"user", "key", "api", "org",
 * "version"} in JSON, the key as events show it; and the names of headers that
 * have credentials, in lower case, with commas.
 */
ngx_int_t ngx_http_apievents_gate_caller(ngx_http_request_t *r,
    ngx_str_t *value);
ngx_int_t ngx_http_apievents_gate_hidden(ngx_http_request_t *r,
    ngx_str_t *names);

/*
 * A whole answer of the module's own, in memory that lives as long as r; an
 * empty type leaves that of the answer.  end_with: in place of the content,
 * NGX_DONE.
 */
ngx_int_t ngx_http_apievents_send_whole(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, ngx_str_t *body);
ngx_int_t ngx_http_apievents_end_with(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, ngx_str_t *body);

/* text that was written, in memory of r; NGX_ERROR: there is none */
ngx_int_t ngx_http_apievents_copy_answer(ngx_http_request_t *r, ae_buf_t *b,
    ngx_str_t *text);

/* {"statusCode", "errorCode", "errorMessage"}, as of Layer7 */
void ngx_http_apievents_write_error(ae_buf_t *b, ngx_uint_t status,
    ngx_str_t *text);

/* gRPC over HTTP2 */
ngx_uint_t ngx_http_apievents_answer_is_grpc(ngx_http_request_t *r);

/* the reason phrase of a status, NULL: none is known */
const char *ngx_http_apievents_status_title(ngx_uint_t status);

/* what the client of a refused request is told, from a filter of its answer;
 * its event is raised.  NGX_DECLINED: it is none */
ngx_int_t ngx_http_apievents_refusal_text(ngx_http_request_t *r,
    ngx_str_t *text);


#endif /* _NGX_HTTP_APIEVENTS_GATE_H_INCLUDED_ */
