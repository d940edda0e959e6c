/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The email handler: a mail an event, that a thread of the worker's own pool
 * gives to the relay.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_MAIL_FIELDS  8


typedef struct {
    ngx_http_apievents_attempt_t   *attempt;
    ngx_http_apievents_sending_t    sending;
    ngx_event_t                     timer;      /* keeps the worker */
    ngx_queue_t                     queue;      /* of the worker's mails */
#if (NGX_THREADS)
    ngx_thread_task_t               task;
#endif
} ngx_http_apievents_mail_t;


static ngx_http_apievents_mail_t *ngx_http_apievents_mail_create(
    ngx_http_apievents_attempt_t *a, ngx_http_apievents_letter_t *letter);
static ngx_int_t ngx_http_apievents_mail_header(
    ngx_http_apievents_mail_t *mail, ngx_http_apievents_letter_t *letter);
static ae_id_t ngx_http_apievents_mail_whom(ngx_http_apievents_attempt_t *a,
    ngx_http_apievents_letter_t *letter);
static ngx_int_t ngx_http_apievents_mail_field(ngx_http_apievents_mail_t *mail,
    ngx_uint_t i, ae_buf_t *b);
static char *ngx_http_apievents_mail_string(ngx_pool_t *pool, ae_str_t s);
static ngx_int_t ngx_http_apievents_mail_body(ngx_pool_t *pool,
    ngx_str_t *dst, ae_buf_t *b);
static ngx_int_t ngx_http_apievents_mail_send(
    ngx_http_apievents_mail_t *mail);
#if (NGX_THREADS)
static void ngx_http_apievents_mail_thread(void *data, ngx_log_t *log);
static void ngx_http_apievents_mail_sent(ngx_event_t *ev);
#endif
static void ngx_http_apievents_mail_wait(ngx_event_t *ev);
static ngx_int_t ngx_http_apievents_mail_result(
    ngx_http_apievents_mail_t *mail);


ngx_int_t
ngx_http_apievents_mail_init_module(ngx_cycle_t *cycle,
    ngx_http_apievents_mailer_t *mail)
{
#if (NGX_THREADS)
    ngx_thread_pool_t  *pool;

    static ngx_str_t    name = ngx_string("apievents_mail");
    static ngx_str_t    threads = ngx_string("threads=4");
    static ngx_str_t    queue = ngx_string("max_queue=16");
#endif

    if (mail->smtp == NULL
        || (mail->place.len == 0
            && !ngx_http_apievents_main_conf(cycle)->deliver.runtime))
    {
        return NGX_OK;
    }

    if (ngx_http_apievents_smtp_init(cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

#if (NGX_THREADS)

    if (ngx_http_apievents_thread_pool(cycle, &name, &threads, &queue, &pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    mail->pool = pool;

    if (pool != NULL) {
        return NGX_OK;
    }

#endif

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "there are no threads for mails, requests wait while one "
                  "is sent");

    return NGX_OK;
}


ngx_uint_t
ngx_http_apievents_may_mail(ngx_http_apievents_deliver_conf_t *dcf)
{
    return dcf->worker->mailing < NGX_HTTP_APIEVENTS_MAIL_THREADS;
}


ngx_int_t
ngx_http_apievents_email_start(ngx_http_apievents_attempt_t *a)
{
    ngx_int_t                     rc;
    ae_arena_t                   *arena;
    ngx_http_apievents_mail_t    *mail;
    ngx_http_apievents_letter_t   letter;

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_BUSY;
    }

    mail = NULL;
    rc = ngx_http_apievents_letter(a, arena, &letter);

    if (rc == NGX_OK) {
        mail = ngx_http_apievents_mail_create(a, &letter);
    }

    ngx_http_apievents_letter_free(&letter);
    ae_arena_destroy(arena);

    if (rc != NGX_OK) {
        return rc;
    }

    return (mail != NULL) ? ngx_http_apievents_mail_send(mail) : NGX_BUSY;
}


static ngx_http_apievents_mail_t *
ngx_http_apievents_mail_create(ngx_http_apievents_attempt_t *a,
    ngx_http_apievents_letter_t *letter)
{
    ngx_uint_t                        i;
    ngx_http_apievents_mail_t        *mail;
    ngx_http_apievents_pair_t        *own;
    ngx_http_apievents_sending_t     *s;
    ngx_http_apievents_main_conf_t   *mcf;
    ngx_http_apievents_email_conf_t  *conf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    conf = a->endpoint->conf;
    own = &conf->own;

    mail = ngx_pcalloc(a->pool, sizeof(ngx_http_apievents_mail_t));
    if (mail == NULL) {
        return NULL;
    }

    mail->attempt = a;

    s = &mail->sending;
    (void) pthread_mutex_init(&s->mutex, NULL);
    s->smtp = mcf->deliver.mail.smtp;
    s->timeout = conf->timeout;
    s->has_text = (own->text != NULL || own->html == NULL);
    s->has_html = (own->html != NULL || own->text == NULL);
    s->nto = letter->nto;

    s->from = ngx_http_apievents_mail_string(a->pool, letter->from.address);
    s->to = ngx_palloc(a->pool, s->nto * sizeof(char *));

    if (s->from == NULL || s->to == NULL) {
        return NULL;
    }

    for (i = 0; i < s->nto; i++) {
        s->to[i] = ngx_http_apievents_mail_string(a->pool,
                                                  letter->to[i].address);
        if (s->to[i] == NULL) {
            return NULL;
        }
    }

    if (ngx_http_apievents_mail_header(mail, letter) != NGX_OK
        || ngx_http_apievents_mail_body(a->pool, &s->text, &letter->text)
           != NGX_OK
        || ngx_http_apievents_mail_body(a->pool, &s->html, &letter->html)
           != NGX_OK)
    {
        return NULL;
    }

    return mail;
}


/* the same at each attempt, so that nobody takes a repetition for another */

static ngx_int_t
ngx_http_apievents_mail_header(ngx_http_apievents_mail_t *mail,
    ngx_http_apievents_letter_t *letter)
{
    u_char                         id[AE_EVENT_ID_LEN];
    ae_buf_t                       b[NGX_HTTP_APIEVENTS_MAIL_FIELDS];
    ae_str_t                       subject, event;
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_http_apievents_attempt_t  *a;

    a = mail->attempt;

    mail->sending.fields = ngx_pcalloc(a->pool,
                                       (NGX_HTTP_APIEVENTS_MAIL_FIELDS + 1)
                                       * sizeof(char *));
    if (mail->sending.fields == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_APIEVENTS_MAIL_FIELDS; i++) {
        ae_buf_init(&b[i], SIZE_MAX);
    }

    ae_event_id(id, a->event.id);

    event.data = id;
    event.len = AE_EVENT_ID_LEN;
    subject.data = letter->subject.data;
    subject.len = letter->subject.len;

    ae_mail_field_addresses(&b[0], "From", &letter->from, 1);
    ae_mail_field_addresses(&b[1], "To", letter->to, letter->nto);
    ae_mail_field(&b[2], "Subject", subject);
    ae_mail_field_date(&b[3], a->event.time);
    ae_mail_field_id(&b[4], a->event.id,
                     ngx_http_apievents_mail_whom(a, letter), &letter->from);
    ae_buf_puts(&b[5], "Auto-Submitted: auto-generated");
    ae_mail_field(&b[6], "X-Api-Event-Id", event);
    ae_buf_puts(&b[7], "Content-Type: multipart/alternative");

    rc = NGX_OK;

    for (i = 0; i < NGX_HTTP_APIEVENTS_MAIL_FIELDS; i++) {

        if (ngx_http_apievents_mail_field(mail, i, &b[i]) != NGX_OK) {
            rc = NGX_ERROR;
        }

        ae_buf_free(&b[i]);
    }

    return rc;
}


/* two handlers that write to the same ones about the same are two mails */

static ae_id_t
ngx_http_apievents_mail_whom(ngx_http_apievents_attempt_t *a,
    ngx_http_apievents_letter_t *letter)
{
    ae_id_t              id;
    ae_str_t             parts[2];
    ngx_uint_t           i;
    static const u_char  key[16];

    id = a->endpoint->identity;

    for (i = 0; i < letter->nto; i++) {
        parts[0].data = (u_char *) &id;
        parts[0].len = sizeof(ae_id_t);
        parts[1] = letter->to[i].address;

        id = ae_hash(key, parts, 2);
    }

    return id;
}


static ngx_int_t
ngx_http_apievents_mail_field(ngx_http_apievents_mail_t *mail, ngx_uint_t i,
    ae_buf_t *b)
{
    ae_str_t  s;

    s.data = b->data;
    s.len = b->len;

    if (!b->failed) {
        mail->sending.fields[i] =
                   ngx_http_apievents_mail_string(mail->attempt->pool, s);
    }

    return (mail->sending.fields[i] != NULL) ? NGX_OK : NGX_ERROR;
}


static char *
ngx_http_apievents_mail_string(ngx_pool_t *pool, ae_str_t s)
{
    u_char  *p;

    p = ngx_pnalloc(pool, s.len + 1);

    if (p != NULL) {
        ngx_memcpy(p, s.data, s.len);
        p[s.len] = '\0';
    }

    return (char *) p;
}


static ngx_int_t
ngx_http_apievents_mail_body(ngx_pool_t *pool, ngx_str_t *dst, ae_buf_t *b)
{
    dst->len = b->len;
    dst->data = ngx_pnalloc(pool, b->len + 1);

    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    if (b->len != 0) {
        ngx_memcpy(dst->data, b->data, b->len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_mail_send(ngx_http_apievents_mail_t *mail)
{
#if (NGX_THREADS)

    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    if (mcf->deliver.mail.pool != NULL) {

        mail->task.ctx = mail;
        mail->task.handler = ngx_http_apievents_mail_thread;
        mail->task.event.handler = ngx_http_apievents_mail_sent;
        mail->task.event.data = mail;
        mail->task.event.log = ngx_cycle->log;

        if (ngx_thread_task_post(mcf->deliver.mail.pool, &mail->task)
            != NGX_OK)
        {
            return NGX_BUSY;
        }

        mail->timer.handler = ngx_http_apievents_mail_wait;
        mail->timer.data = &w->dummy;
        mail->timer.log = ngx_cycle->log;

        ngx_add_timer(&mail->timer, mail->sending.timeout + 500);

        ngx_queue_insert_tail(&w->mails, &mail->queue);
        w->mailing++;

        return NGX_AGAIN;
    }

#endif

    ngx_http_apievents_smtp_send(&mail->sending);

    return ngx_http_apievents_mail_result(mail);
}


/* a worker that ends waits for timers: this one is there until the thread is
 * done, and makes it so where libcurl's own timeout did not */

static void
ngx_http_apievents_mail_wait(ngx_event_t *ev)
{
    ngx_http_apievents_mail_t  *mail;

    mail = (ngx_http_apievents_mail_t *)
               ((u_char *) ev - offsetof(ngx_http_apievents_mail_t, timer));

    mail->sending.late = 1;
    ngx_http_apievents_smtp_stop(&mail->sending);

    ngx_add_timer(ev, 1000);
}


#if (NGX_THREADS)

static void
ngx_http_apievents_mail_thread(void *data, ngx_log_t *log)
{
    ngx_http_apievents_mail_t *mail = data;

    ngx_http_apievents_smtp_send(&mail->sending);
}


static void
ngx_http_apievents_mail_sent(ngx_event_t *ev)
{
    ngx_http_apievents_mail_t            *mail;
    ngx_http_apievents_deliver_worker_t  *w;

    mail = ev->data;
    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
        ->deliver.worker;

    if (mail->timer.timer_set) {
        ngx_del_timer(&mail->timer);
    }

    ngx_queue_remove(&mail->queue);
    w->mailing--;

    ngx_http_apievents_attempt_done(mail->attempt,
                                    ngx_http_apievents_mail_result(mail));
}

#endif


static ngx_int_t
ngx_http_apievents_mail_result(ngx_http_apievents_mail_t *mail)
{
    ae_buf_t                       b;
    ae_str_t                       kept;
    ngx_http_apievents_attempt_t  *a;
    ngx_http_apievents_sending_t  *s;

    a = mail->attempt;
    s = &mail->sending;

    if (s->sent) {
        a->status = 250;

        /* it was taken, so that nobody has to send it again */
        a->left = 0;

        return NGX_OK;
    }

    if (s->late && !a->left) {
        s->timed_out = 1;
        ngx_memcpy(s->error, "timed out", sizeof("timed out"));
    }

    kept = ae_mail_kept(&s->talk);

    a->status = (s->talk.code >= 400) ? s->talk.code : 0;
    a->answer = *(ngx_str_t *) &kept;
    a->meaning = ae_mail_meaning(&s->talk, s->timed_out);

    ae_buf_init(&b, 2 * sizeof(s->talk.text));

    if (!s->timed_out) {
        ae_mail_why(&b, &s->talk);
    }

    a->error.data = (u_char *) s->error;
    a->error.len = ngx_strlen(s->error);

    if (b.len != 0 && !b.failed
        && ngx_http_apievents_mail_body(a->pool, &a->error, &b) != NGX_OK)
    {
        ngx_str_set(&a->error, "no memory");
    }

    ae_buf_free(&b);

    return NGX_ERROR;
}


ngx_uint_t
ngx_http_apievents_mails_leave(ngx_http_apievents_deliver_worker_t *w)
{
    ngx_uint_t                  n;
    ngx_queue_t                *q;
    ngx_http_apievents_mail_t  *mail;

    n = 0;

    for (q = ngx_queue_head(&w->mails);
         q != ngx_queue_sentinel(&w->mails);
         q = ngx_queue_next(q))
    {
        mail = ngx_queue_data(q, ngx_http_apievents_mail_t, queue);

        mail->attempt->left = 1;
        ngx_http_apievents_smtp_stop(&mail->sending);
        n++;
    }

    return n;
}
