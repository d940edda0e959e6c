/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A file of the embedded store that anything happened to.  The input says what
 * is changed in a file with some rows of each kind, four bytes a change: page,
 * place in it with what is done there, and a value; or that there is a log
 * beside it, which may be changed as well.  Whatever they are, the file is
 * refused, or opened and read, claimed from and written to, without a crash
 * and within bounds of time and memory.
 */


#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/sqlite.h"


#define FUZZ_MEMORY          (256 * 1024)
#define FUZZ_PAGE            4096
#define FUZZ_FILE            (64 * FUZZ_PAGE)
#define FUZZ_ROWS            40
#define FUZZ_LATER           2
#define FUZZ_LIST            16
#define FUZZ_PAGES           20             /* of a list */
#define FUZZ_SEC             1000000000ull


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_start(void);
static ae_db_t *fuzz_open(void);
static size_t fuzz_read(const char *suffix, unsigned char *bytes);
static void fuzz_end(void);
static void fuzz_remove(void);
static void fuzz_fill(ae_db_t *db);
static int fuzz_fill_one(ae_db_t *db, uint64_t n);
static void fuzz_change(unsigned char *file, const uint8_t *change);
static void fuzz_change_log(const uint8_t *change);
static void fuzz_write(const char *suffix, const unsigned char *bytes,
    size_t size);
static void fuzz_use(ae_db_t *db);
static void fuzz_history(ae_db_t *db, ae_arena_t *arena);
static void fuzz_query(ae_db_t *db, ae_db_query_t query, ae_arena_t *arena);
static void fuzz_outbox(ae_db_t *db, ae_arena_t *arena);
static void fuzz_state(ae_db_t *db, ae_arena_t *arena);
static void fuzz_documents(ae_db_t *db, ae_arena_t *arena);
static void fuzz_string(ae_str_t s, size_t max);
static void fuzz_expect(int condition);


static char           fuzz_folder[64], fuzz_path[80];
static unsigned char  fuzz_file[FUZZ_FILE], fuzz_log[FUZZ_FILE];
static unsigned char  fuzz_log_of[FUZZ_FILE];   /* of this input */
static size_t         fuzz_size, fuzz_log_size;
static int            fuzz_with_log;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          i;
    ae_db_t        *db;
    ae_error_t      err;
    ae_db_state_e   state;
    unsigned char   file[FUZZ_FILE];

    if (fuzz_size == 0) {
        fuzz_start();
    }

    memcpy(file, fuzz_file, fuzz_size);
    fuzz_with_log = 0;

    for (i = 0; i + 4 <= size; i += 4) {
        fuzz_change(file, data + i);
    }

    fuzz_remove();
    fuzz_write("", file, fuzz_size);

    if (fuzz_with_log) {
        fuzz_write("-wal", fuzz_log_of, fuzz_log_size);
    }

    state = ae_db_check(fuzz_path, 1000, &err);
    fuzz_expect(state == AE_DB_OK || err.text[0] != '\0');

    db = ae_db_open(fuzz_path, NULL, &state, &err);
    fuzz_expect((db != NULL) == (state == AE_DB_OK));

    if (db == NULL) {
        fuzz_expect(err.text[0] != '\0');
        return 0;
    }

    fuzz_use(db);
    ae_db_close(db);

    return 0;
}


/* a file whose log was written back, and the log of what came after that */

static void
fuzz_start(void)
{
    uint64_t   n;
    ae_db_t   *db;

    snprintf(fuzz_folder, sizeof(fuzz_folder), "%s/apievents-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fuzz_expect(mkdtemp(fuzz_folder) != NULL);
    (void) atexit(fuzz_end);

    snprintf(fuzz_path, sizeof(fuzz_path), "%s/db", fuzz_folder);

    db = fuzz_open();
    fuzz_fill(db);
    ae_db_close(db);

    fuzz_size = fuzz_read("", fuzz_file);
    fuzz_expect(fuzz_size > FUZZ_PAGE);

    db = fuzz_open();

    for (n = 1; n <= FUZZ_LATER; n++) {
        fuzz_expect(ae_db_outbox_delete(db, n) == AE_OK);
        fuzz_expect(fuzz_fill_one(db, FUZZ_ROWS + n));
    }

    fuzz_log_size = fuzz_read("-wal", fuzz_log);
    fuzz_expect(fuzz_log_size > FUZZ_PAGE);

    ae_db_close(db);
}


static ae_db_t *
fuzz_open(void)
{
    ae_db_t        *db;
    ae_error_t      err;
    ae_db_state_e   state;

    db = ae_db_open(fuzz_path, NULL, &state, &err);
    fuzz_expect(db != NULL);

    return db;
}


static size_t
fuzz_read(const char *suffix, unsigned char *bytes)
{
    int      fd;
    char     name[96];
    ssize_t  n;

    snprintf(name, sizeof(name), "%s%s", fuzz_path, suffix);

    fd = open(name, O_RDONLY);
    n = read(fd, bytes, FUZZ_FILE);
    (void) close(fd);

    fuzz_expect(n >= 0 && n < FUZZ_FILE);

    return (size_t) n;
}


static void
fuzz_end(void)
{
    fuzz_remove();
    (void) rmdir(fuzz_folder);
}


static void
fuzz_remove(void)
{
    size_t  i;
    char    name[96];

    static const char *const  suffixes[] = { "", "-wal", "-shm", "-journal" };

    for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(name, sizeof(name), "%s%s", fuzz_path, suffixes[i]);
        (void) unlink(name);
    }
}


static void
fuzz_fill(ae_db_t *db)
{
    int64_t        id;
    uint64_t       n;
    unsigned char  secret[16];

    memset(secret, 7, sizeof(secret));

    fuzz_expect(ae_db_begin(db) == AE_OK);
    fuzz_expect(ae_db_instance(db, (ae_id_t) { { 1, 1 } }, 5, 5, &id)
                == AE_OK);
    fuzz_expect(ae_db_instance(db, (ae_id_t) { { 2, 1 } }, 5, 5, &id)
                == AE_OK);
    fuzz_expect(ae_db_secret(db, secret) == AE_OK);

    for (n = 1; n <= FUZZ_ROWS; n++) {
        fuzz_expect(fuzz_fill_one(db, n));
    }

    fuzz_expect(ae_db_commit(db) == AE_OK);
}


static int
fuzz_fill_one(ae_db_t *db, uint64_t n)
{
    ae_id_t              id;
    ae_event_t           ev;
    ae_outbox_row_t      row;
    ae_db_attempt_t      a;
    ae_db_endpoint_t     ep;
    ae_db_document_t     doc;
    ae_limit_record_t    r;
    ae_breaker_record_t  b;

    static unsigned char  bytes[1500];

    memset(&ev, 0, sizeof(ae_event_t));
    memset(&row, 0, sizeof(ae_outbox_row_t));
    memset(&a, 0, sizeof(ae_db_attempt_t));
    memset(&ep, 0, sizeof(ae_db_endpoint_t));
    memset(&r, 0, sizeof(ae_limit_record_t));
    memset(&b, 0, sizeof(ae_breaker_record_t));
    memset(&doc, 0, sizeof(ae_db_document_t));

    bytes[0] = 'a' + (unsigned char) n % 26;
    doc.collection = (n % 2) ? ae_str("key") : ae_str("org");
    doc.id = (ae_str_t) { 1, bytes };
    doc.body = (ae_str_t) { n * 20, bytes };

    id = (ae_id_t) { { n, n } };
    ev.id = a.event = a.endpoint = row.event = row.endpoint = id;
    ep.identity = r.id = b.id = id;
    ev.time = a.time = n * FUZZ_SEC;
    row.uid = a.uid = n;
    a.state = ae_str("retry");
    a.label = ae_str("https://example.com/");
    a.answer = (ae_str_t) { n * 10, bytes };
    ep.failing = r.start = n;
    r.mode = AE_LIMIT_QUOTA;
    r.count = n;
    b.state = AE_BREAKER_OPEN;

    return ae_db_event(db, &ev, (ae_str_t) { n % 8 * 200, bytes }) == AE_OK
           && ae_db_outbox_put(db, 1, &row) == AE_OK
           && ae_db_unrouted_put(db, 1, id) == AE_OK
           && ae_db_attempt_put(db, &a) == AE_OK
           && ae_db_dead_put(db, &a) == AE_OK
           && ae_db_endpoint_put(db, &ep) == AE_OK
           && ae_db_counter_put(db, 1 + (int64_t) n % 2, &r) == AE_OK
           && ae_db_breaker_put(db, &b) == AE_OK
           && ae_db_document_put(db, &doc, AE_DB_ANY) == AE_OK;
}


static void
fuzz_change(unsigned char *file, const uint8_t *change)
{
    size_t          place, page, len;
    unsigned char  *p;

    page = change[0] % (fuzz_size / FUZZ_PAGE);
    place = (size_t) (change[1] | (change[2] & 15) << 8);
    len = FUZZ_PAGE - place;

    file += page * FUZZ_PAGE;
    p = file + place;

    switch (change[2] >> 4) {

    case 0:
        *p += change[3];
        break;

    case 1:
        memset(p, change[3], len < 8 ? len : 8);
        break;

    /* another page's bytes */

    case 2:
        page = change[3] % (fuzz_size / FUZZ_PAGE);
        memcpy(p, fuzz_file + page * FUZZ_PAGE + place, len);
        break;

    /* in the header of the page, where a change matters most */

    case 3:
    case 4:
        file[page == 0 ? 100 + place % 12 : place % 12] = change[3];
        break;

    /* and in the list of its cells */

    case 5:
    case 6:
        file[page == 0 ? 108 + place % 64 : 8 + place % 64] = change[3];
        break;

    case 15:
        fuzz_change_log(change);
        break;

    default:
        *p = change[3];
    }
}


/* as it was, but for one byte; its checksums tell from where on */

static void
fuzz_change_log(const uint8_t *change)
{
    size_t  place;

    if (!fuzz_with_log) {
        memcpy(fuzz_log_of, fuzz_log, fuzz_log_size);
        fuzz_with_log = 1;
    }

    place = (size_t) (change[0] << 12 | (change[2] & 15) << 8 | change[1]);

    if (place < fuzz_log_size) {
        fuzz_log_of[place] ^= change[3];
    }
}


static void
fuzz_write(const char *suffix, const unsigned char *bytes, size_t size)
{
    int   fd;
    char  name[96];

    snprintf(name, sizeof(name), "%s%s", fuzz_path, suffix);

    fd = open(name, O_WRONLY|O_CREAT|O_TRUNC, 0600);

    fuzz_expect(fd != -1);
    fuzz_expect(write(fd, bytes, size) == (ssize_t) size);
    (void) close(fd);
}


static void
fuzz_use(ae_db_t *db)
{
    int             i;
    int64_t         id;
    ae_arena_t     *arena;
    unsigned char   secret[16];

    arena = ae_arena_create(FUZZ_MEMORY);
    fuzz_expect(arena != NULL);

    memset(secret, 1, sizeof(secret));
    (void) ae_db_secret(db, secret);

    id = 0;

    for (i = 0; i < FUZZ_PAGES; i++) {

        if (ae_db_instance_free(db, UINT64_MAX / 2, &id) != AE_OK) {
            break;
        }
    }

    fuzz_history(db, arena);
    fuzz_state(db, arena);
    fuzz_outbox(db, arena);
    fuzz_documents(db, arena);

    for (i = 0; i < FUZZ_PAGES; i++) {
        (void) ae_db_retain(db, FUZZ_ROWS / 2 * FUZZ_SEC, 8 * FUZZ_PAGE, 20);
        (void) ae_db_counter_expire(db, FUZZ_ROWS / 2, 20);
    }

    (void) ae_db_instance_drop(db, 1);
    (void) ae_db_breaker_clear(db);

    if (ae_db_begin(db) == AE_OK) {
        (void) fuzz_fill_one(db, 5);
        (void) ae_db_commit(db);
    }

    ae_arena_destroy(arena);
}


static void
fuzz_history(ae_db_t *db, ae_arena_t *arena)
{
    int             i;
    size_t          n, j;
    ae_str_t        record;
    ae_db_query_t   query;
    ae_db_event_t   list[FUZZ_LIST];

    memset(&query, 0, sizeof(ae_db_query_t));
    fuzz_query(db, query, arena);

    query.state = ae_str("retry");
    fuzz_query(db, query, arena);

    query.event = (ae_id_t) { { 3, 3 } };
    fuzz_query(db, query, arena);

    memset(&query, 0, sizeof(ae_db_query_t));
    query.endpoint = (ae_id_t) { { 3, 3 } };
    fuzz_query(db, query, arena);

    memset(&query, 0, sizeof(ae_db_query_t));

    for (i = 0; i < FUZZ_PAGES; i++) {
        n = FUZZ_LIST;

        if (ae_db_event_list(db, &query, list, &n, arena) != AE_OK) {
            break;
        }

        fuzz_expect(n <= FUZZ_LIST);

        for (j = 0; j < n; j++) {
            fuzz_string(list[j].type, 4096);
            fuzz_string(list[j].api, 4096);
            fuzz_string(list[j].org, 4096);

            if (ae_db_event_get(db, list[j].id, arena, &record) == AE_OK) {
                fuzz_string(record, AE_DB_RECORD);
            }
        }
    }
}


static void
fuzz_query(ae_db_t *db, ae_db_query_t query, ae_arena_t *arena)
{
    int              i, rc;
    size_t           n, j;
    ae_db_query_t    dead;
    ae_db_attempt_t  list[FUZZ_LIST];

    dead = query;

    for (i = 0; i < 2 * FUZZ_PAGES; i++) {
        n = FUZZ_LIST;

        rc = (i % 2) ? ae_db_attempt_list(db, &query, list, &n, arena)
                     : ae_db_dead_list(db, &dead, list, &n, arena);

        if (rc != AE_OK) {
            fuzz_expect(ae_db_error(db)[0] != '\0');
            break;
        }

        fuzz_expect(n <= FUZZ_LIST);

        for (j = 0; j < n; j++) {
            fuzz_string(list[j].type, 4096);
            fuzz_string(list[j].api, 4096);
            fuzz_string(list[j].handler, 4096);
            fuzz_string(list[j].label, 4096);
            fuzz_string(list[j].state, 4096);
            fuzz_string(list[j].error, 4096);
            fuzz_string(list[j].answer, AE_DB_ANSWER);
        }
    }
}


static void
fuzz_outbox(ae_db_t *db, ae_arena_t *arena)
{
    int              i;
    size_t           n, j;
    uint64_t         after, count, ids[FUZZ_LIST];
    ae_str_t         records[FUZZ_LIST];
    ae_outbox_row_t  rows[FUZZ_LIST];

    (void) ae_db_outbox_count(db, 1, &count);
    after = 0;

    for (i = 0; i < FUZZ_PAGES; i++) {
        n = FUZZ_LIST;

        if (ae_db_outbox_claim(db, 1, 2, &after, rows, records, &n, arena)
            != AE_OK)
        {
            break;
        }

        fuzz_expect(n <= FUZZ_LIST);

        for (j = 0; j < n; j++) {
            fuzz_string(records[j], AE_DB_RECORD);
            fuzz_expect(records[j].len == rows[j].len);
            (void) ae_db_outbox_delete(db, rows[j].uid);
        }
    }

    for (i = 0; i < FUZZ_PAGES; i++) {
        n = FUZZ_LIST;

        if (ae_db_unrouted_claim(db, 1, i % 3, ids, records, &n, arena)
            != AE_OK)
        {
            break;
        }

        for (j = 0; j < n; j++) {
            fuzz_string(records[j], AE_DB_RECORD);
            (void) ae_db_unrouted_delete(db, ids[j]);
        }
    }
}


static void
fuzz_state(ae_db_t *db, ae_arena_t *arena)
{
    int                  i;
    size_t               n, j;
    ae_id_t              limit, rest, breaker, endpoint;
    ae_db_endpoint_t     eps[FUZZ_LIST];
    ae_limit_record_t    limits[FUZZ_LIST];
    ae_breaker_record_t  breakers[FUZZ_LIST];

    limit = rest = breaker = endpoint = (ae_id_t) { { 0, 0 } };

    for (i = 0; i < FUZZ_PAGES; i++) {
        n = FUZZ_LIST;
        (void) ae_db_counter_inherit(db, 1, 2, &limit, limits, &n);
        fuzz_expect(n <= FUZZ_LIST);

        for (j = 0; j < n; j++) {
            fuzz_expect(limits[j].mode < AE_LIMIT_MODES);
        }

        n = FUZZ_LIST;
        (void) ae_db_breaker_list(db, &breaker, breakers, &n);
        fuzz_expect(n <= FUZZ_LIST);

        n = FUZZ_LIST;
        (void) ae_db_endpoint_list(db, &endpoint, eps, &n, arena);
        fuzz_expect(n <= FUZZ_LIST);

        for (j = 0; j < n; j++) {
            fuzz_string(eps[j].handler, 4096);
            fuzz_string(eps[j].label, 4096);
        }

        n = FUZZ_LIST;
        (void) ae_db_counter_rest(db, 2, 1, &rest, limits, &n);
        fuzz_expect(n <= FUZZ_LIST);
    }
}


static void
fuzz_documents(ae_db_t *db, ae_arena_t *arena)
{
    int                i, rc;
    size_t             n, j;
    uint64_t           rev;
    ae_str_t           after;
    ae_db_document_t   list[FUZZ_LIST];

    rev = 0;
    after = ae_str("");

    for (i = 0; i < 2 * FUZZ_PAGES; i++) {
        n = FUZZ_LIST;

        rc = (i % 2) ? ae_db_document_changes(db, &rev, list, &n, arena)
                     : ae_db_document_list(db, ae_str("key"), i % 4, &after,
                                           list, &n, arena);

        if (rc != AE_OK && rc != AE_AGAIN) {
            fuzz_expect(ae_db_error(db)[0] != '\0');
            break;
        }

        fuzz_expect(n <= FUZZ_LIST);

        for (j = 0; j < n; j++) {
            fuzz_string(list[j].collection, AE_DB_NAME);
            fuzz_string(list[j].id, AE_DB_NAME);
            fuzz_expect(list[j].rev > 0);

            if (list[j].body.data != NULL) {
                fuzz_string(list[j].body, AE_DB_BODY);
            }
        }
    }

    (void) ae_db_document_count(db, ae_str("key"), &rev);
    (void) ae_db_document_rev(db, &rev);
    (void) ae_db_document_delete(db, ae_str("key"), ae_str("b"), AE_DB_ANY, 1,
                                 &rev);
    (void) ae_db_document_forget(db, 2, 20, NULL, NULL);
}


/* each byte can be read */

static void
fuzz_string(ae_str_t s, size_t max)
{
    size_t            i;
    volatile uint8_t  sum;

    fuzz_expect(s.data != NULL && s.len <= max);

    sum = 0;

    for (i = 0; i < s.len; i++) {
        sum += s.data[i];
    }

    (void) sum;
}


static void
fuzz_expect(int condition)
{
    if (!condition) {
        abort();
    }
}
