/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Instances that count beside and after one another, against what was counted
 * in all.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "db_help.h"
#include "random.h"


#define COUNTER_IDS          5
#define COUNTER_ALIVE        3              /* instances at the same time */
#define COUNTER_PAGE         2


/* what an instance has in its memory */

typedef struct {
    int64_t                  id;
    uint64_t                 count[COUNTER_IDS];
} counter_memory_t;


static ae_db_t  *db;


/* with instances 1 to 4 */

static int
setup(void **state)
{
    int64_t  i, id;

    if (db_setup(state) != 0) {
        return -1;
    }

    db = db_open();

    for (i = 1; i <= 4; i++) {
        assert_int_equal(ae_db_instance(db, db_id(i), 0, 0, &id), AE_OK);
        assert_int_equal(id, i);
    }

    return 0;
}


static int
teardown(void **state)
{
    ae_db_close(db);

    return db_teardown(state);
}


static void
put(int64_t instance, uint64_t id, uint64_t start, uint64_t count)
{
    ae_limit_record_t  r;

    r = db_counter(id, start, count);
    assert_int_equal(ae_db_counter_put(db, instance, &r), AE_OK);
}


/* of one counter: what is given of it */

static uint64_t
take(int64_t from, int64_t instance, int rest)
{
    size_t             n;
    ae_id_t            after;
    ae_limit_record_t  r;

    n = 1;
    after = (ae_id_t) { { 0, 0 } };

    assert_int_equal(rest ? ae_db_counter_rest(db, from, instance, &after,
                                               &r, &n)
                          : ae_db_counter_inherit(db, from, instance, &after,
                                                  &r, &n), AE_OK);

    return n ? r.count : 0;
}


static uint64_t
kept(int64_t instance)
{
    char  sql[128];

    snprintf(sql, sizeof(sql), "SELECT sum(count) FROM counter"
             " WHERE instance = %d", (int) instance);

    return (uint64_t) db_number(db_path("db"), sql);
}


static void
test_record(void **state)
{
    size_t             n;
    ae_id_t            after;
    ae_limit_record_t  r, list[2];

    (void) state;

    r = db_counter(3, DB_NOW, 7);
    assert_int_equal(ae_db_counter_put(db, 1, &r), AE_OK);

    after = (ae_id_t) { { 0, 0 } };
    n = 2;
    assert_int_equal(ae_db_counter_inherit(db, 1, 2, &after, list, &n),
                     AE_OK);
    assert_int_equal(n, 1);
    assert_memory_equal(&list[0], &r, sizeof(ae_limit_record_t));

    n = 2;
    assert_int_equal(ae_db_counter_inherit(db, 1, 2, &after, list, &n),
                     AE_OK);
    assert_int_equal(n, 0);
}


/* after a stop or a power loss */

static void
test_rest_alone(void **state)
{
    (void) state;

    put(1, 1, DB_NOW, 100);

    assert_int_equal(take(1, 2, 1), 100);
    assert_int_equal(take(1, 2, 1), 0);
    assert_int_equal(kept(1), 0);
    assert_int_equal(kept(2), 100);
    assert_int_equal(db_number(db_path("db"),
                               "SELECT count(*) FROM inherited"), 0);
}


/* a binary upgrade: both count for a while */

static void
test_overlap(void **state)
{
    (void) state;

    put(1, 1, DB_NOW, 100);
    assert_int_equal(take(1, 2, 0), 100);
    assert_int_equal(kept(2), 100);

    put(2, 1, DB_NOW, 107);
    put(1, 1, DB_NOW, 120);
    assert_int_equal(take(1, 2, 1), 20);
    assert_int_equal(kept(2), 127);
}


/* one that is given up: the old instance goes on */

static void
test_overlap_back(void **state)
{
    (void) state;

    put(1, 1, DB_NOW, 100);
    assert_int_equal(take(1, 2, 0), 100);
    put(2, 1, DB_NOW, 107);
    put(1, 1, DB_NOW, 120);

    assert_int_equal(take(2, 1, 1), 7);
    assert_int_equal(kept(1), 127);
}


/* the machine goes down before the new one has written anything */

static void
test_heir_dies(void **state)
{
    (void) state;

    put(1, 1, DB_NOW, 100);
    assert_int_equal(take(1, 2, 0), 100);
    put(1, 1, DB_NOW, 120);

    assert_int_equal(take(2, 3, 1), 100);
    assert_int_equal(take(1, 3, 1), 20);
    assert_int_equal(kept(3), 120);

    /* or the other one comes first */

    put(1, 1, DB_NOW, 100);
    assert_int_equal(take(1, 2, 0), 100);
    put(1, 1, DB_NOW, 120);

    assert_int_equal(take(1, 4, 1), 120);
    assert_int_equal(take(2, 4, 1), 0);
    assert_int_equal(kept(4), 120);
}


/* what was known of a period that is over is no matter */

static void
test_periods(void **state)
{
    (void) state;

    put(1, 1, DB_NOW, 100);
    assert_int_equal(take(1, 2, 0), 100);

    put(1, 1, DB_NOW + DB_DAY, 30);
    assert_int_equal(take(1, 2, 1), 30);
    assert_int_equal(kept(2), 30);

    put(3, 1, DB_NOW + DB_DAY, 5);
    assert_int_equal(take(2, 3, 1), 30);
    assert_int_equal(kept(3), 35);
}


/* some was given back: nobody gets it twice, nor less than nothing */

static void
test_refund(void **state)
{
    (void) state;

    put(1, 1, DB_NOW, 100);
    assert_int_equal(take(1, 2, 0), 100);
    put(1, 1, DB_NOW, 90);
    assert_int_equal(take(1, 2, 1), 0);
    assert_int_equal(kept(2), 100);

    put(2, 1, DB_NOW, 60);
    assert_int_equal(take(2, 3, 1), 60);
}


static void
test_marks(void **state)
{
    size_t             n;
    ae_id_t            after;
    ae_limit_record_t  r;

    (void) state;

    put(2, 1, DB_NOW, 1);

    r = db_counter(1, DB_NOW, 1);
    r.mark = 900000;
    assert_int_equal(ae_db_counter_put(db, 1, &r), AE_OK);

    n = 1;
    after = (ae_id_t) { { 0, 0 } };
    assert_int_equal(ae_db_counter_rest(db, 1, 2, &after, &r, &n), AE_OK);
    assert_int_equal(r.mark, 900000);
    assert_int_equal(db_number(db_path("db"), "SELECT mark FROM counter"),
                     900000);
}


static void
test_expire(void **state)
{
    uint64_t           i;
    ae_limit_record_t  r;

    (void) state;

    for (i = 0; i < 10; i++) {
        put(1 + i % 2, i, DB_NOW + i * DB_DAY, 1);
    }

    r = db_counter(20, DB_NOW, 1);
    r.period = 0;
    assert_int_equal(ae_db_counter_put(db, 1, &r), AE_OK);

    for (i = 0; ae_db_counter_expire(db, DB_NOW + 5 * DB_DAY, 4) == AE_AGAIN;
         i++)
    {
        /* void */
    }

    assert_int_equal(i, 2);
    assert_int_equal(db_number(db_path("db"), "SELECT count(*) FROM counter"),
                     6);
    assert_int_equal(db_number(db_path("db"), "SELECT min(start) FROM counter"
                               " WHERE period <> 0"), DB_NOW + 5 * DB_DAY);
}


static void
test_expire_inherited(void **state)
{
    (void) state;

    put(1, 1, DB_NOW, 100);
    assert_int_equal(take(1, 2, 0), 100);

    assert_int_equal(ae_db_counter_expire(db, DB_NOW, 10), AE_OK);
    assert_int_equal(db_number(db_path("db"),
                               "SELECT count(*) FROM inherited"), 1);

    put(2, 1, DB_NOW + DB_DAY, 1);
    assert_int_equal(ae_db_counter_expire(db, DB_NOW, 10), AE_OK);
    assert_int_equal(db_number(db_path("db"),
                               "SELECT count(*) FROM inherited"), 0);
}


static void
test_damaged(void **state)
{
    (void) state;

    put(1, 1, DB_NOW, 100);
    put(1, 2, DB_NOW, 50);
    put(1, 3, DB_NOW, 25);
    db_exec(db_path("db"), "UPDATE counter SET mode = -1 WHERE count = 100;"
            "UPDATE counter SET id = 'odd' WHERE count = 50");

    assert_int_equal(take(1, 2, 1), 25);
    assert_int_equal(ae_db_counter_expire(db, DB_NOW, 10), AE_OK);
    assert_int_equal(kept(1), 0);
}


/* ---- any order ---- */

static void
model_add(counter_memory_t *m, int64_t from, int rest)
{
    int                rc;
    size_t             i, n;
    ae_id_t            after;
    ae_limit_record_t  list[COUNTER_PAGE];

    after = (ae_id_t) { { 0, 0 } };

    for ( ;; ) {
        n = COUNTER_PAGE;
        rc = rest ? ae_db_counter_rest(db, from, m->id, &after, list, &n)
                  : ae_db_counter_inherit(db, from, m->id, &after, list, &n);
        assert_int_equal(rc, AE_OK);

        if (n == 0) {
            return;
        }

        for (i = 0; i < n; i++) {
            m->count[list[i].id.h[0]] += list[i].count;
        }
    }
}


static void
model_put(const counter_memory_t *m)
{
    uint64_t  id;

    for (id = 0; id < COUNTER_IDS; id++) {
        put(m->id, id, DB_NOW, m->count[id]);
    }
}


static void
model_new(counter_memory_t *m, uint64_t zone)
{
    memset(m, 0, sizeof(counter_memory_t));
    assert_int_equal(ae_db_instance(db, db_id(zone), 0, 0, &m->id), AE_OK);
}


/* one dies, somebody takes its rest, and a new one may begin with that of
 * another one */

static void
model_replace(counter_memory_t *m, uint64_t zone)
{
    size_t   i, heir;
    int64_t  dead;

    i = ae_random() % COUNTER_ALIVE;
    heir = (i + 1 + ae_random() % (COUNTER_ALIVE - 1)) % COUNTER_ALIVE;
    dead = m[i].id;

    model_put(&m[i]);
    model_put(&m[heir]);
    model_add(&m[heir], dead, 1);
    assert_int_equal(ae_db_instance_drop(db, dead), AE_OK);

    model_new(&m[i], zone);
}


static void
test_any_order(void **state)
{
    long              step, steps;
    size_t            i, j;
    uint64_t          id, total[COUNTER_IDS];
    counter_memory_t  m[COUNTER_ALIVE];

    (void) state;

    ae_random_seed();
    memset(total, 0, sizeof(total));
    steps = ae_steps(3000);

    assert_int_equal(ae_db_begin(db), AE_OK);

    for (i = 0; i < COUNTER_ALIVE; i++) {
        model_new(&m[i], i + 10);
    }

    for (step = 0; step < steps; step++) {
        i = ae_random() % COUNTER_ALIVE;
        j = (i + 1 + ae_random() % (COUNTER_ALIVE - 1)) % COUNTER_ALIVE;

        switch (ae_random() % 8) {

        case 0:
            model_put(&m[i]);
            break;

        case 1:
            model_put(&m[i]);
            model_put(&m[j]);
            model_add(&m[i], m[j].id, 0);
            break;

        case 2:
            model_replace(m, 100 + (uint64_t) step);
            break;

        default:
            id = ae_random() % COUNTER_IDS;
            m[i].count[id]++;
            total[id]++;
        }
    }

    /* all into one: nothing is lost, nothing is there twice */

    for (i = 0; i < COUNTER_ALIVE; i++) {
        model_put(&m[i]);
    }

    for (i = 1; i < COUNTER_ALIVE; i++) {
        model_add(&m[0], m[i].id, 1);
        assert_int_equal(ae_db_instance_drop(db, m[i].id), AE_OK);
    }

    assert_memory_equal(m[0].count, total, sizeof(total));
    assert_int_equal(ae_db_commit(db), AE_OK);
    assert_int_equal(db_number(db_path("db"),
                               "SELECT count(*) FROM inherited"), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rest_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overlap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overlap_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heir_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_periods, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refund, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expire_inherited, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_order, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
