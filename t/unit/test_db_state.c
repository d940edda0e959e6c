/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "db_help.h"


static ae_db_t  *db;


static int
setup(void **state)
{
    if (db_setup(state) != 0) {
        return -1;
    }

    db = db_open();

    return 0;
}


static int
teardown(void **state)
{
    ae_db_close(db);

    return db_teardown(state);
}


static int64_t
instance(uint64_t zone, uint64_t wall)
{
    int64_t  id;

    assert_int_equal(ae_db_instance(db, db_id(zone), wall, 10, &id), AE_OK);

    return id;
}


/* ---- instances ---- */

static void
test_instance(void **state)
{
    int64_t  one, two, id;

    (void) state;

    one = instance(1, 100);
    two = instance(2, 105);

    assert_true(one > 0);
    assert_int_not_equal(one, two);
    assert_int_equal(instance(1, 100), one);

    id = 0;
    assert_int_equal(ae_db_instance_free(db, 109, &id), AE_DECLINED);
    assert_int_equal(ae_db_instance_free(db, 110, &id), AE_OK);
    assert_int_equal(id, one);
    assert_int_equal(ae_db_instance_free(db, 110, &id), AE_DECLINED);

    assert_int_equal(ae_db_renew(db, one, 120), AE_OK);
    id = 0;
    assert_int_equal(ae_db_instance_free(db, 119, &id), AE_OK);
    assert_int_equal(id, two);

    /* one of a time when the clock was years ahead */

    assert_int_equal(ae_db_renew(db, one, 120 + AE_DB_LEASE), AE_OK);
    id = 0;
    assert_int_equal(ae_db_instance_free(db, 114, &id), AE_OK);
    assert_int_equal(id, one);
    id = 0;
    assert_int_equal(ae_db_instance_free(db, 120, &id), AE_OK);
    assert_int_equal(id, two);

    id = 0;
    assert_int_equal(ae_db_renew(db, one, INT64_MAX), AE_OK);
    assert_int_equal(ae_db_instance_free(db, INT64_MAX, &id), AE_OK);
    assert_int_equal(id, one);
}


static void
test_instance_drop(void **state)
{
    size_t             n;
    int64_t            one, two;
    ae_id_t            after;
    uint64_t           id;
    ae_str_t           record;
    ae_arena_t        *arena;
    ae_outbox_row_t    row;
    ae_limit_record_t  r;

    (void) state;

    one = instance(1, 100);
    two = instance(2, 100);
    arena = ae_arena_create(0);

    row = db_row(7, 1);
    assert_int_equal(ae_db_outbox_put(db, two, &row), AE_OK);
    assert_int_equal(ae_db_instance_drop(db, two), AE_DECLINED);
    assert_int_equal(ae_db_outbox_delete(db, 7), AE_OK);

    assert_int_equal(ae_db_unrouted_put(db, two, db_id(1)), AE_OK);
    assert_int_equal(ae_db_instance_drop(db, two), AE_DECLINED);
    n = 1;
    assert_int_equal(ae_db_unrouted_claim(db, two, one, &id, &record, &n,
                                          arena),
                     AE_OK);
    assert_int_equal(ae_db_instance_drop(db, one), AE_DECLINED);
    assert_int_equal(ae_db_unrouted_delete(db, id), AE_OK);

    r = db_counter(1, 5, 5);
    assert_int_equal(ae_db_counter_put(db, two, &r), AE_OK);
    assert_int_equal(ae_db_instance_drop(db, two), AE_DECLINED);
    after = (ae_id_t) { { 0, 0 } };
    n = 1;
    assert_int_equal(ae_db_counter_rest(db, two, one, &after, &r, &n), AE_OK);

    assert_int_equal(ae_db_instance_drop(db, two), AE_OK);
    assert_int_equal(ae_db_renew(db, two, 500), AE_DECLINED);

    /* its number is not used again */

    assert_true(instance(3, 100) > two);

    ae_arena_destroy(arena);
}


static void
test_secret(void **state)
{
    unsigned char  one[16], two[16];

    (void) state;

    memset(one, 1, 16);
    memset(two, 2, 16);

    assert_int_equal(ae_db_secret(db, one), AE_OK);
    assert_int_equal(one[0], 1);
    assert_int_equal(ae_db_secret(db, two), AE_DECLINED);
    assert_memory_equal(one, two, 16);

    ae_db_close(db);
    db = db_open();

    memset(two, 2, 16);
    assert_int_equal(ae_db_secret(db, two), AE_DECLINED);
    assert_memory_equal(one, two, 16);

    db_exec(db_path("db"), "UPDATE setting SET value = 'short'");
    assert_int_equal(ae_db_secret(db, two), AE_ERROR);
    assert_int_equal(ae_db_state(db), AE_DB_CORRUPT);
}


/* ---- breakers and endpoints ---- */

static void
test_breakers(void **state)
{
    size_t               n;
    ae_id_t              after;
    ae_breaker_record_t  r, list[4];

    (void) state;

    memset(&r, 0, sizeof(ae_breaker_record_t));

    for (n = 5; n > 0; n--) {
        r.id = db_id(n);
        r.state = AE_BREAKER_OPEN;
        r.opened = (uint32_t) n;
        r.left = n * 100;
        r.until = DB_NOW + n;
        assert_int_equal(ae_db_breaker_put(db, &r), AE_OK);
    }

    r.state = AE_BREAKER_FORCED_OPEN;
    assert_int_equal(ae_db_breaker_put(db, &r), AE_OK);
    r.id = db_id(2);
    r.state = AE_BREAKER_CLOSED;
    assert_int_equal(ae_db_breaker_put(db, &r), AE_OK);

    after = (ae_id_t) { { 0, 0 } };
    n = 3;
    assert_int_equal(ae_db_breaker_list(db, &after, list, &n), AE_OK);
    assert_int_equal(n, 3);
    assert_true(ae_id_equal(list[0].id, db_id(1)));
    assert_int_equal(list[0].state, AE_BREAKER_FORCED_OPEN);
    assert_true(ae_id_equal(list[1].id, db_id(3)));
    assert_int_equal(list[1].state, AE_BREAKER_OPEN);
    assert_int_equal(list[1].opened, 3);
    assert_int_equal(list[1].left, 300);
    assert_int_equal(list[1].until, DB_NOW + 3);

    n = 3;
    assert_int_equal(ae_db_breaker_list(db, &after, list, &n), AE_OK);
    assert_int_equal(n, 1);
    assert_true(ae_id_equal(list[0].id, db_id(5)));

    assert_int_equal(ae_db_breaker_clear(db), AE_OK);
    after = (ae_id_t) { { 0, 0 } };
    n = 3;
    assert_int_equal(ae_db_breaker_list(db, &after, list, &n), AE_OK);
    assert_int_equal(n, 0);
}


static void
test_endpoints(void **state)
{
    size_t             n;
    ae_id_t            after;
    ae_arena_t        *arena;
    ae_db_endpoint_t   ep, list[4];

    (void) state;

    arena = ae_arena_create(0);

    ep.identity = db_id(1);
    ep.handler = db_str("webhook");
    ep.label = db_str("https://example.com/");
    ep.disabled = AE_DISABLED_FAILING;
    ep.failing = DB_NOW;
    assert_int_equal(ae_db_endpoint_put(db, &ep), AE_OK);

    ep.identity = db_id(2);
    ep.disabled = 0;
    assert_int_equal(ae_db_endpoint_put(db, &ep), AE_OK);

    after = (ae_id_t) { { 0, 0 } };
    n = 4;
    assert_int_equal(ae_db_endpoint_list(db, &after, list, &n, arena), AE_OK);
    assert_int_equal(n, 2);
    assert_true(ae_id_equal(list[0].identity, db_id(1)));
    assert_int_equal(list[0].disabled, AE_DISABLED_FAILING);
    assert_int_equal(list[0].failing, DB_NOW);
    assert_string_equal((char *) list[0].handler.data, "webhook");
    assert_string_equal((char *) list[0].label.data, "https://example.com/");
    assert_int_equal(list[1].disabled, 0);

    /* all is well again */

    ep.failing = 0;
    assert_int_equal(ae_db_endpoint_put(db, &ep), AE_OK);

    after = (ae_id_t) { { 0, 0 } };
    n = 4;
    assert_int_equal(ae_db_endpoint_list(db, &after, list, &n, arena), AE_OK);
    assert_int_equal(n, 1);

    ae_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_instance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instance_drop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(test_breakers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endpoints, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
