/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * ngx: the tricks with nginx itself.  Calls out of a worker that has no client
 * to answer, configuration that the module writes for nginx, addresses that
 * are looked up when they are needed, answers that are caught.
 */


#ifndef _NGX_HTTP_APIEVENTS_NGX_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_NGX_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/core.h"


/* kept connections are found by address alone, whatever name a certificate
 * was checked for; newer nginx keeps them unless told not to */
#if (nginx_version >= 1029007)
#define NGX_HTTP_APIEVENTS_NO_KEEPALIVE  " keepalive 0;"
#else
#define NGX_HTTP_APIEVENTS_NO_KEEPALIVE  ""
#endif


/* words that are parsed while a worker runs stand in no file, and may neither
 * name one nor have anything generated */
#define ngx_http_apievents_at_run_time(cf)  ((cf)->conf_file == NULL)


typedef struct {
    ngx_str_t                       name;
    ngx_addr_t                      addr;
} ngx_http_apievents_host_t;


/* member of the main configuration: what was generated */

typedef struct {
    ngx_http_conf_ctx_t            *http;       /* the http level's */
    ngx_http_conf_ctx_t            *server;     /* the internal server, which
                                                   listens nowhere */
    ngx_array_t                     targets;    /* of target_t *, by number */
    ngx_array_t                     imports;    /* of ngx_str_t, by number */
    ngx_resolver_t                 *resolver;   /* made from resolv.conf, for
                                                   a configuration that has
                                                   no "resolver" */
    ngx_array_t                     hosts;      /* of host_t, /etc/hosts */
    ngx_array_t                     allow;      /* of ngx_cidr_t */
    ngx_uint_t                      norigins;
    char                         *(*fill)(ngx_conf_t *cf, void *data);
    void                           *data;       /* of the location that is
                                                   being generated */
    unsigned                        ipv6:1;     /* this host has ::1 */
    unsigned                        parsing:1;  /* generated text */
    unsigned                        late:1;     /* late() was called */
} ngx_http_apievents_generated_t;


/* where a call goes; made at configuration time, or in a call's own pool */

typedef struct {
    ngx_str_t                       url;
    ngx_str_t                       host;       /* without brackets */
    ngx_str_t                       authority;  /* as the Host header has it */
    ngx_str_t                       uri;        /* path and query */
    in_port_t                       port;
    unsigned                        tls:1;
    unsigned                        verify:1;
    unsigned                        filter:1;   /* not the operator's word */
    ngx_addr_t                     *literal;    /* host is an address */

    ngx_str_t                       ca;         /* file; empty: the system's */
    ngx_str_t                       cert;       /* files of a certificate that
                                                   is shown, or empty */
    ngx_str_t                       cert_key;
    ngx_str_t                       absolute;   /* URI of a request to a proxy,
                                                   whose host and port these
                                                   are then; or empty */
    void                           *session;    /* of TLS, to be taken up by
                                                   the next connection; this
                                                   process's */
    ngx_uint_t                      keepalive;  /* idle connections kept */
    ngx_msec_t                      timeout;
    ngx_str_t                       location;   /* the generated one's URI */
} ngx_http_apievents_target_t;


/* where requests of clients are passed on to */

typedef struct {
    ngx_http_apievents_target_t     target;
    ngx_str_t                       upstream;   /* scheme and name of the
                                                   generated one */
} ngx_http_apievents_origin_t;


typedef struct ngx_http_apievents_call_s  ngx_http_apievents_call_t;
typedef struct ngx_http_apievents_below_s  ngx_http_apievents_below_t;


/*
 * What calls together take of a worker's connections: at most max are kept for
 * the next call, and at most max are those of scripts' requests; the creator
 * of calls bounds these.  Lives as long as the process.
 */

typedef struct {
    ngx_uint_t                      max;
    ngx_uint_t                      kept;       /* idle, or were once */
    ngx_uint_t                      sent;       /* scripts' requests */
    ngx_queue_t                     parked;     /* of outgoing_t */
    ngx_event_t                     wake;
} ngx_http_apievents_share_t;


/*
 * One HTTP request on its way out: the call's own, or one that its script
 * makes.  Lives in the pool of the call's request.
 */

typedef struct {
    ngx_http_apievents_call_t      *call;
    ngx_http_request_t             *request;    /* once it has begun */
    ngx_http_apievents_target_t    *target;
    ngx_str_t                       host;       /* Host header; empty: the
                                                   target's authority */
    ngx_list_t                      headers;    /* of ngx_table_elt_t */

    ngx_addr_t                     *addrs;
    ngx_uint_t                      naddrs;
    ngx_uint_t                      next;
    ngx_resolver_ctx_t             *resolving;  /* cancelled by a cleanup */
    ngx_str_t                       error;      /* why it was not sent */
    ngx_queue_t                     queue;      /* while it has to wait for
                                                   its share */
    unsigned                        parked:1;   /* until it is resolved, or
                                                   may be sent */
    unsigned                        waiting:1;  /* in that queue */
    unsigned                        counted:1;  /* in the share's sent */
    unsigned                        looked_up:1;
    unsigned                        whole:1;    /* a script's answer */

#ifdef NGX_HTTP_UPSTREAM_EARLY_HINTS
    ngx_uint_t                      hints;      /* answers 103 so far */
    ngx_int_t                     (*reinit_request)(ngx_http_request_t *r);
    ngx_int_t                     (*process_header)(ngx_http_request_t *r);
                                                /* nginx's own */
#endif

    ngx_http_post_subrequest_t      post;       /* of a script's request: */
    ngx_http_post_subrequest_t      guard;      /* njs' own, and ours */
} ngx_http_apievents_outgoing_t;


typedef void (*ngx_http_apievents_call_done_pt)(
    ngx_http_apievents_call_t *call);


/*
 * A call without a client: a connection that has no socket, a request on it
 * and a subrequest into a generated location.  The creator fills the input,
 * starts it and gets done() once, from the event loop and never from within
 * start(); the call and its pool are gone when done() returns.
 */

struct ngx_http_apievents_call_s {
    ngx_pool_t                     *pool;
    ngx_http_request_t             *request;
    ngx_http_request_t             *subrequest;
    ngx_http_apievents_share_t     *share;

    /* input */
    ngx_str_t                       location;
    ngx_uint_t                      method;     /* NGX_HTTP_POST, ... */
    ngx_str_t                       method_name;
    ngx_http_apievents_outgoing_t  *outgoing;   /* NULL: a script */
    ngx_str_t                       body;
    ngx_chain_t                    *bufs;       /* in memory, in its place */
    ngx_msec_t                      timeout;    /* of the whole, 0: none */
    size_t                          answer_max; /* bytes of answer to keep;
                                                   what follows is read and
                                                   thrown away */
    ngx_uint_t                      hops;       /* X-Api-Events-Hops of what
                                                   its scripts send */
    ngx_str_t                       base;       /* of URIs in the request's
                                                   own server */
    const char                     *script;     /* its name, for logs */
    time_t                          patience;   /* seconds that it may take
                                                   without waiting */
    ngx_http_apievents_call_done_pt done;
    void                           *data;

    /* output */
    ngx_uint_t                      status;     /* 0: there was no answer */
    ngx_str_t                       error;      /* then why */
    ngx_str_t                       answer;
    ngx_str_t                       retry_after;/* fields of an outgoing's
                                                   answer, or empty */
    ngx_str_t                       control;    /* webhook-delivery */
    unsigned                        timed_out:1;
    unsigned                        ended:1;

    /* private */
    ngx_array_t                    *scripted;   /* of outgoing_t *, by id */
    ngx_str_t                       result;     /* of the last scripted one */
    ngx_http_apievents_below_t     *below;      /* requests of attached ones,
                                                   the last one first */
    ngx_buf_t                      *buf;
    size_t                          read;       /* bytes of answer's body */
    ngx_event_t                     timer;      /* of the whole; attached: of
                                                   what its script leaves
                                                   running.  Ours until the
                                                   call is freed, or nginx
                                                   ends or cleans request */
    ngx_event_t                     close;
    const char                     *aborted;    /* why */
    unsigned                        started:1;
    unsigned                        freed:1;
    unsigned                        attached:1;
};


/* parses an absolute http or https URL; NULL, or what is wrong with it */
const char *ngx_http_apievents_parse_url(ngx_pool_t *pool, ngx_str_t *url,
    ngx_http_apievents_target_t *t);

/* token and field value of RFC 9110: nothing that could end a line */
ngx_int_t ngx_http_apievents_valid_header(ngx_str_t *name, ngx_str_t *value);

void ngx_http_apievents_share_init(ngx_http_apievents_share_t *share,
    ngx_log_t *log);

/* lets nginx keep the connection of an answer, or not */
void ngx_http_apievents_share_keep(ngx_http_apievents_share_t *share,
    ngx_http_upstream_t *u);

/* may a script's request be sent: NGX_OK, or NGX_AGAIN and it is woken */
ngx_int_t ngx_http_apievents_share_take(ngx_http_apievents_outgoing_t *o);

/* it has ended, or all of a call's are waited for no more */
void ngx_http_apievents_share_give(ngx_http_apievents_outgoing_t *o);
void ngx_http_apievents_share_leave(ngx_http_apievents_call_t *call);

/* wakes those that may be sent now; called now and then as well, since
 * clients' connections count too */
void ngx_http_apievents_share_wake(ngx_http_apievents_share_t *share);

/* does the header frame a message or a connection, nginx's own business, or
 * count the hops, which is ours */
ngx_uint_t ngx_http_apievents_framing_header(ngx_str_t *name);

/* the host and port of a proxy in front of a target of plain http; NULL, or
 * what is wrong with it */
const char *ngx_http_apievents_target_proxy(ngx_pool_t *pool, ngx_str_t *url,
    ngx_http_apievents_target_t *t);

/* makes the target's upstream and location, sets t->location; t lives as long
 * as the cycle */
char *ngx_http_apievents_generate_target(ngx_conf_t *cf,
    ngx_http_apievents_target_t *t);

/* the internal server, made once; and inside of the location of a target */
char *ngx_http_apievents_generate_server(ngx_conf_t *cf,
    ngx_http_apievents_generated_t *g);
char *ngx_http_apievents_internal_target(ngx_conf_t *cf, ngx_int_t n);

/*
 * Parses text of our own, as if it stood at the level of ctx and type.  It
 * closes one brace more than it opens.  With args it is what stands in the
 * block of that directive, whose arguments are not text, so that nothing in
 * them can be taken for syntax; conf_call runs one that has no block.
 * known_lines appends the lines whose directives this nginx has.
 */
char *ngx_http_apievents_generate_block(ngx_conf_t *cf,
    ngx_http_conf_ctx_t *ctx, ngx_uint_t type, ngx_str_t *text,
    ngx_str_t *args, ngx_uint_t nargs);
char *ngx_http_apievents_conf_call(ngx_conf_t *cf, ngx_str_t *args,
    ngx_uint_t nargs);
void ngx_http_apievents_known_lines(ngx_conf_t *cf, ngx_str_t *text,
    const char *lines);

/* makes the location being parsed check certificates; NULL: by the system's
 * certificates, where it has any */
char *ngx_http_apievents_trusted(ngx_conf_t *cf, ngx_str_t *file);

/*
 * ngx_origin.c.  A location of clients' requests at path, in the server that
 * is being parsed; modifier: "~", "^~" or NULL.  fill() is called inside of
 * it.  generate_origin makes the upstream of origin->target, and sets
 * origin->upstream.
 */
char *ngx_http_apievents_generate_location(ngx_conf_t *cf,
    const char *modifier, ngx_str_t *path, const char *lines,
    char *(*fill)(ngx_conf_t *cf, void *data), void *data);
char *ngx_http_apievents_generate_origin(ngx_conf_t *cf,
    ngx_http_apievents_origin_t *origin);
ngx_int_t ngx_http_apievents_origin_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);

/*
 * For a phase handler: looks the origin's host up.  NGX_OK, or NGX_AGAIN and
 * it is called again.  A name that is not found is an answer of 502 from the
 * upstream.  origin_of: the last one that r was bound to, or NULL.
 */
ngx_int_t ngx_http_apievents_origin_bind(ngx_http_request_t *r,
    ngx_http_apievents_origin_t *origin);
ngx_http_apievents_origin_t *ngx_http_apievents_origin_of(
    ngx_http_request_t *r);

/* makes a location that runs `run` of the module in file; its URI is
 * /_ae/, kind and a number */
char *ngx_http_apievents_generate_script(ngx_conf_t *cf, u_char kind,
    ngx_str_t *file, ngx_str_t *location);

/*
 * ngx_late.c.  From ngx_http_apievents_late() on the end of the http block
 * calls ngx_http_apievents_chains_init(), which generates locations as above,
 * but with generate_late.
 */
char *ngx_http_apievents_late(ngx_conf_t *cf);
char *ngx_http_apievents_generate_late(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *location);
ngx_int_t ngx_http_apievents_late_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);

/* the directive that only generated text may use */
char *ngx_http_apievents_internal(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* phase handler of generated locations: binds a request to its outgoing,
 * gives it its headers and looks its host up */
ngx_int_t ngx_http_apievents_outgoing_handler(ngx_http_request_t *r);

/* the outgoing of a request that the handler has bound, or NULL */
ngx_http_apievents_outgoing_t *ngx_http_apievents_outgoing_of(
    ngx_http_apievents_call_t *call, ngx_http_request_t *r);

/* tells a script why its request got no answer; always NGX_DECLINED or
 * NGX_ERROR */
ngx_int_t ngx_http_apievents_outgoing_answer(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r);

/* the header that tells a script of o->error */
ngx_int_t ngx_http_apievents_outgoing_failed(
    ngx_http_apievents_outgoing_t *o);

ngx_int_t ngx_http_apievents_error_header(ngx_http_request_t *r,
    ngx_str_t *error);

/*
 * ngx_own.c: the location by which a script in line reads of the request's own
 * server, /_ae/own?to=NAME&ARGS; and a phase handler of what it asks for.
 */
char *ngx_http_apievents_internal_own(ngx_conf_t *cf);
ngx_int_t ngx_http_apievents_own_handler(ngx_http_request_t *r);

/* keeps a script's request from ending the whole call */
void ngx_http_apievents_scripted_guard(ngx_http_apievents_outgoing_t *o);

/* a get_peer handler; data: an outgoing_t, whose next address it gives */
ngx_int_t ngx_http_apievents_get_peer(ngx_peer_connection_t *pc, void *data);

/* NGX_OK: the address may be connected to; NGX_DECLINED, and o->error */
ngx_int_t ngx_http_apievents_filter(ngx_http_apievents_outgoing_t *o,
    ngx_addr_t *addr);
char *ngx_http_apievents_api_callback_allow(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

/* looks at the body that goes to a script */
void ngx_http_apievents_scripted_body(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r, ngx_chain_t *in);

/* NGX_OK: o->addrs is there, or o->error; NGX_AGAIN: the request is woken */
ngx_int_t ngx_http_apievents_resolve(ngx_http_request_t *r,
    ngx_http_apievents_outgoing_t *o);

/* reads the system's name servers and hosts, at configuration time */
ngx_int_t ngx_http_apievents_resolve_init(ngx_conf_t *cf,
    ngx_http_apievents_generated_t *g);

/* the balancer of generated upstreams, below keepalive */
ngx_int_t ngx_http_apievents_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);

#ifdef NGX_HTTP_UPSTREAM_EARLY_HINTS
/* for an init_peer handler: bounds the answers 103 that the request takes */
void ngx_http_apievents_limit_hints(ngx_http_apievents_outgoing_t *o,
    ngx_http_upstream_t *u);
#endif

/* may the only process go on with this configuration; and it does so */
ngx_int_t ngx_http_apievents_may_move(ngx_conf_t *cf);
void ngx_http_apievents_move_worker(ngx_cycle_t *cycle);

#if (NGX_THREADS)
/*
 * A thread pool at the main level, made unless it is there; threads: such as
 * "threads=4", queue: "max_queue=16".  *pool is NULL where there can be none:
 * without a master process, and with the event methods poll and select.
 */
ngx_int_t ngx_http_apievents_thread_pool(ngx_cycle_t *cycle, ngx_str_t *name,
    ngx_str_t *threads, ngx_str_t *queue, ngx_thread_pool_t **pool);
#endif

/* is there a file of CA certificates for calls of scripts */
ngx_uint_t ngx_http_apievents_has_ca(void);

ngx_int_t ngx_http_apievents_scripted_add_variable(ngx_conf_t *cf);

ngx_int_t ngx_http_apievents_ngx_init(ngx_conf_t *cf);
ngx_int_t ngx_http_apievents_ngx_add_variables(ngx_conf_t *cf);

/* those of a table that ends with ngx_http_null_variable, to be read */
ngx_int_t ngx_http_apievents_add_variables(ngx_conf_t *cf,
    ngx_http_variable_t *vars);

/* NULL: no connection or memory is to be had now */
ngx_http_apievents_call_t *ngx_http_apievents_call_create(ngx_log_t *log,
    ngx_http_apievents_share_t *share);

/*
 * A call within a client's request r: its subrequest is r's own, and r is
 * woken, by its write_event_handler, when the call has ended; done(), if there
 * is one, is called before that.  Lives as long as r.  NULL: no memory.
 */
ngx_http_apievents_call_t *ngx_http_apievents_call_attach(
    ngx_http_request_t *r, ngx_http_apievents_share_t *share);

/* an HTTP request for the call's own use, its strings are not copied */
ngx_http_apievents_outgoing_t *ngx_http_apievents_outgoing(
    ngx_http_apievents_call_t *call, ngx_http_apievents_target_t *target);
ngx_int_t ngx_http_apievents_outgoing_header(
    ngx_http_apievents_outgoing_t *o, ngx_str_t *name, ngx_str_t *value);

/* NGX_OK: done() will be called; NGX_ERROR: it will not, the creator frees
 * the call, unless it is attached */
ngx_int_t ngx_http_apievents_call_start(ngx_http_apievents_call_t *call);

/* ends a call that was started: done() gets the error, later, which is not
 * copied; NGX_DECLINED: it has ended before, as it did */
ngx_int_t ngx_http_apievents_call_abort(ngx_http_apievents_call_t *call,
    const char *error);

/*
 * ngx_end.c.  What the script of an attached call still waits for when it has
 * answered, subrequests and all, has so long, in ms, and is ended then: the
 * call ends with the answer.  The first bound counts.
 */
ngx_int_t ngx_http_apievents_call_bound(ngx_http_apievents_call_t *call,
    ngx_msec_t timeout);

/* phase handler: notes a request that an attached call's script has made */
ngx_int_t ngx_http_apievents_below_handler(ngx_http_request_t *r);

/* for a call that was never started */
void ngx_http_apievents_call_free(ngx_http_apievents_call_t *call);

/* the answer of a call, from the module's filters: NGX_DECLINED when the
 * request is not a call's own subrequest */
ngx_int_t ngx_http_apievents_capture_header(ngx_http_request_t *r);
ngx_int_t ngx_http_apievents_capture_body(ngx_http_request_t *r,
    ngx_chain_t *in);

/* the call that a request of it belongs to; NULL for any other request */
ngx_http_apievents_call_t *ngx_http_apievents_call_of(ngx_http_request_t *r);


#endif /* _NGX_HTTP_APIEVENTS_NGX_H_INCLUDED_ */
