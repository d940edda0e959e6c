/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the client of a refused request is told, in the format of its API.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_ANSWER_MAX  4096

/* RFC 9457 4.2.1; draft-ietf-httpapi-ratelimit-headers-11, section 5.1 */
#define NGX_HTTP_APIEVENTS_BLANK       "about:blank"
#define NGX_HTTP_APIEVENTS_EXCEEDED                                           \
    "https://iana.org/assignments/http-problem-types#quota-exceeded"


static void ngx_http_apievents_answer_tyk(ae_buf_t *b, ngx_str_t *text);
static void ngx_http_apievents_answer_xml(ae_buf_t *b, ngx_str_t *text);
static void ngx_http_apievents_answer_problem(ae_buf_t *b,
    ngx_http_apievents_decision_t *d, ngx_str_t *text);
static void ngx_http_apievents_answer_violated(ae_buf_t *b,
    ngx_http_apievents_decision_t *d);
static ngx_uint_t ngx_http_apievents_speaks_xml(ngx_http_request_t *r,
    ngx_str_t *type);
static size_t ngx_http_apievents_media_type(ngx_http_request_t *r,
    u_char **type);
static ngx_uint_t ngx_http_apievents_grpc_status(
    ngx_http_apievents_decision_t *d);
static ngx_int_t ngx_http_apievents_grpc_message(ngx_http_request_t *r,
    ngx_str_t *text, ngx_str_t *message);


ngx_int_t
ngx_http_apievents_answer_body(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *body, ngx_str_t *type)
{
    ae_buf_t    b;
    ngx_int_t   rc;
    ngx_str_t   text;
    ngx_uint_t  format;

    text = d->refusal->text;
    format = d->conf->gate.error_format;

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_ANSWER_MAX);

    if (format == NGX_HTTP_APIEVENTS_ERROR_PROBLEM) {
        ngx_str_set(type, "application/problem+json");
        ngx_http_apievents_answer_problem(&b, d, &text);

    } else if (format == NGX_HTTP_APIEVENTS_ERROR_LAYER7) {
        ngx_str_set(type, "application/json");
        ngx_http_apievents_write_error(&b,
                                       ngx_http_apievents_refusal_status(d),
                                       &text);

    } else if (d->refusal->plain) {
        ngx_str_set(type, "text/plain");
        ae_buf_put(&b, text.data, text.len);

    } else if (ngx_http_apievents_speaks_xml(r, type)) {
        ngx_http_apievents_answer_xml(&b, &text);

    } else {
        ngx_str_set(type, "application/json");
        ngx_http_apievents_answer_tyk(&b, &text);
    }

    rc = ngx_http_apievents_copy_answer(r, &b, body);

    ae_buf_free(&b);

    return rc;
}


ngx_int_t
ngx_http_apievents_copy_answer(ngx_http_request_t *r, ae_buf_t *b,
    ngx_str_t *body)
{
    if (b->failed) {
        return NGX_ERROR;
    }

    body->data = ngx_pnalloc(r->pool, b->len);
    if (body->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(body->data, b->data, b->len);
    body->len = b->len;

    return NGX_OK;
}


/* as in Tyk; the bytes are its template's */

static void
ngx_http_apievents_answer_tyk(ae_buf_t *b, ngx_str_t *text)
{
    ae_buf_puts(b, "{\n    \"error\": \"");
    ae_json_escape(b, (ae_str_t) { text->len, text->data }, 0);
    ae_buf_puts(b, "\"\n}");
}


static void
ngx_http_apievents_answer_xml(ae_buf_t *b, ngx_str_t *text)
{
    size_t  i;

    ae_buf_puts(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>");

    for (i = 0; i < text->len; i++) {

        switch (text->data[i]) {

        case '<':
            ae_buf_puts(b, "&lt;");
            break;

        case '&':
            ae_buf_puts(b, "&amp;");
            break;

        default:
            ae_buf_put(b, &text->data[i], 1);
            break;
        }
    }

    ae_buf_puts(b, "</error>");
}


/* as in Layer7; the first digits of its codes are the status */

void
ngx_http_apievents_write_error(ae_buf_t *b, ngx_uint_t status,
    ngx_str_t *text)
{
    ae_buf_puts(b, "{\"statusCode\":");
    ae_buf_int(b, status);
    ae_buf_puts(b, ",\"errorCode\":");
    ae_buf_int(b, status * 10 + 1);
    ae_buf_puts(b, ",\"errorMessage\":\"");
    ae_json_escape(b, (ae_str_t) { text->len, text->data }, 0);
    ae_buf_puts(b, "\"}");
}


static void
ngx_http_apievents_answer_problem(ae_buf_t *b,
    ngx_http_apievents_decision_t *d, ngx_str_t *text)
{
    ngx_uint_t   status, exceeded;
    const char  *title;

    status = ngx_http_apievents_refusal_status(d);
    exceeded = ngx_http_apievents_is_exceeded(d);

    title = exceeded ? "Request cannot be satisfied as assigned quota has "
                       "been exceeded"
                     : ngx_http_apievents_status_title(status);

    ae_buf_puts(b, "{\"type\":\"");
    ae_buf_puts(b, exceeded ? NGX_HTTP_APIEVENTS_EXCEEDED
                            : NGX_HTTP_APIEVENTS_BLANK);

    if (title != NULL) {
        ae_buf_puts(b, "\",\"title\":\"");
        ae_buf_puts(b, title);
    }

    ae_buf_puts(b, "\",\"status\":");
    ae_buf_int(b, status);
    ae_buf_puts(b, ",\"detail\":\"");
    ae_json_escape(b, (ae_str_t) { text->len, text->data }, 0);
    ae_buf_puts(b, "\"");

    if (d->has_event) {
        ae_buf_puts(b, ",\"instance\":\"");
        ae_buf_put(b, d->event_id, AE_EVENT_ID_LEN);
        ae_buf_puts(b, "\"");
    }

    if (exceeded) {
        ngx_http_apievents_answer_violated(b, d);
    }

    ae_buf_puts(b, "}");
}


/* all that are used up, by the names that RateLimit-Policy has for them */

static void
ngx_http_apievents_answer_violated(ae_buf_t *b,
    ngx_http_apievents_decision_t *d)
{
    ngx_str_t   name;
    ngx_uint_t  i, n;

    n = 0;

    ae_buf_puts(b, ",\"violated-policies\":[");

    for (i = 0; i < d->nuses; i++) {

        if (d->uses[i].retry == 0) {
            continue;
        }

        name = ngx_http_apievents_use_name(d, i);

        ae_buf_puts(b, n++ ? ",\"" : "\"");
        ae_buf_put(b, name.data, name.len);
        ae_buf_puts(b, "\"");
    }

    ae_buf_puts(b, "]");
}


/* the phrases of RFC 9110 15 and RFC 6585; RFC 9457 wants them with no type */

const char *
ngx_http_apievents_status_title(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_BAD_REQUEST:
        return "Bad Request";

    case NGX_HTTP_UNAUTHORIZED:
        return "Unauthorized";

    case NGX_HTTP_FORBIDDEN:
        return "Forbidden";

    case NGX_HTTP_NOT_FOUND:
        return "Not Found";

    case NGX_HTTP_NOT_ALLOWED:
        return "Method Not Allowed";

    case 406:
        return "Not Acceptable";

    case 410:
        return "Gone";

    case NGX_HTTP_LENGTH_REQUIRED:
        return "Length Required";

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return "Content Too Large";

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return "Too Many Requests";

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        return "Internal Server Error";

    case NGX_HTTP_BAD_GATEWAY:
        return "Bad Gateway";

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return "Service Unavailable";

    case NGX_HTTP_GATEWAY_TIME_OUT:
        return "Gateway Timeout";

    default:
        return NULL;
    }
}


/* whatever status api_limit_status gives such a refusal */

ngx_uint_t
ngx_http_apievents_is_exceeded(ngx_http_apievents_decision_t *d)
{
    switch (d->refusal->event) {

    case AE_QUOTA_EXCEEDED:
    case AE_RATELIMIT_EXCEEDED:
    case AE_ORG_QUOTA_EXCEEDED:
    case AE_ORG_RATE_LIMIT_EXCEEDED:
        return 1;

    default:
        return 0;
    }
}


/* by what the request is, not by what it accepts */

static ngx_uint_t
ngx_http_apievents_speaks_xml(ngx_http_request_t *r, ngx_str_t *type)
{
    size_t                  n;
    u_char                 *value;
    ngx_uint_t              i;

    static const ngx_str_t  types[] = {
        ngx_string("application/xml"),
        ngx_string("text/xml"),
        ngx_string("application/soap+xml")
    };

    n = ngx_http_apievents_media_type(r, &value);

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {

        if (types[i].len == n
            && ngx_strncasecmp(types[i].data, value, n) == 0)
        {
            *type = types[i];
            return 1;
        }
    }

    return 0;
}


/* of the request, without its parameters; 0: none */

static size_t
ngx_http_apievents_media_type(ngx_http_request_t *r, u_char **type)
{
    size_t      n;
    ngx_str_t  *value;

    *type = NULL;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    value = &r->headers_in.content_type->value;

    for (n = 0; n < value->len; n++) {
        if (value->data[n] == ';' || value->data[n] == ' ') {
            break;
        }
    }

    *type = value->data;

    return n;
}


/*
 * gRPC over HTTP2: content-type is application/grpc, alone or with +proto,
 * +json and the like.  gRPC-Web is another protocol.
 */

ngx_uint_t
ngx_http_apievents_answer_is_grpc(ngx_http_request_t *r)
{
    size_t   n;
    u_char  *type;

    if (r->http_version < NGX_HTTP_VERSION_20) {
        return 0;
    }

    n = ngx_http_apievents_media_type(r, &type);

    return n >= sizeof("application/grpc") - 1
           && ngx_strncasecmp(type, (u_char *) "application/grpc",
                              sizeof("application/grpc") - 1)
              == 0
           && (n == sizeof("application/grpc") - 1
               || type[sizeof("application/grpc") - 1] == '+');
}


/*
 * A Trailers-Only response of gRPC over HTTP2: one header block with status
 * 200, which ends the stream.
 */

ngx_int_t
ngx_http_apievents_answer_grpc(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *type)
{
    u_char     *p;
    ngx_str_t   status, text, message;

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    status.data = p;
    status.len = ngx_sprintf(p, "%ui", ngx_http_apievents_grpc_status(d)) - p;

    text = d->refusal->text;

    if (ngx_http_apievents_grpc_message(r, &text, &message)
        != NGX_OK
        || ngx_http_apievents_add_header(r, "grpc-status", &status) != NGX_OK
        || ngx_http_apievents_add_header(r, "grpc-message", &message)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(type, "application/grpc");

    r->header_only = 1;
    r->err_status = 0;
    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_null(&r->headers_out.status_line);

    return NGX_OK;
}


/*
 * A limit is RESOURCE_EXHAUSTED whatever its status is.  The rest follows
 * gRPC's http-grpc-status-mapping, but for 429 and 504, of which
 * google/rpc/code.proto knows more than a client that only sees a status.
 */

static ngx_uint_t
ngx_http_apievents_grpc_status(ngx_http_apievents_decision_t *d)
{
    if (ngx_http_apievents_is_exceeded(d)) {
        return 8;                               /* RESOURCE_EXHAUSTED */
    }

    switch (ngx_http_apievents_refusal_status(d)) {

    case NGX_HTTP_BAD_REQUEST:
        return 13;                              /* INTERNAL */

    case NGX_HTTP_UNAUTHORIZED:
        return 16;                              /* UNAUTHENTICATED */

    case NGX_HTTP_FORBIDDEN:
        return 7;                               /* PERMISSION_DENIED */

    case NGX_HTTP_NOT_FOUND:
        return 12;                              /* UNIMPLEMENTED */

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return 8;                               /* RESOURCE_EXHAUSTED */

    case NGX_HTTP_BAD_GATEWAY:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return 14;                              /* UNAVAILABLE */

    case NGX_HTTP_GATEWAY_TIME_OUT:
        return 4;                               /* DEADLINE_EXCEEDED */

    default:
        return 2;                               /* UNKNOWN */
    }
}


/* gRPC over HTTP2: all but printable ASCII, and the percent sign, as %XX */

static ngx_int_t
ngx_http_apievents_grpc_message(ngx_http_request_t *r, ngx_str_t *text,
    ngx_str_t *message)
{
    u_char         ch, *p;
    ngx_uint_t     i;

    static u_char  hex[] = "0123456789ABCDEF";

    p = ngx_pnalloc(r->pool, 3 * text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    message->data = p;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch >= ' ' && ch <= '~' && ch != '%') {
            *p++ = ch;
            continue;
        }

        *p++ = '%';
        *p++ = hex[ch >> 4];
        *p++ = hex[ch & 0xf];
    }

    message->len = p - message->data;

    return NGX_OK;
}
