/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _AE_JSON_H_INCLUDED_
#define _AE_JSON_H_INCLUDED_


#include "core/text/text.h"


#define AE_JSON_DEPTH  64


#endif /* _AE_JSON_H_INCLUDED_ */
