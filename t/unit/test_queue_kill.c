/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Workers that raise, route and deliver events, adopt what dead ones left, and
 * are killed at random moments, while somebody looks at the numbers.
 */


#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/ae_queue.h"
#include "queue_check.h"
#include "random.h"
#include "step.h"


#define KILL_QUEUE           (2 * 1024 * 1024)
#define KILL_RING            (32 * 1024)
#define KILL_SLOTS           8
#define KILL_WORKERS         3
#define KILL_KILLS           800
#define KILL_EVENTS          8000           /* at most, a kill */

/* what is routed to all three */
#define KILL_PLAIN           0              /* everything is delivered */
#define KILL_COOL            1              /* cooldowns, deaths, retries */
#define KILL_SMALL           2              /* is full most of the time */
#define KILL_ENDPOINTS       3

#define KILL_ROWS            100            /* saved at a time */
#define KILL_OLD             20000          /* rows of an earlier run */


typedef struct {
    uint64_t                 id;
    uint32_t                 len;
    unsigned char            data[1020];
} kill_event_t;


typedef struct {
    uint64_t                 next_id;
    uint64_t                 samples;
} kill_log_t;


static void kill_now(ae_now_t *now);
static void kill_raise(uint32_t slot);
static void kill_pump(uint32_t slot);
static void kill_deliver(uint32_t ep, uint32_t slot);
static void kill_finish(ae_lease_t *lease, ae_outcome_e outcome,
    const ae_now_t *now);
static void kill_report(uint32_t ep, ae_outcome_e outcome,
    const ae_now_t *now);
static int kill_adopt(void);
static void kill_worker(void);
static void kill_restore(uint64_t uid);
static unsigned char *kill_row(uint64_t uid);
static void kill_keep(void);
static void kill_keeper(void);
static void kill_check_store(int drained);
static void kill_sampler(void);
static void kill_drain(void);
static void kill_setup(long kills);
static void kill_drain_store(void);
static pid_t kill_start(void (*work)(void));
static void kill_end(pid_t pid);


static ae_queue_t        *q;
static ae_processes_t    *ps;
static kill_log_t        *log;
static uint64_t           max_id, first_uid;
static unsigned char     *raised, *arrived, *stored, *old;


/* a fast clock, so that cooldowns and retries are over soon */

static void
kill_now(ae_now_t *now)
{
    ae_now(now);
    now->mono *= 100;
}


static void
kill_raise(uint32_t slot)
{
    uint64_t       id;
    uint32_t       len;
    ae_ring_t     *ring;
    kill_event_t  *e;

    if (log->next_id >= max_id) {
        return;
    }

    ring = ae_process_ring(ps, slot);
    len = ae_random() % (ae_random() % 16 ? 300 : 1000);

    e = ae_ring_reserve(ring, offsetof(kill_event_t, data) + len);

    if (e == NULL) {
        ae_ring_drop(ring, AE_DROP_RING_FULL);
        return;
    }

    id = __atomic_fetch_add(&log->next_id, 1, __ATOMIC_RELAXED);

    e->id = id;
    e->len = len;
    memset(e->data, (int) id, len);

    ae_ring_commit(ring);

    raised[id] = 1;
}


static void
kill_pump(uint32_t slot)
{
    int                 rc;
    uint32_t            i;
    uint64_t            number;
    ae_now_t            now;
    ae_str_t            record;
    ae_ring_t          *ring;
    ae_queue_target_t   target[KILL_ENDPOINTS];

    ring = ae_process_ring(ps, slot);

    while (ae_ring_peek(ring, &record, &number) == AE_OK) {
        memset(target, 0, sizeof(target));

        for (i = 0; i < KILL_ENDPOINTS; i++) {
            target[i].endpoint = i;
        }

        target[KILL_COOL].cooldown = (ae_id_t) { { record.len % 7, 1 } };
        target[KILL_COOL].period = 10000000;

        kill_now(&now);
        rc = ae_queue_route(q, slot, number, record, target, KILL_ENDPOINTS,
                            &now);

        if (rc == AE_FULL) {
            return;
        }

        queue_expect(rc == AE_OK || rc == AE_DECLINED);
        ae_ring_release(ring);
    }
}


static void
kill_deliver(uint32_t ep, uint32_t slot)
{
    uint32_t       i;
    ae_now_t       now;
    ae_lease_t     lease;
    ae_outcome_e   outcome;
    kill_event_t   e;

    kill_now(&now);

    if (ae_queue_ready(q, ep) == 0
        || ae_queue_take(q, ep, slot, &now, &lease) != AE_OK)
    {
        return;
    }

    queue_expect(lease.len <= sizeof(kill_event_t));
    queue_expect(ae_queue_read(q, &lease, (unsigned char *) &e) == AE_OK);
    queue_expect(lease.len == offsetof(kill_event_t, data) + e.len);

    for (i = 0; i < e.len; i++) {
        queue_expect(e.data[i] == (unsigned char) e.id);
    }

    if (ep == KILL_PLAIN) {
        arrived[e.id] = 1;
        kill_finish(&lease, AE_DELIVERED, &now);
        return;
    }

    ae_queue_in_script(q, &lease, 1);

    if (ae_random() % 16 == 0) {
        sched_yield();
    }

    outcome = ae_random() % 4 ? AE_DELIVERED
              : lease.attempt > 3 ? AE_DEAD : AE_RETRY;

    kill_finish(&lease, outcome, &now);
    kill_report(ep, outcome, &now);
}


static void
kill_report(uint32_t ep, ae_outcome_e outcome, const ae_now_t *now)
{
    static const ae_attempt_e  failed[] = {
        AE_ATTEMPT_FAILED, AE_ATTEMPT_SLOW, AE_ATTEMPT_DISABLE,
        AE_ATTEMPT_DEAD
    };

    (void) ae_queue_health(q, ep, outcome == AE_DELIVERED
                                  ? AE_ATTEMPT_OK : failed[ae_random() % 4],
                           now);

    if (ae_random() % 16 == 0) {
        (void) ae_queue_disable(q, ep, AE_ENABLED, 0);
    }
}


static void
kill_finish(ae_lease_t *lease, ae_outcome_e outcome, const ae_now_t *now)
{
    uint64_t  due;

    due = now->mono + ae_random() % 2 * 5000000;

    /* nobody else may have it while its owner lives */

    queue_expect(ae_queue_done(q, lease, outcome, due, now) == AE_OK);
}


static int
kill_adopt(void)
{
    uint32_t        slot;
    ae_ring_stat_t  st;

    if (ae_process_adopt(ps, &slot) != AE_OK) {
        return 0;
    }

    (void) ae_queue_adopt(q, slot);

    do {
        kill_pump(slot);

        memset(&st, 0, sizeof(st));
        ae_ring_stat(ae_process_ring(ps, slot), &st);

        if (st.waiting) {
            kill_deliver(ae_random() % KILL_ENDPOINTS, slot);
        }

    } while (st.waiting);

    ae_process_release(ps, slot);

    return 1;
}


static void
kill_worker(void)
{
    uint32_t  i, slot;
    ae_now_t  now;

    if (ae_process_claim(ps, &slot) != AE_OK) {
        _exit(1);
    }

    (void) ae_queue_adopt(q, slot);

    for ( ;; ) {
        for (i = ae_random() % 8; i > 0; i--) {
            kill_raise(slot);
        }

        kill_pump(slot);

        for (i = 0; i < 16; i++) {
            kill_deliver(i % KILL_ENDPOINTS, slot);
        }

        if (ae_random() % 8 == 0) {
            kill_now(&now);
            (void) ae_queue_tick(q, &now);
            (void) kill_adopt();
        }
    }
}


/* by its uid: of this run, or of the one before */

static unsigned char *
kill_row(uint64_t uid)
{
    return (uid <= KILL_OLD) ? &old[uid - 1] : &stored[uid - first_uid];
}


/* what is here already is declined, however often it is tried */

static void
kill_restore(uint64_t uid)
{
    int              rc;
    ae_now_t         now;
    ae_str_t         record;
    kill_event_t     e;
    ae_outbox_row_t  row;

    kill_now(&now);
    memset(&row, 0, sizeof(row));

    e.id = uid - 1;
    e.len = uid % 1000;
    memset(e.data, (int) e.id, e.len);
    record = (ae_str_t) { offsetof(kill_event_t, data) + e.len,
                          (unsigned char *) &e };

    row.uid = uid;
    row.endpoint = (ae_id_t) { { KILL_PLAIN, 1 } };
    row.due = now.wall + uid % 1000000;

    rc = ae_queue_restore(q, &row, record, &now);
    queue_expect(rc == AE_OK || rc == AE_DECLINED || rc == AE_FULL);
}


/* a store of one byte a delivery, that sometimes fails, but not always */

static void
kill_keep(void)
{
    int              ok;
    size_t           i, n;
    uint32_t         nodes[KILL_ROWS];
    uint64_t         uid, uids[KILL_ROWS];
    ae_now_t         now;
    kill_event_t     e;
    ae_outbox_row_t  rows[KILL_ROWS];

    kill_now(&now);

    ok = ae_random() % 8 != 0;
    n = ae_queue_save(q, rows, ae_random() % KILL_ROWS + 1, UINT64_MAX, &now);

    for (i = 0; i < n; i++) {
        queue_expect(rows[i].len <= sizeof(kill_event_t));

        if (ae_queue_save_read(q, &rows[i], (unsigned char *) &e) == AE_OK) {
            queue_expect(rows[i].len == offsetof(kill_event_t, data) + e.len);
        }

        if (ok || ae_random() % 2) {
            *kill_row(rows[i].uid) = 1;
        }
    }

    ae_queue_saved(q, rows, n, ok);

    n = ae_queue_gone(q, uids, nodes, ae_random() % KILL_ROWS + 1);

    for (i = 0; i < n; i++) {
        *kill_row(uids[i]) = 0;
    }

    ae_queue_forget(q, uids, nodes, n);

    for (i = 0; i < KILL_ROWS; i++) {
        uid = ae_random() % KILL_OLD + 1;

        if (old[uid - 1]) {
            kill_restore(uid);
        }
    }
}


static void
kill_keeper(void)
{
    ae_queue_keeper(q, 1);

    for ( ;; ) {
        kill_keep();

        if (ae_random() % 8 == 0) {
            (void) usleep(ae_random() % 500);
        }
    }
}


/* what is kept has a row, and what has a row is known */

static void
kill_check_store(int drained)
{
    uint32_t           i;
    uint64_t           uid, rows, known;
    ae_outbox_stat_t   st;
    const ae_node_t   *node;

    ae_queue_outbox_stat(q, &st);
    queue_check(q);

    rows = 0;
    known = 0;

    for (uid = first_uid; uid <= q->uid; uid++) {
        rows += stored[uid - first_uid];
    }

    for (i = 0; i < q->nodes; i++) {
        node = ae_queue_node(q, i);

        if (node->store == AE_OUTBOX_NONE) {
            continue;
        }

        known += node->uid > KILL_OLD && *kill_row(node->uid);

        queue_expect(node->store != AE_OUTBOX_KEPT || *kill_row(node->uid));
        queue_expect(node->store != AE_OUTBOX_NEW || !*kill_row(node->uid));
    }

    queue_expect(rows - known <= st.forgotten);
    queue_expect(!drained || known == 0);
}


/* the equations, at every moment */

static void
kill_sampler(void)
{
    uint32_t        i;
    uint64_t        dropped;
    ae_ring_stat_t  st;

    for ( ;; ) {
        for (i = 0; i < KILL_ENDPOINTS; i++) {
            queue_check_stat(q, i);
        }

        queue_check_stat(q, AE_NO_ENDPOINT);

        memset(&st, 0, sizeof(st));
        ae_processes_stat(ps, &st);

        dropped = 0;

        for (i = 0; i < AE_DROP_MAX; i++) {
            dropped += st.dropped[i];
        }

        queue_expect(st.raised == dropped + st.waiting + st.routed);

        log->samples++;
        (void) usleep(50);
    }
}


static pid_t
kill_start(void (*work)(void))
{
    pid_t  pid;

    /* each life is another one */
    (void) ae_random();

    pid = fork();

    if (pid == 0) {
        work();
    }

    return pid;
}


static void
kill_end(pid_t pid)
{
    int  status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    /* an expectation that failed would be SIGABRT */

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}


static void
kill_drain(void)
{
    uint32_t         i, slot;
    ae_now_t         now;
    ae_queue_stat_t  st;

    while (kill_adopt()) { /* void */ }

    assert_int_equal(ae_process_claim(ps, &slot), AE_OK);
    (void) ae_queue_adopt(q, slot);

    do {
        kill_pump(slot);

        for (i = 0; i < KILL_ENDPOINTS; i++) {
            kill_deliver(i, slot);
        }

        kill_now(&now);
        (void) ae_queue_tick(q, &now);
        ae_queue_stat(q, AE_NO_ENDPOINT, &st);

    } while (st.pending != 0);

    assert_int_equal(ae_processes_alive(ps), 1);
    ae_process_release(ps, slot);
}


static void
kill_drain_store(void)
{
    ae_outbox_stat_t  outbox;

    ae_queue_keeper(q, 1);

    /* the rows of the run before are restored, delivered and deleted */

    do {
        kill_drain();
        kill_keep();
        ae_queue_outbox_stat(q, &outbox);
    } while (outbox.gone != 0 || memchr(old, 1, KILL_OLD) != NULL);

    kill_drain();
    kill_keep();
    kill_check_store(1);
}


static void
kill_setup(long kills)
{
    uint32_t  i;

    /* workers may be ahead of the limit by a few */

    max_id = (uint64_t) kills * KILL_EVENTS;
    log = step_memory(sizeof(kill_log_t));
    raised = step_memory(max_id + 4096);
    arrived = step_memory(max_id + 4096);
    stored = step_memory((max_id + 4096) * KILL_ENDPOINTS);
    old = step_memory(KILL_OLD);

    memset(old, 1, KILL_OLD);
    memset(raised, 1, KILL_OLD);
    log->next_id = KILL_OLD;

    q = ae_queue_init(step_memory(KILL_QUEUE), KILL_QUEUE);
    first_uid = q->uid;
    ps = ae_processes_init(step_memory(ae_processes_size(KILL_SLOTS,
                                                         KILL_RING)),
                           KILL_SLOTS, KILL_RING);

    for (i = 0; i < KILL_ENDPOINTS; i++) {
        assert_int_equal(ae_queue_endpoint(q, (ae_id_t) { { i, 1 } }, 8,
                                           i == KILL_SMALL ? 2 : 1000000), i);
    }
}


static void
test_killed_workers(void **state)
{
    long              i, n, kills;
    pid_t             pid[KILL_WORKERS + 1], sampler;
    uint64_t          id, lost;
    ae_ring_stat_t    ring;
    ae_queue_stat_t   st;
    ae_outbox_stat_t  outbox;

    void  (*work[KILL_WORKERS + 1])(void) = {
        kill_worker, kill_worker, kill_worker, kill_keeper
    };

    (void) state;

    ae_random_seed();
    kills = ae_steps(KILL_KILLS);

    kill_setup(kills);

    sampler = fork();

    if (sampler == 0) {
        kill_sampler();
    }

    for (i = 0; i <= KILL_WORKERS; i++) {
        pid[i] = kill_start(work[i]);
    }

    for (i = 0; i < kills; i++) {
        (void) usleep(ae_random() % 3000);
        n = i % (KILL_WORKERS + 1);
        kill_end(pid[n]);
        pid[n] = kill_start(work[n]);
    }

    for (i = 0; i <= KILL_WORKERS; i++) {
        kill_end(pid[i]);
    }

    kill_end(sampler);
    kill_check_store(0);
    kill_drain_store();
    ae_queue_outbox_stat(q, &outbox);

    memset(&ring, 0, sizeof(ring));
    ae_processes_stat(ps, &ring);
    assert_int_equal(ring.waiting, 0);
    assert_int_equal(ring.dropped[AE_DROP_CORRUPT], 0);

    queue_check(q);

    for (i = 0; i < KILL_ENDPOINTS; i++) {
        ae_queue_stat(q, i, &st);
        assert_int_equal(st.pending, 0);

        /* those that were forgotten may have been restored once more */

        if (i == KILL_PLAIN) {
            assert_true(st.deliveries >= ring.routed + KILL_OLD);
            assert_true(st.deliveries
                        <= ring.routed + KILL_OLD + outbox.forgotten);

        } else {
            assert_int_equal(st.deliveries, ring.routed);
        }

        assert_int_equal(st.deliveries,
                         st.delivered + st.suppressed + st.dead);

        print_message("%lu events: %lu delivered, %lu suppressed, %lu dead\n",
                      st.deliveries, st.delivered, st.suppressed, st.dead);

        if (i == KILL_PLAIN) {
            assert_int_equal(st.delivered, st.deliveries);
        }
    }

    assert_int_equal(st.nodes_free, q->nodes);
    assert_int_equal(st.blocks_free, q->blocks);

    lost = 0;

    for (id = 0; id < log->next_id; id++) {
        lost += raised[id] && !arrived[id];
    }

    assert_int_equal(lost, 0);
    assert_true(log->samples > 10);

    print_message("%lu deliveries kept, %lu forgotten\n",
                  q->uid - first_uid, outbox.forgotten);
    print_message("%ld kills, %lu in the lock, %lu torn, %lu samples\n", kills,
                  st.recovered, ring.dropped[AE_DROP_TORN], log->samples);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_killed_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
