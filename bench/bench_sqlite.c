/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The embedded store alone, as its one thread uses it: groups of what comes in
 * 100 ms at 10,000 deliveries a second, each an event and an attempt, then the
 * same with a delivery that is pending for a while.  In BENCH_DIR, which is to
 * be a disk like that of the state path; build/bench if there is none.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/sqlite.h"


#define BENCH_GROUP          1000
#define BENCH_GROUPS         200
#define BENCH_RECORD         400
#define BENCH_ANSWER         40
#define BENCH_RATE           10000


static void bench_check(int rc, ae_db_t *db);
static void bench_remove(void);
static ae_db_t *bench_open(void);
static void bench_delivery(ae_db_t *db, uint64_t n, const ae_now_t *now,
    int outbox);
static double bench_cpu(void);
static int bench_compare(const void *a, const void *b);
static void bench_write(const char *what, int outbox);
static void bench_retain(void);


static char       bench_path[512];
static ae_uuid_t  bench_uuid;


static void
bench_check(int rc, ae_db_t *db)
{
    if (rc != AE_OK) {
        fprintf(stderr, "bench: %s: %s\n", ae_db_states[ae_db_state(db)],
                ae_db_error(db));
        exit(1);
    }
}


static void
bench_remove(void)
{
    size_t  i;
    char    name[640];

    static const char *const  suffixes[] = { "", "-wal", "-shm", "-journal" };

    for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(name, sizeof(name), "%s%s", bench_path, suffixes[i]);
        (void) unlink(name);
    }
}


static ae_db_t *
bench_open(void)
{
    ae_db_t        *db;
    ae_error_t      err;
    ae_db_state_e   state;

    db = ae_db_open(bench_path, NULL, &state, &err);

    if (db == NULL) {
        fprintf(stderr, "bench: %s: %s\n", bench_path, err.text);
        exit(1);
    }

    return db;
}


/* one delivery: its event, what came of it, and its time in the outbox */

static void
bench_delivery(ae_db_t *db, uint64_t n, const ae_now_t *now, int outbox)
{
    ae_event_t       ev;
    ae_outbox_row_t  row;
    ae_db_attempt_t  a;

    static unsigned char  bytes[BENCH_RECORD];

    memset(&ev, 0, sizeof(ae_event_t));
    memset(&a, 0, sizeof(ae_db_attempt_t));
    memset(&row, 0, sizeof(ae_outbox_row_t));

    ev.id = ae_uuid_next(&bench_uuid, now->wall);
    ev.key_id = (ae_id_t) { { n * 0x9e3779b97f4a7c15, n } };
    ev.time = now->wall;
    ev.type = AE_RATELIMIT_EXCEEDED;
    ev.api = ae_str("orders");
    ev.org = ae_str("acme");

    a.event = ev.id;
    a.endpoint = (ae_id_t) { { (n % 50) * 0x9e3779b97f4a7c15, 1 } };
    a.uid = n;
    a.type = ae_str("RatelimitExceeded");
    a.api = ae_str("orders");
    a.handler = ae_str("webhook");
    a.label = ae_str("https://hooks.example.com/orders/refused");
    a.state = ae_str("delivered");
    a.attempt = 1;
    a.status = 200;
    a.time = now->wall;
    a.duration = 12345678;
    a.answer = (ae_str_t) { BENCH_ANSWER, bytes };

    row.uid = n;
    row.event = ev.id;
    row.endpoint = a.endpoint;
    row.due = now->wall;

    bench_check(ae_db_event(db, &ev, (ae_str_t) { BENCH_RECORD, bytes }), db);

    if (outbox) {
        bench_check(ae_db_outbox_put(db, 1, &row), db);
        bench_check(n > BENCH_GROUP ? ae_db_outbox_delete(db, n - BENCH_GROUP)
                                    : AE_OK, db);
    }

    bench_check(ae_db_attempt_put(db, &a), db);
}


static double
bench_cpu(void)
{
    struct rusage  ru;

    (void) getrusage(RUSAGE_SELF, &ru);

    return (double) (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec)
           + (double) (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}


static int
bench_compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


static void
bench_write(const char *what, int outbox)
{
    double        cpu, wall, commit[BENCH_GROUPS];
    uint64_t      i, n;
    ae_db_t      *db;
    ae_now_t      begin, end, now;
    struct stat   sb;

    bench_remove();

    db = bench_open();
    n = 0;
    cpu = bench_cpu();
    ae_now(&begin);

    for (i = 0; i < BENCH_GROUPS; i++) {
        bench_check(ae_db_begin(db), db);
        ae_now(&now);

        while (n < (i + 1) * BENCH_GROUP) {
            bench_delivery(db, ++n, &now, outbox);
        }

        ae_now(&now);
        bench_check(ae_db_commit(db), db);
        ae_now(&end);

        commit[i] = (double) (end.mono - now.mono) / 1e6;
    }

    cpu = bench_cpu() - cpu;
    wall = (double) (end.mono - begin.mono) / 1e9;

    qsort(commit, BENCH_GROUPS, sizeof(double), bench_compare);
    (void) stat(bench_path, &sb);

    printf("%s: %.0f a second; %.1f us of CPU each, %.0f %% of a core at "
           "%d a second\n", what, (double) n / wall, cpu / (double) n * 1e6,
           cpu / (double) n * BENCH_RATE * 100, BENCH_RATE);
    printf("    commit: median %.1f ms, 99 %% %.1f ms; %.0f bytes each\n",
           commit[BENCH_GROUPS / 2], commit[BENCH_GROUPS * 99 / 100],
           (double) sb.st_size / (double) n);

    ae_db_close(db);
}


/* how long it takes, and what it costs, to delete all of it */

static void
bench_retain(void)
{
    double    cpu;
    ae_db_t  *db;
    ae_now_t  now;

    db = bench_open();
    cpu = bench_cpu();
    ae_now(&now);

    while (ae_db_retain(db, now.wall, 0, 500) == AE_AGAIN) { /* void */ }

    cpu = bench_cpu() - cpu;

    printf("retention: %.1f us of CPU each\n",
           cpu / (BENCH_GROUP * BENCH_GROUPS) * 1e6);

    ae_db_close(db);
}


int
main(void)
{
    const char  *folder;

    folder = getenv("BENCH_DIR");

    snprintf(bench_path, sizeof(bench_path), "%s/store.db",
             (folder != NULL) ? folder : "build/bench");

    ae_uuid_seed(&bench_uuid);

    bench_write("event and attempt", 0);
    bench_write("event, attempt and outbox", 1);
    bench_retain();

    bench_remove();

    return 0;
}
