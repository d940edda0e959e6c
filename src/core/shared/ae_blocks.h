/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Shared memory cut into blocks that are chained to hold bytes (ae_blocks.c).
 * The caller guards it by a lock and repairs it when an owner of that died.
 */


#ifndef _AE_BLOCKS_H_INCLUDED_
#define _AE_BLOCKS_H_INCLUDED_


#include "core/shared/shared.h"


#define AE_BLOCK_SIZE        256
#define AE_BLOCK_DATA        (AE_BLOCK_SIZE - 2 * sizeof(uint32_t))


typedef enum {
    AE_BLOCK_FREE = 0,
    AE_BLOCK_BODY,              /* of a chain, or taken and not yet in one */
    AE_BLOCK_HEAD               /* of a chain that its owner has published */
} ae_block_kind_e;


/* blocks are numbered from 1, 0 ends a chain */

typedef struct {
    uint32_t                 next;
    uint32_t                 kind;
    unsigned char            data[AE_BLOCK_DATA];
} ae_block_t;


typedef struct {
    uint32_t                 total;
    uint32_t                 free;          /* list */
    uint32_t                 nfree;
    size_t                   offset;        /* of the blocks, from here */
} ae_blocks_t;


/* NULL for 0 and for what is no number of a block */

static inline ae_block_t *
ae_blocks_at(const ae_blocks_t *blocks, uint32_t n)
{
    if (n == 0 || n > blocks->total) {
        return NULL;
    }

    return (ae_block_t *) ((char *) blocks + blocks->offset) + (n - 1);
}


/* mem: total * AE_BLOCK_SIZE bytes behind blocks */
void ae_blocks_init(ae_blocks_t *blocks, void *mem, uint32_t total);

/* a chain of n, not published; 0: there are not so many */
uint32_t ae_blocks_take(ae_blocks_t *blocks, uint32_t n);
void ae_blocks_give(ae_blocks_t *blocks, uint32_t head);

/* makes the block a published head, or no head any more, by one store */
void ae_blocks_publish(ae_block_t *b, ae_block_kind_e kind);

/* bytes of a chain; skip: of its data in front of them */
void ae_blocks_write(ae_blocks_t *blocks, uint32_t head, size_t skip,
    ae_str_t bytes);
int ae_blocks_equal(const ae_blocks_t *blocks, uint32_t head, size_t skip,
    ae_str_t bytes);

/* safe while others write: AE_AGAIN if the chain ends before its time */
int ae_blocks_read(const ae_blocks_t *blocks, uint32_t head, size_t skip,
    unsigned char *buf, size_t len);

/* keeps the chains of the heads and frees the rest */
void ae_blocks_repair(ae_blocks_t *blocks);


#endif /* _AE_BLOCKS_H_INCLUDED_ */
