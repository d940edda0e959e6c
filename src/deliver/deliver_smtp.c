/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a thread does with a mail: libcurl's handle, its options, its parts.
 */


#include <curl/curl.h>

#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_SMTP_CONNECT  10000             /* ms */


static CURLcode ngx_http_apievents_smtp_options(CURL *curl,
    ngx_http_apievents_sending_t *s);
static CURLcode ngx_http_apievents_smtp_tls(CURL *curl,
    ngx_http_apievents_sending_t *s);
static long ngx_http_apievents_smtp_level(ngx_http_apievents_smtp_t *smtp);
static CURLcode ngx_http_apievents_smtp_login_options(CURL *curl,
    ngx_http_apievents_smtp_t *smtp);
static CURLcode ngx_http_apievents_smtp_message(CURL *curl,
    ngx_http_apievents_sending_t *s);
static struct curl_slist *ngx_http_apievents_smtp_list(char **text,
    ngx_uint_t n);
static CURLcode ngx_http_apievents_smtp_mime(curl_mime *mime,
    ngx_http_apievents_sending_t *s);
static CURLcode ngx_http_apievents_smtp_part(curl_mime *mime,
    const char *type, ngx_str_t *text);
static curl_socket_t ngx_http_apievents_smtp_open(void *user,
    curlsocktype purpose, struct curl_sockaddr *addr);
static int ngx_http_apievents_smtp_close(void *user, curl_socket_t fd);
static void ngx_http_apievents_smtp_note(ngx_http_apievents_sending_t *s,
    int was, int fd);
static int ngx_http_apievents_smtp_debug(CURL *curl, curl_infotype type,
    char *data, size_t size, void *user);
static int ngx_http_apievents_smtp_progress(void *user, curl_off_t dltotal,
    curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow);
static size_t ngx_http_apievents_smtp_drop(char *data, size_t size,
    size_t n, void *user);


/* before there are threads, and once: libraries are not unloaded between two
 * cycles */

ngx_int_t
ngx_http_apievents_smtp_init(ngx_log_t *log)
{
    static ngx_uint_t  done;

    if (!done && curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "curl_global_init() failed");
        return NGX_ERROR;
    }

    done = 1;

    return NGX_OK;
}


void
ngx_http_apievents_smtp_send(ngx_http_apievents_sending_t *s)
{
    CURL      *curl;
    CURLcode   rc;

    if (s->leave || ngx_terminate) {
        ngx_memcpy(s->error, "the worker ends", sizeof("the worker ends"));
        return;
    }

    rc = CURLE_OUT_OF_MEMORY;
    curl = curl_easy_init();

    if (curl != NULL) {
        rc = ngx_http_apievents_smtp_options(curl, s);

        if (rc == CURLE_OK) {
            rc = ngx_http_apievents_smtp_tls(curl, s);
        }

        if (rc == CURLE_OK) {
            rc = ngx_http_apievents_smtp_message(curl, s);
        }

        curl_easy_cleanup(curl);
    }

    s->sent = (rc == CURLE_OK);
    s->timed_out = (rc == CURLE_OPERATION_TIMEDOUT);

    if (rc != CURLE_OK && s->error[0] == '\0') {
        ngx_cpystrn((u_char *) s->error, (u_char *) curl_easy_strerror(rc),
                    sizeof(s->error));
    }
}


static CURLcode
ngx_http_apievents_smtp_options(CURL *curl, ngx_http_apievents_sending_t *s)
{
    long      timeout, connect;
    CURLcode  rc;

    timeout = (long) s->timeout;
    connect = ngx_min(timeout, NGX_HTTP_APIEVENTS_SMTP_CONNECT);

    if ((rc = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, s->error))
        != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_URL, s->smtp->url.data))
           != CURLE_OK
#if (LIBCURL_VERSION_NUM >= 0x075500)
        || (rc = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps"))
           != CURLE_OK
#else
        || (rc = curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                                  CURLPROTO_SMTP|CURLPROTO_SMTPS))
           != CURLE_OK
#endif
        || (rc = curl_easy_setopt(curl, CURLOPT_PROXY, "")) != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L)) != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                                  (timeout + 999) / 1000))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION,
                                  ngx_http_apievents_smtp_open))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, s))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION,
                                  ngx_http_apievents_smtp_close))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, s))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L)) != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION,
                                  ngx_http_apievents_smtp_progress))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s)) != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION,
                                  ngx_http_apievents_smtp_drop))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L)) != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION,
                                  ngx_http_apievents_smtp_debug))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_DEBUGDATA, s)) != CURLE_OK)
    {
        return rc;
    }

    return ngx_http_apievents_smtp_login_options(curl, s->smtp);
}


/* of what relays offer: no mechanism that asks for more than a password */

static CURLcode
ngx_http_apievents_smtp_login_options(CURL *curl,
    ngx_http_apievents_smtp_t *smtp)
{
    CURLcode  rc;

    if (smtp->user.len == 0) {
        return CURLE_OK;
    }

    rc = curl_easy_setopt(curl, CURLOPT_USERNAME, smtp->user.data);

    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(curl, CURLOPT_PASSWORD, smtp->password.data);
    }

    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(curl, CURLOPT_LOGIN_OPTIONS,
                              "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
    }

    return rc;
}


static CURLcode
ngx_http_apievents_smtp_tls(CURL *curl, ngx_http_apievents_sending_t *s)
{
    CURLcode                    rc;
    struct curl_blob            blob;
    ngx_http_apievents_smtp_t  *smtp;

    smtp = s->smtp;

    if ((rc = curl_easy_setopt(curl, CURLOPT_USE_SSL,
                               ngx_http_apievents_smtp_level(smtp)))
        != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                                  (long) CURL_SSLVERSION_TLSv1_2))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER,
                                  smtp->verify ? 1L : 0L))
           != CURLE_OK
        || (rc = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST,
                                  smtp->verify ? 2L : 0L))
           != CURLE_OK
        || smtp->ca.len == 0)
    {
        return rc;
    }

    blob.data = smtp->ca.data;
    blob.len = smtp->ca.len;
    blob.flags = CURL_BLOB_NOCOPY;

    return curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
}


/* a password goes over an open connection only where that was asked for */

static long
ngx_http_apievents_smtp_level(ngx_http_apievents_smtp_t *smtp)
{
    switch (smtp->starttls) {

    case NGX_HTTP_APIEVENTS_STARTTLS_OFF:
        return CURLUSESSL_NONE;

    case NGX_HTTP_APIEVENTS_STARTTLS_REQUIRED:
        return CURLUSESSL_ALL;

    default: /* NGX_HTTP_APIEVENTS_STARTTLS_ON */
        return (smtp->user.len != 0) ? CURLUSESSL_ALL : CURLUSESSL_TRY;
    }
}


/*
 * One that is refused refuses the mail for all, so that nobody gets it twice
 * when it is tried again.
 */

static CURLcode
ngx_http_apievents_smtp_message(CURL *curl, ngx_http_apievents_sending_t *s)
{
    CURLcode            rc;
    curl_mime          *mime;
    ngx_uint_t          n;
    struct curl_slist  *to, *fields;

    for (n = 0; s->fields[n] != NULL; n++) { /* void */ }

    to = ngx_http_apievents_smtp_list(s->to, s->nto);
    fields = ngx_http_apievents_smtp_list(s->fields, n);
    mime = curl_mime_init(curl);

    rc = CURLE_OUT_OF_MEMORY;

    if (to != NULL && fields != NULL && mime != NULL
        && (rc = ngx_http_apievents_smtp_mime(mime, s)) == CURLE_OK
        && (rc = curl_easy_setopt(curl, CURLOPT_MAIL_FROM, s->from))
           == CURLE_OK
        && (rc = curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to)) == CURLE_OK
        && (rc = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields))
           == CURLE_OK
        && (rc = curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime)) == CURLE_OK)
    {
        rc = curl_easy_perform(curl);
    }

    curl_mime_free(mime);
    curl_slist_free_all(fields);
    curl_slist_free_all(to);

    return rc;
}


static struct curl_slist *
ngx_http_apievents_smtp_list(char **text, ngx_uint_t n)
{
    ngx_uint_t          i;
    struct curl_slist  *list, *more;

    list = NULL;

    for (i = 0; i < n; i++) {
        more = curl_slist_append(list, text[i]);

        if (more == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }

        list = more;
    }

    return list;
}


static CURLcode
ngx_http_apievents_smtp_mime(curl_mime *mime, ngx_http_apievents_sending_t *s)
{
    CURLcode  rc;

    rc = CURLE_OK;

    if (s->has_text) {
        rc = ngx_http_apievents_smtp_part(mime, "text/plain; charset=utf-8",
                                          &s->text);
    }

    if (rc == CURLE_OK && s->has_html) {
        rc = ngx_http_apievents_smtp_part(mime, "text/html; charset=utf-8",
                                          &s->html);
    }

    return rc;
}


static CURLcode
ngx_http_apievents_smtp_part(curl_mime *mime, const char *type,
    ngx_str_t *text)
{
    CURLcode        rc;
    curl_mimepart  *part;

    part = curl_mime_addpart(mime);
    if (part == NULL) {
        return CURLE_OUT_OF_MEMORY;
    }

    rc = curl_mime_data(part, (char *) text->data, text->len);

    if (rc == CURLE_OK) {
        rc = curl_mime_type(part, type);
    }

    if (rc == CURLE_OK) {
        rc = curl_mime_encoder(part, ae_mail_encoding(*(ae_str_t *) text));
    }

    return rc;
}


static curl_socket_t
ngx_http_apievents_smtp_open(void *user, curlsocktype purpose,
    struct curl_sockaddr *addr)
{
    int  fd;

    fd = socket(addr->family, addr->socktype|SOCK_CLOEXEC, addr->protocol);

    if (fd == -1) {
        return CURL_SOCKET_BAD;
    }

    ngx_http_apievents_smtp_note(user, 0, fd);

    return fd;
}


static int
ngx_http_apievents_smtp_close(void *user, curl_socket_t fd)
{
    ngx_http_apievents_smtp_note(user, fd, 0);

    return close(fd);
}


static void
ngx_http_apievents_smtp_note(ngx_http_apievents_sending_t *s, int was, int fd)
{
    ngx_uint_t  i;

    (void) pthread_mutex_lock(&s->mutex);

    for (i = 0; i < sizeof(s->fd) / sizeof(int); i++) {

        if (s->fd[i] == was) {
            s->fd[i] = fd;
            break;
        }
    }

    (void) pthread_mutex_unlock(&s->mutex);
}


void
ngx_http_apievents_smtp_stop(ngx_http_apievents_sending_t *s)
{
    ngx_uint_t  i;

    s->leave = 1;

    (void) pthread_mutex_lock(&s->mutex);

    for (i = 0; i < sizeof(s->fd) / sizeof(int); i++) {

        if (s->fd[i] != 0) {
            (void) shutdown(s->fd[i], SHUT_RDWR);
        }
    }

    (void) pthread_mutex_unlock(&s->mutex);
}


/* what is said is looked at for its stage only, since it may be a password */

static int
ngx_http_apievents_smtp_debug(CURL *curl, curl_infotype type, char *data,
    size_t size, void *user)
{
    ngx_http_apievents_sending_t *s = user;

    ae_str_t  text;

    text.data = (u_char *) data;
    text.len = size;

    if (type == CURLINFO_HEADER_OUT) {
        ae_mail_said(&s->talk, text);

    } else if (type == CURLINFO_HEADER_IN) {
        ae_mail_heard(&s->talk, text);
    }

    return 0;
}


/* called once a second at least */

static int
ngx_http_apievents_smtp_progress(void *user, curl_off_t dltotal,
    curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
    ngx_http_apievents_sending_t *s = user;

    return s->leave || ngx_terminate;
}


/* libcurl's default is standard output */

static size_t
ngx_http_apievents_smtp_drop(char *data, size_t size, size_t n, void *user)
{
    return size * n;
}
