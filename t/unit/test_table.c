/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/ae_table.h"
#include "hammer.h"
#include "step.h"
#include "table_check.h"


#define TABLE_KEYS           600
#define TABLE_SUMS           64


/* what a test stores: two words that must fit the id */

typedef struct {
    uint64_t                 a;
    uint64_t                 b;
    uint64_t                 value;
} test_data_t;


typedef struct {
    ae_table_t              *table;
    uint32_t                 shards;
    uint32_t                 entries;
    uint64_t                 key;
    int                      remove;
    const char              *wrong;
} test_table_t;


static ae_id_t test_id(uint64_t key);
static ae_table_t *test_table_new(test_table_t *t, size_t size,
    uint32_t shards);
static test_data_t *test_find(ae_table_t *t, uint64_t key);
static test_data_t *test_put(ae_table_t *t, uint64_t key);
static int test_remove(ae_table_t *t, uint64_t key);
static int test_data_ok(const void *data);
static int test_reclaim_odd(void *data, void *ctx);
static void test_work(void *ctx);
static void test_look(void *ctx);
static void test_op(void *ctx);
static void test_op_look(void *ctx);


/* some ten ids have a bucket in common, so chains are used as well as slots */

static ae_id_t
test_id(uint64_t key)
{
    ae_id_t  id;

    id.h[0] = key * 0x9e3779b97f4a7c15;
    id.h[1] = key % TABLE_SUMS - id.h[0];

    return id;
}


static ae_table_t *
test_table_new(test_table_t *t, size_t size, uint32_t shards)
{
    memset(t, 0, sizeof(test_table_t));

    t->shards = shards;
    t->entries = ae_table_fit(size, shards, sizeof(test_data_t));
    t->table = ae_table_init(hammer_memory(size), size, shards,
                             sizeof(test_data_t));
    assert_non_null(t->table);

    return t->table;
}


/* the next three lock and unlock */

static test_data_t *
test_find(ae_table_t *t, uint64_t key)
{
    uint32_t      shard;
    test_data_t  *data;

    shard = ae_table_shard(t, test_id(key));

    ae_table_lock(t, shard);
    data = ae_table_find(t, test_id(key));
    ae_table_unlock(t, shard);

    return data;
}


static test_data_t *
test_put(ae_table_t *t, uint64_t key)
{
    uint32_t      shard;
    test_data_t  *data;

    shard = ae_table_shard(t, test_id(key));

    ae_table_lock(t, shard);
    data = ae_table_find(t, test_id(key));

    if (data == NULL) {
        data = ae_table_insert(t, test_id(key));

        if (data != NULL) {
            data->a = key;
            data->b = ~key;
            ae_table_publish(t, data);
        }
    }

    ae_table_unlock(t, shard);

    return data;
}


static int
test_remove(ae_table_t *t, uint64_t key)
{
    uint32_t      shard;
    test_data_t  *data;

    shard = ae_table_shard(t, test_id(key));

    ae_table_lock(t, shard);
    data = ae_table_find(t, test_id(key));

    if (data != NULL) {
        ae_table_remove(t, data);
    }

    ae_table_unlock(t, shard);

    return data != NULL;
}


static int
test_data_ok(const void *data)
{
    const test_data_t *d = data;

    return d->a == ~d->b && ae_id_equal(ae_table_id(data), test_id(d->a));
}


/* ---- memory ---- */

static void
test_fit_is_exact(void **state)
{
    void        *mem;
    size_t       size;
    uint32_t     n, data_size, shards;
    ae_table_t  *t;

    (void) state;

    for (shards = 1; shards <= 8; shards *= 2) {
        for (size = 0; size < 6000; size += 1 + ae_random() % 64) {
            data_size = ae_random() % 100;

            n = ae_table_fit(size, shards, data_size);
            assert_int_equal(n % shards, 0);

            mem = aligned_alloc(64, (size + 63) / 64 * 64 + 64);
            memset(mem, 0, size);
            memset((char *) mem + size, 0xa5, 64);

            t = ae_table_init(mem, size, shards, data_size);
            assert_true((t != NULL) == (n != 0));

            if (t != NULL) {
                assert_null(table_check(t, shards, n, NULL, 1));
            }

            /* nothing written behind the end, no room for one more each */

            assert_int_equal(((unsigned char *) mem)[size], 0xa5);
            assert_int_equal(((unsigned char *) mem)[size + 63], 0xa5);
            assert_true(n == 0
                        || ae_table_fit(size - 4 * shards, shards, data_size)
                           <= n);

            free(mem);
        }
    }
}


/* eight entries share a bucket of 32 bytes */

static void
test_fit_leaves_less_than_one_entry(void **state)
{
    size_t    size;
    uint32_t  n, one;

    (void) state;

    one = 32 + 48;

    for (size = 8192; size < 8192 + 4000; size++) {
        n = ae_table_fit(size, 4, 48);

        assert_true(ae_table_fit(size + 4 * (8 * one + 32), 4, 48) == n + 32);
        assert_true(ae_table_fit(size + 4 * (one + 32), 4, 48) > n);
    }

    assert_int_equal(ae_table_fit(8192, 0, 48), 0);
    assert_int_equal(ae_table_fit(100, 1, 48), 0);
    assert_null(ae_table_init(&size, 8, 1, 48));
}


/* ---- entries ---- */

static void
test_insert_find_remove(void **state)
{
    test_data_t   *data;
    test_table_t   t;

    (void) state;

    test_table_new(&t, 16384, 4);

    assert_null(test_find(t.table, 1));

    data = test_put(t.table, 1);
    assert_non_null(data);
    assert_int_equal((uintptr_t) data % 16, 0);
    assert_int_equal(data->value, 0);
    assert_true(ae_id_equal(ae_table_id(data), test_id(1)));
    assert_int_equal(ae_table_used(t.table), 1);

    assert_ptr_equal(test_find(t.table, 1), data);
    assert_null(test_find(t.table, 2));

    data->value = 7;
    assert_int_equal(test_remove(t.table, 1), 1);
    assert_null(test_find(t.table, 1));
    assert_int_equal(ae_table_used(t.table), 0);

    /* the memory is used again, and is zeroed */

    assert_int_equal(test_put(t.table, 1)->value, 0);
}


static void
test_unpublished_is_not_there(void **state)
{
    test_data_t   *data;
    test_table_t   t;

    (void) state;

    test_table_new(&t, 16384, 1);

    ae_table_lock(t.table, 0);

    data = ae_table_insert(t.table, test_id(1));
    assert_non_null(data);
    assert_null(ae_table_find(t.table, test_id(1)));
    assert_int_equal(ae_table_used(t.table), 0);

    /* given back without having been seen, once */

    ae_table_remove(t.table, data);
    ae_table_remove(t.table, data);

    ae_table_unlock(t.table, 0);

    assert_null(table_check(t.table, t.shards, t.entries, test_data_ok, 1));
}


static void
test_full(void **state)
{
    uint64_t      key, n;
    test_table_t  t;

    (void) state;

    test_table_new(&t, 32768, 1);

    for (key = 0; test_put(t.table, key) != NULL; key++) {
        /* void */
    }

    assert_int_equal(key, t.entries);
    assert_int_equal(ae_table_used(t.table), t.entries);

    for (n = 0; n < key; n++) {
        assert_int_equal(test_find(t.table, n)->a, n);
    }

    assert_int_equal(test_remove(t.table, 3), 1);
    assert_non_null(test_put(t.table, key));
    assert_null(test_put(t.table, key + 1));
    assert_null(table_check(t.table, t.shards, t.entries, test_data_ok, 1));
}


static int
test_reclaim_odd(void *data, void *ctx)
{
    uint32_t *seen = ctx;

    (*seen)++;

    return ((test_data_t *) data)->a % 2;
}


static void
test_sweep(void **state)
{
    uint32_t      key, n, removed, seen;
    test_table_t  t;

    (void) state;

    test_table_new(&t, 32768, 1);

    for (key = 0; key < t.entries; key++) {
        test_put(t.table, key);
    }

    ae_table_lock(t.table, 0);

    /* bounded, and it goes on where it stopped */

    seen = 0;
    removed = 0;

    for (n = 0; n < t.entries; n += 10) {
        removed += ae_table_sweep(t.table, 0, 10, test_reclaim_odd, &seen);
        assert_true(seen <= n + 10);
    }

    assert_int_equal(removed, t.entries / 2);

    /* those that are free are not asked; not twice in one call */

    seen = 0;
    assert_int_equal(ae_table_sweep(t.table, 0, UINT32_MAX, test_reclaim_odd,
                                    &seen), 0);
    assert_int_equal(seen, t.entries - t.entries / 2);

    ae_table_unlock(t.table, 0);

    for (key = 0; key < t.entries; key++) {
        assert_true((test_find(t.table, key) != NULL) == (key % 2 == 0));
    }

    assert_null(table_check(t.table, t.shards, t.entries, test_data_ok, 1));
}


/* poor ids do not end in one shard or one chain */

static void
test_ids_spread(void **state)
{
    ae_id_t       id;
    uint32_t      i, k, shard, n[16];
    test_table_t  t;

    (void) state;

    test_table_new(&t, 65536, 16);

    for (k = 0; k < 3; k++) {
        memset(n, 0, sizeof(n));

        for (i = 0; i < 16000; i++) {
            id = (ae_id_t) { { k ? i : 1, k == 1 ? 1 : i } };
            shard = ae_table_shard(t.table, id);
            assert_true(shard < 16);
            n[shard]++;
        }

        for (i = 0; i < 16; i++) {
            assert_in_range(n[i], 800, 1200);
        }
    }
}


/* another id of the same bucket, with a tag of its own: who expects both looks
 * in one line */

static void
test_beside(void **state)
{
    int           i;
    void         *data;
    ae_id_t       id, beside;
    uint32_t      shard;
    test_table_t  t;

    (void) state;

    test_table_new(&t, 65536, 16);

    for (i = 0; i < 200; i++) {
        id = (ae_id_t) { { ae_random(), ae_random() } };
        beside = ae_table_beside(id);
        shard = ae_table_shard(t.table, id);

        assert_int_equal(ae_table_shard(t.table, beside), shard);
        assert_true(ae_table_bucket(t.table, shard, beside)
                    == ae_table_bucket(t.table, shard, id));
        assert_int_equal(ae_slots_tag(beside, t.table->mask),
                         ae_slots_tag(id, t.table->mask) ^ AE_SLOTS_BESIDE);

        data = ae_table_insert(t.table, id);
        assert_non_null(data);
        ae_table_publish(t.table, data);

        assert_null(ae_table_find(t.table, beside));
        assert_true(ae_table_find(t.table, id) == data);
    }
}


/* in slots and in the chain, each of which may empty first */

static void
test_one_bucket(void **state)
{
    int           i;
    test_table_t  t;

    (void) state;

    test_table_new(&t, 16384, 1);

    for (i = 0; i < 20; i++) {
        assert_non_null(test_put(t.table, i * TABLE_SUMS));
    }

    for (i = 0; i < 20; i++) {
        assert_int_equal(test_find(t.table, i * TABLE_SUMS)->a,
                         i * TABLE_SUMS);
    }

    assert_null(test_find(t.table, 20 * TABLE_SUMS));

    for (i = 19; i >= 0; i -= 3) {
        assert_int_equal(test_remove(t.table, i * TABLE_SUMS), 1);
    }

    for (i = 0; i < 20; i++) {
        assert_int_equal(test_find(t.table, i * TABLE_SUMS) != NULL,
                         i % 3 != 1);
        assert_int_equal(ae_table_peek(t.table, test_id(i * TABLE_SUMS))
                         != NULL,
                         i % 3 != 1);
    }

    for (i = 0; i < 20; i++) {
        assert_non_null(test_put(t.table, i * TABLE_SUMS));
        assert_int_equal(test_remove(t.table, i * TABLE_SUMS), 1);
        assert_null(test_find(t.table, i * TABLE_SUMS));
    }

    assert_int_equal(ae_table_used(t.table), 0);
    assert_null(table_check(t.table, 1, t.entries, test_data_ok, 1));
}


/* ---- against an array ---- */

static void
test_random_steps(void **state)
{
    long           i;
    uint64_t       key, value[TABLE_KEYS];
    test_data_t   *data;
    test_table_t   t;

    (void) state;

    test_table_new(&t, 40000, 4);
    memset(value, 0, sizeof(value));

    for (i = ae_steps(400000); i > 0; i--) {
        key = ae_random() % TABLE_KEYS;

        if (ae_random() % 3 == 0) {
            assert_int_equal(test_remove(t.table, key), value[key] != 0);
            value[key] = 0;
            continue;
        }

        data = (ae_random() % 2) ? test_put(t.table, key)
                                 : test_find(t.table, key);

        if (data == NULL) {
            assert_int_equal(value[key], 0);
            continue;
        }

        assert_int_equal(data->value, value[key]);
        assert_int_equal(data->a, key);
        data->value = value[key] = i;
    }

    assert_null(table_check(t.table, t.shards, t.entries, test_data_ok, 1));
}


/* ---- deaths ---- */

static void
test_work(void *ctx)
{
    test_table_t *t = ctx;

    uint64_t  key;

    for ( ;; ) {
        key = ae_random() % TABLE_KEYS;

        if (ae_random() % 2) {
            test_put(t->table, key);

        } else {
            test_remove(t->table, key);
        }
    }
}


static void
test_look(void *ctx)
{
    test_table_t *t = ctx;

    const char  *wrong;

    if (ae_random() % 8 == 0) {
        wrong = table_check(t->table, t->shards, t->entries, test_data_ok, 0);
        t->wrong = (wrong != NULL) ? wrong : t->wrong;
    }
}


static void
test_random_deaths(void **state)
{
    test_table_t  *t;

    (void) state;

    t = hammer_memory(sizeof(test_table_t));

    /* more keys than entries, and few shards, so that most time is inside */

    test_table_new(t, 40000, 2);

    assert_true(hammer(test_work, test_look, t, 1, 200));
    assert_true(hammer(test_work, test_look, t, 3, 200));
    assert_null(t->wrong);
    assert_null(table_check(t->table, t->shards, t->entries, test_data_ok, 1));
}


static void
test_op(void *ctx)
{
    test_table_t *t = ctx;

    if (t->remove) {
        test_remove(t->table, t->key);

    } else {
        test_put(t->table, t->key);
    }
}


static void
test_op_look(void *ctx)
{
    (void) ctx;
}


/* after a death at any instruction an entry is there whole, or it is not */

static void
test_death_at_an_instruction(void **state)
{
    int            i;
    long           steps;
    uint64_t       key;
    test_data_t   *data;
    test_table_t  *t;

    (void) state;

    t = hammer_memory(sizeof(test_table_t));
    test_table_new(t, 2000, 1);

    for (key = 0; key < 12; key++) {
        test_put(t->table, key);
    }

    t->key = 20;

    for (i = 0; i < 200; i++) {

        t->remove = i % 2;
        test_remove(t->table, t->key);

        if (t->remove) {
            test_put(t->table, t->key);
        }

        if (i < 2) {
            steps = step_each(test_op, test_op_look, t);

            if (steps == -1) {
                skip();
            }

            continue;
        }

        step_kill_at(test_op, t, ae_random() % (steps + 50));

        assert_null(table_check(t->table, 1, t->entries, test_data_ok, 1));

        data = test_find(t->table, t->key);
        assert_true(data == NULL || test_data_ok(data));

        for (key = 0; key < 12; key++) {
            assert_non_null(test_find(t->table, key));
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_fit_is_exact),
        cmocka_unit_test(test_fit_leaves_less_than_one_entry),
        cmocka_unit_test(test_insert_find_remove),
        cmocka_unit_test(test_unpublished_is_not_there),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_ids_spread),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_one_bucket),
        cmocka_unit_test(test_random_steps),
        cmocka_unit_test(test_random_deaths),
        cmocka_unit_test(test_death_at_an_instruction),
    };

    ae_random_seed();
    alarm(60);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
