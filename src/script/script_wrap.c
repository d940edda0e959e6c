/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The text around a handler's: see the head of njs/apievents.js, which is the
 * other half of it.
 */


#include "apievents.h"
#include "script/script_private.h"


static ngx_uint_t ngx_http_apievents_is_parameter(ae_str_t name);
static void ngx_http_apievents_wrap_variables(ae_buf_t *b,
    ae_script_t *script, u_char *uses);


/* in the order in which the runtime passes them */

static const ae_str_t  ngx_http_apievents_parameters[] = {
    ae_string("TykJS"),
    ae_string("log"),
    ae_string("rawlog"),
    ae_string("b64enc"),
    ae_string("b64dec"),
    ae_string("rawb64enc"),
    ae_string("rawb64dec"),
    ae_string("TykGetKeyData"),
    ae_string("TykSetKeyData"),
    ae_string("TykMakeHttpRequest"),
    ae_string("TykBatchRequest"),
    ae_string("raiseEvent"),
    ae_string("Date"),
    ae_string("Math"),
    { 0, NULL }
};


/* what an in-line handler may mention; the first two are assigned to */

static const ae_str_t  ngx_http_apievents_variables[] = {
    ae_string("json"),
    ae_string("headers"),
    ae_string("req"),
    ae_string("log"),
    ae_string("response"),
    ae_string("SysUtility"),
    ae_string("SysUtilityV2"),
    ae_string("NewCookie"),
    ae_string("Java"),
    ae_string("java"),
    ae_string("print"),
    ae_string("Date"),
    ae_string("Math")
};


#define NGX_HTTP_APIEVENTS_VARIABLES                                          \
    (sizeof(ngx_http_apievents_variables) / sizeof(ae_str_t))


void
ngx_http_apievents_wrap_event(ae_buf_t *b, ngx_str_t *text,
    ae_script_t *script, ngx_str_t *name, ngx_str_t *runtime)
{
    size_t           i, n;
    const ae_str_t  *p;

    ae_buf_puts(b, "import __ae from '");
    ae_buf_put(b, runtime->data, runtime->len);
    ae_buf_puts(b, "'; function __ae_script(");

    for (p = ngx_http_apievents_parameters; p->len != 0; p++) {
        ae_buf_puts(b, p == ngx_http_apievents_parameters ? "" : ", ");
        ae_buf_put(b, p->data, p->len);
    }

    ae_buf_puts(b, ") { ");

    n = 0;

    for (i = 0; i < script->nundeclared; i++) {
        p = &script->undeclared[i];

        if (!ngx_http_apievents_is_parameter(*p)) {
            ae_buf_puts(b, n++ ? ", " : "var ");
            ae_buf_put(b, p->data, p->len);
        }
    }

    ae_buf_puts(b, n ? "; " : "");

    /* the text's first line is the file's first line, and its last one may be
     * a comment */

    ae_buf_put(b, text->data, text->len);
    ae_buf_puts(b, "\nreturn typeof ");
    ae_buf_put(b, name->data, name->len);
    ae_buf_puts(b, " === 'undefined' ? undefined : ");
    ae_buf_put(b, name->data, name->len);
    ae_buf_puts(b, "; }\nfunction run(r) { __ae.event(r, __ae_script, '");
    ae_buf_put(b, name->data, name->len);
    ae_buf_puts(b, "'); }\nexport default {run};\n");
}


static ngx_uint_t
ngx_http_apievents_is_parameter(ae_str_t name)
{
    const ae_str_t  *p;

    for (p = ngx_http_apievents_parameters; p->len != 0; p++) {

        if (p->len == name.len && ngx_memcmp(p->data, name.data, p->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_apievents_wrap_module(ae_buf_t *b, ngx_str_t *file,
    ngx_str_t *runtime)
{
    ae_buf_puts(b, "import __ae from '");
    ae_buf_put(b, runtime->data, runtime->len);
    ae_buf_puts(b, "';\nimport h from '");
    ae_buf_put(b, file->data, file->len);
    ae_buf_puts(b, "';\nfunction run(r) { __ae.module(r, h); }\n"
                   "export default {run};\n");
}


/*
 * The text is in a block of the function that declares the variables, so that
 * it may declare them again; what it throws or returns leaves behind what it
 * assigned.  A variable of its own that is called headers is not for us.
 */

ngx_int_t
ngx_http_apievents_wrap_body(ae_buf_t *b, ngx_str_t *text,
    ae_script_t *script)
{
    u_char  uses[NGX_HTTP_APIEVENTS_VARIABLES];

    if (ae_script_uses(*(ae_str_t *) text, ngx_http_apievents_variables,
                       NGX_HTTP_APIEVENTS_VARIABLES, uses, NULL)
        != AE_OK)
    {
        return NGX_ERROR;
    }

    ae_buf_puts(b, "function __ae_handler(__ae) { var json = __ae.json");

    ngx_http_apievents_wrap_variables(b, script, uses);

    ae_buf_puts(b, "; try { ");
    ae_buf_put(b, text->data, text->len);

    /* the last line may be a comment */

    if (text->len == 0 || text->data[text->len - 1] != '\n') {
        ae_buf_puts(b, "\n");
    }

    ae_buf_puts(b, "} finally { __ae.json = json; ");

    if (uses[1] == AE_SCRIPT_MENTIONED) {
        ae_buf_puts(b, "__ae.put('headers', headers); ");
    }

    ae_buf_puts(b, "} }\nexport default __ae_handler;\n");

    return b->failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_apievents_wrap_variables(ae_buf_t *b, ae_script_t *script,
    u_char *uses)
{
    size_t           i, k;
    const ae_str_t  *p;

    for (i = 1; i < NGX_HTTP_APIEVENTS_VARIABLES; i++) {

        if (uses[i] != 0) {
            p = &ngx_http_apievents_variables[i];

            ae_buf_puts(b, ", ");
            ae_buf_put(b, p->data, p->len);
            ae_buf_puts(b, " = __ae.get('");
            ae_buf_put(b, p->data, p->len);
            ae_buf_puts(b, "')");
        }
    }

    for (i = 0; i < script->nundeclared; i++) {

        for (k = 0; k < NGX_HTTP_APIEVENTS_VARIABLES; k++) {
            p = &ngx_http_apievents_variables[k];

            if (p->len == script->undeclared[i].len
                && ngx_memcmp(p->data, script->undeclared[i].data, p->len)
                   == 0)
            {
                break;
            }
        }

        if (k == NGX_HTTP_APIEVENTS_VARIABLES) {
            ae_buf_puts(b, ", ");
            ae_buf_put(b, script->undeclared[i].data,
                       script->undeclared[i].len);
        }
    }
}


void
ngx_http_apievents_wrap_chain(ae_buf_t *b, ngx_array_t *handlers,
    ngx_uint_t phase, ngx_str_t *runtime)
{
    ngx_uint_t                             i;
    ngx_http_apievents_phase_handler_t   **h;

    h = handlers->elts;

    if (phase != NGX_HTTP_APIEVENTS_PHASE_N) {
        ae_buf_puts(b, "import __ae from '");
        ae_buf_put(b, runtime->data, runtime->len);
        ae_buf_puts(b, "';\n");
    }

    for (i = 0; i < handlers->nelts; i++) {
        ae_buf_puts(b, "import h");
        ae_buf_int(b, i);
        ae_buf_puts(b, " from '");
        ae_buf_put(b, h[i]->import.data, h[i]->import.len);
        ae_buf_puts(b, "';\n");
    }

    ae_buf_puts(b, "function run(r) {");

    if (phase != NGX_HTTP_APIEVENTS_PHASE_N) {
        ae_buf_puts(b, " __ae.run(r, '");
        ae_buf_puts(b, (char *) ngx_http_apievents_phase_name(phase)->data);
        ae_buf_puts(b, "', [");

        for (i = 0; i < handlers->nelts; i++) {
            ae_buf_puts(b, i ? ", h" : "h");
            ae_buf_int(b, i);
            ae_buf_puts(b, ", \"");
            ae_json_escape(b, *(ae_str_t *) &h[i]->label, 1);
            ae_buf_puts(b, "\", ");
            ae_buf_int(b, h[i]->timeout);
            ae_buf_puts(b, h[i]->module ? ", 1" : ", 0");
        }

        ae_buf_puts(b, "]);");
    }

    ae_buf_puts(b, " }\nexport default {run};\n");
}
