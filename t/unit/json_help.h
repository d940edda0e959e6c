/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _JSON_HELP_H_INCLUDED_
#define _JSON_HELP_H_INCLUDED_


#include "core/text/text.h"


ae_str_t ae_s(const char *s);

/* parses a copy behind which no byte may be read */
ae_value_t *ae_parse(ae_arena_t *arena, ae_str_t text, ae_error_t *err);

/* equal in all but lines and the order of equal names' values */
int ae_equal(const ae_value_t *a, const ae_value_t *b);


#endif /* _JSON_HELP_H_INCLUDED_ */
