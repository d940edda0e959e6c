/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Allocation failure on demand: every unit test is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc.
 */


#ifndef _FAIL_ALLOC_H_INCLUDED_
#define _FAIL_ALLOC_H_INCLUDED_


/* the n-th allocation from now returns NULL, 0: none does */
extern long  ae_fail_at;

/* allocations since it was last set to 0 */
extern long  ae_alloc_count;


#endif /* _FAIL_ALLOC_H_INCLUDED_ */
