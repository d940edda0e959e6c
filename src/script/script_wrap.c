/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The text around a handler's: see the head of njs/apievents.js, which is the
 * other half of it.
 */


#include "apievents.h"
#include "script/script_private.h"


static ngx_uint_t ngx_http_apievents_is_parameter(ae_str_t name);


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
