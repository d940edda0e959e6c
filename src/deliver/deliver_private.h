/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _NGX_HTTP_APIEVENTS_DELIVER_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_DELIVER_PRIVATE_H_INCLUDED_


#include "deliver/deliver.h"


/* ---- deliver_webhook.c, deliver_webhook_conf.c ---- */

typedef struct {
    ngx_http_apievents_target_t     target;
    ngx_uint_t                      method;
    ngx_str_t                       method_name;
    ngx_str_t                       host;       /* of a Host header */
    ae_format_e                     format;
    ae_template_t                  *template;   /* NULL: the format's own */
    ngx_array_t                     fields;     /* of field_t */
    ae_statuses_t                   success;
    ae_signer_t                    *signer;     /* NULL: not signed; lives as
                                                   long as the cycle */
    unsigned                        plain:1;    /* nobody chose template or
                                                   format */
} ngx_http_apievents_webhook_conf_t;

ngx_int_t ngx_http_apievents_webhook_parse(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);


/* ---- deliver_named.c ---- */

/* the endpoint that use=NAME means, which takes no other parameter than
 * cooldown=; an emerg line and NULL if there is none */
ngx_http_apievents_endpoint_t *ngx_http_apievents_use(ngx_conf_t *cf,
    ngx_array_t *params, ngx_str_t *name, ngx_msec_t *cooldown);


/* ---- deliver_tls.c ---- */

/* verify=, ca=, cert= and cert_key= */
ngx_int_t ngx_http_apievents_webhook_tls(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);

/* of a ca=: an emerg line and NGX_ERROR if there are no certificates in it */
ngx_int_t ngx_http_apievents_ca_check(ngx_conf_t *cf, ngx_str_t *file);


/* ---- deliver_mail_conf.c ---- */

typedef enum {
    NGX_HTTP_APIEVENTS_STARTTLS_ON = 0,     /* when it is offered */
    NGX_HTTP_APIEVENTS_STARTTLS_REQUIRED,
    NGX_HTTP_APIEVENTS_STARTTLS_OFF
} ngx_http_apievents_starttls_e;


struct ngx_http_apievents_smtp_s {
    ngx_str_t                       url;        /* with the port; these end
                                                   with a NUL */
    ngx_str_t                       user;
    ngx_str_t                       password;
    ngx_str_t                       ca;         /* certificates, or empty */
    ngx_str_t                       from;
    ngx_http_apievents_starttls_e   starttls;
    unsigned                        tls:1;      /* from the first byte on */
    unsigned                        verify:1;
};


/* ---- deliver_mail_text.c ---- */

typedef struct {
    ae_template_t                  *text;       /* NULL: no such part */
    ae_template_t                  *html;
} ngx_http_apievents_pair_t;


typedef struct {
    ae_template_t                  *to;
    ae_template_t                  *from;       /* NULL: api_smtp's */
    ae_template_t                  *subject;
    ngx_http_apievents_pair_t       own;        /* none: that of the event */
    ngx_msec_t                      timeout;
} ngx_http_apievents_email_conf_t;


typedef struct {
    ae_mail_address_t               from;
    ae_mail_address_t               to[AE_MAIL_RECIPIENTS];
    size_t                          nto;
    ae_buf_t                        subject;
    ae_buf_t                        text;
    ae_buf_t                        html;
} ngx_http_apievents_letter_t;


/* to=, from=, subject=, text= and html= */
ngx_int_t ngx_http_apievents_mail_templates(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);

/* the pairs that are built in, once for all handlers */
ngx_int_t ngx_http_apievents_mail_embedded(ngx_conf_t *cf,
    ngx_http_apievents_mailer_t *mail);

/*
 * What an attempt's mail says; addresses live in the arena.  NGX_ERROR: and
 * never will it, the attempt has the error; NGX_BUSY: no memory.
 */
ngx_int_t ngx_http_apievents_letter(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena, ngx_http_apievents_letter_t *letter);
void ngx_http_apievents_letter_free(ngx_http_apievents_letter_t *letter);


/* ---- deliver_mail.c ---- */

#define NGX_HTTP_APIEVENTS_MAIL_THREADS  4

ngx_int_t ngx_http_apievents_email_start(ngx_http_apievents_attempt_t *a);

/* has the worker a thread for another mail */
ngx_uint_t ngx_http_apievents_may_mail(
    ngx_http_apievents_deliver_conf_t *dcf);

/* its time is over: leaves what is being sent to others, returns how many */
ngx_uint_t ngx_http_apievents_mails_leave(
    ngx_http_apievents_deliver_worker_t *w);

ngx_int_t ngx_http_apievents_mail_init_module(ngx_cycle_t *cycle,
    ngx_http_apievents_mailer_t *mail);


/* ---- deliver_smtp.c ---- */

/* all that a thread knows: it touches neither nginx nor the attempt */

typedef struct {
    ngx_http_apievents_smtp_t      *smtp;
    char                           *from;
    char                          **to;         /* nto of them */
    ngx_uint_t                      nto;
    char                          **fields;     /* of the header, then NULL */
    ngx_str_t                       text;
    ngx_str_t                       html;
    unsigned                        has_text:1;
    unsigned                        has_html:1;
    ngx_msec_t                      timeout;
    volatile ngx_uint_t             leave;      /* it is to end */
    ngx_uint_t                      late;       /* since its time is over */
    pthread_mutex_t                 mutex;      /* of the sockets that are */
    int                             fd[4];      /* open; 0: none */
    ngx_uint_t                      sent;       /* results: */
    ngx_uint_t                      timed_out;
    ae_mail_talk_t                  talk;
    char                            error[256]; /* libcurl's text */
} ngx_http_apievents_sending_t;


ngx_int_t ngx_http_apievents_smtp_init(ngx_log_t *log);

/*
 * Blocks until it is sent or not.  In places libcurl waits for an answer
 * without a look at its timeout: stop(), of another thread, ends that.
 */
void ngx_http_apievents_smtp_send(ngx_http_apievents_sending_t *s);
void ngx_http_apievents_smtp_stop(ngx_http_apievents_sending_t *s);


/* ---- deliver_fields.c ---- */

typedef struct {
    ngx_str_t                       name;
    ngx_str_t                       value;
} ngx_http_apievents_field_t;

/*
 * The header fields of a handler: of its header= parameters, and a User-Agent.
 * A Host goes to *host.  An emerg line and NGX_ERROR on a wrong one.
 */
ngx_int_t ngx_http_apievents_fields(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params,
    ngx_array_t *fields, ngx_str_t *host);

/* the value of the first field of that name, or NULL */
ngx_str_t *ngx_http_apievents_field_find(ngx_array_t *fields,
    const char *name);

/* a field that is sent unless the handler has one of that name; the strings
 * are not copied */
ngx_int_t ngx_http_apievents_field_default(ngx_array_t *fields,
    const char *name, const char *value);


/* ---- deliver_file.c ---- */

typedef struct ngx_http_apievents_file_s  ngx_http_apievents_file_t;

/* file=, buffer= and flush=; *file is NULL without the first of them */
ngx_int_t ngx_http_apievents_file_parse(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params,
    ngx_http_apievents_file_t **file);

/*
 * A line, whose only LF is at its end; returns what start() returns.  The
 * attempt may be done, and gone, when that is NGX_AGAIN.
 */
ngx_int_t ngx_http_apievents_file_write(ngx_http_apievents_file_t *f,
    ngx_http_apievents_attempt_t *a, u_char *line, size_t len);


/* ---- deliver_attempt.c ---- */

/* the handler of the worker's kick */
void ngx_http_apievents_kick(ngx_event_t *ev);


/* ---- deliver_pace.c ---- */

/* rate= and breaker=, behind retry= and timeout= */
ngx_int_t ngx_http_apievents_pace_params(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);

/*
 * May the endpoint get a delivery: NGX_OK, or NGX_AGAIN and the worker is
 * kicked when it is to be asked again.  What passed is given back, when there
 * is no delivery or no attempt, or done with the attempt's outcome.
 */
ngx_int_t ngx_http_apievents_pace_enter(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_pace_t *pace, const ae_now_t *now);
void ngx_http_apievents_pace_back(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_pace_t *pace);
void ngx_http_apievents_pace_done(ngx_http_apievents_attempt_t *a,
    const ae_now_t *now);


/* ---- deliver_batch.c ---- */

/* batch=, behind format= */
ngx_int_t ngx_http_apievents_batch_param(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);

/* takes more deliveries to those of an attempt that was just made, and gives
 * back one of them, or all, as not attempted */
void ngx_http_apievents_batch_fill(ngx_http_apievents_attempt_t *a);
void ngx_http_apievents_batch_drop(ngx_http_apievents_attempt_t *a,
    ngx_uint_t i);
void ngx_http_apievents_batch_untried(ngx_http_apievents_attempt_t *a);

/* what came of the request came of each of them */
void ngx_http_apievents_batch_result(ngx_http_apievents_attempt_t *a);

/* webhook-id, AE_EVENT_ID_LEN bytes: the event's of a single one */
void ngx_http_apievents_batch_id(ngx_http_apievents_attempt_t *a, u_char *p);


/* ---- deliver_endpoint.c ---- */

/* an endpoint of these words, that is in no list; as parse() */
ngx_http_apievents_endpoint_t *ngx_http_apievents_endpoint_make(
    ngx_conf_t *cf, ngx_str_t *args, ngx_uint_t nargs);


/* ---- deliver_runtime.c ---- */

/* when the worker begins, or has another cycle */
ngx_int_t ngx_http_apievents_runtime_begin(
    ngx_http_apievents_deliver_worker_t *w, ngx_log_t *log);
ngx_int_t ngx_http_apievents_runtime_register(ngx_cycle_t *cycle);

/* ends what was removed and has come to its end */
void ngx_http_apievents_runtime_sweep(void);


/* ---- deliver_runtime_make.c ---- */

/* in a pool of its own, and nowhere else; NULL, and *err says why */
ngx_http_apievents_endpoint_t *ngx_http_apievents_runtime_make(
    ngx_str_t *args, ngx_uint_t nargs, ae_error_t *err);
ngx_int_t ngx_http_apievents_runtime_error(ae_error_t *err,
    const char *text);


/* ---- deliver_outcome.c ---- */

/* ends the lease of an attempt by what it means; the attempt is there yet */
void ngx_http_apievents_outcome(ngx_http_apievents_attempt_t *a);

/* ends a lease without an attempt: it is due again soon, or it is dead */
void ngx_http_apievents_untried(ae_lease_t *lease);
void ngx_http_apievents_refused(ngx_http_apievents_endpoint_t *ep,
    ae_lease_t *lease);

/* of a first attempt, or of one that is not made, to who watches the event */
void ngx_http_apievents_watch_tell(ngx_http_apievents_endpoint_t *ep,
    ae_id_t event, ae_watch_result_t *r, ngx_str_t *why, const ae_now_t *now);

/* is it being removed, by any worker */
ngx_uint_t ngx_http_apievents_closing(ngx_http_apievents_endpoint_t *ep);

/* why it failed; the text is the attempt's */
ngx_str_t ngx_http_apievents_why(ngx_http_apievents_attempt_t *a);


/* ---- deliver_history.c ---- */

void ngx_http_apievents_attempt_history(ngx_http_apievents_attempt_t *a,
    ae_outcome_e outcome, const ae_now_t *now);

/* of one that ends without an attempt: its record, to be freed, or NULL, read
 * as long as there is the lease; and the row, when it has ended */
u_char *ngx_http_apievents_refused_read(const ae_lease_t *lease);
void ngx_http_apievents_refused_history(ngx_http_apievents_endpoint_t *ep,
    const ae_lease_t *lease, u_char *record, const ae_now_t *now);


/* ---- deliver_event.c ---- */

void ngx_http_apievents_tell_disabled(ngx_http_apievents_attempt_t *a);
void ngx_http_apievents_tell_recovered(ngx_http_apievents_attempt_t *a);
void ngx_http_apievents_tell_dead(ngx_http_apievents_attempt_t *a);


#endif /* _NGX_HTTP_APIEVENTS_DELIVER_PRIVATE_H_INCLUDED_ */
