/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _AE_FIELD_H_INCLUDED_
#define _AE_FIELD_H_INCLUDED_


#include "core/base/base.h"


/* a field's value without the blanks around it (RFC 9110, 5.5) */

static inline ae_str_t
ae_field_trim(ae_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len != 0
           && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    return s;
}


#endif /* _AE_FIELD_H_INCLUDED_ */
