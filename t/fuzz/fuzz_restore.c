/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Shared memory that is filled with what a store had, which may be anything:
 * each step of the input is a delivery, a counter, a breaker or an endpoint's
 * health as rows tell of them, or something that happens in between.  The
 * queue stays whole, nothing waits for ever, and no counter comes round.
 */


#include <stdlib.h>
#include <string.h>

#include "../unit/queue_check.h"


#define FUZZ_QUEUE   (256 * 1024)
#define FUZZ_AREA    (64 * 1024)
#define FUZZ_STEPS   64
#define FUZZ_RECORD  700
#define FUZZ_MOST    ((uint64_t) 1 << 62)
#define FUZZ_IDS     4


typedef enum {
    FUZZ_DELIVERY = 0,
    FUZZ_COUNTER,
    FUZZ_BREAKER,
    FUZZ_HEALTH,
    FUZZ_ATTEMPT,
    FUZZ_TIME,
    FUZZ_ROUTE,
    FUZZ_KEEPER,
    FUZZ_KINDS
} fuzz_kind_e;


typedef struct {
    const uint8_t           *data;
    size_t                   size;
} fuzz_input_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_step(fuzz_input_t *in);
static void fuzz_delivery(fuzz_input_t *in);
static void fuzz_counter(fuzz_input_t *in);
static void fuzz_counters(ae_id_t id);
static void fuzz_breaker(fuzz_input_t *in);
static void fuzz_breakers(void);
static void fuzz_health(fuzz_input_t *in);
static void fuzz_attempt(fuzz_input_t *in);
static void fuzz_time(fuzz_input_t *in);
static void fuzz_route(fuzz_input_t *in);
static void fuzz_keeper(fuzz_input_t *in);
static void fuzz_waits(void);
static void *fuzz_area(size_t size);
static uint64_t fuzz_number(fuzz_input_t *in, size_t bytes);
static ae_id_t fuzz_id(fuzz_input_t *in);
static void fuzz_expect(int condition);


static ae_queue_t     *fuzz_queue;
static ae_limits_t    *fuzz_limits;
static ae_breakers_t  *fuzz_breakers_of;
static ae_now_t        fuzz_now;
static uint64_t        fuzz_routed, fuzz_period;
static unsigned char   fuzz_record[FUZZ_RECORD];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           i;
    fuzz_input_t  in;

    in.data = data;
    in.size = size;

    fuzz_queue = ae_queue_init(fuzz_area(FUZZ_QUEUE), FUZZ_QUEUE);
    fuzz_limits = ae_limits_init(fuzz_area(FUZZ_AREA), FUZZ_AREA);
    fuzz_breakers_of = ae_breakers_init(fuzz_area(FUZZ_AREA), FUZZ_AREA);
    fuzz_expect(fuzz_queue != NULL && fuzz_limits != NULL
                && fuzz_breakers_of != NULL);

    fuzz_now.mono = UINT64_C(1000000000000);
    fuzz_now.wall = UINT64_C(1795372800000000000);
    fuzz_routed = 0;
    fuzz_period = 0;

    for (i = 1; i < FUZZ_IDS; i++) {
        (void) ae_queue_endpoint(fuzz_queue, (ae_id_t) { { i, 1 } }, 2, 100);
    }

    ae_queue_keeper(fuzz_queue, 1);

    for (i = 0; i < FUZZ_STEPS && in.size != 0; i++) {
        fuzz_step(&in);
        queue_check(fuzz_queue);
    }

    fuzz_waits();

    free(fuzz_queue);
    free(fuzz_limits);
    free(fuzz_breakers_of);

    return 0;
}


static void
fuzz_step(fuzz_input_t *in)
{
    static void (*const  steps[])(fuzz_input_t *) = {
        [FUZZ_DELIVERY] = fuzz_delivery,
        [FUZZ_COUNTER] = fuzz_counter,
        [FUZZ_BREAKER] = fuzz_breaker,
        [FUZZ_HEALTH] = fuzz_health,
        [FUZZ_ATTEMPT] = fuzz_attempt,
        [FUZZ_TIME] = fuzz_time,
        [FUZZ_ROUTE] = fuzz_route,
        [FUZZ_KEEPER] = fuzz_keeper
    };

    steps[fuzz_number(in, 1) % FUZZ_KINDS](in);
}


static void
fuzz_delivery(fuzz_input_t *in)
{
    int              rc;
    ae_outbox_row_t  row;

    memset(&row, 0, sizeof(ae_outbox_row_t));

    row.uid = fuzz_number(in, (fuzz_number(in, 1) & 1) ? 8 : 1);
    row.endpoint = fuzz_id(in);
    row.cooldown = fuzz_id(in);
    row.period = fuzz_number(in, 8);
    row.due = fuzz_number(in, 8);
    row.suppressed = fuzz_number(in, 8);
    row.attempt = (uint32_t) fuzz_number(in, 4);
    row.held = (uint32_t) fuzz_number(in, 1);
    row.len = fuzz_number(in, 2) % (FUZZ_RECORD + 1);

    rc = ae_queue_restore(fuzz_queue, &row,
                          (ae_str_t) { row.len, fuzz_record }, &fuzz_now);

    fuzz_expect(rc == AE_OK || rc == AE_FULL || rc == AE_DECLINED
                || rc == AE_ERROR);

    if (rc == AE_OK && row.period > fuzz_period) {
        fuzz_period = row.period;
    }
}


static void
fuzz_counter(fuzz_input_t *in)
{
    int                rc;
    ae_limit_record_t  r;

    memset(&r, 0, sizeof(ae_limit_record_t));

    r.id = fuzz_id(in);
    r.mode = (uint32_t) fuzz_number(in, 1);
    r.align = (uint32_t) fuzz_number(in, 1);
    r.offset = (int32_t) fuzz_number(in, 4);
    r.mark = (uint32_t) fuzz_number(in, 4);
    r.max = fuzz_number(in, 8);
    r.period = fuzz_number(in, 8);
    r.start = fuzz_number(in, 8);
    r.count = fuzz_number(in, 8);

    rc = ae_limits_restore(fuzz_limits, &r, &fuzz_now);

    if (rc == AE_OK) {
        fuzz_counters(r.id);
    }
}


/* each is one that can be restored again, and its rule can be asked */

static void
fuzz_counters(ae_id_t id)
{
    size_t             n, refused;
    uint64_t           cursor;
    ae_limit_use_t     use;
    ae_limit_record_t  r;

    cursor = 0;

    do {
        n = ae_limits_dump(fuzz_limits, &cursor, &r, 1, &fuzz_now);

        if (n != 0) {
            fuzz_expect(r.count != 0 && r.count <= FUZZ_MOST);
            fuzz_expect(r.start <= FUZZ_MOST && r.period <= FUZZ_MOST);
        }

    } while (cursor != AE_LIMITS_END);

    memset(&use, 0, sizeof(ae_limit_use_t));
    use.id = id;
    use.rule.mode = AE_LIMIT_QUOTA;
    use.rule.max = 10;
    use.rule.period = UINT64_C(3600000000000);

    (void) ae_limits_take(fuzz_limits, &use, 1, &fuzz_now, &refused);
}


static void
fuzz_breaker(fuzz_input_t *in)
{
    int                  rc;
    ae_breaker_record_t  r;

    memset(&r, 0, sizeof(ae_breaker_record_t));

    r.id = fuzz_id(in);
    r.state = (uint32_t) fuzz_number(in, 1);
    r.opened = (uint32_t) fuzz_number(in, 4);
    r.left = fuzz_number(in, 8);
    r.until = fuzz_number(in, 8);

    rc = ae_breakers_restore(fuzz_breakers_of, &r, &fuzz_now);

    if (rc == AE_OK) {
        fuzz_breakers();
    }
}


static void
fuzz_breakers(void)
{
    size_t               n;
    uint64_t             cursor;
    ae_breaker_record_t  r;

    cursor = 0;

    do {
        n = ae_breakers_dump(fuzz_breakers_of, &cursor, &r, 1, &fuzz_now);

        if (n != 0) {
            fuzz_expect(r.state != AE_BREAKER_CLOSED);
            fuzz_expect(r.left <= FUZZ_MOST);
        }

    } while (cursor != AE_BREAKERS_END);
}


static void
fuzz_health(fuzz_input_t *in)
{
    uint32_t       endpoint;
    uint64_t       failing;
    ae_health_t    health;
    ae_disabled_e  disabled;

    endpoint = (uint32_t) fuzz_number(in, 1) % FUZZ_IDS;
    disabled = fuzz_number(in, 1) % (AE_DISABLED_HAND + 1);
    failing = fuzz_number(in, 8);

    (void) ae_queue_disable(fuzz_queue, endpoint, disabled, failing);
    (void) ae_queue_health(fuzz_queue, endpoint, fuzz_number(in, 1) % 5,
                           &fuzz_now);

    ae_queue_health_get(fuzz_queue, endpoint, &health);
    fuzz_expect(health.disabled <= AE_DISABLED_HAND);
}


static void
fuzz_attempt(fuzz_input_t *in)
{
    uint64_t        due;
    uint32_t        endpoint;
    ae_lease_t      lease;
    ae_outcome_e    outcome;
    unsigned char   buf[FUZZ_RECORD];

    endpoint = (uint32_t) fuzz_number(in, 1) % FUZZ_IDS;
    outcome = fuzz_number(in, 1) % (AE_UNTRIED + 1);
    due = fuzz_now.mono + fuzz_number(in, 4);

    if (ae_queue_take(fuzz_queue, endpoint, 0, &fuzz_now, &lease) != AE_OK) {
        return;
    }

    fuzz_expect(lease.len <= FUZZ_RECORD);
    fuzz_expect(ae_queue_read(fuzz_queue, &lease, buf) == AE_OK);
    fuzz_expect(memcmp(buf, fuzz_record, lease.len) == 0);

    /* or its process dies */

    if (fuzz_number(in, 1) % 4 == 0) {
        (void) ae_queue_adopt(fuzz_queue, 0);

    } else {
        fuzz_expect(ae_queue_done(fuzz_queue, &lease, outcome, due, &fuzz_now)
                    == AE_OK);
    }
}


/* the wall clock goes anywhere */

static void
fuzz_time(fuzz_input_t *in)
{
    fuzz_now.mono += fuzz_number(in, 6);
    fuzz_now.wall = fuzz_number(in, 8) % FUZZ_MOST;

    (void) ae_queue_tick(fuzz_queue, &fuzz_now);
}


static void
fuzz_route(fuzz_input_t *in)
{
    ae_str_t           record;
    ae_queue_target_t  target;

    memset(&target, 0, sizeof(ae_queue_target_t));

    target.endpoint = (uint32_t) fuzz_number(in, 1) % (FUZZ_IDS - 1);
    target.cooldown = fuzz_id(in);
    target.period = fuzz_number(in, 5);

    record.len = fuzz_number(in, 2) % (FUZZ_RECORD + 1);
    record.data = fuzz_record;

    (void) ae_queue_route(fuzz_queue, 1, ++fuzz_routed, record, &target, 1,
                          &fuzz_now);
}


static void
fuzz_keeper(fuzz_input_t *in)
{
    size_t           i, n;
    uint32_t         nodes[8];
    uint64_t         uids[8];
    unsigned char    buf[FUZZ_RECORD];
    ae_outbox_row_t  rows[8];

    n = ae_queue_save(fuzz_queue, rows, 8, UINT64_MAX, &fuzz_now);

    for (i = 0; i < n; i++) {
        fuzz_expect(rows[i].len <= FUZZ_RECORD);
        fuzz_expect(ae_queue_save_read(fuzz_queue, &rows[i], buf) == AE_OK);
    }

    ae_queue_saved(fuzz_queue, rows, n, fuzz_number(in, 1) & 1);

    n = ae_queue_gone(fuzz_queue, uids, nodes, 8);
    ae_queue_forget(fuzz_queue, uids, nodes, n);
}


/* all that is left is due within the longest time that was asked for */

static void
fuzz_waits(void)
{
    uint64_t  most;

    most = (fuzz_period > AE_OUTBOX_LATEST) ? fuzz_period : AE_OUTBOX_LATEST;

    if (most > FUZZ_MOST) {
        return;
    }

    fuzz_now.mono += most + UINT64_C(1100000000000);
    (void) ae_queue_tick(fuzz_queue, &fuzz_now);

    queue_check(fuzz_queue);
    fuzz_expect(fuzz_queue->timers == 0);
}


static void *
fuzz_area(size_t size)
{
    void  *p;

    p = aligned_alloc(64, size);
    fuzz_expect(p != NULL);
    memset(p, 0, size);

    return p;
}


/* what is not there is 0 */

static uint64_t
fuzz_number(fuzz_input_t *in, size_t bytes)
{
    uint64_t  n;

    n = 0;

    while (bytes-- > 0 && in->size != 0) {
        n = n << 8 | *in->data++;
        in->size--;
    }

    return n;
}


static ae_id_t
fuzz_id(fuzz_input_t *in)
{
    return (ae_id_t) { { fuzz_number(in, 1) % FUZZ_IDS, 1 } };
}


static void
fuzz_expect(int condition)
{
    if (!condition) {
        abort();
    }
}
