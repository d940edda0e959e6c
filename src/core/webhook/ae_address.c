/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The column "Globally Reachable" of IANA's registries of special-purpose
 * addresses (RFC 6890), as of 2025.  What they leave open there ("N/A": 6to4,
 * Teredo, ORCHID) they do not call reachable, and so it is not.
 */


#include <string.h>

#include "core/webhook/webhook.h"


#define AE_ADDRESS_V4        4
#define AE_ADDRESS_V6        16


typedef struct {
    unsigned char            addr[AE_ADDRESS_V6];
    unsigned char            bits;
    unsigned char            global;
} ae_address_t;


static int ae_address_find(const ae_address_t *table, size_t n,
    const unsigned char *addr);
static int ae_address_in(const ae_address_t *a, const unsigned char *addr);


/* the first that matches: exceptions stand before what they are in */

static const ae_address_t  ae_address_v4[] = {
    { { 0 }, 8, 0 },                        /* this network */
    { { 10 }, 8, 0 },                       /* private */
    { { 100, 64 }, 10, 0 },                 /* shared, carriers' NAT */
    { { 127 }, 8, 0 },                      /* loopback */
    { { 169, 254 }, 16, 0 },                /* link-local, cloud metadata */
    { { 172, 16 }, 12, 0 },                 /* private */
    { { 192, 0, 0, 9 }, 32, 1 },            /* PCP anycast */
    { { 192, 0, 0, 10 }, 32, 1 },           /* TURN anycast */
    { { 192, 0, 0 }, 24, 0 },               /* protocol assignments */
    { { 192, 0, 2 }, 24, 0 },               /* documentation */
    { { 192, 88, 99 }, 24, 0 },             /* relays of 6to4 and 6a44 */
    { { 192, 168 }, 16, 0 },                /* private */
    { { 198, 18 }, 15, 0 },                 /* benchmarking */
    { { 198, 51, 100 }, 24, 0 },            /* documentation */
    { { 203, 0, 113 }, 24, 0 },             /* documentation */
    { { 224 }, 4, 0 },                      /* multicast */
    { { 240 }, 4, 0 },                      /* reserved, broadcast */
    { { 0 }, 0, 1 }
};

/*
 * Outside of 2000::/3 there is nothing but NAT64 that could be reached: so go
 * ::1, v4-mapped and v4-compatible addresses, 64:ff9b:1::/48, 100::/64 and
 * 100:0:0:1::/64, 5f00::/16, fc00::/7, fe80::/10, fec0::/10 and ff00::/8, and
 * what has not been given to anybody.
 */

static const ae_address_t  ae_address_v6[] = {
    { { 0x00, 0x64, 0xff, 0x9b }, 96, 1 },  /* NAT64 */
    { { 0x20, 0x01, 0, 1, [15] = 1 }, 128, 1 },     /* PCP anycast */
    { { 0x20, 0x01, 0, 1, [15] = 2 }, 128, 1 },     /* TURN anycast */
    { { 0x20, 0x01, 0, 1, [15] = 3 }, 128, 1 },     /* DNS-SD anycast */
    { { 0x20, 0x01, 0, 3 }, 32, 1 },        /* AMT */
    { { 0x20, 0x01, 0, 4, 0x01, 0x12 }, 48, 1 },    /* AS112 */
    { { 0x20, 0x01, 0x00, 0x20 }, 28, 1 },  /* ORCHIDv2 */
    { { 0x20, 0x01, 0x00, 0x30 }, 28, 1 },  /* drones' remote ids */
    { { 0x20, 0x01 }, 23, 0 },              /* protocols; Teredo, ORCHID */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, 0 },  /* documentation */
    { { 0x20, 0x02 }, 16, 0 },              /* 6to4 */
    { { 0x3f, 0xff }, 20, 0 },              /* documentation */
    { { 0x20 }, 3, 1 },
    { { 0 }, 0, 0 }
};

static const ae_address_t  ae_address_nat64 = {
    { 0x00, 0x64, 0xff, 0x9b }, 96, 1
};


int
ae_address_global(const unsigned char *addr, size_t len)
{
    if (len == AE_ADDRESS_V4) {
        return ae_address_find(ae_address_v4,
                               sizeof(ae_address_v4) / sizeof(ae_address_t),
                               addr);
    }

    if (len != AE_ADDRESS_V6
        || !ae_address_find(ae_address_v6,
                            sizeof(ae_address_v6) / sizeof(ae_address_t),
                            addr))
    {
        return 0;
    }

    /* of those that embed another address this alone is left */

    if (ae_address_in(&ae_address_nat64, addr)) {
        return ae_address_global(addr + AE_ADDRESS_V6 - AE_ADDRESS_V4,
                                 AE_ADDRESS_V4);
    }

    return 1;
}


static int
ae_address_find(const ae_address_t *table, size_t n,
    const unsigned char *addr)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (ae_address_in(&table[i], addr)) {
            return table[i].global;
        }
    }

    return 0;
}


static int
ae_address_in(const ae_address_t *a, const unsigned char *addr)
{
    unsigned  bytes, bits;

    bytes = a->bits / 8;
    bits = a->bits % 8;

    if (memcmp(a->addr, addr, bytes) != 0) {
        return 0;
    }

    return bits == 0 || (a->addr[bytes] ^ addr[bytes]) >> (8 - bits) == 0;
}
