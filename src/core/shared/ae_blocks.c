/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <string.h>

#include "core/shared/ae_blocks.h"


/* what of len bytes is in a block behind skip bytes, 0 if that is all of it */

#define ae_blocks_part(len, skip)                                             \
    (((skip) >= AE_BLOCK_DATA)                                                \
     ? 0                                                                      \
     : ((len) < AE_BLOCK_DATA - (skip)) ? (len) : AE_BLOCK_DATA - (skip))

#define ae_blocks_behind(skip)                                                \
    (((skip) > AE_BLOCK_DATA) ? (skip) - AE_BLOCK_DATA : 0)


static void ae_blocks_sweep(ae_blocks_t *blocks);


void
ae_blocks_init(ae_blocks_t *blocks, void *mem, uint32_t total)
{
    blocks->total = total;
    blocks->offset = (char *) mem - (char *) blocks;

    ae_blocks_sweep(blocks);
}


/* death on the way loses blocks to nobody: only the sweep makes the list */

uint32_t
ae_blocks_take(ae_blocks_t *blocks, uint32_t n)
{
    uint32_t     head, i;
    ae_block_t  *b;

    if (n == 0 || n > blocks->nfree) {
        return 0;
    }

    head = blocks->free;
    b = ae_blocks_at(blocks, head);

    for (i = 1; i < n; i++) {
        b->kind = AE_BLOCK_BODY;
        b = ae_blocks_at(blocks, b->next);
    }

    b->kind = AE_BLOCK_BODY;
    blocks->free = b->next;
    blocks->nfree -= n;
    b->next = 0;

    return head;
}


void
ae_blocks_give(ae_blocks_t *blocks, uint32_t head)
{
    uint32_t     n;
    ae_block_t  *b;

    n = 1;

    for (b = ae_blocks_at(blocks, head);
         b->next != 0;
         b = ae_blocks_at(blocks, b->next))
    {
        b->kind = AE_BLOCK_FREE;
        n++;
    }

    b->kind = AE_BLOCK_FREE;
    b->next = blocks->free;
    blocks->free = head;
    blocks->nfree += n;
}


void
ae_blocks_publish(ae_block_t *b, ae_block_kind_e kind)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&b->kind, kind, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}


void
ae_blocks_write(ae_blocks_t *blocks, uint32_t head, size_t skip,
    ae_str_t bytes)
{
    size_t       part;
    ae_block_t  *b;

    for (b = ae_blocks_at(blocks, head);
         bytes.len != 0;
         b = ae_blocks_at(blocks, b->next))
    {
        part = ae_blocks_part(bytes.len, skip);
        memcpy(b->data + skip, bytes.data, part);

        bytes.data += part;
        bytes.len -= part;
        skip = ae_blocks_behind(skip);
    }
}


int
ae_blocks_equal(const ae_blocks_t *blocks, uint32_t head, size_t skip,
    ae_str_t bytes)
{
    size_t       part;
    ae_block_t  *b;

    for (b = ae_blocks_at(blocks, head);
         bytes.len != 0;
         b = ae_blocks_at(blocks, b->next))
    {
        part = ae_blocks_part(bytes.len, skip);

        if (memcmp(b->data + skip, bytes.data, part) != 0) {
            return 0;
        }

        bytes.data += part;
        bytes.len -= part;
        skip = ae_blocks_behind(skip);
    }

    return 1;
}


int
ae_blocks_read(const ae_blocks_t *blocks, uint32_t head, size_t skip,
    unsigned char *buf, size_t len)
{
    size_t       part;
    ae_block_t  *b;

    while (len != 0) {
        b = ae_blocks_at(blocks, head);

        if (b == NULL) {
            return AE_AGAIN;
        }

        part = ae_blocks_part(len, skip);
        memcpy(buf, b->data + skip, part);

        head = __atomic_load_n(&b->next, __ATOMIC_RELAXED);
        buf += part;
        len -= part;
        skip = ae_blocks_behind(skip);
    }

    return AE_OK;
}


void
ae_blocks_repair(ae_blocks_t *blocks)
{
    uint32_t     n;
    ae_block_t  *b, *head;

    for (n = 1; n <= blocks->total; n++) {
        b = ae_blocks_at(blocks, n);

        if (b->kind == AE_BLOCK_BODY) {
            b->kind = AE_BLOCK_FREE;
        }
    }

    for (n = 1; n <= blocks->total; n++) {
        head = ae_blocks_at(blocks, n);

        if (head->kind != AE_BLOCK_HEAD) {
            continue;
        }

        for (b = ae_blocks_at(blocks, head->next);
             b != NULL;
             b = ae_blocks_at(blocks, b->next))
        {
            b->kind = AE_BLOCK_BODY;
        }
    }

    ae_blocks_sweep(blocks);
}


static void
ae_blocks_sweep(ae_blocks_t *blocks)
{
    uint32_t     n;
    ae_block_t  *b;

    blocks->free = 0;
    blocks->nfree = 0;

    for (n = blocks->total; n != 0; n--) {
        b = ae_blocks_at(blocks, n);

        if (b->kind == AE_BLOCK_FREE) {
            b->next = blocks->free;
            blocks->free = n;
            blocks->nfree++;
        }
    }
}
