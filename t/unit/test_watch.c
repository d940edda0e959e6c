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


static ae_now_t  now = { 1000, 1000 };


static ae_watches_t *
watches(void)
{
    void  *p;

    p = mmap(NULL, AE_WATCHES_SIZE, PROT_READ|PROT_WRITE,
             MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);

    return ae_watches_init(p);
}


static ae_id_t
event(uint64_t n)
{
    return (ae_id_t) { { n, ~n } };
}


static void
tell(ae_watches_t *w, uint64_t n, uint32_t status)
{
    ae_watch_result_t  r;

    memset(&r, 0, sizeof(r));
    r.status = status;
    r.endpoint = event(status);

    ae_watch_tell(w, event(n), &r, &now);
}


static void
test_results(void **state)
{
    uint32_t           i, slot, other;
    ae_watches_t      *w;
    ae_watch_result_t  r[AE_WATCH_RESULTS];

    (void) state;

    w = watches();
    tell(w, 1, 200);

    assert_int_equal(ae_watch_begin(w, event(1), 5000, &now, &slot), AE_OK);
    assert_int_equal(ae_watch_begin(w, event(2), 5000, &now, &other), AE_OK);
    assert_true(slot != other);
    assert_int_equal(ae_watch_read(w, slot, r), 0);

    tell(w, 1, 500);
    tell(w, 2, 200);
    tell(w, 3, 200);
    tell(w, 1, 201);

    assert_int_equal(ae_watch_read(w, slot, r), 2);
    assert_int_equal(r[0].status, 500);
    assert_int_equal(r[1].status, 201);
    assert_int_equal(ae_watch_read(w, other, r), 1);

    for (i = 0; i < 2 * AE_WATCH_RESULTS; i++) {
        tell(w, 1, 200);
    }

    assert_int_equal(ae_watch_read(w, slot, r), AE_WATCH_RESULTS);

    ae_watch_end(w, slot);
    assert_int_equal(ae_watch_begin(w, event(4), 5000, &now, &slot), AE_OK);
    assert_int_equal(ae_watch_read(w, slot, r), 0);
    tell(w, 1, 200);
    assert_int_equal(ae_watch_read(w, slot, r), 0);
}


/* of an owner that died */

static void
test_over(void **state)
{
    uint32_t           i, slot;
    ae_watches_t      *w;
    ae_watch_result_t  r[AE_WATCH_RESULTS];

    (void) state;

    now = (ae_now_t) { 1000, 1000 };
    w = watches();

    for (i = 0; ae_watch_begin(w, event(i + 1), 5000, &now, &slot) == AE_OK;
         i++)
    {
        assert_true(i < 1000);
    }

    tell(w, 1, 200);
    now.mono = 6000;
    tell(w, 1, 200);
    assert_int_equal(ae_watch_read(w, 0, r), 1);
    assert_int_equal(ae_watch_begin(w, event(9999), 9000, &now, &slot),
                     AE_FULL);

    now.mono = 5002 + (uint64_t) 1000000000;
    assert_int_equal(ae_watch_begin(w, event(9999), now.mono + 9, &now,
                                    &slot), AE_OK);
    assert_int_equal(ae_watch_read(w, slot, r), 0);
    tell(w, 9999, 200);
    assert_int_equal(ae_watch_read(w, slot, r), 1);
}


/* many processes tell of many events, each of which is watched by one */

static void
test_processes(void **state)
{
    int                status;
    pid_t              pids[4];
    uint32_t           i, k, n, slot;
    ae_watches_t      *w;
    ae_watch_result_t  r[AE_WATCH_RESULTS];

    (void) state;

    now = (ae_now_t) { 1000, 1000 };
    w = watches();

    for (i = 0; i < 4; i++) {
        pids[i] = fork();

        if (pids[i] != 0) {
            continue;
        }

        for (k = 0; k < 20000; k++) {
            n = i * 100000 + k + 1;

            if (ae_watch_begin(w, event(n), 5000, &now, &slot) != AE_OK) {
                _exit(1);
            }

            tell(w, n, 200 + i);
            tell(w, n, 200 + i);

            if (ae_watch_read(w, slot, r) != 2 || r[0].status != 200 + i
                || r[1].status != 200 + i)
            {
                _exit(2);
            }

            ae_watch_end(w, slot);
        }

        _exit(0);
    }

    for (i = 0; i < 4; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_over),
        cmocka_unit_test(test_processes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
