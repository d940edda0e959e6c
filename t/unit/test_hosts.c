/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/shared/shared.h"


#define AE_SECOND     1000000000ull
#define AE_TEST_SIZE  (16 * 1024)


static const ae_host_rule_t  rule = { 3, 2, 5 * AE_SECOND, 2 * AE_SECOND };
static const ae_id_t         id = { { 1, 2 } };


static ae_hosts_t *
create(void)
{
    void        *p;
    ae_hosts_t  *hosts;

    p = mmap(NULL, AE_TEST_SIZE, PROT_READ|PROT_WRITE,
             MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);

    hosts = ae_hosts_init(p, AE_TEST_SIZE);
    assert_non_null(hosts);

    return hosts;
}


static void
destroy(ae_hosts_t *hosts)
{
    munmap(hosts, AE_TEST_SIZE);
}


static ae_now_t
at(double seconds)
{
    ae_now_t  now;

    now.mono = (uint64_t) ((1000 + seconds) * 1e9);
    now.wall = now.mono;

    return now;
}


/* a probe of owner 1 at a time, which tells; 'D', 'U', or 0: no change */

static int
probe(ae_hosts_t *hosts, double seconds, int success)
{
    ae_now_t   now;
    ae_host_t  host;

    now = at(seconds);

    assert_int_equal(ae_host_claim(hosts, id, &rule, 1, &now, &host), AE_OK);
    assert_int_equal(host.changed, 0);
    assert_int_equal(ae_host_probed(hosts, id, &rule, 1, success, &now, &host),
                     AE_OK);

    if (!host.changed) {
        return 0;
    }

    ae_host_told(hosts, id, host.state, 1);

    return host.state == AE_HOST_IS_DOWN ? 'D' : 'U';
}


static void
test_edges(void **state)
{
    size_t       i;
    ae_hosts_t  *hosts;

    static const struct {
        int  success;
        int  change;
    } steps[] = {
        { 1, 0 }, { 0, 0 }, { 0, 0 }, { 1, 0 }, { 0, 0 }, { 0, 0 },
        { 0, 'D' }, { 0, 0 }, { 0, 0 }, { 0, 0 }, { 1, 0 }, { 0, 0 },
        { 1, 0 }, { 1, 'U' }, { 1, 0 }, { 0, 0 }, { 0, 0 }, { 0, 'D' }
    };

    (void) state;

    hosts = create();

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assert_int_equal(probe(hosts, i * 5.0, steps[i].success),
                         steps[i].change);
    }

    assert_int_equal(ae_host_state(hosts, id), AE_HOST_IS_DOWN);

    destroy(hosts);
}


static void
test_one_probes(void **state)
{
    ae_now_t     now;
    ae_host_t    host;
    ae_hosts_t  *hosts;

    (void) state;

    hosts = create();
    now = at(0);

    assert_int_equal(ae_host_claim(hosts, id, &rule, 1, &now, &host), AE_OK);
    assert_int_equal(ae_host_claim(hosts, id, &rule, 2, &now, &host),
                     AE_AGAIN);
    assert_int_equal(host.wait, 2 * AE_SECOND);

    now = at(1);
    assert_int_equal(ae_host_probed(hosts, id, &rule, 2, 0, &now, &host),
                     AE_DECLINED);
    assert_int_equal(ae_host_probed(hosts, id, &rule, 1, 1, &now, &host),
                     AE_OK);
    assert_int_equal(ae_host_claim(hosts, id, &rule, 2, &now, &host),
                     AE_AGAIN);
    assert_int_equal(host.wait, 4 * AE_SECOND);

    now = at(5);
    assert_int_equal(ae_host_claim(hosts, id, &rule, 2, &now, &host), AE_OK);

    /* the second one dies: when its lease and the interval are over */

    now = at(9.9);
    assert_int_equal(ae_host_claim(hosts, id, &rule, 1, &now, &host),
                     AE_AGAIN);
    now = at(10);
    assert_int_equal(ae_host_claim(hosts, id, &rule, 1, &now, &host), AE_OK);
    assert_int_equal(ae_host_probed(hosts, id, &rule, 2, 1, &now, &host),
                     AE_DECLINED);

    destroy(hosts);
}


/* the change is told by another when its finder is gone, and once */

static void
test_teller_dies(void **state)
{
    int          i;
    ae_now_t     now;
    ae_host_t    host;
    ae_hosts_t  *hosts;

    (void) state;

    hosts = create();

    for (i = 0; i < 3; i++) {
        now = at(i);
        assert_int_equal(ae_host_seen(hosts, id, &rule, 1, 0, &now, &host),
                         AE_OK);
        assert_int_equal(host.changed, i == 2);
    }

    now = at(3);
    (void) ae_host_seen(hosts, id, &rule, 2, 0, &now, &host);
    assert_int_equal(host.state, AE_HOST_IS_DOWN);
    assert_int_equal(host.changed, 0);

    now = at(4.1);
    (void) ae_host_seen(hosts, id, &rule, 2, 0, &now, &host);
    assert_int_equal(host.changed, 1);

    (void) ae_host_seen(hosts, id, &rule, 3, 0, &now, &host);
    assert_int_equal(host.changed, 0);

    ae_host_told(hosts, id, AE_HOST_IS_DOWN, 2);

    now = at(20);
    (void) ae_host_seen(hosts, id, &rule, 3, 0, &now, &host);
    assert_int_equal(host.changed, 0);

    destroy(hosts);
}


static void
test_claim_tells(void **state)
{
    int          i;
    ae_now_t     now;
    ae_host_t    host;
    ae_hosts_t  *hosts;

    (void) state;

    hosts = create();

    for (i = 0; i < 3; i++) {
        now = at(i * 5);
        (void) ae_host_claim(hosts, id, &rule, 1, &now, &host);
        (void) ae_host_probed(hosts, id, &rule, 1, 0, &now, &host);
    }

    assert_int_equal(host.changed, 1);

    now = at(15);
    assert_int_equal(ae_host_claim(hosts, id, &rule, 2, &now, &host), AE_OK);
    assert_int_equal(host.changed, 1);
    assert_int_equal(host.state, AE_HOST_IS_DOWN);

    ae_host_told(hosts, id, AE_HOST_IS_DOWN, 2);

    assert_int_equal(ae_host_probed(hosts, id, &rule, 2, 0, &now, &host),
                     AE_OK);
    assert_int_equal(host.changed, 0);

    destroy(hosts);
}


static void
test_room(void **state)
{
    size_t       i, n;
    ae_id_t      other;
    ae_now_t     now;
    ae_host_t    host;
    ae_hosts_t  *hosts;

    (void) state;

    hosts = create();
    now = at(0);
    n = 0;

    for (i = 0; i < 10000; i++) {
        other.h[0] = i * 7919;
        other.h[1] = i;

        if (ae_host_seen(hosts, other, &rule, 1, 1, &now, &host) == AE_FULL) {
            n++;
            assert_int_equal(host.changed, 0);
            assert_int_equal(ae_host_claim(hosts, other, &rule, 1, &now,
                                           &host), AE_FULL);
            assert_int_equal(ae_host_probed(hosts, other, &rule, 1, 0, &now,
                                            &host), AE_DECLINED);
            assert_int_equal(ae_host_state(hosts, other), AE_HOST_IS_UP);
        }
    }

    assert_true(n > 9000 && n < 9960);
    assert_null(ae_hosts_init(hosts, 64));

    destroy(hosts);
}


/* processes find out the same at once: one tells of each change */

static void
test_processes(void **state)
{
    int          i, n, status;
    pid_t        pids[4];
    ae_now_t     now;
    uint32_t     k;
    ae_host_t    host;
    ae_hosts_t  *hosts;
    uint32_t    *told;

    (void) state;

    hosts = create();
    told = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);
    assert_true(told != MAP_FAILED);

    for (i = 0; i < 4; i++) {
        pids[i] = fork();

        if (pids[i] != 0) {
            continue;
        }

        for (n = 0; n < 20000; n++) {
            ae_now(&now);

            (void) ae_host_seen(hosts, id, &rule, (uint32_t) getpid(),
                                (n / 100) & 1, &now, &host);

            if (host.changed) {
                k = __atomic_fetch_add(&told[host.state], 1, __ATOMIC_SEQ_CST);
                (void) k;
                ae_host_told(hosts, id, host.state, (uint32_t) getpid());
            }
        }

        _exit(0);
    }

    for (i = 0; i < 4; i++) {
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }

    assert_true(told[AE_HOST_IS_DOWN] > 0);
    assert_true(told[AE_HOST_IS_DOWN] - told[AE_HOST_IS_UP] <= 1
                || told[AE_HOST_IS_UP] - told[AE_HOST_IS_DOWN] <= 1);

    munmap(told, 4096);
    destroy(hosts);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_one_probes),
        cmocka_unit_test(test_teller_dies),
        cmocka_unit_test(test_claim_tells),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_processes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
