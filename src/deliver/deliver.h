/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * deliver: endpoints, the leases this worker has of their deliveries, and one
 * file a handler kind.
 */


#ifndef _NGX_HTTP_APIEVENTS_DELIVER_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_DELIVER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/core.h"
#include "ngx/ngx.h"


typedef struct ngx_http_apievents_endpoint_s  ngx_http_apievents_endpoint_t;
typedef struct ngx_http_apievents_attempt_s   ngx_http_apievents_attempt_t;


/* what an endpoint's pace was asked for, and has to be told the end of */

typedef struct {
    ae_breaker_pass_t               pass;
    ae_limit_use_t                  use;
    unsigned                        passed:1;   /* its breaker */
    unsigned                        charged:1;  /* its rate */
} ngx_http_apievents_pace_t;


/*
 * One attempt at one delivery.  It and its strings live in its pool, which is
 * the call's own where there is a call; both are gone after attempt_done().
 * start() returns NGX_AGAIN when attempt_done() will be called later, else
 * what that would be called with.
 */

struct ngx_http_apievents_attempt_s {
    ngx_http_apievents_endpoint_t  *endpoint;
    ae_lease_t                      lease;
    ae_event_t                      event;
    ngx_pool_t                     *pool;
    ngx_http_apievents_call_t      *call;       /* NULL: needs none */
    ngx_uint_t                      status;     /* HTTP's, 0: none */
    ngx_str_t                       error;      /* why it failed */
    ae_answer_e                     meaning;    /* of a failure: what follows;
                                                   OK once it is done well */
    ngx_str_t                       answer;     /* the first bytes of it */
    ngx_str_t                       retry_after;/* its field, or empty */

    ae_now_t                        begin;
    uint64_t                        duration;   /* ns, from the outcome on: */
    uint64_t                        next;       /* mono, 0: no more attempt */
    u_char                          status_text[32];
    ngx_http_apievents_pace_t       pace;

    ngx_http_apievents_attempt_t   *mates;      /* sent with it: with leases
                                                   of their own, in its pool */
    ngx_uint_t                      nmates;

    ngx_queue_t                     queue;      /* of the worker's calls, or
                                                   of a file's lines */
    unsigned                        unsent:1;   /* failed before anything was
                                                   sent, by our own fault */
    unsigned                        taken:1;    /* the answer was a success,
                                                   whatever it meant besides */
    unsigned                        left:1;     /* to other workers */
    unsigned                        told:1;     /* the log has the error */
};

typedef ngx_int_t (*ngx_http_apievents_start_pt)(
    ngx_http_apievents_attempt_t *a);


struct ngx_http_apievents_endpoint_s {
    ngx_str_t                       kind;       /* "log", "webhook", "js",
                                                   "email" */
    ngx_str_t                       label;      /* for logs: URL, script */
    ngx_http_apievents_start_pt     start;
    void                           *conf;       /* the kind's own */
    ae_id_t                         identity;
    ae_id_t                         settings;   /* what else tells two apart
                                                   that are configured; the
                                                   queue outlives its change */
    ae_id_t                         receiver;   /* whose breaker and rate they
                                                   are: the identity, but of
                                                   one of run time, whose
                                                   identity outlives its URL */
    ngx_msec_t                      cooldown;   /* of one of run time */
    ngx_pool_t                     *pool;       /* the same; NULL: the cycle's
                                                   */
    ngx_uint_t                      users;      /* attempts of this worker */
    ngx_queue_t                     gone;       /* with users, nothing else */
    ngx_uint_t                      concurrency;
    ngx_uint_t                      queue;
    ngx_uint_t                      batch;      /* deliveries in a request, at
                                                   most; 0 and 1: one */
    ngx_msec_t                      timeout;
    uint32_t                        attempts;   /* the most */
    ae_limit_rule_t                 rate;       /* max 0: none */
    ae_breaker_rule_t               breaker_rule;
    uint64_t                        paused;     /* mono, ns: until then this
                                                   worker takes nothing */
    ngx_uint_t                      index;      /* in the list */
    uint32_t                        shared;     /* index in the zone */
    ngx_uint_t                      inflight;   /* calls of this worker */
    unsigned                        uses_request:1;
    unsigned                        calls:1;    /* takes connections */
    unsigned                        health:1;   /* tries again, is disabled,
                                                   recovers */
    unsigned                        breaker:1;
    unsigned                        inactive:1; /* configured, gets nothing */
    unsigned                        failing:1;  /* the last attempt failed */
    unsigned                        proved:1;   /* it did not */
    unsigned                        full:1;     /* found since the sweep */
    unsigned                        full_told:1;
    unsigned                        removed:1;  /* of run time: what waits
                                                   for it ends */
    unsigned                        mails:1;    /* takes threads */
};


/* a parameter of a handler, split at its first "=" */

typedef struct {
    ngx_str_t                       name;
    ngx_str_t                       value;
} ngx_http_apievents_param_t;

/*
 * A kind of handler.  parse() fills the endpoint from the parameters, marks
 * those that it knows by an empty name, and adds to the identity what makes
 * two endpoints differ; an emerg line and NGX_ERROR on a wrong value.
 */

typedef struct {
    ngx_str_t                       name;
    ngx_str_t                       alias;      /* Tyk's word */
    ngx_int_t                     (*parse)(ngx_conf_t *cf,
                                        ngx_http_apievents_endpoint_t *ep,
                                        ngx_array_t *params);
    ngx_http_apievents_start_pt     start;
    ngx_uint_t                      concurrency;
    unsigned                        calls:1;
    unsigned                        health:1;
    unsigned                        runtime:1;  /* may be made at run time,
                                                   as parse() then knows */
} ngx_http_apievents_kind_t;

extern ngx_http_apievents_kind_t  ngx_http_apievents_log_kind;
extern ngx_http_apievents_kind_t  ngx_http_apievents_webhook_kind;
extern ngx_http_apievents_kind_t  ngx_http_apievents_js_kind;
extern ngx_http_apievents_kind_t  ngx_http_apievents_email_kind;


/* what a worker keeps; outlives a cycle only in a process without a master */

typedef struct {
    ngx_event_t                     kick;
    ngx_event_t                     pace;       /* kicks when the next of the
                                                   endpoints may go on */
    ngx_event_t                     shutdown;
    ngx_queue_t                     calls;      /* attempts, by their queue */
    ngx_queue_t                     mails;      /* that threads are sending */
    ngx_uint_t                      mailing;    /* as many */
    ngx_http_apievents_share_t      share;      /* of connections */
    ngx_connection_t                dummy;
    ngx_uint_t                      inflight;   /* calls of this worker */
    ngx_uint_t                      next;       /* endpoint to serve next */
    ngx_uint_t                      ticks;

    ngx_http_apievents_endpoint_t **runtime;    /* those of run time */
    ngx_uint_t                      nruntime;
    ngx_queue_t                     gone;       /* replaced or removed, with
                                                   attempts in flight */
    ae_id_t                        *found;      /* that the zone had when this
                                                   worker began */
    ngx_uint_t                      nfound;
    ngx_msec_t                      begun;
    unsigned                        loaded:1;   /* all that were stored have
                                                   been put */

    /* for the watchdog's thread: since when, in seconds of the monotonic
     * clock, a script has not returned; 0: none runs */
    volatile time_t                 script_since;
    volatile time_t                 script_limit;
    const char *volatile            script_name;

    ngx_http_apievents_call_t      *script_call;/* whose code runs, or NULL */
    ngx_http_apievents_attempt_t   *script;     /* that is its, or NULL */
    ngx_event_t                     script_left;

    pthread_t                       watchdog;
    pthread_mutex_t                 watchdog_mutex;
    pthread_cond_t                  watchdog_wake;
    ngx_uint_t                      watched;        /* it runs */
    ngx_uint_t                      unwatch;        /* under the mutex */
} ngx_http_apievents_deliver_worker_t;


typedef struct ngx_http_apievents_smtp_s  ngx_http_apievents_smtp_t;

typedef struct {
    ngx_http_apievents_smtp_t      *smtp;       /* api_smtp, or NULL */
    ngx_str_t                       place;      /* of the first handler */
    void                           *pairs;      /* the templates that are
                                                   embedded, once parsed */
    void                           *pool;       /* of threads, or NULL */
} ngx_http_apievents_mailer_t;


/* member of the main configuration */

typedef struct {
    ngx_array_t                     endpoints;  /* of endpoint_t * */
    ngx_array_t                    *named;      /* of api_webhook, or NULL */
    ngx_array_t                     files;      /* of file_t * */
    ngx_uint_t                      connections;/* share, percent */
    ngx_uint_t                      callers;    /* endpoints that call */
    ngx_uint_t                      configured; /* of the endpoints, the
                                                   first ones */
    ngx_uint_t                      runtime;    /* others come at run time */
    ngx_atomic_uint_t               generation; /* as the zone counts it */
    ngx_http_apievents_mailer_t     mail;       /* of the email handlers */
    ngx_http_apievents_deliver_worker_t  *worker;
} ngx_http_apievents_deliver_conf_t;


/*
 * Makes or finds the endpoint that HANDLER and its arguments describe; args
 * are those behind the event's name.  *cooldown is set from cooldown=.  An
 * emerg line and NULL when an argument is wrong.
 */
ngx_http_apievents_endpoint_t *ngx_http_apievents_endpoint(ngx_conf_t *cf,
    ngx_str_t *args, ngx_uint_t nargs, ngx_msec_t *cooldown);

char *ngx_http_apievents_api_webhook(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_delivery_connections(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

char *ngx_http_apievents_api_smtp(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* what is wrong about all of the http block */
ngx_int_t ngx_http_apievents_deliver_init(ngx_conf_t *cf);

ngx_int_t ngx_http_apievents_deliver_add_variables(ngx_conf_t *cf);

ngx_int_t ngx_http_apievents_deliver_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_apievents_deliver_init_process(ngx_cycle_t *cycle);

/* splits arguments into parameters */
ngx_int_t ngx_http_apievents_params(ngx_conf_t *cf, ngx_str_t *args,
    ngx_uint_t nargs, ngx_array_t *params);

/* an emerg line and NGX_ERROR if there is one that nobody asked for */
ngx_int_t ngx_http_apievents_unknown(ngx_conf_t *cf, ngx_str_t *kind,
    ngx_array_t *params);

/* a time=; *msec stays as it is if the parameter is not there */
ngx_int_t ngx_http_apievents_param_time(ngx_conf_t *cf, ngx_array_t *params,
    const char *name, ngx_msec_t *msec);

/* timeout=, which may not be 0 */
ngx_int_t ngx_http_apievents_param_timeout(ngx_conf_t *cf,
    ngx_array_t *params, ngx_msec_t *msec);

/* the value of a parameter, which is then known; NULL if it is not there */
ngx_str_t *ngx_http_apievents_param(ngx_array_t *params, const char *name);

/* the value belongs to what an endpoint is, or to how it is served */
void ngx_http_apievents_identify(ngx_http_apievents_endpoint_t *ep,
    ngx_str_t *value);
void ngx_http_apievents_setting(ngx_http_apievents_endpoint_t *ep,
    ngx_str_t *value);

/* zone indices of the endpoints; again after a reload without a master,
 * where NGX_ERROR, no memory, leaves those of run time out */
ngx_int_t ngx_http_apievents_deliver_register(ngx_cycle_t *cycle);

/* writes what waits for its file; before the worker ends, or the cycle */
void ngx_http_apievents_files_flush(ngx_cycle_t *cycle);

/* the sweep's part: kills what waits for endpoints that are configured no
 * more */
void ngx_http_apievents_deliver_sweep(void);

/* from then on worker_shutdown_timeout bounds what this worker has begun */
void ngx_http_apievents_deliver_exiting(void);

/* tells once that an endpoint's queue is full; index as the zone has it */
void ngx_http_apievents_deliver_full(uint32_t shared,
    u_char id[AE_EVENT_ID_LEN]);

/* raises EndpointDisabled for what that person disabled */
void ngx_http_apievents_deliver_disabled(ngx_http_apievents_endpoint_t *ep,
    ngx_str_t *user);

/* the attempt that a call is made for, NULL if it is none */
ngx_http_apievents_attempt_t *ngx_http_apievents_attempt_of(
    ngx_http_apievents_call_t *call);

/* the user's code runs until the event loop goes on */
void ngx_http_apievents_enter_script(ngx_http_apievents_call_t *call);

ngx_int_t ngx_http_apievents_watchdog_start(
    ngx_http_apievents_deliver_worker_t *w, ngx_log_t *log);

/* before the worker exits: nginx unloads the module under a thread's feet */
void ngx_http_apievents_watchdog_stop(
    ngx_http_apievents_deliver_worker_t *w);

/* is there an endpoint of that identity and those bounds already */
ngx_uint_t ngx_http_apievents_endpoint_known(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep);

/* the envelope of the attempt's event, as templates see it, in an arena */
ae_value_t *ngx_http_apievents_envelope(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena);

/*
 * deliver_runtime.c: endpoints that come and go while workers run.  Whoever
 * keeps them tells each worker of each of them; their queue, history, health
 * and outbox are the same in all workers and outlive them.
 *
 * A directive that will put such endpoints calls runtime(cf), which generates
 * the location that they are asked through.  A worker then routes no event and
 * gives up nothing of the store until it is told by runtime_loaded() that all
 * there are have been put; what is not among them is removed.
 */
#define NGX_HTTP_APIEVENTS_RUNTIME_MAX  (AE_QUEUE_ENDPOINTS / 4)

char *ngx_http_apievents_runtime(ngx_conf_t *cf);
void ngx_http_apievents_runtime_loaded(void);

/*
 * Makes the endpoint of that id, or replaces the one there is with all of its
 * handlers, from the words of a handler as they stand in a configuration:
 * "webhook", "url=..." and so on, nothing of which is kept.  Its queue stays,
 * whatever changes.  Always with the address filter.  NGX_ERROR and *err:
 * nothing has changed.  runtime_check() tells the same without making it.
 */
ngx_int_t ngx_http_apievents_runtime_put(ngx_str_t *id, ngx_str_t *args,
    ngx_uint_t nargs, ae_error_t *err);
ngx_int_t ngx_http_apievents_runtime_check(ngx_str_t *args, ngx_uint_t nargs,
    ae_error_t *err);

/* what waits for it is dead; NGX_DECLINED: there is none */
ngx_int_t ngx_http_apievents_runtime_remove(ngx_str_t *id);

/* what endpoint and history of that id are found by; there need be none.  Of
 * "endpoint/" and 32 hex digits it is these */
ae_id_t ngx_http_apievents_runtime_identity(ngx_str_t *id);

/* NULL: there is none in this worker */
ngx_http_apievents_endpoint_t *ngx_http_apievents_runtime_find(
    ngx_str_t *id);

/* have those that were stored been put, if there may be any; and have events
 * to wait until they are, which they do for 10 s at the most */
ngx_uint_t ngx_http_apievents_runtime_ready(void);
ngx_uint_t ngx_http_apievents_runtime_awaited(void);

/* starts what is due and may be started; called after routing and outcomes */
void ngx_http_apievents_deliver_kick(void);

/* rc: NGX_OK, delivered; NGX_ERROR: failed, a->error says why and a->meaning
 * what follows; NGX_BUSY: nothing was sent, for want of memory, and it is due
 * again */
void ngx_http_apievents_attempt_done(ngx_http_apievents_attempt_t *a,
    ngx_int_t rc);


#endif /* _NGX_HTTP_APIEVENTS_DELIVER_H_INCLUDED_ */
