/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * core/base: strings, memory, output, time, ids and hashes.
 *
 * Conventions.  Functions return AE_OK or one of the negative codes below.
 * Strings are not NUL-terminated and are never owned by the callee.  Objects
 * whose comment says "shared" live in memory that several processes map at
 * the same address; they are laid out with indices and offsets only.  Nothing
 * here logs, blocks for long or keeps static state.
 */


#ifndef _AE_BASE_H_INCLUDED_
#define _AE_BASE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>


#define AE_OK           0
#define AE_ERROR       -1       /* bad input or no process memory */
#define AE_AGAIN       -2       /* nothing to do now, ask again later */
#define AE_FULL        -3       /* a bound was reached; caller counts it */
#define AE_DECLINED    -5       /* not found, or a limit refuses */
#define AE_RECOVER     -6       /* the lock's last owner died, repair first */


/* of a prototype: keeps it apart from those that call it often; lays it beside
 * all else that each request needs, in as few pages as can be */

#define ae_rare         __attribute__((noinline))
#define ae_often        __attribute__((hot))


/* same layout as ngx_str_t, so that a pointer to either may be cast to one to
 * the other; may_alias makes that no matter of luck */

typedef struct {
    size_t                   len;
    unsigned char           *data;
} __attribute__((__may_alias__)) ae_str_t;


#define ae_string(s)         { sizeof(s) - 1, (unsigned char *) s }
#define ae_str(s)            ((ae_str_t) ae_string(s))


/* 128 bits: a keyed hash, a key id or an event's UUID */

typedef struct {
    uint64_t                 h[2];
} ae_id_t;


/*
 * Both clocks of one moment, in nanoseconds: CLOCK_MONOTONIC for intervals,
 * CLOCK_REALTIME for what people and calendars see.
 */

typedef struct {
    uint64_t                 mono;
    uint64_t                 wall;
} ae_now_t;


void ae_now(ae_now_t *now);


/* ---- arena: process memory freed as a whole (ae_arena.c) ---- */

typedef struct ae_arena_s  ae_arena_t;


/* limit: bytes the arena may take in all, 0 for no limit; NULL: no memory */
ae_arena_t *ae_arena_create(size_t limit);

/* zeroed, aligned to 16; NULL when the limit or the memory is used up */
void *ae_arena_alloc(ae_arena_t *arena, size_t size);

/* a copy with a NUL behind it that len does not count; data NULL: no memory */
ae_str_t ae_arena_dup(ae_arena_t *arena, ae_str_t s);

void ae_arena_destroy(ae_arena_t *arena);


/* ---- buf: growing output with an upper bound (ae_buf.c) ---- */

typedef struct {
    unsigned char           *data;          /* malloc'ed, ae_buf_free() */
    size_t                   len;
    size_t                   cap;
    size_t                   max;
    unsigned                 failed:1;      /* bound or memory; sticky */
} ae_buf_t;


void ae_buf_init(ae_buf_t *b, size_t max);
void ae_buf_put(ae_buf_t *b, const void *p, size_t len);
void ae_buf_puts(ae_buf_t *b, const char *s);
void ae_buf_int(ae_buf_t *b, int64_t n);
void ae_buf_free(ae_buf_t *b);


/* ---- time, ids, hashes (ae_time.c, ae_id.c) ---- */

#define AE_TIME_LEN          40             /* bytes either format needs */

/* Go's default layout, UTC: "2024-01-01 23:59:59.111157073 +0000 UTC" with
 * trailing zeros of the fraction trimmed (Tyk's TimeStamp) */
size_t ae_time_go(unsigned char *dst, uint64_t wall_ns);

/* RFC 3339 with nanoseconds trimmed the same way, "Z" */
size_t ae_time_rfc3339(unsigned char *dst, uint64_t wall_ns);

/* the inverse of ae_time_go() and ae_time_rfc3339(), AE_ERROR if neither */
int ae_time_parse(ae_str_t s, uint64_t *wall_ns);


/* SipHash-2-4 with 128-bit output over the concatenated parts */
ae_id_t ae_hash(const unsigned char key[16], const ae_str_t *parts,
    size_t nparts);

/* SipHash-1-3 with 128-bit output, for ids that nobody is told */
ae_id_t ae_hash_short(const unsigned char key[16], ae_str_t str) ae_often;

/* the first 128 bits of SHA-256: the KeyID of a credential */
ae_id_t ae_key_id(ae_str_t credential);

#define AE_HEX_LEN           32

void ae_id_hex(unsigned char *dst, ae_id_t id);             /* 32 bytes */
int ae_id_unhex(ae_id_t *id, ae_str_t s);                   /* exactly 32 */

static inline int
ae_id_equal(ae_id_t a, ae_id_t b)
{
    return a.h[0] == b.h[0] && a.h[1] == b.h[1];
}


/*
 * UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 12 + 14 bits of a
 * counter that keeps the ids of one process ordered within a millisecond, then
 * random bits.  The state belongs to one process; zero it, then seed it.
 */

typedef struct {
    uint64_t                 ms;
    uint32_t                 count;
    uint64_t                 random;
} ae_uuid_t;

void ae_uuid_seed(ae_uuid_t *u);
ae_id_t ae_uuid_next(ae_uuid_t *u, uint64_t wall_ns);

#define AE_EVENT_ID_LEN      40             /* "evt_" + 36 */

void ae_event_id(unsigned char *dst, ae_id_t id);
int ae_event_id_parse(ae_id_t *id, ae_str_t s);


#endif /* _AE_BASE_H_INCLUDED_ */
