/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stddef.h>
#include <stdlib.h>

#include "fail_alloc.h"


void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static int ae_fail(void);


long  ae_fail_at;
long  ae_alloc_count;


static int
ae_fail(void)
{
    ae_alloc_count++;

    return ae_fail_at > 0 && --ae_fail_at == 0;
}


void *
__wrap_malloc(size_t size)
{
    return ae_fail() ? NULL : __real_malloc(size);
}


void *
__wrap_calloc(size_t n, size_t size)
{
    return ae_fail() ? NULL : __real_calloc(n, size);
}


void *
__wrap_realloc(void *p, size_t size)
{
    return ae_fail() ? NULL : __real_realloc(p, size);
}
