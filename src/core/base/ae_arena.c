/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * An arena is a list of blocks.  Small requests are cut from the newest block,
 * whose size doubles up to AE_ARENA_BLOCK_MAX; one that would waste much of a
 * block gets a block of its own behind it.
 */


#include <stdlib.h>
#include <string.h>

#include "core/base/base.h"


#define AE_ARENA_ALIGN      16
#define AE_ARENA_BLOCK_MIN  1024
#define AE_ARENA_BLOCK_MAX  65536


/* without this AddressSanitizer sees a block, but not the strings in it */

#if defined(__has_feature)
#if (__has_feature(address_sanitizer))
#define AE_ARENA_ASAN  1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define AE_ARENA_ASAN  1
#endif

#if (AE_ARENA_ASAN)
#include <sanitizer/asan_interface.h>
#define ae_arena_poison(p, n)    __asan_poison_memory_region(p, n)
#define ae_arena_unpoison(p, n)  __asan_unpoison_memory_region(p, n)

#else

#define ae_arena_poison(p, n)
#define ae_arena_unpoison(p, n)
#endif


typedef struct ae_arena_block_s  ae_arena_block_t;

struct ae_arena_block_s {
    ae_arena_block_t        *next;
    size_t                   size;          /* of the bytes behind the head */
};


struct ae_arena_s {
    ae_arena_block_t        *blocks;
    unsigned char           *pos;
    unsigned char           *end;
    size_t                   limit;         /* 0: none */
    size_t                   used;
    size_t                   block_size;
};


#define AE_ARENA_HEAD                                                         \
    ((sizeof(ae_arena_block_t) + AE_ARENA_ALIGN - 1)                          \
     & ~(size_t) (AE_ARENA_ALIGN - 1))


static int ae_arena_grow(ae_arena_t *arena, size_t size);
static unsigned char *ae_arena_block(ae_arena_t *arena, size_t size);


ae_arena_t *
ae_arena_create(size_t limit)
{
    ae_arena_t  *arena;

    if (limit != 0 && limit < sizeof(ae_arena_t)) {
        return NULL;
    }

    arena = calloc(1, sizeof(ae_arena_t));
    if (arena == NULL) {
        return NULL;
    }

    arena->limit = limit;
    arena->used = sizeof(ae_arena_t);
    arena->block_size = AE_ARENA_BLOCK_MIN;

    return arena;
}


void *
ae_arena_alloc(ae_arena_t *arena, size_t size)
{
    size_t          n;
    unsigned char  *p;

    if (size > SIZE_MAX - AE_ARENA_ALIGN - AE_ARENA_HEAD) {
        return NULL;
    }

    /* even an empty object has an address of its own */

    n = (size == 0) ? 1 : size;
    n = (n + AE_ARENA_ALIGN - 1) & ~(size_t) (AE_ARENA_ALIGN - 1);

    if (n > (size_t) (arena->end - arena->pos)) {

        if (n > arena->block_size / 4) {
            p = ae_arena_block(arena, n);
            if (p != NULL) {
                ae_arena_unpoison(p, size);
            }

            return p;
        }

        if (ae_arena_grow(arena, n) != AE_OK) {
            return NULL;
        }
    }

    p = arena->pos;
    arena->pos += n;

    ae_arena_unpoison(p, size);

    return p;
}


ae_str_t
ae_arena_dup(ae_arena_t *arena, ae_str_t s)
{
    ae_str_t        copy;
    unsigned char  *p;

    copy.len = 0;
    copy.data = NULL;

    if (s.len == SIZE_MAX) {
        return copy;
    }

    p = ae_arena_alloc(arena, s.len + 1);
    if (p == NULL) {
        return copy;
    }

    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    copy.len = s.len;
    copy.data = p;

    return copy;
}


void
ae_arena_destroy(ae_arena_t *arena)
{
    ae_arena_block_t  *block, *next;

    if (arena == NULL) {
        return;
    }

    for (block = arena->blocks; block != NULL; block = next) {
        next = block->next;
        ae_arena_unpoison((unsigned char *) block + AE_ARENA_HEAD,
                          block->size);
        free(block);
    }

    free(arena);
}


/* a new block to cut from, as large as the limit still lets it be */

static int
ae_arena_grow(ae_arena_t *arena, size_t size)
{
    size_t          want, left;
    unsigned char  *p;

    want = arena->block_size - AE_ARENA_HEAD;

    if (arena->limit != 0) {
        left = arena->limit - arena->used;
        left = (left > AE_ARENA_HEAD) ? left - AE_ARENA_HEAD : 0;
        left &= ~(size_t) (AE_ARENA_ALIGN - 1);

        if (left < size) {
            return AE_ERROR;
        }

        want = (want < left) ? want : left;
    }

    p = ae_arena_block(arena, want);
    if (p == NULL) {
        return AE_ERROR;
    }

    arena->pos = p;
    arena->end = p + want;

    if (arena->block_size < AE_ARENA_BLOCK_MAX) {
        arena->block_size *= 2;
    }

    return AE_OK;
}


static unsigned char *
ae_arena_block(ae_arena_t *arena, size_t size)
{
    unsigned char     *p;
    ae_arena_block_t  *block;

    if (arena->limit != 0
        && AE_ARENA_HEAD + size > arena->limit - arena->used)
    {
        return NULL;
    }

    block = calloc(1, AE_ARENA_HEAD + size);
    if (block == NULL) {
        return NULL;
    }

    block->next = arena->blocks;
    block->size = size;

    arena->blocks = block;
    arena->used += AE_ARENA_HEAD + size;

    p = (unsigned char *) block + AE_ARENA_HEAD;

    ae_arena_poison(p, size);

    return p;
}
