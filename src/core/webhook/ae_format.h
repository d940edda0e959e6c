/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _AE_FORMAT_H_INCLUDED_
#define _AE_FORMAT_H_INCLUDED_


#include "core/webhook/webhook.h"


/* ---- ae_format_object.c, as ae_format_body() ---- */

int ae_format_callback(ae_buf_t *b, ae_arena_t *arena, const ae_event_t *ev,
    ae_str_t data);
int ae_format_portal(ae_buf_t *b, ae_arena_t *arena, const ae_event_t *ev,
    ae_str_t data);


#endif /* _AE_FORMAT_H_INCLUDED_ */
