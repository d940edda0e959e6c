/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Readers, writers and deaths: every text and record that is read is one that
 * was put.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/shared.h"
#include "hammer.h"
#include "step.h"


#define PROCS                3
#define PROCS_KEYS           32
#define PROCS_KILLS          250
#define PROCS_SIZE           (256 * 1024)
#define PROCS_TEXT           6000
#define PROCS_STEPS          60000


/* a text begins with this, the rest is made from it */

typedef struct {
    uint64_t                 key;
    uint64_t                 seed;
    uint64_t                 len;
} procs_text_t;


typedef struct {
    ae_sessions_t           *ss;
    size_t                   bytes_free;    /* of an empty one */
    uint64_t                 reads;
    uint64_t                 puts;
    const char              *wrong;

    uint64_t                 key;           /* of an operation that is */
    uint64_t                 seed;          /*     stepped through */
    size_t                   len;
    uint64_t                 old_seed;
    size_t                   old_len;
    int                      done;
    int                      rc;
    ae_session_ref_t         ref;
    ae_str_t                 text;
    ae_str_t                 record;
    unsigned char            buf[PROCS_TEXT];
    unsigned char            bytes[AE_SESSION_RECORD_MAX];
    long                     looks;
    long                     steps;
    long                     changing;      /* of them */
    uint8_t                  step[PROCS_STEPS];
} procs_t;


static procs_t *procs_new(void);
static ae_session_ref_t procs_ref(uint64_t key);
static void procs_text(unsigned char *p, uint64_t key, uint64_t seed,
    size_t len);
static int procs_put(procs_t *p, uint64_t key, uint64_t seed, size_t len);
static size_t procs_record_len(uint64_t seed);
static const char *procs_read(procs_t *p, uint64_t key, uint64_t *seed,
    uint64_t *version);
static const char *procs_record_wrong(const ae_session_ref_t *ref,
    const unsigned char *buf, uint64_t key);
static const char *procs_wrong(const ae_session_ref_t *ref,
    const unsigned char *buf, uint64_t key, uint64_t *seed);
static void procs_empty(procs_t *p);
static void procs_work(void *ctx);
static void procs_look(void *ctx);
static void procs_one_writer(void *ctx);
static void procs_step_setup(procs_t *p);
static void procs_step_put(void *ctx);
static void procs_step_look(void *ctx);
static void procs_step_read(void *ctx);
static void procs_step_get(void *ctx);
static void procs_step_write(void *ctx);


static procs_t *
procs_new(void)
{
    procs_t             *p;
    ae_sessions_stat_t   st;

    p = hammer_memory(sizeof(procs_t));
    p->ss = ae_sessions_init(hammer_memory(PROCS_SIZE), PROCS_SIZE);
    assert_non_null(p->ss);

    ae_sessions_stat(p->ss, &st);
    p->bytes_free = st.bytes_free;

    return p;
}


static ae_session_ref_t
procs_ref(uint64_t key)
{
    ae_session_ref_t  ref;

    memset(&ref, 0, sizeof(ref));

    ref.id = (ae_id_t) { { key, 1 } };
    ref.key_id = (ae_id_t) { { key, 2 } };
    ref.source = AE_SESSION_API;

    return ref;
}


static void
procs_text(unsigned char *p, uint64_t key, uint64_t seed, size_t len)
{
    size_t        i;
    procs_text_t  head;

    head.key = key;
    head.seed = seed;
    head.len = len;

    memcpy(p, &head, sizeof(head));

    for (i = sizeof(head); i < len; i++) {
        p[i] = (unsigned char) ((seed + i) * 0x9e3779b97f4a7c15 >> 56);
    }
}


static int
procs_put(procs_t *p, uint64_t key, uint64_t seed, size_t len)
{
    ae_str_t           s, r;
    unsigned char      buf[PROCS_TEXT], record[AE_SESSION_RECORD_MAX];
    ae_session_ref_t   ref;

    procs_text(buf, key, seed, len);
    s.data = buf;
    s.len = len;
    r.data = record;
    r.len = procs_record_len(seed);
    ref = procs_ref(key);

    if (r.len != 0) {
        procs_text(record, key, seed, r.len);
    }

    return ae_sessions_put_record(p->ss, &ref, r, s);
}


/* in a head's block, or beyond it; or none */

static size_t
procs_record_len(uint64_t seed)
{
    return (seed % 4 == 3) ? 0 : sizeof(procs_text_t) + seed * 31 % 480;
}


/* what is wrong with a session, by a random one of its ids, or NULL */

static const char *
procs_read(procs_t *p, uint64_t key, uint64_t *seed, uint64_t *version)
{
    int                rc;
    ae_id_t            id;
    const char        *wrong;
    unsigned char      buf[PROCS_TEXT];
    ae_session_ref_t   ref;

    ref = procs_ref(key);
    id = (ae_random() % 2) ? ref.id : ref.key_id;

    rc = ae_sessions_get(p->ss, id, &ref, buf, AE_SESSION_RECORD_MAX);
    wrong = (rc == AE_OK) ? procs_record_wrong(&ref, buf, key) : NULL;

    if (wrong != NULL) {
        return wrong;
    }

    rc = ae_sessions_read(p->ss, id, &ref, buf, sizeof(buf));

    if (rc != AE_OK) {
        *version = 0;
        return (rc == AE_DECLINED) ? NULL : "a text is too long";
    }

    *version = ref.version;

    return procs_wrong(&ref, buf, key, seed);
}


static const char *
procs_record_wrong(const ae_session_ref_t *ref, const unsigned char *buf,
    uint64_t key)
{
    procs_text_t    head;
    unsigned char   want[AE_SESSION_RECORD_MAX];

    if (ref->record == 0) {
        return NULL;
    }

    memcpy(&head, buf, sizeof(head));

    if (head.key != key || head.len != ref->record
        || procs_record_len(head.seed) != ref->record)
    {
        return "another session's record";
    }

    procs_text(want, key, head.seed, ref->record);

    return memcmp(buf, want, ref->record) ? "a record is mixed" : NULL;
}


static const char *
procs_wrong(const ae_session_ref_t *ref, const unsigned char *buf,
    uint64_t key, uint64_t *seed)
{
    procs_text_t    head;
    unsigned char   want[PROCS_TEXT];

    memcpy(&head, buf, sizeof(head));
    *seed = head.seed;

    if (head.key != key || head.len != ref->len) {
        return "another session's text";
    }

    procs_text(want, key, head.seed, ref->len);

    return memcmp(buf, want, ref->len) ? "a text is mixed" : NULL;
}


/* removes all, which leaves all the memory there was */

static void
procs_empty(procs_t *p)
{
    uint64_t             key, seed, version;
    uint32_t             n;
    ae_sessions_stat_t   st;

    ae_sessions_stat(p->ss, &st);
    n = st.sessions;

    for (key = 0; key < PROCS_KEYS; key++) {
        assert_null(procs_read(p, key, &seed, &version));

        if (ae_sessions_remove(p->ss, procs_ref(key).key_id) == AE_OK) {
            assert_int_not_equal(version, 0);
            n--;
        }

        assert_null(procs_read(p, key, &seed, &version));
        assert_int_equal(version, 0);
    }

    assert_int_equal(n, 0);

    ae_sessions_stat(p->ss, &st);
    assert_int_equal(st.sessions, 0);
    assert_int_equal(st.bytes_free, p->bytes_free);
}


/* ---- random deaths ---- */

static void
procs_work(void *ctx)
{
    procs_t *p = ctx;

    int          i;
    size_t       len;
    uint64_t     key, seed, version, last[PROCS_KEYS];
    const char  *wrong;

    memset(last, 0, sizeof(last));

    for ( ;; ) {

        for (i = 0; i < 8; i++) {
            key = ae_random() % PROCS_KEYS;
            wrong = procs_read(p, key, &seed, &version);

            hammer_check(wrong == NULL, wrong);
            hammer_check(version == 0 || version >= last[key],
                         "an old version is back");
            last[key] = version ? version : last[key];

            __atomic_fetch_add(&p->reads, 1, __ATOMIC_RELAXED);
        }

        key = ae_random() % PROCS_KEYS;

        if (ae_random() % 8 == 0) {
            (void) ae_sessions_remove(p->ss, procs_ref(key).id);
            continue;
        }

        len = sizeof(procs_text_t)
              + ae_random() % (PROCS_TEXT - sizeof(procs_text_t));

        hammer_check(procs_put(p, key, ae_random() % 1000, len) == AE_OK,
                     "a session was not put");
        __atomic_fetch_add(&p->puts, 1, __ATOMIC_RELAXED);
    }
}


static void
procs_look(void *ctx)
{
    procs_t *p = ctx;

    uint64_t     seed, version;
    const char  *wrong;

    wrong = procs_read(p, ae_random() % PROCS_KEYS, &seed, &version);
    p->wrong = (wrong != NULL) ? wrong : p->wrong;
}


static void
test_random_deaths(void **state)
{
    procs_t  *p;

    (void) state;

    p = procs_new();

    assert_true(hammer(procs_work, procs_look, p, PROCS, PROCS_KILLS));
    assert_null(p->wrong);
    assert_true(p->reads > 1000);
    assert_true(p->puts > 100);

    procs_empty(p);
}


/* a session that is put all the time is found all the time */

static void
procs_one_writer(void *ctx)
{
    procs_t *p = ctx;

    uint64_t  seed;

    for (seed = 0; seed < 40000; seed++) {
        hammer_check(procs_put(p, seed % 2, seed, 30 + seed % 500) == AE_OK,
                     "a session was not put");
    }

    __atomic_store_n(&p->done, 1, __ATOMIC_RELEASE);
}


static void
test_replaced_without_a_gap(void **state)
{
    pid_t       pid;
    procs_t    *p;
    uint64_t    seed, last, version;

    (void) state;

    p = procs_new();
    last = 0;

    assert_int_equal(procs_put(p, 0, 0, 100), AE_OK);
    pid = hammer_start(procs_one_writer, p);

    while (!__atomic_load_n(&p->done, __ATOMIC_ACQUIRE)) {
        assert_null(procs_read(p, 0, &seed, &version));
        assert_int_not_equal(version, 0);
        assert_true(seed >= last);
        last = seed;
    }

    assert_true(hammer_wait(pid));
    procs_empty(p);
}


/* ---- one instruction after the other ---- */

static void
procs_step_setup(procs_t *p)
{
    procs_empty(p);

    p->key = 3;
    p->old_seed = 1;
    p->old_len = 700;
    p->seed = 2;
    p->len = 500;

    /* one beside it, whose blocks are not to be touched */

    assert_int_equal(procs_put(p, 4, 99, 600), AE_OK);
    assert_int_equal(procs_put(p, p->key, p->old_seed, p->old_len), AE_OK);

    /* little besides the operation itself is to be stepped through */

    p->ref = procs_ref(p->key);
    p->text.data = p->buf;
    p->text.len = p->len;
    procs_text(p->buf, p->key, p->seed, p->len);
    p->record.data = p->bytes;
    p->record.len = procs_record_len(p->seed);
    procs_text(p->bytes, p->key, p->seed, p->record.len);
}


static void
procs_step_put(void *ctx)
{
    procs_t *p = ctx;

    (void) ae_sessions_put_record(p->ss, &p->ref, p->record, p->text);
}


/*
 * The sequence, the first word there is, is odd while readers have to wait;
 * at any other instruction they read the old session or the new one.
 */

static void
procs_step_look(void *ctx)
{
    procs_t *p = ctx;

    int          odd;
    uint64_t     seed, version;
    const char  *wrong;

    odd = *(volatile uint64_t *) p->ss & 1;

    if (p->steps < PROCS_STEPS) {
        p->step[p->steps++] = odd;
        p->changing += odd;
    }

    if (odd || p->looks++ % 16 != 0) {
        return;
    }

    wrong = procs_read(p, p->key, &seed, &version);

    if (wrong == NULL
        && (version == 0 || (seed != p->seed && seed != p->old_seed)))
    {
        wrong = "neither the old nor the new session";
    }

    p->wrong = (wrong != NULL) ? wrong : p->wrong;
}


static void
test_death_at_an_instruction(void **state)
{
    long       i, of, old, new;
    procs_t   *p;
    uint64_t   seed, version, last;

    (void) state;

    p = procs_new();
    procs_step_setup(p);

    if (step_each(procs_step_put, procs_step_look, p) == -1) {
        skip();
    }

    assert_null(p->wrong);
    old = 0;
    new = 0;
    last = 0;

    for (i = 0; i < p->steps; i++) {

        of = p->step[i] ? p->changing : p->steps - p->changing;

        if (of > 40 && ae_random() % of >= 40) {
            continue;
        }

        procs_step_setup(p);
        step_kill_at(procs_step_put, p, i + 1);

        assert_null(procs_read(p, p->key, &seed, &version));
        assert_true(version > last);
        last = version;

        assert_true(seed == p->seed || seed == p->old_seed);
        old += (seed == p->old_seed);
        new += (seed == p->seed);

        assert_null(procs_read(p, 4, &seed, &version));
        assert_int_equal(seed, 99);
    }

    assert_true(old > 0 && new > 0);
    procs_empty(p);
}


/* a reader that is overtaken by writers, again and again */

static void
procs_step_read(void *ctx)
{
    procs_t *p = ctx;

    p->rc = ae_sessions_read(p->ss, p->ref.id, &p->ref, p->buf, PROCS_TEXT);
    p->done = 1;
}


static void
procs_step_get(void *ctx)
{
    procs_t *p = ctx;

    p->rc = ae_sessions_get(p->ss, p->ref.id, &p->ref, p->buf, PROCS_TEXT);
    p->done = 1;
}


static void
procs_step_write(void *ctx)
{
    procs_t *p = ctx;

    /* not so often that it goes for the lock, which it would stop in */

    if (!p->done && p->looks < 20 && ae_random() % 128 == 0) {
        (void) procs_put(p, p->key, ae_random() % 1000,
                         100 + ae_random() % 1000);
        (void) procs_put(p, 4, ae_random() % 1000, 100 + ae_random() % 1000);
        p->looks++;
        p->puts++;
    }
}


static void
test_reader_is_overtaken(void **state)
{
    int        i;
    procs_t   *p;
    uint64_t   seed;

    (void) state;

    p = procs_new();

    for (i = 0; i < 20; i++) {
        procs_step_setup(p);
        p->done = 0;
        p->looks = 0;

        if (step_each(procs_step_read, procs_step_write, p) == -1) {
            skip();
        }

        assert_true(p->done);
        assert_int_equal(p->rc, AE_OK);
        assert_null(procs_wrong(&p->ref, p->buf, p->key, &seed));
    }

    assert_true(p->puts > 0);
    procs_empty(p);
}


static void
test_record_is_overtaken(void **state)
{
    int       i;
    procs_t  *p;

    (void) state;

    p = procs_new();

    for (i = 0; i < 60; i++) {
        procs_step_setup(p);
        p->done = 0;
        p->looks = 0;

        if (step_each(procs_step_get, procs_step_write, p) == -1) {
            skip();
        }

        assert_true(p->done);
        assert_int_equal(p->rc, AE_OK);
        assert_null(procs_record_wrong(&p->ref, p->buf, p->key));
    }

    assert_true(p->puts > 0);
    procs_empty(p);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_random_deaths),
        cmocka_unit_test(test_replaced_without_a_gap),
        cmocka_unit_test(test_death_at_an_instruction),
        cmocka_unit_test(test_reader_is_overtaken),
        cmocka_unit_test(test_record_is_overtaken),
    };

    ae_random_seed();
    alarm(100);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
