/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/shared.h"
#include "random.h"
#include "step.h"


#define SLOTS                4
#define RING_SIZE            4096


typedef struct {
    int                      go;            /* for children that wait */
    int                      got;
} process_test_t;


static ae_processes_t *process_new(uint32_t slots);
static void process_put(ae_processes_t *ps, uint32_t slot, int c);
static uint64_t process_drain(ae_processes_t *ps, uint32_t slot);
static uint64_t process_waiting(ae_processes_t *ps);
static void process_die(ae_processes_t *ps, int records, int torn);
static void process_live(ae_processes_t *ps);
static void process_op_adopt(void *ctx);
static void process_op_claim(void *ctx);
static void process_op_alive(void *ctx);
static void process_op_release(void *ctx);
static long process_sweep(step_pt op, ae_processes_t *ps);


static ae_processes_t *
process_new(uint32_t slots)
{
    ae_processes_t  *ps;

    ps = ae_processes_init(step_memory(ae_processes_size(slots, RING_SIZE)),
                           slots, RING_SIZE);
    assert_non_null(ps);

    return ps;
}


static void
process_put(ae_processes_t *ps, uint32_t slot, int c)
{
    void       *p;
    ae_ring_t  *ring;

    ring = ae_process_ring(ps, slot);

    p = ae_ring_reserve(ring, 20);

    if (p == NULL) {
        ae_ring_drop(ring, AE_DROP_RING_FULL);
        return;
    }

    memset(p, c, 20);
    ae_ring_commit(ring);
}


static uint64_t
process_drain(ae_processes_t *ps, uint32_t slot)
{
    uint64_t    n, number;
    ae_str_t    rec;
    ae_ring_t  *ring;

    ring = ae_process_ring(ps, slot);

    for (n = 0; ae_ring_peek(ring, &rec, &number) == AE_OK; n++) {
        ae_ring_release(ring);
    }

    return n;
}


static uint64_t
process_waiting(ae_processes_t *ps)
{
    uint32_t        i;
    uint64_t        dropped;
    ae_ring_stat_t  st;

    memset(&st, 0, sizeof(st));
    ae_processes_stat(ps, &st);

    dropped = 0;

    for (i = 0; i < AE_DROP_MAX; i++) {
        dropped += st.dropped[i];
    }

    assert_int_equal(st.raised, dropped + st.waiting + st.routed);

    return st.waiting;
}


/* a process that is killed with so many records in its ring */

static void
process_die(ae_processes_t *ps, int records, int torn)
{
    int       status;
    pid_t     pid;
    uint32_t  slot;

    pid = fork();

    if (pid == 0) {
        if (ae_process_claim(ps, &slot) != AE_OK) {
            _exit(1);
        }

        while (records-- > 0) {
            process_put(ps, slot, 'd');
        }

        if (torn) {
            (void) ae_ring_reserve(ae_process_ring(ps, slot), 30);
        }

        (void) kill(getpid(), SIGKILL);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}


static void
test_init(void **state)
{
    size_t  size;
    void   *p;

    (void) state;

    size = ae_processes_size(SLOTS, RING_SIZE);
    assert_true(size > SLOTS * RING_SIZE);

    p = aligned_alloc(64, size);
    memset(p, 0, size);

    assert_null(ae_processes_init(p, SLOTS, 1000));
    memset(p, 0, size);
    assert_non_null(ae_processes_init(p, SLOTS, RING_SIZE));
    assert_int_equal(ae_processes_count(p), SLOTS);

    free(p);
}


static void
test_claim(void **state)
{
    uint32_t         i, slot, seen;
    ae_processes_t  *ps;

    (void) state;

    seen = 0;
    ps = process_new(SLOTS);

    for (i = 0; i < SLOTS; i++) {
        assert_int_equal(ae_processes_alive(ps), i);
        assert_int_equal(ae_process_claim(ps, &slot), AE_OK);
        seen |= 1 << slot;
    }

    assert_int_equal(seen, (1 << SLOTS) - 1);
    assert_int_equal(ae_processes_alive(ps), SLOTS);

    assert_int_equal(ae_process_claim(ps, &slot), AE_FULL);
    assert_int_equal(ae_process_adopt(ps, &slot), AE_AGAIN);

    ae_process_release(ps, 2);
    assert_int_equal(ae_processes_alive(ps), SLOTS - 1);
    assert_int_equal(ae_process_adopt(ps, &slot), AE_AGAIN);
    assert_int_equal(ae_process_claim(ps, &slot), AE_OK);
    assert_int_equal(slot, 2);
}


static void
test_adopt_dead(void **state)
{
    uint32_t         own, slot;
    ae_ring_stat_t   st;
    ae_processes_t  *ps;

    (void) state;

    ps = process_new(SLOTS);

    assert_int_equal(ae_process_claim(ps, &own), AE_OK);

    process_die(ps, 3, 1);
    process_die(ps, 0, 0);

    assert_int_equal(process_waiting(ps), 3);

    assert_int_equal(ae_process_adopt(ps, &slot), AE_OK);
    assert_int_equal(process_drain(ps, slot), 3);

    memset(&st, 0, sizeof(st));
    ae_ring_stat(ae_process_ring(ps, slot), &st);
    assert_int_equal(st.dropped[AE_DROP_TORN], 1);
    assert_int_equal(st.raised, 4);

    assert_int_equal(ae_processes_alive(ps), 2);
    ae_process_release(ps, slot);

    assert_int_equal(ae_process_adopt(ps, &slot), AE_OK);
    assert_int_equal(process_drain(ps, slot), 0);
    ae_process_release(ps, slot);

    assert_int_equal(ae_process_adopt(ps, &slot), AE_AGAIN);
    assert_int_equal(ae_processes_alive(ps), 1);
}


static void
test_counting_forgets_no_death(void **state)
{
    uint32_t         slot;
    ae_processes_t  *ps;

    (void) state;

    ps = process_new(SLOTS);

    process_die(ps, 1, 1);

    assert_int_equal(ae_processes_alive(ps), 0);
    assert_int_equal(ae_processes_alive(ps), 0);

    assert_int_equal(ae_process_adopt(ps, &slot), AE_OK);
    assert_int_equal(process_drain(ps, slot), 1);
    process_waiting(ps);
}


static void
test_given_back_with_records(void **state)
{
    uint32_t         slot, other;
    ae_processes_t  *ps;

    (void) state;

    ps = process_new(SLOTS);

    assert_int_equal(ae_process_claim(ps, &slot), AE_OK);
    process_put(ps, slot, 'a');
    ae_process_release(ps, slot);

    assert_int_equal(ae_processes_alive(ps), 0);
    assert_int_equal(process_waiting(ps), 1);

    /* who needs a slot prefers an empty one */

    assert_int_equal(ae_process_claim(ps, &other), AE_OK);
    assert_int_not_equal(other, slot);

    assert_int_equal(ae_process_adopt(ps, &other), AE_OK);
    assert_int_equal(other, slot);
    assert_int_equal(process_drain(ps, slot), 1);
}


static void
test_claim_takes_a_dead_one(void **state)
{
    uint32_t         i, slot;
    ae_processes_t  *ps;

    (void) state;

    ps = process_new(2);

    for (i = 0; i < 2; i++) {
        process_die(ps, 2, 1);
    }

    process_die(ps, 2, 1);

    assert_int_equal(ae_process_claim(ps, &slot), AE_OK);
    assert_int_equal(ae_process_claim(ps, &slot), AE_OK);
    assert_int_equal(ae_process_claim(ps, &slot), AE_FULL);

    assert_int_equal(process_waiting(ps), 6);
    assert_int_equal(process_drain(ps, 0) + process_drain(ps, 1), 6);
}


static void
test_one_adopter(void **state)
{
    int              i, k, status, got;
    pid_t            pid[4];
    uint32_t         slot;
    ae_processes_t  *ps;
    process_test_t  *t;

    (void) state;

    ps = process_new(SLOTS);
    t = step_memory(sizeof(process_test_t));

    for (i = 0; i < 30; i++) {
        process_die(ps, 1, 0);
        t->go = 0;
        t->got = 0;

        for (k = 0; k < 4; k++) {
            pid[k] = fork();

            if (pid[k] == 0) {
                while (!__atomic_load_n(&t->go, __ATOMIC_ACQUIRE)) {
                    /* void */
                }

                if (ae_process_adopt(ps, &slot) == AE_OK) {
                    (void) __atomic_fetch_add(&t->got, 1, __ATOMIC_SEQ_CST);

                    while (__atomic_load_n(&t->go, __ATOMIC_ACQUIRE) == 1) {
                        (void) usleep(100);
                    }

                    (void) process_drain(ps, slot);
                    ae_process_release(ps, slot);
                }

                _exit(0);
            }
        }

        __atomic_store_n(&t->go, 1, __ATOMIC_RELEASE);
        (void) usleep(3000);
        got = t->got;
        __atomic_store_n(&t->go, 2, __ATOMIC_RELEASE);

        for (k = 0; k < 4; k++) {
            (void) waitpid(pid[k], &status, 0);
        }

        assert_true(got <= 1);
        assert_int_equal(t->got, 1);
        assert_int_equal(process_waiting(ps), 0);
    }
}


/* claims, produces, consumes, adopts, gives back, until it is killed */

static void
process_live(ae_processes_t *ps)
{
    uint32_t  own, slot;

    for ( ;; ) {
        if (ae_process_claim(ps, &own) != AE_OK) {
            continue;
        }

        process_put(ps, own, 'a');
        process_put(ps, own, 'b');

        if (ae_process_adopt(ps, &slot) == AE_OK) {
            (void) process_drain(ps, slot);
            ae_process_release(ps, slot);
        }

        (void) ae_processes_alive(ps);

        if (getpid() % 2) {
            (void) process_drain(ps, own);
        }

        ae_process_release(ps, own);
    }
}


static void
test_killed_owners(void **state)
{
    int              i, k, status;
    long             lives;
    pid_t            pid[SLOTS];
    uint32_t         slot;
    ae_processes_t  *ps;

    (void) state;

    ps = process_new(2 * SLOTS);
    lives = ae_steps(40);

    for (i = 0; i < lives; i++) {
        for (k = 0; k < SLOTS; k++) {
            pid[k] = fork();

            if (pid[k] == 0) {
                process_live(ps);
            }
        }

        (void) usleep(1000 + i * 7919 % 10000);

        for (k = 0; k < SLOTS; k++) {
            (void) process_waiting(ps);
            (void) kill(pid[k], SIGKILL);
            (void) waitpid(pid[k], &status, 0);
        }

        while (ae_process_adopt(ps, &slot) == AE_OK) {
            (void) process_drain(ps, slot);
            ae_process_release(ps, slot);
        }

        assert_int_equal(ae_processes_alive(ps), 0);
        assert_int_equal(process_waiting(ps), 0);
    }

    for (k = 0; k < 2 * SLOTS; k++) {
        assert_int_equal(ae_process_claim(ps, &slot), AE_OK);
    }

    assert_int_equal(ae_process_claim(ps, &slot), AE_FULL);
}


static void
process_op_adopt(void *ctx)
{
    uint32_t  slot;

    (void) ae_process_adopt(ctx, &slot);
}


static void
process_op_claim(void *ctx)
{
    uint32_t  slot;

    (void) ae_process_claim(ctx, &slot);
}


static void
process_op_alive(void *ctx)
{
    (void) ae_processes_alive(ctx);
}


static void
process_op_release(void *ctx)
{
    uint32_t  slot;

    (void) ae_process_adopt(ctx, &slot);
    ae_process_release(ctx, slot);
}


/*
 * Kills op at every few of its instructions, other ones each time.  There is
 * one slot, with a record and a torn one, and nobody alive.
 */

static long
process_sweep(step_pt op, ae_processes_t *ps)
{
    long      n;
    uint32_t  slot;

    for (n = 0; step_kill_at(op, ps, n); n += 1 + ae_random() % 6) {

        assert_int_equal(ae_processes_alive(ps), 0);
        assert_int_equal(process_waiting(ps), 1);

        assert_int_equal(ae_process_adopt(ps, &slot), AE_OK);
        assert_int_equal(slot, 0);
        assert_int_equal(ae_processes_alive(ps), 1);
        ae_process_release(ps, slot);
    }

    return n;
}


static void
test_every_instruction(void **state)
{
    pid_t            pid;
    ae_ring_stat_t   st;
    ae_processes_t  *ps;

    (void) state;

    ae_random_seed();
    ps = process_new(1);

    pid = step_start(process_op_alive, ps);

    if (pid == -1) {
        skip();
    }

    step_kill(pid);

    process_die(ps, 1, 1);

    print_message("adopt: %ld instructions\n",
                  process_sweep(process_op_adopt, ps));
    print_message("claim: %ld instructions\n",
                  process_sweep(process_op_claim, ps));
    print_message("alive: %ld instructions\n",
                  process_sweep(process_op_alive, ps));
    print_message("release: %ld instructions\n",
                  process_sweep(process_op_release, ps));

    memset(&st, 0, sizeof(st));
    ae_processes_stat(ps, &st);
    assert_int_equal(st.dropped[AE_DROP_TORN], 1);
    assert_int_equal(st.raised, 2);
}


/* whoever dies while it claims an empty slot leaves it to others */

static void
test_claim_killed(void **state)
{
    long             n;
    pid_t            pid;
    uint32_t         slot;
    ae_processes_t  *ps;

    (void) state;

    ps = process_new(1);

    pid = step_start(process_op_alive, ps);

    if (pid == -1) {
        skip();
    }

    step_kill(pid);

    for (n = 1; step_kill_at(process_op_claim, ps, n); n += 3) {

        if (n % 2 && ae_process_adopt(ps, &slot) == AE_OK) {
            ae_process_release(ps, slot);
        }

        assert_int_equal(ae_process_claim(ps, &slot), AE_OK);
        assert_int_equal(ae_processes_alive(ps), 1);
        ae_process_release(ps, slot);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_claim),
        cmocka_unit_test(test_adopt_dead),
        cmocka_unit_test(test_counting_forgets_no_death),
        cmocka_unit_test(test_given_back_with_records),
        cmocka_unit_test(test_claim_takes_a_dead_one),
        cmocka_unit_test(test_one_adopter),
        cmocka_unit_test(test_killed_owners),
        cmocka_unit_test(test_every_instruction),
        cmocka_unit_test(test_claim_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
