/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The bytes of an id are those of h[0] and then of h[1], most significant
 * first: ids order as their hex digits do.
 */


/*
 * OpenSSL 3 calls its plain SHA-256 functions deprecated.  They are used for
 * all that: EVP takes memory at each call.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include <endian.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "core/base/base.h"


#define AE_UUID_COUNT_BITS   26

#define ae_rotl(x, n)        (((x) << (n)) | ((x) >> (64 - (n))))


/* once or more for every request, so nothing of it is a call */

#define ae_sip_round(s)                                                       \
    do {                                                                      \
        (s).v0 += (s).v1;                                                     \
        (s).v2 += (s).v3;                                                     \
        (s).v1 = ae_rotl((s).v1, 13) ^ (s).v0;                                \
        (s).v3 = ae_rotl((s).v3, 16) ^ (s).v2;                                \
        (s).v0 = ae_rotl((s).v0, 32);                                         \
                                                                              \
        (s).v2 += (s).v1;                                                     \
        (s).v0 += (s).v3;                                                     \
        (s).v1 = ae_rotl((s).v1, 17) ^ (s).v2;                                \
        (s).v3 = ae_rotl((s).v3, 21) ^ (s).v0;                                \
        (s).v2 = ae_rotl((s).v2, 32);                                         \
    } while (0)

#define ae_sip_word(s, m)                                                     \
    do {                                                                      \
        (s).v3 ^= (m);                                                        \
        ae_sip_round(s);                                                      \
        ae_sip_round(s);                                                      \
        (s).v0 ^= (m);                                                        \
    } while (0)

#define ae_sip_final(s)                                                       \
    do {                                                                      \
        ae_sip_round(s);                                                      \
        ae_sip_round(s);                                                      \
        ae_sip_round(s);                                                      \
        ae_sip_round(s);                                                      \
    } while (0)

#define ae_sip_sum(s)        ((s).v0 ^ (s).v1 ^ (s).v2 ^ (s).v3)


typedef struct {
    uint64_t                 v0;
    uint64_t                 v1;
    uint64_t                 v2;
    uint64_t                 v3;
} ae_sip_t;


static uint64_t ae_sip_rest(const unsigned char *p, size_t n);
static int ae_hex_word(uint64_t *word, const unsigned char *p);
static uint64_t ae_uuid_random(ae_uuid_t *u);


/*
 * SipHash, Aumasson and Bernstein; the 128-bit variant of their reference.
 * Parts are taken word by word: what one leaves over goes below the next one's
 * words.
 */

ae_id_t
ae_hash(const unsigned char key[16], const ae_str_t *parts, size_t nparts)
{
    size_t                i, n, shift;
    ae_id_t               id;
    ae_sip_t              s;
    uint64_t              k[2], m, word, tail, len;
    const unsigned char  *p;

    memcpy(k, key, sizeof(k));

    k[0] = le64toh(k[0]);
    k[1] = le64toh(k[1]);

    s.v0 = k[0] ^ 0x736f6d6570736575;
    s.v1 = k[1] ^ 0x646f72616e646f6d ^ 0xee;
    s.v2 = k[0] ^ 0x6c7967656e657261;
    s.v3 = k[1] ^ 0x7465646279746573;

    tail = 0;
    len = 0;

    for (i = 0; i < nparts; i++) {
        p = parts[i].data;
        n = parts[i].len;
        shift = len % 8 * 8;
        len += n;

        for ( /* void */ ; n >= 8; n -= 8) {
            memcpy(&m, p, 8);
            m = le64toh(m);
            p += 8;

            word = tail | m << shift;
            tail = m >> 1 >> (63 - shift);
            ae_sip_word(s, word);
        }

        if (n == 0) {
            continue;
        }

        m = ae_sip_rest(p, n);
        tail |= m << shift;

        if (shift + n * 8 >= 64) {
            ae_sip_word(s, tail);
            tail = m >> 1 >> (63 - shift);
        }
    }

    word = tail | len << 56;
    ae_sip_word(s, word);

    /* the byte order of the reference, whose output is two words' bytes */

    s.v2 ^= 0xee;
    ae_sip_final(s);
    id.h[0] = htobe64(htole64(ae_sip_sum(s)));

    s.v1 ^= 0xdd;
    ae_sip_final(s);
    id.h[1] = htobe64(htole64(ae_sip_sum(s)));

    return id;
}


/*
 * One round a word and three at the end.  Most of what a request costs is
 * here, and it is enough: nobody but the zone sees a sum, so there is nothing
 * to work on, and the best collision that is known to be forced on one round
 * succeeds with a probability of 2^-167 (Dobraunig, Mendel and Schlaeffer,
 * Differential Cryptanalysis of SipHash), less than by guessing.
 */

ae_id_t
ae_hash_short(const unsigned char key[16], ae_str_t str)
{
    size_t                n;
    ae_id_t               id;
    ae_sip_t              s;
    uint64_t              k[2], m;
    const unsigned char  *p;

    memcpy(k, key, sizeof(k));

    k[0] = le64toh(k[0]);
    k[1] = le64toh(k[1]);

    s.v0 = k[0] ^ 0x736f6d6570736575;
    s.v1 = k[1] ^ 0x646f72616e646f6d ^ 0xee;
    s.v2 = k[0] ^ 0x6c7967656e657261;
    s.v3 = k[1] ^ 0x7465646279746573;

    p = str.data;

    for (n = str.len; n >= 8; n -= 8) {
        memcpy(&m, p, 8);
        m = le64toh(m);
        p += 8;

        s.v3 ^= m;
        ae_sip_round(s);
        s.v0 ^= m;
    }

    m = (uint64_t) str.len << 56;

    if (n != 0) {
        m |= ae_sip_rest(p, n);
    }

    s.v3 ^= m;
    ae_sip_round(s);
    s.v0 ^= m;

    s.v2 ^= 0xee;
    ae_sip_round(s);
    ae_sip_round(s);
    ae_sip_round(s);
    id.h[0] = htobe64(htole64(ae_sip_sum(s)));

    s.v1 ^= 0xdd;
    ae_sip_round(s);
    ae_sip_round(s);
    ae_sip_round(s);
    id.h[1] = htobe64(htole64(ae_sip_sum(s)));

    return id;
}


/* fewer than eight bytes, from 1 */

static uint64_t
ae_sip_rest(const unsigned char *p, size_t n)
{
    uint16_t  two;
    uint32_t  four;
    uint64_t  m;

    m = 0;

    if (n & 1) {
        m = p[n - 1];
    }

    if (n & 2) {
        memcpy(&two, p + (n & 4), 2);
        m = m << 16 | le16toh(two);
    }

    if (n & 4) {
        memcpy(&four, p, 4);
        m = m << 32 | le32toh(four);
    }

    return m;
}


ae_id_t
ae_key_id(ae_str_t credential)
{
    ae_id_t        id;
    SHA256_CTX     ctx;
    unsigned char  digest[SHA256_DIGEST_LENGTH];

    SHA256_Init(&ctx);

    if (credential.len != 0) {
        SHA256_Update(&ctx, credential.data, credential.len);
    }

    SHA256_Final(digest, &ctx);

    memcpy(&id, digest, sizeof(ae_id_t));

    id.h[0] = be64toh(id.h[0]);
    id.h[1] = be64toh(id.h[1]);

    return id;
}


void
ae_id_hex(unsigned char *dst, ae_id_t id)
{
    unsigned  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < AE_HEX_LEN; i++) {
        dst[i] = (unsigned char) hex[id.h[i / 16] >> (60 - i % 16 * 4) & 0xf];
    }
}


int
ae_id_unhex(ae_id_t *id, ae_str_t s)
{
    ae_id_t  n;

    if (s.len != AE_HEX_LEN
        || ae_hex_word(&n.h[0], s.data) != AE_OK
        || ae_hex_word(&n.h[1], s.data + 16) != AE_OK)
    {
        return AE_ERROR;
    }

    *id = n;

    return AE_OK;
}


void
ae_uuid_seed(ae_uuid_t *u)
{
    uint64_t         seed;
    struct timespec  ts;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK)
        != (ssize_t) sizeof(seed))
    {
        /* a machine without entropy yet: unique rather than unguessable */

        clock_gettime(CLOCK_REALTIME, &ts);

        seed = (uint64_t) ts.tv_sec << 30 ^ (uint64_t) ts.tv_nsec
               ^ (uint64_t) getpid() << 44;
    }

    u->random ^= seed;
}


ae_id_t
ae_uuid_next(ae_uuid_t *u, uint64_t wall_ns)
{
    ae_id_t   id;
    uint64_t  ms;

    ms = wall_ns / 1000000;

    if (ms > u->ms) {

        /*
         * The counter of a new millisecond starts at random in its lower
         * half, so that two processes seldom meet and it hardly ends.
         */

        u->ms = ms;
        u->count = (uint32_t) (ae_uuid_random(u) >> (65 - AE_UUID_COUNT_BITS));

    } else if (++u->count >> AE_UUID_COUNT_BITS) {

        /* used up, or the clock went back for long: borrow the next one */

        u->ms++;
        u->count = 0;
    }

    id.h[0] = u->ms << 16 | 0x7000 | u->count >> 14;
    id.h[1] = 0x8000000000000000 | (uint64_t) (u->count & 0x3fff) << 48
              | ae_uuid_random(u) >> 16;

    return id;
}


void
ae_event_id(unsigned char *dst, ae_id_t id)
{
    unsigned char  hex[AE_HEX_LEN];

    ae_id_hex(hex, id);

    memcpy(dst, "evt_", 4);
    memcpy(dst + 4, hex, 8);
    dst[12] = '-';
    memcpy(dst + 13, hex + 8, 4);
    dst[17] = '-';
    memcpy(dst + 18, hex + 12, 4);
    dst[22] = '-';
    memcpy(dst + 23, hex + 16, 4);
    dst[27] = '-';
    memcpy(dst + 28, hex + 20, 12);
}


int
ae_event_id_parse(ae_id_t *id, ae_str_t s)
{
    ae_str_t       str;
    unsigned char  hex[AE_HEX_LEN];

    if (s.len != AE_EVENT_ID_LEN
        || memcmp(s.data, "evt_", 4) != 0
        || s.data[12] != '-' || s.data[17] != '-'
        || s.data[22] != '-' || s.data[27] != '-')
    {
        return AE_ERROR;
    }

    memcpy(hex, s.data + 4, 8);
    memcpy(hex + 8, s.data + 13, 4);
    memcpy(hex + 12, s.data + 18, 4);
    memcpy(hex + 16, s.data + 23, 4);
    memcpy(hex + 20, s.data + 28, 12);

    str.data = hex;
    str.len = AE_HEX_LEN;

    return ae_id_unhex(id, str);
}


static int
ae_hex_word(uint64_t *word, const unsigned char *p)
{
    unsigned       i;
    uint64_t       n;
    unsigned char  c;

    n = 0;

    for (i = 0; i < 16; i++) {
        c = p[i];

        if (c >= '0' && c <= '9') {
            c = (unsigned char) (c - '0');

        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            c = (unsigned char) ((c | 0x20) - 'a' + 10);

        } else {
            return AE_ERROR;
        }

        n = n << 4 | c;
    }

    *word = n;

    return AE_OK;
}


/* splitmix64: one addition a step, so that no state leads to a short cycle */

static uint64_t
ae_uuid_random(ae_uuid_t *u)
{
    uint64_t  z;

    z = u->random += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;

    return z ^ z >> 31;
}
