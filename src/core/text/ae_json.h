/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _AE_JSON_H_INCLUDED_
#define _AE_JSON_H_INCLUDED_


#include "core/text/text.h"


#define AE_JSON_DEPTH  64


/*
 * ae_json_parse() for those who must tell a malformed text, AE_DECLINED, from
 * an arena that is used up, AE_ERROR.
 */
int ae_json_read(ae_arena_t *arena, ae_str_t text, ae_value_t **value,
    ae_error_t *err);

/*
 * The non-ASCII character at p: its length, and its code point in *cp.  *cp
 * is 0 if there is none; the length is then what one U+FFFD stands for, the
 * longest start of a character, as the Unicode standard recommends.
 */
size_t ae_json_utf8(const unsigned char *p, size_t len, uint32_t *cp);


#endif /* _AE_JSON_H_INCLUDED_ */
