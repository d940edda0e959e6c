/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Property tests: random numbers from a seed that is printed and that AE_SEED
 * sets again, and a number of steps that AE_STEPS sets.
 */


#ifndef _RANDOM_H_INCLUDED_
#define _RANDOM_H_INCLUDED_


#include <stdint.h>

#include "core/base/base.h"


void ae_random_seed(void);
uint64_t ae_random(void);
long ae_steps(long n);

/*
 * A new string of up to max bytes, to be freed: any bytes, or valid UTF-8 if
 * utf8 is set.  No byte behind it may be read.
 */
ae_str_t ae_random_str(size_t max, int utf8);


#endif /* _RANDOM_H_INCLUDED_ */
