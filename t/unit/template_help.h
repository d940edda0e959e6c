/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _TEMPLATE_HELP_H_INCLUDED_
#define _TEMPLATE_HELP_H_INCLUDED_


#include "core/text/text.h"


/*
 * Renders over the JSON text of the data, from copies behind which no byte may
 * be read.  What render() returned, or 1 if the template does not parse: *err
 * says why.  out is to be freed with ae_buf_free().
 */
int ae_render(ae_str_t text, ae_str_t data, ae_escape_e escape,
    ae_buf_t *out, ae_error_t *err);

/* as ae_render(), and fails the test unless the output is the expected one */
void ae_check_render(ae_str_t text, ae_str_t data, ae_escape_e escape,
    ae_str_t expected);

/* fails the test unless parsing fails in that line with that text */
void ae_check_refused(ae_str_t text, ae_escape_e escape, unsigned line,
    const char *message);


#endif /* _TEMPLATE_HELP_H_INCLUDED_ */
