/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _FORMAT_HELP_H_INCLUDED_
#define _FORMAT_HELP_H_INCLUDED_


#include "core/webhook/webhook.h"


/* of the event that ae_format_sample() makes */

#define ID    "evt_017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define KEY   "ba7816bf8f01cfea414140de5dae2223"
#define TIME  "2024-01-01T23:59:59.111157073Z"

/* of a structured one, what stands before its data */

#define CONTENT  "\"datacontenttype\":\"application/json\",\"data\":"


void ae_format_sample(ae_event_t *ev);

/* is that the buffer's text */
void ae_format_is(const ae_buf_t *b, const char *expected);

/* is that its body */
void ae_body(const ae_event_t *ev, ae_format_e format,
    uint64_t suppressed, const char *data, const char *expected);


#endif /* _FORMAT_HELP_H_INCLUDED_ */
