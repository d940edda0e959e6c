/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "db_help.h"


#define OPEN_NOBODY          65534
#define OPEN_PAGE            4096


static ae_error_t  err;


static ae_db_state_e
opened(const char *path)
{
    ae_db_t        *db;
    ae_db_state_e   state;

    db = ae_db_open(path, NULL, &state, &err);

    if (db != NULL) {
        ae_db_close(db);
    }

    assert_int_equal(db != NULL, state == AE_DB_OK);

    return state;
}


/* both say the same, and neither changes the file */

static void
refused(const char *path, ae_db_state_e state, const char *text)
{
    size_t          len, after;
    unsigned char  *bytes, *now;

    bytes = db_slurp(path, &len);

    assert_int_equal(ae_db_check(path, 1000, &err), state);
    assert_non_null(strstr(err.text, text));

    assert_int_equal(opened(path), state);
    assert_non_null(strstr(err.text, text));

    now = db_slurp(path, &after);
    assert_int_equal(len, after);
    assert_memory_equal(bytes, now, len);

    free(bytes);
    free(now);
}


static void
make(int rows)
{
    int       i;
    ae_db_t  *db;

    db = db_open();

    assert_int_equal(ae_db_begin(db), AE_OK);

    for (i = 0; i < rows; i++) {
        db_event(db, i, DB_NOW);
    }

    assert_int_equal(ae_db_commit(db), AE_OK);
    ae_db_close(db);
}


static void
test_absent(void **state)
{
    (void) state;

    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_ABSENT);
    assert_false(db_exists(db_path("db")));

    assert_int_equal(ae_db_check(db_path("no/db"), 1000, &err), AE_DB_ABSENT);
    assert_int_equal(opened(db_path("no/db")), AE_DB_IO);
    assert_string_equal(err.text, "No such file or directory");
}


static void
test_new(void **state)
{
    struct stat  sb;

    (void) state;

    umask(022);
    make(0);

    assert_int_equal(stat(db_path("db"), &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0600);

    assert_int_equal(db_number(db_path("db"), "PRAGMA application_id"),
                     AE_DB_APPLICATION);
    assert_int_equal(db_number(db_path("db"), "PRAGMA user_version"),
                     AE_DB_SCHEMA);
    assert_int_equal(db_number(db_path("db"), "PRAGMA auto_vacuum"), 2);

    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_OK);
    assert_string_equal(err.text, "");
}


static void
test_settings(void **state)
{
    ae_db_t      *db;
    struct stat   sb;

    (void) state;

    db = db_open();
    db_event(db, 1, DB_NOW);

    assert_int_equal(stat(db_path("db-wal"), &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0600);

    ae_db_close(db);
    assert_false(db_exists(db_path("db-wal")));
}


static void
test_empty_is_older(void **state)
{
    ae_db_t  *db;

    (void) state;

    db_write(db_path("db"), "", 0);

    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_OK);

    db = db_open();
    db_event(db, 1, DB_NOW);
    ae_db_close(db);
}


static void
test_newer(void **state)
{
    (void) state;

    make(1);
    db_exec(db_path("db"), "PRAGMA user_version = 3");

    refused(db_path("db"), AE_DB_NEWER, "schema 3, this module knows 2");
}


static void
test_foreign(void **state)
{
    (void) state;

    db_exec(db_path("db"), "CREATE TABLE t (a)");
    refused(db_path("db"), AE_DB_FOREIGN, "application_id 0");

    db_exec(db_path("db"), "PRAGMA application_id = 5");
    refused(db_path("db"), AE_DB_FOREIGN, "application_id 5");
}


/* SQLite would write its log back when it closes it */

static void
test_foreign_log(void **state)
{
    size_t          len, after;
    ae_error_t      err;
    unsigned char  *bytes, *wal, *now;

    (void) state;

    db_exec(db_path("one"), "PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
    bytes = db_slurp(db_path("one"), &len);
    db_write(db_path("db"), bytes, len);
    db_write(db_path("db-wal"), bytes, len);

    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_FOREIGN);
    assert_int_equal(opened(db_path("db")), AE_DB_FOREIGN);

    now = db_slurp(db_path("db"), &after);
    assert_int_equal(len, after);
    assert_memory_equal(bytes, now, len);

    wal = db_slurp(db_path("db-wal"), &after);
    assert_int_equal(len, after);
    assert_false(db_exists(db_path("db-shm")));

    free(bytes);
    free(now);
    free(wal);
}


static void
test_no_database(void **state)
{
    char  text[200];

    (void) state;

    memset(text, 'x', sizeof(text));

    db_write(db_path("db"), text, sizeof(text));
    refused(db_path("db"), AE_DB_CORRUPT, "it is no SQLite database");

    db_write(db_path("db"), text, 20);
    refused(db_path("db"), AE_DB_CORRUPT, "it is no SQLite database");

    db_write(db_path("db"), "SQLite format 3", 16);
    refused(db_path("db"), AE_DB_CORRUPT, "it is no SQLite database");
}


static void
test_header_damaged(void **state)
{
    size_t          len;
    unsigned char  *bytes;

    (void) state;

    make(100);
    bytes = db_slurp(db_path("db"), &len);

    /* the size of a page */

    bytes[16] = 3;
    db_write(db_path("db"), bytes, len);
    refused(db_path("db"), AE_DB_CORRUPT, "");

    free(bytes);
}


static void
test_page_damaged(void **state)
{
    size_t          len;
    unsigned char  *bytes;

    (void) state;

    make(5000);
    bytes = db_slurp(db_path("db"), &len);
    assert_true(len > 50 * OPEN_PAGE);

    memset(bytes + len / 2 / OPEN_PAGE * OPEN_PAGE, 0xa5, OPEN_PAGE);
    db_write(db_path("db"), bytes, len);

    assert_int_equal(ae_db_check(db_path("db"), 60000, &err), AE_DB_CORRUPT);
    assert_true(strlen(err.text) > 10);

    /* without the time to find it */

    assert_int_equal(ae_db_check(db_path("db"), 0, &err), AE_DB_OK);

    free(bytes);
}


static void
test_cut_short(void **state)
{
    size_t          len;
    unsigned char  *bytes;

    (void) state;

    make(5000);
    bytes = db_slurp(db_path("db"), &len);

    db_write(db_path("db"), bytes, len / 2 / OPEN_PAGE * OPEN_PAGE);
    assert_int_equal(ae_db_check(db_path("db"), 60000, &err), AE_DB_CORRUPT);

    db_write(db_path("db"), bytes, OPEN_PAGE);
    assert_int_equal(ae_db_check(db_path("db"), 60000, &err), AE_DB_CORRUPT);
    assert_int_equal(opened(db_path("db")), AE_DB_CORRUPT);

    free(bytes);
}


static void
test_other_tables(void **state)
{
    (void) state;

    make(1);
    db_exec(db_path("db"), "ALTER TABLE event ADD COLUMN more");
    refused(db_path("db"), AE_DB_CORRUPT, "its table \"event\" is not that");

    db_exec(db_path("db"), "DROP TABLE event");
    refused(db_path("db"), AE_DB_CORRUPT, "its table \"event\" is not that");
}


/* what an administrator added is no matter */

static void
test_more_tables(void **state)
{
    (void) state;

    make(1);
    db_exec(db_path("db"), "CREATE TABLE mine (a); ANALYZE;"
            "CREATE INDEX mine_too ON event (type)");

    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_OK);
    assert_int_equal(opened(db_path("db")), AE_DB_OK);
}


static void
test_symlink(void **state)
{
    ae_db_t  *db;

    (void) state;

    make(1);

    assert_int_equal(symlink(db_path("db"), db_path("link")), 0);
    assert_int_equal(ae_db_check(db_path("link"), 1000, &err), AE_DB_IO);
    assert_string_equal(err.text, "it is a symbolic link");
    assert_int_equal(opened(db_path("link")), AE_DB_IO);

    /* of a folder it may be one */

    assert_int_equal(symlink(".", db_path("folder")), 0);
    assert_int_equal(ae_db_check(db_path("folder/db"), 1000, &err), AE_DB_OK);

    db = db_open_as(db_path("folder/db"), NULL);
    ae_db_close(db);
}


static void
test_names(void **state)
{
    size_t  i;

    static const char *const  names[] = {
        "a b", "a?b", "a%41", "a#b", "\xc3\xa9", "a&mode=ro", "file:a"
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ae_db_close(db_open_as(db_path(names[i]), NULL));

        assert_true(db_exists(db_path(names[i])));
        assert_int_equal(ae_db_check(db_path(names[i]), 1000, &err), AE_DB_OK);
    }

    assert_int_equal(mkdir(db_path("d"), 0700), 0);
    assert_int_equal(ae_db_check(db_path("d"), 1000, &err), AE_DB_IO);
    assert_string_equal(err.text, "it is not a regular file");
    assert_int_not_equal(opened(db_path("d")), AE_DB_OK);
}


/* in a process that has no rights; 0: all is as it should be */

static int
unprivileged(int (*test)(void))
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        if (geteuid() == 0
            && (setgid(OPEN_NOBODY) != 0 || setuid(OPEN_NOBODY) != 0))
        {
            _exit(100);
        }

        _exit(test());
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));

    return WEXITSTATUS(status);
}


static int
open_readonly(void)
{
    ae_db_t        *db;
    ae_db_state_e   state;

    db = ae_db_open(db_path("db"), NULL, &state, &err);

    return db != NULL ? 50 : (int) state;
}


static int
check_readonly(void)
{
    return ae_db_check(db_path("db"), 1000, &err);
}


static void
test_readonly(void **state)
{
    (void) state;

    /* the folder, before there is a file */

    assert_int_equal(chmod(db_path(""), 0555), 0);
    assert_int_equal(unprivileged(open_readonly), AE_DB_READONLY);

    /* the file, in a folder of whoever likes */

    assert_int_equal(chmod(db_path(""), 0777), 0);
    make(1);
    assert_int_equal(chmod(db_path("db"), 0444), 0);
    assert_int_equal(unprivileged(open_readonly), AE_DB_READONLY);

    /* the folder, where the log has to be */

    assert_int_equal(chmod(db_path("db"), 0666), 0);
    assert_int_equal(chmod(db_path(""), 0555), 0);
    assert_int_equal(unprivileged(open_readonly), AE_DB_READONLY);

    /* no right so much as to read */

    assert_int_equal(unprivileged(check_readonly), AE_DB_OK);
    assert_int_equal(chmod(db_path("db"), 0), 0);
    assert_int_equal(unprivileged(check_readonly), AE_DB_READONLY);
    assert_int_equal(chmod(db_path(""), 0), 0);
    assert_int_equal(unprivileged(check_readonly), AE_DB_READONLY);

    assert_int_equal(chmod(db_path(""), 0700), 0);
}


/* a child, so that its locks are those of another process; what it wrote is
 * in the log alone when it is killed */

static pid_t
other_instance(int *ready)
{
    int       fd[2];
    char      byte;
    pid_t     pid;
    ae_db_t  *db;

    assert_int_equal(pipe(fd), 0);

    pid = fork();

    if (pid == 0) {
        db = db_open();
        db_event(db, 1, DB_NOW);
        db_event(db, 2, DB_NOW);
        *ready = (int) write(fd[1], "x", 1);

        for ( ;; ) {
            (void) pause();
        }
    }

    assert_int_equal(read(fd[0], &byte, 1), 1);

    (void) close(fd[0]);
    (void) close(fd[1]);

    return pid;
}


static void
unchanged(void)
{
    size_t          i, len[3], after;
    unsigned char  *bytes[3], *now;

    static const char *const  names[] = { "db", "db-wal", "db-shm" };

    for (i = 0; i < 3; i++) {
        bytes[i] = db_slurp(db_path(names[i]), &len[i]);
    }

    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_OK);
    assert_string_equal(err.text, "");

    for (i = 0; i < 3; i++) {
        now = db_slurp(db_path(names[i]), &after);
        assert_int_equal(len[i], after);
        assert_memory_equal(bytes[i], now, after);

        free(now);
        free(bytes[i]);
    }
}


static void
test_check_changes_nothing(void **state)
{
    int    ready, status;
    pid_t  pid;

    (void) state;

    make(1);
    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_OK);
    assert_false(db_exists(db_path("db-wal")));
    assert_false(db_exists(db_path("db-shm")));

    /* while another process has it open, and after that was killed */

    pid = other_instance(&ready);
    unchanged();

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unchanged();

    /* the index is lost */

    assert_int_equal(unlink(db_path("db-shm")), 0);
    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_OK);
    assert_false(db_exists(db_path("db-shm")));
    assert_true(db_exists(db_path("db-wal")));

    /* what was in the log alone */

    ae_db_close(db_open());
    assert_int_equal(db_number(db_path("db"), "SELECT count(*) FROM event"),
                     3);
}


static void
test_newer_in_the_log(void **state)
{
    int    ready, status;
    pid_t  pid;

    (void) state;

    pid = other_instance(&ready);
    db_exec(db_path("db"), "PRAGMA user_version = 9");

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_NEWER);
    assert_int_equal(opened(db_path("db")), AE_DB_NEWER);
    assert_string_equal(err.text, "schema 9, this module knows 2");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_absent, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_new, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_settings, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_empty_is_older, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_newer, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_foreign, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_log, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_no_database, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_header_damaged, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_page_damaged, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_cut_short, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_other_tables, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_more_tables, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_symlink, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_names, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_readonly, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_check_changes_nothing, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_newer_in_the_log, db_setup,
                                        db_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
