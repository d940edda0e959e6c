/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a client's request keeps of the handlers that run in line with it;
 * between the files of in-line handlers: script_run.c, _request, _answer,
 * _error, _gunzip, _result and _inline.
 */


#ifndef _NGX_HTTP_APIEVENTS_SCRIPT_RUN_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_SCRIPT_RUN_H_INCLUDED_


#include "script/script_private.h"


/* of the connection: nginx keeps the request until this is cleared */
#define NGX_HTTP_APIEVENTS_BUFFERED  0x08


/* lives as long as the request, in its pool; one a main request */

typedef struct {
    ngx_http_apievents_loc_conf_t   *conf;      /* of the phase that runs, or
                                                   ran last */
    ngx_http_apievents_chain_t      *chain;     /* of that phase */
    ngx_http_apievents_phase_e       phase;
    ngx_http_apievents_call_t       *call;      /* or NULL: none has run */

    ngx_str_t                        base;      /* of the API, ends with a
                                                   slash */
    ngx_str_t                        resource;  /* the segment behind it */

    ngx_str_t                        result;    /* JSON that the script set */
    ngx_str_t                        properties;/* JSON of the user's */
    ngx_str_t                        text;      /* the client's body, if
                                                   has_text */
    ngx_str_t                        json;      /* in its place, if replaced */
    ngx_array_t                     *requested; /* chain_t * of requests that
                                                   have run, or NULL */

    /* an answer that is kept back */
    ngx_chain_t                     *body;
    ngx_chain_t                    **last;
    size_t                           size;      /* of body, in bytes */

    unsigned                         has_text:1;
    unsigned                         optioned:1;/* options phase is over */
    unsigned                         replaced:1;/* the client's body */
    unsigned                         refused:1; /* a handler threw */
    unsigned                         kept:1;    /* there is an answer */
    unsigned                         whole:1;   /* all of it */
    unsigned                         cut:1;     /* as far as it came */
    unsigned                         large:1;   /* over api_body_max */
    unsigned                         encoded:1; /* gzip */
    unsigned                         asked:1;   /* a script is */
    unsigned                         delayed:1; /* the connection, by us */
    unsigned                         ready:1;   /* nobody is to be asked */
    unsigned                         sent:1;    /* the answer is */
} ngx_http_apievents_inline_t;


/* ---- script_run.c ---- */

/* r's state; with create it is made, and has what the client asked for from
 * r's location.  NULL: there is none, or no memory */
ngx_http_apievents_inline_t *ngx_http_apievents_inline_of(
    ngx_http_request_t *r, ngx_uint_t create);

/* $request_id */
ngx_str_t ngx_http_apievents_request_id(ngx_http_request_t *r);

/* what runs in the phase at r's location; NULL: nothing */
ngx_http_apievents_chain_t *ngx_http_apievents_chain_of(
    ngx_http_request_t *r, ngx_http_apievents_phase_e phase);

/*
 * Starts the handlers; input is what they see of the phase's body, in memory.
 * in->call->ended tells when they are through, r is woken then.
 */
ngx_int_t ngx_http_apievents_inline_start(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_http_apievents_phase_e phase,
    ngx_http_apievents_chain_t *chain, ngx_chain_t *input);

/*
 * How they ended: NGX_OK: nothing has changed; NGX_DONE: text is the new
 * body; NGX_ERROR: text is the error's JSON, of status.
 */
ngx_int_t ngx_http_apievents_inline_ended(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_str_t *text, ngx_uint_t *status);

/* the buffer that ends an answer */
ngx_chain_t *ngx_http_apievents_inline_last(ngx_pool_t *pool);

/* a chain of one buffer; NULL: no memory */
ngx_chain_t *ngx_http_apievents_inline_chain(ngx_pool_t *pool,
    ngx_str_t *text);


/* ---- script_request.c ---- */

/* sets in->text, if that was not done yet, for handlers behind the content */
ngx_int_t ngx_http_apievents_request_late(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);


/* ---- script_inline.c ---- */

/* notes base and resource, as they are at r's location */
ngx_int_t ngx_http_apievents_inline_place(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);


/* ---- script_result.c: what a script set beside the body ---- */

/* the status that an error's JSON names, 200 to 599; else the one given */
ngx_uint_t ngx_http_apievents_result_status(ngx_str_t *text,
    ngx_uint_t status);

/* in place of a client's headers of that name; a value without data: none */
ngx_int_t ngx_http_apievents_set_request_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);

/* Content-Length of what goes upstream; value lives as long as r */
ngx_int_t ngx_http_apievents_set_length(ngx_http_request_t *r,
    ngx_str_t *value);

ngx_int_t ngx_http_apievents_result_request(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);
ngx_int_t ngx_http_apievents_result_answer(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);


/* ---- script_answer.c ---- */

/* nothing is told of a body that was somebody else's */
void ngx_http_apievents_answer_plain(ngx_http_request_t *r);
ngx_int_t ngx_http_apievents_answer_replace(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_str_t *text);


/* ---- script_error.c ---- */

/* asks the error handlers about the answer that is kept */
ngx_int_t ngx_http_apievents_error_ask(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);

/* makes an error of the answer that is kept, with JSON text or, if that is
 * NULL, what the status says; asks the error handlers, or in->ready is set */
ngx_int_t ngx_http_apievents_error_turn(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_uint_t status, ngx_str_t *text);


/* ---- script_encoding.c ---- */

/* leaves of Accept-Encoding what response handlers can read, if there are
 * any at r's location */
ngx_int_t ngx_http_apievents_request_encoding(ngx_http_request_t *r);


/* ---- script_gunzip.c ---- */

/* the body that is kept without its encoding, in memory of r; NULL: it is
 * broken, or larger than api_body_max */
ngx_chain_t *ngx_http_apievents_gunzip(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);


/* ---- script_effects.c ---- */

/* whose script it is: that of an event, or one in line with a request */
typedef struct {
    ngx_http_apievents_attempt_t   *attempt;
    ngx_http_apievents_inline_t    *inlined;
    ngx_http_request_t             *request;    /* the main one */
} ngx_http_apievents_actor_t;

/* NULL, or an error's text */
typedef const char *(*ngx_http_apievents_effect_pt)(
    ngx_http_apievents_actor_t *a, ae_value_t *value, ae_error_t *err);

typedef struct {
    ngx_str_t                       name;
    ngx_http_apievents_effect_pt    run;
} ngx_http_apievents_effect_variable_t;

/* the last one has no run */
extern ngx_http_apievents_effect_variable_t  ngx_http_apievents_effects[];


#endif /* _NGX_HTTP_APIEVENTS_SCRIPT_RUN_H_INCLUDED_ */
