/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "core/webhook/webhook.h"
#include "random.h"


/* each range by its first and last address, and both neighbours outside */

static const char  *reachable[] = {

    /* IPv4 */
    "1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
    "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
    "191.255.255.255", "192.0.0.9", "192.0.0.10", "192.0.1.0",
    "192.0.1.255", "192.0.3.0", "192.31.196.1", "192.52.193.1",
    "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
    "192.175.48.1", "198.17.255.255", "198.20.0.0", "198.51.99.255",
    "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",

    /* IPv6 */
    "2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::",
    "2001:1::1", "2001:1::2", "2001:1::3", "2001:3::",
    "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", "2001:4:112::",
    "2001:4:112:ffff:ffff:ffff:ffff:ffff", "2001:20::",
    "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", "2001:30::",
    "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::",
    "2001:4860:4860::8888", "2003::", "2606:4700:4700::1111",
    "2620:4f:8000::1", "2a00:1450:4001:800::200e",
    "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::",
    "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",

    /* NAT64 of what IPv4 reaches */
    "64:ff9b::8.8.8.8", "64:ff9b::101:101", "64:ff9b::192.0.0.9"
};


static const char  *unreachable[] = {

    /* IPv4 */
    "0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.1.2.3",
    "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255",
    "127.0.0.0", "127.0.0.1", "127.1.1.1", "127.255.255.255",
    "169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.255.255",
    "172.16.0.0", "172.17.0.1", "172.31.255.255", "192.0.0.0", "192.0.0.1",
    "192.0.0.7", "192.0.0.8", "192.0.0.11", "192.0.0.170", "192.0.0.171",
    "192.0.0.192", "192.0.0.255", "192.0.2.0", "192.0.2.255",
    "192.88.99.0", "192.88.99.1", "192.88.99.2", "192.88.99.255",
    "192.168.0.0", "192.168.1.1", "192.168.255.255", "198.18.0.0",
    "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0",
    "203.0.113.255", "224.0.0.0", "224.0.0.1", "239.255.255.255",
    "240.0.0.0", "255.255.255.254", "255.255.255.255",

    /* unspecified, loopback, link-local, site-local, unique, multicast */
    "::", "::1", "::2", "fe80::", "fe80::1",
    "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::1", "feff::1",
    "fc00::", "fd00:ec2::254", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "ff00::", "ff02::1", "ff0e::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",

    /* IPv4 within: mapped, compatible, translated */
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:8.8.8.8", "::ffff:0.0.0.0", "::ffff:255.255.255.255",
    "::127.0.0.1", "::8.8.8.8", "::10.0.0.1", "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8", "::fffe:8.8.8.8", "::1:0:0",

    /* NAT64 */
    "64:ff9b::", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254", "64:ff9b::192.168.1.1",
    "64:ff9b::100.64.0.1", "64:ff9b::224.0.0.1", "64:ff9b::192.0.0.170",
    "64:ff9b::1:8.8.8.8", "64:ff9b:0:0:0:1:808:808", "64:ff9b:1::",
    "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    "64:ff9b:2::8.8.8.8", "64:ff9a::8.8.8.8", "64:ff9c::8.8.8.8",

    /* 6to4 and Teredo, whatever they embed */
    "2002::", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1",
    "2002:a9fe:a9fe::1", "2002:808:808::1",
    "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::",
    "2001::808:808", "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",

    /* 2001::/23: benchmarking, ORCHID, and what is left there */
    "2001:1::", "2001:1::4", "2001:1:0:1::1", "2001:1::1:0:1", "2001:2::",
    "2001:2:0:ffff:ffff:ffff:ffff:ffff", "2001:2:1::", "2001:4::",
    "2001:4:111:ffff:ffff:ffff:ffff:ffff", "2001:4:113::", "2001:5::",
    "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", "2001:40::",
    "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",

    /* documentation, discard, dummy, SRv6 */
    "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::",
    "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "100::",
    "100::ffff:ffff:ffff:ffff", "100:0:0:1::", "100:0:0:1::1", "5f00::",
    "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",

    /* not given to anybody */
    "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "200::1", "400::1", "4000::",
    "6000::1", "8000::1", "c000::1", "e000::1", "f000::1", "fe00::1"
};


static size_t
parse(const char *text, unsigned char addr[16])
{
    if (strchr(text, ':') == NULL) {
        assert_int_equal(inet_pton(AF_INET, text, addr), 1);
        return 4;
    }

    assert_int_equal(inet_pton(AF_INET6, text, addr), 1);

    return 16;
}


static void
check(const char **table, size_t n, int expected)
{
    size_t         i, len;
    unsigned char  addr[16];

    for (i = 0; i < n; i++) {
        len = parse(table[i], addr);

        if (ae_address_global(addr, len) != expected) {
            fail_msg("%s", table[i]);
        }
    }
}


static void
test_reachable(void **state)
{
    (void) state;

    check(reachable, sizeof(reachable) / sizeof(char *), 1);
}


static void
test_unreachable(void **state)
{
    (void) state;

    check(unreachable, sizeof(unreachable) / sizeof(char *), 0);
}


/* no IPv4 address is reached by a detour that it is not reached without */

static void
test_embedded(void **state)
{
    long           i, n;
    size_t         j;
    uint64_t       random;
    unsigned char  v4[4], v6[16];

    (void) state;

    n = ae_steps(100000);

    for (i = 0; i < n; i++) {
        random = ae_random();
        memcpy(v4, &random, 4);

        memset(v6, 0, 16);
        memcpy(v6 + 12, v4, 4);
        assert_int_equal(ae_address_global(v6, 16), 0);

        memset(v6 + 10, 0xff, 2);
        assert_int_equal(ae_address_global(v6, 16), 0);

        memset(v6 + 10, 0, 2);
        memcpy(v6, "\x00\x64\xff\x9b", 4);
        assert_int_equal(ae_address_global(v6, 16),
                         ae_address_global(v4, 4));

        memcpy(v6, "\x20\x02", 2);
        memcpy(v6 + 2, v4, 4);
        assert_int_equal(ae_address_global(v6, 16), 0);

        memcpy(v6, "\x20\x01\x00\x00", 4);

        for (j = 0; j < 4; j++) {
            v6[12 + j] = v4[j] ^ 0xff;
        }

        assert_int_equal(ae_address_global(v6, 16), 0);
    }
}


static void
test_length(void **state)
{
    size_t         i;
    unsigned char  addr[32];

    (void) state;

    memset(addr, 0x20, sizeof(addr));

    for (i = 0; i <= 32; i++) {
        assert_int_equal(ae_address_global(addr, i), i == 4 || i == 16);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reachable),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_embedded),
        cmocka_unit_test(test_length)
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
