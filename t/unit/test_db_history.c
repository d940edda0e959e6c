/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db_help.h"


#define HISTORY_ROWS         64


static ae_db_t          *db;
static ae_arena_t       *arena;
static ae_db_attempt_t   list[HISTORY_ROWS];
static ae_db_event_t     events[HISTORY_ROWS];


static int
setup(void **state)
{
    if (db_setup(state) != 0) {
        return -1;
    }

    db = db_open();
    arena = ae_arena_create(0);

    return 0;
}


static int
teardown(void **state)
{
    ae_db_close(db);
    ae_arena_destroy(arena);

    return db_teardown(state);
}


static void
attempt(uint64_t n, uint64_t endpoint, const char *state)
{
    ae_db_attempt_t  a;

    a = db_attempt(n, endpoint, state);
    assert_int_equal(ae_db_attempt_put(db, &a), AE_OK);
}


static void
dead(uint64_t n, uint64_t endpoint)
{
    ae_db_attempt_t  a;

    a = db_attempt(n, endpoint, "dead");
    assert_int_equal(ae_db_dead_put(db, &a), AE_OK);
}


static size_t
attempts(ae_db_query_t *query, size_t n)
{
    assert_int_equal(ae_db_attempt_list(db, query, list, &n, arena), AE_OK);

    return n;
}


static size_t
letters(ae_db_query_t *query, size_t n)
{
    assert_int_equal(ae_db_dead_list(db, query, list, &n, arena), AE_OK);

    return n;
}


static int64_t
rows(const char *table)
{
    char  sql[64];

    strcpy(sql, "SELECT count(*) FROM ");
    strcat(sql, table);

    return db_number(db_path("db"), sql);
}


/* ---- attempts ---- */

static void
is_string(ae_str_t s, const char *want)
{
    assert_int_equal(s.len, strlen(want));
    assert_memory_equal(s.data, want, s.len);
}


static void
test_attempt(void **state)
{
    ae_db_query_t    query;
    ae_db_attempt_t  a;

    (void) state;

    a = db_attempt(5, 2, "retry");
    a.uid = UINT64_MAX - 1;
    a.attempt = 3;
    a.status = 503;
    a.next = DB_NOW + 5;
    a.error = db_str("asked to wait");
    a.answer = (ae_str_t) { 4, (unsigned char *) "\0\xff\0y" };
    assert_int_equal(ae_db_attempt_put(db, &a), AE_OK);

    memset(&query, 0, sizeof(ae_db_query_t));
    assert_int_equal(attempts(&query, 10), 1);
    assert_int_equal(query.before, 0);

    assert_true(list[0].id > 0);
    assert_true(ae_id_equal(list[0].event, db_id(5)));
    assert_true(ae_id_equal(list[0].endpoint, db_id(2)));
    assert_true(list[0].uid == UINT64_MAX - 1);
    is_string(list[0].type, "QuotaExceeded");
    is_string(list[0].api, "orders");
    is_string(list[0].handler, "webhook");
    is_string(list[0].label, "https://example.com/hook");
    is_string(list[0].state, "retry");
    assert_int_equal(list[0].attempt, 3);
    assert_int_equal(list[0].status, 503);
    assert_int_equal(list[0].time, a.time);
    assert_int_equal(list[0].duration, a.duration);
    assert_int_equal(list[0].next, DB_NOW + 5);
    is_string(list[0].error, "asked to wait");
    assert_int_equal(list[0].answer.len, 4);
    assert_memory_equal(list[0].answer.data, a.answer.data, 4);
}


static void
test_long_answer(void **state)
{
    ae_db_query_t    query;
    ae_db_attempt_t  a;

    (void) state;

    a = db_attempt(5, 2, "delivered");
    a.answer.len = AE_DB_ANSWER + 500;
    a.answer.data = calloc(1, a.answer.len);
    a.label = a.answer;
    assert_int_equal(ae_db_attempt_put(db, &a), AE_OK);
    free(a.answer.data);

    memset(&query, 0, sizeof(ae_db_query_t));
    assert_int_equal(attempts(&query, 1), 1);
    assert_int_equal(list[0].answer.len, AE_DB_ANSWER);
    assert_int_equal(list[0].label.len, 4096);
}


/* 20 attempts: of events 0 to 9, then again, at three endpoints */

static void
fill(void)
{
    uint64_t  i;

    static const char *const  states[] = { "delivered", "retry", "dead" };

    assert_int_equal(ae_db_begin(db), AE_OK);

    for (i = 0; i < 20; i++) {
        attempt(i % 10, 1 + i % 3, states[i % 7 % 3]);
    }

    assert_int_equal(ae_db_commit(db), AE_OK);
}


static void
test_pages(void **state)
{
    size_t         i, n, seen;
    int64_t        last;
    ae_db_query_t  query;

    (void) state;

    fill();
    memset(&query, 0, sizeof(ae_db_query_t));

    last = INT64_MAX;
    seen = 0;

    do {
        n = attempts(&query, 6);

        for (i = 0; i < n; i++) {
            assert_true(list[i].id < last);
            last = list[i].id;
        }

        seen += n;

    } while (query.before != 0);

    assert_int_equal(seen, 20);
}


/* all pages of what a query finds, against what there is */

static size_t
found(ae_db_query_t query)
{
    size_t  n, all;

    all = 0;

    do {
        n = attempts(&query, 2);
        all += n;

    } while (query.before != 0);

    return all;
}


static void
test_queries(void **state)
{
    ae_db_query_t  query, none;

    (void) state;

    fill();
    memset(&none, 0, sizeof(ae_db_query_t));

    query = none;
    query.event = db_id(4);
    assert_int_equal(found(query), 2);

    query.endpoint = db_id(2);
    assert_int_equal(found(query), 1);

    query = none;
    query.endpoint = db_id(2);
    assert_int_equal(found(query), 7);

    query.state = db_str("retry");
    assert_int_equal(found(query), 2);

    query = none;
    query.state = db_str("retry");
    assert_int_equal(found(query), 6);
    query.state = db_str("delivered");
    assert_int_equal(found(query), 8);
    query.state = db_str("none");
    assert_int_equal(found(query), 0);

    query = none;
    query.type = db_str("QuotaExceeded");
    assert_int_equal(found(query), 20);
    query.type = db_str("QuotaExceede");
    assert_int_equal(found(query), 0);

    query = none;
    query.api = db_str("orders");
    assert_int_equal(found(query), 20);
    query.api = db_str("other");
    assert_int_equal(found(query), 0);

    query = none;
    query.from = DB_NOW + 3 * DB_SEC;
    query.to = DB_NOW + 5 * DB_SEC;
    assert_int_equal(found(query), 6);
}


/* no call looks at all of a large table, whatever it has to skip */

static void
test_bounded_look(void **state)
{
    size_t         calls;
    uint64_t       i;
    ae_db_query_t  query;

    (void) state;

    assert_int_equal(ae_db_begin(db), AE_OK);

    for (i = 0; i < 50000; i++) {
        attempt(i, 1, "delivered");
    }

    assert_int_equal(ae_db_commit(db), AE_OK);

    memset(&query, 0, sizeof(ae_db_query_t));
    query.to = DB_NOW;
    calls = 1;

    while (attempts(&query, 10) == 0) {
        assert_int_not_equal(query.before, 0);
        calls++;
    }

    assert_true(calls > 1);
    assert_int_equal(list[0].time, DB_NOW);
}


static void
test_small_arena(void **state)
{
    size_t          n, all;
    ae_arena_t     *small;
    ae_db_query_t   query;

    (void) state;

    fill();
    memset(&query, 0, sizeof(ae_db_query_t));
    all = 0;

    do {
        small = ae_arena_create(2000);
        n = 20;
        assert_int_equal(ae_db_attempt_list(db, &query, list, &n, small),
                         AE_OK);
        assert_in_range(n, 1, 19);
        all += n;
        ae_arena_destroy(small);

    } while (query.before != 0);

    assert_int_equal(all, 20);

    small = ae_arena_create(64);
    n = 20;
    assert_int_equal(ae_db_attempt_list(db, &query, list, &n, small),
                     AE_ERROR);
    assert_int_equal(ae_db_state(db), AE_DB_MEMORY);
    ae_arena_destroy(small);
}


/* ---- dead letters ---- */

static void
test_dead(void **state)
{
    int64_t        id;
    ae_db_query_t  query, none;

    (void) state;

    memset(&none, 0, sizeof(ae_db_query_t));

    dead(1, 1);
    dead(2, 2);
    dead(3, 1);
    dead(3, 1);

    query = none;
    assert_int_equal(letters(&query, 10), 3);
    assert_int_equal(list[0].uid, 3);
    assert_int_equal(list[2].uid, 1);
    is_string(list[2].answer, "thank you");

    query = none;
    query.endpoint = db_id(1);
    assert_int_equal(letters(&query, 10), 2);

    query = none;
    query.event = db_id(2);
    assert_int_equal(letters(&query, 10), 1);

    id = list[0].id;
    assert_int_equal(ae_db_dead_delete(db, id), AE_OK);
    assert_int_equal(ae_db_dead_delete(db, id), AE_DECLINED);

    query = none;
    assert_int_equal(letters(&query, 10), 2);

    /* the id of one that is gone is none of another one */

    query = none;
    assert_int_equal(letters(&query, 1), 1);
    id = list[0].id;
    assert_int_equal(ae_db_dead_delete(db, id), AE_OK);
    dead(9, 1);
    query = none;
    assert_int_equal(letters(&query, 1), 1);
    assert_true(list[0].id > id);
}


/* ---- events ---- */

static void
test_event(void **state)
{
    ae_str_t  record;

    (void) state;

    db_event(db, 1, DB_NOW);
    db_event(db, 1, DB_NOW + 5);
    assert_int_equal(rows("event"), 1);

    assert_int_equal(ae_db_event_get(db, db_id(1), arena, &record), AE_OK);
    is_string(record, "record 1");
    assert_int_equal(ae_db_event_get(db, db_id(2), arena, &record),
                     AE_DECLINED);
}


static void
test_event_too_long(void **state)
{
    ae_str_t    record;
    ae_event_t  ev;

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));
    ev.id = db_id(1);
    record.len = AE_DB_RECORD + 1;
    record.data = calloc(1, record.len);

    assert_int_equal(ae_db_begin(db), AE_OK);
    assert_int_equal(ae_db_event(db, &ev, record), AE_DECLINED);
    record.len--;
    assert_int_equal(ae_db_event(db, &ev, record), AE_OK);
    assert_int_equal(ae_db_commit(db), AE_OK);
    free(record.data);

    assert_int_equal(ae_db_event_get(db, db_id(1), arena, &record), AE_OK);
    assert_int_equal(record.len, AE_DB_RECORD);
}


static void
test_event_list(void **state)
{
    size_t         n, all;
    uint64_t       i;
    ae_db_query_t  query;

    (void) state;

    for (i = 1; i <= 20; i++) {
        db_event(db, i, DB_NOW + i);
    }

    memset(&query, 0, sizeof(ae_db_query_t));
    all = 0;

    do {
        n = 6;
        assert_int_equal(ae_db_event_list(db, &query, events, &n, arena),
                         AE_OK);

        for (i = 0; i < n; i++) {
            assert_true(ae_id_equal(events[i].id, db_id(20 - all)));
            assert_int_equal(events[i].time, DB_NOW + 20 - all);
            assert_true(ae_id_equal(events[i].key_id, db_id(7)));
            is_string(events[i].type, "QuotaExceeded");
            is_string(events[i].api, "orders");
            is_string(events[i].org, "acme");
            all++;
        }

    } while (query.event.h[0] != 0);

    assert_int_equal(all, 20);

    query.to = DB_NOW + 4;
    n = 10;
    assert_int_equal(ae_db_event_list(db, &query, events, &n, arena), AE_OK);
    assert_int_equal(n, 4);

    memset(&query, 0, sizeof(ae_db_query_t));
    query.org = db_str("acme");
    query.key_id = db_id(7);
    n = 30;
    assert_int_equal(ae_db_event_list(db, &query, events, &n, arena), AE_OK);
    assert_int_equal(n, 20);

    query.key_id = db_id(8);
    n = 30;
    assert_int_equal(ae_db_event_list(db, &query, events, &n, arena), AE_OK);
    assert_int_equal(n, 0);

    query.key_id = db_id(7);
    query.org = db_str("other");
    n = 30;
    assert_int_equal(ae_db_event_list(db, &query, events, &n, arena), AE_OK);
    assert_int_equal(n, 0);
}


/* an event a minute; what lies outside of the span is not looked at, which is
 * 20,000 rows at once at the most */

static void
test_event_times(void **state)
{
    size_t         n;
    uint64_t       i, ms;
    ae_db_query_t  query;

    (void) state;

    assert_int_equal(ae_db_begin(db), AE_OK);

    ms = DB_NOW / 1000000;

    for (i = 0; i < 60000; i++) {
        db_event(db, (ms + i * 60000) << 16, DB_NOW + i * 60 * DB_SEC);
    }

    assert_int_equal(ae_db_commit(db), AE_OK);

    memset(&query, 0, sizeof(ae_db_query_t));
    query.from = DB_NOW + 100 * 60 * DB_SEC;
    query.to = DB_NOW + 109 * 60 * DB_SEC;
    n = HISTORY_ROWS;
    assert_int_equal(ae_db_event_list(db, &query, events, &n, arena), AE_OK);
    assert_int_equal(n, 10);
    assert_true(ae_id_equal(events[0].id, db_id((ms + 109 * 60000) << 16)));
    assert_int_equal(query.event.h[0], 0);

    query.from = DB_NOW + 59990 * 60 * DB_SEC;
    query.to = 0;
    n = HISTORY_ROWS;
    assert_int_equal(ae_db_event_list(db, &query, events, &n, arena), AE_OK);
    assert_int_equal(n, 10);
    assert_int_equal(query.event.h[0], 0);

    /* a page's place counts as well */

    query.from = 0;
    query.to = DB_NOW + 109 * 60 * DB_SEC;
    query.event = db_id((ms + 5 * 60000) << 16);
    n = HISTORY_ROWS;
    assert_int_equal(ae_db_event_list(db, &query, events, &n, arena), AE_OK);
    assert_int_equal(n, 5);
}


static void
test_event_after(void **state)
{
    size_t    n, all;
    uint64_t  i;
    ae_id_t   after, ids[8];
    ae_str_t  records[8];

    (void) state;

    for (i = 1; i <= 20; i++) {
        db_event(db, i, DB_NOW + i);
    }

    after = db_id(4);
    all = 4;

    for ( ;; ) {
        n = 8;
        assert_int_equal(ae_db_event_after(db, &after, ids, records, &n,
                                           arena), AE_OK);
        if (n == 0) {
            break;
        }

        for (i = 0; i < n; i++) {
            all++;
            assert_true(ae_id_equal(ids[i], db_id(all)));
            assert_memory_equal(records[i].data, "record ", 7);
        }
    }

    assert_int_equal(all, 20);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounded_look, setup, teardown),
        cmocka_unit_test_setup_teardown(test_small_arena, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_event_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_event_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_event_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_event_after, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
