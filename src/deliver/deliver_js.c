/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The js handler: a script that njs runs in a generated location, and the
 * watchdog that ends a worker which does not come back from one.
 */


#include "apievents.h"

#include <pthread.h>


#define NGX_HTTP_APIEVENTS_ANSWER_MAX  1024


typedef struct {
    ngx_str_t                       location;
    ngx_msec_t                      timeout;
} ngx_http_apievents_js_conf_t;


static ngx_int_t ngx_http_apievents_js_parse(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_js_active(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_js_start(ngx_http_apievents_attempt_t *a);
static ngx_int_t ngx_http_apievents_js_input(ngx_http_apievents_attempt_t *a);
static void ngx_http_apievents_js_done(ngx_http_apievents_call_t *call);

static void ngx_http_apievents_set_inside(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_apievents_get_inside(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_apievents_script_left(ngx_event_t *ev);
static void ngx_http_apievents_leave_script(void);

static void *ngx_http_apievents_watchdog(void *data);
static void ngx_http_apievents_watchdog_kill(
    ngx_http_apievents_deliver_worker_t *w);
static time_t ngx_http_apievents_seconds(void);


ngx_http_apievents_kind_t  ngx_http_apievents_js_kind = {
    ngx_string("js"),
    ngx_string("eh_dynamic_handler"),
    ngx_http_apievents_js_parse,
    ngx_http_apievents_js_start,
    16,
    1,
    0,
    0
};


static ngx_int_t
ngx_http_apievents_js_parse(ngx_conf_t *cf, ngx_http_apievents_endpoint_t *ep,
    ngx_array_t *params)
{
    ngx_str_t                     *path, *name, none, full;
    ngx_uint_t                     uses;
    ngx_http_apievents_js_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_js_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    ep->conf = conf;
    conf->timeout = 5000;

    path = ngx_http_apievents_param(params, "path");
    name = ngx_http_apievents_param(params, "name");

    if (path == NULL || path->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"path=\" of a script is expected for handler "
                           "\"js\"");
        return NGX_ERROR;
    }

    if (name == NULL) {
        ngx_str_null(&none);
        name = &none;
    }

    if (ngx_http_apievents_param_timeout(cf, params, &conf->timeout) != NGX_OK
        || ngx_http_apievents_js_active(cf, ep, params) != NGX_OK
        || ngx_http_apievents_script_name(cf, path, &full) != NGX_OK
        || ngx_http_apievents_script_load(cf, path, name, &conf->location,
                                          &uses)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ep->label = *path;
    ep->uses_request = uses;
    ep->timeout = conf->timeout;

    /* the same path is another file where api_script_path is another */
    ngx_http_apievents_identify(ep, &full);
    ngx_http_apievents_identify(ep, name);

    return NGX_OK;
}


/* a handler that is switched off is checked as any other, and gets nothing */

static ngx_int_t
ngx_http_apievents_js_active(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t  *value;

    value = ngx_http_apievents_param(params, "active");

    if (value == NULL || ngx_strcmp(value->data, "on") == 0) {
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "off") == 0) {
        ep->inactive = 1;
        ngx_http_apievents_identify(ep, value);
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"active=%V\", \"on\" or \"off\" is expected",
                       value);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_js_start(ngx_http_apievents_attempt_t *a)
{
    u_char                         id[AE_EVENT_ID_LEN];
    ngx_http_apievents_call_t     *call;
    ngx_http_apievents_js_conf_t  *conf;

    conf = a->endpoint->conf;
    call = a->call;

    if (a->lease.deaths != 0) {
        ae_event_id(id, a->event.id);
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "a worker died in script \"%V\" at %*s, which is run "
                      "for the last time", &a->endpoint->label,
                      (size_t) AE_EVENT_ID_LEN, id);
    }

    if (ngx_http_apievents_js_input(a) != NGX_OK) {
        ngx_str_set(&a->error, "no memory");
        return NGX_ERROR;
    }

    call->location = conf->location;
    call->method = NGX_HTTP_POST;
    ngx_str_set(&call->method_name, "POST");
    call->answer_max = NGX_HTTP_APIEVENTS_ANSWER_MAX;
    call->script = (const char *) a->endpoint->label.data;
    call->patience = (time_t) (conf->timeout / 1000) + 1;
    call->done = ngx_http_apievents_js_done;

    /* the runtime ends what it waits for by itself, and says so better */
    call->timeout = conf->timeout + 1000;

    if (ngx_http_apievents_call_start(call) != NGX_OK) {
        ngx_str_set(&a->error, "no memory");
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


/* what the runtime reads: {"event", "context", "now", "timeout"} */

static ngx_int_t
ngx_http_apievents_js_input(ngx_http_apievents_attempt_t *a)
{
    ae_buf_t                       b;
    ae_now_t                       now;
    ngx_int_t                      rc;
    ae_arena_t                    *arena;
    ae_value_t                    *root, *context;
    ngx_http_apievents_js_conf_t  *conf;

    conf = a->endpoint->conf;

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    ae_now(&now);
    ae_buf_init(&b, SIZE_MAX);

    root = ae_value_map(arena);
    context = ae_value_map(arena);
    rc = NGX_ERROR;

    if (root != NULL && context != NULL
        && ae_value_set(context, ae_str("APIID"),
                        ae_value_str(arena, a->event.api)) == AE_OK
        && ae_value_set(context, ae_str("OrgID"),
                        ae_value_str(arena, a->event.org)) == AE_OK
        && ae_value_set(root, ae_str("event"),
                        ae_envelope(arena, &a->event, a->lease.suppressed))
           == AE_OK
        && ae_value_set(root, ae_str("context"), context) == AE_OK
        && ae_value_set(root, ae_str("now"),
                        ae_value_int(arena, now.wall / 1000000)) == AE_OK
        && ae_value_set(root, ae_str("timeout"),
                        ae_value_int(arena, conf->timeout)) == AE_OK)
    {
        ae_json_write(&b, root);
        rc = b.failed ? NGX_ERROR : NGX_OK;
    }

    if (rc == NGX_OK) {
        a->call->body.len = b.len;
        a->call->body.data = ngx_pnalloc(a->pool, b.len);

        if (a->call->body.data == NULL) {
            rc = NGX_ERROR;

        } else {
            ngx_memcpy(a->call->body.data, b.data, b.len);
        }
    }

    ae_buf_free(&b);
    ae_arena_destroy(arena);

    return rc;
}


static void
ngx_http_apievents_js_done(ngx_http_apievents_call_t *call)
{
    ngx_http_apievents_attempt_t *a = call->data;

    ngx_http_apievents_leave_script();

    a->error = call->error;

    if (call->status == 200) {
        ngx_http_apievents_attempt_done(a, NGX_OK);
        return;
    }

    if (call->answer.len != 0) {
        a->error = call->answer;
    }

    ngx_http_apievents_attempt_done(a, NGX_ERROR);
}


/* the runtime sets $apievents_inside before it enters the user's code */

ngx_int_t
ngx_http_apievents_deliver_add_variables(ngx_conf_t *cf)
{
    ngx_str_t             name;
    ngx_http_variable_t  *var;

    ngx_str_set(&name, "apievents_inside");

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE
                                           |NGX_HTTP_VAR_CHANGEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->set_handler = ngx_http_apievents_set_inside;
    var->get_handler = ngx_http_apievents_get_inside;

    return NGX_OK;
}


static void
ngx_http_apievents_set_inside(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_apievents_call_t  *call;

    call = ngx_http_apievents_call_of(r);

    if (call == NULL || call->outgoing != NULL) {
        return;
    }

    ngx_http_apievents_enter_script(call);
}


static ngx_int_t
ngx_http_apievents_get_inside(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    v->not_found = 1;

    return NGX_OK;
}


/*
 * Noted in the worker's object, that the thread below reads, and in shared
 * memory, so that the next owner knows what the delivery was doing when its
 * worker died.  When the user's code has returned njs runs what waits for
 * promises, which is the user's too: so it is left from the event loop.
 */

void
ngx_http_apievents_enter_script(ngx_http_apievents_call_t *call)
{
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    if (w->script_call != call) {
        ngx_http_apievents_leave_script();

        w->script_call = call;

        if (!call->attached) {
            w->script = call->data;
            ae_queue_in_script(mcf->store.zone->queue, &w->script->lease, 1);
        }
    }

    w->script_name = call->script;
    w->script_limit = call->patience;
    w->script_since = ngx_http_apievents_seconds();

    if (!w->script_left.posted) {
        w->script_left.handler = ngx_http_apievents_script_left;
        w->script_left.data = &w->dummy;
        w->script_left.log = ngx_cycle->log;

        ngx_post_event(&w->script_left, &ngx_posted_events);
    }
}


static void
ngx_http_apievents_script_left(ngx_event_t *ev)
{
    ngx_http_apievents_leave_script();
}


static void
ngx_http_apievents_leave_script(void)
{
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    w->script_since = 0;
    w->script_call = NULL;

    if (w->script != NULL) {
        ae_queue_in_script(mcf->store.zone->queue, &w->script->lease, 0);
        w->script = NULL;
    }
}


ngx_int_t
ngx_http_apievents_watchdog_start(ngx_http_apievents_deliver_worker_t *w,
    ngx_log_t *log)
{
    int                 err;
    sigset_t            all, old;
    pthread_attr_t      attr;
    pthread_condattr_t  cond;

    (void) pthread_condattr_init(&cond);
    (void) pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&w->watchdog_wake, &cond);
    (void) pthread_condattr_destroy(&cond);
    (void) pthread_mutex_init(&w->watchdog_mutex, NULL);

    /* signals are the worker's own */

    sigfillset(&all);
    (void) pthread_sigmask(SIG_BLOCK, &all, &old);

    (void) pthread_attr_init(&attr);
    (void) pthread_attr_setstacksize(&attr, 65536);

    err = pthread_create(&w->watchdog, &attr, ngx_http_apievents_watchdog, w);

    (void) pthread_attr_destroy(&attr);
    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (err != 0) {
        ngx_log_error(NGX_LOG_EMERG, log, err,
                      "pthread_create() of the scripts' watchdog failed");
        return NGX_ERROR;
    }

    w->watched = 1;

    return NGX_OK;
}


void
ngx_http_apievents_watchdog_stop(ngx_http_apievents_deliver_worker_t *w)
{
    if (!w->watched) {
        return;
    }

    (void) pthread_mutex_lock(&w->watchdog_mutex);
    w->unwatch = 1;
    (void) pthread_cond_signal(&w->watchdog_wake);
    (void) pthread_mutex_unlock(&w->watchdog_mutex);

    (void) pthread_join(w->watchdog, NULL);

    w->watched = 0;
}


static void *
ngx_http_apievents_watchdog(void *data)
{
    ngx_http_apievents_deliver_worker_t *w = data;

    time_t           since;
    struct timespec  ts;

    (void) pthread_mutex_lock(&w->watchdog_mutex);

    while (!w->unwatch) {
        since = w->script_since;

        if (since != 0
            && ngx_http_apievents_seconds() - since > w->script_limit)
        {
            ngx_http_apievents_watchdog_kill(w);
        }

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);

        ts.tv_nsec += 250000000;
        ts.tv_sec += ts.tv_nsec / 1000000000;
        ts.tv_nsec %= 1000000000;

        (void) pthread_cond_timedwait(&w->watchdog_wake, &w->watchdog_mutex,
                                      &ts);
    }

    (void) pthread_mutex_unlock(&w->watchdog_mutex);

    return NULL;
}


static void
ngx_http_apievents_watchdog_kill(ngx_http_apievents_deliver_worker_t *w)
{
    u_char      buf[512], *p;
    ngx_log_t  *log;

    /* not the log's functions: the stuck worker may be inside them */

    p = ngx_snprintf(buf, sizeof(buf) - 1,
                     "%V [error] %P#%P: script \"%s\" has not returned "
                     "for over %T seconds, its worker is ended%N",
                     &ngx_cached_err_log_time, ngx_pid, ngx_pid,
                     w->script_name, w->script_limit);

    for (log = ngx_cycle->log; log != NULL; log = log->next) {

        if (log->file != NULL && log->log_level >= NGX_LOG_ERR) {
            (void) ngx_write_fd(log->file->fd, buf, p - buf);
        }
    }

    (void) kill(ngx_pid, SIGKILL);
}


static time_t
ngx_http_apievents_seconds(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec;
}
