/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the files of the gate share: the decision about a client request and
 * the steps towards it.
 */


#ifndef _NGX_HTTP_APIEVENTS_GATE_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_GATE_PRIVATE_H_INCLUDED_


#include "apievents.h"


/* in this order; a step may be entered again after the request was parked */

typedef enum {
    NGX_HTTP_APIEVENTS_STEP_ACTIVE = 0,
    NGX_HTTP_APIEVENTS_STEP_OPTIONS,
    NGX_HTTP_APIEVENTS_STEP_VERSION,
    NGX_HTTP_APIEVENTS_STEP_ADDRESS,
    NGX_HTTP_APIEVENTS_STEP_ORG,
    NGX_HTTP_APIEVENTS_STEP_CREDENTIAL,
    NGX_HTTP_APIEVENTS_STEP_SESSION,
    NGX_HTTP_APIEVENTS_STEP_EXPIRY,
    NGX_HTTP_APIEVENTS_STEP_RIGHTS,
    NGX_HTTP_APIEVENTS_STEP_LIMITS,
    NGX_HTTP_APIEVENTS_STEP_BREAKER,
    NGX_HTTP_APIEVENTS_STEP_PASSED,
    NGX_HTTP_APIEVENTS_STEP_REFUSING,       /* may have to read the body */
    NGX_HTTP_APIEVENTS_STEP_REFUSED
} ngx_http_apievents_step_e;


/* why a request is refused; strings are static */

typedef struct {
    ngx_uint_t                      status;
    ae_event_type_e                 event;      /* AE_EVENT_CUSTOM: none */
    ngx_str_t                       text;       /* of the answer */
    ngx_str_t                       message;    /* of the event */
    ngx_str_t                       reason;     /* of the event */
    ngx_uint_t                      plain;      /* the answer is plain text */
    ngx_http_apievents_refused_e    kind;
} ngx_http_apievents_refusal_t;


/* whose limit a use is of */

typedef enum {
    NGX_HTTP_APIEVENTS_USE_KEY = 0,             /* the session's, or what its
                                                   rights to this API put in
                                                   their place */
    NGX_HTTP_APIEVENTS_USE_ENDPOINT,            /* of its rights */
    NGX_HTTP_APIEVENTS_USE_ORG,
    NGX_HTTP_APIEVENTS_USE_API
} ngx_http_apievents_use_e;


/* a hard timeout that runs */

typedef struct {
    ngx_event_t                     event;      /* the first member */
    ngx_http_request_t             *request;
    ngx_msec_t                      msec;
    ngx_uint_t                      late;       /* the request is, not its
                                                   upstream */
} ngx_http_apievents_timer_t;


/* what is told of limits in the headers of an answer, as a rule */
#define NGX_HTTP_APIEVENTS_ROOM  640


/* a request in a breaker that is a dry run */

typedef struct {
    ngx_http_apievents_breaker_t   *breaker;
    ae_breaker_pass_t               pass;
} ngx_http_apievents_trial_t;


/*
 * One a client request, from the first location with an API on.  It lives in
 * a cleanup of the request's pool, since internal redirects zero r->ctx;
 * r->ctx points to it only while the answer to be sent is its refusal.
 */

typedef struct {
    ngx_http_apievents_loc_conf_t  *conf;
    ngx_http_apievents_step_e       step;

    ngx_str_t                       credential;
    ngx_http_apievents_session_t   *session;    /* kept; NULL: none */
    ngx_http_apievents_right_t     *right;      /* its right to this API;
                                                   NULL: it has all */

    ngx_http_apievents_session_t   *org;        /* its organisation's; kept */

    ngx_http_apievents_version_t   *version;    /* that is asked for */
    ngx_str_t                       version_name;

    ae_limit_use_t                 *uses;       /* that it was held against,
                                                   with what came of them;
                                                   there is room for those
                                                   of its location */
    ngx_uint_t                      nuses;
    ngx_http_apievents_use_e       *kinds;      /* of the uses */
    ngx_http_apievents_limit_t    **limits;     /* of the uses; NULL where
                                                   it is a session's */
    void                           *held;       /* held_t that they are of, if
                                                   its items are made */
    uint64_t                        asked;      /* when, by the wall clock */

    ae_limit_use_t                 *charged;    /* for a refund */
    ngx_uint_t                      ncharged;

    ae_breakers_t                  *breakers;   /* once it has entered one */
    ngx_http_apievents_breaker_t   *breaker;    /* that it is held against */
    ae_breaker_state_e              state;      /* that it was met in */
    ngx_str_t                       behind;     /* the listen path, where that
                                                   ends within a segment */
    u_char                         *behind_of;  /* of r->uri with these data */
    ngx_array_t                    *headers;    /* of header_t *, that hold
                                                   for it; or NULL */
    ngx_array_t                    *trials;     /* of trial_t; dry runs that
                                                   let it in */
    ae_breaker_state_e              trial;      /* how the first one was */
    void                          (*finalize)(ngx_http_request_t *r,
                                              ngx_int_t rc);
                                                /* the upstream's own */
    ngx_http_apievents_timer_t     *timer;      /* of the upstream's header */
    const ngx_http_apievents_refusal_t
                                   *refusal;
    size_t                          refused;    /* index in uses; for refusals
                                                   of rate and quota */

    ngx_str_t                       request;    /* its HTTP/1.1 form */
    ngx_str_t                       body;       /* as far as it is wanted */
    size_t                          body_size;  /* allocated */
    ngx_str_t                       answer;     /* the refusal's body */
    unsigned                        api_wide:1; /* it is of the API's limit */
    unsigned                        of_org:1;   /* of the organisation's */
    unsigned                        of_address:1;   /* of the client's */
    unsigned                        dressed:1;  /* its headers */
    unsigned                        ignored:1;  /* an ignored path */
    unsigned                        named:1;    /* the version stands in the
                                                   request */
    unsigned                        stripped:1; /* and did */
    unsigned                        entered:1;  /* the breaker; it is owed a
                                                   sample */
    unsigned                        tried:1;    /* dry runs decided */
    unsigned                        timed_out:1;/* a hard timeout */
    unsigned                        truncated:1;/* the upstream's answer */
    unsigned                        satisfied:1;/* by another module */
    unsigned                        pending:1;  /* another module may let it
                                                   pass (satisfy any) */
    unsigned                        confirmed:1;/* access phase is over */
    unsigned                        watched:1;  /* its quotas were */
    unsigned                        body_known:1;
    unsigned                        request_known:1;
    unsigned                        replaced:1; /* header of the answer */
    unsigned                        answered:1; /* and its body */
    unsigned                        body_cut:1;
    unsigned                        raised:1;
    unsigned                        has_event:1;

    /* from here on nothing is zeroed */

    u_char                         *room;       /* ROOM bytes for headers,
                                                   NULL: taken */
    ae_now_t                        now;        /* of limits and breakers */
    ae_breaker_pass_t               pass;
    u_char                          event_id[AE_EVENT_ID_LEN];
} ngx_http_apievents_decision_t;


/*
 * The limits that each request of a session is held against at a location,
 * where nothing else decides which they are.  It never changes, and is there
 * as long as the session.
 */

typedef struct {
    ngx_http_apievents_gate_conf_t  *conf;
    ngx_uint_t                       n;
    ae_limit_use_t                  *uses;
    ngx_http_apievents_use_e        *kinds;
    ngx_http_apievents_limit_t     **limits;
    ngx_http_apievents_item_t      **items;     /* NULL: not made */
    ngx_str_t                        policy;    /* of the items */
} ngx_http_apievents_held_t;


/* its limits while they are put together, in the decision's room */

typedef struct {
    ae_now_t                        now;
    ngx_http_apievents_zone_t      *zone;
    ngx_uint_t                      n;
    ngx_uint_t                      max;
    ae_limit_use_t                 *uses;
    ngx_http_apievents_use_e       *kinds;
    ngx_http_apievents_limit_t    **limits;
} ngx_http_apievents_uses_t;


/* what a decision's variables tell */

typedef struct {
    uint64_t                        rate;
    uint64_t                        quota;
    uint64_t                        reset;      /* unix time, 0: never */
    unsigned                        has_rate:1;
    unsigned                        has_quota:1;
} ngx_http_apievents_remaining_t;


/*
 * Steps return NGX_OK to go on, NGX_DECLINED when they went elsewhere;
 * everything else is for nginx: NGX_AGAIN and NGX_DONE park the request.
 * gate_cors.c, gate_version.c, gate_address.c, gate_org.c, gate_rights.c,
 * gate_breaker.c
 */
ngx_int_t ngx_http_apievents_step_options(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_step_address(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_step_version(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_step_org(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_step_rights(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_step_breaker(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d) ae_often;

/*
 * What a step does to refuse: returns NGX_DECLINED.  reject() is for want of a
 * good credential, which another module may make up for (satisfy any).
 */
ngx_int_t ngx_http_apievents_refuse(ngx_http_apievents_decision_t *d,
    const ngx_http_apievents_refusal_t *refusal);
ngx_int_t ngx_http_apievents_reject(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d,
    const ngx_http_apievents_refusal_t *refusal);

/*
 * gate_breaker.c.  sample: in the log phase, of a request that entered;
 * forget: the request ends and nobody has taken a sample.
 */
void ngx_http_apievents_breaker_sample(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d) ae_often;
void ngx_http_apievents_breaker_forget(ngx_http_apievents_decision_t *d);

/* gate_health.c: in the log phase, of any request that was decided */
void ngx_http_apievents_health_count(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);

/* an upstream's header passes, whose body may still end too early */
void ngx_http_apievents_breaker_watch(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d) ae_often;

extern const ngx_http_apievents_refusal_t  ngx_http_apievents_breaker_is_open;

/*
 * gate_breaker_make.c.  defaults: those of api_breaker, all fields are set;
 * push: names it and puts a copy behind the others; name: what an API keeps
 * beside its list, once that is complete.
 */

#define NGX_HTTP_APIEVENTS_BREAKER_SAMPLES  1000000
#define NGX_HTTP_APIEVENTS_MILLION          1000000

ngx_int_t ngx_http_apievents_breaker_defaults(ngx_conf_t *cf,
    ngx_http_apievents_breaker_t *b);
ngx_http_apievents_breaker_t *ngx_http_apievents_push_breaker(ngx_conf_t *cf,
    ngx_array_t *breakers, ngx_http_apievents_breaker_t *b);
ngx_int_t ngx_http_apievents_name_breakers(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf);

/*
 * gate_timeout.c: hard timeouts.  start: when the request has passed; stop:
 * when it ends, which is no harm to do twice.
 */
ngx_int_t ngx_http_apievents_timeout_start(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
void ngx_http_apievents_timeout_stop(ngx_http_apievents_decision_t *d);

extern const ngx_http_apievents_refusal_t  ngx_http_apievents_hard_timeout;

/*
 * gate_path.c.  A regular expression is held against the full normalised URI,
 * Tyk's pattern against that, the path behind the listen path, and that
 * without the version's segment (as in Tyk).
 */
ngx_uint_t ngx_http_apievents_path_match(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, const ngx_http_apievents_path_t *path);

/*
 * gate_session.c.  find: NULL: the API is not granted.  The others need a
 * right that was compiled; endpoint: NULL when none is for the request.
 */
ngx_http_apievents_right_t *ngx_http_apievents_right_find(
    ngx_http_apievents_session_t *session, ngx_str_t *api);
ngx_uint_t ngx_http_apievents_right_allows(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_http_apievents_rated_t *ngx_http_apievents_right_endpoint(
    ngx_http_request_t *r, ngx_http_apievents_decision_t *d);

/* the path behind the listen path, or the whole one if that is not its start;
 * it may be empty */
void ngx_http_apievents_path_behind(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *uri);

/*
 * gate_version_conf.c: warns of versions of a definition that the api_version
 * over it does not serve.
 */
void ngx_http_apievents_check_versions(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf);

/* gate_version.c: may the key use the version; rights: of this API.  NGX_OK,
 * or what reject() says */
ngx_int_t ngx_http_apievents_version_rights(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, const ae_value_t *rights);

/*
 * gate_version.c: what stands in a path where a version may, and is it one;
 * empty if there is nothing.
 */
void ngx_http_apievents_version_segment(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *name);
ngx_uint_t ngx_http_apievents_version_named(ngx_http_apievents_decision_t *d,
    ngx_str_t *name);

/* gate_version.c: is it the one that is asked for, or empty, which is any */
ngx_uint_t ngx_http_apievents_is_version(ngx_http_apievents_decision_t *d,
    ngx_str_t *version);

/* gate_reply.c: NGX_DECLINED when there is none for the request */
ngx_int_t ngx_http_apievents_reply(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_reply_with(ngx_http_request_t *r,
    ngx_http_apievents_reply_t *reply);

/* gate_rates.c: the same, of what a key has left */
ngx_int_t ngx_http_apievents_rates(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);

/* gate_strip.c: what named the version goes, once it is certain that the
 * request will be served */
ngx_int_t ngx_http_apievents_strip_version(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_strip_query(ngx_http_request_t *r,
    ngx_str_t *name);

/* gate_dress.c: which headers of a definition hold, by the path that the
 * client has asked for; and the same of what it says */
ngx_int_t ngx_http_apievents_dress_choose(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_dress_request(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);

/* the rest of what the header filter does: the refusal's own answer (or
 * NGX_DECLINED), what clients are told of limits, headers of definitions, what
 * lets a browser read the answer */
ngx_int_t ngx_http_apievents_refusal_header(ngx_http_request_t *r);
ngx_int_t ngx_http_apievents_limit_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d) ae_often;
ngx_int_t ngx_http_apievents_dress_answer(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_cors_header(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);

/* gate_conf.c */
ngx_int_t ngx_http_apievents_valid_source(ngx_uint_t kind, ngx_str_t *name);
char *ngx_http_apievents_default_auth(ngx_conf_t *cf, ngx_array_t **auth);

/* gate_plan.c: what the configuration alone tells of each request */
void ngx_http_apievents_plan(ngx_http_apievents_gate_conf_t *gcf);

/* gate_decision.c; the cleanup is what a decision is found by */
void ngx_http_apievents_decision_cleanup(void *data) ae_often;
ngx_http_apievents_decision_t *ngx_http_apievents_decision_create(
    ngx_http_request_t *r, ngx_http_apievents_loc_conf_t *conf) ae_often;
void ngx_http_apievents_decision_session(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_session_t *session);
void ngx_http_apievents_decision_org(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_session_t *org);

/* of the credential; costs more than most of what a request is held against,
 * so it is made where it is told */
ae_id_t ngx_http_apievents_decision_key_id(ngx_http_apievents_decision_t *d);

/* of a refused request: as api_limit_status says, else its refusal */
ngx_uint_t ngx_http_apievents_refusal_status(
    ngx_http_apievents_decision_t *d);

/*
 * gate_credential.c.  find: NGX_DECLINED when there is none.  without() copies
 * the arguments of all other names.  The others copy with what is a credential
 * replaced by ***; dst may be NULL to ask how many bytes the result has at
 * most.
 */
ngx_int_t ngx_http_apievents_credential(ngx_http_request_t *r,
    ngx_array_t *auth, ngx_str_t *credential);
ngx_int_t ngx_http_apievents_authorization(ngx_http_request_t *r,
    ngx_str_t *credential) ae_often;
ngx_int_t ngx_http_apievents_query_value(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
size_t ngx_http_apievents_query_without(u_char *dst, ngx_str_t *name,
    ngx_str_t *args);
size_t ngx_http_apievents_redact_uri(u_char *dst, ngx_array_t *auth,
    ngx_str_t *uri);
size_t ngx_http_apievents_redact_header(u_char *dst, ngx_array_t *auth,
    ngx_table_elt_t *h);

/* copies to dst + n, or only counts when dst is NULL; returns n + len */
size_t ngx_http_apievents_put(u_char *dst, size_t n, u_char *data,
    size_t len);

/*
 * gate_limits.c.  NGX_OK, or NGX_DECLINED and the decision's refusal set.
 * refund gives back what was charged.
 */
ngx_int_t ngx_http_apievents_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
void ngx_http_apievents_refund(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);

/* the same by what is kept of them, for a session and no organisation */
ngx_int_t ngx_http_apievents_take_held(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_held_t *held)
    ae_often;

/* gate_quick.c: all steps at once, where the plan says that it may do */
ngx_int_t ngx_http_apievents_quick(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d) ae_often;

/* refuses for one of the uses, and keeps them: NGX_DECLINED, or NGX_ERROR */
ngx_int_t ngx_http_apievents_refuse_use(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u,
    ngx_uint_t refused);

/*
 * gate_uses.c.  start, add one after the other (the first that is used up is
 * told of), then charge or peek, and keep.  put: a rule and its counter, none
 * if it is unlimited.  learn: the session will have them at hand, if nothing
 * else decides which they are.  remaining: of the limits that have least left.
 */
void ngx_http_apievents_uses_start(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u);
void ngx_http_apievents_uses_learn(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_uses_t *u);
ae_limit_use_t *ngx_http_apievents_uses_add(ngx_http_apievents_uses_t *u,
    ngx_http_apievents_use_e kind);
void ngx_http_apievents_uses_put(ngx_http_apievents_uses_t *u,
    ngx_http_apievents_use_e kind, const ae_limit_rule_t *rule, ae_id_t id);
void ngx_http_apievents_uses_keep(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_uses_t *u);
void ngx_http_apievents_uses_renew(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
void ngx_http_apievents_remaining(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_remaining_t *left);

/* gate_org.c: those of the API's organisation; they stand first */
void ngx_http_apievents_org_uses(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_uses_t *u);

/* more is no integer of a structured field (RFC 9651 3.3.1) */
#define NGX_HTTP_APIEVENTS_INTEGER_MAX  999999999999999
#define NGX_HTTP_APIEVENTS_INTEGER_LEN  16

/* of a limit in either of the IETF's headers, with what stands between two */
#define NGX_HTTP_APIEVENTS_VALUE_LEN                                          \
    (NGX_HTTP_APIEVENTS_ITEM_LEN + sizeof(", ") - 1)

/*
 * gate_items.c: makes the items of limits, or those of what a session is held
 * against as the decision is; the item and the name of a use for clients.
 * put_policy: all items, with VALUE_LEN bytes of room for each.
 */
void ngx_http_apievents_limit_items(ngx_array_t *limits);
ngx_http_apievents_item_t *ngx_http_apievents_use_item(
    ngx_http_apievents_decision_t *d, ngx_uint_t i);
u_char *ngx_http_apievents_put_policy(ngx_http_apievents_decision_t *d,
    u_char *p);
void ngx_http_apievents_held_items(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_held_t *held);
ngx_str_t ngx_http_apievents_use_name(ngx_http_apievents_decision_t *d,
    ngx_uint_t i);

/*
 * gate_answer.c: what the client of a refused request gets.  body: as
 * api_error_format says.  grpc: the whole answer to a gRPC request, in its
 * header.  Both tell the content type.  exceeded: a limit refused it.
 */
ngx_int_t ngx_http_apievents_answer_body(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *body, ngx_str_t *type);
ngx_uint_t ngx_http_apievents_is_exceeded(ngx_http_apievents_decision_t *d);
ngx_int_t ngx_http_apievents_answer_grpc(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *type);

/*
 * gate_monitor.c: tells of quotas that are used up to a threshold, once a
 * decision, when it is certain that the request passes.
 */
void ngx_http_apievents_watch_quotas(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);

/*
 * gate_request.c: OriginatingRequest.  read_body() is for a phase handler,
 * which is called again when it does not return NGX_OK but NGX_DONE; other
 * values end the request.  build() needs what was read, or does without.
 */
ngx_int_t ngx_http_apievents_read_body(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
void ngx_http_apievents_build_request(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);

/* warns of an api_body_max that no ring can take; once routes are known */
void ngx_http_apievents_request_init(ngx_conf_t *cf);

/*
 * gate_hosts_event.c.  What was found of a host: its state, with the status
 * (0: no answer), how long it took and what was asked; raises HostDown or
 * HostUp, and says that it did.
 */
void ngx_http_apievents_hosts_tell(ngx_http_apievents_server_t *server,
    ae_host_state_e state, ngx_uint_t status, ngx_msec_t latency);

/* gate_hosts_probe.c: this worker has nothing to say of hosts any more */
ngx_uint_t ngx_http_apievents_hosts_over(
    ngx_http_apievents_main_conf_t *mcf);

/* the log phase handler where requests tell of hosts */
ngx_int_t ngx_http_apievents_hosts_log_handler(ngx_http_request_t *r);

/* gate_event.c */
ngx_uint_t ngx_http_apievents_wants_request(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
void ngx_http_apievents_raise_refusal(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
void ngx_http_apievents_event_key(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_raise_t *e);
void ngx_http_apievents_event_secret(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_raise_t *e);
void ngx_http_apievents_event_org_key(ngx_http_request_t *r,
    ngx_http_apievents_raise_t *e);
void ngx_http_apievents_raise_dry_run(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d,
    const ngx_http_apievents_refusal_t *refusal);
void ngx_http_apievents_raise_breaker(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d,
    ngx_http_apievents_breaker_t *breaker, ae_breaker_change_e change);

/* the same without a request; event gets AE_EVENT_ID_LEN bytes */
void ngx_http_apievents_tell_breaker(ngx_http_apievents_loc_conf_t *lcf,
    const ngx_http_apievents_breaker_t *breaker, ae_breaker_change_e change,
    ngx_uint_t hops, u_char *event, ngx_log_t *log);

/* gate_breaker.c: levels hand a breaker down, it is another in each API */
ae_id_t ngx_http_apievents_breaker_id(ngx_http_apievents_zone_t *zone,
    const ngx_http_apievents_gate_conf_t *gcf,
    const ngx_http_apievents_breaker_t *b);


/* NULL: there is none; each phase and filter asks, so it is found inline */

static ngx_inline ngx_http_apievents_decision_t *
ngx_http_apievents_decision(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->main->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_apievents_decision_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


static ngx_inline ngx_http_apievents_zone_t *
ngx_http_apievents_gate_zone(ngx_http_request_t *r)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    return mcf->store.zone;
}


/* the time that decisions and samples of this turn of the event loop have */

typedef struct {
    ngx_event_t                     event;
    ae_now_t                        now;
} ngx_http_apievents_turn_t;

extern ngx_http_apievents_turn_t  ngx_http_apievents_turn;

void ngx_http_apievents_turn_begins(void) ae_often;

static ngx_inline void
ngx_http_apievents_now(ae_now_t *now)
{
    if (!ngx_http_apievents_turn.event.posted) {
        ngx_http_apievents_turn_begins();
    }

    *now = ngx_http_apievents_turn.now;
}


/* where held_t is kept: of sessions that have a record the location keeps it,
 * for each combination of limits */

static ngx_inline void **
ngx_http_apievents_held_by(ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                     n;
    ngx_http_apievents_session_t  *session;

    session = d->session;

    if (session->record != NULL) {
        n = (session->rate.max != 0) | (session->quota.max != 0) << 1;
        return &d->conf->gate.held[n];
    }

    return d->right ? &d->right->held : &session->held;
}


#endif /* _NGX_HTTP_APIEVENTS_GATE_PRIVATE_H_INCLUDED_ */
