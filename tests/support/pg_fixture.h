/* A private Postgres with the schema, one per test program, and a loop to wait on.
 *
 *   int main(void) { const struct CMUnitTest tests[] = {...}; PG_FIXTURE_RUN(tests, setup, teardown); } */
#ifndef TESTS_SUPPORT_PG_FIXTURE_H
#define TESTS_SUPPORT_PG_FIXTURE_H

#include "protocol/span.h"
#include "protocol/uuid.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Makes the cluster in a folder of its own; ends the program when it cannot. Of the log only errors are shown. */
void pg_fixture_start(void);
void pg_fixture_stop(void);

/* The tests of a program on a cluster of its own; returns from main. */
#define PG_FIXTURE_RUN(tests, setup, teardown)                                                                         \
    do {                                                                                                               \
        pg_fixture_start();                                                                                            \
        int failed = cmocka_run_group_tests(tests, setup, teardown);                                                   \
        pg_fixture_stop();                                                                                             \
        return failed;                                                                                                 \
    } while (0)

/* A new database with the schema; its URL lives until the next call. */
const char *pg_fixture_database(void);

/* Of the newest database. */
const char *pg_fixture_url(void);

/* On the newest database, by a connection of the test's own, one at a time. Fails the test on an error.
 * The first value of the first row, "" for none; valid until the next call. */
const char *pg_fixture_sql(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t pg_fixture_number(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits for something to happen on the loop. */
void pg_fixture_turn(struct loop *loop);

/* Turns the loop until *done; fails the test after 30 s. */
void pg_fixture_wait(struct loop *loop, const bool *done);

/* Turns the loop until the SQL says t. */
void pg_fixture_wait_sql(struct loop *loop, const char *sql);

/* A UUIDv7 never given before, and its text. */
struct uuid pg_fixture_id(void);
const char *pg_fixture_text(struct uuid id); /* eight of them live at a time */

#endif
