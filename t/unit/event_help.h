/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _EVENT_HELP_H_INCLUDED_
#define _EVENT_HELP_H_INCLUDED_


#include "core/text/text.h"


#define AE_EVENT_NSTR  12


/* its i-th string, in the order of the structure */
ae_str_t *ae_event_nstr(ae_event_t *ev, unsigned i);

/* strings are to be freed with ae_event_free() */
void ae_event_random(ae_event_t *ev, size_t max, int utf8);
void ae_event_free(ae_event_t *ev);

int ae_event_equal(ae_event_t *a, ae_event_t *b);


#endif /* _EVENT_HELP_H_INCLUDED_ */
